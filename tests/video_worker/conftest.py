"""Tiny uploads and one way to send them through the worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from academyctl.media_tools import find_ffmpeg
from academyctl.stores import Stores
from tests import clips
from tests.video_worker.tools import Bench


@pytest.fixture(scope="session")
def ffmpeg() -> Path:
    return find_ffmpeg()


@pytest.fixture(scope="session")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds, 640x360, with sound: with one-second segments three a rendition."""
    return make_clip(ffmpeg, tmp_path_factory.mktemp("clips") / "clip.mp4", seconds=3)


@pytest.fixture(scope="session")
def long_clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough that something can happen while FFmpeg runs."""
    return make_clip(ffmpeg, tmp_path_factory.mktemp("clips") / "long.mp4", seconds=12, size="1280x720")


@pytest.fixture
def bench(stores: Stores, tmp_path: Path) -> Callable[..., Bench]:
    """A worker at hand: `bench(preset="fast", ...)` with settings of the video section."""

    def make(base: Stores = stores, **video: object) -> Bench:
        return Bench(base, temp_dir=tmp_path / "work", **video)

    return make


def make_clip(ffmpeg: Path, path: Path, *, seconds: int, size: str = "640x360") -> Path:
    clips.ff(
        ffmpeg, "-f", "lavfi", "-i", f"testsrc2=s={size}:r=25", "-f", "lavfi", "-i", "sine=f=300:r=48000",
        "-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-movflags", "+faststart", path,
    )  # fmt: skip
    return path
