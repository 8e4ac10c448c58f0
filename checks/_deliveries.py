"""What academyctl's own tables tell of texts: undecided, left halfway, unpaid, money that does not add up; quiet hours.

The tables are the messaging worker's: nothing of the platform knows of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checks import _solapi
from checks import _trouble as t
from checks._model import Because, Check, Finding, Kind, Snapshot, State, Verdict, World

HALFWAY_MIN = 30
"""A worker decides within 16 minutes what broke off, and within an hour while Solapi's list is away."""
UNPAID_DAYS = 3
_LISTED = 5


@dataclass(frozen=True)
class Waiting:
    """Texts of an academy, by its code. `oldest_s` since the first of them was claimed; 0 where nobody asked."""

    tenant: str
    count: int
    oldest_s: int = 0


@dataclass(frozen=True)
class Halfway:
    """A text that was claimed and not ended; `quiet_s` since its lease ran out."""

    key: str
    state: str
    tenant: str
    quiet_s: int


@dataclass(frozen=True)
class Sums:
    """Of an academy whose sums differ: `owed` in its account, `entered` in the ledger, `billed` in its texts, in
    hundredths of a won; `paid` in its account and `won` in the ledger, in won."""

    tenant: str
    owed: int
    entered: int
    billed: int
    paid: int
    won: int


@dataclass(frozen=True)
class Texts:
    unknown: tuple[Waiting, ...] = ()
    halfway: tuple[Halfway, ...] = ()
    halfway_total: int = 0
    unpaid: tuple[Waiting, ...] = ()
    ledger: tuple[Sums, ...] = ()
    added_up: bool = True
    """False where the ledger is too large to be added up in passing."""


@dataclass(frozen=True)
class Hush:
    """An academy whose quiet hours are in force, and for how many minutes yet."""

    tenant: str
    minutes: int


@dataclass(frozen=True)
class Own:
    """`texts` is None without the tables. `set_up`: a messaging worker could be started with these settings."""

    texts: Texts | None = None
    set_up: bool = True
    hushed: tuple[Hush, ...] = ()
    quiet_odd: str = ""

    @property
    def hush(self) -> dict[str, object]:
        """Values that tell of quiet hours."""
        names = [one.tenant for one in self.hushed]
        told = ", ".join(names[:_LISTED]) + (" ..." if len(names) > _LISTED else "")
        return {"count": len(names), "who": told, "minutes": max((one.minutes for one in self.hushed), default=0)}


def own(world: World, rows: Mapping[str, Sequence[Mapping[str, Any]]], *, set_up: bool) -> Own:
    """From the rows of `_messages.rows`, and the setting of quiet hours for the academies that send."""
    from academyctl.errors import ConfigError
    from academyctl.messaging.quiet import Quiet

    texts = _texts(rows) if "unknown" in rows else None
    try:
        quiet = Quiet.parse(world.stores.settings.messaging.quiet_hours)
    except ConfigError as error:
        return Own(texts, set_up, (), str(error))
    waits = ((str(row["code"]), quiet.wait_s(row["code"], world.now())) for row in rows.get("tenants", ()))
    return Own(texts, set_up, tuple(Hush(code, round(wait / 60)) for code, wait in waits if wait > 0))


