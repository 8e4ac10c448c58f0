"""Facts of a platform whose AI and Excel jobs end well, and one row a fault of the topic `ai`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from checks import _trouble as t
from checks import ai, settings
from checks._against import Against, Difference
from checks._depth import Depth
from checks._failures import Reason
from checks._model import Verdict
from checks._trouble import Trouble
from tests.checks.case import Case, fail, unknown, warn

V = Verdict
_ENDED = ai.Ended(
    ended=20, failed=1, hidden=0, hidden_ids=(), without_result=0, without_ids=(),
    reasons=(Reason("학부모 전화번호 검증 실패: 2건. 010 10~11자리 형식이어야 합니다.", 1),),
)  # fmt: skip
FACTS = ai.Facts(
    here=True, missing=(), rows_trouble=None, open=(ai.Open("RUNNING", 1, 12),), stale=(), stale_total=0, waiting=(),
    ended=_ENDED,
    queues=tuple(Depth(f"ai_{tier}", f"academy-ai-jobs-{tier}", 0, 0, 0, None)
                 for tier in ("lite", "basic", "premium")),
)  # fmt: skip
_JOB = ai.Job("0b8f6c1e-7b0c-4f0e-9a54-2f6f5a5d7c11", "excel_parsing", "basic", "sqs-worker", 4000)


def ended(failed: int, reason: str, **changes: Any) -> ai.Facts:
    """Ten jobs ended, of which some failed."""
    return replace(FACTS, ended=replace(_ENDED, ended=10, failed=failed, reasons=(Reason(reason, failed),), **changes))


def lost(**queue: Any) -> ai.Facts:
    """A basic job that has waited for an hour, and its queue."""
    queues = tuple(replace(one, **queue) if one.word == "ai_basic" else one for one in FACTS.queues)
    return replace(FACTS, waiting=(ai.Waiting("basic", 1, (_JOB,)),), queues=queues)


def _api_has(variable: str, here: str, there: str) -> settings.Facts:
    """Settings that were compared with the API's and differ in one that must be the same."""
    from tests.checks.facts import SETTINGS

    difference = Difference(variable, "queues", here, there, secret=False, breaks=True)
    return replace(SETTINGS, against=Against("api.env", 40, (difference,)))


def cases() -> tuple[Case, ...]:
    silent = Trouble(t.TIMEOUT, "", "sqs:GetQueueAttributes queue x", "timed out")
    hidden: dict[str, Any] = {"hidden": 2, "hidden_ids": (_JOB.id, "second")}
    return (
        fail("the AI worker's settings are incomplete", "ai.not-configured", V.settings,
             ai=replace(FACTS, missing=("R2_SECRET_KEY",))),
        unknown("AI jobs cannot be read", "ai.unread",
                ai=replace(FACTS, rows_trouble=Trouble(t.ODD, "57014", "", "statement timeout"), ended=None, open=())),
        warn("a running job without worker", "ai.stale", V.data,
             ai=replace(FACTS, stale=(_JOB, replace(_JOB, id="second", owner="")), stale_total=2)),
        fail("a waiting job without message", "ai.lost", V.data, ai=lost()),
        fail("the API fills another AI queue", "settings.differs", V.settings, "ai.lost", ai=lost(),
             settings=_api_has("AI_SQS_QUEUE_NAME_BASIC", "academy-ai-jobs-basic", "academy-ai-jobs-new")),
        unknown("an AI queue was not seen", "ai.queue-unseen", ai=lost(trouble=silent)),
        warn("some AI jobs fail", "ai.failures", V.data, ai=ended(4, "헤더 행을 찾을 수 없습니다.")),
        fail("AI jobs fail for a missing package", "ai.failures-most", V.code, ai=ended(9, "No module named 'google'")),
        fail("AI jobs fail for a key", "ai.failures-most", V.settings, ai=ended(9, "AccessDenied: GetObject")),
        fail("AI jobs fail for the network", "ai.failures-most", V.infrastructure, ai=ended(9, "Connection refused")),
        fail("AI jobs take too long", "ai.failures-most", V.capacity, ai=ended(9, "inference_timeout_60min")),
        warn("failed AI jobs read DONE", "ai.failed-as-done", V.data, ai=ended(2, "lecture not found", **hidden)),
        fail("all failed AI jobs read DONE", "ai.failures-most", V.data, "ai.failed-as-done",
             ai=ended(9, "lecture not found", **hidden)),
        warn("AI jobs are done without result", "ai.no-result", V.data,
             ai=replace(FACTS, ended=replace(_ENDED, without_result=1, without_ids=(_JOB.id,)))),
    )  # fmt: skip
