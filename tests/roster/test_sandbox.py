"""A child of the sandbox has bounds, no secrets, and an end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from academyctl.errors import Both, Cancelled
from academyctl.roster._wire import from_json, to_json
from academyctl.roster.model import Ask, Limits, Problem, Reading, RosterRefused, Skipped, Table
from academyctl.roster.reading import read
from academyctl.sandbox import ChildResult, module, run_child
from tests.roster.packages import parts, zipped

MIB = 2**20
SECRETS = {"AWS_SECRET_ACCESS_KEY": "s", "DB_PASSWORD": "s", "R2_SECRET_KEY": "s", "SOLAPI_API_SECRET": "s"}


def python(
    code: str,
    request: bytes = b"",
    *,
    wall_s: float = 20,
    cpu_s: int = 10,
    memory_bytes: int = 300 * MIB,
    stop_asked: Callable[[], bool] = lambda: False,
) -> ChildResult:
    command = [sys.executable, "-c", code]
    return run_child(command, request, wall_s=wall_s, cpu_s=cpu_s, memory_bytes=memory_bytes, stop_asked=stop_asked)


def is_gone(pid: int) -> bool:
    """Within ten seconds: the kernel takes a killed process down when it finds the time."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.01)
    return False


def test_a_child_gets_its_request_and_gives_its_answer_however_long() -> None:
    long = b"x" * 3 * MIB
    child = python(
        "import sys, time; time.sleep(0.3); sys.stdout.buffer.write(sys.stdin.buffer.read()); sys.stderr.write('e')",
        long,
    )
    assert (child.reason, child.returncode, child.stdout, child.stderr) == ("ok", 0, long, "e")


def test_a_module_of_ours_is_run_with_its_arguments() -> None:
    child = run_child(module("json.tool", "--compact"), b'{"a": 1}', wall_s=20, cpu_s=10, memory_bytes=300 * MIB)
    assert (child.reason, child.stdout.strip()) == ("ok", b'{"a":1}')


@pytest.mark.skipif(os.name == "nt", reason="POSIX limits")
def test_what_uses_too_much_is_ended_and_says_of_what() -> None:
    assert python("while True: pass", cpu_s=1).reason == "cpu"
    assert python("x = bytearray(10**9)").reason == "memory"
    assert python("import time; time.sleep(60)", wall_s=0.3).reason == "wall"
    assert python("import os; os.abort()").reason == "crashed"
    assert python("raise SystemExit(3)").returncode == 3


def test_a_program_that_is_not_there_is_a_result_not_an_error() -> None:
    child = run_child(["no-such-program"], wall_s=5, cpu_s=5, memory_bytes=0)
    assert child.reason == "crashed"
    assert "no-such-program" in child.stderr


def test_a_stop_ends_the_child_and_all_that_it_started(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    code = (
        "import subprocess, sys, pathlib, time;"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        f"pathlib.Path({str(told)!r}).write_text(str(p.pid)); time.sleep(60)"
    )
    began = time.monotonic()
    child = python(code, stop_asked=lambda: told.exists() and bool(told.read_text()))
    assert child.reason == "stopped"
    assert time.monotonic() - began < 10
    assert is_gone(int(told.read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own leash")
def test_a_child_dies_with_a_parent_that_is_killed() -> None:
    code = (
        "from academyctl.sandbox import run_child; import sys;"
        "run_child([sys.executable, '-c', 'import time; time.sleep(60)'], wall_s=60, cpu_s=9, memory_bytes=0)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    try:
        deadline = time.monotonic() + 10
        while not (started := psutil.Process(parent.pid).children()) and time.monotonic() < deadline:
            time.sleep(0.02)
        while "time.sleep" not in " ".join(started[0].cmdline()[:3]) and time.monotonic() < deadline:
            time.sleep(0.02)  # until it has become the program: the leash is tied before
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert is_gone(started[0].pid)


def test_no_secret_of_ours_reaches_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    child = python("import os; print(*os.environ)")
    assert b"PATH" in child.stdout
    assert not [name for name in SECRETS if name.encode() in child.stdout]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a file that keeps its reader waiting")
def test_reading_a_file_that_is_stopped_raises_cancelled(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.xlsx")
    with pytest.raises(Cancelled):
        read(tmp_path / "a.xlsx", Ask(), Limits(), spool=tmp_path / "spool", stop_asked=lambda: True)


def test_a_reading_that_takes_too_long_is_refused_as_too_heavy(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.xlsx", parts())
    reading = read(path, Ask(), Limits(wall_s=0.0), spool=tmp_path / "spool")
    assert (reading.status, reading.refused and reading.refused.code) == ("refused", "too-heavy")


def test_a_reading_comes_through_the_wire_as_it_was() -> None:
    both = Both("en", "한국어")
    problem = Problem("명단", "B7", 7, "parent_phone", "bad", both, "010-****-5678")
    reading = Reading(
        "needs_mapping",
        "xlsx",
        None,
        (Table("명단", 2, "제목", {"name": "A"}, {"name": "이름"}, 3),),
        (Skipped("명단", 4, "duplicate", 3),),
        (problem,),
        (problem,),
        candidates={"parent_phone": ("B", "C")},
        candidate_headers={"B": "연락처"},
        candidate_samples={"B": ("010-****-5678",)},
        counts={"read": 3},
    )
    assert from_json(json.loads(json.dumps(to_json(reading)))) == reading
    refused = from_json(to_json(Reading("refused", "pdf", RosterRefused("pdf", both, kind="pdf")))).refused
    assert refused is not None
    assert (refused.code, refused.message, refused.kind) == ("pdf", both, "pdf")
