"""Reading a log group: every page, every line once, late ones late and never lost."""

from __future__ import annotations

import itertools
import re
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from academyctl.errors import AwsError
from academyctl.stores.logs import LATE, Logs
from tests.conftest import Emulator

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Group:
    """A log group in memory that answers FilterLogEvents in pages, as AWS does: with empty pages in between."""

    def __init__(self, page: int = 3) -> None:
        self.events: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.errors: list[Exception] = []
        self._page, self._ids = page, itertools.count()

    def __call__(self, service: str) -> Group:
        assert service == "logs"
        return self

    def add(self, text: str, after_s: float, stream: str = "a") -> None:
        at = int((START + timedelta(seconds=after_s)).timestamp() * 1000)
        self.events.append({"timestamp": at, "message": text, "logStreamName": stream, "eventId": str(next(self._ids))})

    def filter_log_events(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        if self.errors:
            raise self.errors.pop(0)
        found = sorted(
            (one for one in self.events if one["timestamp"] >= asked["startTime"]), key=lambda e: e["timestamp"]
        )
        begin = int(asked.get("nextToken", "0").split("-")[0])
        if begin and asked["nextToken"].endswith("-empty"):
            return {"events": [], "nextToken": str(begin)}
        after = begin + self._page
        more = {"nextToken": f"{after}-empty"} if after < len(found) else {}
        return {"events": found[begin:after], **more}


def looks(*between: Callable[[], object]) -> Callable[[], bool]:
    """A pause that does one thing between two looks, and ends after the last."""
    left = iter(between)

    def pause() -> bool:
        do = next(left, None)
        if do is not None:
            do()
        return do is not None

    return pause


def follow(group: Group, pause: Callable[[], bool], **options: Any) -> Iterator[str]:
    now = options.pop("now", lambda: START + timedelta(hours=1))
    return (line.text for line in Logs(group).follow("g", since=START, pause=pause, now=now, **options))


def test_every_page_is_read_also_after_an_empty_one() -> None:
    group = Group()
    for number in range(8):
        group.add(f"line {number}", number)
    assert [line.text for line in Logs(group).tail("g", since=START)] == [f"line {number}" for number in range(8)]
    assert len(group.asked) == 5


def test_a_page_is_asked_for_when_its_lines_are_wanted() -> None:
    group = Group()
    for number in range(9):
        group.add(f"line {number}", number)
    lines = Logs(group).tail("g", since=START)
    assert next(lines).text == "line 0"
    assert len(group.asked) == 1


def test_lines_are_chosen_here_and_not_by_aws() -> None:
    group = Group()
    group.add("video visible=0", 0)
    group.add("video visible=3", 1, stream="b/2")
    lines = Logs(group).tail("g", since=START, pattern=re.compile(r"visible=[1-9]"), prefix="b/")
    assert [line.text for line in lines] == ["video visible=3"]
    assert "filterPattern" not in group.asked[0]
    assert [line.text for line in Logs(group).tail("g", since=START, prefix="b/")] == ["video visible=3"]


def test_no_line_is_lost_and_none_comes_twice() -> None:
    group = Group()
    group.add("first", 1)

    def more() -> None:
        group.add("second", 1)
        group.add("third", 2)

    assert list(follow(group, looks(more, lambda: None, more))) == ["first", "second", "third", "second", "third"]


def test_a_line_that_arrives_late_comes_late() -> None:
    group = Group()
    group.add("new", 100)
    late = 100 - LATE.total_seconds() + 1
    assert list(follow(group, looks(lambda: group.add("late", late)))) == ["new", "late"]


def test_a_line_of_the_future_does_not_hide_those_of_now() -> None:
    group = Group()
    group.add("from a wrong clock", 7200)
    lines = follow(group, looks(lambda: group.add("now", 10)), now=lambda: START + timedelta(seconds=10))
    assert list(lines) == ["from a wrong clock", "now"]


def test_what_was_told_is_not_remembered_for_ever() -> None:
    group = Group()
    group.add("old", 0)
    list(follow(group, looks(lambda: group.add("new", 600), lambda: None)))
    starts = [one["startTime"] for one in group.asked]
    assert starts[-1] == int((START + timedelta(seconds=600) - LATE).timestamp() * 1000)


def test_a_fault_in_the_middle_is_told_and_made_up_for() -> None:
    group, troubles = Group(), list[AwsError]()
    group.add("before", 1)

    def away() -> None:
        group.add("meanwhile", 2)
        group.errors += [EndpointConnectionError(endpoint_url="x"), throttled()]

    lines = follow(group, looks(away, lambda: None, lambda: None), on_trouble=troubles.append)
    assert list(lines) == ["before", "meanwhile"]
    assert [one.cause for one in troubles] == ["unreachable", "throttled"]


def throttled() -> ClientError:
    return ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "FilterLogEvents")


