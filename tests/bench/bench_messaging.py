"""What sending texts costs: ours and the platform's first worker's way (text_by_text.py), interleaved on a local stack.

    python -m tests.bench.bench_messaging [--texts 1000] [--rounds 3] [--neighbour 5000] [--stack-texts 500]

Texts a second, SQS calls and PostgreSQL statements per text, CPU of the worker's process; the peer gets a tenth of the
texts. Most of its CPU is the SDK's, which makes an HTTP client with a TLS context for every text. The queue is the
strict endpoint of the tests; one more round has it on the stack's own emulator. Then the neighbour: an academy's
thousands of texts in the queue before another's three, and when those three arrive. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from academyctl.contract.texts import text_body
from academyctl.local import sample
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from tests.bench import text_by_text
from tests.bench.bench_loop import control, strict

QUEUE = "academy-messaging-jobs"
KINDS = ("ours", "text by text")
ACADEMIES = 20
WARM = 20
PEERS_SHARE = 10
NEIGHBOUR_TEXTS = 3
SLOW = 200
"""Texts a second of a worker that has a rate limit."""
_NUMBERS = itertools.count(1)
Put = Callable[[list[str]], None]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--texts", type=int, default=1000, help="of a round")
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--neighbour", type=int, default=5000, help="texts of the big academy; 0 = leave it out")
    words.add_argument("--stack-texts", type=int, default=500, help="on the stack's own emulator; 0 = leave it out")
    said = words.parse_args()
    with tempfile.TemporaryDirectory() as name, strict() as url, platform(Path(name)) as (running, stores):
        env = {**os.environ, **running.env(), "ACADEMYCTL_HEALTH_FILE": f"{name}/bench.health"}
        control(url, do="make", queue=QUEUE, visibility=60)
        on_strict = {**env, "AWS_ENDPOINT_URL": url}
        tenants = academies(stores, ACADEMIES)
        compare(on_strict, tenants, said.texts, said.rounds, lambda bodies: put(url, bodies))
        statements(running, on_strict, stores, tenants, lambda bodies: put(url, bodies))
        if said.stack_texts:
            print("the same on the stack's own emulator:")
            compare(env, tenants, said.stack_texts, 1, lambda bodies: send(stores, bodies))
        if said.neighbour:
            neighbour(on_strict, stores, said.neighbour, url)
            # Where sending is slow, turns matter most.
            neighbour({**on_strict, "MESSAGING_RATE_PER_SECOND": str(SLOW)}, stores, said.neighbour, url)


def compare(env: Mapping[str, str], tenants: list[int], count: int, rounds: int, fill: Put) -> None:
    """Prints a round a line, then the ratio."""
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for number in range(rounds):
        for kind in KINDS[:: 1 if number % 2 else -1]:
            cost = one_round(env, kind, tenants, count if kind == "ours" else count // PEERS_SHARE, fill)
            found[kind].append(cost)
            print(
                f"  round {number + 1}, {kind:12}: {cost['texts_s']:7.1f} texts/s, {cost['calls']:.2f} SQS calls/text, "
                f"{cost['cpu_s']:.2f} CPU-s/1,000 texts (load {os.getloadavg()[0]:.1f})"
            )
    pairs = list(zip(found["ours"], found["text by text"], strict=True))
    faster = statistics.median(one["texts_s"] / other["texts_s"] for one, other in pairs)
    leaner = statistics.median(other["cpu_s"] / one["cpu_s"] for one, other in pairs)
    calls = statistics.median(one["calls"] for one, _ in pairs)
    print(f"{faster:.1f} x the texts/s (goal 3), {leaner:.1f} x less CPU, {calls:.2f} SQS calls per text (goal 0.35)")


def one_round(env: Mapping[str, str], kind: str, tenants: list[int], count: int, fill: Put) -> dict[str, float]:
    """One process empties the queue; it has sent some texts before, so that everything is imported and connected."""
    fill(texts(tenants, WARM + count))
    with worker(env, kind, count) as go:
        cost = go()
    return {
        "texts_s": count / cost["wall_s"],
        "calls": cost["calls"] / count,
        "cpu_s": cost["cpu_s"] / count * 1000,
    }


def statements(running: LocalStack, env: Mapping[str, str], stores: Stores, tenants: list[int], fill: Put) -> None:
    """How many statements PostgreSQL itself logs; in a run apart, for the log costs time."""
    log, count = running.folder / "log" / "postgres.log", 200
    stores.db.execute("ALTER DATABASE academy SET log_statement = 'all'")
    try:
        for kind in KINDS:
            fill(texts(tenants, WARM + count))
            with worker(env, kind, count) as go:
                before = log.stat().st_size
                go()
            with log.open("rb") as stream:
                stream.seek(before)
                logged = len(re.findall(rb"LOG:  (?:statement|execute)", stream.read()))
            print(f"{kind}: {logged / count:.2f} PostgreSQL statements per text")
    finally:
        stores.db.execute("ALTER DATABASE academy RESET log_statement")


def neighbour(env: Mapping[str, str], stores: Stores, count: int, url: str) -> None:
    """A big academy's texts, then three of a small one: those wait while what lies before them in SQS is read."""
    big, small = academies(stores, 2)
    put(url, texts(academies(stores, ACADEMIES), WARM))
    with worker(env, "ours", count + NEIGHBOUR_TEXTS) as go:
        put(url, texts([big], count))
        put(url, texts([small], NEIGHBOUR_TEXTS))
        begun = stores.db.query("SELECT now() AS at")[0]["at"]
        go()
    rows = stores.db.query(
        "SELECT tenant_id, extract(epoch FROM max(finished_at) - %s)::float AS last FROM academyctl_message_delivery "
        "WHERE tenant_id = ANY(%s) AND state = 'SENT' GROUP BY 1",
        (begun, [big, small]),
    )
    last = {row["tenant_id"]: row["last"] for row in rows}
    rate = load(dict(env)).settings.messaging.rate
    print(
        f"{f'at {rate} texts/s, ' if rate else ''}"
        f"{NEIGHBOUR_TEXTS} texts behind {count} of another academy: sent after {last[small]:.1f} s, the others after "
        f"{last[big]:.1f} s (load {os.getloadavg()[0]:.1f})"
    )


