"""The workers' environment in SSM: what another text of it would change, judged before it is stored.

A parameter that lost half of its variables took the platform's workers down once (the upload of a wrong file), so what
shrinks is refused until it is said which variables may go.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from academyctl.contract.worker_env import REQUIRED, BadEnv, Env, Form, parse, render
from academyctl.errors import Both, UsageError, WorkFailed
from academyctl.repairs import Changed

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores.parameters import About, Parameter

_STANDARD_BYTES, _ADVANCED_BYTES = 4096, 8192


@dataclass(frozen=True)
class Diff:
    """The names that come, go and change, and those whose value becomes empty."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    emptied: tuple[str, ...]

    @property
    def any(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.emptied)

    def __str__(self) -> str:
        said = (("+", self.added), ("-", self.removed), ("~", self.changed), ("emptied: ", self.emptied))
        return (
            " ".join(f"{mark}{name}" for mark, names in said for name in names) or "no variable, only how it is written"
        )


@dataclass(frozen=True)
class Store:
    """Store a new version of the parameter while its newest is still the one that the plan compared with."""

    name: str
    value: str = field(repr=False)
    diff: Diff
    version: int
    """The newest version; 0 when there is none yet."""
    before_bytes: int
    kind: str
    tier: str
    key: str = ""
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        size = f"{self.before_bytes} -> {len(self.value.encode())} bytes"
        before = f"version {self.version}" if self.version else "none"
        after = f"version {self.version + 1}, {self.kind}, {self.tier}"
        return f"set SSM parameter {self.name} {before} -> {after} ({size}): {self.diff}"

    def do(self, stores: Stores) -> None:
        now = stores.parameters.get(self.name)
        if (now.version if now else 0) != self.version:
            why = f"it is version {now.version} by now" if now else "it is gone"
            raise Changed(f"SSM parameter {self.name} was not changed", why=why)
        new = not self.version
        stores.parameters.put(self.name, self.value, new=new, kind=self.kind, tier=self.tier, key=self.key)

    @property
    def undo(self) -> str:
        if not self.version:
            # No command line: copied from a local profile's run, it would reach another account.
            return f"nothing: academyctl deletes no parameter; by hand in this account: delete {self.name} in SSM"
        words = ("ssm", "env", "put", "--name", self.name, "--version", str(self.version), "--apply")
        return shlex.join(("academyctl", *self.options, *words))


def compare(before: Mapping[str, str], after: Mapping[str, str]) -> Diff:
    """What turns the one environment into the other; names in the order of the texts."""
    common = [name for name in after if name in before and before[name] != after[name]]
    emptied = tuple(name for name in common if not after[name])
    return Diff(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(name for name in common if after[name]),
        emptied=emptied,
    )


def read(text: str, what: str) -> Env:
    """An environment. Raises WorkFailed naming `what` when it is none."""
    try:
        return parse(text)
    except BadEnv as error:
        raise WorkFailed(
            Both(f"{what} is no environment", f"{what}은(는) 환경 변수 파일이 아닙니다"),
            why=str(error),
            remedy=Both(
                "NAME=value lines, a JSON object, or base64 of one",
                "NAME=value 줄, JSON 객체, 또는 그 base64여야 합니다",
            ),
            code="bad-env",
        ) from error


def text_of(env: Env, text: str, form: Form) -> str:
    """The text to store: as it was written where its form stays (comments too), else anew. Raises UsageError."""
    if env.form is form and form is Form.dotenv:
        return text if text.endswith("\n") else f"{text}\n"
    try:
        return render(env.values, form)
    except BadEnv as error:
        remedy = Both("store it as JSON: --format json", "JSON으로 저장하세요: --format json")
        raise UsageError("this cannot be written so", why=str(error), remedy=remedy) from error


