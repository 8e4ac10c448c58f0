"""`alarm list`: the queues' alarms as they should be beside what there is, and what others made of the same queues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli._common import Session
from academyctl.errors import EXIT_FAILED, EXIT_OK, Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.ops.alarms import AlarmSpec


@dataclass(frozen=True)
class Row:
    """An alarm that should be, and the one of that name, if there is one."""

    spec: AlarmSpec
    raw: Mapping[str, Any] | None
    differs: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        return self.raw is not None and self.raw.get("StateValue") != "ALARM" and bool(actions(self.raw))


def list_(here: Session, queues: Sequence[str], *, fmt: Format) -> None:
    """Print them. Exits with 1 when one is missing, in ALARM, or tells nobody."""
    from academyctl import output
    from academyctl.cli._alarm_changes import specs_of
    from academyctl.ops.alarms import drift, watches

    specs = specs_of(here, queues, ())
    everything = here.stores().alarms.all()
    by_name = {str(one["AlarmName"]): one for one in everything}
    rows = [_row(spec, by_name.get(spec.name), drift) for spec in specs]
    ours = {spec.name for spec in specs}
    others = [
        one for one in everything if one["AlarmName"] not in ours and watches(one, [spec.queue for spec in specs])
    ]
    output.emit(
        {
            "version": 1,
            "alarms": [_json(row) for row in rows],
            "others": [_other(one) for one in others],
        },
        fmt=fmt,
        table=lambda: _table(rows, others, here.lang),
    )
    if fmt == Format.table and any(row.raw is None or row.differs for row in rows):
        output.note(output.as_typed(_MEND.pick(here.lang)))
    raise typer.Exit(EXIT_OK if all(row.healthy for row in rows) else EXIT_FAILED)


_MEND = Both("to make and mend them: academyctl alarm apply", "만들고 고치려면: academyctl alarm apply")


def actions(raw: Mapping[str, Any]) -> list[str]:
    """Whom an alarm tells when it goes off; nobody when its actions are switched off."""
    return list(raw.get("AlarmActions") or []) if raw.get("ActionsEnabled", True) else []


def _row(spec: AlarmSpec, raw: Mapping[str, Any] | None, drift: Any) -> Row:
    return Row(spec, raw, () if raw is None else tuple(sorted(drift(spec, raw))))


def _table(rows: Sequence[Row], others: Sequence[Mapping[str, Any]], lang: str) -> str:
    from academyctl.cli._columns import columns

    missing, nobody = Both("does not exist", "없음").pick(lang), Both("nobody", "없음").pick(lang)
    lines: list[Sequence[Any]] = []
    for row in rows:
        raw = row.raw
        state = missing if raw is None else raw.get("StateValue", "?")
        told = "-" if raw is None else _short(actions(raw)) or nobody
        lines.append((row.spec.word, row.spec.name, state, _since(raw), told, ", ".join(row.differs) or "-"))
    by_others = Both("(others')", "(다른 곳)").pick(lang)
    lines += [
        (by_others, one["AlarmName"], one.get("StateValue", "?"), _since(one), _short(actions(one)) or nobody, "-")
        for one in others
    ]
    head = ("queue", "alarm", "state", "since", "tells", "differs")
    ko = ("큐", "경보", "상태", "시각", "알림 대상", "다른 값")
    well = sum(row.healthy for row in rows)
    summary = Both(f"{len(rows)} alarms: {well} in order", f"경보 {len(rows)}개 중 정상 {well}개").pick(lang)
    table = columns(Both("\t".join(head), "\t".join(ko)).pick(lang).split("\t"), lines)
    return f"{summary}\n\n{table}"


def _short(arns: Sequence[str]) -> str:
    return ", ".join(arn.rsplit(":", 1)[-1] for arn in arns)


def _since(raw: Mapping[str, Any] | None) -> str:
    at = None if raw is None else raw.get("StateUpdatedTimestamp")
    return "-" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _json(row: Row) -> dict[str, Any]:
    spec, raw = row.spec, row.raw
    return {
        "word": spec.word,
        "kind": spec.kind,
        "name": spec.name,
        "queue": spec.queue,
        "exists": raw is not None,
        "state": None if raw is None else raw.get("StateValue"),
        "since": None if raw is None else raw.get("StateUpdatedTimestamp"),
        "why": None if raw is None else raw.get("StateReason"),
        "actions": [] if raw is None else actions(raw),
        "differs": list(row.differs),
    }


def _other(raw: Mapping[str, Any]) -> dict[str, Any]:
    from academyctl.ops.alarms import said

    return {"name": raw["AlarmName"], "state": raw.get("StateValue"), "actions": actions(raw), "watches": said(raw)}
