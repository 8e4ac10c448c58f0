"""CloudWatch Logs: what a group has logged since a moment, and what it logs from now on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from academyctl.errors import AwsError
from academyctl.stores._fleet_types import LogLine
from academyctl.stores.aws import ClientFactory
from academyctl.stores.fleet import ours

PAGE = 10_000
"""Events in one answer at most: AWS's own limit."""
LATE = timedelta(seconds=60)
"""A line may be found so long after its time: agents send in batches, and each stream at its own pace."""
_PASSING = frozenset({"unreachable", "throttled"})


class Logs:
    """Log groups by name.

    Every method raises AwsError; its cause is `missing` when there is no such group or stream.
    """

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients

    def groups(self, prefix: str = "", *, most: int = 200) -> tuple[str, ...]:
        """The names of log groups that begin with `prefix`, sorted, so many at most."""
        asked = {"logGroupNamePrefix": prefix} if prefix else {}
        found: list[str] = []
        with ours("logs:DescribeLogGroups", prefix or "*"):
            for page in self._client.get_paginator("describe_log_groups").paginate(**asked):
                found += [str(one["logGroupName"]) for one in page["logGroups"]]
                if len(found) >= most:
                    break
        return tuple(sorted(found)[:most])

    def streams(self, group: str, *, prefix: str = "", most: int = 50) -> tuple[str, ...]:
        """The names of a group's streams that begin with `prefix`, or the ones with the newest lines."""
        # AWS orders by time or filters by name, not both.
        asked: dict[str, Any] = {"orderBy": "LastEventTime", "descending": True}
        if prefix:
            asked = {"logStreamNamePrefix": prefix}
        with ours("logs:DescribeLogStreams", group):
            answer = self._client.describe_log_streams(logGroupName=group, limit=min(most, 50), **asked)
            return tuple(str(one["logStreamName"]) for one in answer["logStreams"])

    def tail(
        self,
        group: str,
        *,
        since: datetime,
        until: datetime | None = None,
        pattern: re.Pattern[str] | None = None,
        streams: Sequence[str] = (),
        prefix: str = "",
        page: int = PAGE,
    ) -> Iterator[LogLine]:
        """The lines of a group from `since` on, oldest first, page by page as they are asked for.

        `pattern` is searched for here: AWS's own filter language is read in part only by its emulators, and has no
        alternatives. `streams` are whole names (a hundred at most), `prefix` the beginning of their names.
        """
        asked: dict[str, Any] = {"logGroupName": group, "startTime": _ms(since), "limit": page}
        if until is not None:
            asked["endTime"] = _ms(until)
        if streams:
            asked["logStreamNames"] = list(streams)
        elif prefix:
            asked["logStreamNamePrefix"] = prefix
        while True:
            with ours("logs:FilterLogEvents", group):
                answer = self._client.filter_log_events(**asked)
                lines = [_line(raw) for raw in answer["events"]]
            for line in lines:
                # An emulator leaves the prefix out.
                if line.stream.startswith(prefix) and (pattern is None or pattern.search(line.text)):
                    yield line
            # A page may be empty and not the last one.
            if not answer.get("nextToken"):
                return
            asked["nextToken"] = answer["nextToken"]

    def follow(
        self,
        group: str,
        *,
        since: datetime,
        pause: Callable[[], bool],
        pattern: re.Pattern[str] | None = None,
        streams: Sequence[str] = (),
        prefix: str = "",
        on_trouble: Callable[[AwsError], None] = lambda _error: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        page: int = PAGE,
    ) -> Iterator[LogLine]:
        """`tail`, and then the lines that come, each once, until `pause` returns False; it waits between two looks.

        A line that arrives late (up to `LATE` after a newer one) comes late, not never. A network fault or a throttle
        after the first look is told to `on_trouble` and the next look makes up for it.
        """
        newest, told, looked = since, dict[str, datetime](), False
        while True:
            # A line of the future (a machine's wrong clock) must not hide those of now.
            begin = max(since, min(newest, now()) - LATE)
            told = {one: at for one, at in told.items() if at >= begin}
            try:
                for line in self.tail(group, since=begin, pattern=pattern, streams=streams, prefix=prefix, page=page):
                    newest = max(newest, line.at)
                    if line.id not in told:
                        told[line.id] = line.at
                        yield line
                looked = True
            except AwsError as error:
                if not looked or error.cause not in _PASSING:
                    raise
                on_trouble(error)
            if not pause():
                return

    @property
    def _client(self) -> Any:
        return self._clients("logs")


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _line(raw: Any) -> LogLine:
    at = datetime.fromtimestamp(int(raw["timestamp"]) / 1000, UTC)
    return LogLine(at, str(raw["message"]).rstrip(), str(raw["logStreamName"]), str(raw["eventId"]))
