"""The body of `academyctl video stuck`: find or take the videos, look, judge by the table, tell."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from academyctl.cli._common import Session
from academyctl.errors import StoreError
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.stores.readonly import ReadOnlyStores
    from checks._stuck_report import Report


def run(here: Session, ids: Sequence[int], *, limit: int, follow: bool, every_s: float, fmt: Format) -> int:
    """The exit code. With `follow` until all is well; ^C ends it."""
    if follow:
        return _run(here, ids, limit, every_s, fmt)
    # A tenth of the CPU time: the client libraries make many objects, and the process ends in a moment.
    gc.disable()
    try:
        return _run(here, ids, limit, None, fmt)
    finally:
        gc.enable()


def _run(here: Session, ids: Sequence[int], limit: int, every_s: float | None, fmt: Format) -> int:
    from academyctl import output
    from academyctl.stores.readonly import ReadOnlyStores
    from checks import _stuck_report
    from checks._paper import paper_of

    # Everything is read with stores that cannot change anything; only dead letters need a receive.
    with closing(ReadOnlyStores(here.loaded.settings)) as stores:
        look = _looker(here, stores, ids, limit)
        report = look() if every_s is None else _followed(look, every_s, quiet=fmt == Format.json)
        if fmt == Format.json or every_s is None:
            paper = paper_of(sys.stdout)
            output.emit(_stuck_report.as_json(report), fmt=fmt, table=lambda: _stuck_report.as_text(report, paper))
        return report.exit_code


def _followed(look: Callable[[], Report], every_s: float, *, quiet: bool) -> Report:
    from academyctl import output
    from checks._paper import paper_of
    from checks._stuck_watch import watch

    def tell(text: str) -> None:
        if not quiet:
            output.emit({}, table=lambda: text)

    def pause() -> bool:
        time.sleep(every_s)
        return True

    return watch(look, pause, tell, paper_of(sys.stdout))


def _looker(here: Session, stores: ReadOnlyStores, ids: Sequence[int], limit: int) -> Callable[[], Report]:
    from checks import _stuck_reads, _stuck_report
    from checks._engine import utc_now
    from checks._stuck import look
    from checks._stuck_table import judge
    from checks._texts import Shell

    letters = _stuck_reads.letters_of(here.stores())
    shell = Shell(os.name == "nt", _options(here))
    for client in ("sqs", "r2"):
        # The look meets the same error again and says what it means.
        with suppress(StoreError):
            stores.open_client(client)

    def once() -> Report:
        started = time.monotonic()
        picture = look(stores, ids, limit=0 if ids else limit, letters=letters)
        now = utc_now()
        cases = tuple(judge(facts, now) for facts in picture.videos)
        return _stuck_report.Report(picture, cases, time.monotonic() - started, here.lang, not ids, shell)

    return once


def _options(here: Session) -> tuple[str, ...]:
    """This run's global options, so that the commands it proposes look at the same settings."""
    given = (("--profile", here.profile), ("--config", here.config))
    return tuple(word for option in given if option[1] for word in option)
