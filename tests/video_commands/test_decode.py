"""Lengths are measured on frames, so a hole or a cut shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from academyctl.errors import AwsError, WorkFailed
from academyctl.hls_decode import decode, source_length
from tests.video_commands.conftest import SECONDS, Files


def segments(hls: Files, rendition: str) -> list[bytes]:
    return [hls[f"{rendition}/index{n}.ts"] for n in range(SECONDS // 2)]


def test_a_whole_rendition_decodes_to_its_length(ffmpeg: Path, hls: Files) -> None:
    found = decode(ffmpeg, segments(hls, "v1"))
    assert found.video_s == pytest.approx(SECONDS, abs=0.05)
    assert found.frames == SECONDS * 25
    assert found.errors == ()
    sound = decode(ffmpeg, segments(hls, "va"))
    assert sound.video_s is None
    assert sound.audio_s == pytest.approx(SECONDS, abs=0.1)


def test_a_missing_segment_is_a_hole_in_the_picture_and_shorter_sound(ffmpeg: Path, hls: Files) -> None:
    first, _, last = segments(hls, "v1")
    found = decode(ffmpeg, [first, last])
    assert found.video_s == pytest.approx(SECONDS, abs=0.05)
    assert found.holes_s == pytest.approx(1.04, abs=0.05)
    assert found.frames < SECONDS * 25 - 40
    sound = decode(ffmpeg, [segments(hls, "va")[0], segments(hls, "va")[2]])
    assert sound.audio_s == pytest.approx(SECONDS - 2, abs=0.1)


def test_a_missing_end_is_a_shorter_picture(ffmpeg: Path, hls: Files) -> None:
    found = decode(ffmpeg, segments(hls, "v1")[:2])
    assert found.video_s == pytest.approx(4, abs=0.05)
    assert found.holes_s == 0.0


def test_a_segment_cut_at_a_packet_border_lacks_pictures(ffmpeg: Path, hls: Files) -> None:
    first, middle, last = segments(hls, "v1")
    found = decode(ffmpeg, [first, middle[: len(middle) // 188 // 2 * 188], last])
    assert found.frames < SECONDS * 25 - 10


def test_bytes_that_are_no_video_are_told_in_ffmpegs_words(ffmpeg: Path) -> None:
    found = decode(ffmpeg, [b"no video at all" * 500])
    assert (found.video_s, found.audio_s) == (None, None)
    assert found.errors
    assert " @ 0x" not in " ".join(found.errors)


def test_an_error_of_the_input_reaches_the_caller(ffmpeg: Path, hls: Files) -> None:
    def broken() -> Iterator[bytes]:
        yield segments(hls, "v1")[0]
        raise AwsError("r2:GetObject failed", cause="unreachable")

    with pytest.raises(AwsError):
        decode(ffmpeg, broken())


def test_a_program_that_is_not_there_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(WorkFailed, match="no-ffmpeg"):
        decode(tmp_path / "no-ffmpeg", [])


def test_a_source_is_measured_by_its_packets(ffmpeg: Path, source: Path) -> None:
    found = source_length(ffmpeg, source)
    assert found.video_s == pytest.approx(SECONDS, abs=0.02)
    assert found.audio_s == pytest.approx(SECONDS, abs=0.1)


def test_a_playlist_in_a_sources_clothes_is_not_opened(ffmpeg: Path, hls: Files, tmp_path: Path) -> None:
    (tmp_path / "index0.ts").write_bytes(hls["v1/index0.ts"])
    (tmp_path / "source.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:2,\nindex0.ts\n", encoding="utf-8")
    found = source_length(ffmpeg, tmp_path / "source.mp4")
    assert found.video_s is None
    assert found.errors
