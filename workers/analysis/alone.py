"""The analysis worker without a queue: one upload from the environment, an exit code that AWS Batch understands.

    0  analysed, now or before       1  failed, may be tried again       2  this upload will never be taken
    3  --once found no message (0 with --empty-ok)

of the job definition:

    "retryStrategy": {"attempts": 3, "evaluateOnExit": [
        {"onExitCode": "0", "action": "EXIT"}, {"onExitCode": "2", "action": "EXIT"},
        {"onExitCode": "3", "action": "EXIT"}, {"onReason": "*", "action": "RETRY"}]}

The message that made the Batch job was deleted when the job was submitted. So what fails for good is sent to the
pipeline's dead-letter queue from here: without that no alarm would ring and there would be nothing to send back.
"""

from __future__ import annotations

import json
import logging
import random
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from academyctl.contract import marks
from academyctl.contract.analysis import Upload, UploadMessage, shown, upload
from academyctl.errors import EXIT_FAILED, EXIT_OK, BadMessage, LeaseLost, Stopping, StoreError
from academyctl.settings import Settings
from academyctl.stores import Stores
from academyctl.stores.sqs import Message
from workers._guards import logged
from workers._model import Defer, Delivery, Done, Outcome, Reject, Retry, Worker
from workers._process import describe as described

log = logging.getLogger("academyctl.analysis")

EXIT_REJECTED = 2
EXIT_EMPTY = 3
PATIENCE_S = 240.0
"""So long it waits for a service that is away: Batch's next attempt would come at once and meet the same.

With the longest request (1500 s) it stays below the job's own limit (1800 s), after which Batch tries no more.
"""
_CODES = {"done": EXIT_OK, "failed": EXIT_REJECTED, "reject": EXIT_REJECTED, "dead": EXIT_REJECTED}


def once_code(code: int, settled: Mapping[str, int], *, empty: int = EXIT_EMPTY) -> int:
    """The exit code of `--once`, from the words that its one message was settled under."""
    words = [word for word, count in settled.items() if count]
    if not words:
        return code if code != EXIT_OK else empty
    return max(_CODES.get(word, EXIT_FAILED) for word in words)


def names_one(environ: Mapping[str, str]) -> bool:
    """Whether the environment names an upload."""
    return bool(environ.get("S3_KEY", "").strip())


def run(worker: Worker, settings: Settings, environ: Mapping[str, str]) -> int:
    """Analyse it; the exit code. Signals ask it to stop: it then exits 1 and leaves the upload free."""
    stores = Stores(settings)
    try:
        delivery = _delivery(worker, stores, environ)
    except BadMessage as error:
        log.error("S3_BUCKET and S3_KEY name no upload: %s", error)
        return EXIT_REJECTED
    try:
        with _stoppable(delivery), _renewed(delivery):
            outcome = _outcome(delivery, worker.handle)
        code = _code(outcome)
        if code == EXIT_REJECTED or (code != EXIT_OK and _last(settings, environ)):
            _bury(delivery, getattr(outcome, "reason", ""))
        return code
    finally:
        stores.close()


def _delivery(worker: Worker, stores: Stores, environ: Mapping[str, str]) -> Delivery:
    said = stores.settings.analysis
    found = upload(
        environ.get("S3_BUCKET", "").strip() or said.raw_bucket, environ["S3_KEY"],
        video_id=environ.get("VIDEO_ID", ""), event_time=environ.get("EVENT_TIME", ""),
    )  # fmt: skip
    made_by = environ.get("SQS_MESSAGE_ID") or environ.get("MESSAGE_ID") or environ.get("AWS_BATCH_JOB_ID") or "direct"
    tries = environ.get("AWS_BATCH_JOB_ATTEMPT", "")
    message = Message(made_by, "", int(tries) if tries.isdecimal() else 1, None)
    rng = random.Random()  # noqa: S311 - spreads waits and tells runs apart
    token = (
        f"{stores.settings.worker.id[:30]}:{environ.get('AWS_BATCH_JOB_ID', 'direct')[:40]}:{rng.getrandbits(32):08x}"
    )
    return Delivery(
        UploadMessage((found,)), message, said.queue_name, stores, stores.settings, token,
        max_attempts=said.job_attempts, request_id=token[-8:], worker=worker, rng=rng,
    )  # fmt: skip


