"""sqs_to_batch, run here against the stack: a message becomes one job, and none is ever lost for want of Batch."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from academyctl.ops.lambdas import sqs_to_batch as function
from academyctl.ops.package import package
from academyctl.stores import Stores
from tests.batch.conftest import Desk
from tests.conftest import use_queue

KEY = "videos/강의 1+1.mp4"
ENCODED = "videos/%EA%B0%95%EC%9D%98+1%2B1.mp4"
S3_EVENT = {
    "Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": ENCODED}}}]
}
BACKEND = {"eventType": "video-uploaded", "s3": {"bucket": "b", "key": KEY}, "video": {"id": "84", "status": "pending"}}
README = {"s3": {"bucket": "b", "key": KEY}, "video": {"video_id": 84, "filename": "a.mp4"}}
ENCODE = {"video_id": 7, "tenant_id": 1, "file_key": "k", "tenant_code": "demo", "attempt": 1}
ROW = {"job_id": "11111111-0000-4000-8000-000000000001", "video_id": 7, "tenant_id": 1, "file_key": "k"}


def variables(job: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in job["containerOverrides"]["environment"]}


@pytest.mark.parametrize("body", [S3_EVENT, BACKEND, README, {"bucket": "b", "key": KEY}])
def test_an_upload_is_passed_on_with_its_key_as_it_is(body: dict[str, Any]) -> None:
    (job,) = function.jobs_of(json.dumps(body), "m-1")
    told = variables(job)
    assert (told["S3_BUCKET"], told["S3_KEY"], told["SQS_MESSAGE_ID"], told["MESSAGE_ID"]) == ("b", KEY, "m-1", "m-1")
    assert told.get("VIDEO_ID", "84") == "84"
    assert job["name"] == "video-process-m-1"


def test_several_uploads_in_one_message_are_several_jobs() -> None:
    assert len(function.jobs_of(json.dumps({"Records": S3_EVENT["Records"] * 2}), "m-1")) == 2


def test_s3s_test_event_is_no_job() -> None:
    assert function.jobs_of('{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}', "m-1") == []


def test_an_object_that_was_removed_is_no_upload() -> None:
    removed = {"Records": [{**S3_EVENT["Records"][0], "eventName": "ObjectRemoved:Delete"}]}
    assert function.jobs_of(json.dumps(removed), "m-1") == []


def test_a_copy_has_room_for_the_mark_of_what_it_is_a_copy_of() -> None:
    carried = {f"a{number}": {"dataType": "String", "stringValue": "x"} for number in range(10)}
    kept = function.copied({"messageId": "m-1", "messageAttributes": carried})
    assert (len(kept), kept[function.COPY_OF]["StringValue"]) == (10, "m-1")


def test_an_encode_is_passed_on_as_the_row_it_names_or_as_the_message_it_is() -> None:
    (named,) = function.jobs_of(json.dumps(ROW), "m-1")
    assert (named["name"], named["parameters"]) == ("video-11111111", {"job_id": ROW["job_id"]})
    assert variables(named)["VIDEO_JOB_ID"] == ROW["job_id"]
    (unnamed,) = function.jobs_of(json.dumps(ENCODE), "m-1")
    assert json.loads(variables(unnamed)["VIDEO_JOB_MESSAGE"]) == ENCODE
    assert unnamed["parameters"] == {"job_id": ""}
    assert "command" not in unnamed["containerOverrides"]


@pytest.mark.parametrize(
    "body",
    ["{", "[]", "{}", '{"Records": []}', '{"Records": [1]}', '{"s3": {"bucket": "b"}}', '{"s3": {}, "video": "84"}',
     '{"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": 5}}}]}'],
)  # fmt: skip
def test_what_can_be_no_job_is_told(body: str) -> None:
    with pytest.raises(function.BadMessage):
        function.jobs_of(body, "m-1")


def test_the_package_runs_without_academyctl() -> None:
    with zipfile.ZipFile(io.BytesIO(package("sqs_to_batch"))) as archive:
        source = archive.read("lambda_function.py").decode()
    assert "academyctl import" not in source
    assert "from academyctl" not in source


@dataclass
class Line:
    """A queue of the test's own, and the function that its messages are given to."""

    stores: Stores
    desk: Desk
    queue: str
    monkeypatch: pytest.MonkeyPatch

    def send(self, body: object, **attributes: str) -> None:
        self.stores.sqs.send(self.queue, json.dumps(body), attributes=attributes)

    def run(self, **env: str) -> list[str]:
        """One poll of Lambda: receive, run, delete what did not fail; the ids that failed."""
        records = [self._record(one) for one in self.stores.sqs.receive(self.queue, max_messages=1, wait_s=1)]
        for name, value in env.items():
            self.monkeypatch.setenv(name, value)
        answer = function.lambda_handler({"Records": records}, None)
        failed = [one["itemIdentifier"] for one in answer["batchItemFailures"]]
        done = [(one["messageId"], one["receiptHandle"]) for one in records if one["messageId"] not in failed]
        if done:
            self.stores.sqs.delete(self.queue, done)
        return failed

    def depth(self) -> tuple[int, int, int]:
        """Visible, in flight, delayed."""
        found = self.stores.sqs.attributes(self.queue)
        return found.visible, found.in_flight, found.delayed

    def _record(self, message: Any) -> dict[str, Any]:
        carried = {name: {"dataType": "String", "stringValue": value} for name, value in message.attributes.items()}
        return {
            "messageId": message.id, "receiptHandle": message.receipt, "body": message.body,
            "attributes": {"ApproximateReceiveCount": str(message.receive_count)}, "messageAttributes": carried,
            "eventSourceARN": self.stores.sqs.attributes(self.queue).arn,
        }  # fmt: skip


