"""`excel_parsing` from the upload to the report, through the worker's own handler."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import openpyxl
import pytest

from academyctl.contract import keys
from academyctl.log import MaskingFormatter
from academyctl.settings import load
from academyctl.stores import Stores
from tests.ai_worker.working import run_job
from tests.enrolment.academy import hashes
from tests.excel_world import PASSWORD, World, adds_up, counts, excel_env, excel_stores, new_world, pupils, world
from workers._model import Done
from workers.ai_tasks import excel_parsing
from workers.ai_tasks._model import JobFailed, Task

__all__ = ["excel_env", "excel_stores", "world"]

TASKS = {"excel_parsing": excel_parsing.TASK}
WORSE = ("최오류", "010-12", "", "한빛고", "1", "남")
BAD = ("박나쁨", "02-123-4567", "", "한빛고", "1", "여")


def run(world: World, job_id: str, *, stores: Stores | None = None, task: Task | None = None) -> Done:
    """The job through the handler; a message is done with either way."""
    tasks = {"excel_parsing": task} if task else TASKS
    outcome = run_job(stores or world.stores, job_id, tasks, world.folder / "work")
    assert isinstance(outcome, Done)
    return outcome


class Spied:
    """A Work that notes its progress, and what Redis says of the job at that moment."""

    def __init__(self, work: Any, world: World) -> None:
        self._work, self._world = work, world
        self.seen: list[tuple[str, int]] = []
        self.said: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)

    def progress(self, step: str, percent: int, *, step_percent: int = 0) -> None:
        self.seen.append((step, percent))
        self.said.add(self._world.status(self._work.job_id)["status"])
        self._work.progress(step, percent, step_percent=step_percent)


@contextmanager
def logged() -> Iterator[list[str]]:
    """The worker's lines as they are printed."""
    lines: list[str] = []
    formatter = MaskingFormatter(prefix="AI-SQS-WORKER", as_json=False)

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(formatter.format(record))

    handler, logger = Kept(), logging.getLogger("academyctl")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield lines
    logger.removeHandler(handler)
    logger.setLevel(level)


@dataclass(frozen=True)
class Story:
    """One good and one bad upload of an academy, each through the worker once, and all that was seen of it."""

    world: World
    good: str
    bad: str
    good_key: str
    bad_key: str
    spy: Spied
    outcome: Done
    log: str


