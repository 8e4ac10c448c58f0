"""The analysis worker on the local stack: each way the service can go has its own end, and no object goes twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from academyctl.contract import marks
from academyctl.contract.analysis import result_key
from academyctl.errors import AwsError
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.uploads import Found, Uploads
from tests.analysis.pipeline import Pipeline
from tests.analysis_service import Asked
from tests.conftest import eventually
from workers._loop import run
from workers._options import RunOptions
from workers._signals import Inbox, Signalled
from workers.analysis import worker


def send(pipe: Pipeline, *keys: str, upload: bool = True) -> None:
    """Upload each and send one event for all of them."""
    for key in keys if upload else ():
        pipe.upload(key)
    records = [
        {"eventName": "ObjectCreated:Put", "eventTime": "2025-10-27T12:34:56.000Z",
         "s3": {"bucket": {"name": pipe.bucket}, "object": {"key": key.replace(" ", "+")}}} for key in keys
    ]  # fmt: skip
    pipe.stores.sqs.send(pipe.queue, json.dumps({"Records": records}))


def note_key(pipe: Pipeline, key: str) -> str:
    found = pipe.stores.uploads.find(pipe.bucket, key)
    assert found is not None
    return result_key("analysis-results/", pipe.bucket, key, found.version)


def note(pipe: Pipeline, key: str) -> dict[str, Any]:
    """The note beside an upload."""
    found = pipe.stores.uploads.note(pipe.bucket, note_key(pipe, key))
    assert found is not None
    return dict(found.document)


def test_an_upload_is_analysed_its_result_kept_and_its_message_deleted(pipe: Pipeline) -> None:
    send(pipe, "videos/1 a.mp4")
    assert pipe.once() == 0
    event_time = "2025-10-27T12:34:56.000Z"
    asked = {"s3_bucket": pipe.bucket, "s3_key": "videos/1 a.mp4", "event_time": event_time, "environment": "dev"}
    assert pipe.service.asked == [asked]
    kept = note(pipe, "videos/1 a.mp4")
    assert (kept["state"], kept["result"]) == ("done", {"status": "success", "video_id": 84})
    assert pipe.left() == (0, 0)


def test_a_second_message_of_the_same_object_is_done_without_asking_and_a_new_version_is_asked_for(
    pipe: Pipeline,
) -> None:
    send(pipe, "videos/2.mp4")
    assert pipe.once() == 0
    pipe.stores.sqs.send(pipe.queue, json.dumps({"s3": {"bucket": pipe.bucket, "key": "videos/2.mp4"}}))
    assert pipe.once() == 0
    assert pipe.asked("videos/2.mp4") == 1
    pipe.upload("videos/2.mp4", b"another film")
    send(pipe, "videos/2.mp4", upload=False)
    assert pipe.once() == 0
    assert pipe.asked("videos/2.mp4") == 2


def test_no_message_is_3_and_0_where_that_is_fine(pipe: Pipeline) -> None:
    assert pipe.once(wait_s=0) == 3
    assert pipe.once(wait_s=0, empty_ok=True) == 0


@pytest.mark.parametrize("key", ["analysis-results/x/y.json", "videos/folder/"])
def test_our_own_results_and_folders_are_no_uploads(pipe: Pipeline, key: str) -> None:
    send(pipe, key)
    assert pipe.once() == 0
    assert pipe.service.asked == []


def test_what_the_service_refuses_goes_to_the_dead_letters_with_its_words_and_may_be_sent_again(pipe: Pipeline) -> None:
    pipe.service.next_time("videos/3.mp4", lambda asked: asked.answer(422, {"detail": "no video stream"}))
    send(pipe, "videos/3.mp4")
    assert pipe.once() == 2
    assert pipe.left() == (0, 1)
    letter = pipe.letters()[0]
    assert "422 (no video stream)" in letter.attributes[marks.REASON]
    assert note(pipe, "videos/3.mp4")["state"] == "failed"
    pipe.stores.sqs.send(pipe.queue, letter.body)
    assert pipe.once() == 0
    assert note(pipe, "videos/3.mp4")["state"] == "done"


def test_an_object_that_is_gone_is_rejected_without_asking(pipe: Pipeline) -> None:
    send(pipe, "videos/gone.mp4", upload=False)
    assert pipe.once() == 2
    assert pipe.service.asked == []


FAULTS: dict[str, Callable[[Asked], None]] = {
    "500": lambda asked: asked.answer(500, {"detail": "CUDA out of memory"}),
    "garbage": lambda asked: asked.answer(200, b"<html>it works</html>"),
    "dies": Asked.die,
    "hangs": Asked.hang,
    "redirect": lambda asked: asked.answer(307, b"", location=f"{asked.service.url}/elsewhere"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_may_pass_leaves_the_message_in_the_queue_and_the_object_free(pipe: Pipeline, fault: str) -> None:
    key = f"videos/4-{fault}.mp4"
    pipe.service.next_time(key, FAULTS[fault])
    send(pipe, key)
    assert pipe.once(stores=pipe.open(ANALYSIS_REQUEST_SECONDS="1")) == 1
    assert pipe.asked(key) == len(pipe.service.asked) == 1
    assert pipe.left() == (1, 0)
    assert note(pipe, key)["state"] == "failed"


def test_the_last_failure_is_a_letter(pipe: Pipeline) -> None:
    redrive = json.dumps({"deadLetterTargetArn": pipe.stores.sqs.attributes(pipe.dlq).arn, "maxReceiveCount": "1"})
    queue = {"QueueUrl": pipe.stores.sqs.url(pipe.queue)}
    pipe.service.next_time("videos/5.mp4", Asked.die)
    send(pipe, "videos/5.mp4")
    before = pipe.clients("sqs").get_queue_attributes(**queue, AttributeNames=["RedrivePolicy"])["Attributes"]
    pipe.clients("sqs").set_queue_attributes(**queue, Attributes={"RedrivePolicy": redrive})
    try:
        assert pipe.once() == 2
    finally:
        pipe.clients("sqs").set_queue_attributes(**queue, Attributes=before)
    assert pipe.left() == (0, 1)


def test_a_service_that_is_not_there_costs_no_attempt_and_nothing_more_is_fetched(pipe: Pipeline) -> None:
    send(pipe, "videos/6.mp4")
    away = pipe.open(FASTAPI_ENDPOINT="http://127.0.0.1:9")
    made = worker(away.settings)
    assert pipe.run(RunOptions(max_jobs=1, wait_s=1, grace_s=1, health_file=pipe.folder / "h"), away, made) == 0
    assert made.hold_off_s() > 0
    assert pipe.stores.sqs.attributes(pipe.queue).in_flight == 1
    assert note(pipe, "videos/6.mp4")["state"] == "failed"


def test_an_object_that_another_analyses_is_left_until_its_lease_is_over(pipe: Pipeline) -> None:
    pipe.upload("videos/7.mp4")
    theirs = {"state": "working", "owner": "other-host", "since": "2026-01-01T00:00:00+00:00", "lease_s": 60}
    etag = pipe.stores.uploads.write(pipe.bucket, note_key(pipe, "videos/7.mp4"), theirs, replacing="")
    send(pipe, "videos/7.mp4")
    assert pipe.once() == 1
    assert pipe.service.asked == []
    assert note(pipe, "videos/7.mp4") == theirs
    ended = {**theirs, "lease_s": 0}
    assert pipe.stores.uploads.write(pipe.bucket, note_key(pipe, "videos/7.mp4"), ended, replacing=etag)
    send(pipe, "videos/7.mp4")
    assert pipe.once() == 0


def test_two_workers_at_once_with_two_messages_of_one_object_ask_for_it_once(pipe: Pipeline) -> None:
    pipe.upload("videos/13.mp4")
    started = threading.Barrier(2, timeout=10)
    codes: list[int] = []

    def go() -> None:
        stores = pipe.open()
        started.wait()
        codes.append(pipe.once(stores=stores, health_file=pipe.folder / f"{threading.get_ident()}"))

    send(pipe, "videos/13.mp4", upload=False)
    send(pipe, "videos/13.mp4", upload=False)
    pipe.service.next_time("videos/13.mp4", lambda asked: asked.done(after_s=0.3))
    workers = [threading.Thread(target=go) for _ in range(2)]
    for one in workers:
        one.start()
    for one in workers:
        one.join(20)
    assert sorted(codes) in ([0, 1], [0, 0])
    assert pipe.asked("videos/13.mp4") == 1


def test_an_object_that_may_not_be_seen_is_counted_for_it_may_be_gone(pipe: Pipeline) -> None:
    send(pipe, "videos/14.mp4")
    blind = Blind(load(pipe.env).settings)
    assert pipe.once(stores=blind) == 1
    assert pipe.service.asked == []
    assert pipe.left() == (1, 0)


def test_who_lost_the_object_to_another_says_nothing_of_it_any_more(pipe: Pipeline) -> None:
    def taken(asked: Asked) -> None:
        key = note_key(pipe, "videos/8.mp4")
        now = pipe.stores.uploads.note(pipe.bucket, key)
        assert now is not None
        pipe.stores.uploads.write(pipe.bucket, key, {"state": "working", "owner": "x"}, replacing=now.etag)
        asked.hang()

    pipe.service.next_time("videos/8.mp4", taken)
    send(pipe, "videos/8.mp4")
    assert pipe.once(stores=pipe.open(ANALYSIS_LEASE="1")) == 1
    assert note(pipe, "videos/8.mp4") == {"state": "working", "owner": "x"}


def test_a_worker_that_must_go_does_not_wait_for_the_service(pipe: Pipeline) -> None:
    inbox = Inbox()

    def leave(asked: Asked) -> None:
        inbox.put(Signalled("SIGTERM"))
        asked.hang()

    pipe.service.next_time("videos/9.mp4", leave)
    send(pipe, "videos/9.mp4")
    options = RunOptions(wait_s=1, grace_s=0, health_file=pipe.folder / "h")
    assert run(worker(pipe.stores.settings), pipe.stores, options, inbox=inbox) == 0
    assert note(pipe, "videos/9.mp4")["reason"] == "the worker is shutting down"
    eventually(lambda: pipe.stores.sqs.attributes(pipe.queue).visible == 1)


def test_the_message_stays_ours_while_the_service_works_longer_than_its_visibility(pipe: Pipeline) -> None:
    pipe.service.next_time("videos/10.mp4", lambda asked: asked.done(after_s=1.6))
    send(pipe, "videos/10.mp4")
    assert pipe.once(stores=pipe.open(ANALYSIS_VISIBILITY="1", ANALYSIS_LEASE="1")) == 0
    assert pipe.left() == (0, 0)


def test_of_several_uploads_in_a_message_only_those_that_failed_are_asked_for_again(pipe: Pipeline) -> None:
    keys = ("videos/11a.mp4", "videos/11b.mp4", "videos/11c.mp4")
    pipe.service.next_time(keys[1], lambda asked: asked.answer(429, {}, **{"retry-after": "0"}))
    send(pipe, *keys)
    assert pipe.once() == 1
    assert pipe.once() == 0
    assert [pipe.asked(key) for key in keys] == [1, 2, 1]


class Forbidden(Uploads):
    """S3 as one sees it without any right."""

    def find(self, bucket: str, key: str) -> Found | None:
        raise AwsError("s3:HeadObject failed", why="403", cause="permission")


class Blind(Stores):
    @property
    def uploads(self) -> Uploads:
        return self._once("uploads", lambda: Forbidden(self.fleet_clients))


class Forgetful(Uploads):
    """S3 that is away at the moment at which a result is to be kept."""

    def write(self, bucket: str, key: str, document: Any, *, replacing: str) -> str:
        if document["state"] == "done" and not self.__dict__.setdefault("forgot", False):
            self.__dict__["forgot"] = True
            raise AwsError("s3:PutObject failed", why="503", cause="unreachable")
        return super().write(bucket, key, document, replacing=replacing)


class Storing(Stores):
    @property
    def uploads(self) -> Uploads:
        return self._once("uploads", lambda: Forgetful(self.fleet_clients))


def test_an_answer_that_could_not_be_kept_is_kept_later_and_not_asked_for_again(pipe: Pipeline) -> None:
    stores = Storing(load(pipe.env).settings)
    made = worker(stores.settings)
    send(pipe, "videos/12.mp4")
    send(pipe, "videos/12.mp4", upload=False)
    options = RunOptions(max_jobs=2, wait_s=1, grace_s=1, health_file=pipe.folder / "h")
    assert run(made, stores, options) == 0
    abandoned = pipe.stores.uploads.note(pipe.bucket, note_key(pipe, "videos/12.mp4"))
    assert abandoned is not None
    over = {**abandoned.document, "lease_s": 0}
    pipe.stores.uploads.write(pipe.bucket, note_key(pipe, "videos/12.mp4"), over, replacing=abandoned.etag)
    send(pipe, "videos/12.mp4", upload=False)
    assert run(made, stores, RunOptions(max_jobs=1, wait_s=1, grace_s=1, health_file=pipe.folder / "h")) == 0
    assert pipe.asked("videos/12.mp4") == 1
    assert note(pipe, "videos/12.mp4")["state"] == "done"
