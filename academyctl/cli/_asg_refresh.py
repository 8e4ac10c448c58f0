"""`academyctl asg refresh`."""

from __future__ import annotations

from typing import Any

import typer

from academyctl.cli._asg_show import refresh_json
from academyctl.cli._changes import carry_out, undo_options
from academyctl.cli._common import Session
from academyctl.errors import EXIT_FAILED, EXIT_OK, Both
from academyctl.output import Format

_BAD = ("Failed", "RollbackFailed")


def start(
    here: Session,
    role: str,
    *,
    protected: str,
    min_healthy: int,
    warmup_s: int | None,
    force: bool,
    apply: bool,
    fmt: Format,
) -> None:
    """Plan a refresh, and start it."""
    from academyctl.ops.refresh import plan, version_now

    name, raw = _raw(here, role)
    stores = here.stores()
    repairs, remarks = plan(
        role, raw, version_now(stores, raw), stores.asg.refreshes(name), protected=protected, min_healthy=min_healthy,
        warmup_s=warmup_s, force=force, options=undo_options(here),
    )  # fmt: skip
    nothing = Both("no instance is to be replaced", "교체할 인스턴스가 없습니다")
    carry_out(here, repairs, apply=apply, fmt=fmt, remarks=remarks, nothing=nothing, told={"group": name})


def cancel(here: Session, role: str, *, apply: bool, fmt: Format) -> None:
    """Plan the end of the refresh that runs, and end it."""
    from academyctl.ops.refresh import plan_cancel

    name, _ = _raw(here, role)
    repairs = plan_cancel(role, name, here.stores().asg.refreshes(name), options=undo_options(here))
    nothing = Both("no refresh runs", "진행 중인 새로 고침이 없습니다")
    kept = Both("what was replaced stays replaced", "이미 교체된 인스턴스는 그대로 유지됩니다")
    carry_out(
        here, repairs, apply=apply, fmt=fmt, remarks=(kept,) if repairs else (), nothing=nothing, told={"group": name}
    )


def status(here: Session, role: str, *, fmt: Format) -> None:
    """The group's refreshes, newest first."""
    from academyctl import output

    name, _ = _raw(here, role)
    found = [refresh_json(raw) for raw in here.stores().asg.refreshes(name)]
    output.emit(
        {"version": 1, "group": name, "refreshes": found},
        fmt=fmt,
        table=lambda: (
            "\n".join(_line(one) for one in found[:10])
            or Both(f"{name} was never refreshed", f"{name}은(는) 새로 고친 적이 없습니다").pick(here.lang)
        ),
    )
    raise typer.Exit(EXIT_FAILED if found and found[0]["status"] in _BAD else EXIT_OK)


def _raw(here: Session, role: str) -> tuple[str, dict[str, Any]]:
    from academyctl.asg_plans import name_of
    from academyctl.cli._asg_find import missing

    name = name_of(here.loaded.settings.fleet, role)
    raw = here.stores().asg.raw_group(name)
    if raw is None:
        raise missing(name)
    return name, raw


def _line(one: dict[str, Any]) -> str:
    at = f"{one['started_at']:%Y-%m-%d %H:%M:%S}" if one["started_at"] else "-"
    left = f"  {one['left']} left" if one["left"] else ""
    return f"{at} UTC  {one['status']}  {one['percent']} %{left}  {one['why']}".rstrip()
