"""A small published video (two pictures sizes, one sound) in the platform's layout, made once by FFmpeg."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from academyctl.__main__ import main
from academyctl.contract import keys
from academyctl.media_tools import find_ffmpeg
from academyctl.stores import Stores
from academyctl.stores.videos import VideoRow
from tests.clips import ff
from tests.conftest import make_video

Files = Mapping[str, bytes]
Publish = Callable[..., VideoRow]

SECONDS = 6
THUMBNAIL = b"\xff\xd8\xff\xd9"


@pytest.fixture(scope="session")
def ffmpeg() -> Path:
    return find_ffmpeg()


@pytest.fixture(scope="session")
def source(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The upload that `hls` was made from."""
    path = tmp_path_factory.mktemp("source") / "source.mp4"
    ff(
        ffmpeg, "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-f", "lavfi", "-i", "sine=f=440:r=48000",
        "-t", str(SECONDS), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", path,
    )  # fmt: skip
    return path


@pytest.fixture(scope="session")
def hls(ffmpeg: Path, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Object name below the video's folder -> bytes."""
    folder = tmp_path_factory.mktemp("hls")
    ff(
        ffmpeg, "-i", source, "-filter_complex", "[0:v]split[a][b];[b]scale=640:360[c]",
        "-map", "[a]", "-map", "[c]", "-map", "0:a", "-c:v", "libx264", "-preset", "veryfast", "-b:v", "300k",
        "-maxrate", "300k", "-bufsize", "600k", "-force_key_frames", "expr:gte(t,n_forced*2)", "-g", "600",
        "-c:a", "aac", "-b:a", "64k", "-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod",
        "-hls_flags", "independent_segments", "-master_pl_name", "master.m3u8",
        "-var_stream_map", "v:0,agroup:sound,name:1 v:1,agroup:sound,name:2 a:0,agroup:sound,name:a",
        "-hls_segment_filename", folder / "v%v" / "index%d.ts", folder / "v%v" / "index.m3u8",
    )  # fmt: skip
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {**files, "thumbnail.jpg": THUMBNAIL}


@pytest.fixture
def publish(stores: Stores, hls: Files, source: Path) -> Publish:
    """Make a READY video whose objects are `hls`, with some replaced (bytes) or left out (None)."""

    def make(*, upload: bool = False, duration: int = SECONDS, **changed: bytes | None) -> VideoRow:
        row = make_video(stores, status="READY", duration=duration)
        put(stores, row, {**hls, **{_name(name): body for name, body in changed.items()}})
        if upload:
            stores.r2.put(stores.settings.r2.video_bucket, row.file_key, source)
        return row

    return make


def put(stores: Stores, row: VideoRow, files: Mapping[str, bytes | None]) -> None:
    folder = keys.hls_folder(row.tenant_id, row.id)
    for name, body in files.items():
        if body is not None:
            stores.r2.put(stores.settings.r2.video_bucket, folder + name, body)


def _name(word: str) -> str:
    """A keyword as an object name: v1__index0_ts -> v1/index0.ts."""
    stem, _, suffix = word.replace("__", "/").rpartition("_")
    return f"{stem}.{suffix}"


@dataclass(frozen=True)
class Ran:
    """What a command line left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Stdout as exactly one JSON object."""
        data = json.loads(self.out)
        assert isinstance(data, dict)
        return data


class Cli:
    """Runs command lines in this process, in the test's environment."""

    def __init__(
        self, env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.set(**env, ACADEMYCTL_LANG="en")

    def set(self, **env: str) -> None:
        for name, value in env.items():
            self._monkeypatch.setenv(name, value)

    def __call__(self, *words: object) -> Ran:
        self._capsys.readouterr()
        code = main([str(word) for word in words])
        said = self._capsys.readouterr()
        return Ran(code, said.out, said.err)


@pytest.fixture
def cli(
    platform_env: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "LOCALAPPDATA": str(tmp_path / "state")}
    return Cli({**platform_env, **state}, monkeypatch, capsys)


_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(\+00:00|Z)"), "<time>"),
    (re.compile(r"t\d+-\d+-video"), "<queue>"),
    (re.compile(r"\b\d+ s (left|old|more|ago)"), r"<n> s \1"),
    (re.compile(r"expires in \d+ s"), "expires in <n> s"),
    (re.compile(r"PX \d+"), "PX <ms>"),
    (re.compile(r"\b\d+ bytes"), "<n> bytes"),
    (re.compile(r"\(최대 \d+초\)|up to \d+ s|최대 \d+초"), "<wait>"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


def golden(name: str, text: str) -> None:
    """Compare with golden/NAME.txt, times and random names blanked out. UPDATE_GOLDENS=1 rewrites it."""
    for pattern, blank in _VARYING:
        text = pattern.sub(blank, text)
    path = Path(__file__).parent / "golden" / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8")
