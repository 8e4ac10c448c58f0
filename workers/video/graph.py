"""The one FFmpeg command of an encode, built as a graph: decode once, scale in a cascade, feed every rendition.

    argv = command(source, ladder(source), ffmpeg=..., out_dir=..., preset="balanced", segment_s=4)

It writes `v1/index0.ts ...`, `v2/...`, `vaudio/...` below `out_dir`, each with a local `index.m3u8` that names what is
finished (playlists.parse_local); a segment has its final name only when it is complete. The playlists for viewers are
not these: playlists.py writes them.

All renditions begin at time zero and last as long as the source: the picture holds its last frame when the sound is
longer, silence follows when the sound is shorter. Key frames come every `segment_s` by the clock, not by counting
frames, so segments have the same borders in every rendition also where the frame rate varies. The rate is capped at 60
by leaving frames out; none is ever doubled, so a hole in time stays a hole.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import ffmpeg as graph

from academyctl.errors import Both, ConfigError
from workers.video._media_colours import has_zscale, resized, to_sdr
from workers.video._media_source import Source
from workers.video.ladder import Rendition
from workers.video.limits import Limits
from workers.video.probe import input_options

PresetName = Literal["quality", "balanced", "fast"]
UNEQUAL_S = 0.1
"""Picture and sound that end further apart than this are made equal."""
NO_KEYFRAMES_OF_ITS_OWN = 100_000
AUDIO_GROUP = "audio"


@dataclass(frozen=True)
class Preset:
    """x264's preset and constant rate factor, and what differs from that preset."""

    x264: str
    crf: int
    params: str = ""


PRESETS: dict[PresetName, Preset] = {
    "quality": Preset("faster", 20),
    # Against plain veryfast at CRF 19: a tenth less CPU, the same VMAF and the same bytes.
    "balanced": Preset("veryfast", 20, "subme=1:bframes=2:rc-lookahead=15"),
    # Without macroblock tree superfast would take twice the bytes.
    "fast": Preset("superfast", 21, "mbtree=1:rc-lookahead=10"),
}


