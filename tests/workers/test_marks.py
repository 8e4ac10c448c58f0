"""What a message says of its past: the first of its copies, and when it was sent back from the dead letters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from academyctl.contract import marks
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.sqs import Message
from tests.workers.test_inflight import Hands
from workers import _health as health
from workers._line import Held
from workers._model import Delivery

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def delivery(**attributes: str) -> Delivery:
    settings = load({}).settings
    message = Message("own-id", "{}", 1, None, attributes={f"academyctl.{k}": v for k, v in attributes.items()})
    return Delivery(None, message, "q", Stores(settings), settings, "token")


def test_a_message_that_is_no_copy_is_known_by_its_own_id() -> None:
    assert delivery().first_id == "own-id"


def test_a_copy_is_known_by_the_id_of_the_first() -> None:
    assert delivery(first_id="b3c9").first_id == "b3c9"


@pytest.mark.parametrize("bad", ["", "x" * 97, "한글", "a\nb"])
def test_what_cannot_be_an_id_is_none(bad: str) -> None:
    assert delivery(first_id=bad).first_id == "own-id"


def test_a_redriven_message_says_when() -> None:
    at = datetime(2026, 11, 21, 18, 30, 0, 123000, tzinfo=UTC)
    assert delivery(redriven="2026-11-21T18:30:00.123+00:00").redriven_at == at
    assert delivery().redriven_at is None


@pytest.mark.parametrize("bad", ["yesterday", "", "2026-11-21T18:30:00"])
def test_a_time_that_nobody_can_tell_is_none(bad: str) -> None:
    assert delivery(redriven=bad).redriven_at is None


def test_of_too_many_attributes_ours_stay_then_what_carries_our_prefix_and_the_producers_last() -> None:
    carried = {f"own{n}": "x" for n in range(9)} | {marks.REDRIVEN: "then"}
    merged = marks.merged(carried, {marks.FIRST_ID: "id", marks.REASON: "why\x00not", marks.SOURCE: ""})
    assert len(merged) == marks.MAX_ATTRIBUTES - 1
    assert [merged.get(name) for name in (marks.FIRST_ID, marks.REDRIVEN, marks.REASON)] == ["id", "then", "why not"]


def test_the_heartbeat_counts_all_that_runs_and_names_the_oldest_twenty() -> None:
    clock = Hands()
    state = health.State("t", "t", "h", 1, "1", NOW, 20, 20, ("q",), 2)
    shared: dict[str, Any] = {"delivery": delivery(), "started_at": clock.now - 5}
    helds = [Held("q", Message(str(n), "", 1, None), 0, 0, "", **shared) for n in range(200)]
    document = health.beat_document(state, helds, NOW, clock.now)
    assert (document["running"], len(document["jobs"])) == (200, health.LISTED)
    assert document["jobs"][0]["since"] == "2026-01-01T11:59:55.000+00:00"
