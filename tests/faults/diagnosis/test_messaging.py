"""Why messages do not arrive, on the real stack: Solapi's refusals, tenants that cannot send, attempts that fail."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from academyctl.local import environment, sample
from academyctl.local.solapi import Account, serve
from academyctl.local.state import free_ports
from academyctl.settings import load
from academyctl.stores import Stores
from checks import _snapshot
from checks._engine import diagnose, take, utc_now
from checks._model import Diagnosis, State, Verdict
from checks._topics import chosen
from checks._verdict import exit_code, roots
from tests.checks.facts import red
from tests.checks.platform import black_hole, diagnosed
from tests.platform_rows import make_attempts

Env = dict[str, str]
V = Verdict
# The topics that these faults could disturb; the others cost time and have their own tests.
NEAR = ("settings", "sqs", "redis", "db", "r2", "ai", "messaging")


@dataclass(frozen=True)
class Fault:
    """Variables that are wrong ({port}: nobody listens there; {aws}: the AWS endpoint) and what must be found."""

    name: str
    env: Env
    code: str
    verdict: Verdict
    state: State = State.fail


FAULTS = (
    Fault("wrong Solapi key", {"SOLAPI_API_KEY": "NCSNOBODYSKEY000"}, "messaging.key-unknown", V.settings),
    Fault("wrong Solapi secret", {"SOLAPI_API_SECRET": "wrong" * 6}, "messaging.secret-wrong", V.settings),
    Fault("Solapi down", {"SOLAPI_BASE_URL": "http://127.0.0.1:{port}"}, "messaging.unreachable", V.infrastructure),
    Fault("Solapi host unknown", {"SOLAPI_BASE_URL": "http://solapi.invalid"}, "messaging.host-unknown", V.settings),
    Fault("no scheme", {"SOLAPI_BASE_URL": "127.0.0.1:{port}"}, "messaging.setup", V.settings),
    Fault("something else answers", {"SOLAPI_BASE_URL": "{aws}"}, "messaging.stranger", V.infrastructure),
    Fault("unregistered sender", {"SOLAPI_SENDER": "0299998888"}, "messaging.sender-unknown", V.settings),
    Fault("no Solapi secret", {"SOLAPI_API_SECRET": ""}, "settings.missing", V.settings),
    Fault("mock left on", {"SOLAPI_MOCK": "true"}, "settings.solapi-mock", V.settings, State.warn),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_what_is_wrong_with_solapi_is_the_one_root_cause(steady_env: Env, fault: Fault) -> None:
    marks = {"{port}": str(free_ports(1)[0]), "{aws}": steady_env["AWS_ENDPOINT_URL"]}
    wrong = dict(fault.env)
    for mark, value in marks.items():
        wrong = {name: text.replace(mark, value) for name, text in wrong.items()}
    found = diagnosed({**steady_env, **wrong}, NEAR)
    _must_be(found, fault.code, fault.verdict, fault.state)
    assert "99998888" not in str(found) + _snapshot.dumps(found.snapshot)


def test_solapi_refuses_a_clock_that_is_twenty_minutes_off(steady_env: Env) -> None:
    topics = chosen(["messaging"])
    world = take(topics, load(steady_env), steady_env, now=lambda: utc_now() - timedelta(minutes=20))
    found = diagnose(topics, world)
    _must_be(found, "messaging.clock-wrong", V.infrastructure)
    assert found.root is not None
    assert "+1200 s" in str(found.root.evidence) or "+1199 s" in str(found.root.evidence)


def test_a_clock_that_drifts_is_told_before_solapi_refuses_it(steady_env: Env) -> None:
    topics = chosen(["messaging"])
    world = take(topics, load(steady_env), steady_env, now=lambda: utc_now() + timedelta(minutes=5))
    _must_be(diagnose(topics, world), "messaging.clock-off", V.infrastructure, State.warn)


def test_silence_of_solapi_is_not_known_to_be_a_fault(steady_env: Env) -> None:
    with black_hole() as port:
        found = diagnosed({**steady_env, "SOLAPI_BASE_URL": f"http://127.0.0.1:{port}"}, ["messaging"], timeout_s=2)
    assert (found.verdict, found.state, exit_code(found.state)) == (V.cannot_tell, State.unknown, 3)
    assert [one.code for one in roots(found.findings)] == ["messaging.timeout"]


@contextmanager
def _account(env: Env, folder: Path, balance: int) -> Iterator[Env]:
    """The stack's Solapi with another balance, in this process."""
    key, secret = env["SOLAPI_API_KEY"], env["SOLAPI_API_SECRET"]
    server = serve(0, Account(key, secret, folder / "inbox.jsonl", (environment.SENDER,), balance))
    threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True).start()
    yield {**env, "SOLAPI_BASE_URL": f"http://127.0.0.1:{server.server_port}"}
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("balance", "code", "state"),
    [(0, "messaging.balance-empty", State.fail), (9999, "messaging.balance-low", State.warn)],
)
def test_an_account_without_money_is_a_matter_of_capacity(
    steady_env: Env, tmp_path: Path, balance: int, code: str, state: State
) -> None:
    with _account(steady_env, tmp_path, balance) as env:
        _must_be(diagnosed(env, NEAR), code, V.capacity, state)
        enough = {**env, "ACADEMYCTL_SOLAPI_LOW_BALANCE": "5000"}
        assert diagnosed(enough, ["messaging"]).state is (State.fail if balance == 0 else State.ok)


