"""What a change of scaling replaced, in files: the whole state before it, to be put back exactly.

The save of an apply that did not end is kept and not written again, so that a rollback after the second try still
restores what was there before the first. The files hold functions' environments: their owner alone may read them.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from academyctl.errors import Both, ConfigError, UsageError

Json = dict[str, Any]
VERSION = 1
APPLY, ROLLBACK = "apply", "rollback"


@dataclass(frozen=True)
class Save:
    """One file. `by` is apply or rollback, `what` the policy that was applied or the save that was put back.

    `ended`: that change came to its end; `taken_back`: a rollback has put this state back. `sizes` says which sizes
    the change set: '' none, 'bounds' min and max, 'all'.
    """

    path: Path
    role: str
    group: str
    by: str
    what: str
    at: datetime
    sizes: str
    size: tuple[int, int, int]
    parts: Mapping[str, Mapping[str, Json]]
    ended: bool = False
    taken_back: bool = False

    @property
    def name(self) -> str:
        return self.path.stem


def folder(state_dir: str, audit: Path) -> Path:
    """Where saves are kept: settings.fleet.state_dir, else beside the audit file."""
    return (Path(state_dir).expanduser() if state_dir else audit.parent) / "scaling"


def of_account(where: Path, region: str, account: str) -> Path:
    """The part of `where` that is one account's: every account has groups and functions of the same names."""
    return where / f"{account}-{region}"


def listed(where: Path, group: str) -> tuple[Save, ...]:
    """The saves of a group, newest first. Raises ConfigError for one that cannot be read."""
    return tuple(one for one in all_of(where) if one.group == group)


def all_of(where: Path) -> tuple[Save, ...]:
    """Those of every group; of one group newest first. Raises as `listed`."""
    return tuple(read(path) for path in sorted(where.glob("*.json"), reverse=True))


def begun(where: Path, save: Save) -> Save:
    """Keep this before the first change; the save of an earlier try that did not end is kept in its place."""
    newest = next(iter(listed(where, save.group)), None)
    if newest and not newest.ended and not newest.taken_back and newest.by == save.by:
        # The sizes of both tries are to be put back.
        sizes = max(newest.sizes, save.sizes, key=("", "bounds", "all").index)
        return write(replace(newest, sizes=sizes, what=save.what))
    return write(save)


def new(where: Path, *, role: str, group: str, by: str, what: str, sizes: str, size: tuple[int, int, int],
        parts: Mapping[str, Mapping[str, Json]], now: datetime) -> Save:  # fmt: skip
    """A save that is not written yet; its file's name is the group and the time, which sorts."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    named = re.sub(r"[^\w.-]", "_", group)
    return Save(where / f"{named}-{stamp}.json", role, group, by, what, now, sizes, size, parts)


def to_restore(where: Path, group: str, wanted: str = "") -> Save:
    """The save that a rollback puts back: this one, else the newest of an apply that is not taken back yet.

    Raises UsageError when there is none.
    """
    found = listed(where, group)
    if wanted:
        hit = next((one for one in found if wanted in (one.name, one.path.name, str(one.path))), None)
    else:
        hit = next((one for one in found if one.by == APPLY and not one.taken_back), None)
    if hit is None:
        remedy = Both(
            "the saves are listed by: academyctl scaling show", "저장된 상태 목록 보기: academyctl scaling show"
        )
        what = Both(f"nothing was applied to {group} that is saved", f"{group}에 되돌릴 적용 기록이 없습니다")
        if wanted:
            what = Both(f"there is no save '{wanted}' of {group}", f"{group}의 저장 '{wanted}'이(가) 없습니다")
        raise UsageError(what, why=Both(f"looked in {where}", f"찾은 곳: {where}"), remedy=remedy, code="no-save")
    return hit


def mark_restored(where: Path, save: Save) -> None:
    """This state is back: neither it nor an apply after it is to be put back again.

    That of a rollback is back: the apply that it had taken back is in force again, and can be taken back again.
    """
    for one in listed(where, save.group):
        if one.by == APPLY and one.name >= save.name and not one.taken_back:
            write(replace(one, taken_back=True, ended=True))
        elif save.by == ROLLBACK and one.name == save.what and one.taken_back:
            write(replace(one, taken_back=False))


def mark_ended(where: Path, group: str, by: str) -> None:
    """The change that the newest save was written for has come to its end."""
    for one in listed(where, group)[:1]:
        if one.by == by and not one.ended:
            write(replace(one, ended=True))


def write(save: Save) -> Save:
    """Write it at once or not at all. Raises ConfigError."""
    content = {
        "version": VERSION, "role": save.role, "group": save.group, "by": save.by, "what": save.what,
        "at": save.at.isoformat(), "sizes": save.sizes, "size": list(save.size), "ended": save.ended,
        "taken_back": save.taken_back, "parts": save.parts,
    }  # fmt: skip
    _put(save.path, json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8"))
    return save


def read(path: Path) -> Save:
    """Raises ConfigError for a file that is no save."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["version"] != VERSION:
            raise ValueError(f"version {raw['version']}")
        least, desired, most = (int(one) for one in raw["size"])
        return Save(
            path, str(raw["role"]), str(raw["group"]), str(raw["by"]), str(raw["what"]),
            datetime.fromisoformat(raw["at"]), str(raw["sizes"]), (least, desired, most), raw["parts"],
            bool(raw["ended"]), bool(raw["taken_back"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = Both("move that file away, or repair it", "그 파일을 다른 곳으로 옮기거나 고치세요")
        raise ConfigError(f"{path} is no save of academyctl", why=str(error), remedy=remedy) from error


def keep_code(where: Path, sha256: str, code: bytes) -> None:
    """A function's zip, by its digest."""
    if not code_path(where, sha256).exists():
        _put(code_path(where, sha256), code)


def code_path(where: Path, sha256: str) -> Path:
    # Base64's digits / and + are none of a file's name on every system.
    return where / "code" / f"{sha256.replace('/', '_').replace('+', '-').rstrip('=')}.zip"


def unfinished(found: Sequence[Save]) -> Save | None:
    """The newest save, when its change did not come to its end."""
    return found[0] if found and not found[0].ended and not found[0].taken_back else None


def _put(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp's file is its owner's alone; it takes the name when it is complete.
        number, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        remedy = Both(
            "make that folder writable, or set ACADEMYCTL_STATE_DIR; nothing was changed",
            "폴더에 쓸 수 있게 하거나 ACADEMYCTL_STATE_DIR을 지정하세요. 바뀐 것은 없습니다",
        )
        raise ConfigError(f"what is replaced cannot be saved: {path}", why=str(error), remedy=remedy) from error