@pytest.fixture(scope="module")
def story(excel_env: dict[str, str], excel_stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Story:
    world = new_world(excel_env, excel_stores, tmp_path_factory.mktemp("story"))
    good_key = world.upload(world.file(pupils(3), title="2026 고2 수학 심화반"))
    bad_key = world.upload(world.file([pupils(1)[0], BAD, *pupils(1, start=1), WORSE]))
    good, bad = world.job(good_key), world.job(bad_key)
    spies: list[Spied] = []

    def spied(work: Any) -> Any:
        spies.append(Spied(work, world))
        return excel_parsing.run(spies[0])

    task = Task("excel_parsing", spied, steps=excel_parsing.TASK.steps, secret_keys=excel_parsing.TASK.secret_keys)
    at_once = Stores(load({**excel_env, "EXCEL_SOURCE_RETENTION_DAYS": "0"}).settings)
    with logged() as lines:
        run(world, good, task=task)
        outcome = run(world, bad, stores=at_once)
    at_once.close()
    return Story(world, good, bad, good_key, bad_key, spies[0], outcome, "\n".join(lines))


def test_an_upload_becomes_enrolled_students_and_a_report(story: Story) -> None:
    world, row, result = story.world, story.world.row(story.good), story.world.result(story.good)
    assert (row["status"], row["error_message"]) == ("DONE", "")
    assert result["enrolled_count"] == result["created_students_count"] == 3
    assert result["processed_by"] == "worker"
    assert result["lecture_title"] == "2026 고2 수학 심화반"
    assert result["session_id"] is not None
    assert result["counts"] == counts(3, created=3)
    assert result["sheets"][0]["mapping"]["parent_phone"] == "B"
    assert result["sheets"][0]["headers"]["parent_phone"] == "학부모 전화번호"
    assert {f"김학생{n}" for n in range(3)} <= {name for name, _ in world.students()}
    assert world.enrolled() >= 3


def test_one_bad_cell_fails_the_file_and_the_report_names_it(story: Story) -> None:
    row, result = story.world.row(story.bad), story.world.result(story.bad)
    assert story.outcome.failed
    assert row["status"] == "FAILED"
    assert row["error_message"].startswith("학부모 전화번호 검증 실패: 2건. 010 10~11자리 형식이어야 합니다.")
    assert [(one["cell"], one["row"]) for one in result["errors"]] == [("B3", 3), ("B5", 5)]
    assert {one["field"] for one in result["errors"]} == {"parent_phone"}
    assert result["counts"] == counts(4, failed=4)
    assert (result["rows_with_errors"], result["errors_total"]) == (2, 2)
    assert ("김학생0", "01020000000") in story.world.students(), "only what the good file brought"
    assert "최오류" not in dict(story.world.students())


def test_the_first_password_leaves_the_row_with_the_jobs_end(story: Story) -> None:
    for job_id in (story.good, story.bad):
        payload = story.world.row(job_id)["payload"]
        assert "initial_password" not in payload
        assert payload["file_key"].startswith("excel/")
        assert PASSWORD not in str(story.world.result(job_id))


def test_the_platforms_readers_see_where_the_job_is(story: Story) -> None:
    seen = story.spy.seen
    assert list(dict.fromkeys(step for step, _ in seen)) == ["downloading", "parsing", "enrolling"]
    percents = [percent for _, percent in seen]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (10, 95)
    assert {("parsing", 25), ("parsing", 40)} < set(seen)
    assert story.spy.said == {"RUNNING"}
    last, status = story.world.progress(story.good), story.world.status(story.good)
    assert (last["step"], last["percent"], last["step_index"], last["step_total"]) == ("done", 100, 4, 4)
    assert (last["step_name"], last["step_name_display"], last["step_percent"]) == ("done", "완료", 100)
    assert (status["status"], status["job_type"]) == ("DONE", "excel_parsing")
    assert status["result"]["enrolled_count"] == 3


def test_the_log_has_the_platforms_tokens_and_nobodys_data(story: Story) -> None:
    assert f"EXCEL_PARSING processed_by=worker job_id={story.good} enrolled=3" in story.log
    said = f"EXCEL_PARSING failed job_id={story.bad} tenant_id={story.world.tenant_id}: 학부모 전화번호 검증 실패: 2건."
    assert said in story.log
    for secret in (PASSWORD, "20000000", "2000-0000", "1234567", "X-Amz-Signature"):
        assert secret not in story.log


def test_the_upload_of_a_job_stays_until_its_rule_says_otherwise(story: Story) -> None:
    r2, bucket = story.world.stores.r2, story.world.bucket
    assert r2.head(bucket, story.good_key) is not None, "three days after DONE"
    assert r2.head(bucket, story.bad_key) is not None, "a failed one may be tried again, also with 0 days after DONE"


def test_the_same_file_again_changes_nothing_and_with_no_days_it_goes_at_once(story: Story) -> None:
    world = story.world
    before = hashes(world.stores.db)
    key = world.upload(world.stores.r2.read(world.bucket, story.good_key))
    again = world.job(key)
    at_once = Stores(load({**world.env, "EXCEL_SOURCE_RETENTION_DAYS": "0"}).settings)
    run(world, again, stores=at_once)
    at_once.close()
    assert world.result(again)["counts"] == counts(3, unchanged=3)
    assert world.result(again)["enrolled_count"] == 3
    after = hashes(world.stores.db)
    assert {table for table in after if after[table] != before[table]} == {"ai_job", "ai_result"}
    assert world.stores.r2.head(world.bucket, key) is None


def test_the_error_workbook_comes_back_right_once_its_marked_cells_are_corrected(story: Story) -> None:
    world = story.world
    told = world.result(story.bad)["error_file"]
    assert told["key"] == keys.export_key(world.tenant_id, story.bad, "오류.xlsx")
    assert told["download_url"].startswith("http")
    book = openpyxl.load_workbook(BytesIO(world.stores.r2.read(world.bucket, told["key"])))
    sheet: Any = book.active
    marked = [cell for line in sheet.iter_rows(min_row=2) for cell in line[:6] if cell.fill.fill_type]
    assert [cell.coordinate for cell in marked] == ["B3", "B5"]
    for number, cell in enumerate(marked):
        cell.value = f"010-7777-000{number}"
    fixed = world.folder / "fixed.xlsx"
    book.save(fixed)
    again = world.job(world.upload(fixed))
    run(world, again)
    assert world.row(again)["status"] == "DONE", world.row(again)["error_message"]
    assert world.result(again)["counts"] == counts(4, created=2, unchanged=2)
    assert ("박나쁨", "01077770000") in world.students()


def test_without_a_lecture_students_are_made_and_nobody_is_enrolled(world: World) -> None:
    job_id = world.job(world.upload(world.file(pupils(2))), lecture=0)
    run(world, job_id)
    result = world.result(job_id)
    assert (result["created"], result["failed"], result["total"]) == (2, [], 2)
    assert len(world.students()) == 2
    assert world.enrolled() == 0


def test_a_partial_import_enrols_the_good_rows_and_accounts_for_every_other(world: World) -> None:
    lines = [*pupils(2), pupils(1)[0], ("", "", "", "", "", ""), ("합계", "", "", "", "", ""), BAD]
    job_id = world.job(world.upload(world.file(lines)), partial=True)
    run(world, job_id)
    result = world.result(job_id)
    assert world.row(job_id)["status"] == "DONE"
    assert adds_up(result)
    assert (result["counts"]["created"], result["counts"]["failed"]) == (2, 1)
    assert {one["why"] for one in result["skipped"]} >= {"duplicate"}
    assert result["counts"]["skipped"] == len(result["skipped"])
    assert result["error_file"]["filename"] == "오류.xlsx"
    copy = openpyxl.load_workbook(BytesIO(world.stores.r2.read(world.bucket, result["error_file"]["key"])))
    assert [cell.value for cell in copy.worksheets[0]["A"]][1:] == [BAD[0]], "the good rows are enrolled already"
    assert len(world.students()) == 2


def test_an_ambiguous_file_is_refused_with_the_words_that_settle_it_and_remembered_then(world: World) -> None:
    names = ("김가나", "이다라", "박마바", "최사아")
    lines = [(name, f"010-4000-{n:04d}", f"010-5000-{n:04d}") for n, name in enumerate(names)]
    header = ("이름", "연락처1", "연락처2")
    key = world.upload(world.file(lines, header=header))
    first = world.job(key)
    run(world, first)
    result = world.result(first)
    assert world.row(first)["status"] == "FAILED"
    assert "학부모 전화번호 컬럼을 자동으로 식별할 수 없습니다." in world.row(first)["error_message"]
    assert result["candidates"]["parent_phone"] == ["B", "C"]
    assert result["mapping_hint"] == "--map parent_phone=B"
    assert world.students() == []
    settled = world.job(key, mapping={"parent_phone": "C"})
    run(world, settled)
    assert world.row(settled)["status"] == "DONE"
    assert ("김가나", "01050000000") in world.students()
    later = world.job(world.upload(world.file([("정자차", "010-4000-0009", "010-5000-0009"), *lines], header=header)))
    run(world, later)
    assert world.row(later)["status"] == "DONE", world.row(later)["error_message"]
    assert ("정자차", "01050000009") in world.students()
    other = world.academy()[0]
    stranger = world.job(world.upload(world.file(lines, header=header), tenant_id=other), tenant_id=other, lecture=0)
    run(world, stranger)
    assert world.row(stranger)["status"] == "FAILED", "another academy's choice is not this one's"


def test_a_failed_jobs_readers_see_the_reason(world: World) -> None:
    job_id = world.job(world.upload(b"%PDF-1.7 not a roster", suffix=".xlsx"))
    run(world, job_id)
    status = world.status(job_id)
    assert status["status"] == "FAILED"
    assert status["error_message"] == world.row(job_id)["error_message"]
    assert "PDF" in status["error_message"]
    assert world.result(job_id)["refused"]["code"] == "pdf"


def test_a_lecture_of_another_academy_is_refused_in_the_platforms_words(world: World) -> None:
    _, elsewhere = world.academy()
    job_id = world.job(world.upload(world.file(pupils(1))), lecture=elsewhere)
    run(world, job_id)
    assert world.row(job_id)["error_message"] == "해당 학원의 강의가 아닙니다."
    assert adds_up(world.result(job_id))
    assert world.students() == []


def test_a_job_whose_time_is_used_up_while_its_file_is_read_fails_with_that_reason(world: World) -> None:
    class OutOfTime(Spied):
        used_up = False

        def stop_asked(self) -> bool:
            self.used_up = True
            return True

        def check(self) -> None:
            if self.used_up:
                raise JobFailed("inference_timeout_60min")

    def run_out(work: Any) -> Any:
        return excel_parsing.run(OutOfTime(work, world))

    job_id = world.job(world.upload(world.file(pupils(1))))
    run(world, job_id, task=Task("excel_parsing", run_out, steps=excel_parsing.TASK.steps))
    assert (world.row(job_id)["status"], world.row(job_id)["error_message"]) == ("FAILED", "inference_timeout_60min")
    assert world.students() == []