def command(
    source: Source,
    renditions: Sequence[Rendition],
    *,
    ffmpeg: Path,
    out_dir: Path,
    preset: PresetName = "balanced",
    segment_s: int = 4,
    threads: int | None = None,
    limits: Limits | None = None,
    zscale: bool | None = None,
    cores: int | None = None,
) -> list[str]:
    """The argument list. `threads`: of the decoder and of each encoder; None or 0: `cores` (this process's) are shared
    out, which costs 5 to 7 % less CPU than x264's own choice of three for two cores. `zscale` None: look whether this
    FFmpeg has it.

    Raises ConfigError: HDR without zscale; a folder whose name FFmpeg would read as a pattern.
    """
    limits, cores = limits or Limits(), cores or _cores()
    _no_pattern(out_dir)
    bounds: dict[str, str | int] = {"max_pixels": limits.max_pixels, **({"threads": threads} if threads else {})}
    upload = graph.input(f"file:{source.path.absolute()}", **input_options(limits), **bounds)
    videos = [rendition for rendition in renditions if not rendition.is_audio]
    sounds = [rendition.audio_bps for rendition in renditions if rendition.audio_bps]
    streams = _pictures(upload, source, videos, zscale=has_zscale(ffmpeg) if zscale is None else zscale)
    streams += _sounds(upload, source, len(sounds))
    each = threads or max(1, cores // len(videos))
    options = _video_options(videos, PRESETS[preset], segment_s, each) | _audio_options(sounds)
    options |= _hls_options(renditions, out_dir, segment_s)
    options |= {"t": limits.max_duration_s, "max_error_rate": limits.max_error_rate}
    options |= {"map_metadata": -1, "map_chapters": -1, "filter_complex_threads": threads or max(1, cores // 2)}
    said = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "repeat+level+verbose", "-progress", "pipe:1")
    output = graph.output(*streams, str(out_dir / "v%v" / "index.m3u8"), **options).global_args(*said)
    argv: list[str] = output.overwrite_output().compile(cmd=str(ffmpeg))
    return argv


def _no_pattern(out_dir: Path) -> None:
    if "%" in str(out_dir):
        raise ConfigError(
            f"the folder {out_dir} has a % in its name",
            why="FFmpeg reads it as a pattern",
            remedy=Both(
                en="set VIDEO_WORKER_TEMP_DIR to another folder", ko="VIDEO_WORKER_TEMP_DIR를 다른 폴더로 지정하세요"
            ),
        )


def _cores() -> int:
    """The cores that this process may use: in a container not those of the machine."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _pictures(upload: Any, source: Source, videos: Sequence[Rendition], *, zscale: bool) -> list[Any]:
    """One stream per video rendition, in their order (small to large): the largest is made from the upload, every
    other one from the next larger."""
    video = source.video
    stream = upload[str(video.index)]
    if source.lead_s + source.video_late_s > 0.0005:
        stream = stream.filter("setpts", _from_zero(source))
    if source.frame_step > 1:
        stream = stream.filter("framestep", source.frame_step)
    if video.interlaced:
        stream = stream.filter("bwdif", mode="send_frame", deint="interlaced")
    stream = to_sdr(stream, video, videos[-1], zscale=zscale)
    made: list[Any] = []
    for below in reversed(videos[:-1]):
        halves = stream.filter_multi_output("split", 2)
        made.append(_held(halves[0], source))
        stream = resized(halves[1], below, zscale=zscale)
    return [_held(stream, source), *reversed(made)]


def _from_zero(source: Source) -> str:
    """Time stamps that begin at 0: the first picture, when it comes late, is there from the start. Only a first picture
    of that time: when the picture changes its size, FFmpeg builds the graph anew and N counts from 0 again."""
    late_s = source.lead_s + source.video_late_s + 0.5
    return f"if(eq(N,0)*lt(T,{late_s:.6f}),0,PTS-{source.lead_s:.6f}/TB)"


def _held(stream: Any, source: Source) -> Any:
    """The last picture stays while the sound goes on."""
    video = source.video
    missing_s = source.duration_s - source.video_late_s - (video.duration_s or source.duration_s)
    if missing_s <= UNEQUAL_S:
        return stream
    return stream.filter("tpad", stop_mode="clone", stop_duration=f"{missing_s:.6f}")


def _sounds(upload: Any, source: Source, count: int) -> list[Any]:
    """The sound, `count` times: from time zero, without holes, 48 kHz stereo, as long as the source."""
    audio = source.audio
    if audio is None or not count:
        return []
    stream = upload[str(audio.index)]
    if source.lead_s > 0.0005:
        stream = stream.filter("asetpts", f"PTS-{source.lead_s:.6f}/TB")
    # `async=1` fills and cuts where time stamps jump, so that sound stays with the picture.
    stream = stream.filter("aresample", 48000, **{"async": 1, "first_pts": 0})
    stream = stream.filter("aformat", sample_rates=48000, channel_layouts="stereo")
    if source.duration_s - (audio.start_s - source.lead_s) - (audio.duration_s or source.duration_s) > UNEQUAL_S:
        stream = stream.filter("apad", whole_dur=f"{source.duration_s:.6f}")
    if count == 1:
        return [stream]
    copies = stream.filter_multi_output("asplit", count)
    return [copies[n] for n in range(count)]


def _video_options(videos: Sequence[Rendition], preset: Preset, segment_s: int, threads: int) -> dict[str, Any]:
    grid = f"(floor(prev_forced_t/{segment_s})+1)*{segment_s}"
    options: dict[str, Any] = {
        "c:v": "libx264",
        "preset:v": preset.x264,
        "crf": preset.crf,
        "profile:v": "high",
        "g": NO_KEYFRAMES_OF_ITS_OWN,
        "sc_threshold": 0,
        # Not n_forced*segment_s: after a hole that would force every frame until the count has caught up.
        "force_key_frames:v": f"expr:if(isnan(prev_forced_t),1,gte(t,{grid}))",
        "fps_mode:v": "vfr",
        "enc_time_base:v": "1:90000",
        "threads:v": threads,
    }
    if preset.params:
        options["x264-params"] = preset.params
    for n, rendition in enumerate(videos):
        options[f"maxrate:v:{n}"] = rendition.maxrate_bps
        options[f"bufsize:v:{n}"] = rendition.maxrate_bps * 2
    return options


def _audio_options(sounds: Sequence[int]) -> dict[str, Any]:
    rates = {f"b:a:{n}": bps for n, bps in enumerate(sounds)}
    return {"c:a": "aac", "ac": 2, "ar": 48000, **rates} if sounds else {}


def _hls_options(renditions: Sequence[Rendition], out_dir: Path, segment_s: int) -> dict[str, Any]:
    return {
        "f": "hls",
        "hls_time": segment_s,
        "hls_playlist_type": "event",
        "hls_list_size": 0,
        "hls_flags": "independent_segments+temp_file",
        "hls_segment_filename": str(out_dir / "v%v" / "index%d.ts"),
        "var_stream_map": _stream_map(renditions),
    }


def _stream_map(renditions: Sequence[Rendition]) -> str:
    """Which encoded streams go into which folder (`%v` becomes the name)."""
    shared = any(rendition.is_audio for rendition in renditions)
    parts, v, a = [], 0, 0
    for rendition in renditions:
        if rendition.is_audio:
            parts.append(f"a:{a},agroup:{AUDIO_GROUP},name:{rendition.name}")
            a += 1
            continue
        sound = f",agroup:{AUDIO_GROUP}" if shared else f",a:{a}" if rendition.audio_bps else ""
        a += bool(rendition.audio_bps)
        parts.append(f"v:{v}{sound},name:{rendition.name}")
        v += 1
    return " ".join(parts)
