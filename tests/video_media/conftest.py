"""Clips are made once a session, and each encode of one once a run: tests look at the same output from all sides."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest

from academyctl.media_tools import find_ffmpeg, find_ffprobe
from tests import clips
from workers.video import ffmpeg as runner
from workers.video.graph import command
from workers.video.ladder import Rendition, ladder
from workers.video.limits import Limits
from workers.video.probe import Source, probe
from workers.video.verify import Checked, check_output

LIMITS = Limits(min_free_bytes=0)


@dataclass(frozen=True)
class Encoded:
    """One clip through the whole engine."""

    source: Source
    renditions: tuple[Rendition, ...]
    result: runner.RunResult
    checked: Checked
    out_dir: Path

    @property
    def videos(self) -> tuple[Rendition, ...]:
        return tuple(rendition for rendition in self.renditions if not rendition.is_audio)

    def stream(self, rendition: Rendition, segment: int = 0) -> dict[str, Any]:
        """ffprobe's words about the first stream of a segment."""
        path = self.out_dir / rendition.directory / f"index{segment}.ts"
        argv = [str(find_ffprobe()), "-v", "error", "-show_streams", "-of", "json", str(path)]
        said = subprocess.run(argv, check=True, capture_output=True, timeout=60).stdout
        return dict(json.loads(said)["streams"][0])

    def picture(self, rendition: Rendition, at_s: float = 0.0, *, pix_fmt: str = "gray") -> bytes:
        """The pixels of the first picture shown from `at_s` on."""
        playlist = self.out_dir / rendition.directory / "index.m3u8"
        argv = [str(find_ffmpeg()), "-v", "error", "-ss", str(at_s), "-i", str(playlist), "-frames:v", "1"]
        argv += ["-f", "rawvideo", "-pix_fmt", pix_fmt, "-"]
        return subprocess.run(argv, check=True, capture_output=True, timeout=60).stdout


@pytest.fixture(scope="session")
def ffmpeg() -> Path:
    return find_ffmpeg()


@pytest.fixture(scope="session")
def ffprobe() -> Path:
    return find_ffprobe()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The test clip of that name."""
    folder = tmp_path_factory.mktemp("clips")
    return lambda name: clips.make(name, folder)


@pytest.fixture(scope="session")
def look(clip: Callable[[str], Path], ffprobe: Path) -> Callable[[str], Source]:
    """What the probe says of a clip."""
    return lambda name: probe(clip(name), ffprobe=ffprobe, limits=LIMITS)


@pytest.fixture(scope="session")
def encoded(
    look: Callable[[str], Source], ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Encoded]:
    """The encode of a clip; keyword arguments: audio, preset, zscale, segment_s."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # The run's folder, above this process's own: what another process has encoded is looked at here.
        shared = shared.parent
    (shared := shared / "encodes").mkdir(exist_ok=True)

    @cache
    def encode(name: str, *, audio: Any = "shared", preset: Any = "fast", **options: Any) -> Encoded:
        asked = "-".join(map(str, (name, audio, preset, *(f"{key}={options[key]}" for key in sorted(options)))))
        kept = shared / f"{asked}.pickle"
        if kept.exists():
            return cast(Encoded, pickle.loads(kept.read_bytes()))
        source = look(name)
        renditions = ladder(source, audio=audio)
        out_dir = tmp_path_factory.mktemp(f"out-{name}")
        argv = command(source, renditions, ffmpeg=ffmpeg, out_dir=out_dir, preset=preset, limits=LIMITS, **options)
        result = runner.run(argv, out_dir=out_dir, limits=LIMITS, duration_s=source.duration_s)
        runner.judge_decoding(result, LIMITS)
        made = Encoded(source, renditions, result, check_output(out_dir, renditions, source), out_dir)
        whole = out_dir.with_suffix(".pickle")
        whole.write_bytes(pickle.dumps(made))
        whole.replace(kept)
        return made

    return encode
