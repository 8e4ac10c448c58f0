"""`message show`: all that is known of one text."""

from __future__ import annotations

from academyctl.cli._common import Session
from academyctl.errors import EXIT_CANNOT_TELL, EXIT_OK
from academyctl.output import Format


def show(here: Session, key: str, *, check: bool, fmt: Format) -> int:
    """Print it; the exit code: 3 when a part could not be read. Raises UsageError, DatabaseAway, ConfigError."""
    from academyctl import output
    from academyctl.message_state import gather
    from academyctl.message_status import as_json, as_text

    picture = gather(here.stores(), key, check=check)
    output.emit(as_json(picture, here.lang), fmt=fmt, table=lambda: as_text(picture, here.lang))
    if fmt == Format.table:
        for error in picture.away.values():
            output.fail(error)
    return EXIT_CANNOT_TELL if picture.away else EXIT_OK
