"""`academyctl logs tail`: a group by the platform's word, filtered, readable, and clear when it is not there."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from academyctl.cli._logs_tail import moment, shown, words
from academyctl.errors import UsageError
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores._fleet_types import LogLine
from tests.video_commands.conftest import Cli

Write = Callable[..., None]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def function() -> str:
    return f"depth-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def cli(
    stack: LocalStack,
    function: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:
    return Cli({**stack.env(), "ACADEMYCTL_DEPTH_LAMBDA": function}, monkeypatch, capsys)


@pytest.fixture
def write(stack: LocalStack, function: str) -> Iterator[Write]:
    """Write lines into the function's log group, a millisecond apart."""
    stores, group = Stores(load(stack.env()).settings), f"/aws/lambda/{function}"
    client = stores.fleet_clients("logs")
    client.create_log_group(logGroupName=group)
    client.create_log_stream(logGroupName=group, logStreamName="s/1")

    def lines(*texts: str) -> None:
        now = int(time.time() * 1000) - len(texts)
        events = [{"timestamp": now + number, "message": text} for number, text in enumerate(texts)]
        client.put_log_events(logGroupName=group, logStreamName="s/1", logEvents=events)

    yield lines
    client.delete_log_group(logGroupName=group)
    stores.close()


def test_a_functions_log_is_read_by_the_platforms_word(cli: Cli, write: Write, function: str) -> None:
    write("START", "queue_depth_metric | video visible=3", "[ERROR] it failed\rTraceback\r  File x", "END")
    told = cli("logs", "tail", "depth")
    assert [line[25:] for line in told.out.splitlines() if line.startswith("20")] == [
        "START", "queue_depth_metric | video visible=3", "[ERROR] it failed", "END",
    ]  # fmt: skip
    assert "\n    Traceback\n      File x\n" in told.out
    document = cli("logs", "tail", f"/aws/lambda/{function}", "--grep", "ERROR|visible", "-o", "json").json
    assert [line["text"].split()[0] for line in document["lines"]] == ["queue_depth_metric", "[ERROR]"]
    assert document["lines"][0]["stream"] == "s/1"
    assert cli("logs", "tail", "depth", "--grep", "error", "-i", "-n", "1").out.count("[ERROR]") == 1
    assert cli("logs", "tail", "depth", "--stream", "t/").out == ""


def test_the_last_lines_are_printed_and_then_those_that_come(cli: Cli, write: Write) -> None:
    write("one", "two", "three")
    followed = cli("logs", "tail", "depth", "-n", "2", "--follow", "--for", "0")
    assert [line.split()[-1] for line in followed.out.splitlines()] == ["two", "three"]


def test_nothing_found_is_said_beside_the_result(cli: Cli, write: Write) -> None:
    write("one")
    quiet = cli("--lang", "ko", "logs", "tail", "depth", "--grep", "nothing")
    assert (quiet.code, quiet.out, "해당하는 줄이 없습니다" in quiet.err) == (0, "", True)
    assert cli("logs", "tail", "depth", "--grep", "nothing", "-o", "json").json["lines"] == []


def test_a_group_that_does_not_exist_fails_and_names_what_comes_near(cli: Cli, write: Write, function: str) -> None:
    for options in ((), ("-o", "json"), ("--follow",)):
        gone = cli("logs", "tail", f"/aws/lambda/{function}x", *options)
        assert gone.code == 1
        assert f"/aws/lambda/{function}" in gone.out + gone.err
    assert "depth" in cli("logs", "tail", "deptj").err


def test_options_that_make_no_sense_are_refused(cli: Cli) -> None:
    for options in (("--grep", "("), ("--since", "yesterday"), ("--follow", "-o", "json")):
        assert cli("logs", "tail", "depth", *options).code == 2


def test_a_moment_is_so_long_ago_or_a_date() -> None:
    assert moment("2026-11-21T09:30+09:00") == datetime(2026, 11, 21, 0, 30, tzinfo=UTC)
    assert moment("2026-11-21T12:00").astimezone().strftime("%H:%M") == "12:00"
    assert abs((datetime.now(UTC) - moment("90m")).total_seconds() - 5400) < 5
    with pytest.raises(UsageError):
        moment("90 minutes")


def test_a_log_cannot_drive_the_terminal() -> None:
    line = LogLine(NOW, "a\x1b[2Jb\x07\x9bc\tkept\r\nnext\rlast")
    assert shown(line).split("  ", 1)[1] == "a?[2Jb??c\tkept\n    next\n    last\n"


def test_every_word_names_a_group_of_the_settings() -> None:
    known = words(load({"VIDEO_BATCH_LOG_GROUP": "/mine"}).settings)
    assert known["video-batch"] == "/mine"
    assert known["depth"] == "/aws/lambda/academy-worker-queue-depth-metric"
