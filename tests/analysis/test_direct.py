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
from workers.analysis import direct
from workers.analysis.alone import once_code


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


def test_once_that_could_fetch_nothing_is_no_empty_queue() -> None:
    assert once_code(1, {}) == 1
