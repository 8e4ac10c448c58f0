"""The record of a run: complete, without secrets, kept whatever ends the run."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from academyctl.errors import ConfigError
from playbooks._run import Ended, steps
from playbooks._transcript import Transcript, default_path
from tests.playbooks.books import Answers, book

AT = datetime(2026, 2, 17, 3, 35, 57, tzinfo=UTC)
SECRETS = ("hunter2hunter2", "AKIAIOSFODNN7EXAMPLE", "010-1234-5678")
LOUD = Ended(1, f"password=abcdefgh {SECRETS[1]}\n", f"to {SECRETS[2]} with {SECRETS[0]}\n")


def test_time_command_exit_code_and_output_are_kept_without_secrets(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "run.md"
    made = book()
    with Transcript(path, secrets=[SECRETS[0]], now=lambda: AT) as record:
        record.begin(made, {"id": "7"})
        for done in steps(made, {"id": "7", "desired": "2"}, Answers({"video stuck 7": LOUD})):
            record.step(done)
        record.end("stopped at step 2")
    text = path.read_text(encoding="utf-8")
    assert "2026-02-17 12:35:57 KST playbook book with id=7" in text
    assert "`academyctl video stuck 7`: exit code 1" in text
    assert "expected 0, 4" in text
    assert "stopped at step 2" in text
    assert not [secret for secret in (*SECRETS, "abcdefgh") if secret in text]
    assert "0101****" in text
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_interrupted_run_leaves_what_it_did(tmp_path: Path) -> None:
    path, made = tmp_path / "run.md", book()
    answers = Answers({"video stuck 7": KeyboardInterrupt})
    with pytest.raises(KeyboardInterrupt), Transcript(path) as record:
        record.begin(made, {})
        for done in steps(made, {"id": "7", "desired": "2"}, answers):
            record.step(done)
    text = path.read_text(encoding="utf-8")
    assert "`academyctl diagnose sqs`: exit code 0" in text
    assert "ended by KeyboardInterrupt" in text


def test_a_run_that_cannot_be_recorded_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be written"):
        Transcript(tmp_path / "file" / "run.md")


def test_it_stands_next_to_the_audit_file() -> None:
    path = default_path("x", AT, {"XDG_STATE_HOME": "/state", "LOCALAPPDATA": "/state"})
    assert path.parent == Path("/state/academyctl/playbooks")
    assert path.name.startswith("20260217T033557-x-")
