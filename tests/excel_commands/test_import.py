"""`academyctl excel import`: the worker's own way by hand, tried first and done only when asked for."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from academyctl import roster_import
from academyctl.cli._common import Session
from academyctl.cli._excel_import import Run
from academyctl.output import Format
from academyctl.repairs import Changed
from academyctl.roster_import import Order
from academyctl.stores.ai_requests import Tenant
from tests.enrolment.academy import hashes
from tests.excel_world import PASSWORD, World, adds_up, counts, excel_env, excel_stores, pupils, world
from tests.video_commands.conftest import Cli, Ran

__all__ = ["excel_env", "excel_stores", "world"]

BAD = ("박나쁨", "02-123-4567", "", "한빛고", "1", "여")


class Importer:
    """`excel import` of a file into the academy's lecture."""

    def __init__(self, world: World, cli: Cli) -> None:
        self.world = world
        self.cli = cli

    def __call__(self, file: Path, *words: object, stdin: str = "", lecture: bool = True) -> Ran:
        where = ["--tenant", self.world.tenant_id, *(["--lecture", self.world.lecture_id] if lecture else [])]
        with typed(stdin):
            return self.cli("excel", "import", file, *where, *words)

    def applied(self, file: Path, *words: object, **how: Any) -> Ran:
        return self(file, "--apply", "--password-stdin", *words, stdin=f"{PASSWORD}\n", **how)


@contextmanager
def typed(text: str) -> Iterator[None]:
    """What a pipe brings on stdin."""
    kept, sys.stdin = sys.stdin, io.StringIO(text)
    try:
        yield
    finally:
        sys.stdin = kept


@pytest.fixture
def importer(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Importer:
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "LOCALAPPDATA": str(tmp_path / "state")}
    return Importer(world, Cli({**world.env, **state}, monkeypatch, capsys))


def plain(ran: Ran) -> dict[str, Any]:
    """The report without what tells a trial from the real thing."""
    return {name: value for name, value in ran.json.items() if name not in ("committed", "session_id")}


