"""`academyctl host list`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli._columns import columns
from academyctl.cli._common import Session
from academyctl.errors import EXIT_FAILED, EXIT_OK, Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.hosts import Beat, Machine, Seen
    from academyctl.stores._fleet_types import Group

COLUMNS = (
    Both("role", "역할"), Both("instance", "인스턴스"), Both("state", "상태"), Both("group", "그룹"),
    Both("private ip", "내부 IP"), Both("public ip", "공인 IP"), Both("type", "유형"), Both("age", "나이"),
    Both("worker", "워커"),
)  # fmt: skip
_NONE = Both("no machine is found", "서버가 없습니다")


def list_(here: Session, words: Sequence[str], *, stopped: bool, fmt: Format) -> None:
    """Machines of these roles, or of all of them."""
    from academyctl import output
    from academyctl.hosts import ROLES, gather, group_names, role_of

    roles = tuple(dict.fromkeys(map(role_of, words))) or ROLES
    names = group_names(here.loaded.settings.fleet, roles)
    seen = gather(here.stores(), roles)
    machines = [one for one in seen.machines if stopped or one.state != "stopped"]
    ills = [ill for role, name in names.items() for ill in sick(name, seen.groups.get(role), seen.machines)]
    if "api" in words and not any(one.role == "api" and one.state == "running" for one in seen.machines):
        ills.append(
            Both(
                "no api machine runs (looked for by its Name tag: API_NAME_TAG)",
                "실행 중인 API 서버가 없습니다 (Name 태그로 찾습니다: API_NAME_TAG)",
            )
        )
    now = datetime.now(UTC)
    output.emit(
        {
            "version": 1,
            "hosts": [as_json(one) for one in machines],
            "strays": [beat_json(one) for one in seen.strays],
            "problems": [ill.pick(here.lang) for ill in ills],
            "workers_seen": seen.redis is None,
        },
        fmt=fmt,
        table=lambda: _table(machines, seen, ills, now, here.lang),
    )
    raise typer.Exit(EXIT_FAILED if ills else EXIT_OK)


def sick(name: str, group: Group | None, machines: Sequence[Machine]) -> list[Both]:
    """What is wrong with a group's machines."""
    if group is None:
        return [
            Both(f"there is no Auto Scaling group {name}", f"Auto Scaling 그룹 {name}이(가) 없습니다"),
        ]
    out = []
    if group.in_service < group.desired:
        have, want = group.in_service, group.desired
        out.append(
            Both(
                f"{name} wants {want} and has {have} in service: academyctl asg activities",
                f"{name}: {want}대가 필요한데 {have}대만 서비스 중입니다: academyctl asg activities",
            )
        )
    known = {one.id for one in machines if one.host and one.host.state != "stopped"}
    for seat in group.instances:
        if seat.health.lower() != "healthy":
            ill = Both(f"{seat.id} of {name} is {seat.health}", f"{name}의 {seat.id} 상태가 {seat.health}입니다")
        elif seat.id not in known:
            ill = Both(
                f"{seat.id} of {name} is no running EC2 instance",
                f"{name}의 {seat.id}은(는) 실행 중인 EC2 인스턴스가 아닙니다",
            )
        else:
            continue
        out.append(ill)
    return out


def as_json(machine: Machine) -> dict[str, Any]:
    """A machine for programs."""
    host, seat = machine.host, machine.seat
    return {
        "id": machine.id,
        "role": machine.role,
        "name": host.name_tag if host else "",
        "state": machine.state,
        "group": machine.group,
        "lifecycle": seat.state if seat else "",
        "health": seat.health if seat else "",
        "protected": seat.protected if seat else None,
        "private_ip": host.private_ip if host else "",
        "public_ip": host.public_ip if host else "",
        "type": host.kind if host else "",
        "image": host.image if host else "",
        "zone": host.zone if host else "",
        "market": host.market or "on-demand" if host else "",
        "template_version": (seat.version if seat else "") or (host.template_version if host else ""),
        "launched_at": _iso(host.launched_at if host else None),
        "busy": machine.busy,
        "workers": [beat_json(one) for one in machine.beats],
    }


def beat_json(beat: Beat) -> dict[str, Any]:
    """A worker's heartbeat for programs."""
    return {
        "kind": beat.kind,
        "host": beat.host,
        "pid": beat.pid,
        "version": beat.version,
        "beat_at": _iso(beat.at),
        "healthy": not beat.trouble,
        "trouble": beat.trouble,
        "stopping": beat.stopping,
        "running": beat.running,
        "jobs": list(beat.jobs),
    }


def age(at: datetime | None, now: datetime) -> str:
    from academyctl.ages import ago

    return ago((now - at).total_seconds()) if at else "-"


def doing(machine: Machine, *, seen: bool) -> str:
    """What the machine's workers do; `-` for none that beats, `?` when nobody could be asked."""
    if not seen:
        return "?"
    several = len(machine.beats) > 1
    said = [f"{one.kind}: {one.doing}" if several or one.kind != machine.role else one.doing for one in machine.beats]
    return "; ".join(said) or "-"


def place_of(machine: Machine) -> str:
    """Its place in its role's group, or the name of another group."""
    if machine.seat is None:
        return machine.group or "-"
    words = [machine.seat.state, machine.seat.health if machine.seat.health.lower() != "healthy" else ""]
    return ", ".join(filter(None, [*words, "protected" if machine.seat.protected else ""]))


def _table(machines: Sequence[Machine], seen: Seen, ills: Sequence[Both], now: datetime, lang: str) -> str:
    rows = [
        (
            one.role or "-", one.id, one.state, place_of(one), (one.host.private_ip if one.host else "") or "-",
            (one.host.public_ip if one.host else "") or "-", _kind(one),
            age(one.host.launched_at if one.host else None, now), doing(one, seen=seen.redis is None),
        )
        for one in machines
    ]  # fmt: skip
    notes = [f"FAIL  {ill.pick(lang)}" for ill in ills]
    notes += [f"note  {seen.redis.pick(lang)}"] if seen.redis else []
    notes += [f"note  {_stray(one).pick(lang)}" for one in seen.strays]
    table = columns([one.pick(lang) for one in COLUMNS], rows) if rows else f"{_NONE.pick(lang)}\n"
    return table + "".join(f"{note}\n" for note in notes)


def _kind(machine: Machine) -> str:
    host = machine.host
    return "-" if host is None else f"{host.kind} {host.market}".strip() or "-"


def _stray(beat: Beat) -> Both:
    where = beat.instance or beat.host
    return Both(
        f"a {beat.kind} worker beats elsewhere: {where} (pid {beat.pid}), {beat.doing}",
        f"다른 곳에서 {beat.kind} 워커가 동작 중입니다: {where} (pid {beat.pid}), {beat.doing}",
    )


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def named(values: Mapping[str, str]) -> str:
    """Name and value, one a line."""
    width = max(map(len, values), default=0)
    return "".join(f"{name:<{width}}  {value}\n" for name, value in values.items())
