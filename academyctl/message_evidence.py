"""What Solapi's list says of a text that we gave it, or may have: accepted, refused, never there, or nobody can tell.

The list cannot be searched by our key, so it is asked by recipient and time; our key stands in its customFields. That
a text is not there is believed only when a request can no longer arrive (settings.messaging.resend_after_s).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from academyctl.errors import SolapiAway
from academyctl.messaging.model import Row, State

if TYPE_CHECKING:
    from academyctl.settings import Settings
    from academyctl.stores import Stores
    from academyctl.stores.solapi_sending import Listed

ASK_S = 5
"""A person waits for the answer."""
_AROUND = timedelta(days=1)
"""Asked so far before and after: every clock but Solapi's may be wrong, and what is not seen is sent again."""
_AHEAD_S = 10.0
"""resend_after_s has room for so much: 15 minutes of Solapi's, and 45 s from SENDING to the signature."""
_SLACK = timedelta(minutes=20)
"""Solapi's clock and ours may differ by its 15 minutes."""


class Told(StrEnum):
    """`accepted` and `refused`: found with our key. `early`: not there, but a request may still arrive. `alike`: one
    with the same text to the same phone and without our key. `absent`: it never got there. `unasked`: it was never
    handed over, so nobody was asked."""

    accepted = "accepted"
    refused = "refused"
    alike = "alike"
    early = "early"
    absent = "absent"
    unasked = "unasked"


@dataclass(frozen=True)
class Seen:
    """What the list said. `entry` is the one that decides; `away` why it could not be asked (`told` is then None)."""

    told: Told | None
    entry: Listed | None = None
    wait_s: float = 0.0
    away: SolapiAway | None = None

    @property
    def sent(self) -> bool | None:
        """What it says became of the text; None where that is left to a person."""
        if self.told is Told.accepted:
            return True
        return False if self.told in (Told.refused, Told.absent, Told.unasked) else None

    def evidence(self) -> dict[str, Any]:
        """For the row, without phone number and text."""
        if self.told is None:
            return {}
        entry = self.entry
        found = {} if entry is None else {
            "message_id": entry.message_id, "group_id": entry.group_id, "status_code": entry.status_code,
            "created_at": entry.created_at.astimezone(UTC).isoformat() if entry.created_at else None,
        }  # fmt: skip
        return {"list": str(self.told), **found}


def ask(stores: Stores, row: Row, *, ask_s: int = ASK_S) -> Seen:
    """Ask Solapi's list about a text, briefly. What it cannot say is in `away`, not raised."""
    from academyctl.stores.solapi_sending import Sender

    if row.sending_at is None:
        return Seen(Told.unasked)
    since, until = window([row], datetime.now(UTC))
    try:
        with closing(Sender(_hurried(stores.settings, ask_s))) as sender:
            listed = sender.find(row.recipient, since, until)
            late_s = dead_after_s(stores.settings, sender.clock_ahead_s)
    except SolapiAway as error:
        return Seen(None, away=error)
    return judge(row, listed, late_s)


def dead_after_s(settings: Settings, clock_ahead_s: float | None) -> float:
    """How long after it was begun a request can arrive no more. A clock that is ahead signs what lives longer."""
    return settings.messaging.resend_after_s + max(0.0, (clock_ahead_s or 0.0) - _AHEAD_S)


def window(rows: Sequence[Row], *now: datetime) -> tuple[datetime, datetime]:
    """Since when and until when these texts can be in the list, whichever clock is wrong. `now`: by any of them."""
    # The first request of a text may be older than the last one.
    times = [*now, *(row.created_at for row in rows), *(row.sending_at for row in rows if row.sending_at is not None)]
    return min(times) - _AROUND, max(times) + _AROUND


def judge(row: Row, listed: Sequence[Listed], resend_after_s: float) -> Seen:
    """What these entries of the list for its phone say of the row.

    What is older than its request cannot be its doing. An Alimtalk's text is the template's, which we never had: one
    without our key cannot be told from ours.
    """
    ours = [one for one in listed if one.key == row.key]
    accepted = next((one for one in ours if not one.status_code.startswith("1")), None)
    if accepted is not None:
        return Seen(Told.accepted, accepted)
    stage = "fallback" if row.fallback else "first"
    refused = next((one for one in ours if one.stage == stage), None)
    if row.state is State.CLAIMED:
        return Seen(Told.unasked, refused)
    # The list does not say which request it was: after an earlier one (sent again by an operator) only time tells.
    if refused is not None and row.attempt <= (2 if row.fallback else 1):
        return Seen(Told.refused, refused)
    if row.sending_age_s < resend_after_s:
        return Seen(Told.early, wait_s=resend_after_s - row.sending_age_s)
    begun = (row.sending_at or row.created_at) - _SLACK
    near = [one for one in listed if not one.key and one.created_at is not None and one.created_at >= begun]
    alike = next((one for one in near if row.kind == "ATA" or one.text_sha256 == row.text_sha256), None)
    return Seen(Told.alike, alike) if alike is not None else Seen(Told.absent)


def _hurried(settings: Settings, ask_s: int) -> Settings:
    request_s = min(ask_s, settings.messaging.request_s)
    return settings.model_copy(update={"messaging": settings.messaging.model_copy(update={"request_s": request_s})})
