"""What a worker's load costs SQS, and who waits behind whom."""

from __future__ import annotations

import os

import pytest

from tests.conftest import eventually
from tests.faults.messaging.corner import Corner, everything_adds_up
from tests.faults.messaging.crew import Crew

pytestmark = [pytest.mark.timeout(120), pytest.mark.skipif(os.name == "nt", reason="forks")]

WARM, BIG, SMALL, GROUP = 30, 200, 3, 20
CALLS_PER_TEXT = 0.35


def test_a_text_costs_a_third_of_an_sqs_call_and_three_do_not_wait_behind_two_hundred(
    corner: Corner, crew: Crew
) -> None:
    queue = corner.queue()
    big, small = corner.academies([850, 850])
    # A worker holds few messages before it has settled some.
    texts = [corner.put(queue, big) for _ in range(WARM)]
    with crew.at_work(queue, MESSAGING_GROUP_SIZE=str(GROUP)):
        eventually(lambda: corner.is_over(queue), timeout=30)
        corner.sqs.calls.clear()
        corner.solapi.gate.clear()
        try:
            texts += [corner.put(queue, big) for _ in range(BIG)]
            behind = [corner.put(queue, small) for _ in range(SMALL)]
            eventually(lambda: corner.sqs.held(queue)["visible"] == 0, timeout=40)
        finally:
            corner.solapi.gate.set()
        eventually(lambda: corner.is_over(queue), timeout=30)
        calls = corner.sqs.calls.total()
    keys = {text.key for text in texts + behind}
    order = [key for key, _ in corner.solapi.accepted() if key in keys]
    # Two groups, on a busy machine three, were on their way before the small academy's texts were there at all.
    assert max(order.index(text.key) for text in behind) < WARM + 4 * GROUP
    assert calls / (BIG + SMALL) <= CALLS_PER_TEXT
    everything_adds_up(corner, texts + behind)
