"""`academyctl excel template`: an empty class list, written where it overwrites nothing by accident."""

from __future__ import annotations

from pathlib import Path

from academyctl.cli._common import Session
from academyctl.errors import Both, UsageError, WorkFailed
from academyctl.output import Format

SUFFIX = ".xlsx"


def template(here: Session, file: Path, *, with_example: bool, force: bool, fmt: Format) -> None:
    """Write it and say where. Raises UsageError for another suffix or a file that is there, WorkFailed for a disk."""
    from academyctl import output
    from academyctl.roster.template import SHEET, write_template

    if file.suffix.lower() != SUFFIX:
        raise UsageError(
            f"{file} is not called {SUFFIX}",
            remedy=Both(f"name it {file.stem}{SUFFIX}", f"파일 이름을 {file.stem}{SUFFIX} 로 지정하세요"),
        )
    if file.exists() and not force:
        raise UsageError(
            f"{file} is there already",
            remedy=Both("choose another name, or say --force", "다른 이름을 쓰거나 --force 를 붙이세요"),
            code="exists",
        )
    try:
        write_template(file, with_example=with_example)
    except OSError as error:
        raise WorkFailed(
            f"{file} could not be written",
            why=error.strerror or str(error),
            remedy=Both("close it in Excel, or write elsewhere", "엑셀에서 파일을 닫거나 다른 위치에 쓰세요"),
        ) from error
    said = Both(
        f"{file}: fill in the sheet '{SHEET}', then: academyctl excel check {file}",
        f"{file}: '{SHEET}' 시트를 채운 뒤 확인하세요: academyctl excel check {file}",
    )
    output.emit({"version": 1, "file": file, "sheet": SHEET}, fmt=fmt, table=lambda: said.pick(here.lang))
