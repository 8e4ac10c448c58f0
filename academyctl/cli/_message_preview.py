"""`message preview`: the words of the command into texts, and what would become of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from academyctl.cli._common import Session
from academyctl.cli._words import academy
from academyctl.errors import EXIT_FAILED, BadMessage, Both, UsageError, WorkFailed
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.contract.texts import Mode
    from academyctl.message_drafts import Asked
    from academyctl.stores import Stores

MAX_RECEIVERS = 10_000


@dataclass(frozen=True)
class Written:
    """The words of the command, as they were typed."""

    tenant: str
    to: Sequence[str]
    to_file: Path | None
    text: str
    text_file: Path | None
    stdin: bool
    mode: Mode
    template: str
    variables: Sequence[str]
    sender: str

    @property
    def is_nothing(self) -> bool:
        said = (self.tenant, self.to, self.to_file, self.text, self.text_file, self.stdin, self.template)
        return not any(said) and not self.variables and not self.sender and self.mode == "sms"

    def asked(self) -> Asked:
        """Raises UsageError for a file that cannot be read and for words that do not go together."""
        from academyctl.message_drafts import Asked

        receivers = (*self.to, *(_numbers(self.to_file) if self.to_file else ()))
        if not receivers:
            raise UsageError(
                f"{self.to_file} holds no number" if self.to_file else "nobody is to get it",
                remedy=Both("give --to or --to-file", "--to 또는 --to-file로 받는 번호를 지정하세요"),
            )
        if not all(number.strip() for number in receivers):
            raise UsageError(
                "--to is given and empty", remedy=Both("give a number, or leave it out", "번호를 넣거나 빼세요")
            )
        if len(receivers) > MAX_RECEIVERS:
            raise UsageError(
                f"{len(receivers)} numbers are too many for one command, which takes {MAX_RECEIVERS}",
                remedy=Both("split the file", "파일을 나누세요"),
            )
        pairs = tuple(_pair(word) for word in self.variables)
        return Asked(receivers, self._said(), self.mode, self.template, pairs, self.sender)

    def _said(self) -> str:
        given = (self.text != "") + (self.text_file is not None) + self.stdin
        if given != 1:
            raise UsageError(
                "the text is given in several ways" if given else "there is no text",
                remedy=Both(
                    "give one of --text, --text-file and --stdin; the API also wants one beside an Alimtalk",
                    "--text, --text-file, --stdin 중 하나만 지정하세요. 알림톡에도 필요합니다",
                ),
            )
        if self.text:
            return self.text
        text, where = (_decoded(self.text_file), str(self.text_file)) if self.text_file else (_stdin(), "stdin")
        # What an editor or a shell adds at the end is not part of the text.
        text = text.removesuffix("\n").removesuffix("\r")
        if not text:
            raise UsageError(f"{where} has no text", remedy=Both("write one into it", "보낼 내용을 넣으세요"))
        return text


def preview(here: Session, written: Written, body: Path | None, *, reveal: bool, fmt: Format) -> None:
    """Print what would go out; exits with 1 when it would be refused. Raises WorkFailed for a body that is none."""
    from academyctl import output
    from academyctl.message_drafts import look, write
    from academyctl.message_report import as_json, as_text

    stores = here.stores()
    if body is not None:
        from academyctl.contract.texts import parse_text

        if not written.is_nothing:
            raise UsageError("--body is a whole message", remedy=Both("give it alone", "--body만 지정하세요"))
        try:
            texts, repeated = [parse_text(_decoded(body))], 0
        except BadMessage as error:
            raise WorkFailed(
                f"{body}: {error}",
                why="a worker drops such a message",
                code=error.code,
                remedy=Both("give one JSON object as the API sends it", "API가 보내는 JSON 객체 하나를 지정하세요"),
            ) from error
        tenant = texts[0].tenant_id
    else:
        asked = written.asked()
        tenant = academy_id(stores, written.tenant)
        texts, repeated = write(asked, tenant)
    found = look(stores, texts, tenant, datetime.now(UTC), repeated)
    # The request itself is made by Solapi's own library, which takes half a second to load: only who asks for it waits.
    told = as_json(found, here.lang, reveal=reveal) if fmt == Format.json else {}
    output.emit(told, fmt=fmt, table=lambda: as_text(found, here.lang, reveal=reveal), revealed=reveal)
    if found.refused:
        raise typer.Exit(EXIT_FAILED)


def academy_id(stores: Stores, word: str) -> int:
    """Raises UsageError when no academy is meant, or two."""
    if not word:
        raise UsageError("no academy is given", remedy=Both("give --tenant ID|CODE", "--tenant ID|CODE를 지정하세요"))
    return academy(stores, word).id


def _pair(word: str) -> tuple[str, str]:
    name, given, value = word.partition("=")
    name = name.strip().removeprefix("#{").removesuffix("}")
    if not given or not name:
        raise UsageError(f"--var {word} is no NAME=VALUE", remedy=Both("as --var name=Kim", "예: --var 이름=홍길동"))
    return name, value


def _numbers(file: Path) -> list[str]:
    lines = (line.partition("#")[0].strip().strip(",;\"'") for line in _decoded(file).splitlines())
    return [line for line in lines if line]


def _decoded(file: Path) -> str:
    """A file's text: UTF-8, else what Korean Windows calls ANSI. Raises UsageError when it is neither, or not there."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read", why=str(error.strerror or error),
            remedy=Both("give a file that you may read", "읽을 수 있는 파일을 지정하세요"),
        ) from error  # fmt: skip
    return _text_of(raw, str(file))


def _stdin() -> str:
    # A Korean Windows pipes CP949 whatever Python thinks that stdin is.
    return _text_of(sys.stdin.buffer.read(), "stdin")


def _text_of(raw: bytes, where: str) -> str:
    for encoding in ("utf-8-sig", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UsageError(
        f"{where} is no text", why="neither UTF-8 nor CP949",
        remedy=Both("save it as UTF-8", "UTF-8로 저장하세요"),
    )  # fmt: skip
