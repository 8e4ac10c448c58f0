"""The platform's functions by word: what each should be by the settings (contract 8.1, 8.2; guide 004)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from academyctl.settings import Settings
    from academyctl.settings_model import Fleet, Queues

DEPTH, AUTOSCALE, BATCH, ANALYSIS = WORDS = ("depth", "autoscale", "sqs-to-batch", "analysis")
SCHEDULE = "rate(1 minute)"


@dataclass(frozen=True)
class Spec:
    """A function of ours. `rule`: runs it each minute; `queue`: feeds it; `reserved`: runs at a time.

    `variables` are set by every deployment, `defaults` where the function has none of that name.
    """

    word: str
    name: str
    handler: str
    timeout: int
    memory: int
    variables: Mapping[str, str]
    defaults: Mapping[str, str]
    rule: str = ""
    queue: str = ""
    reserved: int | None = None


def spec(settings: Settings, word: str) -> Spec:
    """What the function of this word should be. Raises KeyError for a word that is none of WORDS."""
    return {DEPTH: _depth, AUTOSCALE: _autoscale, BATCH: _batch, ANALYSIS: _analysis}[word](settings)


def name_of(settings: Settings, name: str) -> str:
    """A function's name: what the settings say for a word of ours, any other name as it is."""
    return spec(settings, name).name if name in WORDS else name


def word_of(settings: Settings, name: str) -> str:
    """The word of a word or of a name that the settings have; '' for any other function."""
    return next((word for word in WORDS if name in (word, spec(settings, word).name)), "")


def depth_variables(queues: Queues, fleet: Fleet) -> dict[str, str]:
    """The names that the queue-depth function works with (contract 8.1)."""
    return {
        "VIDEO_QUEUE": queues.video,
        "AI_QUEUE_LITE": queues.ai_lite,
        "AI_QUEUE_BASIC": queues.ai_basic,
        "MESSAGING_QUEUE": queues.messaging,
        "METRIC_NAMESPACE": fleet.metric_namespace,
        "METRIC_NAME": fleet.metric_name,
        "VIDEO_WORKER_ASG_NAME": fleet.video_asg,
        "AI_WORKER_ASG_NAME": fleet.ai_asg,
        "MESSAGING_WORKER_ASG_NAME": fleet.messaging_asg,
    }


def _depth(settings: Settings) -> Spec:
    fleet = settings.fleet
    # Sizes nothing until it is told to (academyctl scaling apply); one run at a time, for two could undo each other.
    defaults = {"MODE": "publish", "TARGET_MESSAGES_PER_INSTANCE": str(fleet.per_worker)}
    return Spec(
        DEPTH, fleet.depth_lambda, "queue_depth", 30, 128, depth_variables(settings.queues, fleet), defaults,
        rule=fleet.depth_rule, reserved=1,
    )  # fmt: skip


def _autoscale(settings: Settings) -> Spec:
    fleet, queues = settings.fleet, settings.queues
    variables = {
        "VIDEO_QUEUE": queues.video,
        "AI_QUEUE_LITE": queues.ai_lite,
        "AI_QUEUE_BASIC": queues.ai_basic,
        "AI_WORKER_NAME_TAG": fleet.ai_name_tag,
        "VIDEO_WORKER_NAME_TAG": fleet.video_name_tag,
        "METRIC_NAMESPACE": fleet.metric_namespace,
    }
    defaults = {
        "MIN_MESSAGES_TO_START": "1",
        "MAX_INSTANCES_PER_TYPE": "1",
        "COOLDOWN_SECONDS": "120",
        "SSM_PARAMETER_PREFIX": "/academy/worker-autoscale",
        "TARGET_MESSAGES_PER_INSTANCE": str(fleet.per_worker),
    }
    return Spec(
        AUTOSCALE, fleet.autoscale_lambda, "worker_autoscale", 60, 128, variables, defaults,
        rule=fleet.autoscale_rule, reserved=1,
    )  # fmt: skip


def _batch(settings: Settings) -> Spec:
    fleet = settings.fleet
    variables = {"BATCH_JOB_QUEUE": fleet.batch_queue, "BATCH_JOB_DEFINITION": fleet.batch_job}
    return Spec(
        BATCH, fleet.batch_lambda, "sqs_to_batch", 60, 256, variables, {}, queue=settings.queues.video
    )  # fmt: skip


def _analysis(settings: Settings) -> Spec:
    analysis = settings.analysis
    variables = {
        "BATCH_JOB_QUEUE": analysis.batch_queue,
        "BATCH_JOB_DEFINITION": analysis.batch_job,
        "ENVIRONMENT": analysis.environment,
    }
    return Spec(
        ANALYSIS, analysis.function, "sqs_to_batch", 60, 256, variables, {}, queue=analysis.queue
    )  # fmt: skip
