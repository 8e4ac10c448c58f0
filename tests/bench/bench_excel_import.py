"""What an import costs, from the file to the committed result: ours and a lean row-by-row import, interleaved.

    python -m tests.bench.bench_excel_import [--rows 2000 20000] [--rounds 3] [--peer-up-to 20000]
                                             [--memory-rows 100000]

The peer reads with openpyxl (read_only) and sends one statement after another, prepared, in one transaction, over
tables with warm statistics: what a careful programmer writes. Both make one password hash, of one round here; what a
real one adds to either is printed apart. CPU is the client's (the reading child's with it) and the server's backend's.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from openpyxl import Workbook

from academyctl import roster_import
from academyctl.local import sample
from academyctl.local.stack import LocalStack
from academyctl.passwords import hash_password
from academyctl.roster_import import Order
from academyctl.settings import load
from academyctl.stores import Stores
from tests.bench import row_by_row

PASSWORD = "hanbit1234"
TABLES = (
    "accounts_user, core_tenantmembership, parents_parent, students_student, enrollment_enrollment, "
    "enrollment_sessionenrollment, attendance_attendance"
)
HEADERS = (
    "이름", "학부모전화번호", "학생전화번호", "학교", "학년", "성별", "반", "계열", "메모", "번호", "등록일", "수강료",
)  # fmt: skip
Import = Callable[[Stores, Path, int, int], int]


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU and of wall time, and how many were enrolled."""

    client_s: float
    server_s: float
    wall_s: float
    enrolled: int

    @property
    def cpu_s(self) -> float:
        return self.client_s + self.server_s


def workbook(path: Path, rows: int) -> Path:
    """A class list of 12 columns; two of ten students are siblings."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("1반")
    sheet.append(HEADERS)
    for number in range(rows):
        name = "김이박최정강조윤장임"[number % 10] + chr(0xAC00 + number * 37 % 5000) + chr(0xAC00 + number * 91 % 5000)
        family = number // 10 * 9 + number % 9
        parent = f"010-{2000 + family // 10_000:04d}-{family % 10_000:04d}"
        own = f"010-{5000 + number // 10_000:04d}-{number % 10_000:04d}"
        sheet.append([
            name, parent, own, "한빛고등학교", number % 3 + 1, "남여"[number % 2], f"{number % 9 + 1}반", "이과",
            f"메모 {number}", number + 1, "2026-03-02", 250_000,
        ])  # fmt: skip
    book.save(path)
    return path


def ours(stores: Stores, source: Path, tenant_id: int, lecture_id: int) -> int:
    settings = stores.settings.excel.model_copy(update={"password_iterations": 1})
    order = Order(tenant_id, lecture_id)
    with tempfile.TemporaryDirectory() as folder:
        read = roster_import.read(stores.db, source, order, settings, folder=Path(folder))
        return roster_import.enrol(stores.db, read, order, PASSWORD, settings).rows


def peer(stores: Stores, source: Path, tenant_id: int, lecture_id: int) -> int:
    password = hash_password(PASSWORD, iterations=1)
    with stores.db.tx() as cursor:
        return row_by_row.run(cursor, source, tenant_id, lecture_id, password)


def measure(stores: Stores, way: Import, source: Path) -> Cost:
    """One import into an academy of its own."""
    with stores.db.tx() as cursor:
        tenant_id = sample.make_tenant(cursor, code=os.urandom(6).hex())
        lecture_id = sample.make_lecture(cursor, tenant_id)
    stores.db.execute(f"ANALYZE {TABLES}")
    backend = psutil.Process(stores.db.query("SELECT pg_backend_pid() AS pid")[0]["pid"])
    server, client, begun = _cpu(backend), os.times(), time.monotonic()
    enrolled = way(stores, source, tenant_id, lecture_id)
    wall, after = time.monotonic() - begun, os.times()
    return Cost(sum(after[:4]) - sum(client[:4]), _cpu(backend) - server, wall, enrolled)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def peak_mb() -> Iterator[Callable[[], float]]:
    """The most memory (resident, in MB) that this process and the children it starts from now on had together."""
    most, ended = 0.0, threading.Event()
    me = psutil.Process()
    # The local stack's servers may be children, too.
    servers = {process.pid for process in me.children()}

    def watch() -> None:
        nonlocal most
        while not ended.wait(0.02):
            total = 0
            for process in (me, *(one for one in me.children() if one.pid not in servers)):
                try:
                    total += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            most = max(most, total / 2**20)

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield lambda: most
    ended.set()
    watcher.join()


@contextmanager
def platform(folder: Path) -> Iterator[Stores]:
    running = LocalStack(folder / "stack")
    running.up()
    stores = Stores(load({}, overlay=running.env()).settings)
    try:
        yield stores
    finally:
        stores.close()
        running.down(wipe=True)


def compare(stores: Stores, source: Path, rows: int, rounds: int, *, with_peer: bool = True) -> float:
    """Prints a round a line; returns our median CPU seconds."""
    ways: dict[str, Import] = {"ours": ours, "row by row": peer}
    if not with_peer:
        del ways["row by row"]
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways)[:: 1 if number % 2 else -1]:
            cost = measure(stores, ways[name], source)
            assert cost.enrolled == rows, (name, cost)
            costs[name].append(cost)
            print(
                f"  {rows:6} rows, round {number + 1}, {name:10}: {cost.cpu_s:6.2f} CPU-s (client {cost.client_s:.2f}, "
                f"server {cost.server_s:.2f}), {cost.wall_s:.2f} s"
            )
    wall = statistics.median(cost.wall_s for cost in costs["ours"])
    print(f"{rows} rows: median wall {wall:.2f} s (goal 1 at 2,000)")
    if with_peer:
        pairs = zip(costs["ours"], costs["row by row"], strict=True)
        ratio = statistics.median(two.cpu_s / one.cpu_s for one, two in pairs)
        print(f"{rows} rows: {ratio:.1f} x less CPU than row by row (goal 4 at 2,000)")
    return statistics.median(cost.cpu_s for cost in costs["ours"])


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rows", type=int, nargs="+", default=[2_000, 20_000])
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--peer-up-to", type=int, default=20_000, help="rows; the peer's time grows with their square")
    words.add_argument("--memory-rows", type=int, default=100_000)
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as name, platform(Path(name)) as stores:
        folder = Path(name)
        measure(stores, ours, workbook(folder / "warm.xlsx", 500))
        medians = [
            compare(stores, workbook(folder / f"{n}.xlsx", n), n, given.rounds, with_peer=n <= given.peer_up_to)
            for n in given.rows
        ]
        if len(medians) > 1:
            print(f"growth from {given.rows[0]} to {given.rows[-1]} rows: {medians[-1] / medians[0]:.1f} x (goal 11)")
        begun = time.process_time()
        hash_password(PASSWORD, iterations=stores.settings.excel.password_iterations)
        print(f"one real password hash adds {time.process_time() - begun:.2f} CPU-s to either")
        if given.memory_rows:
            big = workbook(folder / "big.xlsx", given.memory_rows)
            with peak_mb() as peak:
                cost = measure(stores, ours, big)
                said = f"{cost.cpu_s:.1f} CPU-s, {cost.wall_s:.1f} s"
                print(f"{given.memory_rows} rows: peak {peak():.0f} MB (goal 160), {said}")


if __name__ == "__main__":
    main()
