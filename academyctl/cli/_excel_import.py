"""`academyctl excel import`: the worker's own way from a file to students, by hand; dry unless told otherwise."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from academyctl.cli._common import OutputOption, Session, session
from academyctl.errors import EXIT_FAILED, EXIT_OK, Both, UsageError, WorkFailed
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.enrolment import Enrolled
    from academyctl.roster.model import Document
    from academyctl.roster_import import Order, Read
    from academyctl.settings_model import Excel
    from academyctl.stores import Stores
    from academyctl.stores.ai_requests import Tenant

MAX_ID = 2**63 - 1
SHOWN = 10
UNUSED = "dry-run"
"""The password of a dry run, whose accounts are rolled back."""


def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="xlsx, xlsm, xls, xlsb, ods or csv.")],
    tenant: Annotated[str, typer.Option("--tenant", metavar="ID|CODE", help="The academy.")],
    lecture: Annotated[
        int | None, typer.Option("--lecture", min=1, max=MAX_ID, metavar="ID", help="Enrol into this lecture.")
    ] = None,
    session_id: Annotated[
        int | None,
        typer.Option("--session", min=1, max=MAX_ID, metavar="ID", help="And into this session (else its first)."),
    ] = None,
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Say which column a field is, e.g. parent_phone=C."),
    ] = None,
    sheet: Annotated[str, typer.Option("--sheet", metavar="NAME", help="Only this sheet.")] = "",
    partial: Annotated[bool, typer.Option("--partial", help="Enrol the good rows although others are bad.")] = False,
    errors_to: Annotated[
        Path | None, typer.Option("--errors-to", metavar="FILE.xlsx", help="Write the bad cells, marked, to a copy.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply/--dry-run", help="Do it; without --apply all is tried and rolled back.")
    ] = False,
    stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the accounts' first password from stdin.")
    ] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Enrol a class list, as the worker does.

    Without --apply the same statements run and are rolled back, so the report is the real one. Asks first (or needs
    --yes) when much of a class would change, or many students would be made whose namesakes have another parent's
    phone. Exit code 1 when nothing could be enrolled.
    """
    from academyctl.cli._excel_check import asked, readable
    from academyctl.cli._words import academy as find_academy
    from academyctl.roster_import import Order

    here = session(ctx)
    mapping = asked(maps or (), sheet).mapping
    readable(file)
    if session_id and not lecture:
        raise UsageError("--session needs its --lecture", remedy=Both("give both", "--lecture도 함께 지정하세요"))
    if errors_to is not None:
        _refuse_to_overwrite(errors_to)
    stores = here.stores()
    academy = find_academy(stores, tenant)
    order = Order(academy.id, lecture or 0, session_id or 0, mapping, sheet, partial=partial)
    run = Run(here, stores, academy, file, order, errors_to, fmt)
    raise typer.Exit(run.outcome(apply=apply, stdin=stdin))


def _refuse_to_overwrite(target: Path) -> None:
    """A marked copy that is there already may hold somebody's corrections."""
    if target.suffix.lower() == ".xlsx" and not target.exists() and target.absolute().parent.is_dir():
        return
    raise UsageError(
        f"--errors-to {target}: not a new .xlsx file in a folder that is there",
        remedy=Both("give another name", "아직 없는 .xlsx 파일 이름을 지정하세요"),
        code="errors-to",
    )


@dataclass
class Enrolment:
    """A repair whose change is a whole import: `run` does it, `done` is what came of it."""

    what: str
    run: Callable[[], Enrolled]
    done: Enrolled | None = None

    def __str__(self) -> str:
        return f"enrol {self.what}"

    def do(self, stores: Stores) -> None:
        del stores
        self.done = self.run()

    @property
    def undo(self) -> str:
        return "nothing: new students and enrolments are taken away in the platform, one by one"


