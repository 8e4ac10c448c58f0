"""From whatever an upload's pixels are to 8-bit 4:2:0 BT.709 in video range, in a rendition's size.

zscale (zimg) does resizing and colours in one step at two thirds of swscale's CPU time, at equal VMAF. An FFmpeg
without it gets swscale's Lanczos; only HDR needs zscale.
"""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from academyctl.errors import Both, ConfigError
from workers.video._media_streams import VideoStream
from workers.video.ladder import Rendition

_MATRICES = {
    "bt709": "bt709",
    "bt470bg": "bt470bg",
    "smpte170m": "smpte170m",
    "fcc": "fcc",
    "bt2020nc": "bt2020nc",
    "bt2020c": "bt2020nc",
    "ycgco": "ycgco",
}
_SWS_MATRICES = frozenset({"bt709", "bt470bg", "smpte170m", "fcc"})
SAME_SHAPE = 0.02


@cache
def has_zscale(ffmpeg: Path) -> bool:
    """Whether this FFmpeg can do zscale and tone mapping."""
    listed = subprocess.run(
        [ffmpeg, "-hide_banner", "-filters"],
        capture_output=True,
        check=False,
        timeout=30,
        stdin=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    names = {line.split()[1] for line in listed.stdout.splitlines() if len(line.split()) > 2}
    return {"zscale", "tonemap"} <= names


def to_sdr(stream: Any, video: VideoStream, top: Rendition, *, zscale: bool) -> Any:
    """`stream` in the size of `top`, in the colours every player expects. Raises ConfigError (HDR, no zscale)."""
    if video.hdr and not zscale:
        raise ConfigError(
            "this FFmpeg cannot turn HDR into SDR",
            why="it was built without zscale (libzimg)",
            remedy=Both(
                en="install an FFmpeg with libzimg (or: pip install 'academyctl[local]') and point FFMPEG_BIN at it",
                ko="libzimg가 포함된 FFmpeg를 설치하고 (pip install 'academyctl[local]') FFMPEG_BIN을 지정하세요",
            ),
            code="ffmpeg-no-zscale",
        )
    width, height = _sizes(video, top)
    if video.rgb:
        stream = stream.filter("format", "gbrp" if video.bit_depth == 8 else f"gbrp{video.bit_depth}")
    if zscale:
        stream = _zscaled(stream, video, width, height)
    else:
        stream = stream.filter("scale", w=width, h=height, flags="lanczos+accurate_rnd", **_sws_colours(video))
    return (
        stream.filter("format", "yuv420p")
        .filter("pad", top.width, top.height, -1, -1)
        .filter("setsar", 1)
        .filter("setparams", range="tv", color_primaries="bt709", color_trc="bt709", colorspace="bt709")
    )


def resized(stream: Any, rendition: Rendition, *, zscale: bool) -> Any:
    """A smaller rendition from a larger one."""
    if zscale:
        return stream.filter("zscale", w=rendition.width, h=rendition.height, filter="lanczos").filter("setsar", 1)
    return stream.filter("scale", w=rendition.width, h=rendition.height, flags="lanczos").filter("setsar", 1)


def _sizes(video: VideoStream, top: Rendition) -> tuple[str, str]:
    """Width and height as expressions, because a picture may change its shape in the middle (a browser's recording of
    a window that is resized): then it is fitted inside, and the rest is black."""
    shape = video.width / video.height
    same = f"lt(abs(dar-{shape:.6f}),{shape * SAME_SHAPE:.6f})"
    wider = f"gt(dar,{shape:.6f})"
    width = f"if({same},{top.width},2*max(1,round(if({wider},{top.width},{top.height}*dar)/2)))"
    height = f"if({same},{top.height},2*max(1,round(if({wider},{top.width}/dar,{top.height})/2)))"
    return f"min({top.width},{width})", f"min({top.height},{height})"


def _matrix(video: VideoStream) -> str:
    """The matrix of the upload; players take an untagged picture for BT.709 from 720 lines on."""
    if video.rgb:
        return "gbr"
    large = max(video.coded_width, video.coded_height) >= 1280 or min(video.coded_width, video.coded_height) >= 720
    return _MATRICES.get(video.matrix, "bt709" if large else "smpte170m")


def _zscaled(stream: Any, video: VideoStream, width: str, height: str) -> Any:
    size = {"w": width, "h": height, "filter": "lanczos"}
    matrix = _matrix(video)
    source: dict[str, str] = {"rin": "full" if video.full_range or video.rgb else "limited"}
    dither = "ordered" if video.bit_depth > 8 else "none"
    if video.hdr:
        source |= {"tin": video.transfer, "pin": "bt2020", "min": matrix if video.matrix else "bt2020nc"}
        return (
            stream.filter("zscale", **size, **source, t="linear", npl=100)
            .filter("format", "gbrpf32le")
            .filter("zscale", p="bt709")
            .filter("tonemap", tonemap="hable", desat=0)
            .filter("zscale", t="bt709", m="bt709", r="limited", dither="ordered")
        )
    if video.wide_gamut:
        source |= {"tin": "bt709", "pin": video.primaries, "min": matrix, "t": "bt709", "p": "bt709"}
    elif matrix != "bt709":
        source |= {"min": matrix}
    convert = {"m": "bt709"} if matrix != "bt709" or video.wide_gamut else {}
    return stream.filter("zscale", **size, **source, **convert, r="limited", dither=dither)


def _sws_colours(video: VideoStream) -> dict[str, str]:
    matrix = _matrix(video)
    known = matrix if matrix in _SWS_MATRICES else "bt2020" if matrix.startswith("bt2020") else "auto"
    return {
        "in_color_matrix": known,
        "out_color_matrix": "bt709",
        "in_range": "full" if video.full_range or video.rgb else "limited",
        "out_range": "limited",
    }
