"""Every way a command ends has one number and one sentence, whatever the format."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from academyctl import output
from academyctl.__main__ import in_both
from academyctl.errors import Both, WorkFailed
from tests.cli.boom import KINDS
from tests.cli.tool import Ended, academyctl, environment

CODES = {
    "failed": 1,
    "config": 2,
    "usage": 2,
    "cannot-tell": 3,
    "bug": 70,
    "socket": 70,
    "interrupted": 130,
    "aborted": 130,
}
FORMATS = ("table", "json")


def boom(folder: Path, *words: str, **env: str) -> Ended:
    return academyctl(*words, folder=folder, env=env, module="tests.cli.boom")


def only_object(ended: Ended) -> dict[str, object]:
    """stdout as exactly one JSON object; anything before or after it fails."""
    found = json.loads(ended.raw.decode("utf-8"))
    assert isinstance(found, dict)
    return found


def test_every_kind_of_error_is_tried() -> None:
    assert set(KINDS) == set(CODES)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize(("kind", "code"), CODES.items())
def test_an_error_has_its_code_in_every_format(tmp_path: Path, kind: str, code: int, fmt: str) -> None:
    ended = boom(tmp_path, "boom", kind, "--output", fmt)
    assert ended.code == code, ended.err
    assert "Traceback" not in ended.err
    if fmt == "json":
        error = only_object(ended)["error"]
        assert isinstance(error, dict)
        assert error["what"]
        assert set(error) == {"code", "what", "why", "remedy"}
    else:
        assert ended.raw == b""
        assert ended.err.strip()


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("code", [0, 1, 2, 3, 4])
def test_a_result_keeps_the_code_that_its_command_chose(tmp_path: Path, code: int, fmt: str) -> None:
    for kind in (str(code), f"returns-{code}"):
        ended = boom(tmp_path, "boom", kind, "-o", fmt)
        assert ended.code == code
        if fmt == "json":
            assert only_object(ended) == {"kind": kind}


def test_json_holds_an_object_even_when_the_command_said_nothing(tmp_path: Path) -> None:
    ended = boom(tmp_path, "boom", "silent-3", "-o", "json")
    assert (ended.code, "error" in only_object(ended)) == (3, True)


def test_an_error_after_the_result_does_not_add_a_second_object(tmp_path: Path) -> None:
    ended = boom(tmp_path, "boom", "twice", "-o", "json")
    assert (ended.code, only_object(ended)) == (1, {"kind": "twice"})
    assert "after the result" in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("nosuch", "-o", "json"),
        ("-o", "json", "nosuch"),
        ("boom", "--output=json"),
        ("boom", "1", "--nosuch", "-ojson"),
        ("config", "--output", "json"),
        ("-o", "json"),
        ("--lang", "xx", "config", "show", "-o", "json"),
        ("--config", "absent.toml", "config", "show", "-o", "json"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_one_object_and_exit_2(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = boom(tmp_path, *words)
    assert ended.code == 2, ended.err
    error = only_object(ended)["error"]
    assert isinstance(error, dict)
    assert error["code"] in ("usage", "config")


def test_a_wrong_word_names_its_neighbour_and_where_to_look(tmp_path: Path) -> None:
    ended = academyctl("vidoe", folder=tmp_path)
    assert ended.code == 2
    assert "Did you mean 'video'?" in ended.err
    assert "academyctl --help" in ended.err


def test_no_word_at_all_shows_the_help(tmp_path: Path) -> None:
    ended = academyctl(folder=tmp_path)
    assert (ended.code, ended.raw) == (2, b"")
    assert "Commands:" in ended.err


def test_the_format_may_stand_before_the_word(tmp_path: Path) -> None:
    assert only_object(boom(tmp_path, "-o", "json", "boom", "format")) == {"format": "json"}
    assert only_object(boom(tmp_path, "-o", "json", "boom", "format", "-o", "table")) == {"format": "table"}
    assert only_object(boom(tmp_path, "boom", "format")) == {"format": "table"}


@pytest.mark.parametrize(("lang", "word"), [("ko", "다음: 다시 하세요"), ("en", "next: do it again")])
def test_the_remedy_is_in_the_operators_language(tmp_path: Path, lang: str, word: str) -> None:
    assert word in boom(tmp_path, "--lang", lang, "boom", "failed").err
    assert word in boom(tmp_path, "boom", "failed", ACADEMYCTL_LANG=lang).err


def test_a_bug_leaves_a_log_without_secrets_whose_path_is_said(tmp_path: Path) -> None:
    env = {"TMPDIR": str(tmp_path), "TEMP": str(tmp_path), "TMP": str(tmp_path)}
    ended = boom(tmp_path, "boom", "bug", "-o", "json", **env)
    error = only_object(ended)["error"]
    assert isinstance(error, dict)
    logs = list(tmp_path.glob("academyctl-bug-*.log"))
    assert [str(log) in error["remedy"] for log in logs] == [True]
    text = logs[0].read_text(encoding="utf-8")
    assert "ZeroDivisionError" in text
    assert "Traceback" in text
    for hidden in ("abcdefgh", "1234-5678"):
        assert hidden not in text + ended.out + ended.err
    assert boom(tmp_path, "boom", "bug", **env).err.count("\n") == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_an_interrupt_from_the_keyboard_ends_with_130_and_no_traceback(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "tests.cli.boom", "boom", "wait"]
    with subprocess.Popen(
        argv, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"waiting\n"
        try:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) == 130
        finally:
            process.kill()
        assert process.stderr.read() == b"interrupted\n"


@pytest.mark.parametrize("words", [("config", "show"), ("config", "show", "-o", "json"), ("--help",), ("local", "-h")])
def test_a_reader_that_leaves_is_no_error(tmp_path: Path, words: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    argv = [sys.executable, "-m", "academyctl", *words]
    done = subprocess.run(
        argv, cwd=tmp_path, env=environment(tmp_path), stdout=writer, stderr=subprocess.PIPE, check=False, timeout=30
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", [("config", "show"), ("config", "show", "-o", "json"), ("--help",)])
def test_a_full_disk_under_the_output_is_exit_1(tmp_path: Path, words: tuple[str, ...]) -> None:
    argv = [sys.executable, "-m", "academyctl", *words]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            argv, cwd=tmp_path, env=environment(tmp_path), stdout=full, stderr=subprocess.PIPE, check=False, timeout=30
        )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


def test_production_is_not_changed_without_a_yes(tmp_path: Path) -> None:
    refused = boom(tmp_path, "boom", "production", "-o", "json", ACADEMYCTL_PRODUCTION="true")
    assert refused.code == 2
    assert "delete everything" in refused.err
    assert "error" in only_object(refused)
    assert boom(tmp_path, "--yes", "boom", "production", ACADEMYCTL_PRODUCTION="true").code == 0
    assert boom(tmp_path, "boom", "production").code == 0


def test_what_is_wrong_with_the_words_is_told_in_the_language_that_they_ask_for(tmp_path: Path) -> None:
    assert "'vidoe' 명령은 없습니다. 혹시 'video'인가요?" in academyctl("--lang", "ko", "vidoe", folder=tmp_path).err
    ended = academyctl("--lang", "ko", "queue", "peek", "-o", "json", folder=tmp_path)
    assert "NAME을(를) 입력해야" in str(only_object(ended)["error"])


@pytest.mark.parametrize(("said", "korean"), [
    ("No such option: --dely (Possible options: --delay)", "--dely 옵션은 없습니다. (비슷한 옵션: --delay)"),
    ("Missing option '--json'.", "--json 옵션이 필요합니다."),
    ("Invalid value for '--max': 'x' is not a valid int range.",
     "'--max'의 값이 올바르지 않습니다: 'x'은(는) 정수가 아닙니다."),
    ("Invalid value for '--max': 9 is not in the range 0<=x<=5.",
     "'--max'의 값이 올바르지 않습니다: 9은(는) 범위 0<=x<=5 밖입니다."),
    ("A sentence that nobody knows.", "A sentence that nobody knows."),
])  # fmt: skip
def test_the_parsers_sentences_are_known_in_korean(said: str, korean: str) -> None:
    assert in_both(said).ko == korean
    korean.encode("cp949")


def test_a_list_of_commands_cuts_no_summary(tmp_path: Path) -> None:
    listed = " ".join(academyctl("host", "--help", folder=tmp_path).out.split())
    assert "place in the group, and what the worker on it does." in listed


def test_an_error_that_knows_two_languages_is_told_in_the_operators() -> None:
    error = WorkFailed(Both("no queue", "큐 없음"), why=Both("gone", "삭제됨"))
    assert (str(error), error.what, error.told_in("ko"), error.told_in("en")) == (
        "no queue: gone", "no queue", ("큐 없음", "삭제됨"), ("no queue", "gone"),
    )  # fmt: skip


def test_a_command_that_is_told_carries_the_runs_own_options() -> None:
    output.repeat(("--profile", "my own"), ("queue",))
    try:
        told = output.as_typed("academyctl queue tune; academyctl --profile x queue list; academyctl queues")
    finally:
        output.begin()
    assert told == "academyctl --profile 'my own' queue tune; academyctl --profile x queue list; academyctl queues"
    assert output.as_typed("academyctl queue tune") == "academyctl queue tune"
