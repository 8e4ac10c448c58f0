"""`queue send`: one message, looked at before it goes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from academyctl.cli._changes import carry_out
from academyctl.cli._common import Session
from academyctl.errors import Both, UsageError, WorkFailed
from academyctl.output import Format

_TEXTS = Both("a worker sends this text to its phone, for money", "워커가 이 문자를 실제로 보내며 요금이 듭니다")
_AGAIN = Both("each --apply sends one more", "--apply할 때마다 하나씩 더 보냅니다")


@dataclass(frozen=True)
class Draft:
    """The options that make a message; one of `body`, `file` and `s3` is given."""

    body: str
    file: str
    s3: str
    delay_s: int
    attributes: tuple[str, ...]


def send(here: Session, name: str, draft: Draft, *, force: bool, apply: bool, fmt: Format) -> None:
    """Send it, or show what would be sent. Raises UsageError for what SQS or the queue's workers would refuse."""
    from academyctl.ops import queue_messages as messages
    from academyctl.ops.queues import check, find

    spec, dead = find(here.loaded.settings, name)
    check(here.loaded.settings, (spec,))
    if dead:
        raise UsageError(
            Both(
                f"{spec.dlq} is a dead-letter queue: no worker takes anything from it",
                f"{spec.dlq}은(는) 데드레터 큐라서 어떤 워커도 받지 않습니다",
            ),
            remedy=Both(f"send to {spec.word}", f"{spec.word}(으)로 보내세요"),
        )
    body, attributes = body_of(draft), _attributes(draft.attributes)
    messages.refuse_unsendable(body, attributes, delay_s=draft.delay_s)
    why = messages.rejected(spec.word, body)
    if why and not force:
        raise UsageError(
            Both(
                f"the workers of {spec.name} would reject this message", f"{spec.name}의 워커가 이 메시지를 거부합니다"
            ),
            why=why,
            remedy=Both("correct it, or send it all the same: --force", "고치거나 그대로 보내려면: --force"),
            code="rejected",
        )
    raw = here.stores().queue_admin.raw(spec.name)
    if raw is None:
        raise WorkFailed(
            Both(f"there is no queue {spec.name}", f"{spec.name} 큐가 없습니다"),
            remedy=Both(
                f"make it: academyctl queue create {spec.word}", f"만드세요: academyctl queue create {spec.word}"
            ),
            code="missing",
        )
    limit = int(raw.get("MaximumMessageSize", messages.MAX_BYTES))
    messages.refuse_unsendable(body, attributes, delay_s=draft.delay_s, limit=limit)
    repair = messages.SendMessage(
        spec.name, body, messages.about(body), draft.delay_s, tuple(attributes.items())
    )  # fmt: skip
    bad = (Both(f"workers will reject it: {why}", f"워커가 거부합니다: {why}"),) if why else ()
    paid = (_TEXTS,) if spec.word == "messaging" and not why else ()
    carry_out(here, [repair], apply=apply, fmt=fmt, remarks=(*bad, *paid, _AGAIN))


def body_of(draft: Draft) -> str:
    """The message that was given. Raises UsageError for none, for two, and for what cannot be read."""
    from datetime import UTC, datetime

    from academyctl.ops.queue_messages import MAX_BYTES, s3_event

    given = [text for text in (draft.body, draft.file, draft.s3) if text]
    if len(given) != 1:
        raise UsageError(
            Both(
                "a message is one of --body, --file and --s3",
                "보낼 메시지가 없거나 둘 이상입니다 (--body, --file, --s3)",
            ),
            remedy=Both("give one of them", "셋 중 하나만 지정하세요"),
        )
    if draft.body:
        return draft.body
    if draft.s3:
        bucket, slash, key = draft.s3.removeprefix("s3://").partition("/")
        if not (bucket and slash and key):
            raise UsageError(
                Both(f"--s3 {draft.s3} is no BUCKET/KEY", f"--s3 {draft.s3}은(는) BUCKET/KEY 형식이 아닙니다"),
                remedy=Both("as my-bucket/a.mp4", "예: my-bucket/a.mp4"),
            )
        return s3_event(bucket, key, datetime.now(UTC))
    try:
        # One byte more than SQS takes is enough to know that it is too large.
        if draft.file == "-":
            raw = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(draft.file).open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(raw) > MAX_BYTES:
            return "x" * len(raw)  # cut in the middle of a character, and too large anyway
        raise UsageError(
            Both(f"{draft.file} is no UTF-8 text", f"{draft.file}은(는) UTF-8 텍스트가 아닙니다"),
            why=str(error),
            remedy=Both("save it as UTF-8", "UTF-8로 저장하세요"),
        ) from error
    except OSError as error:
        raise UsageError(
            Both(f"{draft.file} cannot be read", f"{draft.file}을(를) 읽을 수 없습니다"),
            why=str(error),
            remedy=Both("check the path", "경로를 확인하세요"),
        ) from error


def _attributes(words: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(
                Both(
                    f"--attribute {word[:80]} is no NAME=VALUE",
                    f"--attribute {word[:80]}은(는) NAME=VALUE 형식이 아닙니다",
                ),
                remedy=Both("as origin=api", "예: origin=api"),
            )
        found[name] = value
    return found
