"""From findings to one cause: consequences fold under what explains them, and the worst root names the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from academyctl.errors import EXIT_CANNOT_TELL, EXIT_FAILED, EXIT_OK, EXIT_WARNINGS
from checks._model import Finding, Kind, State, Verdict

_RANK = {State.fail: 3, State.crash: 2, State.unknown: 2, State.warn: 1}
# Of two faults the earlier class is mended first: the later ones are often only seen through it.
_ORDER = (Verdict.settings, Verdict.infrastructure, Verdict.capacity, Verdict.data, Verdict.code)


def fold(findings: Sequence[Finding], kinds: Mapping[str, Kind]) -> tuple[Finding, ...]:
    """Give every consequence the key of its root in `because_of`."""
    bad = [one for one in findings if one.state in _RANK]
    parent = {one.key: one.because_of for one in findings if one.because_of}
    for one in bad:
        if one.key not in parent and (found := _explained(one, bad, kinds)):
            parent[one.key] = found.key
    rooted = ((one, _root(one.key, parent)) for one in findings)
    return tuple(replace(one, because_of=root) if root != one.key else one for one, root in rooted)


def roots(findings: Sequence[Finding]) -> list[Finding]:
    """What stands on its own: neither fine, nor skipped, nor explained by another finding. Worst first."""
    follow = Counter(one.because_of for one in findings if one.because_of)
    alone = [one for one in findings if one.state in _RANK and not one.because_of]
    return sorted(alone, key=lambda one: (-_RANK[one.state], _class(one), -follow[one.key]))


def decide(findings: Sequence[Finding]) -> tuple[Verdict, State, Finding | None]:
    """The verdict, how bad it is, and the finding to mend first.

    Warnings alone name their cause, with state warn: `healthy` means that nothing at all was found. When nothing was
    seen, nothing is known.
    """
    found = roots(findings)
    if found:
        root = found[0]
        if root.state in (State.unknown, State.crash):
            return Verdict.cannot_tell, State.unknown, root
        return root.cause or Verdict.cannot_tell, root.state, root
    if not any(one.state is State.ok for one in findings):
        return Verdict.cannot_tell, State.unknown, None
    return Verdict.healthy, State.ok, None


def exit_code(state: State, *, fail_on_warn: bool = False) -> int:
    """0 fine, 1 something failed, 3 something could not be seen, 4 warnings when they were asked to count."""
    if state is State.fail:
        return EXIT_FAILED
    if state in (State.unknown, State.crash, State.skip):
        return EXIT_CANNOT_TELL
    return EXIT_WARNINGS if state is State.warn and fail_on_warn else EXIT_OK


def _explained(one: Finding, bad: Sequence[Finding], kinds: Mapping[str, Kind]) -> Finding | None:
    for because in kinds[one.code].because if one.code in kinds else ():
        for other in bad:
            if other.code != because.code or other.key == one.key or _RANK[other.state] < _RANK[one.state]:
                continue
            if all(other.value(name) == one.value(name) for name in because.same):
                return other
    return None


def _root(key: str, parent: Mapping[str, str]) -> str:
    seen = {key}
    while (up := parent.get(key, "")) and up not in seen:
        seen.add(up)
        key = up
    return key


def _class(one: Finding) -> int:
    return _ORDER.index(one.cause) if one.cause in _ORDER else len(_ORDER)
