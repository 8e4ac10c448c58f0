"""A program that looks at something for us and says what it found in our JSON.

It prints `{"findings": [{"code": "NAME.what", "state": "ok|warn|fail|unknown", "summary": "..."}]}`; subject, remedy,
commands, cause and evidence (source, value) are optional. Exit code 0, 1, 3 or 4. Anything else is a crash.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from checks._model import Check, Evidence, Finding, Snapshot, State, Topic, Verdict, World

CRASH = "plugin.crash"
MOST_FINDINGS = 500
MOST_CHARS = 2000
_STATES = (State.ok, State.warn, State.fail, State.unknown)
_CODES = (0, 1, 3, 4)
_CAUSES = tuple(one for one in Verdict if one not in (Verdict.healthy, Verdict.cannot_tell))
_WORDS = ("summary", "remedy", "commands")


@dataclass(frozen=True)
class Seen:
    source: str
    value: str


@dataclass(frozen=True)
class Said:
    """One finding in the program's words, without control characters."""

    code: str
    state: str
    subject: str
    summary: str
    remedy: str
    cause: str
    commands: tuple[str, ...]
    evidence: tuple[Seen, ...]


@dataclass(frozen=True)
class Facts:
    """What the program said; with a `trouble` it broke, and nothing that it said counts."""

    program: str
    trouble: str
    findings: tuple[Said, ...]


def topic(name: str, program: str) -> Topic:
    """The program as a topic; it ends with the diagnosis's deadline."""

    def gather(world: World) -> Facts:
        return ask(name, program, world.left_s(), dict(world.env))

    return Topic(name, Facts, gather, (Check(f"{name}.plugin", lambda snapshot: _judge(name, snapshot)),))


def broken(name: str, why: str) -> Topic:
    """A plug-in that cannot even be loaded."""

    def gather(_world: World) -> Facts:
        return Facts("", why, ())

    return replace(topic(name, ""), gather=gather)


def ask(name: str, program: str, left_s: float, env: dict[str, str]) -> Facts:
    """Run it and read its answer. Whatever goes wrong is a trouble, never an exception."""
    import atexit
    import subprocess

    try:
        with subprocess.Popen(
            [program], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            encoding="utf-8", errors="replace", start_new_session=os.name == "posix",
        ) as process:  # fmt: skip
            end = partial(_kill, process.pid)
            # Ctrl-C ends us, and this thread with us, while the program is in a session of its own.
            atexit.register(end)
            try:
                out, err = process.communicate(timeout=left_s)
            except subprocess.TimeoutExpired:
                end()
                process.kill()
                return Facts(program, f"no answer within {left_s:.1f} s", ())
            finally:
                atexit.unregister(end)
    except OSError as error:
        return Facts(program, error.strerror or str(error), ())
    try:
        return Facts(program, "", _read(name, out, process.returncode))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        last = _clean(err.strip().rpartition("\n")[2])
        return Facts(program, _clean(f"{error}" + (f" ({last})" if last else "")), ())


def _kill(pid: int) -> None:
    # A script's children hold its pipes open, and we would wait for them.
    if os.name == "posix":
        import signal
        from contextlib import suppress

        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _read(name: str, out: str, code: int) -> tuple[Said, ...]:
    if code not in _CODES:
        raise ValueError(f"exit code {code}")
    try:
        listed = json.loads(out)["findings"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("it did not print an object with `findings`") from error
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST_FINDINGS:
        raise ValueError(f"`findings` is not a list of 1 to {MOST_FINDINGS}")
    findings = tuple(_said(name, one) for one in listed)
    if code and all(one.state == State.ok for one in findings):
        raise ValueError(f"exit code {code}, and yet every finding is ok")
    return findings


def _said(name: str, one: Any) -> Said:
    said = Said(
        code=_clean(one["code"]),
        state=str(State(one["state"])),
        subject=_clean(one.get("subject") or ""),
        summary=_clean(one["summary"]),
        remedy=_clean(one.get("remedy") or ""),
        cause=str(one.get("cause") or ""),
        commands=tuple(_clean(line) for line in one.get("commands") or ()),
        evidence=tuple(Seen(_clean(seen["source"]), _clean(str(seen["value"]))) for seen in one.get("evidence") or ()),
    )
    if not said.code.startswith(f"{name}.") or not said.summary:
        raise ValueError(f"a finding's code begins with {name}. and has a summary, not {said.code!r}")
    if said.state not in _STATES or said.cause not in ("", *_CAUSES):
        raise ValueError(f"{said.code} has state {said.state!r} and cause {said.cause!r}")
    return said


def _clean(text: Any) -> str:
    """One line without anything that a terminal would obey."""
    if not isinstance(text, str):
        raise TypeError(f"{type(text).__name__} where a text belongs")
    return " ".join("".join(char if char.isprintable() else " " for char in text[:MOST_CHARS]).split())


def _judge(name: str, snapshot: Snapshot) -> Iterator[Finding]:
    facts: Facts = snapshot.topics[name].facts
    if facts.trouble:
        seen = (Evidence(facts.program or name, facts.trouble),)
        yield Finding(CRASH, State.crash, name, (("why", facts.trouble),), seen, Verdict.code)
        return
    for one in facts.findings:
        values = (("commands", "\n".join(one.commands)), ("remedy", one.remedy), ("summary", one.summary))
        evidence = tuple(Evidence(seen.source, seen.value) for seen in one.evidence)
        if not evidence and one.state != State.ok:
            evidence = (Evidence(facts.program or name, one.summary),)
        cause = Verdict(one.cause) if one.cause else None
        yield Finding(one.code, State(one.state), one.subject, values, evidence, cause)


def in_its_words(one: Finding) -> Finding:
    """The finding with the program's own sentences; a module's finding, which has texts, as it is."""
    if {name for name, _ in one.values} != set(_WORDS):
        return one
    commands = tuple(line for line in one.value("commands").split("\n") if line)
    summary = one.value("summary")
    return replace(one, title=summary, summary=summary, remedy=one.value("remedy"), commands=commands)
