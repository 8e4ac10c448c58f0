"""What the account says about the function that counts the queues: is it there, does it run, what did it publish."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from academyctl.settings import leaves
from academyctl.stores._fleet_types import Metric, Point
from checks._fan import together
from checks._fleet import FRESH_S, ROLES, age_s, endpoint_of, first_trouble, split
from checks._model import World
from checks._trouble import Trouble

if TYPE_CHECKING:
    from academyctl.settings_model import Fleet, Queues
    from academyctl.stores import _fleet_types as fleet

CLIENTS = ("lambda", "events", "cloudwatch")
# For the report's time line; the judges look at the last FRESH_S of it.
HISTORY_S = 3600
# WorkerType, the metric's dimension, and the queues that its function counts for it (contract 8.1).
WORKER_TYPES: Mapping[str, tuple[str, ...]] = {
    "Video": ("video",),
    "AI": ("ai_lite", "ai_basic"),
    "Messaging": ("messaging",),
}
_INSTEAD = ("groups", "policies", "batch")
# The function's variables, what the platform's code takes without them, and the setting they must agree with.
_NAMES = (
    ("VIDEO_QUEUE", "academy-video-jobs", "queues.video", "video"),
    ("AI_QUEUE_LITE", "academy-ai-jobs-lite", "queues.ai_lite", "ai_lite"),
    ("AI_QUEUE_BASIC", "academy-ai-jobs-basic", "queues.ai_basic", "ai_basic"),
    ("MESSAGING_QUEUE", "academy-messaging-jobs", "queues.messaging", "messaging"),
    ("METRIC_NAMESPACE", "Academy/Workers", "fleet.metric_namespace", "metric"),
    ("METRIC_NAME", "QueueDepth", "fleet.metric_name", "metric"),
    # Absent, a function of the later designs: it sizes no group, so there is nothing to disagree about.
    ("VIDEO_WORKER_ASG_NAME", "", "fleet.video_asg", "group"),
    ("AI_WORKER_ASG_NAME", "", "fleet.ai_asg", "group"),
    ("MESSAGING_WORKER_ASG_NAME", "", "fleet.messaging_asg", "group"),
)


@dataclass(frozen=True)
class Name:
    """A name that the function has (`found`) and the settings (`wanted`, in `setting`); `word` is a queue's word."""

    variable: str
    found: str
    setting: str
    wanted: str
    word: str


@dataclass(frozen=True)
class Function:
    name: str
    arn: str
    state: str
    why: str
    last_update: str
    runtime: str
    memory_mb: int
    timeout_s: int
    names: tuple[Name, ...]
    per_worker: int | None
    """TARGET_MESSAGES_PER_INSTANCE, when it is set and used; the platform's code takes 20 without it."""


@dataclass(frozen=True)
class Rule:
    name: str
    state: str
    schedule: str
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Published:
    """The newest depth that the function published for a worker type; `age_s` None: none in the last 15 minutes.

    `then` is what it published in the newest minute of which SQS's own metric, which is late, tells `counted` as well;
    both None when there is no such minute.
    """

    worker: str
    age_s: float | None
    value: float
    then: float | None
    counted: float | None


@dataclass(frozen=True)
class Sample:
    """A value at a minute (ISO 8601, UTC)."""

    at: str
    value: float


@dataclass(frozen=True)
class History:
    """How deep the queues of a worker type were in the last hour, as the function published it, oldest first."""

    name: str
    points: tuple[Sample, ...]


@dataclass(frozen=True)
class LogLine:
    age_s: float | None
    text: str


@dataclass(frozen=True)
class Facts:
    region: str
    endpoint: str
    name: str
    function: Function | None
    function_trouble: Trouble | None
    rule_name: str
    rule: Rule | None
    rule_trouble: Trouble | None
    published: tuple[Published, ...]
    history: tuple[History, ...]
    runs: int
    """Invocations in the last 15 minutes, as far as CloudWatch knows."""
    failures: int
    failing: bool
    """Whether the newest runs failed."""
    metric_trouble: Trouble | None
    errors: tuple[LogLine, ...]
    errors_trouble: Trouble | None
    jobs_per_worker: int
    scaled_by: tuple[str, ...]
    """Without a function: the policies that change the groups' sizes in its place, or 'AWS Batch'."""
    scaled_trouble: Trouble | None
    """Why that could not be seen."""


