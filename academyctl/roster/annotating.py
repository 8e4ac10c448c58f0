"""The error workbook made where the file was read: in a child process that a bad file may kill.

Run as a program it is that child: one JSON object on stdin says what to make (`_request`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from academyctl.errors import Both, Stopping, WorkFailed
from academyctl.roster.model import Ask, Limits

SLOWER = 4
"""Writing through openpyxl costs several times the reading; the bounds of time grow with it."""


def annotate_file(
    source: Path,
    ask: Ask,
    out: Path,
    limits: Limits,
    *,
    only_bad: bool = False,
    lang: str = "ko",
    stop_asked: Callable[[], bool] = lambda: False,
) -> None:
    """Write the error workbook (annotate.annotate) of `source`, which is understood again with the same `ask`.

    Again, because a Reading keeps the first thousand problems only and this shows all. Call it for status `errors`.
    Raises Stopping when `stop_asked` became true, WorkFailed when the child did not make it.
    """
    from academyctl import sandbox

    ended = sandbox.run_child(
        sandbox.module("academyctl.roster.annotating"),
        json.dumps(_request(source, ask, out, limits, only_bad=only_bad, lang=lang)).encode(),
        wall_s=limits.wall_s * SLOWER,
        cpu_s=limits.cpu_s * SLOWER,
        memory_bytes=limits.memory_bytes,
        stop_asked=stop_asked,
        cwd=out.parent,
    )
    if ended.reason == "ok":
        return
    out.unlink(missing_ok=True)
    if ended.reason == "stopped":
        raise Stopping("stopped while the error workbook was written")
    raise WorkFailed(
        f"the error workbook of {source.name} could not be made",
        why=f"{ended.reason}: {ended.stderr.strip().rpartition(chr(10))[2]}",
        remedy=Both("the errors are listed in the result", "오류 목록은 작업 결과에서 볼 수 있습니다"),
        code="no-error-workbook",
    )


def _request(source: Path, ask: Ask, out: Path, limits: Limits, **how: Any) -> dict[str, Any]:
    asked = {"mapping": dict(ask.mapping), "remembered": [dict(one) for one in ask.remembered], "sheet": ask.sheet}
    return {
        "source": str(source.resolve()),
        "out": str(out.resolve()),
        "ask": asked,
        "limits": asdict(replace(limits)),
        **how,
    }


def _child(request: dict[str, Any]) -> None:
    import tempfile

    out, asked = Path(request["out"]), request["ask"]
    # What openpyxl keeps on the way goes with the caller's folder, however this process ends.
    tempfile.tempdir = str(out.parent)
    ask = Ask(asked["mapping"], tuple(asked["remembered"]), asked["sheet"])
    limits = Limits(**request["limits"])
    _make(Path(request["source"]), ask, out, limits, only_bad=request["only_bad"], lang=request["lang"])


def _make(source: Path, ask: Ask, out: Path, limits: Limits, *, only_bad: bool, lang: str) -> None:
    import os

    from academyctl.roster.annotate import annotate
    from academyctl.roster.opening import open_book
    from academyctl.roster.understand import understand

    book = open_book(source, limits)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - no Path, and no file on Windows
        reading = understand(book, ask, limits, nowhere, most_told=sys.maxsize)
    annotate(book, reading.tables, reading.problems, out, only_bad=only_bad, lang=lang)


if __name__ == "__main__":
    _child(json.load(sys.stdin.buffer))