def _outcome(delivery: Delivery, handle: Callable[[Delivery], Outcome]) -> Outcome:
    """Handled, waiting a while for what is away or held by another; never raises."""
    until = delivery.clock.monotonic() + PATIENCE_S
    try:
        with logged(delivery):
            while True:
                outcome = handle(delivery)
                if not isinstance(outcome, Defer) or delivery.clock.monotonic() + outcome.after > until:
                    delivery.outcome = outcome
                    return outcome
                log.warning("waiting %.0f s: %s", outcome.after, outcome.reason)
                delivery.wait(outcome.after)
    except (LeaseLost, Stopping) as why:
        return Retry(str(why))
    # The one broad except: Batch reads the exit code alone, and 1 is the one that means 'again'.
    except Exception as error:  # noqa: BLE001 - logged by the guard
        return Retry(described(error))


def _code(outcome: Outcome) -> int:
    if isinstance(outcome, Done):
        return EXIT_OK
    return EXIT_REJECTED if isinstance(outcome, Reject) else EXIT_FAILED


def _last(settings: Settings, environ: Mapping[str, str]) -> bool:
    tries = environ.get("AWS_BATCH_JOB_ATTEMPT", "")
    return tries.isdecimal() and int(tries) >= settings.analysis.job_attempts


def _bury(delivery: Delivery, reason: str) -> None:
    """A letter that can be sent back. Without the right to send it the exit code still tells."""
    sqs, queue = delivery.stores.sqs_quick, delivery.queue
    first: Upload = delivery.job.uploads[0]
    name = f"{first.bucket}/{shown(first.key)}"
    body = {
        "eventType": "video-uploaded", "timestamp": first.event_time,
        "s3": {"bucket": first.bucket, "key": first.key}, "video": {"id": first.video_id},
    }  # fmt: skip
    ours = {
        marks.REASON: reason[:1000], marks.SOURCE: queue, marks.RECEIVE_COUNT: str(delivery.attempt),
        marks.REJECTED_AT: delivery.clock.now().isoformat(timespec="seconds"), marks.FIRST_ID: delivery.message.id,
    }  # fmt: skip
    try:
        dlq = sqs.attributes(queue).dlq_name
        if not dlq:
            log.error("queue %s has no dead-letter queue: %s is in no letter", queue, name)
            return
        sqs.send(dlq, json.dumps(body, ensure_ascii=False), attributes=marks.merged({}, ours))
    except StoreError as error:
        log.error("%s could not be sent to the dead-letter queue: %s", name, error)
    else:
        log.info("%s was sent to %s", name, dlq)


@contextmanager
def _renewed(delivery: Delivery) -> Iterator[None]:
    """What a keeper does elsewhere: the claim is renewed every third of its lease."""
    ended = threading.Event()
    lease_s = delivery.settings.analysis.lease_s

    def renew() -> None:
        good = delivery.clock.monotonic()
        while not ended.wait(lease_s / 3):
            try:
                for hold in list(delivery.holds):
                    delivery.renew(hold)
                good = delivery.clock.monotonic()
            except LeaseLost as lost:
                delivery.interrupt(lost)
            except StoreError as error:
                log.warning("the claim could not be renewed: %s", error)
                if delivery.clock.monotonic() - good > lease_s:
                    delivery.interrupt(LeaseLost("the claim could not be renewed and has run out", why=str(error)))

    thread = threading.Thread(target=renew, name="renewals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()


@contextmanager
def _stoppable(delivery: Delivery) -> Iterator[None]:
    """SIGTERM (Batch's, before it kills) and SIGINT end the wait for the service."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _frame: FrameType | None) -> None:
        # Not from the handler itself: the main thread may hold the very lock that this takes.
        name = signal.Signals(number).name
        why = Stopping(f"the worker was told to stop ({name})")
        threading.Thread(target=delivery.interrupt, args=(why,), daemon=True).start()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
