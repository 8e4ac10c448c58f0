"""What a diagnosis is made of: facts in a snapshot, checks that judge them, findings that name a state and a cause.

A topic file gathers `Facts` and declares `CHECKS`. A check's judge is a pure function of the snapshot. A finding holds
no sentences but the values for them: the words, in two languages, stand in `texts/` under the finding's code.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from academyctl.settings import Loaded
    from academyctl.stores.readonly import ReadOnlyStores
    from checks._against import Other

SCHEMA = 1
"""Version of a saved snapshot: another one is refused, not guessed at."""

F = TypeVar("F")


class State(StrEnum):
    """`unknown` = could not see, `crash` = a judge or a gatherer of ours broke; neither is ever taken for ok."""

    ok = "ok"
    warn = "warn"
    fail = "fail"
    skip = "skip"
    unknown = "unknown"
    crash = "crash"


class Verdict(StrEnum):
    """Whose fault it is."""

    settings = "settings"
    infrastructure = "infrastructure"
    capacity = "capacity"
    data = "data"
    code = "code"
    healthy = "healthy"
    cannot_tell = "cannot tell"


class Evidence(NamedTuple):
    """A value, where it was read and when (ISO 8601, UTC)."""

    source: str
    value: str
    at: str = ""


class Because(NamedTuple):
    """A kind of finding that explains this one, when the named values of both are the same."""

    code: str
    same: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One judgement. `values` fill the texts; `because_of` is the key of the root cause that explains it.

    The engine fills topic, check and took_ms, the causal pass because_of, the texts summary and remedy.
    """

    code: str
    state: State
    subject: str = ""
    values: tuple[tuple[str, str], ...] = ()
    evidence: tuple[Evidence, ...] = ()
    cause: Verdict | None = None
    commands: tuple[str, ...] = ()
    because_of: str = ""
    stops: bool = False
    topic: str = ""
    check: str = ""
    took_ms: int = 0
    title: str = ""
    summary: str = ""
    remedy: str = ""

    @property
    def key(self) -> str:
        """What `because_of` names."""
        return f"{self.code}={self.subject}" if self.subject else self.code

    def value(self, name: str) -> str:
        return dict(self.values).get(name, "")


@dataclass(frozen=True)
class Kind:
    """What a check can find wrong: a stable code with its state, cause and next commands. One that is ok passes in
    another way than usual, and says so in the text `ok`.

    Commands are academyctl command lines, or `set NAME=VALUE`, which is written the way the operator's shell wants it;
    {names} in them are the finding's values. `local_commands` take their place on the embedded stack.
    """

    code: str
    state: State
    cause: Verdict | None = None
    commands: tuple[str, ...] = ()
    local_commands: tuple[str, ...] = ()
    because: tuple[Because, ...] = ()
    stops: bool = False
    """A warning after which there is nothing to look at: what needs the check is skipped as after a failure."""

    def found(self, subject: str = "", *evidence: tuple[str, object], **values: object) -> Finding:
        """A finding of this kind; evidence is (source, value)."""
        return Finding(
            code=self.code,
            state=self.state,
            subject=subject,
            values=tuple(sorted((name, str(value)) for name, value in values.items())),
            evidence=tuple(Evidence(source, str(value)) for source, value in evidence),
            cause=self.cause,
            commands=self.commands,
            stops=self.stops,
        )


Judge = Callable[["Snapshot"], Iterable[Finding]]


@dataclass(frozen=True)
class Check:
    """A judge with its code. `title` (texts) is a sentence that is true when it passes.

    `needs` are codes of checks whose failure leaves nothing to judge: it is then skipped, with the reason. `kinds` is
    all that it can find wrong.
    """

    code: str
    judge: Judge
    needs: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()

    def ok(self, subject: str = "", *evidence: tuple[str, object], **values: object) -> Finding:
        """That it passes."""
        return ok(self.code, subject, *evidence, **values)

    def skip(self, need: str, because_of: str = "") -> Finding:
        """That there is nothing to judge here: the title of the check `need` does not hold. `because_of` is the key of
        the finding that says so, when there is one."""
        return replace(Kind(self.code, State.skip).found("", need=need), because_of=because_of or need)


def ok(code: str, subject: str = "", *evidence: tuple[str, object], **values: object) -> Finding:
    """A check's own code with state ok."""
    return Kind(code, State.ok).found(subject, *evidence, **values)


@dataclass(frozen=True)
class Topic:
    """One word of `academyctl diagnose`. `facts` is the type that `gather` returns; `clients` are opened first."""

    name: str
    facts: type
    gather: Callable[[World], Any]
    checks: tuple[Check, ...]
    clients: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gathered:
    """What came of one topic: `seen` with facts, `timeout` or `stopped` without, `crash` with the error in `why`."""

    state: str
    facts: Any = None
    why: str = ""
    took_ms: int = 0
    at: str = ""


@dataclass(frozen=True)
class Snapshot:
    """All facts of a diagnosis; the same snapshot gives the same findings, today or in a year."""

    topics: Mapping[str, Gathered]
    taken_at: str = ""
    took_ms: int = 0
    timeout_s: float = 10.0
    tool: str = ""
    profile: str = ""
    local: bool = False
    schema: int = SCHEMA

    def see(self, facts: type[F]) -> F:
        """The facts of this type. Raises KeyError when their topic was not gathered: `find` does not."""
        found = self.find(facts)
        if found is None:
            raise KeyError(f"no facts of {facts.__module__}.{facts.__qualname__}")
        return found

    def find(self, facts: type[F]) -> F | None:
        """The facts of this type, None when their topic was not gathered."""
        return next((one.facts for one in self.topics.values() if isinstance(one.facts, facts)), None)


@dataclass(frozen=True)
class World:
    """What a topic may look at. `ends_at` is a time.monotonic() value: a fact that is not there by then is unknown."""

    stores: ReadOnlyStores
    loaded: Loaded
    env: Mapping[str, str]
    ends_at: float
    now: Callable[[], datetime]
    other: Other | None = None
    """Another part's environment, to compare ours with."""
    topics: frozenset[str] = frozenset()
    """What is looked at beside: nothing of it need be asked twice."""

    @property
    def local(self) -> bool:
        """Whether the settings are those of the embedded stack."""
        return self.loaded.sources.get("aws.endpoint_url", "").startswith("local stack")

    def left_s(self) -> float:
        return max(0.0, self.ends_at - time.monotonic())


@dataclass(frozen=True)
class Diagnosis:
    """Findings with their verdict. `root` is the finding to mend first; `state` how bad it is."""

    verdict: Verdict
    state: State
    root: Finding | None
    findings: tuple[Finding, ...]
    snapshot: Snapshot = field(repr=False)

    def with_findings(self, findings: Iterable[Finding]) -> Diagnosis:
        """The same diagnosis with other findings of the same keys (worded ones)."""
        listed = tuple(findings)
        root = next((one for one in listed if self.root is not None and one.key == self.root.key), None)
        return replace(self, findings=listed, root=root)
