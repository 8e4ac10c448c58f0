"""A Lambda function's parts as a deployment sees them, and each change of one as a repair.

Every repair is compare-and-set: it reads again, and gives AWS the revision that it read. Values of variables are shown
when they are names, numbers or words of ours; every other one may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from academyctl.errors import AwsError
from academyctl.ops.package import HANDLER, RUNTIME, sha256
from academyctl.repairs import Changed

if TYPE_CHECKING:
    from academyctl.stores import Stores

Raw = Mapping[str, Any]

# Whatever else a name is made of, these words in it mean a secret.
_HARMLESS = re.compile(
    r"(?!\w*(?:PASS|SECRET|TOKEN|KEY|CREDENTIAL))"
    r"(?:\w*QUEUE\w*|METRIC_\w+|\w+_ASG_NAME|\w+_(MAX|MIN)|(\w+_)?TARGET_\w+|(MAX|MIN)_\w+|\w+_NAME_TAG|(\w+_)?MODE"
    r"|ENVIRONMENT|COOLDOWN_SECONDS|SSM_PARAMETER_PREFIX|BATCH_\w+|S3_BUCKET\w*)"
)


@dataclass(frozen=True)
class Configuration:
    """The parts of a function's configuration that a deployment decides; times in seconds, memory in MB."""

    role: str
    handler: str = HANDLER
    runtime: str = RUNTIME
    timeout: int = 30
    memory: int = 128
    variables: Mapping[str, str] = field(default_factory=dict)

    def request(self) -> dict[str, Any]:
        """As CreateFunction and UpdateFunctionConfiguration take it."""
        return {
            "Role": self.role,
            "Handler": self.handler,
            "Runtime": self.runtime,
            "Timeout": self.timeout,
            "MemorySize": self.memory,
            "Environment": {"Variables": dict(self.variables)},
        }


@dataclass(frozen=True)
class Permission:
    """Who may call the function: a service, for one source."""

    statement: str
    principal: str
    source_arn: str


def configuration(raw: Raw) -> Configuration:
    """What AWS tells, as we decide it."""
    variables = (raw.get("Environment") or {}).get("Variables") or {}
    return Configuration(
        role=str(raw.get("Role", "")),
        handler=str(raw.get("Handler", "")),
        runtime=str(raw.get("Runtime", "")),
        timeout=int(raw.get("Timeout", 3)),
        memory=int(raw.get("MemorySize", 128)),
        variables={str(key): str(value) for key, value in variables.items()},
    )


def permissions(statements: list[dict[str, Any]]) -> tuple[Permission, ...]:
    """The statements that let a service call; by their names."""
    found = []
    for one in statements:
        principal, condition = one.get("Principal"), one.get("Condition") or {}
        service = principal.get("Service", "") if isinstance(principal, dict) else str(principal)
        source = (condition.get("ArnLike") or condition.get("ArnEquals") or {}).get("AWS:SourceArn", "")
        found.append(Permission(str(one.get("Sid", "")), str(service), str(source)))
    return tuple(sorted(found, key=lambda one: one.statement))


def shown(name: str, value: str) -> str:
    """A variable's value when it may be shown."""
    return value if _HARMLESS.fullmatch(name) else "(not shown)"


def differences(before: Configuration, after: Configuration) -> tuple[str, ...]:
    """`timeout 3 -> 30`, `VIDEO_MODE (none) -> outstanding`, one a change."""
    told = [
        f"{word} {getattr(before, word)} -> {getattr(after, word)}"
        for word in ("role", "handler", "runtime", "timeout", "memory")
        if getattr(before, word) != getattr(after, word)
    ]
    old, new = before.variables, after.variables
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            left, right = (shown(name, one[name]) if name in one else "(none)" for one in (old, new))
            told.append(f"{name} {left} -> {right}")
    return tuple(told)


@dataclass(frozen=True)
class Create:
    name: str
    code: bytes = field(repr=False)
    configuration: Configuration = field(repr=False)
    undo: str

    def __str__(self) -> str:
        told = ", ".join(f"{key}={shown(key, value)}" for key, value in sorted(self.configuration.variables.items()))
        one = self.configuration
        return (
            f"create Lambda function {self.name}: {one.runtime}, {one.memory} MB, {one.timeout} s, role {one.role}, "
            f"code {short(sha256(self.code))}, {told or 'no variables'}"
        )

    def do(self, stores: Stores) -> None:
        if stores.functions.raw(self.name) is not None:
            raise Changed(f"{self.name} was not created", why="it is there now")
        stores.functions.create(self.name, self.code, self.configuration.request())


