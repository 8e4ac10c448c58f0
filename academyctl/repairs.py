"""Changes as values: `str(x)` says one with its before-values, `x.do(stores)` does it, `x.undo` says how back.

Every repair is compare-and-set: what it changes must still be what the plan showed, or it raises `Changed`.
"""

from __future__ import annotations

import getpass
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from academyctl.contract.messages import encode_body
from academyctl.errors import AcademyError, Both, ConfigError, WorkFailed
from academyctl.log import mask
from academyctl.stores import Stores

UNSENT = "nothing: a worker that receives a message for a READY video skips it"


class Repair(Protocol):
    """One change. `undo` is a command or a sentence; `do` raises Changed or a StoreError."""

    def do(self, stores: Stores) -> None: ...

    @property
    def undo(self) -> str: ...


class Changed(WorkFailed):
    """What a plan wanted to change is no longer what it was."""

    code = "changed"

    def __init__(self, what: str, *, why: str = "") -> None:
        remedy = Both(
            "nothing was changed there; run the command again to see the present state",
            "그 항목은 바꾸지 않았습니다. 명령을 다시 실행해 지금 상태를 확인하세요",
        )
        super().__init__(what, why=why, remedy=remedy)


class Halfway(AcademyError):
    """A plan stopped in the middle: what was done, what was not. Exits as its cause would."""

    code = "halfway"

    def __init__(self, done: Sequence[Repair], left: Sequence[Repair], cause: AcademyError) -> None:
        told = "".join(f"\n  done: {repair}" for repair in done) + "".join(f"\n  not done: {repair}" for repair in left)
        super().__init__(f"{cause}{told}", remedy=cause.remedy)
        self.done, self.left, self.cause = tuple(done), tuple(left), cause
        self.exit_code = cause.exit_code


@dataclass(frozen=True)
class DeleteKey:
    """Delete a Redis key. `exact`: only while it still holds the value that the plan showed."""

    key: str
    value: str
    ttl_ms: int
    exact: bool = True

    def __str__(self) -> str:
        life = "no expiry" if self.ttl_ms < 0 else f"expires in {self.ttl_ms / 1000:.0f} s"
        return f"delete Redis key {self.key} = {self.value} ({life})"

    def do(self, stores: Stores) -> None:
        if not self.exact:
            stores.redis.delete(self.key)
        elif not stores.redis.release(self.key, self.value):
            raise Changed(f"Redis key {self.key} was not deleted", why=f"it no longer holds {self.value}")

    @property
    def undo(self) -> str:
        life = [] if self.ttl_ms < 0 else ["PX", str(self.ttl_ms)]
        return shlex.join(["redis-cli", "SET", self.key, self.value, *life])


@dataclass(frozen=True)
class SetFlag:
    """Set a Redis flag that expires by itself."""

    key: str
    ttl_s: int

    def __str__(self) -> str:
        return f"set Redis key {self.key} = 1 for {self.ttl_s} s"

    def do(self, stores: Stores) -> None:
        stores.redis.set(self.key, "1", ttl_s=self.ttl_s)

    @property
    def undo(self) -> str:
        return shlex.join(["redis-cli", "DEL", self.key])


@dataclass(frozen=True)
class DropLease:
    """Remove a row's lease; a worker that still has it stops at its next renewal and cannot write its result."""

    video_id: int
    token: str
    until: datetime | None

    def __str__(self) -> str:
        return f"clear video {self.video_id} leased_by = {self.token}, leased_until = {self._until}"

    def do(self, stores: Stores) -> None:
        if not stores.videos.drop_lease(self.video_id, self.token):
            raise Changed(f"the lease of video {self.video_id} was not cleared", why=f"{self.token} has it no longer")

    @property
    def undo(self) -> str:
        value = "NULL" if self.until is None else _sql(self._until)
        changes = f"leased_by = {_sql(self.token)}, leased_until = {value}"
        return _update(changes, f"id = {self.video_id} AND leased_by = ''")

    @property
    def _until(self) -> str:
        return "NULL" if self.until is None else self.until.astimezone(UTC).isoformat()


