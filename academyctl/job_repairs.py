"""Changes of AI jobs as values: made, asked for again, sent, ended; each compare-and-set, none shows a password."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from academyctl.contract.progress import job_status
from academyctl.errors import Both, WorkFailed
from academyctl.repairs import Changed
from academyctl.stores import Stores, ai_requests
from academyctl.stores.ai_requests import PASSWORD, JobRow, Request

CANCELLED = "운영자가 취소했습니다. (cancelled by operator)"
UNSENT = "작업을 큐에 보내지 못했습니다. (the message could not be sent)"


@dataclass(frozen=True)
class ReopenJob:
    """Set a job back to PENDING, its error cleared; `changes` go into its payload, and the password, which is not
    shown."""

    seen: JobRow = field(repr=False)
    changes: Mapping[str, Any] = field(default_factory=dict)
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        seen = self.seen
        told = [f"set job {seen.job_id} status {seen.status} -> PENDING"]
        told += [f"error_message = {seen.reason} -> ''"] if seen.reason else []
        told += [f"locked_by = {seen.locked_by} -> NULL"] if seen.locked_by else []
        for name, value in self.changes.items():
            told.append(f"payload.{name} = {_json(seen.payload.get(name))} -> {_json(value)}")
        return ", ".join(told + ([f"payload.{PASSWORD} given"] if self.password else []))

    def do(self, stores: Stores) -> None:
        secret = {PASSWORD: self.password} if self.password else {}
        if not ai_requests.reopen(stores.db, self.seen, {**self.changes, **secret}):
            raise _moved(stores, self.seen.job_id, f"it was {self.seen.status} when it was looked at")

    @property
    def undo(self) -> str:
        return f"academyctl job cancel {self.seen.job_id} --apply"


@dataclass(frozen=True)
class CreateJob:
    """Insert a PENDING job, committed before anything is sent (contract 11 #19)."""

    request: Request

    def __str__(self) -> str:
        asked = self.request
        payload = {name: value for name, value in asked.payload.items() if name != PASSWORD}
        secret = f" and {PASSWORD}" if PASSWORD in asked.payload else ""
        about = f"{asked.job_type} of tenant {asked.tenant_id}, tier {asked.tier}"
        return f"create job {asked.job_id}: PENDING, {about}, payload {_json(payload)}{secret}"

    def do(self, stores: Stores) -> None:
        ai_requests.insert(stores.db, self.request)

    @property
    def undo(self) -> str:
        return f"academyctl job cancel {self.request.job_id} --apply"


@dataclass(frozen=True)
class SendJob:
    """Send a job's message as the API does, built from the committed row. When it cannot be sent the row is FAILED.

    Contract 3.3: a publish failure of the API ends the job so; a row that stayed PENDING would wait for ever.
    """

    job_id: str
    queue: str

    def __str__(self) -> str:
        return f"send the message of job {self.job_id} to {self.queue}"

    def do(self, stores: Stores) -> None:
        body = ai_requests.message_body(stores.db, self.job_id)
        if body is None:
            raise Changed(f"no message was sent for job {self.job_id}", why="its row is gone")
        stores.sqs_quick.send(self.queue, body)

    @property
    def undo(self) -> str:
        return f"academyctl job cancel {self.job_id} --apply"


@dataclass(frozen=True)
class EndJob:
    """End a job FAILED. A worker that has it loses its lease at its next renewal, and stops."""

    job_id: str
    status: str
    locked_by: str
    reason: str = CANCELLED

    def __str__(self) -> str:
        owner = f" (locked_by = {self.locked_by})" if self.locked_by else ""
        return f"set job {self.job_id} status {self.status} -> FAILED{owner}, error_message = {self.reason}"

    def do(self, stores: Stores) -> None:
        ended = ai_requests.end_failed(
            stores.db, self.job_id, status=self.status, locked_by=self.locked_by, reason=self.reason
        )
        if not ended:
            raise _moved(stores, self.job_id, f"it was {self.status}, {self.locked_by or 'nobody'} had it")

    @property
    def undo(self) -> str:
        return f"academyctl job retry {self.job_id} --apply"


@dataclass(frozen=True)
class TellEnd:
    """The status key as the platform's readers know it: FAILED and why, without expiry (contract 2.1)."""

    key: str
    job_type: str
    before: str
    reason: str = CANCELLED

    def __str__(self) -> str:
        return f"set Redis key {self.key} = {_json(self._body)} (was {self.before or 'absent'})"

    def do(self, stores: Stores) -> None:
        stores.redis.set_json(self.key, self._body)

    @property
    def _body(self) -> dict[str, Any]:
        return job_status("FAILED", job_type=self.job_type, error_message=self.reason)

    @property
    def undo(self) -> str:
        return "nothing: the next run of the job writes its own"


@dataclass(frozen=True)
class ForgetKey:
    """Delete what an earlier try left for the readers of Redis (contract 11 #30). `before` is the gist of it."""

    key: str
    before: str

    def __str__(self) -> str:
        return f"delete Redis key {self.key} ({self.before})"

    def do(self, stores: Stores) -> None:
        stores.redis.delete(self.key)

    @property
    def undo(self) -> str:
        return "nothing: the next run of the job writes its own"


@dataclass(frozen=True)
class Relink:
    """Put a fresh link into a job's result, in place of the one that ends or has ended (contract 11 #20)."""

    seen: JobRow = field(repr=False)

    def __str__(self) -> str:
        return f"put a fresh download link into the result of job {self.seen.job_id}"

    def do(self, stores: Stores) -> None:
        from academyctl import export_links

        export_links.renew(stores, self.seen)

    @property
    def undo(self) -> str:
        return "nothing: a link ends by itself"


@dataclass(frozen=True)
class PutFile:
    """Store the file that a job will read. A key of its own each time: nothing is ever overwritten."""

    path: Path
    bucket: str
    key: str
    size: int

    def __str__(self) -> str:
        return f"upload {self.path.name} ({self.size} bytes) to {self.bucket}/{self.key}"

    def do(self, stores: Stores) -> None:
        try:
            body = self.path.read_bytes()
        except OSError as error:
            raise WorkFailed(f"{self.path} cannot be read", why=str(error)) from error
        stores.r2.put(self.bucket, self.key, body, replacing="")

    @property
    def undo(self) -> str:
        return "nothing: no job reads it unless the row below is there; retention removes it"


def take_back(stores: Stores, job_id: str) -> None:
    """End a PENDING job whose message was not sent. Raises StoreError, Changed when somebody has it by now."""
    EndJob(job_id, "PENDING", "", UNSENT).do(stores)


def unsent_remedy(job_id: str, *, taken_back: bool) -> Both:
    """What is left to do after a send failed."""
    again = f"academyctl job retry {job_id} --apply"
    if taken_back:
        return Both(
            f"the job is FAILED, so nobody waits for it; when that works again: {again}",
            f"작업은 FAILED로 되돌렸습니다. 복구되면: {again}",
        )
    return Both(
        f"the job is PENDING and has no message; when that works again: {again}",
        f"작업은 PENDING이지만 메시지가 없습니다. 복구되면: {again}",
    )


def _moved(stores: Stores, job_id: str, was: str) -> Changed:
    now = ai_requests.rows(stores.db, [job_id]).get(job_id)
    owner = f" ({now.locked_by} has it)" if now is not None and now.locked_by else ""
    is_now = "its row is gone" if now is None else f"it is {now.status}{owner} now"
    return Changed(f"job {job_id} was not changed", why=f"{is_now}; {was}")


def _json(value: object) -> str:
    return "absent" if value is None else json.dumps(value, ensure_ascii=False)
