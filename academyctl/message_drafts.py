"""Texts that an operator writes: what each would go out as, what they cost, and the messages that ask for them."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from academyctl.contract.texts import Mode, Text, delivery_key, parse_text, text_body
from academyctl.errors import BadMessage, Both
from academyctl.messaging import pricing
from academyctl.messaging.compose import compose, receiver
from academyctl.messaging.model import Composed, Ending, Refused, Tenant
from academyctl.messaging.quiet import Quiet
from academyctl.settings import Settings
from academyctl.stores import Stores

_VARIABLE = re.compile(r"#\{[^{}]*\}")


@dataclass(frozen=True, repr=False)
class Asked:
    """What the operator wrote, once for all its numbers."""

    to: tuple[str, ...]
    text: str
    mode: Mode = "sms"
    template_id: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    sender: str = ""


@dataclass(frozen=True, repr=False)
class Draft:
    """One text to one phone. `key`: what its delivery will be known by, '' while it has no key."""

    text: Text
    made: Composed | Refused

    @property
    def key(self) -> str:
        return delivery_key(self.text.business_key, "") if self.text.business_key else ""


@dataclass(frozen=True, repr=False)
class Drafts:
    """All texts of one command, of one academy (None when there is none of that id).

    `repeated`: numbers that were given more than once, beyond the first. `free`: SOLAPI_MOCK or DEBUG, nothing is sent
    or charged.
    """

    tenant_id: int
    tenant: Tenant | None
    drafts: tuple[Draft, ...]
    repeated: int
    free: bool
    hours: str
    quiet_s: float

    @property
    def refused(self) -> tuple[Draft, ...]:
        return tuple(draft for draft in self.drafts if isinstance(draft.made, Refused))

    @property
    def cost_won(self) -> int:
        """What the balance would pay for all that can go."""
        if self.tenant is None or self.free:
            return 0
        texts = len(self.drafts) - len(self.refused)
        owed = self.tenant.owed_cents + texts * max(0, self.tenant.price_cents)
        return pricing.due(owed) - self.tenant.paid

    @property
    def affordable(self) -> int | None:
        """How many texts the balance pays for; None when they cost nothing."""
        if self.tenant is None or self.free:
            return None
        account = pricing.Account(self.tenant.owed_cents, self.tenant.paid)
        return pricing.affordable(self.tenant.balance, account, self.tenant.price_cents)


@dataclass(frozen=True, repr=False)
class EnqueueText:
    """Send a message to the messaging queue as the API does. Its key makes a second one of it harmless."""

    text: Text
    tenant: str
    queue: str

    def __str__(self) -> str:
        key = delivery_key(self.text.business_key, "")
        return f"queue a text to {masked(self.text.to)} for {self.tenant} in {self.queue}, key {key}"

    def do(self, stores: Stores) -> None:
        stores.sqs_quick.send(self.queue, _body(self.text))

    @property
    def undo(self) -> str:
        return "nothing: a worker may have sent the text already"


def write(asked: Asked, tenant_id: int, key: str = "") -> tuple[list[Text], int]:
    """A text for each different phone, and how many numbers were repeated. `key` '' makes texts without a key.

    The variables' values are put into the text as the API does before it asks (contract 6.7). Raises BadMessage for
    what no worker could read.
    """
    numbers = [receiver(number) or number.strip() for number in asked.to]
    wanted = list(dict.fromkeys(numbers))
    text = filled(asked.text, asked.variables)
    made = [
        Text(
            tenant_id, number, text, asked.mode, asked.sender, asked.template_id, asked.variables,
            business_key=business_key(key, tenant_id, number) if key else "",
        )
        for number in wanted
    ]  # fmt: skip
    try:
        for one in made:
            parse_text(_body(one))
    except BadMessage as error:
        error.remedy = Both(
            "a message of the queue does not take it: correct or shorten what is named here",
            "큐 메시지에 담을 수 없는 값입니다. 위에 적힌 항목을 고치거나 줄이세요",
        )
        raise
    return made, len(numbers) - len(wanted)


def _body(text: Text) -> str:
    return text_body(
        tenant_id=text.tenant_id, to=text.to, text=text.text, mode=text.mode, sender=text.sender,
        template_id=text.template_id, replacements=text.replacements, business_key=text.business_key,
    )  # fmt: skip


def filled(text: str, variables: Sequence[tuple[str, str]]) -> str:
    """The text with the values of its #{variables}; a value is never looked through for another."""
    values = dict(variables)
    return _VARIABLE.sub(lambda found: values.get(found[0][2:-1], found[0]), text)


def unfilled(text: str) -> list[str]:
    """#{variables} that a text still has, each once."""
    return list(dict.fromkeys(_VARIABLE.findall(text)))


def business_key(key: str, tenant_id: int, to: str) -> str:
    """One text for a key, an academy and a phone, however often the command is run with it. Hides the number."""
    return f"cli-{hashlib.sha256(json.dumps([key, tenant_id, to]).encode()).hexdigest()[:40]}"


