"""What a start of the command costs in CPU, against bare python, its own imports made eagerly, and other tools.

    python -m tests.bench.bench_startup [--rounds 15] [--json]

All cases run in turn, in one go, in random order each round; the median and the least of user + system time are shown.
The budget of `academyctl --help` is 90 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

BUDGET_MS = 90
EAGER = "import typer, boto3, redis, psycopg, paramiko, openpyxl, pydantic, prometheus_client, rich.console, rich.table"
ACADEMYCTL = [sys.executable, "-m", "academyctl"]


def cases() -> dict[str, list[str]]:
    """Name -> command; peers only where they are installed."""
    script = Path(sys.executable).with_name("academyctl")
    ours = [str(script)] if script.exists() else ACADEMYCTL
    found = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "academyctl --help": [*ours, "--help"],
        "academyctl --version": [*ours, "--version"],
        "academyctl config --help": [*ours, "config", "--help"],
        "academyctl video --help": [*ours, "video", "--help"],
        "academyctl config path": [*ours, "config", "path"],
        "academyctl config check video": [*ours, "config", "check", "video"],
        "academyctl config show": [*ours, "config", "show"],
        "python -c 'import typer'": [sys.executable, "-c", "import typer"],
        "python -c 'import boto3'": [sys.executable, "-c", "import boto3"],
        "python, all imports of academyctl": [sys.executable, "-c", EAGER],
    }
    for peer in ("aws", "gcloud", "kubectl"):
        if shutil.which(peer):
            found[f"{peer} --version"] = [peer, "--version"]
    return found


def cpu_ms(command: list[str]) -> tuple[float, float]:
    """(CPU ms, wall ms) of one run."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, begun = _children_s(), time.perf_counter()
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after, ended = _children_s(), time.perf_counter()
    return (after - before) * 1000, (ended - begun) * 1000


def _children_s() -> float:
    if sys.platform == "win32":
        return os.times().children_user + os.times().children_system
    # os.times counts in ticks of 10 ms.
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--json", action="store_true")
    said = options.parse_args()
    commands = cases()
    for command in commands.values():
        cpu_ms(command)  # writes the bytecode, fills the disk cache
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(said.rounds):
        for name in random.sample(list(commands), len(commands)):
            seen[name].append(cpu_ms(commands[name]))
    rows = [
        {
            "case": name,
            "cpu_ms": round(statistics.median(cpu for cpu, _ in runs), 1),
            "cpu_ms_least": round(min(cpu for cpu, _ in runs), 1),
            "wall_ms": round(statistics.median(wall for _, wall in runs), 1),
        }
        for name, runs in seen.items()
    ]
    if said.json:
        print(json.dumps({"rounds": said.rounds, "rows": rows}, indent=1))
        return 0
    print(f"{'case':<34} {'CPU ms':>8} {'least':>8} {'wall ms':>8}   ({said.rounds} rounds, interleaved)")
    for row in rows:
        print(f"{row['case']:<34} {row['cpu_ms']:>8} {row['cpu_ms_least']:>8} {row['wall_ms']:>8}")
    help_ms = next(row["cpu_ms"] for row in rows if row["case"] == "academyctl --help")
    print(f"academyctl --help: {help_ms} ms of {BUDGET_MS} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
