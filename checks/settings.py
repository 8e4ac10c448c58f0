"""Settings: what is missing for which worker, what contradicts itself, what has no effect (contract 9)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from checks._against import Against, Difference
from checks._model import Because, Check, Finding, Kind, Snapshot, State, Verdict
from checks._settings_facts import Facts, Missing, Order, Pair, gather

__all__ = ["CHECKS", "Against", "Difference", "Facts", "Missing", "Order", "Pair", "gather"]

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+")

MISSING = Kind("settings.missing", State.fail, Verdict.settings, ("academyctl config show --section {section}",))
REGION = Kind("settings.region-odd", State.fail, Verdict.settings, ("set AWS_REGION=ap-northeast-2",))
ENDPOINT = Kind("settings.endpoint-odd", State.fail, Verdict.settings, ("set {name}=https://{value}",))
_REGION_SET = (Because("settings.region-odd", ("used",)), Because("sqs.none-here", ("used",)))
PAIR = Kind("settings.contradiction", State.warn, Verdict.settings, ("academyctl config show",), because=_REGION_SET)
BUCKETS = Kind("settings.buckets-differ", State.fail, Verdict.settings, ("academyctl config show --section r2",))
OBSOLETE_SET = Kind("settings.obsolete", State.warn, Verdict.settings, ("academyctl config show --changed",))
MISSPELT = Kind("settings.misspelt", State.warn, Verdict.settings, ("academyctl config show --changed",))
PADDED = Kind("settings.padded", State.warn, Verdict.settings, ("academyctl config show --changed",))
DEBUG = Kind("settings.debug", State.warn, Verdict.settings, ("set DEBUG=false",))
MOCK = Kind("settings.solapi-mock", State.warn, Verdict.settings, ("set SOLAPI_MOCK=false",))
ORDER = Kind("settings.limits", State.warn, Verdict.settings, ("academyctl config show --section ai",))
_SHOW = ("academyctl config show --section {section}",)
DIFFERS = Kind("settings.differs", State.fail, Verdict.settings, _SHOW)
VARIES = Kind("settings.varies", State.warn, Verdict.settings, _SHOW)
ONE_SIDED = Kind("settings.one-sided", State.warn, Verdict.settings, ("academyctl config show",))


def _judge_required(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    for one in facts.missing:
        evidence = ("settings", f"{one.names} is empty")
        yield MISSING.found(one.names, evidence, section=one.section, workers=one.workers)
    if not facts.missing:
        yield REQUIRED_SET.ok("", workers=", ".join(facts.workers), elsewhere=", ".join(facts.elsewhere) or "-")


def _judge_form(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    fine = True
    if facts.region_used and not _REGION.fullmatch(facts.region):
        fine = False
        yield REGION.found(
            "AWS_REGION", ("settings", f"aws.region={facts.region}"), region=facts.region, used="AWS_REGION"
        )
    for name, value in facts.endpoints.items():
        if value and not value.startswith(("http://", "https://")):
            fine = False
            yield ENDPOINT.found(name, ("settings", f"{name}={value}"), name=name, value=value)
    if fine:
        yield FORM.ok("", region=facts.region)


def _judge_agreement(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    for pair in facts.pairs:
        buckets = {pair.used, pair.other} == {"R2_BUCKET", "R2_VIDEO_BUCKET"}
        evidence = [
            ("environment", f"{name}={value}" if value else f"{name} (secret, not shown)")
            for name, value in ((pair.used, pair.used_value), (pair.other, pair.other_value))
        ]
        kind = BUCKETS if buckets else PAIR
        yield kind.found(
            pair.used, *evidence, used=pair.used, other=pair.other,
            used_value=pair.used_value, other_value=pair.other_value, name=pair.used_value,
        )  # fmt: skip
    against = facts.against
    if against is not None:
        yield from _differing(against)
    if not facts.pairs and (against is None or not against.differences):
        yield AGREEMENT.ok("", against=f"{against.name}: {against.same}" if against else "-")


def _judge_names(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    for name, why in facts.obsolete.items():
        yield OBSOLETE_SET.found(name, ("academyctl", why), why=why)
    for name, near in facts.misspelt.items():
        yield MISSPELT.found(name, ("environment", f"{name} is read by nothing"), near=near)
    for name in facts.padded:
        yield PADDED.found(name, ("environment", f"{name} begins or ends with a blank or a line end"))
    if not (facts.obsolete or facts.misspelt or facts.padded):
        yield NAMES.ok()


def _judge_real(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if facts.solapi_mock:
        yield MOCK.found("SOLAPI_MOCK", ("settings", "solapi.mock=True"))
    if facts.debug:
        yield DEBUG.found("DEBUG", ("settings", "platform.debug=True"))
    if not (facts.debug or facts.solapi_mock):
        yield REAL.ok()


def _judge_limits(snapshot: Snapshot) -> Iterator[Finding]:
    orders = snapshot.see(Facts).orders
    for one in orders:
        told = f"{one.small}={one.small_value} {one.large}={one.large_value}"
        values = {"large": one.large, "small_value": one.small_value, "large_value": one.large_value}
        yield ORDER.found(one.small, ("settings", told), **values)
    if not orders:
        yield LIMITS.ok()


def _differing(against: Against) -> Iterator[Finding]:
    """Another environment's other values."""
    for one in against.differences:
        if not (one.here and one.there):
            continue
        evidence = (("here", f"{one.variable}={one.here}"), (against.name, f"{one.variable}={one.there}"))
        values = {"section": one.section, "here": one.here, "there": one.there, "name": against.name}
        kind = DIFFERS if one.breaks else VARIES
        found = kind.found(one.variable, *evidence, variable=one.variable, used=one.variable, **values)
        # A secret's token is no value to set.
        yield found if one.secret else replace(found, commands=("set {variable}={there}", *found.commands))
    alone = [one for one in against.differences if not (one.here and one.there)]
    if alone:
        told = [(against.name if one.there else "here", f"{one.variable}={one.there or one.here}") for one in alone]
        yield ONE_SIDED.found("", *told, name=against.name, variables=", ".join(one.variable for one in alone))


REQUIRED_SET = Check("settings.required", _judge_required, kinds=(MISSING,))
FORM = Check("settings.form", _judge_form, kinds=(REGION, ENDPOINT))
AGREEMENT = Check("settings.agreement", _judge_agreement, kinds=(PAIR, BUCKETS, DIFFERS, VARIES, ONE_SIDED))
NAMES = Check("settings.names", _judge_names, kinds=(OBSOLETE_SET, MISSPELT, PADDED))
REAL = Check("settings.real", _judge_real, kinds=(MOCK, DEBUG))
LIMITS = Check("settings.limits-fit", _judge_limits, kinds=(ORDER,))
CHECKS = (REQUIRED_SET, FORM, AGREEMENT, NAMES, REAL, LIMITS)
