"""Two real workers on one queue: the same message twice, the same file twice, and files that mean harm."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.conftest import eventually
from tests.excel_world import World, adds_up, counts, excel_env, excel_stores, pupils, world
from tests.faults.roster.hands import Hand, Hands, dead, hands, nursery, queue_is_empty, wait_for
from tests.roster.test_hostile import HOSTILE

__all__ = ["excel_env", "excel_stores", "hands", "nursery", "world"]

pytestmark = [pytest.mark.timeout(120), pytest.mark.skipif(os.name == "nt", reason="signals")]

PUPILS = 40
HARM = ("1 GiB of blanks", "far cell", "billion laughs", "300 sheets", "truncated")
PEAK_MB = 200


def peak_mb(worker: Hand) -> int:
    """The most memory that the worker itself has ever had; 0 where the system does not tell."""
    status = Path(f"/proc/{worker.process.pid}/status")
    found = re.search(r"VmHWM:\s*(\d+)", status.read_text()) if status.exists() else None
    return int(found[1]) // 1024 if found else 0


def test_two_workers_enrol_everybody_once_and_live_through_every_hostile_file(world: World, hands: Hands) -> None:
    file = world.file(pupils(PUPILS))
    twice = world.job(world.upload(file))
    other, lecture = world.academy()
    twins = [world.job(world.upload(file, tenant_id=other), tenant_id=other, lecture=lecture) for _ in range(2)]
    harmful: dict[str, str] = {}
    for name in HARM:
        harmful[name] = world.job(world.upload(HOSTILE[name][1](world.folder / f"harm{len(harmful)}.xlsx")))
    for job_id in (twice, twice, twice, *twins, *harmful.values()):
        world.send(job_id)
    workers = [hands.start(), hands.start()]
    wait_for(world, [twice, *twins, *harmful.values()], timeout=60)

    assert world.result(twice)["counts"] == counts(PUPILS, created=PUPILS)
    assert world.row(twice)["attempt_count"] == 1, "its duplicates were skipped"
    books = [world.result(job_id)["counts"] for job_id in twins]
    assert sorted(book["created"] for book in books) == [0, PUPILS]
    assert sorted(book["unchanged"] for book in books) == [0, PUPILS]
    assert all(adds_up(world.result(job_id)) for job_id in (twice, *twins))
    for tenant_id, place in ((world.tenant_id, world.lecture_id), (other, lecture)):
        assert len(world.students(tenant_id)) == len(set(world.students(tenant_id))) == PUPILS
        assert world.enrolled(place) == PUPILS
    for name, job_id in harmful.items():
        row = world.row(job_id)
        assert row["status"] == "FAILED", name
        assert world.result(job_id)["refused"]["code"] == HOSTILE[name][0]
        assert re.search("[가-힣]", row["error_message"]), "its user reads why"
        assert row["attempt_count"] == 1, "and it is not tried again"
    for worker in workers:
        assert worker.process.alive, worker.log.read_text(encoding="utf-8")[-2000:]
        assert peak_mb(worker) < PEAK_MB
    eventually(lambda: queue_is_empty(world), timeout=30, every=0.1)
    assert dead(world) == 0
    for worker in workers:
        worker.process.signal(signal.SIGTERM)
    assert [worker.end() for worker in workers] == [0, 0]
    assert hands.leftovers() == []
