"""A report for machines: one object, or a line a finding. `report.schema.json` is what both promise."""

from __future__ import annotations

import json
from typing import Any

from checks._ignore import Ignored
from checks._model import Finding
from checks._report_words import Report, counts, headline
from checks._verdict import roots

VERSION = 1


def as_json(report: Report) -> dict[str, Any]:
    """Everything; `findings` keep the order of the topics and their checks."""
    return {**_head(report), "findings": [_finding(one) for one in report.listed]}


def as_ndjson(report: Report) -> str:
    """A line a finding, as it comes, and a last line with everything else."""
    lines = [{"type": "finding", **_finding(one)} for one in report.listed]
    lines.append({"type": "summary", **_head(report)})
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _head(report: Report) -> dict[str, Any]:
    diagnosis, snapshot, root = report.diagnosis, report.diagnosis.snapshot, report.diagnosis.root
    return {
        "version": VERSION,
        "verdict": str(diagnosis.verdict),
        "state": str(diagnosis.state),
        "headline": headline(report),
        "root": None if root is None else {"code": root.code, "subject": root.subject, "key": root.key},
        "roots": [one.key for one in roots(diagnosis.findings)],
        "exit_code": report.exit_code,
        "counts": counts(diagnosis),
        "ignored": [_ignored(one) for one in report.ignored],
        "expired_ignores": [{"rule": one.name, "reason": one.reason, "until": one.until} for one in report.expired],
        "shown": str(report.show),
        "interrupted": report.interrupted,
        "taken_at": snapshot.taken_at,
        "took_ms": snapshot.took_ms,
        "profile": snapshot.profile,
        "tool": snapshot.tool,
        "read_only": True,
        "topics": list(snapshot.topics),
        "plugins": sorted(report.plugins),
    }


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "code": one.code,
        "state": str(one.state),
        "topic": one.topic,
        "check": one.check,
        "title": one.title,
        "subject": one.subject,
        "summary": one.summary,
        "evidence": [evidence._asdict() for evidence in one.evidence],
        "cause": None if one.cause is None else str(one.cause),
        "because_of": one.because_of,
        "remedy": one.remedy,
        "commands": list(one.commands),
        "took_ms": one.took_ms,
    }


def _ignored(one: Ignored) -> dict[str, Any]:
    return {
        "code": one.finding.code,
        "subject": one.finding.subject,
        "state": str(one.finding.state),
        "rule": one.rule.name,
        "reason": one.rule.reason,
        "until": one.rule.until,
    }