@dataclass(frozen=True)
class Run:
    """One import: the file read, tried, and then done or not."""

    here: Session
    stores: Stores
    academy: Tenant
    file: Path
    order: Order
    errors_to: Path | None
    fmt: Format

    def outcome(self, *, apply: bool, stdin: bool) -> int:
        """The exit code. Raises UsageError, WorkFailed, StoreError, Busy; nothing is changed then."""
        import tempfile

        from academyctl import roster_import
        from academyctl.cli._password import first_password

        # A person is asked last, when it is worth typing; a pipe that brings none, or a bad one, ends it at once.
        alone = stdin or not (sys.stdin and sys.stdin.isatty())
        password = first_password(self.here, stdin=stdin) if apply and alone else ""
        with tempfile.TemporaryDirectory(prefix="academyctl-excel-") as folder:
            found = roster_import.read(self.stores.db, self.file, self.order, self._excel, folder=Path(folder))
            self._write_errors(found)
            if roster_import.obstacle(found, self.order) is not None:
                self._tell(found, roster_import.report(found, self.order), committed=None)
                self._say_how_to_go_on(found)
                return EXIT_FAILED
            done = self._enrol(found, UNUSED, dry_run=True)
            if apply:
                self._confirm(done)
                done = self._apply(found, done, password or first_password(self.here, stdin=False))
            self._tell(found, done.document, committed=apply)
            return EXIT_OK

    def _enrol(self, found: Read, password: str, *, dry_run: bool, planned: Enrolled | None = None) -> Enrolled:
        from academyctl import roster_import
        from academyctl.enrolment import EnrolmentRefused
        from academyctl.repairs import Changed

        def as_planned(_cursor: Any, document: Document) -> None:
            """Compare-and-set: what was tried, and agreed to, is what is done; or nothing is."""
            if planned is not None and document["counts"] != planned.document["counts"]:
                raise Changed(
                    "nobody was enrolled: the academy's students changed meanwhile", why=_counts(document).pick("en")
                )

        try:
            return roster_import.enrol(
                self.stores.db, found, self.order, password, self._excel, dry_run=dry_run, finish=as_planned
            )
        except EnrolmentRefused as refused:
            raise WorkFailed(refused.message.pick(self.here.lang), code=refused.code) from refused

    def _confirm(self, planned: Enrolled) -> None:
        """Ask when it changes much (facts: the mass-change guard), or when this is production."""
        from academyctl.enrolment import change_guard

        guard = change_guard(planned)
        lines = [f"{self._what}: {_counts(planned.document).pick(self.here.lang)}"]
        if guard.class_size:
            told = f"{guard.joining} / {guard.class_size}"
            lines.append(
                Both(f"joining / in the class: {told}", f"새로 들어옴 / 현재 수강생: {told}").pick(self.here.lang)
            )
        if guard.namesakes:
            count = guard.namesakes
            namesakes = Both(
                f"{count} new students have a namesake here with another parent's phone",
                f"같은 이름에 학부모 번호만 다른 기존 학생이 있는 새 학생: {count}명",
            )
            lines.append(namesakes.pick(self.here.lang))
        if guard.asks:
            self.here.confirm(lines, Both("this changes much:", "변경 규모가 큽니다:"))
        else:
            self.here.confirm_production(lines)

    def _apply(self, found: Read, planned: Enrolled, password: str) -> Enrolled:
        from academyctl import repairs

        change = Enrolment(
            f"{self._what}: {_counts(planned.document).en}",
            lambda: self._enrol(found, password, dry_run=False, planned=planned),
        )
        try:
            repairs.apply([change], self.stores, repairs.audit_path())
        except repairs.Halfway as error:
            raise error.cause from error
        assert change.done is not None
        return change.done

    def _write_errors(self, found: Read) -> None:
        from academyctl import output, roster_import

        if self.errors_to is None or not found.reading.problems:
            return
        roster_import.annotate(found, self.errors_to, self._excel, lang=self.here.lang)
        output.note(Both(f"written: {self.errors_to}", f"저장했습니다: {self.errors_to}").pick(self.here.lang))

    def _tell(self, found: Read, result: Document, *, committed: bool | None) -> None:
        """Print the report; `committed` None = there was nothing to commit."""
        from academyctl import output
        from academyctl.roster.report_text import check_text

        academy = {"id": self.academy.id, "code": self.academy.code, "name": self.academy.name}
        head: Document = {"version": 1, "committed": bool(committed), "status": found.reading.status, "tenant": academy}
        head["lecture_id"] = self.order.lecture_id or None
        lang = self.here.lang
        read = check_text(found.reading, iter(()), lang, file=self.file, shown=0)
        text = read if committed is None else f"{read}\n\n{_done(result, committed).pick(lang)}"
        output.emit({**head, **result}, fmt=self.fmt, table=lambda: text)

    def _say_how_to_go_on(self, found: Read) -> None:
        from academyctl import output

        if self.fmt == Format.table and found.reading.status == "errors":
            en = "nobody was enrolled; the good rows alone: --partial"
            ko = "아무도 등록하지 않았습니다. 정상 행만 등록: --partial"
            if self.errors_to is None:
                en += "; a copy with the bad cells marked: --errors-to FILE.xlsx"
                ko += " / 오류 셀을 표시한 사본: --errors-to FILE.xlsx"
            output.note(Both(en, ko).pick(self.here.lang))

    @property
    def _what(self) -> str:
        academy = f"{self.academy.code} ({self.academy.id})"
        return f"{self.file.name} -> {academy}" + (
            f", lecture {self.order.lecture_id}" if self.order.lecture_id else ""
        )

    @property
    def _excel(self) -> Excel:
        return self.here.loaded.settings.excel


def _counts(result: Document) -> Both:
    """Every row that was read, as what became of it."""
    n = result["counts"]
    return Both(
        f"{n['read']} rows read = {n['created']} new + {n['restored']} restored + {n['updated']} updated "
        f"+ {n['unchanged']} unchanged + {n['skipped']} skipped + {n['failed']} failed",
        f"읽은 행 {n['read']} = 새 학생 {n['created']} + 복원 {n['restored']} + 변경 {n['updated']} "
        f"+ 그대로 {n['unchanged']} + 제외 {n['skipped']} + 오류 {n['failed']}",
    )


def _done(result: Document, committed: bool) -> Both:
    lines = [_counts(result)]
    if "enrolled_count" in result:
        count = result["enrolled_count"]
        lines.append(Both(f"{count} of the file in the class", f"명단 중 이 강의 수강생: {count}명"))
    from academyctl.roster_result import NOTES

    notes = [one for one in result["warnings"] if one["code"] in NOTES]
    for note in notes[:SHOWN]:
        place = f"{note['sheet']}!{note['cell'] or note['row']}"
        lines.append(Both(f"note  {place} {note['text_en']}", f"참고  {place} {note['text_ko']}"))
    if len(notes) > SHOWN:
        more = len(notes) - SHOWN
        lines.append(Both(f"... and {more} more: --output json", f"... 외 {more}건: --output json"))
    if committed:
        lines.append(Both("done", "등록했습니다"))
    else:
        lines.append(Both("nothing was changed; to do it: --apply", "바뀐 것은 없습니다. 실행하려면: --apply"))
    return Both("\n".join(line.en for line in lines), "\n".join(line.ko for line in lines))
