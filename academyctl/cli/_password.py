"""The first password of new accounts: asked for without echo or read from stdin, never an argument of the command."""

from __future__ import annotations

import sys

import typer

from academyctl.cli._common import Session
from academyctl.errors import Both, UsageError


def first_password(here: Session, *, stdin: bool) -> str:
    """Raises UsageError when it is too short, or when nobody can be asked."""
    from academyctl.passwords import FIRST_PASSWORD_MIN

    if stdin:
        # PowerShell may put a byte order mark before what it pipes.
        found = sys.stdin.readline().lstrip("\ufeff").rstrip("\r\n") if sys.stdin else ""
    elif sys.stdin and sys.stdin.isatty():
        question = Both("first password of the new accounts", "새 계정의 초기 비밀번호")
        found = typer.prompt(question.pick(here.lang), hide_input=True, confirmation_prompt=True, err=True)
    else:
        raise UsageError(
            "this needs the first password of the new accounts, and nobody can be asked",
            remedy=Both(
                "put it on stdin: --password-stdin (it is never an argument: others could see it)",
                "표준 입력으로 주세요: --password-stdin (명령줄 인자로는 받지 않습니다)",
            ),
            code="needs-password",
        )
    if len(found) < FIRST_PASSWORD_MIN:
        raise UsageError(
            f"the first password needs {FIRST_PASSWORD_MIN} characters or more",
            remedy=Both("give a longer one", f"초기 비밀번호는 {FIRST_PASSWORD_MIN}자 이상이어야 합니다"),
            code="short-password",
        )
    return found