def gather(world: World) -> Facts:
    """Two round trips: what went wrong, and who scales in the function's place, is only asked for when needed."""
    settings = world.stores.settings
    name, rule_name = settings.fleet.depth_lambda, settings.fleet.depth_rule
    calls: dict[str, Callable[[], Any]] = {
        "function": lambda: world.stores.fleet.function(name),
        "rule": lambda: world.stores.fleet.rule(rule_name),
        "series": lambda: world.stores.fleet.series(
            _metrics(settings.fleet, settings.queues), now=world.now(), minutes=HISTORY_S // 60
        ),
    }
    seen = together(world, calls)
    function, function_trouble = split(seen["function"])
    rule, rule_trouble = split(seen["rule"])
    series, metric_trouble = split(seen["series"])
    since = world.now() - timedelta(seconds=FRESH_S)
    whole = series or {}
    series = {name: tuple(point for point in points if point.at >= since) for name, points in whole.items()}
    failures, failed = _sum(series, "Errors"), series.get("Errors", ())
    more = _second(world, absent=function is None and not function_trouble, failures=failures)
    lines, errors_trouble = split(more.get("errors", ()))
    now = world.now()
    return Facts(
        region=settings.aws.region,
        endpoint=endpoint_of(settings.aws.region, settings.aws.endpoint_url, "lambda"),
        name=name,
        function=_function(function, settings) if function else None,
        function_trouble=function_trouble,
        rule_name=rule_name,
        rule=rule and Rule(rule.name, rule.state, rule.schedule, rule.targets),
        rule_trouble=rule_trouble,
        published=() if metric_trouble else tuple(_published(world, series, worker) for worker in WORKER_TYPES),
        history=tuple(History(f"QueueDepth {worker}", _samples(whole.get(worker, ()))) for worker in WORKER_TYPES),
        runs=_sum(series, "Invocations"),
        failures=failures,
        failing=bool(failed and failed[0].value > 0),
        metric_trouble=metric_trouble,
        errors=tuple(LogLine(age_s(now, one.at), one.text) for one in (lines or ())[:5]),
        errors_trouble=errors_trouble,
        jobs_per_worker=settings.worker.concurrency,
        scaled_by=_instead(more),
        scaled_trouble=first_trouble(more, *_INSTEAD),
    )


def _second(world: World, *, absent: bool, failures: int) -> dict[str, Any]:
    fleet, store = world.stores.settings.fleet, world.stores.fleet
    groups = [str(getattr(fleet, f"{word}_asg")) for word in ROLES]
    calls: dict[str, Callable[[], Any]] = {}
    if failures:
        since = world.now() - timedelta(seconds=FRESH_S)
        calls["errors"] = lambda: store.errors_of(fleet.depth_lambda, since=since)
    if absent:
        calls["groups"] = lambda: store.groups(groups)
        calls["policies"] = lambda: store.policies(groups)
        calls["batch"] = lambda: store.batch_queue(fleet.batch_queue)
    return together(world, calls) if calls else {}


def _instead(more: Mapping[str, Any]) -> tuple[str, ...]:
    """What scales every group that is there; nothing when one of them has only the function, or when unseen."""
    groups, policies, queue = (split(more.get(word))[0] for word in _INSTEAD)
    by_group = {one.group: one for one in policies or () if not _of_function(one)}
    moving = [one for one in (groups or {}).values() if one.min != one.max]
    if any(one.name not in by_group for one in moving) or not (groups or queue):
        return ()
    found = tuple(sorted(f"{group}: {one.name}" for group, one in by_group.items()))
    batch = (f"AWS Batch: {queue.name}",) if queue else ()
    fixed = tuple(f"{one.name}: {one.max}" for one in (groups or {}).values() if one.min == one.max)
    return (*found, *batch, *fixed)


def _of_function(policy: fleet.Policy) -> bool:
    return policy.metric is not None and policy.metric.namespace.startswith("Academy/")


def _metrics(fleet: Fleet, queues: Queues) -> dict[str, Metric]:
    of_function = (("FunctionName", fleet.depth_lambda),)
    out = {
        "Invocations": Metric("AWS/Lambda", "Invocations", of_function, "Sum"),
        "Errors": Metric("AWS/Lambda", "Errors", of_function, "Sum"),
    }
    for worker, words in WORKER_TYPES.items():
        out[worker] = Metric(fleet.metric_namespace, fleet.metric_name, (("WorkerType", worker),))
        for word in words:
            named = (("QueueName", str(getattr(queues, word))),)
            out[f"sqs {word}"] = Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", named)
    return out


def _published(world: World, series: Mapping[str, tuple[Point, ...]], worker: str) -> Published:
    points = series.get(worker, ())
    if not points:
        return Published(worker, None, 0.0, None, None)
    counted: dict[datetime, float] = {}
    for word in WORKER_TYPES[worker]:
        for point in series.get(f"sqs {word}", ()):
            counted[point.at] = counted.get(point.at, 0.0) + point.value
    both = next((point for point in points if point.at in counted), None)
    then = (None, None) if both is None else (both.value, counted[both.at])
    return Published(worker, age_s(world.now(), points[0].at), points[0].value, *then)


def _samples(points: tuple[Point, ...]) -> tuple[Sample, ...]:
    return tuple(Sample(point.at.isoformat(timespec="seconds"), point.value) for point in reversed(points))


def _function(one: fleet.Function, settings: Any) -> Function:
    variables = {leaf.path: leaf.env[0] for leaf in leaves()}
    names = []
    for variable, default, path, word in _NAMES:
        section, _, field = path.partition(".")
        found, wanted = one.variables.get(variable) or default, str(getattr(getattr(settings, section), field))
        if found:
            names.append(Name(variable, found, variables[path], wanted, word))
    # What a function that sizes nothing (its MODE says so) would divide by, is of no matter.
    mode = one.variables.get("VIDEO_MODE") or one.variables.get("MODE")
    target = "TARGET_MESSAGES_PER_INSTANCE"
    per_worker = "" if mode == "publish" else one.variables.get(f"VIDEO_{target}") or one.variables.get(target, "")
    return Function(
        one.name, one.arn, one.state, one.why, one.last_update, one.runtime, one.memory_mb, one.timeout_s,
        tuple(names), int(per_worker) if per_worker.isdecimal() else None,
    )  # fmt: skip


def _sum(series: Mapping[str, tuple[Point, ...]], name: str) -> int:
    return int(sum(point.value for point in series.get(name, ())))