def test_a_fault_at_the_first_look_or_a_lost_permission_ends_it() -> None:
    group = Group()
    group.errors.append(throttled())
    with pytest.raises(AwsError, match="ThrottlingException"):
        list(follow(group, looks(lambda: None)))
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "FilterLogEvents")
    with pytest.raises(AwsError) as refused:
        list(follow(group, looks(lambda: group.errors.append(denied))))
    assert refused.value.cause == "permission"


def write(emulator: Emulator, **streams: list[str]) -> tuple[str, datetime]:
    """A log group whose streams took turns, and when the first line was; lines are a millisecond apart."""
    client, name, now = emulator.clients("logs"), f"/test/{uuid.uuid4().hex}", int(time.time() * 1000)
    client.create_log_group(logGroupName=name)
    for turn, (stream, texts) in enumerate(streams.items()):
        client.create_log_stream(logGroupName=name, logStreamName=stream)
        events = [
            {"timestamp": now + len(streams) * number + turn, "message": f"{text}\n"}
            for number, text in enumerate(texts)
        ]
        client.put_log_events(logGroupName=name, logStreamName=stream, logEvents=events)
    return name, datetime.fromtimestamp(now / 1000, UTC)


def test_a_group_is_read_by_stream_and_time(aws_emulator: Emulator) -> None:
    logs = Logs(aws_emulator.clients)
    name, since = write(aws_emulator, a=["one", "three"], b=["two"])
    lines = list(logs.tail(name, since=since))
    assert {(line.text, line.stream) for line in lines} == {("one", "a"), ("two", "b"), ("three", "a")}
    assert len({line.id for line in lines}) == 3
    assert [line.text for line in logs.tail(name, since=since, streams=["b"])] == ["two"]
    assert [line.text for line in logs.tail(name, since=since, prefix="a")] == ["one", "three"]
    assert {line.text for line in logs.tail(name, since=since + timedelta(milliseconds=1))} == {"two", "three"}
    assert [line.text for line in logs.tail(name, since=since, until=since)] == ["one"]
    assert name in logs.groups("/test/")
    assert logs.streams(name, prefix="b") == ("b",)


def test_lines_of_several_streams_come_in_order(aws_emulator: Emulator) -> None:
    name, since = write(aws_emulator, a=["one", "three"], b=["two"])
    assert [line.text for line in Logs(aws_emulator.clients).tail(name, since=since)] == ["one", "two", "three"]


def test_a_group_longer_than_a_page_is_read_whole(aws_emulator: Emulator) -> None:
    texts = [f"line {number}" for number in range(5)]
    name, since = write(aws_emulator, a=texts)
    lines = Logs(aws_emulator.clients).tail(name, since=since, page=2)
    assert [line.text for line in lines] == texts
    client, now = aws_emulator.clients("logs"), int(time.time() * 1000) + 60_000
    # Many of one millisecond, as a traceback's lines are.
    events = [{"timestamp": now, "message": text} for text in texts]
    client.put_log_events(logGroupName=name, logStreamName="a", logEvents=events)
    lines = Logs(aws_emulator.clients).tail(name, since=since + timedelta(seconds=30), page=2)
    assert [line.text for line in lines] == texts


def test_a_group_that_does_not_exist_is_told_by_its_cause(aws_emulator: Emulator) -> None:
    with pytest.raises(AwsError) as gone:
        list(Logs(aws_emulator.clients).tail("/test/nowhere", since=datetime.now(UTC)))
    assert gone.value.cause == "missing"