def plan(
    name: str,
    value: str,
    before: Parameter | None,
    about: About | None,
    *,
    allowed: Iterable[str] = (),
    restored: bool = False,
    options: Sequence[str] = (),
) -> tuple[tuple[Store, ...], tuple[Both, ...]]:
    """(what to do, what to know). `allowed` may go or shrink; `restored`: an earlier version, which may be anything.

    Raises WorkFailed when it would lose what was not allowed, or is larger than SSM takes.
    """
    new = parse(value)
    had = _parsed(before.value) if before else None
    # What is stored may be no environment at all: then there is nothing that could be lost.
    old = had.values if had else {}
    diff = compare(old, new.values)
    size = len(value.encode())
    if size > _ADVANCED_BYTES:
        raise WorkFailed(
            f"{size} bytes are more than an SSM parameter holds ({_ADVANCED_BYTES})",
            remedy=Both("leave variables out that have defaults", "기본값이 있는 변수를 빼세요"),
            code="too-large",
        )
    # JSON of the same variables is the same, however it is spaced; a dotenv's comments are worth storing.
    alike = had is not None and had.form is new.form is not Form.dotenv and not diff.any
    if before and (before.value == value or alike):
        return (), ()
    if not restored:
        refuse_loss(old, new.values, diff, set(allowed))
    tier = about.tier if about and about.tier else "Standard"
    grown = size > _STANDARD_BYTES and tier == "Standard"
    store = Store(
        name=name, value=value, diff=diff, version=before.version if before else 0,
        before_bytes=len(before.value.encode()) if before else 0, kind=before.kind if before else "SecureString",
        tier="Advanced" if grown else tier, key=about.key if about else "", options=tuple(options),
    )  # fmt: skip
    return (store,), tuple(_remarks(new, before, diff, grown=grown))


def refuse_loss(old: Mapping[str, str], new: Mapping[str, str], diff: Diff, allowed: set[str]) -> None:
    """Raise WorkFailed when variables go, become empty, or half of the whole goes, and that was not allowed."""
    lost = [name for name in (*diff.removed, *diff.emptied) if name not in allowed]
    if lost:
        raise _refused(f"it would lose {', '.join(lost)}", lost, allowed)
    kept = {name: value for name, value in old.items() if name not in allowed}
    now = {name: value for name, value in new.items() if name not in allowed}
    if _bytes(now) * 2 < _bytes(kept):
        shorter = [name for name in diff.changed if name not in allowed and len(new[name]) * 2 < len(old[name])]
        raise _refused(f"it would shrink from {_bytes(kept)} to {_bytes(now)} bytes", shorter, allowed)


def _refused(what: str, names: Sequence[str], allowed: set[str]) -> WorkFailed:
    words = " ".join(f"--allow-removal {name}" for name in (*sorted(allowed), *names))
    return WorkFailed(
        Both(f"the parameter was not changed ({what})", f"파라미터를 바꾸지 않았습니다 ({what})"),
        why=Both(
            "workers that start with it would lack what they had",
            "그대로 바꾸면 새로 시작하는 워커에 있던 변수가 없어집니다",
        ),
        remedy=Both(
            f"is it the right file? academyctl ssm env diff FILE; if it is meant: {words}",
            f"맞는 파일인가요? academyctl ssm env diff FILE. 의도한 것이면: {words}",
        ),
        code="shrinks",
    )


def _remarks(new: Env, before: Parameter | None, diff: Diff, *, grown: bool) -> Iterable[Both]:
    if grown:
        yield Both(
            "over 4096 bytes: the Advanced tier, which AWS charges for and which cannot be made Standard again",
            "4096바이트를 넘어 고급(Advanced) 등급이 됩니다. 요금이 있고 다시 표준으로 내릴 수 없습니다",
        )
    if before and before.kind != "SecureString":
        yield Both(
            f"it is a {before.kind}: everybody who may read parameters sees it in clear",
            f"{before.kind} 형식이라 파라미터를 읽을 수 있는 사람은 누구나 값을 그대로 봅니다",
        )
    if diff.removed or diff.emptied:
        gone = ", ".join((*diff.removed, *diff.emptied))
        yield Both(f"these go: {gone}", f"없어지는 변수: {gone}")
    lacking = [name for name in REQUIRED if not new.values.get(name)]
    if lacking:
        told = ", ".join(lacking)
        yield Both(
            f"the Batch container does not start without: {told}",
            f"Batch 컨테이너 시작에 필요한 변수가 없습니다: {told}",
        )
    if new.repeated:
        told = ", ".join(new.repeated)
        yield Both(f"these stand there twice, the last one counts: {told}", f"두 번 적힌 변수(마지막 값 사용): {told}")
    quoted = [name for name, value in new.values.items() if value[:1] in ("'", '"') and value[-1:] == value[:1]]
    if quoted and new.form is Form.dotenv:
        told = ", ".join(quoted)
        yield Both(
            f"docker takes the quotes as a part of the value: {told}", f"docker는 따옴표까지 값으로 읽습니다: {told}"
        )
    yield Both(
        "running workers keep what they started with; new machines read the new version",
        "실행 중인 워커는 기존 값을 계속 쓰고, 새로 시작하는 서버부터 새 버전을 읽습니다",
    )


def _parsed(text: str) -> Env | None:
    try:
        return parse(text)
    except BadEnv:
        return None


def _bytes(values: Mapping[str, str]) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in values.items())