@pytest.fixture
def line(stores: Stores, desk: Desk, platform_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Line:
    aws = {name: value for name, value in platform_env.items() if name.startswith("AWS_")}
    names = {"BATCH_JOB_QUEUE": desk.names.batch_queue, "BATCH_JOB_DEFINITION": desk.names.batch_job}
    for name, value in {**aws, **names}.items():
        monkeypatch.setenv(name, value)
    return Line(stores, desk, platform_env["VIDEO_SQS_QUEUE_NAME"], monkeypatch)


def test_a_message_that_comes_twice_is_one_job(line: Line) -> None:
    line.send(BACKEND)
    (message,) = line.stores.sqs.receive(line.queue, wait_s=1, visibility_s=0)
    assert line.run() == []
    record = line._record(message)
    assert function.lambda_handler({"Records": [record]}, None) == {"batchItemFailures": []}
    (job,) = line.desk.jobs()
    assert job["jobName"] == f"video-process-{message.id}"
    assert {"name": "S3_KEY", "value": KEY} in job["container"]["environment"]


def test_a_dead_letter_that_was_sent_back_runs_again(line: Line) -> None:
    line.send(BACKEND)
    line.run()
    first = line.desk.jobs()[0]
    line.desk.batch.terminate_job(jobId=first["jobId"], reason="it failed")
    line.send(BACKEND, **{"academyctl.first_id": first["tags"]["MessageId"], "academyctl.redriven": "now"})
    assert line.run() == []
    assert len(line.desk.jobs()) == 2


def test_a_bad_message_fails_by_its_message_id_and_nothing_else_does(line: Line) -> None:
    line.send({"what": "is this"})
    (failed,) = line.run()
    assert line.depth() == (0, 1, 0)
    assert "-" in failed
    assert line.desk.jobs() == []


def _off(line: Line) -> dict[str, str]:
    line.desk.batch.update_job_queue(jobQueue=line.desk.names.batch_queue, state="DISABLED")
    return {}


def _away(line: Line) -> dict[str, str]:
    del line
    return {"AWS_ENDPOINT_URL_BATCH": "http://127.0.0.1:1"}


def _full(line: Line) -> dict[str, str]:
    line.desk.submit("22222222-0000-4000-8000-000000000001")
    return {"MAX_CONCURRENT_JOBS": "1"}


@pytest.mark.parametrize("trouble", [_off, _away, _full])
def test_while_batch_is_away_or_full_a_message_waits_and_never_dies(
    line: Line, trouble: Callable[[Line], dict[str, str]]
) -> None:
    env = {**trouble(line), "BUSY_SECONDS": "0"}  # and how often it may be received, the queue says
    use_queue(line.stores, line.queue, max_receive=2)
    line.send(ENCODE)
    assert len(line.run(**env)) == 1  # comes back
    for _ in range(3):  # its last receive: a copy takes its place, and lives as long again
        line.run(**env)
        assert sum(line.depth()) == 1
        assert len(line.run(**env)) == 1
    assert line.stores.sqs.attributes(f"{line.queue}-dlq").visible == 0
    line.desk.batch.update_job_queue(jobQueue=line.desk.names.batch_queue, state="ENABLED")
    line.monkeypatch.delenv("AWS_ENDPOINT_URL_BATCH", raising=False)
    line.monkeypatch.setenv("MAX_CONCURRENT_JOBS", "0")
    assert line.run() == []
    assert [one["jobName"].startswith("video-message-") for one in line.desk.jobs()].count(True) == 1
    assert line.depth() == (0, 0, 0)
