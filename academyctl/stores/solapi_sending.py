"""Solapi as the worker uses it: send a group of texts, and look afterwards whether a text is there.

From Solapi's own SDK come the request models, the signature and the response models. Its client is not used: it makes a
connection for every call, waits 5 s whatever the settings say, loses the HTTP status, and gives answers that it cannot
read, after the texts were accepted, as errors like any other. Here it decides over a second text whether the first went
out, so failures are told apart: SolapiRefused and SolapiAway (nothing was sent), SolapiUnsure (it may have been).

The signature carries a date, and Solapi refuses it 15 minutes later: that ends the time in which a broken-off request
can still arrive. A clock of ours that is ahead would lengthen it (and one that is far off is refused), so once an
answer's Date has shown it wrong by more than SKEW_S, requests are signed with Solapi's time.

No exception holds a phone number or a text. The SDK takes 0.4 s to import, so it is imported when it is first used.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from academyctl.errors import SolapiAway
from academyctl.stores import _solapi_answers as answers
from academyctl.stores._http_wire import Reply
from academyctl.stores._solapi_errors import SolapiRefused, SolapiUnsure
from academyctl.stores._solapi_http import Http, NoReply
from academyctl.stores._solapi_types import Item, Listed, Sent, Stage
from academyctl.stores.solapi import CHECK_URL, STRANGER

if TYPE_CHECKING:
    from academyctl.settings import Settings

__all__ = ["Item", "Listed", "Sender", "Sent", "SolapiRefused", "SolapiUnsure", "Stage", "payload"]

log = logging.getLogger("academyctl.messaging")

MAX_ITEMS = 10_000
SEND = "/messages/v4/send-many/detail"
LIST = "/messages/v4/list-old"
PAGE = 500
MAX_PAGES = 20
SKEW_S = 60
"""Of 16 minutes before a text is sent again, Solapi's window leaves one for our clock being ahead."""


