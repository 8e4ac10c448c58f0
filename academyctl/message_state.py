"""One text as an operator sees it: its row, its ledger, its dead letter, what Solapi's list says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from academyctl import dead_letters
from academyctl.contract.marks import first_id
from academyctl.contract.texts import delivery_key, parse_text
from academyctl.dead_letters import Letter
from academyctl.errors import AcademyError, BadMessage, Both, UsageError
from academyctl.message_evidence import Seen, ask
from academyctl.messaging.model import Row, Tenant
from academyctl.stores import Stores, deliveries, delivery_reads, own_tables
from academyctl.stores.delivery_reads import Entry

QUEUE = "messaging"
LETTERS_S = 4.0
"""A letter is looked for so long: `show` must not take longer than a person waits."""
ALL_LETTERS = 100_000
_NAMED = 5


@dataclass(frozen=True)
class Picture:
    """All that is known of a text. `letter` None with `all_letters`: it is not among the dead letters.

    `seen` is None when Solapi was not asked; `away` names what could not be read.
    """

    row: Row
    tenant: Tenant | None
    entries: Sequence[Entry]
    letter: Letter | None
    all_letters: bool
    seen: Seen | None
    away: dict[str, AcademyError]

    @property
    def code(self) -> str:
        """The academy as people call it."""
        return self.tenant.code if self.tenant else str(self.row.tenant_id)


def gather(stores: Stores, word: str, *, check: bool = True) -> Picture:
    """Look at one text. Raises UsageError when no text or several are meant, DatabaseAway, ConfigError."""
    key = named(stores, word)
    row = deliveries.row(stores.db, key)
    if row is None:
        raise _none(word)
    with stores.db.tx(read_only=True) as cursor:
        tenant = deliveries.tenants(cursor, [row.tenant_id], lock=False).get(row.tenant_id)
    away: dict[str, AcademyError] = {}
    letter, whole = None, False
    try:
        letter, whole = _letter(stores, key)
    except AcademyError as error:
        away["dead letters"] = error
    seen = ask(stores, row) if check else None
    if seen is not None and seen.away is not None:
        away["solapi"] = seen.away
    return Picture(row, tenant, delivery_reads.entries(stores.db, key), letter, whole, seen, away)


def named(stores: Stores, word: str) -> str:
    """The one key that is meant: whole, its beginning, or an SQS id or business key without sqs: or biz:."""
    own_tables.require(stores.db)
    found = delivery_reads.matching(stores.db, word, _NAMED + 1)
    if len(found) == 1:
        return found[0]
    if not found:
        raise _none(word)
    more = " ..." if len(found) > _NAMED else ""
    raise UsageError(
        f"{word} is the beginning of several texts",
        why=", ".join(found[:_NAMED]) + more,
        remedy=Both("give more of the key", "키를 더 길게 지정하세요"),
        code="text",
    )


def keys_of(stores: Stores, word: str) -> frozenset[str]:
    """The keys of letters that are meant. A text that no worker has claimed has no row: it must be named whole."""
    try:
        return frozenset((named(stores, word),))
    except NoText:
        return frozenset((word, delivery_key("", word), delivery_key(word, "")))


class NoText(UsageError):
    """No row is meant by a word."""

    code = "text"


def key_of(letter: Letter) -> str:
    """The key of the text that a dead letter carries. Raises BadMessage for a body that is none."""
    return delivery_key(parse_text(letter.body).business_key, first_id(letter.attributes, letter.id))


def _letter(stores: Stores, key: str) -> tuple[Letter | None, bool]:
    """The text's dead letter, and whether every letter was looked at."""
    which = dead_letters.pair(stores, QUEUE)
    seen = dead_letters.sample(stores, which.dlq, ALL_LETTERS, timeout_s=LETTERS_S)
    return next((one for one in seen.letters if _is(one, key)), None), seen.complete


def _is(letter: Letter, key: str) -> bool:
    try:
        return key_of(letter) == key
    except BadMessage:
        return False


def _none(word: str) -> NoText:
    return NoText(
        f"there is no text {word}",
        remedy=Both(
            "see them: academyctl message list; one that no worker has received yet has no row: academyctl queue show "
            "messaging",
            "목록: academyctl message list / 워커가 아직 받지 않은 문자는 큐에만 있습니다: academyctl queue show "
            "messaging",
        ),
    )
