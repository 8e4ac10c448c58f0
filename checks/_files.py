"""Files that are there whole or not at all: a half-written report is read as a good one."""

from __future__ import annotations

import os
from pathlib import Path

from academyctl.errors import Both, UsageError


def write(path: Path, text: str, *, private: bool = False) -> None:
    """Write UTF-8 with plain line ends in one step. `private`: for its owner alone. Raises UsageError."""
    # Through a link to the file it means; a device or a pipe cannot be replaced.
    path = path.resolve()
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", newline="\n")
            return
        half = path.with_name(f".{path.name}.{os.getpid()}")
        half.unlink(missing_ok=True)
        handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            half.replace(path)
        finally:
            half.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written",
            why=error.strerror or str(error),
            remedy=Both("name a file in a folder that you may write to", "쓸 수 있는 폴더의 파일을 지정하세요"),
        ) from error
