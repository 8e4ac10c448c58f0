"""A lecture-like clip made by FFmpeg alone: pages of 'text' that change, a figure, a moving pen and a tone."""

from __future__ import annotations

import subprocess
from pathlib import Path

from academyctl.errors import WorkFailed

# Fonts differ between machines, so the words are a cellular automaton seen through line-shaped windows: it has the
# sharp edges and the stillness of slides, which is what decides an encoder's work.
_TEXT = (
    "geq=lum='if(between(Y\\,20\\,34)*between(X\\,30\\,300)\\,if(gt(lum(X\\,Y)\\,127)\\,40\\,220)\\,"
    "if(lt(mod(Y\\,16)\\,7)*between(Y\\,60\\,330)*between(X\\,30\\,250+90*sin(floor(Y/16)*7+N))*lt(mod(X\\,23)\\,18)\\,"
    "if(gt(lum(X\\,Y)\\,127)\\,30\\,225)\\,240))'"
)
_GRAPH = (
    "[0:v]format=gray,{text},scale=1920:1080:flags=neighbor,format=yuv420p,fps=30[page];"
    "[1:v]format=yuv420p,fps=30[figure];[page][figure]overlay=x=1300:y=120,"
    "drawbox=x='200+600*abs(sin(t/3))':y='300+400*abs(cos(t/4))':w=18:h=18:color=red:t=fill,"
    "drawbox=x=0:y=1040:w='iw*t/{seconds}':h=12:color=blue:t=fill[v];"
    "[2:a]tremolo=f=4:d=0.7,volume=0.4[a]"
)


def lecture(ffmpeg: Path, out: Path, *, seconds: int = 60) -> Path:
    """Write a 1920x1080, 30 fps H.264 and AAC file of `seconds`, the pages changing every six. Raises WorkFailed."""
    page = "cellauto=s=640x360:rule=30:rate=1/6:scroll=0:random_seed=7:random_fill_ratio=0.5"
    argv = [
        str(ffmpeg), "-v", "error", "-nostdin", "-y",
        "-f", "lavfi", "-i", page,
        "-f", "lavfi", "-i", "mandelbrot=s=520x380:rate=1/6:maxiter=300",
        "-f", "lavfi", "-i", "sine=f=220:r=48000",
        "-filter_complex", _GRAPH.format(text=_TEXT, seconds=seconds),
        "-map", "[v]", "-map", "[a]", "-t", str(seconds),
        "-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-g", "250",
        "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-movflags", "+faststart", str(out),
    ]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode != 0:
        raise WorkFailed("FFmpeg could not make the sample clip", why=done.stderr[-400:].strip())
    return out
