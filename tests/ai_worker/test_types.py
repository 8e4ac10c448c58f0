"""Job types: what this worker does not have is left for the one that has; one type's trouble is its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from academyctl.errors import UsageError
from academyctl.settings import load
from tests.ai_worker.bench import TYPE, Bench, Ran, task
from workers._clock import Clock
from workers.ai.registry import Registry
from workers.ai_tasks import TASKS

SETTINGS = load({}).settings


@pytest.fixture
def modules(tmp_path: Path) -> Iterator[Path]:
    """A folder from which modules can be imported."""
    sys.path.insert(0, str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    sys.path.remove(str(tmp_path))
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_type_nobody_here_knows_stays_in_the_queue_however_often_it_is_met(bench: Bench) -> None:
    job = bench.ask("omr_grading")
    log = ""
    for _ in range(5):
        log += bench.run(Ran())
        [message] = bench.peek()
        assert message.receive_count < 3, "the next receive would be its last"
        assert bench.dead() == []
        bench.show()
    assert bench.ended(job) == ("PENDING", "")
    assert bench.row(job).attempt_count == 0
    assert "SQS_JOB_DEFERRED" in log


def test_the_warning_comes_once_per_type_and_ten_minutes_the_token_line_with_every_message(bench: Bench) -> None:
    for job_type in ("omr_grading", "omr_grading", "omr_grading", "embedding"):
        bench.ask(job_type)
    log = bench.run(Ran(), 4)
    assert log.count("AI_JOB_TYPE_LEFT_FOR_OTHERS | job_type=omr_grading | tier=basic | reason=") == 1
    assert log.count("AI_JOB_TYPE_LEFT_FOR_OTHERS | job_type=embedding") == 1
    assert log.count("SQS_JOB_DEFERRED") == 4
    assert [m for m in bench.peek() if m.visible_at - Clock().monotonic() < 50] == []


def test_a_left_job_that_somebody_ended_does_not_circle_for_ever(bench: Bench) -> None:
    job = bench.ask("omr_grading")
    bench.run(Ran())
    bench.change(job, status="FAILED")
    bench.show()
    bench.run(Ran())
    assert (bench.left(), bench.dead()) == (0, [])


def test_case_and_blanks_of_a_type_do_not_matter(bench: Bench) -> None:
    jobs = [bench.ask(word) for word in ("Excel_Parsing", " excel_parsing ", "EXCEL_PARSING")]
    bench.run(Ran(), 3)
    assert [bench.ended(job) for job in jobs] == [("DONE", "")] * 3


def test_a_type_whose_code_cannot_be_imported_does_not_hurt_the_others(bench: Bench, modules: Path) -> None:
    (modules / "broken_type.py").write_text("import google.cloud.vision_of_nothing\n", encoding="utf-8")
    ran = Ran()
    jobs = [bench.ask("ocr"), bench.ask(TYPE)]
    log = bench.run({"ocr": "broken_type", TYPE: task(ran)}, 2)
    assert [bench.ended(job)[0] for job in jobs] == ["PENDING", "DONE"]
    assert "the code of job type ocr cannot be imported" in log
    assert bench.left() == 1


def test_a_type_is_imported_with_its_first_job_and_only_once(modules: Path) -> None:
    (modules / "counted_type.py").write_text(
        "from workers.ai_tasks._model import Task\nTASK = Task('ocr', lambda work: {})\n", encoding="utf-8"
    )
    registry = Registry({"ocr": "counted_type", TYPE: "no_such_module"})
    assert "counted_type" not in sys.modules
    first = registry.task("ocr", SETTINGS)
    assert not isinstance(first, str)
    assert registry.task("ocr", SETTINGS) is first
    assert "ModuleNotFoundError" in str(registry.task(TYPE, SETTINGS))


@pytest.mark.parametrize("text", ["TASK = 1\n", "x = 1\n", "raise SystemExit\n"[:0] + "1 / 0\n"])
def test_a_module_without_a_task_is_a_reason_and_no_crash(modules: Path, text: str) -> None:
    (modules / "odd_type.py").write_text(text, encoding="utf-8")
    assert isinstance(Registry({"ocr": "odd_type"}).task("ocr", SETTINGS), str)


def test_a_type_that_lacks_something_is_left_for_others_by_name(bench: Bench) -> None:
    def broken(_settings: object) -> str:
        raise OSError("no disk")

    tasks = {
        "ocr": task(Ran(), "ocr", missing=lambda _settings: "tesseract is not installed"),
        "omr_grading": task(Ran(), "omr_grading", missing=broken),
    }
    jobs = [bench.ask("ocr"), bench.ask("omr_grading")]
    log = bench.run(tasks, 2)
    assert [bench.ended(job)[0] for job in jobs] == ["PENDING", "PENDING"]
    assert "this installation lacks what it needs: tesseract is not installed" in log
    assert "OSError: no disk" in log


def test_a_worker_told_to_take_one_type_leaves_the_others(bench: Bench) -> None:
    jobs = [bench.ask("ocr"), bench.ask(TYPE)]
    log = bench.run({"ocr": task(Ran(), "ocr"), TYPE: task(Ran())}, 2, ai={"types": " OCR "})
    assert [bench.ended(job)[0] for job in jobs] == ["DONE", "PENDING"]
    assert "told to take other types only" in log


def test_a_type_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(UsageError, match="no job type 'exel'") as refused:
        Registry(TASKS, only="ocr,exel")
    assert "excel_parsing" in refused.value.remedy_in("en")


def test_the_first_password_goes_also_where_the_types_code_cannot_be_had() -> None:
    registry = Registry({"ocr": "no_such_module", TYPE: task(Ran(), secret_keys=("pin",))})
    assert registry.secret_keys("ocr") == registry.secret_keys("never heard") == ("initial_password",)
    registry.task(TYPE, SETTINGS)
    assert registry.secret_keys(TYPE) == ("initial_password", "pin")
