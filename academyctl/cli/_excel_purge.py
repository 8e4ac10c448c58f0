"""`academyctl excel purge`: the retention rules of spreadsheets by hand, dry unless told otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from academyctl.cli._common import OutputOption, Session, session
from academyctl.errors import AcademyError, Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.excel_retention import DeleteFiles, Rule

SHOWN = 50
_WHY = {
    "done": Both("its job is DONE", "작업 완료(DONE)"),
    "failed": Both("its job FAILED", "작업 실패(FAILED)"),
    "export": Both("made for a download", "내려받기용 파일"),
    "no-job": Both("no job knows it", "연결된 작업 없음"),
}


def purge(
    ctx: typer.Context,
    tenant: Annotated[str, typer.Option("--tenant", metavar="ID|CODE", help="Only this academy's files.")] = "",
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this the files are only listed.")] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Delete spreadsheets that are no longer needed.

    Uploads whose job ended long enough ago (EXCEL_SOURCE_RETENTION_DAYS after DONE, EXCEL_FAILED_RETENTION_DAYS after
    FAILED), and exports and error workbooks of that age. Never one whose job is open. Lists them without --apply.
    """
    from academyctl import output
    from academyctl.excel_retention import Rule, plan

    here = session(ctx)
    stores = here.stores()
    rule = Rule.of(here.loaded.settings.excel)
    tenant_id = 0
    if tenant:
        from academyctl.cli._words import academy

        tenant_id = academy(stores, tenant).id
    wanted = plan(stores, rule, tenant_id=tenant_id)
    if apply and wanted:
        files = [one for repair in wanted for one in repair.files]
        here.confirm_production([f"delete {len(files)} files ({_size(wanted)}): {files[0].key} ..."])
    errors = _apply(here, wanted) if apply else []
    output.emit(_document(wanted, rule, apply, errors), fmt=fmt, table=lambda: _table(wanted, here.lang))
    if fmt == Format.table:
        output.note(_summary(wanted, rule, apply=apply, failed=bool(errors)).pick(here.lang))
        for error in errors:
            output.fail(error)
    if errors:
        raise typer.Exit(errors[0].exit_code)


def _apply(here: Session, wanted: list[DeleteFiles]) -> list[AcademyError]:
    """Every batch, whatever became of the one before; what went wrong."""
    from academyctl import repairs

    errors: list[AcademyError] = []
    for repair in wanted:
        try:
            repairs.apply([repair], here.stores(), repairs.audit_path())
        except repairs.Halfway as error:
            errors.append(error.cause)
    return errors


def _document(wanted: list[DeleteFiles], rule: Rule, apply: bool, errors: list[AcademyError]) -> dict[str, Any]:
    files = [one for repair in wanted for one in repair.files]
    return {
        "version": 1,
        "applied": apply,
        "days": {"done": rule.done, "failed": rule.failed},
        "count": len(files),
        "bytes": sum(one.size for one in files),
        "files": [{"key": one.key, "bytes": one.size, "why": one.why, "days": one.days} for one in files],
        "errors": [{"code": error.code, "what": error.what, "why": error.why} for error in errors],
    }


def _table(wanted: list[DeleteFiles], lang: str) -> Any:
    from academyctl import output

    files = [one for repair in wanted for one in repair.files]
    if not files:
        return Both("no file is old enough", "지울 만큼 오래된 파일이 없습니다").pick(lang)
    words = [Both("file", "파일"), Both("bytes", "바이트"), Both("days", "경과일"), Both("because", "이유")]
    shown: list[tuple[Any, ...]] = [(one.key, one.size, one.days, _WHY[one.why].pick(lang)) for one in files[:SHOWN]]
    more = len(files) - len(shown)
    if more:
        shown.append((Both(f"... and {more} more", f"... 외 {more}개").pick(lang), "", "", ""))
    return output.rows([word.pick(lang) for word in words], shown)


def _summary(wanted: list[DeleteFiles], rule: Rule, *, apply: bool, failed: bool) -> Both:
    count, size = sum(len(repair.files) for repair in wanted), _size(wanted)
    kept = Both(
        f"kept {rule.done} days after DONE, {rule.failed} days after FAILED and for exports",
        f"보관 기간: 완료 후 {rule.done}일, 실패 후 {rule.failed}일, 내려받기용 {rule.failed}일",
    )
    if failed:
        return Both(
            f"not all of {count} files were deleted; {kept.en}", f"{count}개 중 일부를 지우지 못했습니다. {kept.ko}"
        )
    if apply:
        return Both(f"{count} files deleted ({size}); {kept.en}", f"파일 {count}개({size})를 지웠습니다. {kept.ko}")
    more = Both("; to delete them: --apply", ". 삭제하려면: --apply") if count else Both("", "")
    return Both(
        f"{count} files to delete ({size}); {kept.en}{more.en}",
        f"지울 파일 {count}개({size}). {kept.ko}{more.ko}",
    )


def _size(wanted: list[DeleteFiles]) -> str:
    size = sum(one.size for repair in wanted for one in repair.files)
    return f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{size / 2**10:.1f} kB"
