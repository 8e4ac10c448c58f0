"""The text of images. What needs Tesseract is skipped where it is not installed."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from academyctl.errors import Stopping
from academyctl.settings import load
from academyctl.stores import Stores
from tests.ai_tasks.export_work import HeldWork
from workers.ai_tasks import ocr
from workers.ai_tasks._model import JobFailed

installed = pytest.mark.skipif(
    bool(ocr.missing(load({}).settings)), reason=f"here is missing: {ocr.missing(load({}).settings)}"
)
KOREAN = Path("/usr/share/fonts/truetype/nanum/NanumGothic.ttf")


def png(*lines: str, font: Any = None) -> bytes:
    picture = Image.new("RGB", (1000, 130 * len(lines)), "white")
    for number, line in enumerate(lines):
        ImageDraw.Draw(picture).text(
            (40, 40 + 120 * number), line, fill="black", font=font or ImageFont.load_default(48)
        )
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def header_only_png(width: int, height: int) -> bytes:
    """57 bytes that say they are so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def linked(stores: Stores, folder: Path, data: bytes) -> HeldWork:
    """A job whose payload is the platform's: a presigned link."""
    key, bucket = f"ocr/{folder.name}", stores.settings.r2.excel_bucket
    stores.r2.put(bucket, key, data)
    return HeldWork(stores, folder, {"download_url": stores.r2.presign_get(bucket, key, expires_s=60)}, "1")


def run(work: HeldWork) -> dict[str, Any]:
    result = ocr.TASK.run(work)
    assert isinstance(result, dict)
    return result


@installed
def test_the_text_of_an_image_is_read(excel_platform: Stores, tmp_path: Path) -> None:
    work = linked(excel_platform, tmp_path, png("MATH TEST 2026", "Solve the equation"))
    result = run(work)
    assert [line for line in result["text"].split("\n") if line] == ["MATH TEST 2026", "Solve the equation"]
    assert result["confidence"] > 0.8
    assert (result["engine"], result["pages"]) == ("tesseract", 1)
    assert result["languages"][0] == "kor"
    assert [step for step, _ in work.seen] == ["downloading", "reading"]


@installed
@pytest.mark.skipif(not KOREAN.exists(), reason="no Korean font to draw with")
def test_korean_is_read_from_an_object_of_the_ai_bucket(excel_platform: Stores, tmp_path: Path) -> None:
    key = f"ocr/{tmp_path.name}.png"
    picture = png("수학 단원 시험지", font=ImageFont.truetype(str(KOREAN), 48))
    excel_platform.r2.put(excel_platform.settings.r2.ai_bucket, key, picture)
    assert run(HeldWork(excel_platform, tmp_path, {"file_key": key}, "1"))["text"] == "수학 단원 시험지"


@installed
def test_a_page_without_text_is_no_failure(excel_platform: Stores, tmp_path: Path) -> None:
    result = run(linked(excel_platform, tmp_path, png("")))
    assert (result["text"], result["confidence"]) == ("", None)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7 ...", "no image of a kind that is read"),
        (b"", "no image of a kind that is read"),
        (header_only_png(30_000, 30_000), "30000 x 30000 pixels, more than 64 million"),
        (png("x")[:400], "the image is damaged"),
    ],
    ids=["pdf", "empty", "bomb", "cut-off"],
)
def test_what_is_no_good_image_fails_for_good(excel_platform: Stores, tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(JobFailed, match=words):
        run(linked(excel_platform, tmp_path, data))


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({}, "payload.download_url required"),
        ({"download_url": 5, "file_key": ""}, "payload.download_url required"),
        ({"download_url": "http://169.254.169.254/latest/meta-data/"}, "no link to the platform's storage"),
        ({"download_url": "file:///etc/passwd"}, "no link to the platform's storage"),
        ({"file_key": "ocr/absent"}, "there is no object ocr/absent"),
    ],
)
def test_a_bad_payload_fails_for_good(
    excel_platform: Stores, tmp_path: Path, payload: dict[str, Any], words: str
) -> None:
    with pytest.raises(JobFailed, match=words):
        run(HeldWork(excel_platform, tmp_path, payload, "1"))


def test_a_link_that_has_expired_is_the_users_trouble(excel_platform: Stores, tmp_path: Path) -> None:
    work = linked(excel_platform, tmp_path, png("x"))
    work.payload = {"download_url": work.payload["download_url"].replace("Signature=", "Signature=0")}
    with pytest.raises(JobFailed, match="HTTP 403: the link has expired"):
        run(work)


def test_a_stop_ends_the_reading(excel_platform: Stores, tmp_path: Path) -> None:
    work = linked(excel_platform, tmp_path, png("x"))
    work.stop = lambda: Stopping("SIGTERM") if ("reading", 30) in work.seen else None
    with pytest.raises(Stopping):
        run(work)


@pytest.mark.parametrize(
    ("engine", "languages", "words"),
    [
        ("google", "kor eng", "OCR_ENGINE is google: left for the worker that has it"),
        ("auto", "", "apt-get install tesseract-ocr tesseract-ocr-kor"),
        ("tesseract", "eng osd", "apt-get install tesseract-ocr-kor"),
        ("tesseract", "kor", ""),
        ("auto", "kor eng", ""),
    ],
)
def test_what_is_missing_is_told_with_its_cure(
    engine: str, languages: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if languages:
        program = tmp_path / "tesseract"
        program.write_text(f"#!/bin/sh\necho 'List of available languages:'\nprintf '%s\\n' {languages}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    told = ocr.missing(load({"OCR_ENGINE": engine}).settings)
    assert words in told
    assert bool(words) == bool(told)
