"""What a deployment replaced, in files: a function's configuration and code, and whether something ran it.

One file a state, named by its digest, so that the dry run can name it in its undo. The save of a deployment that did
not end is kept and not written again: a rollback after the second try restores what was there before the first.
The files hold the functions' environments: their owner alone may read them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from academyctl.errors import Both, ConfigError, UsageError
from academyctl.ops import saves
from academyctl.ops.lambda_plans import Permission, Seen, Wanted
from academyctl.ops.lambda_triggers import Triggers
from academyctl.ops.package import sha256

DEPLOY, ROLLBACK = "deploy", "rollback"


@dataclass(frozen=True)
class Save:
    """A function as it was. `raw` None: there was none. `by`: what replaced it; `towards`: digest of what it became."""

    function: str
    raw: Mapping[str, Any] | None
    permissions: tuple[Permission, ...]
    reserved: int | None
    triggers: Triggers
    by: str
    towards: str
    at: datetime
    ended: bool = False

    @property
    def key(self) -> str:
        """The digest of the state, twelve letters."""
        state = [self.raw, _permissions(self.permissions), self.reserved, _triggers(self.triggers)]
        return hashlib.sha256(json.dumps(state, sort_keys=True).encode("utf-8")).hexdigest()[:12]

    @property
    def seen(self) -> Seen:
        return Seen(self.raw, self.permissions, self.reserved)


def folder(state_dir: str, audit: Path) -> Path:
    """Where saves are kept: settings.fleet.state_dir, else beside the audit file."""
    return (Path(state_dir).expanduser() if state_dir else audit.parent) / "lambda"


def of(name: str, seen: Seen, triggers: Triggers, *, by: str, towards: Wanted | None, now: datetime) -> Save:
    """A save of this state that is not written yet."""
    # What changes by itself is no part of the state.
    kept = ("Role", "Handler", "Runtime", "Timeout", "MemorySize", "CodeSha256", "PackageType")
    raw = None
    if seen.raw is not None:
        raw = {key: seen.raw[key] for key in kept if key in seen.raw}
        raw["Environment"] = {"Variables": dict(seen.configuration.variables)}
    return Save(name, raw, seen.permissions, seen.reserved, triggers, by, _digest(towards), now)


def begun(where: Path, save: Save) -> Save:
    """The save that this change is undone by: that of its first try, if that did not end, else this one."""
    newest = next(iter(listed(where, save.function)), None)
    again = newest and not newest.ended and (newest.by, newest.towards) == (save.by, save.towards)
    return newest if newest and again else save


def write(where: Path, save: Save, code: bytes | None) -> None:
    """Keep it. Raises ConfigError.

    A state that a deployment has replaced once stays that, whatever replaces it again: `to_restore` looks for it.
    """
    path = _path(where, save)
    if path.exists() and _read(path).by == DEPLOY:
        save = replace(save, by=DEPLOY)
    if code is not None:
        saves.keep_code(where, sha256(code), code)
    content = {
        "version": 1, "function": save.function, "raw": save.raw, "permissions": _permissions(save.permissions),
        "reserved": save.reserved, "triggers": _triggers(save.triggers), "by": save.by, "towards": save.towards,
        "at": save.at.astimezone(UTC).isoformat(), "ended": save.ended,
    }  # fmt: skip
    saves._put(path, json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8"))


def ended(where: Path, save: Save) -> None:
    """The change that this save was written for has come to its end."""
    write(where, replace(save, ended=True), None)


def has_code(where: Path, save: Save) -> bool:
    """Whether the code of this save is kept already."""
    return save.raw is not None and saves.code_path(where, str(save.raw["CodeSha256"])).exists()


def code(where: Path, save: Save) -> bytes:
    """The zip that the function had. Raises ConfigError when the file is gone or is another."""
    assert save.raw is not None
    path = saves.code_path(where, str(save.raw["CodeSha256"]))
    try:
        found = path.read_bytes()
        if sha256(found) != save.raw["CodeSha256"]:
            raise ValueError("its sha256 is another")
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the code of {save.function} cannot be put back: {path}", why=str(error),
            remedy=Both("restore that file from a backup; nothing was changed",
                        "백업에서 그 파일을 되살리세요. 바뀐 것은 없습니다"),
        ) from error  # fmt: skip
    return found


def listed(where: Path, function: str) -> tuple[Save, ...]:
    """A function's saves, newest first. Raises ConfigError for one that cannot be read."""
    found = [_read(path) for path in where.glob(f"{function}-*.json")]
    return tuple(sorted((one for one in found if one.function == function), key=lambda one: one.at, reverse=True))


def to_restore(where: Path, function: str, key: str = "") -> Save:
    """The save with this key, else what the newest deployment replaced. Raises UsageError when there is none."""
    found = listed(where, function)
    hit = next((one for one in found if (one.key == key if key else one.by == DEPLOY)), None)
    if hit is None:
        what = Both(f"no deployment of {function} is on record here", f"{function}의 배포 기록이 여기에 없습니다")
        if key:
            what = Both(f"there is no save {key} of {function}", f"{function}의 저장본 {key}이(가) 없습니다")
        told = ", ".join(f"{one.key} ({one.at:%Y-%m-%d %H:%M} UTC, before a {one.by})" for one in found)
        remedy = Both(f"saves in {where}: {told or 'none'}", f"{where}에 있는 저장본: {told or '없음'}")
        raise UsageError(what, remedy=remedy, code="no-save")
    return hit


def _read(path: Path) -> Save:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["version"] != 1:
            raise ValueError(f"version {raw['version']}")
        return Save(
            str(raw["function"]), raw["raw"], tuple(Permission(*one) for one in raw["permissions"]), raw["reserved"],
            Triggers(**raw["triggers"]), str(raw["by"]), str(raw["towards"]), datetime.fromisoformat(raw["at"]),
            bool(raw["ended"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = Both("move that file away, or repair it", "그 파일을 다른 곳으로 옮기거나 고치세요")
        raise ConfigError(f"{path} is no save of academyctl", why=str(error), remedy=remedy) from error


def _path(where: Path, save: Save) -> Path:
    return where / f"{save.function}-{save.key}.json"


def _digest(wanted: Wanted | None) -> str:
    if wanted is None:
        return ""
    state = [sha256(wanted.code), wanted.configuration.request(), wanted.exact]
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode("utf-8")).hexdigest()[:12]


def _permissions(found: tuple[Permission, ...]) -> list[list[str]]:
    return [[one.statement, one.principal, one.source_arn] for one in found]


def _triggers(found: Triggers) -> dict[str, Any]:
    return {"rule": found.rule, "targets": found.targets and dict(found.targets), "mapping": found.mapping}
