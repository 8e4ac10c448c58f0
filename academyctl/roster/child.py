"""The process that reads one uploaded file: a request on stdin, a Reading on stdout, the good rows in the spool.

Started by `academyctl.roster.reading` under the limits of `academyctl.sandbox`. Nothing that a file holds is written to
stderr, and every way to fail but a crash of the process is a Reading that says so.
"""

from __future__ import annotations

import json
import sys

from academyctl.roster._refusals import refusal
from academyctl.roster._wire import request_from, to_json
from academyctl.roster.model import Document, Reading, RosterRefused
from academyctl.roster.opening import open_book

SPOOL_BUFFER = 1 << 20


def answer(request: Document) -> Reading:
    """Read the file. Never raises for what it holds."""
    path, ask, limits, spool = request_from(request)
    try:
        book = open_book(path, limits)
        from academyctl.roster.understand import understand

        with spool.open("wb", buffering=SPOOL_BUFFER) as out:
            return understand(book, ask, limits, out)
    except RosterRefused as refused:
        return Reading("refused", refused.kind, refused)
    except MemoryError:
        return _refused("too-heavy")
    except Exception as error:  # noqa: BLE001 - whatever a file makes a parser do, it is the file that cannot be read
        print(f"reading failed: {_where(error)}", file=sys.stderr)  # noqa: T201  (for whoever debugs the parent)
        return _refused("unreadable")


def _refused(code: str) -> Reading:
    return Reading("refused", "", refusal(code))


def _where(error: Exception) -> str:
    """The error's type and the line of ours that it passed last: its words may hold the file's."""
    trace, last = error.__traceback__, "?"
    while trace is not None:
        last = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__} at {last}"


def main() -> None:
    reading = answer(json.load(sys.stdin.buffer))
    sys.stdout.buffer.write(json.dumps(to_json(reading), ensure_ascii=False).encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
