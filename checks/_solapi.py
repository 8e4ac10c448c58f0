"""Can messages be sent through Solapi's account: its key, our clock, its money, its sender numbers (contract 6)?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from checks import _trouble as t
from checks._access import access_kinds
from checks._model import Because, Kind, State, Verdict, World
from checks._trouble import Trouble

if TYPE_CHECKING:
    from academyctl.stores.solapi import Balance

BALANCE, SENDERS = "GET /cash/v1/balance", "GET /senderid/v1/numbers/active"


@dataclass(frozen=True)
class Money:
    """In won."""

    balance: int
    point: int
    auto_recharge: bool

    @property
    def left(self) -> int:
        return self.balance + self.point


@dataclass(frozen=True)
class Account:
    """What Solapi said. Numbers of senders are counted and compared, never kept."""

    money: Money | None
    money_trouble: Trouble | None
    active: int | None
    """How many numbers may send; None with `senders_trouble`."""
    ours_active: bool
    senders_trouble: Trouble | None


_SHOW = ("academyctl config show --section solapi",)
_HAS = frozenset({t.KEY, t.SECRET, t.CLOCK, t.DENIED, t.UNREACHABLE, t.HOST, t.STRANGER, t.SETUP, t.TIMEOUT,
                  t.THROTTLED, t.ODD})  # fmt: skip
_CLOCK = (Because("aws.clock-wrong"), Because("sqs.clock-wrong"), Because("r2.clock-wrong"))
_KINDS = access_kinds("messaging", {t.CLOCK: _CLOCK})
ACCESS_KINDS: dict[str, Kind] = {
    cause: replace(kind, commands=_SHOW) if kind.commands == ("academyctl config show",) else kind
    for cause, kind in _KINDS.items()
    if cause in _HAS
}
EMPTY = Kind("messaging.balance-empty", State.fail, Verdict.capacity, ("academyctl diagnose messaging",))
LOW = Kind("messaging.balance-low", State.warn, Verdict.capacity)
SENDER = Kind("messaging.sender-unknown", State.fail, Verdict.settings, _SHOW)
UNSEEN = Kind("messaging.account-unseen", State.unknown, None, ("academyctl diagnose messaging --timeout 30",))
# What failed messages name as their reason -> the finding about the account that explains them.
EXPLAINS = (
    *(Because(ACCESS_KINDS[cause].code, ("about",)) for cause in (t.KEY, t.SECRET, t.CLOCK, t.DENIED)),
    Because(EMPTY.code, ("about",)),
    Because(SENDER.code, ("about",)),
)


def lookers(world: World) -> dict[str, Callable[[], Any]]:
    """The calls to make together with others."""
    return {BALANCE: lambda: world.stores.solapi.balance(), SENDERS: lambda: world.stores.solapi.senders()}  # noqa: PLW0108 - opening may fail too


def account(answers: Mapping[str, Any], sender: str) -> Account:
    """From the answers of `lookers`; `sender` is SOLAPI_SENDER, digits only."""
    money, senders = answers[BALANCE], answers[SENDERS]
    seen = not isinstance(senders, Trouble)
    return Account(
        money=None if isinstance(money, Trouble) else _money(money),
        money_trouble=_told_apart(money) if isinstance(money, Trouble) else None,
        active=len(senders) if seen else None,
        ours_active=seen and sender in senders,
        senders_trouble=None if seen else _told_apart(senders),
    )


def short(number: str) -> str:
    """A number as the platform's logs show it: its first four digits (contract 6.9)."""
    return f"{number[:4]}****" if number else ""


def _money(raw: Balance) -> Money:
    return Money(int(raw.balance), int(raw.point), raw.auto_recharge)


def _told_apart(trouble: Trouble) -> Trouble:
    from academyctl.stores.solapi import STRANGER

    return replace(trouble, cause=t.STRANGER) if trouble.code == STRANGER else trouble
