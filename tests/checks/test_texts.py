"""Every code speaks both languages, every failure has a remedy, and every command it proposes exists."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from academyctl.cli._root import app
from checks._engine import diagnose, kinds
from checks._model import State
from checks._texts import FOLDER, Shell, load, text_of, worded
from checks._topics import chosen
from tests.checks import facts as f
from tests.checks.cases import CASES

LANGS = ("en", "ko")
KINDS = kinds(f.TOPICS)
CHECKS = [check for topic in f.TOPICS for check in topic.checks]


@pytest.mark.parametrize("lang", LANGS)
def test_every_check_has_a_title_that_says_more_than_its_code(lang: str) -> None:
    for check in CHECKS:
        assert text_of(check.code, lang).title not in ("", check.code), check.code


@pytest.mark.parametrize("lang", LANGS)
def test_every_finding_has_a_summary_and_a_remedy(lang: str) -> None:
    for code, kind in KINDS.items():
        text = text_of(code, lang)
        if kind.state is State.ok:
            assert text.ok, code
            continue
        assert text.summary not in ("", code), code
        assert text.remedy, code


def test_both_languages_have_the_same_codes_with_the_same_values() -> None:
    english, korean = load("en"), load("ko")
    assert set(english) == set(korean)
    for code, text in english.items():
        # 'remedy' may name a value in one language where the other needs none, but never one that does not exist.
        for part in ("ok", "summary"):
            assert _names(getattr(text, part)) == _names(getattr(korean[code], part)), (code, part)


def test_no_text_is_left_over() -> None:
    used = set(KINDS) | {check.code for check in CHECKS}
    shared = {f"*.{code.partition('.')[2]}" for code in used}
    assert {code for code in load("en") if not code.startswith("report.")} - used - shared == set()


def test_korean_texts_are_korean() -> None:
    for code, text in load("ko").items():
        for part in (text.title, text.ok, text.summary, text.remedy):
            assert not part or re.search("[가-힣]", part), (code, part)


@pytest.mark.parametrize("lang", LANGS)
def test_every_text_survives_a_korean_windows_console(lang: str) -> None:
    for path in FOLDER.glob(f"*.{lang}.toml"):
        path.read_text(encoding="utf-8").encode("cp949")


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_finding_reads_with_a_hole(case: Any, lang: str) -> None:
    found = f.judged(**case.facts)
    for one in worded(found.findings, lang, KINDS, shell=Shell(), local=False):
        said = [one.title, one.summary, one.remedy, *one.commands]
        assert all(said[:2]), one.code
        # A policy statement is JSON, whose braces are no hole.
        assert not any(re.search(r"{\w*}|\?", text) for text in said), said
        if one.state is State.fail and not one.because_of:
            assert one.commands, f"{one.code} leaves the operator without a next command"


def _commands() -> Iterator[str]:
    for case in CASES:
        found = diagnose(f.TOPICS, f.snapshot(**case.facts))
        for local in (False, True):
            for one in worded(found.findings, "en", KINDS, shell=Shell(options=("--profile", "prod")), local=local):
                yield from one.commands


def _parsed(words: list[str]) -> None:
    """Raises the parser's own error unless the words are a command line of academyctl."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("academyctl", list(words))
    # A group that works without a word of its own (`diagnose`) ends the words.
    while hasattr(command, "resolve_command") and (
        words := [*context._protected_args, *context.args] or ([""] if not command.invoke_without_command else [])
    ):
        name, command, rest = command.resolve_command(context, words)
        context = command.make_context(name, rest, parent=context)


def test_every_proposed_command_parses() -> None:
    lines = sorted(set(_commands()))
    assert len(lines) > 50
    for line in lines:
        try:
            _check_command(line)
        except Exception as error:
            raise AssertionError(line) from error


def _check_command(line: str) -> None:
    verb, _, rest = line.partition(" ")
    if verb == "export":
        assert re.fullmatch(r"[A-Z0-9_]+=\S+", rest)
        return
    assert verb == "academyctl"
    _parsed(rest.split())
    if " diagnose " in line:
        words = rest.partition("diagnose ")[2].split()
        assert chosen([word for word in words if not word.startswith("-") and not word.isdigit()])


def test_the_parser_of_this_test_refuses_a_wrong_command() -> None:
    for line in ("config shwo", "video unlock", "diagnose --timeout never", "nothing"):
        with pytest.raises(Exception, match=r"."):  # click's own errors, which typer does not export
            _parsed(line.split())


def test_commands_carry_the_options_of_this_run_and_the_shell_of_this_machine() -> None:
    sh = Shell(options=("--profile", "prod", "--config", "my file.toml"))
    assert sh.command("academyctl config show") == "academyctl --profile prod --config 'my file.toml' config show"
    assert sh.command("academyctl local up") == "academyctl local up"
    assert sh.command("set DB_NAME=it's") == "export DB_NAME='it'\\''s'"
    assert Shell(windows=True).command("set DB_NAME=it's") == "$env:DB_NAME = 'it''s'"
    assert Shell(windows=True).command("set DB_NAME=academy") == "$env:DB_NAME = 'academy'"


def test_the_texts_are_shipped_with_the_package() -> None:
    project = tomllib.loads((FOLDER.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert "checks" in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert FOLDER.parent.name == "checks"


def _names(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))
