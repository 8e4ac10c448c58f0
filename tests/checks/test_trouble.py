"""What an operator must tell apart is told apart, from the very errors that the clients raise."""

from __future__ import annotations

import pytest

from academyctl.errors import AwsError, DatabaseAway, RedisAway, StoreError
from checks import _trouble as t
from checks._trouble import trouble


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (AwsError("x", cause="auth", code="InvalidClientTokenId"), t.KEY),
        (AwsError("x", cause="auth", code="InvalidAccessKeyId"), t.KEY),
        (AwsError("x", cause="auth", code="SignatureDoesNotMatch"), t.SECRET),
        (AwsError("x", cause="clock", code="SignatureDoesNotMatch", why="Signature expired: ..."), t.CLOCK),
        (AwsError("x", cause="expired", code="ExpiredToken"), t.EXPIRED),
        (AwsError("x", cause="permission", code="AccessDenied"), t.DENIED),
        (AwsError("x", cause="missing", code="AWS.SimpleQueueService.NonExistentQueue"), t.MISSING),
        (AwsError("x", cause="throttled", code="RequestThrottled"), t.THROTTLED),
        (AwsError("x", cause="auth", code="NoCredentialsError"), t.NO_KEY),
        (AwsError("x", cause="auth", code="PartialCredentialsError"), t.NO_KEY),
        (AwsError("x", cause="unreachable", code="EndpointConnectionError", why="Could not connect to"), t.UNREACHABLE),
        (AwsError("x", cause="unreachable", code="ConnectTimeoutError", why="Connect timeout on endpoint"), t.TIMEOUT),
        (AwsError("x", cause="unreachable", code="ReadTimeoutError", why="Read timeout on endpoint"), t.TIMEOUT),
        (AwsError("x", cause="unreachable", code="EndpointConnectionError", why="[Errno -2] Name or service not known"),
         t.HOST),
        (AwsError("x", cause="settings", code="ProfileNotFound"), t.SETUP),
        (AwsError("x", cause="unreachable", code="ValueError", why="ValueError: Invalid endpoint"), t.SETUP),
        (AwsError("x", cause="unreachable", why="the answer is not from SQS"), t.STRANGER),
        (AwsError("x", cause="unknown", code="InvalidArgument", why="Credential access key has length 20"),
         t.KEY),
        (AwsError("x", cause="unknown", code="418"), t.ODD),
        (RedisAway("x", cause="auth", why="AuthenticationError: invalid username-password pair"), t.KEY),
        (RedisAway("x", cause="unreachable", why="ConnectionError: Error 111 connecting to"), t.UNREACHABLE),
        (RedisAway("x", cause="unreachable", why="TimeoutError: Timeout connecting to server"), t.TIMEOUT),
        (RedisAway("x", cause="unreachable", why="ConnectionError: Error -2 ... Name or service not known"), t.HOST),
        (DatabaseAway("x", cause="auth", code="28P01"), t.KEY),
        (DatabaseAway("x", cause="missing", code="3D000"), t.MISSING),
        (DatabaseAway("x", cause="capacity", code="53300"), t.FULL),
        (DatabaseAway("x", cause="unreachable", why="connection timeout expired"), t.TIMEOUT),
        (DatabaseAway("x", cause="unreachable", why="failed to resolve host 'nowhere'"), t.HOST),
        (DatabaseAway("x", cause="refused", code="57014"), t.ODD),
    ],
)  # fmt: skip
def test_each_error_has_its_cause(error: StoreError, cause: str) -> None:
    assert trouble(error).cause == cause


def test_the_words_of_the_service_are_kept() -> None:
    seen = trouble(AwsError("sqs:GetQueueUrl failed for queue a", why="AccessDenied: no", cause="permission", code="x"))
    assert (seen.what, seen.told) == ("sqs:GetQueueUrl queue a", "AccessDenied: no")
    assert t.late("sqs:ListQueues").told == "no answer in time"