@dataclass(frozen=True)
class ReplaceCode:
    name: str
    before: str
    after: str
    code: bytes = field(repr=False)
    undo: str

    def __str__(self) -> str:
        return f"replace the code of {self.name}: sha256 {short(self.before)} -> {short(self.after)}"

    def do(self, stores: Stores) -> None:
        now = _there(stores, self.name)
        if now["CodeSha256"] != self.before:
            raise Changed(f"the code of {self.name} was not replaced", why=f"it is {short(str(now['CodeSha256']))} now")
        with _unchanged(self.name):
            stores.functions.update_code(self.name, self.code, revision=str(now.get("RevisionId", "")))


@dataclass(frozen=True)
class Configure:
    name: str
    before: Configuration = field(repr=False)
    after: Configuration = field(repr=False)
    undo: str

    def __str__(self) -> str:
        return f"configure {self.name}: {', '.join(differences(self.before, self.after))}"

    def do(self, stores: Stores) -> None:
        now = _there(stores, self.name)
        if configuration(now) != self.before:
            why = ", ".join(differences(self.before, configuration(now)))
            raise Changed(f"{self.name} was not configured", why=f"it was changed meanwhile: {why}")
        with _unchanged(self.name):
            stores.functions.configure(self.name, self.after.request(), revision=str(now.get("RevisionId", "")))


@dataclass(frozen=True)
class Allow:
    name: str
    permission: Permission
    undo: str

    def __str__(self) -> str:
        return f"let {self.permission.principal} call {self.name} for {self.permission.source_arn}"

    def do(self, stores: Stores) -> None:
        one = self.permission
        if one not in permissions(stores.functions.permissions(self.name)):
            stores.functions.allow(self.name, one.statement, one.principal, one.source_arn)


@dataclass(frozen=True)
class Forbid:
    name: str
    permission: Permission
    undo: str

    def __str__(self) -> str:
        one = self.permission
        return f"take back that {one.principal} may call {self.name} for {one.source_arn or 'anything'}"

    def do(self, stores: Stores) -> None:
        if self.permission in permissions(stores.functions.permissions(self.name)):
            stores.functions.forbid(self.name, self.permission.statement)


@dataclass(frozen=True)
class Reserve:
    name: str
    before: int | None
    after: int | None
    undo: str

    def __str__(self) -> str:
        return f"runs of {self.name} at a time: {_limit(self.before)} -> {_limit(self.after)}"

    def do(self, stores: Stores) -> None:
        if (now := stores.functions.reserved(self.name)) != self.before:
            raise Changed(f"the limit of {self.name} was not changed", why=f"it is {_limit(now)} now")
        stores.functions.reserve(self.name, self.after)


@dataclass(frozen=True)
class Delete:
    """Take away a function that a deployment made; only while it still has the code that was seen."""

    name: str
    before: str
    undo: str

    def __str__(self) -> str:
        return f"delete Lambda function {self.name} (code {short(self.before)})"

    def do(self, stores: Stores) -> None:
        now = _there(stores, self.name)
        if now["CodeSha256"] != self.before:
            raise Changed(f"{self.name} was not deleted", why=f"its code is {short(str(now['CodeSha256']))} now")
        stores.functions.delete(self.name)


def short(sha: str) -> str:
    """The first letters of a digest, '(none)' for none."""
    return sha[:10] or "(none)"


def _limit(count: int | None) -> str:
    return "no limit" if count is None else str(count)


@contextmanager
def _unchanged(name: str) -> Iterator[None]:
    """AWS's refusal of an old revision as Changed."""
    try:
        yield
    except AwsError as error:
        if error.code == "PreconditionFailedException":
            raise Changed(f"{name} was not changed", why="somebody changed it in this moment") from error
        raise


def _there(stores: Stores, name: str) -> dict[str, Any]:
    """The function as it is, when no change of it is under way: AWS refuses a second one meanwhile."""
    if stores.functions.raw(name) is None:
        raise Changed(f"{name} was not changed", why="it is gone")
    return stores.functions.settled(name, failed=True)
