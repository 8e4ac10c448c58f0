"""Test clips, made by FFmpeg when first asked for: `make("portrait", folder)` -> Path.

No clip needs a font or a download: slides are drawn here, glyph by glyph, from a seeded generator, so that every
machine makes the same pictures. `CLIPS` names every odd input; a clip that is there already is not made again.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from academyctl.media_tools import find_ffmpeg
from tests.lecture_clip import H264, ff, lecture, slide

__all__ = ["CLIPS", "ff", "lecture", "make", "tiny"]


def tiny(path: Path, *, seconds: float = 2, ffmpeg: Path | None = None) -> Path:
    """The cheapest real video: 320x180, 15 pictures a second, with sound."""
    return _film(path, size="320x180", rate="15", seconds=seconds, ffmpeg=ffmpeg)


# ---------------------------------------------------------------- odd inputs


def _film(
    path: Path,
    *options: str | Path,
    size: str = "640x360",
    rate: str = "30",
    seconds: float = 2,
    sound: float | None = -1,
    filters: str = "null",
    codec: tuple[str, ...] = H264,
    ffmpeg: Path | None = None,
) -> Path:
    """A test picture that moves, with a tone. `sound`: its seconds, None for none, -1 for as long as the picture."""
    inputs = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds},{filters}"]
    if sound is not None:
        inputs += ["-f", "lavfi", "-i", f"sine=440:sample_rate=48000:d={seconds if sound < 0 else sound}"]
        options = ("-c:a", "aac", *options)
    ff(ffmpeg or find_ffmpeg(), *inputs, *codec, *options, path)
    return path


def _copy(path: Path, *options: str | Path, before: tuple[str, ...] = ()) -> Path:
    """Another container, or other tags, around the plain film."""
    ff(find_ffmpeg(), *before, "-i", make("plain", path.parent), "-c", "copy", *options, path)
    return path


def _hdr(path: Path, transfer: str) -> Path:
    colours = ("-colorspace", "bt2020nc", "-color_trc", transfer, "-color_primaries", "bt2020", "-color_range", "tv")
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", *colours)
    tagged = f"format=yuv420p10le,setparams=colorspace=bt2020nc:color_trc={transfer}:color_primaries=bt2020"
    return _film(path, filters=tagged, codec=codec, seconds=1)


def _cut(path: Path) -> Path:
    whole = _film(path.with_name("whole-" + path.name), "-movflags", "+faststart", seconds=4).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def _rotten(path: Path) -> Path:
    """Every 97th byte of the second half's content is wrong."""
    content = bytearray(_film(path.with_name("whole-" + path.name), "-movflags", "+faststart", seconds=4).read_bytes())
    for at in range(len(content) // 2, len(content), 97):
        content[at] ^= 0xFF
    path.write_bytes(content)
    return path


def _cover(path: Path) -> Path:
    picture = ["-f", "lavfi", "-i", "color=red:s=64x64:r=25:d=0.04", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"]
    tags = ["-disposition:v", "attached_pic", "-c:a", "libmp3lame", "-id3v2_version", "3"]
    ff(find_ffmpeg(), "-f", "lavfi", "-i", "sine=440:d=2", *picture, "-map", "0", "-map", "1", *tags, path)
    return path


def _two_sounds(path: Path) -> Path:
    """Track one is a tone of 440 Hz, track two of 880 Hz."""
    inputs = ["-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=2"]
    for hertz in (440, 880):
        inputs += ["-f", "lavfi", "-i", f"sine={hertz}:sample_rate=48000:d=2"]
    ff(find_ffmpeg(), *inputs, "-map", "0", "-map", "1", "-map", "2", *H264, "-c:a", "aac", path)
    return path


def _huge(path: Path) -> Path:
    ff(find_ffmpeg(), "-f", "lavfi", "-i", "color=black:s=9000x9000:r=1:d=1", "-c:v", "mjpeg", path)
    return path


def _many(path: Path) -> Path:
    ff(find_ffmpeg(), "-f", "lavfi", "-i", "testsrc2=s=64x64:r=5:d=1", *["-map", "0"] * 40, *H264, path)
    return path


def _changing(path: Path) -> Path:
    """640x360, then 480x480, then 640x360 again, three seconds each: a browser's recording of a resized window."""
    parts = []
    for n, size in enumerate(("640x360", "480x480", "640x360")):
        part = path.with_name(f"{path.stem}-{n}.h264")
        parts.append(_film(part, size=size, seconds=3, sound=None))
    joined = path.with_suffix(".h264")
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    ff(find_ffmpeg(), "-framerate", "30", "-i", joined, "-c", "copy", path)
    return path


def _late_picture(path: Path) -> Path:
    """Sound from 0 to 6 s, picture from 1.5 to 4.5 s."""
    picture = ["-itsoffset", "1.5", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=3"]
    ff(find_ffmpeg(), *picture, "-f", "lavfi", "-i", "sine=440:sample_rate=48000:d=6", *H264, "-c:a", "aac", path)
    return path


def _sound_gaps(path: Path) -> Path:
    """Four seconds of picture; packets of sound only from 0.5 to 1 s and from 3 s on."""
    picture, sound = "testsrc2=s=320x180:r=30:d=4", "sine=440:sample_rate=48000:d=4"
    gaps = ["-af", "volume=6,aselect='between(t,0.5,1)+gt(t,3)'", "-c:a", "pcm_s16le"]
    ff(find_ffmpeg(), "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *H264, *gaps, path)
    return path


def _flash(path: Path) -> Path:
    """White picture and a tone in the same half second, from 2.0 to 2.5 s; black and silent otherwise."""
    picture = "color=black:s=320x180:r=30:d=5,drawbox=c=white:t=fill:enable='between(t,2,2.49)'"
    sound = "aevalsrc='0.8*sin(2*PI*1000*t)*between(t,2,2.5)':s=48000:d=5"
    ff(find_ffmpeg(), "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *H264, "-c:a", "aac", path)
    return path


def _grey(path: Path, *tags: str, pix_fmt: str = "yuv420p", level: int = 128) -> Path:
    """One flat colour, to see what becomes of it."""
    picture = f"color=c=0x{level:02x}4020:s=640x360:r=30:d=1,format={pix_fmt}"
    ff(find_ffmpeg(), "-f", "lavfi", "-i", picture, "-c:v", "libx264", "-qp", "0", "-pix_fmt", pix_fmt, *tags, path)
    return path


def _text(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _head(path: Path) -> Path:
    """The first half of a file whose index is at its end."""
    content = make("plain", path.parent).read_bytes()
    return _bytes(path, content[: len(content) // 2])


@dataclass(frozen=True)
class Clip:
    """How a clip is made; `suffix` is the container it claims to be."""

    suffix: str
    build: Callable[[Path], Path]


_CENC = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb")
_VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8")
_VFR = "select='not(mod(n,3))+lt(mod(n,40),9)'"
_HOLE = "setpts='if(lt(N,20),PTS,PTS+36000/TB)'"

CLIPS: dict[str, Clip] = {
    "plain": Clip("mp4", lambda p: _film(p, size="960x540", seconds=3)),
    "lecture": Clip("mp4", lambda p: lecture(p, seconds=2)),
    "tiny": Clip("mp4", tiny),
    "portrait": Clip("mp4", lambda p: _film(p, size="1080x1920", seconds=1)),
    "rotated": Clip("mp4", lambda p: _copy(p, before=("-display_rotation", "90"))),
    "upside_down": Clip("mp4", lambda p: _copy(p, before=("-display_rotation", "180"))),
    "four_three": Clip("mp4", lambda p: _film(p, size="640x480")),
    "square": Clip("mp4", lambda p: _film(p, size="800x800", seconds=1)),
    "p718": Clip("mp4", lambda p: _film(p, size="1280x718", seconds=1)),
    "p480": Clip("mp4", lambda p: _film(p, size="854x480", seconds=1)),
    "small": Clip("mp4", lambda p: _film(p, size="320x240")),
    "odd": Clip("mkv", lambda p: _film(p, filters="format=yuv444p,scale=853:479", codec=("-c:v", "ffv1"), seconds=1)),
    "vfr": Clip("mp4", lambda p: _film(p, "-fps_mode", "vfr", seconds=9, filters=_VFR)),
    "webm_live": Clip("webm", lambda p: _film(p, "-c:a", "libopus", "-live", "1", codec=_VP8)),
    "silent": Clip("mp4", lambda p: _film(p, sound=None)),
    "hdr10": Clip("mp4", lambda p: _hdr(p, "smpte2084")),
    "hlg": Clip("mp4", lambda p: _hdr(p, "arib-std-b67")),
    "ten_bit": Clip("mp4", lambda p: _film(p, codec=(*H264[:4], "-pix_fmt", "yuv420p10le"), seconds=1)),
    "yuv422": Clip("mp4", lambda p: _film(p, codec=(*H264[:4], "-pix_fmt", "yuv422p"), seconds=1)),
    "yuv444": Clip("mp4", lambda p: _film(p, codec=(*H264[:4], "-pix_fmt", "yuv444p"), seconds=1)),
    "rgb": Clip("mkv", lambda p: _film(p, codec=("-c:v", "libx264rgb", "-preset", "ultrafast"), seconds=1)),
    "packed_rgb": Clip("mov", lambda p: _film(p, codec=("-c:v", "qtrle", "-pix_fmt", "rgb24"), seconds=1)),
    "full_range": Clip("mp4", lambda p: _grey(p, "-color_range", "pc", pix_fmt="yuvj420p")),
    "video_range": Clip("mp4", lambda p: _grey(p, "-color_range", "tv")),
    "mjpeg": Clip("avi", lambda p: _film(p, codec=("-c:v", "mjpeg", "-pix_fmt", "yuvj422p"), seconds=1)),
    "interlaced": Clip(
        "ts", lambda p: _film(p, "-flags", "+ilme+ildct", rate="50", filters="tinterlace=interleave_top")
    ),
    "anamorphic": Clip("mp4", lambda p: _film(p, size="720x576", filters="setsar=64/45")),
    "long_sound": Clip("mp4", lambda p: _film(p, seconds=2, sound=5)),
    "short_sound": Clip("mp4", lambda p: _film(p, seconds=5, sound=2)),
    "late_picture": Clip("mp4", _late_picture),
    "two_sounds": Clip("mp4", _two_sounds),
    "surround": Clip("mp4", lambda p: _film(p, "-ac", "6")),
    "sound_gaps": Clip("mkv", _sound_gaps),
    "flash": Clip("mp4", _flash),
    "changing": Clip("ts", _changing),
    "fast120": Clip("mp4", lambda p: _film(p, rate="120")),
    "blink": Clip("mp4", lambda p: _film(p, seconds=0.4)),
    "one_picture": Clip("mp4", lambda p: _film(p, "-frames:v", "1", sound=None)),
    "fragmented": Clip("mp4", lambda p: _copy(p, "-movflags", "+frag_keyframe+empty_moov")),
    "mpegts": Clip("ts", _copy),
    "flv": Clip("flv", lambda p: _copy(p, "-flvflags", "no_duration_filesize")),
    "matroska": Clip("mkv", _copy),
    "program_stream": Clip("mpg", lambda p: _film(p, "-c:a", "mp2", codec=("-c:v", "mpeg2video", "-b:v", "2M"))),
    "cover": Clip("mp3", _cover),
    "cut": Clip("mp4", _cut),
    "cut_index": Clip("mp4", _head),
    "rotten": Clip("mp4", _rotten),
    "hole": Clip("mp4", lambda p: _film(p, "-fps_mode", "passthrough", sound=None, filters=_HOLE)),
    "huge": Clip("mkv", _huge),
    "narrow": Clip("mkv", lambda p: _film(p, size="1600x32", sound=None, seconds=1)),
    "encrypted": Clip("mp4", lambda p: _copy(p, *_CENC, "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8")),
    "many_streams": Clip("mp4", _many),
    "empty": Clip("mp4", lambda p: _bytes(p, b"")),
    "noise": Clip("mp4", lambda p: _bytes(p, random.Random(1).randbytes(100_000))),
    "prose": Clip("mp4", lambda p: _text(p, "this is a text file\n" * 100)),
    "picture": Clip("mp4", lambda p: _bytes(p, slide(p.with_suffix(".pgm"), width=64, height=64, seed=1).read_bytes())),
}


def make(name: str, folder: Path) -> Path:
    """The clip of that name in `folder`, made if it is not there yet."""
    clip = CLIPS[name]
    path = folder / f"{name}.{clip.suffix}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"new-{os.getpid()}-{name}.{clip.suffix}"
        clip.build(unfinished).rename(path)
    return path