def test_tenants_that_cannot_send_are_told_by_their_code(rows_env: Env, rows: Stores) -> None:
    with rows.db.tx() as cursor:
        for code in ("fine", "poor", "minus", "free", "numberless", "foreign", "silent"):
            sample.make_tenant(cursor, code=code)
        cursor.execute("UPDATE core_tenant SET credit_balance = 0 WHERE code IN ('poor', 'free', 'silent')")
        cursor.execute("UPDATE core_tenant SET credit_balance = -1 WHERE code = 'minus'")
        cursor.execute("UPDATE core_tenant SET messaging_base_price = 0 WHERE code = 'free'")
        cursor.execute("UPDATE core_tenant SET messaging_sender = '' WHERE code = 'numberless'")
        cursor.execute("UPDATE core_tenant SET messaging_sender = '031-777-6655' WHERE code = 'foreign'")
        cursor.execute("UPDATE core_tenant SET messaging_is_active = false WHERE code = 'silent'")
    found = diagnosed(rows_env, NEAR)
    assert {one.key for one in roots(found.findings)} == {
        "messaging.tenant-credit=poor", "messaging.tenant-credit=minus", "messaging.tenant-no-sender=numberless",
        "messaging.tenant-sender-unknown=foreign",
    }  # fmt: skip
    assert (found.verdict, found.state) == (V.data, State.warn)
    assert "7776655" not in str(found) + _snapshot.dumps(found.snapshot)


@pytest.mark.parametrize(
    ("reason", "failed", "verdict", "state"),
    [
        ("insufficient_balance", 9, V.capacity, State.fail),
        ("[InvalidAPIKey] 유효하지 않은 API Key입니다.", 9, V.settings, State.fail),
        ("[3058] 결번; to 01012345678", 4, V.data, State.warn),
        ("[3058] 결번", 2, V.healthy, State.ok),
    ],
)
def test_failing_attempts_are_judged_by_their_reason(
    rows_env: Env, rows: Stores, reason: str, failed: int, verdict: Verdict, state: State
) -> None:
    with rows.db.tx() as cursor:
        tenant = sample.make_tenant(cursor, code="demo")
    make_attempts(rows, failed, reason=reason, tenant_id=tenant)
    make_attempts(rows, 10 - failed, tenant_id=tenant)
    make_attempts(rows, 50, reason="old news", tenant_id=tenant, age=timedelta(hours=25))
    found = diagnosed(rows_env, NEAR)
    assert (found.verdict, found.state) == (verdict, state)
    assert len(red(found)) == (1 if state is State.fail else 0)
    if found.root is not None:
        assert found.root.code.startswith("messaging.failures")
        assert found.root.value("failed") == str(failed)
        assert "01012345678" not in str(found)


def test_failures_for_lack_of_credit_and_the_tenant_without_it_are_one_cause(rows_env: Env, rows: Stores) -> None:
    with rows.db.tx() as cursor:
        tenant = sample.make_tenant(cursor, code="demo")
        cursor.execute("UPDATE core_tenant SET credit_balance = 3")
    make_attempts(rows, 6, reason="insufficient_balance", tenant_id=tenant)
    _must_be(diagnosed(rows_env, NEAR), "messaging.failures-most", V.capacity)


def test_messages_that_a_worker_holds_without_sending_are_told(rows_env: Env, rows: Stores) -> None:
    name = rows.settings.queues.video + "-messages"
    env = {**rows_env, "MESSAGING_SQS_QUEUE_NAME": name}
    rows.sqs.create(name, {})
    try:
        for _ in range(2):
            rows.sqs.send(name, "{}")
        assert rows.sqs.receive(name, max_messages=1, wait_s=1, visibility_s=60)
        found = diagnosed(env, ["messaging"])
        assert [one.key for one in roots(found.findings)] == [f"messaging.nothing-sent={name}"]
        assert (found.verdict, found.state) == (V.capacity, State.warn)
        with rows.db.tx() as cursor:
            tenant = sample.make_tenant(cursor, code="demo")
        make_attempts(rows, 1, tenant_id=tenant)
        assert diagnosed(env, ["messaging"]).verdict is V.healthy
    finally:
        rows.sqs.remove(name)


def test_where_sending_is_pretended_or_not_set_solapi_is_skipped_with_the_reason(steady_env: Env) -> None:
    without = {name: value for name, value in steady_env.items() if not name.startswith("SOLAPI_")}
    found = diagnosed(without, ["messaging"])
    asks = {f"messaging.{name}" for name in ("access", "clock", "balance", "sender")}
    assert _skipped(found) == dict.fromkeys(asks | {"messaging.configured"}, "messaging.configured")
    assert found.verdict is V.healthy
    found = diagnosed({**steady_env, "DEBUG": "true"}, ["messaging"])
    assert _skipped(found) == dict.fromkeys(asks, "messaging.pretended")
    # Everything is fine here, and nothing is sent: that must not read as healthy.
    _must_be(found, "messaging.pretended", V.settings, State.warn)


def _skipped(found: Diagnosis) -> dict[str, str]:
    return {one.code: one.because_of for one in found.findings if one.state is State.skip}


def _must_be(found: Diagnosis, code: str, verdict: Verdict, state: State = State.fail) -> None:
    assert [one.code for one in roots(found.findings)] == [code]
    assert (found.verdict, found.state) == (verdict, state)
    assert len(red(found)) == (1 if state is State.fail else 0)
    assert exit_code(found.state) == (1 if state is State.fail else 0)
    assert found.root is not None
    assert found.root.evidence
