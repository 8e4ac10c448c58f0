"""A report for build servers: JUnit's XML, a suite a topic; well formed whatever happened, for they read no other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from checks._model import Finding, State
from checks._report_words import Report, follows, headline, tail

# What XML 1.0 cannot hold at all, not even escaped.
_UNSAYABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def as_junit(report: Report) -> str:
    """What failed is a failure, what could not be seen an error; what follows from another finding is skipped."""
    suites = [_suite(report, topic, findings) for topic, findings in report.topics.items()]
    counted = [_kind(report, one) for one in report.listed]
    took = report.diagnosis.snapshot.took_ms / 1000
    head = _attributes(
        name="academyctl diagnose", tests=len(counted), failures=counted.count("failure"),
        errors=counted.count("error"), time=f"{took:.3f}",
    )  # fmt: skip
    said = _text("\n".join([headline(report), *tail(report)]))
    return f"{_HEAD}<testsuites{head}>\n<!-- {said.replace('--', '- -')} -->\n{''.join(suites)}</testsuites>\n"


def aborted(what: str, why: str) -> str:
    """There is no diagnosis: one case that says so, for a missing file reads as a success."""
    case = f"<testcase{_attributes(classname='academyctl', name='diagnose')}>"
    error = f"<error{_attributes(type='aborted', message=what)}>{_text(why)}</error>"
    suite = _attributes(name="academyctl", tests=1, failures=0, errors=1)
    return f"{_HEAD}<testsuites{suite}>\n<testsuite{suite}>\n{case}{error}</testcase>\n</testsuite>\n</testsuites>\n"


def _suite(report: Report, topic: str, findings: Sequence[Finding]) -> str:
    kinds = [_kind(report, one) for one in findings]
    snapshot = report.diagnosis.snapshot
    head = _attributes(
        name=report.topic_title(topic), tests=len(findings), failures=kinds.count("failure"),
        errors=kinds.count("error"), skipped=kinds.count("skipped"), timestamp=snapshot.taken_at,
        time=f"{snapshot.topics[topic].took_ms / 1000:.3f}",
    )  # fmt: skip
    return f"<testsuite{head}>\n{''.join(_case(report, one) for one in findings)}</testsuite>\n"


def _case(report: Report, one: Finding) -> str:
    named = f"{one.title} [{one.subject}]" if one.subject else one.title
    head = f"<testcase{_attributes(classname=f'academyctl.{one.topic}', name=named)}"
    kind = _kind(report, one)
    if kind == "skipped":
        reason = report.say("also", root=one.because_of) if follows(one) else one.summary
        return f"{head}><skipped{_attributes(message=reason)}/></testcase>\n"
    body = _text("\n".join(_detail(report, one)))
    if kind:
        return f"{head}><{kind}{_attributes(type=one.code, message=one.summary)}>{body}</{kind}></testcase>\n"
    return f"{head}><system-out>{body}</system-out></testcase>\n"


def _kind(report: Report, one: Finding) -> str:
    if one.state is State.skip or follows(one):
        return "skipped"
    if one.state in (State.unknown, State.crash):
        return "error"
    failed = one.state is State.fail or (one.state is State.warn and report.fail_on_warn)
    return "failure" if failed else ""


def _detail(report: Report, one: Finding) -> Iterator[str]:
    yield one.summary
    yield from (f"{evidence.source}: {evidence.value} ({evidence.at})" for evidence in one.evidence)
    if one.remedy:
        yield f"{report.say('next')}: {one.remedy}"
    yield from (f"  {command}" for command in one.commands)


def _attributes(**values: object) -> str:
    # A line end in an attribute would be read as a blank.
    return "".join(f' {name}="{_text(str(value))}"'.replace("\n", "&#10;") for name, value in values.items())


def _text(text: str) -> str:
    return escape(_UNSAYABLE.sub("?", text))
