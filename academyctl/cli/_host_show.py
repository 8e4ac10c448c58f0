"""`academyctl host show`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from academyctl.cli._common import Session
from academyctl.cli._host_list import age, as_json, doing, named, place_of
from academyctl.errors import Both, WorkFailed
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.hosts import Machine, Seen
    from academyctl.stores import Stores

USER = "ec2-user"


def show(here: Session, which: str, *, fmt: Format) -> None:
    """One machine. Raises WorkFailed when there is none of that id or address."""
    from academyctl import output
    from academyctl.hosts import gather

    stores = here.stores()
    seen = gather(stores)
    machine = _found(seen, which) or _foreign(stores, which)
    if machine is None:
        raise WorkFailed(
            Both(f"there is no machine {which}", f"서버 {which}을(를) 찾을 수 없습니다"),
            why=Both("no instance of the platform has that id or address", "그 id나 주소의 플랫폼 인스턴스가 없습니다"),
            remedy=Both("see all of them: academyctl host list --all", "전체 목록: academyctl host list --all"),
            code="missing",
        )
    host = machine.host
    more: dict[str, Any] = {
        "key": host.key if host else "",
        "subnet": host.subnet if host else "",
        "instance_profile": host.profile if host else "",
        "dns": host.dns if host else "",
        "login": login(machine),
    }
    output.emit(
        {"version": 1, "host": {**as_json(machine), **more}},
        fmt=fmt,
        table=lambda: _text(machine, seen, here.lang),
    )


def login(machine: Machine) -> list[str]:
    """Commands that open a shell there; the platform's key files are named after their key pairs (contract 8.3)."""
    host = machine.host
    if host is None or host.state != "running":
        return []
    ssh = [f"ssh -i {host.key or 'KEY'}.pem {USER}@{host.public_ip}"] if host.public_ip else []
    return [*ssh, f"aws ssm start-session --target {machine.id}"]


def _found(seen: Seen, which: str) -> Machine | None:
    for one in seen.machines:
        addresses = {one.id, *((one.host.private_ip, one.host.public_ip, one.host.dns) if one.host else ())}
        if which in addresses - {""}:
            return one
    return None


def _foreign(stores: Stores, which: str) -> Machine | None:
    """A machine that has none of the platform's names."""
    from academyctl.hosts import Machine

    host = stores.fleet.host(which) if which.startswith("i-") else None
    return Machine(host.id, "", host, None, host.group) if host else None


def _text(machine: Machine, seen: Seen, lang: str) -> str:
    host, seat = machine.host, machine.seat
    now = datetime.now(UTC)
    lines = {
        "instance": f"{machine.id}  {host.name_tag if host else ''}".rstrip(),
        "role": machine.role or "-",
        "state": machine.state,
        "group": "  ".join(dict.fromkeys((machine.group, place_of(machine)))) if machine.group else "-",
    }
    if host:
        version = (seat.version if seat else "") or host.template_version
        public = host.public_ip or Both("no public one", "공인 IP 없음").pick(lang)
        started = f"{host.launched_at:%Y-%m-%d %H:%M:%S} UTC" if host.launched_at else "-"
        lines |= {
            "addresses": f"{host.private_ip or '-'}  {public}",
            "type": f"{host.kind}  {host.market or 'on-demand'}",
            "image": host.image,
            "template": f"version {version}" if version else "-",
            "place": "  ".join(filter(None, (host.zone, host.subnet))),
            "profile": host.profile or Both("none", "없음").pick(lang),
            "launched": f"{started}  ({age(host.launched_at, now)})",
        }
    lines["worker"] = doing(machine, seen=seen.redis is None)
    for one in machine.beats:
        at = f"{age(one.at, now)} ago" if one.at else "-"
        lines[f"  {one.kind}"] = f"pid {one.pid}  version {one.version}  beat {at}  {one.doing}"
    for number, command in enumerate(login(machine)):
        lines["login" if not number else "or"] = command
    note = f"note  {seen.redis.pick(lang)}\n" if seen.redis else ""
    return named(lines) + note
