"""An undo with JSON in it is typed on Windows as well."""

from __future__ import annotations

import json

import pytest

from academyctl.cli._alarm_changes import _request
from academyctl.cli._queue_changes import setting
from academyctl.errors import UsageError
from academyctl.ops.shell_words import packed

POLICY = '{"maxReceiveCount":9,"deadLetterTargetArn":"arn:aws:sqs:r:1:jobs-dlq"}'
ALARM = {"AlarmName": "경보", "MetricName": "m", "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}


def test_a_policy_and_an_alarm_come_back_as_they_were_through_a_shell_that_drops_quotes() -> None:
    word = packed(POLICY, windows=True)
    assert not set(word) & set("\"' {}$`,;|&<>()%^!")
    assert setting(f"RedrivePolicy={word}") == ("RedrivePolicy", POLICY)
    assert _request(packed(json.dumps(ALARM, ensure_ascii=False), windows=True)) == ALARM
    assert packed(POLICY, windows=False) == POLICY


@pytest.mark.parametrize("word", ["base64:", "base64:e", "base64:%%"])
def test_a_word_that_was_cut_is_refused(word: str) -> None:
    with pytest.raises(UsageError):
        _request(word)
    with pytest.raises(UsageError):
        setting(f"RedrivePolicy={word}")
