"""`academyctl lambda deploy` and `lambda env set`: a plan, and what undoes it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from academyctl.cli._changes import carry_out, undo_options
from academyctl.cli._common import Session
from academyctl.errors import Both, UsageError
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.ops.lambda_deploy import Plan

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]+")


def run(here: Session, name: str, *, role: str, reserve: bool, rollback: bool, to: str, apply: bool,
        fmt: Format) -> None:  # fmt: skip
    """Plan a deployment or a rollback, and carry it out. Raises UsageError, AwsError, Halfway."""
    from academyctl.ops import lambda_deploy, lambda_specs

    if to and not rollback:
        raise UsageError(
            Both("--to goes with --rollback", "--to는 --rollback과 함께 씁니다"),
            remedy=Both("give both", "둘을 함께 지정하세요"),
        )
    stores, where, options = here.stores(), _where(here), undo_options(here)
    if rollback:
        _carry_out(here, lambda_deploy.rollback(stores, name, where, key=to, options=options), apply=apply, fmt=fmt)
        return
    word = lambda_specs.word_of(here.loaded.settings, name)
    if not word:
        known = ", ".join(lambda_specs.WORDS)
        raise UsageError(
            Both(
                f"{name} is none of the functions that academyctl brings",
                f"{name}은(는) academyctl이 제공하는 함수가 아닙니다",
            ),
            remedy=Both(f"one of: {known}", f"다음 중 하나: {known}"),
        )
    plan = lambda_deploy.deployment(stores, word, where, role=role, reserve=reserve, options=options)
    _carry_out(here, plan, apply=apply, fmt=fmt)


def set_variables(here: Session, name: str, pairs: Sequence[str], unset: Sequence[str], *, apply: bool,
                  fmt: Format) -> None:  # fmt: skip
    """Plan the change of some variables, and carry it out. Raises UsageError, WorkFailed, AwsError, Halfway."""
    from academyctl.ops import lambda_deploy

    put = dict(_pair(one) for one in pairs)
    if not put and not unset:
        raise UsageError(
            Both("nothing to set", "설정할 변수가 없습니다"),
            remedy=Both("give KEY=VALUE or --unset KEY", "KEY=VALUE 또는 --unset KEY를 지정하세요"),
        )
    if both := sorted(set(put) & set(unset)):
        raise UsageError(
            Both(f"{both[0]} is set and removed at once", f"{both[0]}을(를) 설정하면서 삭제할 수는 없습니다"),
            remedy=Both("give one of the two", "하나만 지정하세요"),
        )
    plan = lambda_deploy.environment(here.stores(), name, _where(here), put=put, drop=unset, options=undo_options(here))
    _carry_out(here, plan, apply=apply, fmt=fmt)


def _carry_out(here: Session, plan: Plan, *, apply: bool, fmt: Format) -> None:
    told = {"function": plan.name, "save": plan.save.key if plan.repairs else None}
    carry_out(
        here, plan.repairs, apply=apply, fmt=fmt, remarks=plan.remarks, told=told,
        before=lambda: plan.keep(here.stores()),
    )  # fmt: skip
    if apply and plan.repairs:
        plan.ended()


def _where(here: Session) -> Path:
    from academyctl.ops import lambda_saves
    from academyctl.repairs import audit_path

    return lambda_saves.folder(here.loaded.settings.fleet.state_dir, audit_path())


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not _NAME.fullmatch(name):
        # The text is not repeated: it may be a secret without its name.
        raise UsageError(
            Both("a variable is written KEY=VALUE", "변수는 KEY=VALUE로 씁니다"),
            why=f"{name} has no value" if _NAME.fullmatch(name) and name.isupper() else "",
            remedy=Both("letters, digits and _, then = and the value", "영문, 숫자, _로 된 이름 뒤에 =와 값을 쓰세요"),
        )
    return name, value
