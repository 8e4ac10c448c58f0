"""The tables of a verification, word for word."""

from __future__ import annotations

import io

import pytest

from academyctl import output
from academyctl.hls_decode import Decoded
from academyctl.hls_report import Problem, Rendition, VerifyReport
from academyctl.video_report import verify_rows, verify_text
from tests.video_commands.conftest import golden

FOLDER = "tenants/1/video/hls/7/"
RENDITIONS = (
    Rendition(
        "v1", "video", f"{FOLDER}v1/index.m3u8", "avc1.64001e,mp4a.40.2", (640, 360), 30.0, 900_000,
        tuple(f"{FOLDER}v1/index{n}.ts" for n in range(15)), 3_100_000, 60.0, Decoded(60.0, None, 1800), 60.0,
    ),
    Rendition(
        "audio", "audio", f"{FOLDER}audio/index.m3u8", "mp4a.40.2", None, None, 0,
        tuple(f"{FOLDER}audio/index{n}.ts" for n in range(15)), 960_000, 60.02, Decoded(None, 60.01, 0), 60.01,
    ),
)  # fmt: skip
WHOLE = VerifyReport(7, 1, FOLDER, 34, 4_062_000, 60, Decoded(60.0, 60.0, 1800), RENDITIONS)
BROKEN = VerifyReport(
    7, 1, FOLDER, 33, 4_000_000, 60, None, RENDITIONS[:1],
    problems=(
        Problem("segment-missing", f"{FOLDER}v1/index3.ts", "the playlist names it, R2 does not have it"),
        Problem("duration", f"{FOLDER}v1/index.m3u8", "56.000 s of video can be played, the row says 60.000 s"),
    ),
    orphans=(f"{FOLDER}v2/index0.ts",),
    notes=(f"no thumbnail: {FOLDER}thumbnail.jpg",),
)  # fmt: skip
EARLY = VerifyReport(7, 1, FOLDER, problems=(Problem("not-ready", "", "the row says PROCESSING, not READY"),))


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_verification_reads_like_this(lang: str) -> None:
    screen = io.StringIO()
    for report in (WHOLE, BROKEN, EARLY):
        if report.renditions:
            output.console(screen).print(verify_rows(report))
        screen.write(verify_text(report, lang) + "\n")
    golden(f"verify-{lang}", screen.getvalue())
