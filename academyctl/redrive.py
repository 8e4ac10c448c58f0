"""Dead letters sent back to their queue, one by one: each is sent first and deleted then, so that none is ever lost.

Killed between the two, a letter is in both queues, and the next redrive sends it again: at worst a duplicate, and
workers stand duplicates: both carry the id of the message that they descend from. SQS's own StartMessageMoveTask cannot
choose letters.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from academyctl.contract import marks
from academyctl.dead_letters import EMPTY_POLLS, Letter, Pair, give_back, refuse_unless_dead
from academyctl.errors import AcademyError, AwsError, Both, WorkFailed
from academyctl.log import mask
from academyctl.repairs import Changed, Halfway, Repair, apply
from academyctl.stores import Stores
from academyctl.stores.sqs import Message

HOLD_S = 60
"""So long the letters in hand stay hidden when the redrive is killed."""
REASON_CHARS = 120


@dataclass(frozen=True)
class Redrive:
    """Send one dead letter back to its queue and delete it. `about` says what it is and why it is dead."""

    letter_id: str
    dlq: str
    queue: str
    about: str

    def __str__(self) -> str:
        return f"send dead letter {self.letter_id} ({self.about}) from {self.dlq} back to {self.queue}"

    def do(self, stores: Stores) -> None:
        refuse_unless_dead(stores, self.dlq)
        with closing(in_hand(stores, self.dlq, {self.letter_id})) as found:
            for message in found:
                self.move(stores, message)
                return
        raise Changed(f"dead letter {self.letter_id} was not sent back", why=f"it is no longer in {self.dlq}")

    def move(self, stores: Stores, message: Message) -> None:
        """Send it and delete it. Raises AwsError when it was not sent, WorkFailed when it could not be deleted."""
        sqs = stores.sqs_quick
        try:
            sqs.send(self.queue, message.body, attributes=_marked(message))
        except AwsError:
            give_back(sqs, self.dlq, [(message.id, message.receipt)])
            raise
        why = "SQS refused"
        try:
            if not sqs.delete(self.dlq, [(message.id, message.receipt)]):
                return
        except AwsError as error:
            why = str(error)
        raise WorkFailed(
            f"dead letter {self.letter_id} was sent back to {self.queue} but is still in {self.dlq}",
            why=why,
            remedy=Both(
                "another redrive would send it once more; workers skip a video that is READY and a text that is SENT",
                "다시 redrive하면 한 번 더 전송됩니다. READY인 비디오와 SENT인 문자는 워커가 건너뜁니다",
            ),
            code="not-deleted",
        )

    @property
    def undo(self) -> str:
        return "nothing: the letter is a message again; what fails again comes back to the dead letters by itself"


@dataclass(frozen=True)
class _InHand:
    """A redrive whose letter has been received already."""

    repair: Redrive
    message: Message

    def __str__(self) -> str:
        return str(self.repair)

    def do(self, stores: Stores) -> None:
        self.repair.move(stores, self.message)

    @property
    def undo(self) -> str:
        return self.repair.undo


def plan(letters: Sequence[Letter], pair: Pair, where: Mapping[str, str], limit: int) -> tuple[Redrive, ...]:
    """The letters that would go back: those that match, at most `limit`, none that another queue gave up."""
    chosen = [one for one in letters if one.matches(where) and one.source in ("", pair.name)]
    return tuple(redrive(one, pair) for one in chosen[:limit])


def redrive(letter: Letter, pair: Pair) -> Redrive:
    return Redrive(letter.id, pair.dlq, pair.name, about(letter))


def about(letter: Letter) -> str:
    """What a letter is and why it is dead, fit to be printed."""
    named = [name for name in ("video_id", "job_id") if letter.fields.get(name)] or ["tenant_id"]
    ids = " ".join(f"{name}={letter.fields[name]}" for name in named if letter.fields.get(name))
    action = "delete_r2 " if letter.fields.get("action") == "delete_r2" else ""
    reason = letter.reason or "given up by SQS"
    return f"{mask(f'{action}{ids}'.strip() or 'no id')}; {mask(reason)[:REASON_CHARS]}"


def redrive_all(
    repairs: Sequence[Redrive],
    stores: Stores,
    audit: Path,
    *,
    on_done: Callable[[Repair], None] = lambda _repair: None,
    hold_s: int = HOLD_S,
) -> tuple[Redrive, ...]:
    """Do these repairs of one dead-letter queue in a single pass over it, one audit line each.

    Returns those whose letter is gone. Raises Halfway at the first that fails: run it again, the rest is untouched.
    """
    left = {repair.letter_id: repair for repair in repairs}
    if not left:
        return ()
    dlq = repairs[0].dlq
    refuse_unless_dead(stores, dlq)
    with closing(in_hand(stores, dlq, left.keys(), hold_s=hold_s)) as found:
        for message in found:
            repair = left[message.id]
            try:
                apply([_InHand(repair, message)], stores, audit)
            except Halfway as error:
                done = [one for one in repairs if one.letter_id not in left]
                raise Halfway(done, list(left.values()), error.cause) from error
            del left[message.id]
            on_done(repair)
    return tuple(left.values())


def in_hand(
    stores: Stores, dlq: str, wanted: Collection[str], *, hold_s: int = HOLD_S
) -> Generator[Message, None, None]:
    """The wanted letters, each held for whoever takes it; until nothing new comes. Close it: the others go back then.

    Others are hidden while it lasts, for a letter that is visible at once would be received again and again.
    """
    sqs = stores.sqs_quick
    due, held = set(wanted), dict[str, Message]()
    seen: set[str] = set()
    fruitless = 0
    try:
        while due and fruitless < EMPTY_POLLS:
            got = sqs.receive(dlq, wait_s=1 if fruitless else 0, visibility_s=hold_s)
            fruitless = 0 if any(message.id not in seen for message in got) else fruitless + 1
            seen |= {message.id for message in got}
            held |= {message.id: message for message in got}
            for message in got:
                if message.id in due:
                    due.remove(message.id)
                    yield held.pop(message.id)
    finally:
        _release(stores, dlq, list(held.values()))


def _release(stores: Stores, dlq: str, messages: Sequence[Message]) -> None:
    try:
        give_back(stores.sqs_quick, dlq, [(message.id, message.receipt) for message in messages])
    except AcademyError:
        return  # they come back by their timeout, and what went wrong before is what is to be told


def _marked(message: Message) -> dict[str, str]:
    """The letter's attributes without those of its burial, and where it comes from."""
    ours = {
        marks.FIRST_ID: marks.first_id(message.attributes, message.id),
        marks.REDRIVEN: datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    return marks.merged({k: v for k, v in message.attributes.items() if k not in marks.BURIAL}, ours)
