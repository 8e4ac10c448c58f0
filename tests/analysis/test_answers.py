"""What each answer of the analysis service means for the message."""

from __future__ import annotations

import json

import pytest

from academyctl.stores._http_wire import Reply
from academyctl.stores.analysis_api import shown
from workers._model import Defer, Reject, Retry
from workers.analysis.answers import Answered, Refused, judge

GOOD = {"status": "success", "video_id": 84}


def reply(status: int, document: object = None, **headers: str) -> Reply:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize("document", [GOOD, {"status": "SUCCESS"}, {"status": "completed", "detail": "x"}])
def test_a_good_status_is_done(document: dict[str, object]) -> None:
    assert judge(reply(200, document)) == Answered(document)


@pytest.mark.parametrize(
    "body", [b"", b"<html>sign in</html>", b"null", b"[1]", b'"success"', {}, {"status": "error"}, {"status": True},
             {"detail": "x"}, b"\xff", b"{" * 100_000],
)  # fmt: skip
def test_a_2xx_that_is_not_the_services_answer_is_tried_again(body: object) -> None:
    judged = judge(reply(200, body))
    assert isinstance(judged, Refused)
    assert isinstance(judged.outcome, Retry)
    assert not judged.away


@pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 403, 405, 407, 502, 503])
def test_a_wrong_way_to_the_service_is_waited_for_and_costs_the_upload_no_attempt(status: int) -> None:
    judged = judge(reply(status, GOOD, location="http://169.254.169.254/latest/meta-data"))
    assert isinstance(judged, Refused)
    assert isinstance(judged.outcome, Defer)
    assert judged.away


def test_fastapis_own_404_is_a_wrong_address_and_the_services_404_a_refusal() -> None:
    wrong, refused = judge(reply(404, {"detail": "Not Found"})), judge(reply(404, {"detail": "no such video"}))
    assert isinstance(wrong, Refused)
    assert wrong.away
    assert refused == Refused(Reject("the analysis service answered 404 (no such video)"))


@pytest.mark.parametrize("status", [400, 410, 413, 415, 422])
def test_other_4xx_are_final(status: int) -> None:
    judged = judge(reply(status, {"detail": [{"loc": ["body", "s3_key"], "msg": "bad"}]}))
    assert isinstance(judged, Refused)
    assert isinstance(judged.outcome, Reject)
    assert "s3_key" in judged.outcome.reason


@pytest.mark.parametrize("status", [408, 409, 423, 425, 429, 500, 501, 504, 599])
def test_what_may_pass_is_tried_again_and_counted(status: int) -> None:
    judged = judge(reply(status, b"oops"))
    assert isinstance(judged, Refused)
    assert isinstance(judged.outcome, Retry)


@pytest.mark.parametrize(("told", "after"), [("7", 7.0), ("86400", 900.0)])
def test_retry_after_is_waited_for_without_counting(told: str, after: float) -> None:
    judged = judge(reply(429, None, retry_after=told))
    assert isinstance(judged, Refused)
    assert isinstance(judged.outcome, Defer)
    assert judged.outcome.after == after


@pytest.mark.parametrize("told", ["soon", "-1", "Wed, 21 Oct 2015 07:28:00 GMT", "²"])
def test_a_retry_after_that_is_no_number_of_seconds_is_as_none(told: str) -> None:
    judged = judge(reply(429, None, retry_after=told))
    assert isinstance(judged, Refused)
    assert isinstance(judged.outcome, Retry)


def test_an_address_is_shown_without_its_password() -> None:
    assert shown("http://me:hunter2@alb:8087/x") == "http://***@alb:8087/x"
    assert shown("http://alb:8087") == "http://alb:8087"
