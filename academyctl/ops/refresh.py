"""Instance refreshes: a group's machines replaced a few at a time, with preferences that are always said.

AWS's own default waits an hour for protected instances and then fails, in silence: three deployments of the platform
did (contract 11 #36). So what becomes of a protected instance is asked, never assumed.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from academyctl.errors import Both, UsageError
from academyctl.repairs import Changed

if TYPE_CHECKING:
    from academyctl.stores import Stores

Raw = Mapping[str, Any]
ACTIVE = ("Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking")
WAIT, IGNORE = "wait", "ignore"
_SAID = {WAIT: "Wait", IGNORE: "Ignore"}
RUNS = Both(
    "a refresh of this group runs already: academyctl asg refresh {role} --status",
    "이 그룹의 새로 고침이 이미 진행 중입니다: academyctl asg refresh {role} --status",
)
SAME = Both(
    "every instance was launched from the version that the group launches now; to replace them nevertheless (a new "
    "image under the same tag): --force",
    "모든 인스턴스가 지금 버전의 시작 템플릿으로 만들어졌습니다. 그래도 교체하려면(같은 태그의 새 이미지): --force",
)
JOBS = Both(
    "a machine is replaced with whatever runs on it: its worker has the lifecycle hook's and its own grace time to "
    "end; a job that it gives back starts anew elsewhere",
    "교체되는 서버의 작업은 유예 시간 안에 끝나지 않으면 반납되어 다른 서버에서 처음부터 시작합니다",
)
HOUR = Both(
    "a protected instance is waited for an hour at most; then the refresh fails and the rest stays as it is",
    "보호된 인스턴스는 최대 1시간 기다리며, 그 뒤에는 새로 고침이 실패하고 나머지는 그대로 남습니다",
)
LEFT = Both(
    "protected instances stay as they are, with the old version",
    "보호된 인스턴스는 교체되지 않고 이전 버전으로 남습니다",
)


@dataclass(frozen=True)
class Start:
    """Start a refresh of a group that has the instances and the template of the plan, and no refresh that runs."""

    role: str
    group: str
    instances: tuple[str, ...]
    template: str
    preferences: tuple[tuple[str, Any], ...]
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        count = len(self.instances)
        said = ", ".join(f"{name}={value}" for name, value in self.preferences)
        return f"replace {count} instance{'s' * (count != 1)} of {self.group} by ones of {self.template} ({said})"

    def do(self, stores: Stores) -> None:
        raw = stores.asg.raw_group(self.group)
        now = replaced(raw, version_now(stores, raw), force=("SkipMatching", True) not in self.preferences)
        if raw is None or now != self.instances:
            why = f"it would replace {', '.join(now) or 'none'}" if raw else "it is gone"
            raise Changed(f"{self.group} was not refreshed", why=why)
        stores.asg.start_refresh(self.group, dict(self.preferences))

    @property
    def undo(self) -> str:
        return shlex.join(("academyctl", *self.options, "asg", "refresh", self.role, "--cancel", "--apply"))


@dataclass(frozen=True)
class Cancel:
    """Stop a refresh that still runs; what it has replaced stays replaced."""

    role: str
    group: str
    id: str
    status: str
    percent: int
    preferences: tuple[tuple[str, Any], ...] = ()
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"cancel refresh {self.id} of {self.group} ({self.status}, {self.percent} %)"

    def do(self, stores: Stores) -> None:
        active = running(stores.asg.refreshes(self.group))
        if active is None or active["InstanceRefreshId"] != self.id:
            raise Changed(f"refresh {self.id} was not cancelled", why="it runs no more")
        stores.asg.cancel_refresh(self.group)

    @property
    def undo(self) -> str:
        had = dict(self.preferences)
        said = {value: word for word, value in _SAID.items()}.get(had.get("ScaleInProtectedInstances", ""), "")
        words = ["--protected", said] if said else []
        words += ["--min-healthy", str(had["MinHealthyPercentage"])] if "MinHealthyPercentage" in had else []
        # Without it AWS replaces instances of the present version too, and that is what --force says.
        words += [] if had.get("SkipMatching") else ["--force"]
        return shlex.join(("academyctl", *self.options, "asg", "refresh", self.role, *words, "--apply"))


def running(refreshes: Sequence[Raw]) -> Raw | None:
    """The refresh that is under way."""
    return next((one for one in refreshes if one.get("Status") in ACTIVE), None)


def version_now(stores: Stores, raw: Raw | None) -> str:
    """The number of the template's version that the group launches; '' when it has no launch template."""
    said = (raw or {}).get("LaunchTemplate") or _mixed(raw or {})
    if not said:
        return ""
    version = str(said.get("Version") or "$Default")
    if version.isdigit():
        return version
    return stores.asg.template_version(str(said.get("LaunchTemplateId") or ""), version)


