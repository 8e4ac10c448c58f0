"""What an operator decides, carried to its end by the worker: one text on the phone, one price in the books."""

from __future__ import annotations

import logging
import signal

import pytest

from academyctl.messaging.model import State
from tests.message_commands.conftest import TEXT, Desk
from tests.texting_platform import PHONE
from tests.video_commands.conftest import Cli


def work(cli: Cli) -> None:
    """The worker, until its queue is empty; this process's log and signals are as before afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    numbers = (signal.SIGTERM, signal.SIGINT)
    handlers = [signal.getsignal(number) for number in numbers]
    try:
        assert cli("worker", "run", "messaging", "--drain", "--wait", "0").code == 0
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)


def test_after_charging_the_academy_its_letters_are_redriven_and_arrive_once(desk: Desk, cli: Cli) -> None:
    cli.set(MESSAGING_CREDIT_WAIT_SECONDS="0")
    desk.stores.db.execute("UPDATE core_tenant SET credit_balance = 8 WHERE id = %s", (desk.tenant_id,))
    for number in (1, 2):
        desk.texting.text(desk.tenant_id, text=TEXT, business_key=f"due:{number}")
    work(cli)
    assert (desk.row("biz:due:1").state, desk.texting.inbox()) == (State.FAILED, [])
    assert "NOT ENOUGH" in cli("message", "redrive", "--tenant", "hanbit").out
    desk.stores.db.execute("UPDATE core_tenant SET credit_balance = 100 WHERE id = %s", (desk.tenant_id,))
    ran = cli("message", "redrive", "--tenant", "hanbit", "--reason", "insufficient_balance", "--apply")
    assert (ran.code, ran.out.count("done  ")) == (0, 2)
    work(cli)
    assert [one["text"] for one in desk.texting.inbox()] == [TEXT, TEXT]
    assert (desk.row("biz:due:1").state, desk.balance, desk.texting.left()) == (State.SENT, 83, 0)
    assert desk.texting.sqs.attributes(desk.texting.dlq).visible == 0


@pytest.mark.parametrize("arrived", [True, False])
def test_a_text_of_unknown_fate_is_on_the_phone_once_whatever_became_of_it(desk: Desk, cli: Cli, arrived: bool) -> None:
    desk.text("biz:due:1", State.UNKNOWN)
    if arrived:
        desk.accepted("biz:due:1")
    desk.letter("unknown: the list was away", business_key="due:1")
    assert cli("message", "resolve", "due:1", "--check", "--apply").code == 0
    assert cli("message", "redrive", "--key", "due:1", "--apply").code == 0
    work(cli)
    assert [one["to"] for one in desk.texting.inbox()] == [PHONE]
    assert (desk.row("biz:due:1").state, desk.balance) == (State.SENT, 991)
