"""Reads the text of one image, in a process of its own: `python -m academyctl.ocr_child IMAGE LANGUAGES`.

Prints {"text", "confidence", "pages"} or {"refused": why} as JSON. Pillow and Tesseract read what a stranger uploaded:
`academyctl.sandbox` bounds this process and the Tesseract that it starts, and kills both.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
MAX_PIXELS = 64 * 10**6
"""Of one page; an A3 page scanned at 400 dpi has 31 million."""
MAX_PAGES = 30
_CONFIDENCE, _WORD = 10, 11
"""Columns of Tesseract's table."""


class Refused(Exception):
    """Not an image that is read; the text says why."""


def main(arguments: list[str]) -> int:
    image, languages = arguments
    try:
        answer = read(Path(image), languages)
    except Refused as refused:
        answer = {"refused": str(refused)}
    sys.stdout.buffer.write(json.dumps(answer).encode())
    return 0


def read(path: Path, languages: str) -> dict[str, Any]:
    """{text, confidence (0..1, the words' mean; None without words), pages}. Raises Refused."""
    from PIL import Image, UnidentifiedImageError

    # Judged by the header below, in our words.
    Image.MAX_IMAGE_PIXELS = None
    texts: list[str] = []
    words: list[float] = []
    try:
        with Image.open(path, formats=FORMATS) as image:
            for page in range(_pages(image)):
                text, sure = _page(_upright(image, page), languages, path.parent)
                texts.append(text)
                words += sure
    except UnidentifiedImageError as error:
        raise Refused(f"it is no image of a kind that is read ({', '.join(FORMATS)})") from error
    mean = round(sum(words) / len(words) / 100, 4) if words else None
    return {"text": "\n\n".join(text for text in texts if text), "confidence": mean, "pages": len(texts)}


def _pages(image: Any) -> int:
    with _damaged():
        pages = int(getattr(image, "n_frames", 1))
    if pages > MAX_PAGES:
        raise Refused(f"it has {pages} pages, more than {MAX_PAGES}")
    return pages


def _upright(image: Any, page: int) -> Any:
    """The page as a person holds it, its pixels in memory. Raises Refused."""
    from PIL import ImageOps

    with _damaged():
        if page:
            image.seek(page)
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise Refused(f"a page has {width} x {height} pixels, more than {MAX_PIXELS // 10**6} million")
        return ImageOps.exif_transpose(image).convert("RGB")


@contextmanager
def _damaged() -> Iterator[None]:
    try:
        yield
    except (Refused, MemoryError):
        raise
    except Exception as error:  # Pillow has another error for damage in every format
        raise Refused(f"the image is damaged ({type(error).__name__})") from error


def _page(image: Any, languages: str, work: Path) -> tuple[str, list[float]]:
    from pytesseract.pytesseract import run_tesseract

    source, base = work / "page.png", work / "page"
    image.save(source, compress_level=1)
    # Tesseract looks for columns first, and finds an "empty page" where there are only a few lines of text.
    for layout in ("--psm 3", "--psm 6"):
        # One run for both: the plain text has Korean's blanks right, the table tells how sure it is of each word.
        run_tesseract(str(source), str(base), "txt", languages, f"{layout} -c tessedit_create_tsv=1")
        text = base.with_suffix(".txt").read_text(encoding="utf-8").replace("\x00", "").strip()
        if text:
            break
    rows = [line.split("\t") for line in base.with_suffix(".tsv").read_text(encoding="utf-8").splitlines()[1:]]
    sure = [float(row[_CONFIDENCE]) for row in rows if len(row) > _WORD and row[_WORD].strip()]
    return re.sub(r"\n{3,}", "\n\n", text), [value for value in sure if value >= 0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