def draft(
    texts: Sequence[Text], tenant_id: int, tenant: Tenant | None, settings: Settings, now: datetime, repeated: int = 0
) -> Drafts:
    """What would become of these texts now; pure. Raises ConfigError when the quiet hours cannot be read."""
    quiet = Quiet.parse(settings.messaging.quiet_hours)
    code = tenant.code if tenant else ""
    nobody = Refused(Ending.NO_TENANT, f"core_tenant has no {tenant_id}")
    made = [Draft(text, compose(text, tenant, settings) if tenant else nobody) for text in texts]
    free = settings.solapi.mock or settings.platform.debug
    hours = quiet.of(code)
    return Drafts(tenant_id, tenant, tuple(made), repeated, free, str(hours or ""), quiet.wait_s(code, now))


def look(stores: Stores, texts: Sequence[Text], tenant_id: int, now: datetime, repeated: int = 0) -> Drafts:
    """`draft` for the academy as it is in the database now. Raises DatabaseAway, ConfigError."""
    from academyctl.stores import deliveries, own_tables

    own_tables.require(stores.db)
    with stores.db.tx(read_only=True) as cursor:
        tenant = deliveries.tenants(cursor, [tenant_id], lock=False).get(tenant_id)
    return draft(texts, tenant_id, tenant, stores.settings, now, repeated)


def known(stores: Stores, found: Drafts) -> list[Both]:
    """What is told of texts that a worker has already met under the same keys: it does not send them again."""
    from academyctl.stores import deliveries

    keys = [draft.key for draft in found.drafts if draft.key]
    with stores.db.tx(read_only=True) as cursor:
        states = Counter(str(row.state) for row in deliveries.known(cursor, keys, lock=False).values())
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return [
        Both(
            f"known by this key already, and not sent again: {told}",
            f"이 키로 이미 처리되어 다시 발송되지 않는 문자: {told}",
        )
    ] * bool(states)


def masked(number: str) -> str:
    """Four digits and the rest hidden, as in the platform's log (0101****); what is no number is hidden too."""
    return f"{number[: 4 if receiver(number) else 1]}****"


def shown(made: Composed) -> Composed:
    """The same with its numbers hidden."""
    fallback = shown(made.fallback) if made.fallback else None
    return replace(made, to=f"{made.to[:4]}****", sender=f"{made.sender[:4]}****", fallback=fallback)


_NO_FALLBACK = Both(
    "its text cannot go as SMS or LMS: if Solapi refuses the Alimtalk, nothing goes instead",
    "내용을 SMS나 LMS로 보낼 수 없어 알림톡이 거부되면 대신 나가는 문자가 없습니다",
)


def remarks(found: Drafts) -> list[Both]:
    """What the operator should know before these texts go."""
    told = []
    if found.free:
        told.append(
            Both(
                "SOLAPI_MOCK or DEBUG is on: nothing is really sent",
                "SOLAPI_MOCK 또는 DEBUG가 켜져 있어 실제로 발송되지 않습니다",
            )
        )
    if found.repeated:
        told.append(Both(f"numbers given twice, left out: {found.repeated}", f"중복되어 뺀 번호: {found.repeated}개"))
    if found.quiet_s > 0:
        hours, minutes = divmod(int(-(-found.quiet_s // 60)), 60)
        told.append(
            Both(
                f"quiet hours now ({found.hours} KST): it waits {f'{hours} h ' if hours else ''}{minutes} min",
                f"지금은 조용한 시간입니다({found.hours}, 한국 시간). "
                f"{f'{hours}시간 ' if hours else ''}{minutes}분 뒤 발송됩니다",
            )
        )
    can, wanted = found.affordable, len(found.drafts) - len(found.refused)
    if can is not None and can < wanted:
        told.append(
            Both(
                f"the balance pays for {can:,} of {wanted:,}: the others wait for credit, then they are dead letters",
                f"잔액으로는 {wanted:,}건 중 {can:,}건만 보낼 수 있습니다. 나머지는 충전을 기다리다가 DLQ로 갑니다",
            )
        )
    first = found.drafts[0] if found.drafts else None
    if first and first.text.mode == "both" and isinstance(first.made, Composed) and first.made.kind != "ATA":
        told.append(
            Both(
                "no Alimtalk: its channel or its template is missing, so it goes as a text alone",
                "채널(pf_id) 또는 템플릿이 없어 알림톡 없이 문자로만 나갑니다",
            )
        )
    if first and isinstance(first.made, Composed) and first.made.kind == "ATA" and first.text.mode == "both":
        told += [] if first.made.fallback else [_NO_FALLBACK]
    left = unfilled(found.drafts[0].text.text) if found.drafts else []
    if left:
        names = ", ".join(left)
        told.append(Both(f"not filled in: {names} (--var name=value)", f"채우지 않은 변수: {names} (--var 이름=값)"))
    return told
