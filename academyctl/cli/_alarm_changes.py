"""`alarm apply`, `put` and `delete`: plans of alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from academyctl.cli._changes import carry_out, undo_options
from academyctl.cli._common import Session
from academyctl.errors import AwsError, Both, UsageError
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.ops.alarms import AlarmSpec
    from academyctl.stores import Stores

_NOBODY = Both(
    "these alarms tell nobody: set fleet.alarm_topic (ACADEMYCTL_ALARM_TOPIC), or give --action ARN",
    "알림 대상이 없는 경보입니다. fleet.alarm_topic (ACADEMYCTL_ALARM_TOPIC)을 설정하거나 --action ARN을 지정하세요",
)
_SAME = Both("the alarms are so already; there is nothing to do", "경보가 이미 그 상태입니다. 할 일이 없습니다")


def specs_of(here: Session, queues: Sequence[str], actions: Sequence[str]) -> tuple[AlarmSpec, ...]:
    """The alarms that these queues should have; the dead-letter queues' names are those in force."""
    from academyctl.ops.alarms import alarm_specs
    from academyctl.ops.queues import looked

    settings = here.loaded.settings
    topic = settings.fleet.alarm_topic
    told = list(dict.fromkeys([*actions, *([topic] if topic and not actions else [])]))
    for arn in told:
        if not arn.startswith("arn:"):
            raise UsageError(
                Both(f"{arn} is no ARN", f"{arn}은(는) ARN이 아닙니다"),
                remedy=Both("as arn:aws:sns:...", "예: arn:aws:sns:..."),
            )
    specs = [one.spec for one in looked(settings, here.stores().queue_admin, queues)]
    return alarm_specs(specs, told)


def apply_(here: Session, queues: Sequence[str], actions: Sequence[str], *, apply: bool, fmt: Format) -> None:
    """Make what is missing and mend what differs. Raises UsageError for a topic that does not exist."""
    from academyctl.ops.alarms import planned

    specs = specs_of(here, queues, actions)
    stores = here.stores()
    unseen = _topics(stores, specs[0].actions) if specs else ()
    raws = stores.alarms.raw([spec.name for spec in specs])
    mute = any(not spec.actions and not (raws.get(spec.name) or {}).get("AlarmActions") for spec in specs)
    repairs = planned(specs, raws, undo_options(here))
    remarks = (*((_NOBODY,) if mute else ()), *unseen)
    carry_out(here, repairs, apply=apply, fmt=fmt, nothing=_SAME, remarks=remarks)


def put(here: Session, text: str, *, apply: bool, fmt: Format) -> None:
    """Make or replace the alarm of this JSON."""
    from academyctl.ops.alarms import put_alarm

    request = _request(text)
    name = str(request["AlarmName"])
    raw = here.stores().alarms.raw([name]).get(name)
    carry_out(here, put_alarm(request, raw, undo_options(here)), apply=apply, fmt=fmt, nothing=_SAME)


def delete(here: Session, name: str, *, apply: bool, fmt: Format) -> None:
    """Delete an alarm; one that is gone already is no error."""
    from academyctl.ops.alarms import delete_alarm

    raw = here.stores().alarms.raw([name]).get(name)
    repairs = [] if raw is None else [delete_alarm(raw, undo_options(here))]
    gone = Both(
        f"there is no alarm {name}; there is nothing to do (which there are: academyctl alarm list)",
        f"{name} 경보가 없습니다. 할 일이 없습니다 (경보 목록: academyctl alarm list)",
    )
    carry_out(here, repairs, apply=apply, fmt=fmt, nothing=gone)


def _topics(stores: Stores, arns: Sequence[str]) -> tuple[Both, ...]:
    """Refuse a topic that is not there; say which could not be looked at."""
    unseen = []
    for arn in arns:
        if ":sns:" not in arn:
            continue
        try:
            there = stores.alarms.topic_exists(arn)
        except AwsError as error:
            if error.cause != "permission":
                raise
            unseen.append(Both(f"{arn} was not looked at: {error}", f"{arn}을(를) 확인하지 못했습니다: {error}"))
            continue
        if not there:
            raise UsageError(
                Both(f"there is no topic {arn}", f"SNS 주제 {arn}이(가) 없습니다"),
                remedy=Both(
                    "correct it: its alarms would tell nobody", "고치세요. 이대로면 아무도 알림을 받지 못합니다"
                ),
                code="missing",
            )
    return tuple(unseen)


def _request(text: str) -> dict[str, Any]:
    import json
    from pathlib import Path

    from academyctl.ops.shell_words import unpacked
    from academyctl.stores.alarms import REQUEST

    try:
        said = Path(text[1:]).read_text(encoding="utf-8-sig") if text.startswith("@") else unpacked(text)
    except (OSError, ValueError) as error:
        raise UsageError(
            Both(f"{text[1:]} cannot be read", f"{text[1:]}을(를) 읽을 수 없습니다"), why=str(error)[:200], remedy=_JSON
        ) from error
    try:
        found = json.loads(said)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            Both("--json is no JSON", "--json이 올바른 JSON이 아닙니다"), why=str(error)[:200], remedy=_JSON
        ) from error
    unknown = sorted(set(found) - set(REQUEST)) if isinstance(found, dict) else ["no object"]
    if unknown or not found.get("AlarmName"):
        raise UsageError(
            Both("--json is no alarm", "--json의 내용이 경보가 아닙니다"),
            why=f"PutMetricAlarm has no {', '.join(unknown)[:200]}" if unknown else "it has no AlarmName",
            remedy=_JSON,
        )
    if lacks := [name for name in _NEEDED if found.get(name) is None] + (
        [] if _WATCHED & set(found) else ["MetricName"]
    ):
        raise UsageError(
            Both("--json is no whole alarm", "--json의 경보에 빠진 것이 있습니다"), why=", ".join(lacks), remedy=_JSON
        )
    return dict(found)


_NEEDED = ("EvaluationPeriods", "ComparisonOperator")
_WATCHED = {"MetricName", "Metrics"}
_JSON = Both(
    "give PutMetricAlarm's parameters, as `aws cloudwatch put-metric-alarm --generate-cli-skeleton` shows them",
    "PutMetricAlarm 매개변수를 지정하세요 (aws cloudwatch put-metric-alarm --generate-cli-skeleton 참고)",
)
