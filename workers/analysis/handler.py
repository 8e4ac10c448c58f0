"""One message of guide 004's pipeline: every upload that it names goes to the analysis service once.

The note in S3 (see `claim`) makes a second message of the same upload, and S3's own doubles, harmless. An answer that
could not be written down is kept here until it can be: the service is not asked again for it.
"""

from __future__ import annotations

import logging
import random
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from academyctl.contract import logtokens
from academyctl.contract.analysis import Upload, UploadMessage, shown
from academyctl.errors import AwsError, Busy, LeaseLost, Stopping, StoreError
from academyctl.stores.analysis_api import ServiceAway
from workers._backoff import Outage
from workers._clock import Clock
from workers._guards import AWAY
from workers._model import Defer, Delivery, Done, Outcome, Reject, Retry
from workers.analysis.answers import AWAY_S, Answered, Refused, judge
from workers.analysis.claim import Claim

log = logging.getLogger("academyctl.analysis")

REMEMBERED = 100
"""Answers that wait for S3 to take them, and uploads that were turned away."""


class Handler:
    """What all messages of a process share: whether the service is away, and answers not yet written down."""

    def __init__(self, *, clock: Clock | None = None, rng: random.Random | None = None) -> None:
        self._clock = (clock or Clock()).monotonic
        self._outage = Outage(self._clock, rng or random.Random())  # noqa: S311 - spreads waits
        self._until = 0.0
        self._unwritten: OrderedDict[str, Mapping[str, Any]] = OrderedDict()
        self._served = 0
        self._turned_away: OrderedDict[str, int] = OrderedDict()

    def hold_off_s(self) -> float:
        """Seconds for which no message should be fetched: the service is away, and receives are counted."""
        return max(0.0, self._until - self._clock()) if self._outage.away else 0.0

    def handle(self, delivery: Delivery) -> Outcome:
        """The outcome of the message: its worst upload's. Raises LeaseLost and Stopping."""
        message: UploadMessage = delivery.job
        if not message.uploads:
            log.info(logtokens.IDEMPOTENT_SKIP.text(job_id=delivery.message.id, reason=message.nothing))
            return Done(message.nothing)
        return worst([self._one(delivery, one) for one in message.uploads])

    def _one(self, delivery: Delivery, upload: Upload) -> Outcome:
        try:
            return self._analyse(delivery, upload)
        except Busy as busy:
            return Defer(str(busy), busy.after)
        except StoreError as error:
            # One bucket that is away must not keep the other uploads of the message waiting.
            return Defer(str(error), AWAY_S) if error.cause in AWAY else Retry(str(error))

    def _analyse(self, delivery: Delivery, upload: Upload) -> Outcome:
        said = delivery.settings.analysis
        if upload.key.endswith("/"):
            return Done("a folder")
        if (said.results_bucket or upload.bucket) == upload.bucket and upload.key.startswith(said.results_prefix):
            # The notification sees our own notes too, where it has no prefix: a loop without end otherwise.
            return Done("a result of an analysis, not an upload")
        try:
            found = delivery.stores.uploads.find(upload.bucket, upload.key)
        except AwsError as error:
            if error.cause != "permission":
                raise
            # Counted: who may not list the bucket is told the same of an object that is gone, and would wait for ever.
            return Retry(f"{error} (without s3:ListBucket an object that is gone reads the same)")
        if found is None:
            return Reject(f"there is no object {upload.key} in {upload.bucket}")
        claim = Claim(delivery, upload, found.version)
        delivery.stage("claim")
        known = claim.take()
        if known is not None:
            log.info(logtokens.IDEMPOTENT_SKIP.text(job_id=f"{upload.bucket}/{upload.key}", reason="analysed before"))
            return Done("analysed before")
        delivery.hold(claim)
        try:
            return self._with(delivery, upload, claim)
        finally:
            delivery.drop(claim)

    def _with(self, delivery: Delivery, upload: Upload, claim: Claim) -> Outcome:
        """Ask the service and write down what it said; the claim is ours."""
        answer = self._unwritten.get(claim.key)
        try:
            if answer is None:
                asked = self._ask(delivery, upload, claim)
                if isinstance(asked, Refused):
                    _free(delivery, claim, asked.outcome.reason)
                    return asked.outcome
                answer = asked.document
        except Stopping as stopping:
            _free(delivery, claim, str(stopping))
            raise
        self._remember(claim.key, answer)
        delivery.drop(claim)
        claim.finish(answer)
        self._unwritten.pop(claim.key, None)
        log.info(
            "analysed: s3_bucket=%s s3_key=%s result=s3://%s/%s",
            upload.bucket, shown(upload.key), claim.bucket, shown(claim.key),
        )  # fmt: skip
        return Done()

    def _ask(self, delivery: Delivery, upload: Upload, claim: Claim) -> Answered | Refused:
        said = delivery.settings.analysis
        sent_at = delivery.message.sent_at or delivery.clock.now()
        request = {
            "s3_bucket": upload.bucket,
            "s3_key": upload.key,
            "event_time": upload.event_time or sent_at.isoformat(timespec="milliseconds"),
            "environment": said.environment,
        }
        delivery.stage("analyze")
        try:
            reply = delivery.stores.analysis_api.analyze(
                request, seconds=said.request_s, request_id=claim.id, check=delivery.check
            )
        except ServiceAway as away:
            # Before the first byte nothing can have begun; after it this very upload may be what ended it.
            answer = Refused(Retry(str(away)) if away.begun else Defer(str(away), AWAY_S), away=not away.begun)
        else:
            judged = judge(reply)
            if isinstance(judged, Answered):
                self._served += 1
                self._turned_away.pop(claim.key, None)
                self._here()
                return judged
            answer = self.blame(claim.key, judged)
        if answer.away:
            self._until = self._clock() + self._outage.failed()
        else:
            self._here()
        return answer

    def blame(self, key: str, refused: Refused) -> Refused:
        """Whether it is the service that is away, or this upload alone that it never takes.

        An upload that the service dies of reads as a 502, one that it may not read as its 403. When others were served
        since it was first turned away, it is counted: it would come back for ever, and hold up all others each time.
        """
        if not refused.away:
            return refused
        before = self._turned_away.setdefault(key, self._served)
        _forget_oldest(self._turned_away)
        return refused if before == self._served else Refused(Retry(refused.outcome.reason))

    def _here(self) -> None:
        away_s = self._outage.over()
        if away_s:
            log.info("the analysis service is back after %.0f s", away_s)

    def _remember(self, key: str, answer: Mapping[str, Any]) -> None:
        self._unwritten[key] = answer
        _forget_oldest(self._unwritten)


def _forget_oldest(known: OrderedDict[str, Any]) -> None:
    while len(known) > REMEMBERED:
        known.popitem(last=False)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """One for the whole message: what was done stays done, so only the worst is left to be said.

    Tried again before rejected: a message that goes to the dead letters takes its other uploads with it.
    """
    for kind in (Retry, Defer, Reject):
        found = [one for one in outcomes if isinstance(one, kind)]
        if found:
            return found[0]
    return outcomes[0]


def _free(delivery: Delivery, claim: Claim, reason: str) -> None:
    delivery.drop(claim)
    try:
        claim.free(reason)
    except (StoreError, LeaseLost) as error:
        log.warning("%s could not be given up and runs out by itself: %s", claim.name, error)
