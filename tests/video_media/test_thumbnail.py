"""The picture that stands for the film."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from academyctl.media_tools import find_ffprobe
from tests.video_media.conftest import LIMITS, Encoded
from workers.video._media_errors import EncodeFailed
from workers.video.thumbnail import thumbnail, thumbnail_second

Encode = Callable[..., Encoded]


def size(path: Path) -> str:
    argv = [str(find_ffprobe()), "-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"]
    return subprocess.run([*argv, str(path)], check=True, capture_output=True, text=True, timeout=60).stdout.strip()


@pytest.mark.parametrize(
    ("duration", "at"), [(0.4, 0), (2.9, 0), (3, 1), (3.9, 1), (5, 2), (9.9, 4), (10, 5), (61.8, 30), (3600, 1800)]
)
def test_it_is_taken_where_the_contract_says(duration: float, at: int) -> None:
    assert thumbnail_second(duration) == at


@pytest.mark.parametrize("name", ["plain", "portrait", "blink", "one_picture", "vfr", "late_picture"])
def test_it_has_the_size_of_the_top_rendition(encoded: Encode, ffmpeg: Path, tmp_path: Path, name: str) -> None:
    made = encoded(name)
    out = tmp_path / "thumbnail.jpg"
    at_s = thumbnail_second(made.source.duration_s)
    thumbnail(made.out_dir, made.renditions, out, at_s=at_s, ffmpeg=ffmpeg, limits=LIMITS)
    top = made.videos[-1]
    assert size(out) == f"mjpeg,{top.width},{top.height}"


def test_it_shows_the_moment_that_was_asked_for(encoded: Encode, ffmpeg: Path, tmp_path: Path) -> None:
    """The flash is white from 2.0 to 2.5 s, in the second segment."""
    made = encoded("flash", segment_s=2)
    dark, bright = tmp_path / "dark.jpg", tmp_path / "bright.jpg"
    thumbnail(made.out_dir, made.renditions, dark, at_s=1.5, ffmpeg=ffmpeg, limits=LIMITS)
    thumbnail(made.out_dir, made.renditions, bright, at_s=2.2, ffmpeg=ffmpeg, limits=LIMITS)
    pixel = [str(ffmpeg), "-v", "error", "-i"]
    raw = ["-vf", "scale=1:1", "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    values = [
        subprocess.run([*pixel, str(path), *raw], check=True, capture_output=True, timeout=60).stdout[0]
        for path in (dark, bright)
    ]
    assert values[0] < 30
    assert values[1] > 220


def test_a_time_beyond_the_end_still_gives_a_picture(encoded: Encode, ffmpeg: Path, tmp_path: Path) -> None:
    made = encoded("plain")
    thumbnail(made.out_dir, made.renditions, tmp_path / "late.jpg", at_s=999, ffmpeg=ffmpeg, limits=LIMITS)
    assert (tmp_path / "late.jpg").stat().st_size > 1000


def test_its_failure_is_an_error_the_caller_can_shrug_off(encoded: Encode, ffmpeg: Path, tmp_path: Path) -> None:
    made = encoded("plain")
    with pytest.raises(EncodeFailed):
        thumbnail(tmp_path, made.renditions, tmp_path / "t.jpg", at_s=1, ffmpeg=ffmpeg, limits=LIMITS)