@dataclass(frozen=True)
class ResetVideo:
    """Set a video back to UPLOADED by the API's retry rules; `force` also takes READY.

    With `as_of`, a row that was changed since then or is leased again stays: a new run has its status too.
    """

    video_id: int
    status: str
    error_reason: str
    force: bool = False
    as_of: datetime | None = None

    def __str__(self) -> str:
        reason = f" (error_reason = {self.error_reason})" if self.error_reason else ""
        return f"set video {self.video_id} status {self.status} -> UPLOADED{reason}"

    def do(self, stores: Stores) -> None:
        # PostgreSQL's client costs a fifth of a second, and most changes are of AWS.
        from academyctl.stores.videos import Claim

        result = stores.videos.reset_for_retry(self.video_id, force=self.force, expected=self.status, as_of=self.as_of)
        if result.claim != Claim.CLAIMED:
            now = f"{result.row.status}{' anew' if result.claim is Claim.LEASED else ''}" if result.row else "gone"
            raise Changed(f"video {self.video_id} was not set to UPLOADED", why=f"it is {now}, it was {self.status}")

    @property
    def undo(self) -> str:
        changes = f"status = {_sql(self.status)}, error_reason = {_sql(self.error_reason)}"
        return _update(changes, f"id = {self.video_id} AND status = 'UPLOADED'")


@dataclass(frozen=True)
class SendEncode:
    """Send an encode message, byte for byte as the API does."""

    video_id: int
    tenant_id: int
    file_key: str
    tenant_code: str
    queue: str

    def __str__(self) -> str:
        return f"send an encode message for video {self.video_id} to {self.queue}"

    def do(self, stores: Stores) -> None:
        body = encode_body(
            video_id=self.video_id,
            tenant_id=self.tenant_id,
            file_key=self.file_key,
            tenant_code=self.tenant_code,
            now=datetime.now(UTC),
        )
        stores.sqs.send(self.queue, body)

    @property
    def undo(self) -> str:
        return UNSENT


def apply(
    repairs: Sequence[Repair],
    stores: Stores,
    audit: Path,
    *,
    on_done: Callable[[Repair], None] = lambda _repair: None,
) -> None:
    """Do the repairs in order, one audit line each. Raises Halfway at the first that fails, ConfigError before any."""
    for index, repair in enumerate(repairs):
        # Opened before the change: a change that cannot be recorded is not made.
        with _recorder(audit) as record:
            try:
                repair.do(stores)
            except AcademyError as error:
                record(repair, f"failed: {error}")
                raise Halfway(repairs[:index], repairs[index:], error) from error
            except BaseException as error:  # ^C while AWS is making the change: it is made all the same
                record(repair, f"stopped ({type(error).__name__}): it may be done")
                raise
            record(repair, "done")
        on_done(repair)


def audit_path(environ: Mapping[str, str] = os.environ, *, platform: str = sys.platform) -> Path:
    """The user's record of applied repairs, one JSON object a line."""
    if platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "academyctl" / "audit.jsonl"


@contextmanager
def _recorder(path: Path) -> Iterator[Callable[[Repair, str], None]]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a", encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the audit file cannot be written: {path}",
            why=str(error),
            remedy=Both(
                "make that folder writable; nothing was changed", "폴더에 쓸 수 있게 하세요. 바뀐 것은 없습니다"
            ),
        ) from error

    def record(repair: Repair, result: str) -> None:
        line = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "user": _user(),
            "change": str(repair),
            "undo": repair.undo,
            "result": result,
        }
        file.write(mask(json.dumps(line, ensure_ascii=False)) + "\n")
        file.flush()

    with file:
        yield record


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"  # a container's user may have no name


def _update(changes: str, where: str) -> str:
    # For people to read and run by hand: never executed here, and `_sql` quotes every text in it.
    return f"UPDATE video_video SET {changes} WHERE {where};"  # noqa: S608


def _sql(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
