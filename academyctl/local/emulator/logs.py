"""CloudWatch Logs: FilterLogEvents goes on where a page ends, and knows the beginnings of streams' names.

As AWS has it, but that a token is a place in time and not a secret.
"""

from __future__ import annotations

import json
from typing import Any

Raw = dict[str, Any]
_PAGE = 5000
"""ministack finds 10,000 events at most: half of them are left for what was told already."""


def install() -> None:
    """Let ministack's FilterLogEvents, which answers one page and no token, be asked for the next one."""
    from ministack.services import cloudwatch_logs as service

    found = service._filter_log_events

    def paged(asked: Raw) -> Any:
        size = min(int(asked.get("limit") or _PAGE), _PAGE)
        # How many events of that millisecond were told already.
        start, _, told = str(asked.get("nextToken", "")).partition(":")
        skip = int(told) if told.isdigit() else 0
        again = {**asked, "limit": size + skip + 1, **_streams(service, asked)}
        if told:
            again["startTime"] = int(start)
        status, headers, body = found(again)
        if status != 200:
            return status, headers, body
        events = _identified(json.loads(body)["events"])[skip:]
        answer: Raw = {"events": events[:size], "searchedLogStreams": []}
        if len(events) > size:
            last = answer["events"][-1]["timestamp"]
            same = sum(one["timestamp"] == last for one in answer["events"])
            answer["nextToken"] = f"{last}:{same + (skip if str(last) == start else 0)}"
        return service.json_response(answer)

    service._filter_log_events = paged


def _identified(events: list[Raw]) -> list[Raw]:
    """Every event with an id: what a function printed has none. A page begins with all that is of its millisecond."""
    seen: dict[tuple[str, int], int] = {}
    for one in events:
        place = (str(one["logStreamName"]), int(one["timestamp"]))
        seen[place] = seen.get(place, 0) + 1
        one.setdefault("eventId", f"{place[0]}:{place[1]}:{seen[place]}")
    return events


def _streams(service: Any, asked: Raw) -> Raw:
    prefix = asked.get("logStreamNamePrefix")
    group = service._log_groups.get(service._resolve_log_group_name(asked))
    if not prefix or group is None:
        return {}
    # No name at all would be every stream.
    return {"logStreamNames": [name for name in group["streams"] if name.startswith(prefix)] or [""]}
