"""The record of a run: what was run when, how it ended, what it said; without secrets, written line by line."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from academyctl.errors import Both, ConfigError
from academyctl.log import KST, mask
from academyctl.repairs import audit_path
from playbooks._model import Playbook
from playbooks._run import Done


def default_path(name: str, now: datetime, environ: Mapping[str, str] = os.environ) -> Path:
    """Next to the audit file: playbooks/20260217T123557-NAME-PID.md."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%S")
    return audit_path(environ).parent / "playbooks" / f"{stamp}-{name}-{os.getpid()}.md"


class Transcript:
    """Markdown, flushed after every step, so that an interrupted run leaves what it did. Times are Korean."""

    def __init__(
        self, path: Path, *, secrets: Sequence[str] = (), now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Raises ConfigError when the file cannot be made: a run that cannot be recorded does not start."""
        self.path = path
        self._secrets = tuple(secrets)
        self._now = now
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Outputs name hosts and customers: the file is the user's alone.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise ConfigError(
                f"the transcript cannot be written: {path}",
                why=str(error),
                remedy=Both("name another file: --transcript FILE", "다른 파일을 지정하세요: --transcript 파일"),
            ) from error
        self._file = os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace")

    def __enter__(self) -> Transcript:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._write(f"{self._at()} ended by {kind.__name__}\n")
        self._file.close()

    def begin(self, book: Playbook, values: Mapping[str, str]) -> None:
        given = " ".join(f"{name}={value}" for name, value in values.items())
        self._write(f"# {book.title}\n\n{self._at()} playbook {book.name}{' with ' + given if given else ''}\n")

    def step(self, done: Done) -> None:
        said = (done.ended.out + done.ended.err).rstrip("\n")
        number = f"{done.section.number}. " if done.section.number else ""
        self._write(
            f"\n## {number}{done.section.title} ({done.step.id})\n\n"
            f"{self._at()} `academyctl {shlex.join(done.words)}`: exit code {done.ended.code}, "
            f"{done.took_s:.1f} s, {done.result}{': ' + done.why if done.why else ''}\n\n````text\n{said}\n````\n"
        )

    def end(self, text: str) -> None:
        self._write(f"\n{self._at()} {text}\n")

    def _at(self) -> str:
        return self._now().astimezone(KST).strftime("%Y-%m-%d %H:%M:%S KST")

    def _write(self, text: str) -> None:
        self._file.write(mask(text, self._secrets))
        self._file.flush()
