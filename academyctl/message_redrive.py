"""Dead letters of texts that go back to the queue: which, why they died, whether their academies can pay now.

The worker knows a text by the key that every copy carries, so a letter that goes twice is sent once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from academyctl.contract.texts import parse_text
from academyctl.dead_letters import Letter, Pair
from academyctl.errors import BadMessage, Both
from academyctl.log import mask
from academyctl.message_state import key_of
from academyctl.messaging import pricing
from academyctl.messaging.model import Row, State, Tenant
from academyctl.messaging.pricing import Account
from academyctl.redrive import REASON_CHARS, Redrive
from academyctl.stores import Stores, deliveries

MALFORMED = "malformed"
SQS = "received-too-often"
"""Reason of a letter that SQS itself gave up."""


@dataclass(frozen=True)
class Chosen:
    """A letter that goes back. `sent`: Solapi has the text already, so that the worker only clears the letter away."""

    repair: Redrive
    key: str
    tenant: Tenant
    reason: str
    sent: bool = False


@dataclass(frozen=True)
class Left:
    """A letter that stays, and why."""

    letter_id: str
    key: str
    reason: str
    why: Both


@dataclass(frozen=True)
class Purse:
    """What an academy's chosen texts cost, in hundredths of a won, and its balance in won."""

    tenant: Tenant
    texts: int

    @property
    def needs_won(self) -> int:
        """What would be taken from its balance for all of them."""
        account = Account(self.tenant.owed_cents, self.tenant.paid)
        return pricing.charge(account, self.texts * self.tenant.price_cents)[1]

    @property
    def pays(self) -> bool:
        return self.needs_won <= self.tenant.balance


@dataclass(frozen=True)
class Plan:
    chosen: Sequence[Chosen] = ()
    left: Sequence[Left] = ()
    purses: Sequence[Purse] = ()
    more: int = 0
    """Letters that would go too, but for the limit."""

    @property
    def repairs(self) -> list[Redrive]:
        return [one.repair for one in self.chosen]

    def counts(self) -> Counter[tuple[str, str]]:
        """How many go, by the academy's code and reason."""
        return Counter((one.tenant.code, one.reason) for one in self.chosen)


@dataclass(frozen=True)
class Wanted:
    """Which letters are meant; None, '' and no key mean any."""

    tenant_id: int | None = None
    keys: frozenset[str] = frozenset()
    reason: str = ""
    limit: int = 1000


def plan(stores: Stores, letters: Sequence[Letter], which: Pair, wanted: Wanted) -> Plan:
    """Choose among letters, oldest first. Raises DatabaseAway."""
    read = [(one, *_read(one)) for one in letters if one.source in ("", which.name)]
    keys = [key for _, key, _ in read if key]
    with stores.db.tx(read_only=True) as cursor:
        rows = deliveries.known(cursor, keys, lock=False)
        tenants = deliveries.tenants(cursor, {number for _, _, number in read if number}, lock=False)
    return choose(read, rows, tenants, which, wanted)


def choose(
    read: Iterable[tuple[Letter, str, int]],
    rows: Mapping[str, Row],
    tenants: Mapping[int, Tenant],
    which: Pair,
    wanted: Wanted,
) -> Plan:
    """The pure part: letters with key ('' = malformed) and academy, the rows and academies that there are."""
    chosen: list[Chosen] = []
    left: list[Left] = []
    for letter, key, tenant_id in read:
        reason = reason_of(letter, rows.get(key)) if key else MALFORMED
        if not _meant(wanted, key, tenant_id, reason):
            continue
        why = _stays(rows.get(key), tenants.get(tenant_id)) if key else _MALFORMED
        if why is not None:
            left.append(Left(letter.id, key, reason, why))
            continue
        tenant, row = tenants[tenant_id], rows.get(key)
        repair = Redrive(letter.id, which.dlq, which.name, f"text {key} of {tenant.code}; {_told(letter, row)}")
        chosen.append(Chosen(repair, key, tenant, reason, sent=row is not None and row.state is State.SENT))
    go = chosen[: wanted.limit]
    # Of two letters of one text only one is charged.
    paid = Counter(number for number, key in {(one.tenant.id, one.key) for one in go} if _charged(rows.get(key)))
    purses = [Purse(tenants[number], count) for number, count in sorted(paid.items())]
    return Plan(go, left, purses, more=len(chosen) - len(go))


def reason_of(letter: Letter, row: Row | None) -> str:
    """The stable word of why a letter is dead: the worker's, else the row's."""
    text = letter.reason or (row.reason if row is not None else "")
    return text.partition(":")[0].partition(" ")[0].strip() or SQS


def _read(letter: Letter) -> tuple[str, int]:
    try:
        return key_of(letter), parse_text(letter.body).tenant_id
    except BadMessage:
        return "", 0


def _meant(wanted: Wanted, key: str, tenant_id: int, reason: str) -> bool:
    if wanted.tenant_id is not None and tenant_id != wanted.tenant_id:
        return False
    return (not wanted.keys or key in wanted.keys) and (not wanted.reason or reason == wanted.reason)


_MALFORMED = Both(
    "its body is no message of this platform: it would only fail again",
    "이 플랫폼의 메시지가 아니므로 다시 실패합니다",
)


def _stays(row: Row | None, tenant: Tenant | None) -> Both | None:
    """Why a letter must not go back, None when it may."""
    if tenant is None:
        return Both("its academy does not exist", "학원이 없습니다")
    if row is not None and row.state is State.UNKNOWN:
        resolve = f"academyctl message resolve {row.key} --check"
        return Both(
            f"whether it was sent is UNKNOWN, decide that first: {resolve}",
            f"발송 여부를 알 수 없습니다(UNKNOWN). 먼저 정하세요: {resolve}",
        )
    return None


def _charged(row: Row | None) -> bool:
    """Whether sending it takes its price from the balance now."""
    return row is None or row.state is State.FAILED


def _told(letter: Letter, row: Row | None) -> str:
    told = letter.reason or (row.reason if row is not None else "") or "given up by SQS"
    return mask(told)[:REASON_CHARS]
