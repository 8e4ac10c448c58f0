"""`diagnose sqs --compat`: the lines that the operators' runbooks compare, and the same exit code (contract 8.4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from academyctl.settings import load
from academyctl.stores import Stores
from checks import _trouble as t
from checks._compat import lines
from checks._engine import take
from checks._model import Snapshot
from checks._topics import chosen
from tests.checks import facts as f

AWS = load({"AWS_ACCESS_KEY_ID": "AKIA-one", "AWS_SECRET_ACCESS_KEY": "hidden-secret"}).settings.aws


def _said(snapshot: Snapshot) -> tuple[str, int]:
    told, code = lines(snapshot, AWS)
    return "\n".join(told), code


def test_a_working_sqs_reads_as_the_script_wrote_it() -> None:
    said, code = _said(f.snapshot())
    assert code == 0
    assert "[1] Video 큐: academy-video-jobs\n  get_queue_url: OK\n  receive_message: OK (" in said
    assert "[2] AI(Basic) 큐: academy-ai-jobs-basic\n  get_queue_url: OK\n" in said
    assert said.endswith("결과: SQS 연결 정상")
    assert "FAIL" not in said
    assert "hidden-secret" not in said


@pytest.mark.parametrize(
    ("cause", "line"),
    [
        (t.MISSING, "FAIL: 큐가 존재하지 않습니다"),
        (t.KEY, "FAIL: 큐 접근 불가 (자격 증명/권한 문제)"),
        (t.SECRET, "FAIL: 큐 접근 불가 (자격 증명/권한 문제)"),
        (t.DENIED, "FAIL: AWS 자격 증명 오류 또는 SQS 권한 없음"),
        (t.TIMEOUT, "FAIL: 큐 접근 불가 ("),
        (t.UNREACHABLE, "FAIL: 큐 접근 불가 ("),
    ],
)
def test_every_trouble_has_the_line_that_the_guides_table_explains(cause: str, line: str) -> None:
    said, code = _said(f.snapshot(sqs=f.all_absent(cause, "TheCode")))
    assert code == 1
    assert said.count(line) == 2
    assert "TheCode" in said
    assert said.endswith("결과: SQS 연결 실패")


def test_one_queue_that_is_gone_is_a_failure_and_the_other_is_still_told() -> None:
    said, code = _said(f.snapshot(sqs=f.absent("ai_basic", t.MISSING, "QueueDoesNotExist")))
    assert code == 1
    assert said.count("get_queue_url: OK") == 1


def test_what_was_not_seen_is_no_ok() -> None:
    said, code = _said(f.snapshot(sqs="timeout"))
    assert (code, said.count("OK")) == (1, 0)
    denied = f.absent("video", t.DENIED, "AccessDenied", what="sqs:GetQueueAttributes queue x")
    said, code = _said(f.snapshot(sqs=denied))
    assert code == 1
    assert said.count("receive_message: OK") == 1


def test_nothing_is_received(platform_env: dict[str, str], stores: Stores) -> None:
    queue = stores.settings.queues.video
    stores.sqs.send(queue, "{}")
    loaded = load(platform_env)
    told, code = lines(take(chosen(("sqs",)), loaded, platform_env, timeout_s=20), loaded.settings.aws)
    assert code == 0
    assert any("대기 1, 처리 중 0" in line for line in told)
    assert stores.sqs.receive(queue, wait_s=1)[0].receive_count == 1


def test_the_script_looked_at_two_queues_and_so_does_this() -> None:
    other = replace(f.SQS, queues=tuple(one for one in f.absent("messaging", t.MISSING).queues))
    assert _said(f.snapshot(sqs=other))[1] == 0