class Sender:
    """The account of one API key, for any number of threads. `note_date`: as in stores.solapi.Solapi."""

    def __init__(self, settings: Settings, *, note_date: Callable[[str], None] = lambda _: None) -> None:
        self._solapi = settings.solapi
        self._note_date = note_date
        self._http = Http(settings.solapi.base_url, timeout_s=settings.messaging.request_s)
        self._ahead_s: float | None = None

    @property
    def where(self) -> str:
        return self._solapi.base_url.rstrip("/")

    @property
    def clock_ahead_s(self) -> float | None:
        """How far this machine's clock is ahead of Solapi's, to about a second; None before the first answer."""
        return self._ahead_s

    def send(self, items: Sequence[Item], *, signed: Callable[[], None] = lambda: None) -> Sent:
        """Send the texts in one request. Never repeats it.

        `signed` is called between the signature and the request, and what it raises ends it: nothing was sent. Whoever
        must not send late asks there how late it is, for from then on Solapi's 15 minutes run.

        Raises SolapiRefused (an answer: nothing was sent), SolapiAway (nobody was reached: nothing was sent) and
        SolapiUnsure (any of them may have been sent), and ValueError for no item, too many, or a key twice.
        """
        if not 0 < len(items) <= MAX_ITEMS or len({item.key for item in items}) != len(items):
            raise ValueError(f"a request has 1 to {MAX_ITEMS} texts with different keys")
        what = f"sending {len(items)} text{'s' * (len(items) > 1)} through {self.where} failed"
        body = json.dumps(payload(items), ensure_ascii=False, separators=(",", ":")).encode()
        try:
            reply = self._ask("POST", SEND, body, signed)
        except NoReply as error:
            if error.begun:
                raise SolapiUnsure(what, why=error.why) from error
            raise self._away(what, error) from error
        if 200 <= reply.status < 300:
            return answers.sent(what, reply, items)
        raise self._with_clock(answers.refusal(what, reply))

    def find(self, to: str, since: datetime, until: datetime) -> list[Listed]:
        """Every message to a phone (digits) that Solapi registered in that time, newest first.

        Raises SolapiAway when that cannot be told: `cause` auth, clock, permission, throttled, unreachable, refused.
        """
        found: list[Listed] = []
        start_key = ""
        for _ in range(MAX_PAGES):
            raw = self._page(to, since, until, start_key)
            entries = raw["messageList"]
            found += [_listed(str(name), entry) for name, entry in entries.items()]
            start_key = str(raw.get("nextKey") or "")
            if not start_key or not entries:
                return found
        why = f"the list has more than {MAX_PAGES * PAGE} messages to one phone in that time"
        raise SolapiAway(f"GET {LIST} failed for {self.where}", why=why, cause="refused", code="list-too-long")

    def close(self) -> None:
        """Close the connections; the object may be used again."""
        self._http.close()

    def _page(self, to: str, since: datetime, until: datetime, start_key: str) -> dict[str, Any]:
        from solapi.model.request.messages.get_messages import GetMessagesRequest

        query = GetMessagesRequest(
            to=to, start_date=since.isoformat(), end_date=until.isoformat(), date_type="CREATED", limit=PAGE,
            start_key=start_key or None,
        )  # fmt: skip
        what = f"GET {LIST} failed for {self.where}"
        try:
            reply = self._ask("GET", f"{LIST}?{urlencode(query.model_dump(exclude_none=True, by_alias=True))}")
        except NoReply as error:
            raise self._away(what, error) from error
        if not 200 <= reply.status < 300:
            told = self._with_clock(answers.refusal(what, reply))
            raise SolapiAway(what, why=told.why, cause=told.cause, remedy=told.remedy, code=told.code)
        raw = answers.parsed(reply.body)
        entries = raw.get("messageList") if isinstance(raw, dict) else None
        if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
            # Nothing less is believed: "not in the list" sends a text again.
            why = f"the answer is not from Solapi (HTTP {reply.status})"
            raise SolapiAway(what, why=why, cause="unreachable", remedy=CHECK_URL, code=STRANGER)
        return dict(raw)

    def _ask(
        self, method: str, path: str, body: bytes | None = None, signed: Callable[[], None] = lambda: None
    ) -> Reply:
        headers = {
            "Authorization": self._authorization(),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
        }
        signed()
        reply = self._http.ask(method, path, headers, body)
        self._note(reply)
        return reply

    def _authorization(self) -> str:
        from solapi.lib.authenticator import Authenticator

        secret = self._solapi.api_secret.get_secret_value() if self._solapi.api_secret else ""
        signer = Authenticator(self._solapi.api_key, secret)
        ahead = timedelta(seconds=self._ahead_s or 0)
        if abs(ahead.total_seconds()) > SKEW_S:
            signer.get_iso_datetime = (answers.now() - ahead).isoformat
        return str(signer.get_auth_info())

    def _note(self, reply: Reply) -> None:
        self._note_date(reply.headers.get("date", ""))
        there = answers.http_date(reply.headers.get("date", ""))
        # A page of somebody between us and Solapi has that one's time.
        if there is None or "json" not in reply.headers.get("content-type", ""):
            return
        before, self._ahead_s = self._ahead_s, (answers.now() - there).total_seconds()
        if abs(self._ahead_s) > SKEW_S and (before is None or abs(before) <= SKEW_S):
            log.warning(
                "clock skew | this machine's clock is %+.0f s off Solapi's: set it. Signed with Solapi's", self._ahead_s
            )

    def _with_clock(self, told: SolapiRefused | SolapiUnsure) -> SolapiRefused | SolapiUnsure:
        if told.cause == "clock" and self._ahead_s is not None:
            told.why += f" (this machine's clock is {self._ahead_s:+.0f} s off Solapi's)"
        return told

    def _away(self, what: str, error: NoReply) -> SolapiAway:
        return SolapiAway(what, why=error.why, cause=error.cause, remedy=CHECK_URL)


def payload(items: Sequence[Item]) -> dict[str, Any]:
    """The request's body, exactly as it goes out. No network; it loads the SDK."""
    from solapi.model import KakaoOption
    from solapi.model.message_type import MessageType
    from solapi.model.request.message import Message
    from solapi.model.request.send_message_request import SendMessageRequest

    def message(item: Item) -> Message:
        made = item.composed
        kakao = None
        if made.kind == "ATA":
            kakao = KakaoOption(
                pf_id=made.pf_id, template_id=made.template_id, variables=dict(made.variables),
                disable_sms=made.disable_sms,
            )  # fmt: skip
        return Message(
            to=made.to, from_=made.sender or None, text=made.text or None, type=MessageType(made.kind), country="82",
            auto_type_detect=False, subject=(made.subject or None) if made.kind == "LMS" else None,
            kakao_options=kakao, custom_fields={answers.KEY: item.key, answers.STAGE: item.stage},
        )  # fmt: skip

    # Two texts to one parent are two texts; the SDK's default drops the second.
    request = SendMessageRequest(
        messages=[message(item) for item in items], allow_duplicates=True, show_message_list=True
    )
    return dict(request.model_dump(exclude_none=True, by_alias=True))


def _listed(message_id: str, fields: dict[str, Any]) -> Listed:
    custom = fields.get("customFields")
    custom = custom if isinstance(custom, dict) else {}

    def word(name: str, of: dict[str, Any] = fields) -> str:
        return str(of.get(name) or "")

    return Listed(
        message_id=word("messageId") or message_id,
        group_id=word("groupId"),
        key=word(answers.KEY, custom),
        stage=word(answers.STAGE, custom),
        text_sha256=hashlib.sha256(word("text").encode()).hexdigest(),
        status_code=word("statusCode"),
        created_at=_time(word("dateCreated")),
    )


def _time(said: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