@contextlib.contextmanager
def worker(env: Mapping[str, str], kind: str, count: int) -> Iterator[Callable[[], dict[str, float]]]:
    """A measured process that is warm; what is yielded lets it send `count` texts and returns what that cost."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.bench_messaging", "--child", kind, str(count)], env=dict(env),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        told = process.stdout.readline().strip()
        assert told == "warm", f"{kind} did not get warm"

        def go() -> dict[str, float]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("go\n")
            process.stdin.flush()
            cost: dict[str, float] = json.loads(process.stdout.readline())
            return cost

        yield go
        process.stdin.close()


def child(kind: str, count: int) -> None:
    """The measured process."""
    calls = itertools.count()
    drain = our_drainer(lambda: next(calls)) if kind == "ours" else peer_drainer(lambda: next(calls))
    drain(WARM)
    print("warm", flush=True)
    sys.stdin.readline()
    cpu, wall, before = time.process_time(), time.perf_counter(), next(calls)
    drain(count)
    cost = {
        "cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall, "calls": next(calls) - before - 1
    }  # fmt: skip
    print(json.dumps(cost), flush=True)


def our_drainer(on_sqs_call: Callable[[], object]) -> Callable[[int], None]:
    from academyctl import log
    from workers import _find
    from workers._loop import RunOptions, run

    class Counted(Stores):
        """Stores whose SQS clients count."""

        def aws_clients(self, **how: Any) -> Any:
            made, hooked = super().aws_clients(**how), set[str]()

            def client(service: str) -> Any:
                one = made(service)
                if service not in hooked:
                    hooked.add(service)
                    one.meta.events.register("before-call.sqs", text_by_text.counting(on_sqs_call))
                return one

            return client

    stores = Counted(load(dict(os.environ)).settings)
    worker = _find.make("messaging", stores.settings)
    log.setup(prefix=worker.log_prefix)

    def drain(count: int) -> None:
        assert run(worker, stores, RunOptions(concurrency=worker.threads, max_jobs=count)) == 0

    return drain


def peer_drainer(on_sqs_call: Callable[[], object]) -> Callable[[int], None]:
    return text_by_text.drainer(os.environ, on_sqs_call=on_sqs_call)


def academies(stores: Stores, count: int) -> list[int]:
    """New ones that can pay for everything."""
    with stores.db.tx() as cursor:
        made = [sample.make_tenant(cursor, code=os.urandom(6).hex()) for _ in range(count)]
        cursor.execute("UPDATE core_tenant SET credit_balance = 1000000 WHERE id = ANY(%s)", (made,))
    return made


def texts(tenants: list[int], count: int) -> list[str]:
    return [
        text_body(tenant_id=tenants[number % len(tenants)], to=f"010{next(_NUMBERS):08d}", text="출석하였습니다.")
        for number in range(count)
    ]


def put(url: str, bodies: list[str]) -> None:
    control(url, do="put", queue=QUEUE, bodies=bodies)


def send(stores: Stores, bodies: list[str]) -> None:
    for body in bodies:
        stores.sqs.send(QUEUE, body)


@contextlib.contextmanager
def platform(folder: Path) -> Iterator[tuple[LocalStack, Stores]]:
    running = LocalStack(folder / "stack")
    running.up(sample_data=False)
    stores = Stores(load({}, overlay=running.env()).settings)
    try:
        yield running, stores
    finally:
        stores.close()
        running.down(wipe=True)


if __name__ == "__main__":
    if "--child" in sys.argv:
        child(sys.argv[2], int(sys.argv[3]))
    else:
        main()