def replaced(raw: Raw | None, version: str, *, force: bool) -> tuple[str, ...]:
    """The instances that a refresh replaces: those of another version, or all of them; protected ones included."""
    return tuple(
        str(one["InstanceId"])
        for one in (raw or {}).get("Instances", [])
        if force or not version or str((one.get("LaunchTemplate") or {}).get("Version", "")) != version
    )


def plan(
    role: str,
    raw: Raw,
    version: str,
    refreshes: Sequence[Raw],
    *,
    protected: str = "",
    min_healthy: int = 90,
    warmup_s: int | None = None,
    force: bool = False,
    options: Sequence[str] = (),
) -> tuple[tuple[Start, ...], tuple[Both, ...]]:
    """(what to do, what to know). `protected` is what becomes of protected instances: wait or ignore.

    Raises UsageError when instances are protected and that was not said, or for another word than these.
    """
    name = str(raw["AutoScalingGroupName"])
    if protected not in ("", WAIT, IGNORE):
        raise UsageError(f"--protected is not '{protected}'", remedy="wait, ignore")
    if running(refreshes):
        return (), (Both(*(text.format(role=role) for text in RUNS)),)
    wanted = replaced(raw, version, force=force)
    if not wanted:
        return (), ((SAME,) if raw.get("Instances") else ())
    held = [str(one["InstanceId"]) for one in raw["Instances"] if one.get("ProtectedFromScaleIn")]
    stopped = [one for one in wanted if one in held]
    if stopped and not protected:
        raise _unsaid(role, name, stopped, at_launch=bool(raw.get("NewInstancesProtectedFromScaleIn")))
    preferences: dict[str, Any] = {
        "MinHealthyPercentage": min_healthy,
        "ScaleInProtectedInstances": _SAID[protected or WAIT],
        "SkipMatching": not force,
    }
    if warmup_s is not None:
        preferences["InstanceWarmup"] = warmup_s
    template = f"template version {version}" if version else "its launch configuration"
    start = Start(role, name, wanted, template, tuple(preferences.items()), tuple(options))
    return (start,), (JOBS, *((LEFT if protected == IGNORE else HOUR,) if stopped or not protected else ()))


def plan_cancel(role: str, name: str, refreshes: Sequence[Raw], *, options: Sequence[str] = ()) -> tuple[Cancel, ...]:
    """The end of the refresh that runs; nothing when none does."""
    active = running(refreshes)
    if active is None or active["Status"] == "Cancelling":
        return ()
    percent = int(active.get("PercentageComplete") or 0)
    id_, status, said = str(active["InstanceRefreshId"]), str(active["Status"]), active.get("Preferences") or {}
    return (Cancel(role, name, id_, status, percent, tuple(said.items()), tuple(options)),)


def _unsaid(role: str, name: str, held: Sequence[str], *, at_launch: bool) -> UsageError:
    why = (
        "new instances are protected from their launch on" if at_launch else "their workers have jobs, or somebody did"
    )
    return UsageError(
        f"{', '.join(held)} of {name} {'are' if len(held) > 1 else 'is'} protected from scale-in",
        why=why,
        remedy=Both(
            f"say what becomes of them: --protected wait (an hour at most) or --protected ignore (they stay old); or "
            f"lift it first: academyctl asg unprotect {role} --idle",
            f"어떻게 할지 지정하세요: --protected wait(최대 1시간 대기), --protected ignore(그대로 둠). "
            f"먼저 해제하려면: academyctl asg unprotect {role} --idle",
        ),
        code="protected",
    )


def _mixed(raw: Raw) -> Raw:
    policy = raw.get("MixedInstancesPolicy") or {}
    found: Raw = (policy.get("LaunchTemplate") or {}).get("LaunchTemplateSpecification") or {}
    return found
