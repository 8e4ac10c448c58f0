"""What can be wrong with the analysis pipeline of guide 004."""

from __future__ import annotations

from checks import _fleet
from checks._model import Because, Kind, State, Verdict

ACTIONS = (
    '{"Effect":"Allow","Action":["sqs:GetQueueUrl","sqs:GetQueueAttributes","s3:GetBucketNotification",'
    '"lambda:GetFunctionConfiguration","lambda:ListEventSourceMappings","batch:Describe*","ecr:DescribeImages",'
    '"logs:DescribeLogGroups","iam:SimulatePrincipalPolicy","cloudwatch:DescribeAlarms",'
    '"secretsmanager:DescribeSecret"],"Resource":"*"}'
)
"""The IAM policy statement of a key that may see the pipeline; all of it only reads."""
VARIABLES = {**_fleet.VARIABLES, "actions": ACTIONS}
_SHOW = ("academyctl config show --section analysis",)
_LOOK = ("academyctl diagnose pipeline",)
_AGAIN = ("academyctl diagnose pipeline --timeout 30",)
_V = Verdict
_DENIED = tuple(Because(f"{topic}.denied") for topic in ("pipeline", "batch", "lambda", "scaling"))
_NO_DB = tuple(
    Because(f"db.{word}") for word in ("unreachable", "host-unknown", "password-wrong", "name-wrong", "timeout", "full")
)

ACCESS_KINDS = _fleet.fleet_kinds("pipeline", "batch", "scaling", "lambda")
NOT_USED = Kind("pipeline.not-used", State.ok, stops=True)
UNSEEN = Kind("pipeline.parts-unseen", State.unknown, None, _AGAIN, because=(*_DENIED, *_NO_DB))
QUEUE_MISSING = Kind(
    "pipeline.queue-missing",
    State.fail,
    _V.infrastructure,
    ("academyctl queue create analysis",),
    because=(Because("sqs.none-here"),),
)
NO_REDRIVE = Kind("pipeline.no-redrive", State.fail, _V.infrastructure, ("academyctl queue tune analysis",))
ONE_TRY = Kind("pipeline.one-try", State.fail, _V.settings, ("academyctl queue tune analysis",))
BUCKET_MISSING = Kind("pipeline.bucket-missing", State.fail, _V.infrastructure, _SHOW)
SILENT = Kind("pipeline.not-notified", State.warn, _V.infrastructure, _LOOK)
SHUT = Kind("pipeline.policy-shut", State.fail, _V.infrastructure, _LOOK)
LOOP = Kind("pipeline.sees-results", State.warn, _V.settings, _SHOW)
WORKERS = Kind("pipeline.by-workers", State.ok, stops=True)
UNMAPPED = Kind("pipeline.not-mapped", State.fail, _V.infrastructure, _LOOK)
NO_FUNCTION = Kind("pipeline.function-missing", State.fail, _V.infrastructure, _SHOW)
MAPPING_OFF = Kind("pipeline.mapping-off", State.fail, _V.infrastructure, _LOOK)
MAPPING_FAILS = Kind("pipeline.mapping-fails", State.warn, _V.infrastructure, ("academyctl lambda logs sqs-to-batch",))
NOT_PARTIAL = Kind("pipeline.not-partial", State.warn, _V.settings, _LOOK)
FUNCTION_OFF = Kind("pipeline.function-failed", State.fail, _V.infrastructure, _LOOK)
TWO_CONSUMERS = Kind("pipeline.two-consumers", State.fail, _V.settings, _LOOK)
BATCH_MISSING = Kind("pipeline.batch-missing", State.fail, _V.settings, _SHOW)
BATCH_OFF = Kind("pipeline.batch-off", State.fail, _V.infrastructure, _LOOK)
JOB_MISSING = Kind("pipeline.job-missing", State.fail, _V.settings, _SHOW)
NO_IMAGE = Kind("pipeline.image-missing", State.fail, _V.infrastructure, ("academyctl ecr check",))
NO_LOG = Kind("pipeline.log-missing", State.warn, _V.infrastructure, _SHOW)
JOB_SHORT = Kind("pipeline.job-too-short", State.warn, _V.settings, _SHOW)
HIDDEN_SHORT = Kind("pipeline.visibility-short", State.warn, _V.settings, _LOOK)
RETRIES_ALL = Kind("pipeline.retries-refusals", State.warn, _V.settings, _LOOK)
NO_RIGHT = Kind("pipeline.right-missing", State.fail, _V.infrastructure, _LOOK)
NO_ENDPOINT = Kind("pipeline.endpoint-unset", State.fail, _V.settings, _SHOW)
AWAY = Kind("pipeline.service-away", State.fail, _V.infrastructure, _SHOW)
AWAY_HERE = Kind("pipeline.service-unseen", State.unknown, None, _AGAIN)
STRANGER = Kind("pipeline.service-stranger", State.fail, _V.settings, _SHOW)
NO_VECTOR = Kind("pipeline.vector-missing", State.fail, _V.infrastructure, ("academyctl config show --section db",))
NO_SECRET = Kind("pipeline.secret-missing", State.fail, _V.settings, _SHOW)
NO_ALARM = Kind("pipeline.alarm-missing", State.warn, _V.infrastructure, ("academyctl alarm apply analysis",))
MUTE = Kind("pipeline.alarm-mute", State.warn, _V.settings, ("academyctl alarm apply analysis",))
DB_UNSET = Kind("pipeline.database-unset", State.ok)