def _texts(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> Texts:
    from academyctl.stores.delivery_reads import LEDGER_MOST

    halfway = rows["halfway"]
    return Texts(
        unknown=tuple(Waiting(row["tenant"], row["count"], row["oldest_s"]) for row in rows["unknown"]),
        halfway=tuple(Halfway(row["key"], row["state"], row["tenant"], row["quiet_s"]) for row in halfway),
        halfway_total=halfway[0]["total"] if halfway else 0,
        unpaid=tuple(Waiting(row["tenant"], row["count"]) for row in rows["unpaid"]),
        ledger=tuple(Sums(**row) for row in rows["ledger"]),
        added_up=rows["entered"][0]["entries"] <= LEDGER_MOST,
    )


_NO_WORK = (Because("sqs.not-consumed", ("word",)), Because("workers.absent", ("role",)))
# While Solapi takes nothing, its texts wait.
_NO_SOLAPI = (
    *(Because(_solapi.ACCESS_KINDS[cause].code) for cause in
      (t.KEY, t.SECRET, t.CLOCK, t.DENIED, t.UNREACHABLE, t.HOST, t.STRANGER, t.SETUP)),
    Because(_solapi.EMPTY.code),
)  # fmt: skip
NOT_MIGRATED = Kind(
    "messaging.not-migrated", State.warn, Verdict.settings, ("academyctl db migrate",), stops=True
)  # fmt: skip
UNKNOWN = Kind(
    "messaging.texts-unknown", State.fail, Verdict.data, ("academyctl message list --state unknown",)
)  # fmt: skip
HALFWAY = Kind(
    "messaging.texts-halfway", State.warn, Verdict.data, ("academyctl message list --state open",),
    because=(*_NO_WORK, *_NO_SOLAPI),
)  # fmt: skip
UNPAID = Kind(
    "messaging.credit-waits", State.warn, Verdict.data,
    ("academyctl message redrive --tenant {subject} --reason insufficient_balance",),
    because=(Because("messaging.tenant-credit", ("tenant",)),),
)  # fmt: skip
LEDGER = Kind("messaging.ledger-differs", State.fail, Verdict.code, ("academyctl credit ledger {subject}",))
LEDGER_LARGE = Kind("messaging.ledger-large", State.ok)
QUIET_ODD = Kind(
    "messaging.quiet-odd", State.fail, Verdict.settings, ("academyctl config show --section messaging",)
)  # fmt: skip
QUIET_NOW = Kind("messaging.quiet-now", State.ok)


TABLES = "messaging.tables"


def checks(see: Callable[[Snapshot], Own]) -> tuple[Check, ...]:
    """The checks over what `see` finds in a snapshot."""

    def judged(judge: Callable[[Own], Iterator[Finding]]) -> Callable[[Snapshot], Iterator[Finding]]:
        return lambda snapshot: judge(see(snapshot))

    needs = (TABLES,)
    return (
        Check(TABLES, judged(_judge_tables), ("messaging.rows",), (NOT_MIGRATED,)),
        Check("messaging.decided", judged(_judge_unknown), needs, (UNKNOWN,)),
        Check("messaging.finished", judged(_judge_halfway), needs, (HALFWAY,)),
        Check("messaging.paid", judged(_judge_unpaid), needs, (UNPAID,)),
        Check("messaging.ledger", judged(_judge_ledger), needs, (LEDGER, LEDGER_LARGE)),
        Check("messaging.quiet", judged(_judge_quiet), ("messaging.rows",), (QUIET_ODD, QUIET_NOW)),
    )


def _judge_tables(seen: Own) -> Iterator[Finding]:
    if seen.texts is not None:
        yield _ok(TABLES)
    elif seen.set_up:
        yield NOT_MIGRATED.found("", ("database", "academyctl_message_delivery is not there"))
    else:
        yield Kind(TABLES, State.skip).found("", need="messaging.configured")


def _judge_unknown(seen: Own) -> Iterator[Finding]:
    found = _had(seen).unknown
    if not found:
        yield _ok("messaging.decided")
        return
    evidence = [(f"academyctl_message_delivery {one.tenant}", f"UNKNOWN={one.count}") for one in found[:_LISTED]]
    hours = max(one.oldest_s for one in found) // 3600
    yield UNKNOWN.found("", *evidence, count=sum(one.count for one in found), who=_who(found), hours=hours)


def _judge_halfway(seen: Own) -> Iterator[Finding]:
    texts = _had(seen)
    # What broke off is repeated when the academy's quiet hours end.
    quiet = {one.tenant for one in seen.hushed}
    left = [one for one in texts.halfway if one.tenant not in quiet]
    if not left:
        yield _ok("messaging.finished")
        return
    evidence = [
        (f"academyctl_message_delivery {one.key}", f"{one.state}, no lease for {one.quiet_s // 60} min") for one in left
    ]
    yield HALFWAY.found("", *evidence, count=texts.halfway_total, minutes=HALFWAY_MIN, word="messaging",
                        role="messaging")  # fmt: skip


def _judge_unpaid(seen: Own) -> Iterator[Finding]:
    found = _had(seen).unpaid
    for one in found:
        evidence = (f"academyctl_message_delivery {one.tenant}", f"FAILED insufficient_balance={one.count}")
        yield UNPAID.found(one.tenant, evidence, count=one.count, days=UNPAID_DAYS, tenant=one.tenant)
    if not found:
        yield _ok("messaging.paid")


def _judge_ledger(seen: Own) -> Iterator[Finding]:
    found = _had(seen).ledger
    for one in found:
        yield LEDGER.found(
            one.tenant,
            ("academyctl_credit_account", f"owed_cents={one.owed} paid={one.paid}"),
            ("academyctl_credit_entry", f"sum of prices={one.entered} sum of won={one.won}"),
            ("academyctl_message_delivery", f"prices of billed texts={one.billed}"),
        )
    if not found:
        yield _ok("messaging.ledger") if _had(seen).added_up else LEDGER_LARGE.found()


def _judge_quiet(seen: Own) -> Iterator[Finding]:
    if seen.quiet_odd:
        yield QUIET_ODD.found("", ("MESSAGING_QUIET_HOURS", seen.quiet_odd), why=seen.quiet_odd)
    elif seen.hushed:
        yield QUIET_NOW.found("", **seen.hush)
    else:
        yield _ok("messaging.quiet")


def _had(seen: Own) -> Texts:
    assert seen.texts is not None
    return seen.texts


def _ok(code: str) -> Finding:
    return Kind(code, State.ok).found()


def _who(found: Sequence[Waiting]) -> str:
    return ", ".join(one.tenant for one in found[:_LISTED]) + (" ..." if len(found) > _LISTED else "")
