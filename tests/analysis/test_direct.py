"""One upload named by the environment, as a Batch container gets it: no queue is read, and the exit code says all."""

from __future__ import annotations

import json
import os
import signal

import pytest

from academyctl.contract import marks
from academyctl.errors import ConfigError
from tests.analysis.pipeline import Pipeline
from tests.analysis_service import Asked
from workers._find import exit_code
from workers._loop import run
from workers._model import Defer, Done, Outcome, Retry
from workers._options import RunOptions
from workers._signals import Inbox, Signalled
from workers.analysis import alone, direct, worker
from workers.analysis.alone import once_code
from workers.analysis.claim import Claim


def go(pipe: Pipeline, key: str, *, upload: bool = True, **environ: str) -> int | None:
    if upload:
        pipe.upload(key)
    named = {"S3_BUCKET": pipe.bucket, "S3_KEY": key, "VIDEO_ID": "84", "SQS_MESSAGE_ID": "m-1", **environ}
    return direct(pipe.stores.settings, named)


def test_it_analyses_the_object_once_however_often_the_job_runs(pipe: Pipeline) -> None:
    assert go(pipe, "videos/강의 1+1%.mp4") == 0
    assert go(pipe, "videos/강의 1+1%.mp4", upload=False) == 0
    assert pipe.asked("videos/강의 1+1%.mp4") == 1


def test_the_queue_is_not_read(pipe: Pipeline) -> None:
    pipe.stores.sqs.send(pipe.queue, json.dumps({"bucket": pipe.bucket, "key": "videos/other.mp4"}))
    assert go(pipe, "videos/mine.mp4") == 0
    assert (pipe.asked("videos/other.mp4"), pipe.left()) == (0, (1, 0))


def test_an_environment_without_an_upload_is_for_the_queue(pipe: Pipeline) -> None:
    assert direct(pipe.stores.settings, {"S3_BUCKET": pipe.bucket, "S3_KEY": " "}) is None


@pytest.mark.parametrize("environ", [{"S3_BUCKET": "Not A Bucket"}, {"S3_KEY": "a\x00"}])
def test_names_that_s3_cannot_have_are_final(pipe: Pipeline, environ: dict[str, str]) -> None:
    named = {"S3_BUCKET": pipe.bucket, "S3_KEY": "videos/named.mp4", **environ}
    assert direct(pipe.stores.settings, named) == 2
    assert pipe.service.asked == []


def test_what_the_service_refuses_is_final_and_a_letter_for_there_is_no_message_any_more(pipe: Pipeline) -> None:
    pipe.service.next_time("videos/d1.mp4", lambda asked: asked.answer(422, {"detail": "no video stream"}))
    assert go(pipe, "videos/d1.mp4") == 2
    letter = pipe.letters()[0]
    assert (letter.attributes[marks.SOURCE], letter.attributes[marks.FIRST_ID]) == (pipe.queue, "m-1")
    pipe.stores.sqs.send(pipe.queue, letter.body)
    assert pipe.once() == 0
    assert pipe.service.asked[-1]["s3_key"] == "videos/d1.mp4"


@pytest.mark.parametrize(("attempt", "letters"), [("1", 0), ("3", 1)])
def test_what_may_pass_is_for_batch_to_try_again_and_the_last_try_is_a_letter(
    pipe: Pipeline, attempt: str, letters: int
) -> None:
    key = f"videos/d2-{attempt}.mp4"
    pipe.service.next_time(key, Asked.die)
    assert go(pipe, key, AWS_BATCH_JOB_ATTEMPT=attempt) == 1
    assert pipe.left() == (0, letters)


@pytest.mark.skipif(os.name == "nt", reason="Batch's containers are Linux")
def test_sigterm_ends_the_wait_and_leaves_the_object_free(pipe: Pipeline) -> None:
    def leave(asked: Asked) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        asked.hang()

    pipe.service.next_time("videos/d3.mp4", leave)
    assert go(pipe, "videos/d3.mp4") == 1
    assert go(pipe, "videos/d3.mp4", upload=False) == 0


def test_results_in_no_folder_are_refused_for_they_would_be_analysed(pipe: Pipeline) -> None:
    for prefix in ("/", "results"):
        settings = pipe.open(ANALYSIS_RESULTS_PREFIX=prefix).settings
        with pytest.raises(ConfigError, match="ANALYSIS_RESULTS_PREFIX"):
            direct(settings, {"S3_KEY": "videos/x.mp4"})


@pytest.mark.parametrize(
    ("settled", "code"),
    [({}, 3), ({"done": 1}, 0), ({"retry": 1}, 1), ({"defer": 1}, 1), ({"leave": 1}, 1), ({"error": 1}, 1),
     ({"reject": 1}, 2), ({"dead": 1}, 2)],
)  # fmt: skip
def test_once_has_an_exit_code_for_each_ending(settled: dict[str, int], code: int) -> None:
    assert once_code(0, settled) == code


def test_once_that_is_told_to_go_before_a_message_came_is_no_empty_queue(pipe: Pipeline) -> None:
    """3 is final for Batch: the message that it was started for would be nobody's."""
    inbox, tell = Inbox(), exit_code("analysis", once=True, empty_ok=True)
    inbox.put(Signalled("SIGTERM"))
    options = RunOptions(once=True, wait_s=1, exit_code=tell, health_file=pipe.folder / "health")
    assert run(worker(pipe.stores.settings), pipe.stores, options, inbox=inbox) == 1


def test_who_read_a_claim_that_had_run_out_cannot_write_over_its_renewal(pipe: Pipeline) -> None:
    pipe.upload("videos/d4.mp4")
    made = worker(pipe.stores.settings)
    delivery = alone._delivery(made, pipe.stores, {"S3_BUCKET": pipe.bucket, "S3_KEY": "videos/d4.mp4"})
    claim = Claim(delivery, delivery.job.uploads[0], "v1")
    assert claim.take() is None
    seen = pipe.stores.uploads.note(claim.bucket, claim.key)
    assert seen is not None
    claim.renew()
    assert pipe.stores.uploads.write(claim.bucket, claim.key, {"state": "working"}, replacing=seen.etag) == ""
    claim.finish({"title": "half of a pair \ud83d", "tree": [[[1]]]})
    kept = pipe.stores.uploads.note(claim.bucket, claim.key)
    assert kept is not None
    assert kept.document["result"] == {"title": "half of a pair \ud83d", "tree": [[[1]]]}


def test_an_upload_that_alone_is_turned_away_while_others_are_served_is_counted(pipe: Pipeline) -> None:
    """The service dies of it: its balancer answers 502, which alone would mean that it is away, for ever."""
    made = worker(pipe.stores.settings)

    def do(key: str) -> Outcome:
        pipe.upload(key)
        return made.handle(alone._delivery(made, pipe.stores, {"S3_BUCKET": pipe.bucket, "S3_KEY": key}))

    for _ in range(3):
        pipe.service.next_time("videos/poison.mp4", lambda asked: asked.answer(502, {}))
    assert isinstance(do("videos/poison.mp4"), Defer)
    assert isinstance(do("videos/poison.mp4"), Defer), "nobody was served: it may well be away"
    assert isinstance(do("videos/good.mp4"), Done)
    assert isinstance(do("videos/poison.mp4"), Retry)
    assert made.hold_off_s() == 0, "and nobody else has to wait for it"


def test_once_that_could_fetch_nothing_is_no_empty_queue() -> None:
    assert once_code(1, {}) == 1
