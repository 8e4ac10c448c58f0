"""A lecture as an encoder sees one: slides with glyphs that change, a pen, a tone; made by FFmpeg alone."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

from academyctl.media_tools import find_ffmpeg

GLYPH_W, GLYPH_H = 8, 12
WHITE, INK = 235, 24
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def ff(ffmpeg: Path, *args: str | Path) -> None:
    """Run FFmpeg quietly; CalledProcessError carries its words."""
    argv = [str(ffmpeg), "-hide_banner", "-nostdin", "-v", "error", "-y", *map(str, args)]
    subprocess.run(argv, check=True, capture_output=True, timeout=120)


# ---------------------------------------------------------------- a lecture


def _alphabet(rng: random.Random) -> list[list[bytes]]:
    """Forty made-up characters of straight strokes, as dense as Hangul."""
    glyphs = []
    for _ in range(40):
        cells = [[WHITE] * GLYPH_W for _ in range(GLYPH_H)]
        for _stroke in range(rng.randint(3, 5)):
            if rng.random() < 0.5:
                y = rng.randrange(1, GLYPH_H - 2)
                for x in range(rng.randrange(0, 3), GLYPH_W - 1):
                    cells[y][x] = INK
            else:
                x = rng.randrange(0, GLYPH_W - 1)
                for y in range(rng.randrange(0, 4), GLYPH_H - 2):
                    cells[y][x] = INK
        glyphs.append([bytes(row) for row in cells])
    return glyphs


def _text_line(rng: random.Random, glyphs: list[list[bytes]], width: int, zoom: int) -> list[bytes]:
    """The pixel rows of one line of text, indented and of random length, exactly `width` wide."""
    room = max(8, width // (GLYPH_W * zoom) - 8)
    indent = rng.choice((3, 3, 3, 5, 7))
    chars = [rng.choice(glyphs) if rng.random() > 0.15 else None for _ in range(rng.randint(room // 3, room))]
    rows = []
    for y in range(GLYPH_H):
        ink = b"".join(c[y] if c else bytes([WHITE]) * GLYPH_W for c in chars)
        row = bytes([WHITE]) * (indent * GLYPH_W * zoom) + b"".join(bytes([v]) * zoom for v in ink)
        rows.extend([row.ljust(width, bytes([WHITE]))[:width]] * zoom)
    return rows


def slide(path: Path, *, width: int, height: int, seed: int, zoom: int = 2) -> Path:
    """A page of text as a PGM picture: heading of double size, then lines."""
    rng = random.Random(seed)
    glyphs = _alphabet(rng)
    blank = bytes([WHITE]) * width
    rows = [blank] * (GLYPH_H * zoom)
    rows += _text_line(rng, glyphs, width, zoom * 2) + [blank] * (GLYPH_H * zoom)
    while len(rows) < height:
        rows += _text_line(rng, glyphs, width, zoom) + [blank] * (GLYPH_H * zoom // 2)
    path.write_bytes(b"P5 %d %d 255\n" % (width, height) + b"".join(rows[:height]))
    return path


def lecture(
    path: Path,
    *,
    seconds: int = 6,
    width: int = 1920,
    height: int = 1080,
    rate: int = 30,
    kbit: int = 6000,
    ffmpeg: Path | None = None,
) -> Path:
    """Slides, a pen, code that is scrolled, a talking head and a film inside a slide; H.264 with stereo AAC."""
    pages = [slide(path.with_name(f"{path.stem}-{n}.pgm"), width=width, height=height, seed=n) for n in range(3)]
    pages.append(slide(path.with_name(f"{path.stem}-3.pgm"), width=width // 2, height=height * 3, seed=99))
    part = max(seconds // 3, 1)
    w, h = width // 4 // 2 * 2, height // 4 // 2 * 2
    sound = f"aevalsrc='0.3*sin(2*PI*(200+90*sin(2*PI*t/3))*t)*gt(sin(9*t),-0.4)':s=48000:d={seconds}"
    inputs: list[str] = []
    for page in pages:
        inputs += ["-loop", "1", "-r", str(rate), "-t", str(seconds), "-i", str(page)]
    for drawn in (
        f"mandelbrot=s={w}x{h}:r={rate}:end_scale=0.05:end_pts=3000",
        f"testsrc2=s={w}x{h}:r={rate}",
        f"color=red:s=14x14:r={rate}",
        sound,
    ):
        inputs += ["-f", "lavfi", "-i", drawn]
    graph = (
        f"[0][1]overlay=enable='gte(t,{part})'[p1];[p1][2]overlay=enable='gte(t,{2 * part})'[p2];"
        f"[3]crop={width // 2}:{height}:0:'min(120*(floor(t/3)+min(mod(t,3),1)),{height * 2})'[code];"
        f"[p2][code]overlay={width // 2}:0:enable='between(t,{part},{2 * part})'[p3];"
        f"[4]noise=alls=4:allf=t[head];[p3][head]overlay=W-w-20:H-h-20[p4];"
        f"[p4][5]overlay=40:H-h-40:enable='gte(t,{2 * part})'[p5];"
        f"[p5][6]overlay=x='W/10+mod(t*130,W*0.6)':y='H/3+80*sin(4*t)',format=yuv420p[v]"
    )
    encode = ["-c:v", "libx264", "-preset", "veryfast", "-b:v", f"{kbit}k", "-c:a", "aac", "-b:a", "128k"]
    wanted = ["-map", "[v]", "-map", "7:a", "-t", str(seconds), "-ac", "2", *encode, "-movflags", "+faststart"]
    ff(ffmpeg or find_ffmpeg(), *inputs, "-filter_complex", graph, *wanted, path)
    for page in pages:
        page.unlink()
    return path