def test_the_trial_says_what_the_real_import_then_does_and_changes_nothing(importer: Importer, tmp_path: Path) -> None:
    world = importer.world
    file = world.file([*pupils(3), pupils(1)[0]], title="2026 고2 수학")
    before = hashes(world.stores.db)
    trial = importer(file, "-o", "json")
    assert trial.code == 0, trial.err
    assert hashes(world.stores.db) == before
    assert plain(importer(file, "--dry-run", "-o", "json")) == plain(trial)
    done = importer.applied(file, "-o", "json")
    assert done.code == 0, done.err
    assert plain(trial) == plain(done)
    assert (trial.json["committed"], done.json["committed"]) == (False, True)
    assert done.json["counts"] == counts(4, created=3, skipped=1)
    assert done.json["enrolled_count"] == world.enrolled() == 3
    assert len(world.students()) == 3
    audit = (tmp_path / "state" / "academyctl" / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    line = json.loads(audit[-1])
    assert (line["result"], "4 rows read = 3 new" in line["change"], "2000" in line["change"]) == ("done", True, False)


def test_people_read_the_mapping_the_counts_and_what_to_do_next(importer: Importer) -> None:
    file = importer.world.file(pupils(2))
    trial = importer(file)
    assert "2 rows read = 2 new + 0 restored + 0 updated + 0 unchanged + 0 skipped + 0 failed" in trial.out
    assert "학부모 전화번호" in trial.out
    assert trial.out.rstrip().endswith("nothing was changed; to do it: --apply")
    where = ("--tenant", importer.world.tenant_id, "--lecture", importer.world.lecture_id)
    korean = importer.cli("--lang", "ko", "excel", "import", file, *where)
    assert "읽은 행 2 = 새 학생 2 + 복원 0 + 변경 0 + 그대로 0 + 제외 0 + 오류 0" in korean.out
    assert korean.out.encode("cp949")


def test_a_bad_file_ends_with_1_and_its_marked_copy_can_be_corrected_and_imported(
    importer: Importer, tmp_path: Path
) -> None:
    world, marked = importer.world, tmp_path / "marked.xlsx"
    file = world.file([*pupils(1), BAD])
    ran = importer.applied(file, "--errors-to", marked)
    assert ran.code == 1
    assert "B3" in ran.out
    assert "1234567" not in ran.out + ran.err
    assert str(marked) in ran.err
    assert world.students() == []
    book = openpyxl.load_workbook(marked)
    sheet: Any = book.active
    assert sheet["B3"].fill.fill_type
    sheet["B3"] = "010-7777-0001"
    book.save(marked)
    again = importer.applied(file, "--errors-to", marked)
    assert (again.code, "not a new .xlsx file" in again.err) == (2, True), "it holds corrections by now"
    assert importer.applied(marked).code == 0
    assert ("박나쁨", "01077770001") in world.students()


def test_partial_takes_the_good_rows(importer: Importer) -> None:
    ran = importer.applied(importer.world.file([*pupils(2), BAD]), "--partial", "-o", "json")
    assert ran.code == 0
    assert adds_up(ran.json)
    assert ran.json["counts"] == counts(3, created=2, failed=1)
    assert len(importer.world.students()) == 2


def test_a_column_that_must_be_chosen_is_chosen_with_map(importer: Importer) -> None:
    lines = [(f"김가{c}", f"010-4000-000{n}", f"010-5000-000{n}") for n, c in enumerate("나다라마")]
    file = importer.world.file(lines, header=("이름", "연락처1", "연락처2"))
    asked = importer(file)
    assert asked.code == 1
    assert "--map parent_phone=C" in asked.out
    assert importer.applied(file, "--map", "parent_phone=C").code == 0
    assert ("김가나", "01050000000") in importer.world.students()


def test_the_password_is_never_an_argument_and_too_short_a_one_is_refused(importer: Importer) -> None:
    file = importer.world.file(pupils(1))
    unasked = importer(file, "--apply")
    assert (unasked.code, importer.world.students()) == (2, [])
    assert "--password-stdin" in unasked.err
    short = importer(file, "--apply", "--password-stdin", stdin="abc\n")
    assert (short.code, importer.world.students()) == (2, [])
    assert importer(file, "--password", PASSWORD).code == 2


def test_a_change_of_much_of_a_class_needs_a_yes(importer: Importer) -> None:
    world = importer.world
    assert importer.applied(world.file(pupils(10))).code == 0, "an empty class may be filled"
    more = world.file(pupils(4, start=20))
    refused = importer.applied(more)
    assert refused.code == 2
    assert "4 / 10" in refused.err
    assert "--yes" in refused.err
    assert world.enrolled() == 10
    with typed(f"{PASSWORD}\n"):
        told = importer.cli("--yes", "excel", "import", more, "--tenant", world.tenant_id, "--lecture",
                            world.lecture_id, "--apply", "--password-stdin")  # fmt: skip
    assert told.code == 0, told.err
    assert world.enrolled() == 14


def test_what_was_tried_is_what_is_done_or_nothing_is(importer: Importer, tmp_path: Path) -> None:
    world, file = importer.world, importer.world.file(pupils(2))
    order = Order(world.tenant_id, world.lecture_id)
    with Session.opened() as here:
        academy = Tenant(world.tenant_id, "hanbit", "한빛학원")
        run = Run(here, here.stores(), academy, file, order, None, Format.table)
        found = roster_import.read(world.stores.db, file, order, world.settings.excel, folder=tmp_path)
        planned = run._enrol(found, PASSWORD, dry_run=True)
        assert importer.applied(world.file(pupils(1)), lecture=False).code == 0, "somebody else, meanwhile"
        with pytest.raises(Changed, match="nobody was enrolled"):
            run._enrol(found, PASSWORD, dry_run=False, planned=planned)
    assert (len(world.students()), world.enrolled()) == (1, 0)


def test_eleven_namesakes_with_other_parents_need_a_yes(importer: Importer) -> None:
    world = importer.world
    importer.applied(world.file(pupils(11)), lecture=False)
    moved = [(name, f"010-9000-{n:04d}", *rest[1:]) for n, (name, *rest) in enumerate(pupils(11))]
    refused = importer.applied(world.file(moved), lecture=False)
    assert refused.code == 2
    assert "11 new students have a namesake" in refused.err


def test_production_is_asked_about(importer: Importer) -> None:
    importer.cli.set(ACADEMYCTL_PRODUCTION="true")
    ran = importer.applied(importer.world.file(pupils(1)))
    assert ran.code == 2
    assert "production" in ran.err
    assert importer.world.students() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tenant", "nobody"], "no academy"),
        (["--session", "3"], "--session needs its --lecture"),
        (["--map", "phone=C"], "phone"),
        (["--errors-to", "marked.csv"], "not a new .xlsx file"),
    ],
)
def test_words_that_cannot_be_meant_end_with_2(importer: Importer, words: list[str], said: str) -> None:
    tenant = [] if "--tenant" in words else ["--tenant", importer.world.tenant_id]
    ran = importer.cli("excel", "import", importer.world.file(pupils(1)), *tenant, *words)
    assert ran.code == 2
    assert said in ran.err


def test_a_lecture_of_another_academy_is_refused(importer: Importer) -> None:
    _, elsewhere = importer.world.academy()
    file = importer.world.file(pupils(1))
    ran = importer.cli("excel", "import", file, "--tenant", importer.world.tenant_id, "--lecture", elsewhere)
    assert ran.code == 1
    assert "not of this academy" in ran.err
