"""`academyctl diagnose` as the operator types it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from academyctl.local.stack import LocalStack
from checks._report import FORMATS
from tests.checks.command import Cli, Saved
from tests.checks.command import cli as cli
from tests.checks.command import saved as saved
from tests.cli.tool import Ended, academyctl

_HEAVY = ("boto3", "botocore", "redis", "psycopg", "paramiko", "openpyxl", "rich")
_FORMATS_OF_OURS = tuple(f"checks._report_{name}" for name in ("text", "json", "junit", "md", "html"))
_RULE = '[[diagnose.ignore]]\ncode = "sqs.dead-letters"\nreason = "known"\nuntil = {}\n'


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize(
    ("case", "words", "code"),
    [
        ("healthy", [], 0),
        ("healthy", ["--fail-on", "warn"], 0),
        ("an unknown key", [], 1),
        ("an unknown key", ["--show", "warn"], 1),
        ("an unknown key", ["--ignore", "sqs.key-unknown"], 0),
        ("the database is silent", [], 3),
        ("a topic crashes", [], 3),
        ("dead letters", [], 0),
        ("dead letters", ["--fail-on", "warn"], 4),
        ("dead letters", ["--fail-on", "warn", "--show", "fail"], 4),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else str(value),
)
def test_every_format_has_the_same_exit_code(
    cli: Cli, saved: Saved, case: str, words: list[str], code: int, fmt: str
) -> None:
    ran = cli("diagnose", "--from", saved(case), "-o", fmt, *words)
    assert (ran.code, ran.err) == (code, "")
    if fmt == "json":
        assert ran.json["exit_code"] == code
    elif fmt in ("table", "short"):
        assert ran.out.startswith("verdict: ")


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_file_holds_what_would_have_been_printed(cli: Cli, saved: Saved, fmt: str) -> None:
    words = ("diagnose", "redis", "--from", saved("Redis is slow"), "-o", fmt)
    ran = cli(*words)
    cli(*words, "--to", "report")
    assert Path("report").read_text(encoding="utf-8") == ran.out


def test_a_report_goes_to_its_file_and_the_verdict_to_the_operator(cli: Cli, saved: Saved) -> None:
    ran = cli("diagnose", "--from", saved("an unknown key"), "-o", "html", "--to", "page.html")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "verdict: settings. SQS does not know the access key\npage.html\n"
    assert Path("page.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    ran = cli("diagnose", "--from", saved("healthy"), "-o", "junit", "--to", "nowhere/junit.xml")
    assert ran.code == 2
    assert "cannot be written" in ran.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["reids"], 2, "nothing called 'reids'"),
        (["--ignore", "sqs.dead-leters"], 2, "did you mean sqs.dead-letters"),
        (["--from", "nowhere.json"], 2, "nowhere.json cannot be read"),
    ],
)
def test_a_build_server_learns_that_there_was_no_diagnosis(cli: Cli, words: list[str], code: int, told: str) -> None:
    ran = cli("diagnose", "-o", "junit", *words)
    assert ran.code == code
    error = ET.fromstring(ran.out).find(".//testcase/error")
    assert error is not None
    assert told in str(error.get("message"))
    assert cli("diagnose", "-o", "junit", "--to", "junit.xml", *words).code == code
    assert ET.parse("junit.xml").find(".//testcase/error") is not None


def test_a_part_of_a_saved_diagnosis_can_be_judged_alone(cli: Cli, saved: Saved) -> None:
    ran = cli("diagnose", "redis", "db", "--from", saved("an unknown key"), "-o", "json")
    assert ran.code == 0
    assert {one["topic"] for one in ran.json["findings"]} == {"redis", "db"}


def test_korean_is_spoken_when_it_is_asked_for(cli: Cli, saved: Saved) -> None:
    ran = cli("--lang", "ko", "diagnose", "--from", saved("an unknown key"))
    assert ran.out.startswith("판정: 설정 문제. SQS에 등록되지 않은 액세스 키입니다")


def test_an_unknown_topic_is_a_usage_error_and_one_object_in_json(cli: Cli) -> None:
    ran = cli("diagnose", "reids", "-o", "json")
    assert ran.code == 2
    assert "did you mean redis" in ran.json["error"]["what"]
    assert cli("diagnose", "reids").code == 2


def test_a_file_that_is_no_saved_diagnosis_is_a_usage_error(cli: Cli) -> None:
    Path("no.json").write_text("{}", encoding="utf-8")
    ran = cli("diagnose", "--from", "no.json")
    assert ran.code == 2
    assert "cannot be read as a saved diagnosis" in ran.err


def test_what_changed_between_two_diagnoses_is_a_command(cli: Cli, saved: Saved) -> None:
    well, ill = saved("healthy"), saved("dead letters")
    for before, after, code, outcome in (
        (well, ill, 1, "worse"), (ill, well, 0, "better"), (ill, ill, 0, "same"),
    ):  # fmt: skip
        ran = cli("diagnose", "diff", before, after, "-o", "json")
        assert (ran.code, ran.json["outcome"]) == (code, outcome)
    assert "[sqs.dead-letters=academy-video-jobs-dlq]" in cli("diagnose", "diff", well, ill).out
    ran = cli("diagnose", "diff", well)
    assert (ran.code, "Missing argument 'AFTER'" in ran.err) == (2, True)
    assert cli("diagnose", "diff", "--help").out.startswith("Usage: academyctl diagnose diff [OPTIONS] ")


def test_the_settings_file_says_what_is_lived_with(cli: Cli, saved: Saved) -> None:
    words = ("diagnose", "--from", saved("dead letters"), "--fail-on", "warn", "-o", "json")
    Path("academyctl.toml").write_text(_RULE.format("2026-02-18"), encoding="utf-8")
    ran = cli(*words)
    assert (ran.code, [one["rule"] for one in ran.json["ignored"]]) == (0, ["sqs.dead-letters"])
    Path("academyctl.toml").write_text(_RULE.format("2026-02-16"), encoding="utf-8")
    ran = cli(*words)
    assert (ran.code, [one["until"] for one in ran.json["expired_ignores"]]) == (4, ["2026-02-16"])
    Path("academyctl.toml").write_text(_RULE.format("2026-02-16").replace("reason", "why"), encoding="utf-8")
    ran = cli(*words)
    assert ran.code == 2
    assert "unknown key 'why'" in ran.json["error"]["what"]


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        (("--help",), ("academyctl.settings", "checks", *_HEAVY)),
        (("--from", "healthy.json"), (*_HEAVY, *_FORMATS_OF_OURS[1:])),
        (("settings",), (*_HEAVY, "checks._plugins", "checks._diff", "checks._watch")),
        (("redis", "--timeout", "0.5"), ("boto3", "botocore", "psycopg", "rich")),
    ],
    ids=lambda value: "-".join(value),
)
def test_only_what_a_topic_and_a_format_need_is_imported(
    tmp_path: Path, saved: Saved, words: tuple[str, ...], absent: tuple[str, ...]
) -> None:
    saved("healthy")
    code = (
        "import sys; from academyctl.__main__ import main; "
        f"main(['diagnose', *{words!r}]); print('LOADED', *sorted(sys.modules))"
    )
    env = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "1"}
    ended = academyctl(folder=tmp_path, env=env, program=(sys.executable, "-c", code))
    loaded = ended.out.rpartition("LOADED ")[2].split()
    assert "academyctl.cli.diagnose" in loaded, ended.err
    assert set(absent) & set(loaded) == set()


def test_a_legacy_code_page_gets_words_and_never_a_mixture(tmp_path: Path, saved: Saved) -> None:
    words = ("--lang", "ko", "diagnose", "--from", saved("an unknown key"))
    ended = academyctl(*words, folder=tmp_path, env={"PYTHONIOENCODING": "cp949"})
    text = ended.raw.decode("cp949")
    assert "  FAIL    SQS에 등록되지 않은" in text
    assert "√" not in text
    assert "?" not in text
    assert "  × SQS에 등록되지 않은" in academyctl(*words, folder=tmp_path).out


@pytest.mark.parametrize("fmt", ["json", "short", "ndjson", "junit"])
def test_what_is_saved_is_judged_again_to_the_byte(cli: Cli, steady_env: dict[str, str], fmt: str) -> None:
    cli.set(**{**steady_env, "MESSAGING_SQS_QUEUE_NAME": "nowhere"})
    topics = ("settings", "sqs", "redis", "db", "r2")
    live = cli("diagnose", *topics, "--save", "a.json", "-o", fmt)
    again = cli("diagnose", *topics, "--from", "a.json", "--save", "b.json", "-o", fmt)
    assert live.code == again.code == 1, live.err
    assert again.out == live.out
    kept = Path("a.json").read_bytes()
    assert kept == Path("b.json").read_bytes()
    hidden = [value for name, value in steady_env.items() if name.endswith(("_PASSWORD", "_SECRET_ACCESS_KEY"))]
    assert not any(secret.encode() in kept for secret in hidden)


def _on_the_stack(stack: LocalStack, folder: Path, *words: str, **env: str) -> Ended:
    return academyctl(*words, folder=folder, env={"ACADEMYCTL_LOCAL_DIR": str(stack.folder), **env})


def test_the_embedded_stack_is_green_under_its_profile(stack: LocalStack, tmp_path: Path) -> None:
    ended = _on_the_stack(stack, tmp_path, "--profile", "local", "diagnose", "settings", "redis", "r2", "-o", "json")
    assert ended.code == 0, ended.out + ended.err
    body: dict[str, Any] = json.loads(ended.out)
    assert (body["verdict"], body["profile"], body["read_only"]) == ("healthy", "local", True)


def test_a_proposed_command_looks_at_the_same_profile(cli: Cli) -> None:
    Path("academyctl.toml").write_text('[profiles.prod.redis]\nhost = "127.0.0.1"\nport = 1\n', encoding="utf-8")
    ran = cli("--profile", "prod", "diagnose", "redis", "-o", "short")
    assert ran.code == 1
    assert "academyctl --profile prod config show --section redis" in ran.out


def test_a_setting_that_cannot_be_read_is_told_before_anything_is_looked_at(cli: Cli) -> None:
    cli.set(REDIS_PORT="many")
    ran = cli("diagnose", "-o", "json")
    assert ran.code == 2
    assert "REDIS_PORT" in ran.json["error"]["what"]
