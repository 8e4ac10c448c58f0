"""Can a service be used at all? The same questions, codes and remedies for every service with keys and an endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from checks import _trouble as t
from checks._model import Because, Check, Finding, Kind, State, Verdict
from checks._trouble import Trouble

CLOCK_S = 60
"""AWS refuses signatures that are 15 minutes off; a clock that is a minute off is on its way there."""
_SHOW = ("academyctl config show",)
# Cause of the trouble -> (code, state, whose fault it is, next commands, on the embedded stack).
_TABLE: tuple[tuple[str, str, State, Verdict | None, tuple[str, ...], tuple[str, ...]], ...] = (
    (t.KEY, "key-unknown", State.fail, Verdict.settings, _SHOW, ()),
    (t.SECRET, "secret-wrong", State.fail, Verdict.settings, _SHOW, ()),
    (t.NO_KEY, "no-credentials", State.fail, Verdict.settings, _SHOW, ()),
    (t.EXPIRED, "credentials-expired", State.fail, Verdict.settings, _SHOW, ()),
    (t.CLOCK, "clock-wrong", State.fail, Verdict.infrastructure, ("academyctl diagnose {topic}",), ()),
    (t.DENIED, "denied", State.fail, Verdict.settings, _SHOW, ()),
    (t.UNREACHABLE, "unreachable", State.fail, Verdict.infrastructure, _SHOW, ("academyctl local up",)),
    (t.HOST, "host-unknown", State.fail, Verdict.settings, _SHOW, ()),
    (t.STRANGER, "stranger", State.fail, Verdict.infrastructure, _SHOW, ()),
    (t.SETUP, "setup", State.fail, Verdict.settings, _SHOW, ()),
    (t.TIMEOUT, "timeout", State.unknown, Verdict.infrastructure, ("academyctl diagnose {topic} --timeout 30",), ()),
    (t.THROTTLED, "throttled", State.unknown, Verdict.capacity, ("academyctl diagnose {topic}",), ()),
    (t.ODD, "odd", State.unknown, None, ("academyctl diagnose {topic}",), ()),
)
# When several calls failed differently, what is told: the account-wide causes before the passing ones.
_ORDER = tuple(row[0] for row in _TABLE)
# With one of these the next call would fail in the same way.
WHOLE = frozenset(_ORDER) - {t.DENIED, t.ODD}


def access_kinds(topic: str, because: Mapping[str, Sequence[Because]] | None = None) -> dict[str, Kind]:
    """The kinds of one service, by trouble cause; `because` adds what explains a cause."""
    because = because or {}
    return {
        cause: Kind(f"{topic}.{code}", state, verdict, commands, local, tuple(because.get(cause, ())))
        for cause, code, state, verdict, commands, local in _TABLE
    }


def worst(troubles: Iterable[Trouble]) -> Trouble | None:
    """The trouble that says most about why nothing works."""
    return min(troubles, key=lambda one: _ORDER.index(one.cause) if one.cause in _ORDER else len(_ORDER), default=None)


def access_finding(kinds: Mapping[str, Kind], topic: str, troubles: Sequence[Trouble], **values: object) -> Finding:
    """One finding for all the troubles of a service that did nothing for us."""
    first = worst(troubles)
    assert first is not None
    kind = kinds.get(first.cause, kinds[t.ODD])
    action = first.what.partition(" ")[0]
    given = {"topic": topic, "why": first.told, "action": action, **values}
    # One line a cause: ten queues with one bad key need no ten lines.
    told = {one.cause: (one.what, one.told) for one in reversed((first, *troubles))}
    return kind.found("", *reversed(told.values()), **given)


def clock_kinds(topic: str, because: tuple[Because, ...] = ()) -> tuple[Kind, Kind]:
    """(our clock is off, the service did not tell its time)."""
    again = (f"academyctl diagnose {topic}",)
    return (
        Kind(f"{topic}.clock-off", State.warn, Verdict.infrastructure, again, because=because),
        Kind(f"{topic}.clock-unseen", State.unknown, None, again),
    )


def clock_finding(check: Check, service: str, skew_s: float | None) -> Finding:
    """Our clock against a service's own, as its answers told it (None: they did not)."""
    off, unseen = check.kinds
    source = f"{service}, header Date"
    if skew_s is None:
        return unseen.found("", (source, "not there"), service=service)
    if abs(skew_s) > CLOCK_S:
        return off.found("", (source, f"{skew_s:+.0f} s"), seconds=f"{abs(skew_s):.0f}", service=service)
    return check.ok("", seconds=f"{abs(skew_s):.0f}")
