"""`academyctl worker run ai` as the operator meets it."""

from __future__ import annotations

import pytest

from academyctl.__main__ import main
from academyctl.settings import REQUIRED
from tests.ai_worker.bench import Bench
from tests.cli.tool import academyctl


@pytest.fixture
def environment(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The bench's settings as this process's own."""
    for name, value in bench.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(bench.folder)
    return bench


def test_a_run_says_what_it_does_in_the_platforms_format_from_info_on(bench: Bench) -> None:
    """The old worker configured no logging: none of its INFO lines could be seen (contract 11 #27)."""
    job = bench.ask("ocr")
    ran = academyctl(
        "worker", "run", "ai", "--once", "--wait", "1", "--types", "excel_parsing", folder=bench.folder, env=bench.env
    )
    assert ran.code == 0, ran.err
    for said in (
        f"[INFO] [AI-SQS-WORKER] AI Worker (SQS) started | queue={bench.queues['basic']} | wait_time=1s",
        "[INFO] [AI-SQS-WORKER] SQS_MESSAGE_RECEIVED | request_id=",
        "[WARNING] [AI-SQS-WORKER] AI_JOB_TYPE_LEFT_FOR_OTHERS | job_type=ocr | tier=basic | reason=this worker",
        "[INFO] [AI-SQS-WORKER] AI Worker shutdown complete",
    ):
        assert said in ran.err
    assert bench.row(job).status == "PENDING"
    assert bench.left() == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ai", "--types", "excel_parsing,exel"), "there is no job type 'exel'"),
        (("video", "--types", "ocr"), "the video worker knows no job types"),
    ],
)
def test_types_that_make_no_sense_are_a_usage_error(
    environment: Bench, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert main(["worker", "run", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert words[0] == "video" or "attendance_excel_export, excel_parsing, ocr, staff_excel_export" in err


def test_missing_settings_are_named_before_anything_starts(
    environment: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DB_HOST", "")
    assert main(["worker", "run", "ai"]) == 1
    assert "config error: Missing required env: DB_HOST" in capsys.readouterr().err
    assert ("db.host",) in REQUIRED["ai"]
