"""`academyctl worker run analysis`: its exit codes, as AWS Batch and a shell see them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analysis.pipeline import Pipeline
from tests.cli.tool import Ended, academyctl


def run(pipe: Pipeline, folder: Path, *words: str, **env: str) -> Ended:
    return academyctl("worker", "run", "analysis", *words, folder=folder, env={**pipe.env, **env})


def test_without_a_message_it_is_3_and_with_empty_ok_0(pipe: Pipeline, tmp_path: Path) -> None:
    assert run(pipe, tmp_path, "--once", "--wait", "0").code == 3
    assert run(pipe, tmp_path, "--once", "--wait", "0", "--empty-ok").code == 0


def test_a_queue_that_cannot_be_asked_is_1_for_that_is_no_empty_queue(pipe: Pipeline, tmp_path: Path) -> None:
    ended = run(pipe, tmp_path, "--once", "--wait", "0", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert ended.code == 1
    assert "next: check network" in ended.err


@pytest.mark.parametrize(("status", "code"), [(200, 0), (500, 1), (422, 2)])
def test_an_upload_of_the_environment_is_analysed_without_the_queue(
    pipe: Pipeline, tmp_path: Path, status: int, code: int
) -> None:
    key = f"videos/c{status}.mp4"
    pipe.upload(key)
    pipe.service.next_time(key, lambda asked: asked.answer(status, {"status": "success"}))
    ended = run(pipe, tmp_path, S3_BUCKET=pipe.bucket, S3_KEY=key, VIDEO_ID="84")
    assert ended.code == code, ended.err
    assert pipe.asked(key) == 1


def test_without_an_address_of_the_service_nothing_begins(pipe: Pipeline, tmp_path: Path) -> None:
    ended = run(pipe, tmp_path, "--once", FASTAPI_ENDPOINT="")
    assert (ended.code, "Missing required env: FASTAPI_ENDPOINT" in ended.err) == (1, True)
