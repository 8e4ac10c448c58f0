"""`scaling doctor`: the findings, worst first, each with what was seen and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from academyctl.cli._common import Session
from academyctl.errors import EXIT_CANNOT_TELL, EXIT_FAILED, EXIT_OK, Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.ops.doctor_words import Finding

WELL = Both(
    "nothing is wrong with the scaling of {group} ({policy})", "{group}의 스케일링에 문제가 없습니다 ({policy})"
)
NONE = Both("no known policy", "알려진 정책 아님")


def doctor(here: Session, role: str, fmt: Format) -> None:
    """Raises AwsError, and WorkFailed when there is no such group."""
    from academyctl import output
    from academyctl.cli._scaling_changes import state_folder
    from academyctl.ops import doctor as rules
    from academyctl.ops import doctor_words as words
    from academyctl.ops import saves
    from academyctl.ops.doctor_facts import gather
    from academyctl.ops.scaling_state import names
    from academyctl.ops.scaling_words import filled

    these = names(here.loaded.settings, role)
    facts = gather(here.stores(), these)
    found = rules.examine(facts)
    if left := saves.unfinished(saves.listed(state_folder(here, facts.state.raw), these.group)):
        again = f"academyctl scaling rollback --role {role} --apply"
        text = Both(f"an {left.by} did not end", f"끝나지 않은 작업이 있습니다 ({left.by})")
        found = (
            words.Finding(words.WARN, "unfinished", text, f"{left.by} {left.what}, save {left.name}", again),
            *found,
        )
    policy = facts.policy or NONE.pick(here.lang)
    output.emit(
        {
            "version": 1,
            "role": role,
            "group": these.group,
            "policy": facts.policy or None,
            "findings": [
                {"level": one.level, "code": one.code, "text": one.text.pick(here.lang), "evidence": one.evidence,
                 "command": one.command} for one in found
            ],
        },
        fmt=fmt,
        table=lambda: _table(found, here.lang) or filled(WELL, group=these.group, policy=policy).pick(here.lang),
    )  # fmt: skip
    raise typer.Exit(code_of({one.level for one in found}))


def code_of(levels: set[str]) -> int:
    """The exit code of findings of these levels; as in a diagnosis, a warning alone is no failure."""
    from academyctl.ops import doctor_words as words

    return EXIT_FAILED if words.FAIL in levels else EXIT_CANNOT_TELL if words.UNKNOWN in levels else EXIT_OK


def _table(found: tuple[Finding, ...], lang: str) -> str:
    from academyctl.output import as_typed

    lines: list[str] = []
    for one in found:
        lines.append(f"{one.level:<7}  {one.code}: {one.text.pick(lang)}")
        lines.append(f"         {one.evidence}")
        if one.command:
            lines.append(f"next     {as_typed(one.command)}")
    return "\n".join(lines)
