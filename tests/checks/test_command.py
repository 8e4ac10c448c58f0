"""`academyctl diagnose` as the operator types it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from academyctl.local.stack import LocalStack
from checks import _snapshot
from tests.checks import facts as f
from tests.checks.cases import CASES
from tests.cli.tool import Ended, academyctl

_BY_NAME = {case.name: case.facts for case in CASES}
_HEAVY = ("boto3", "botocore", "redis", "psycopg", "paramiko", "openpyxl", "rich")


def _saved(folder: Path, case: str) -> str:
    path = folder / "saved.json"
    _snapshot.save(f.snapshot(**_BY_NAME.get(case, {})), path)
    return str(path)


@pytest.mark.parametrize("fmt", ["table", "json", "short"])
@pytest.mark.parametrize(
    ("case", "words", "code"),
    [
        ("healthy", [], 0),
        ("healthy", ["--fail-on", "warn"], 0),
        ("an unknown key", [], 1),
        ("the database is silent", [], 3),
        ("a topic crashes", [], 3),
        ("dead letters", [], 0),
        ("dead letters", ["--fail-on", "warn"], 4),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else str(value),
)
def test_every_format_has_the_same_exit_code(tmp_path: Path, case: str, words: list[str], code: int, fmt: str) -> None:
    ended = academyctl("diagnose", "--from", _saved(tmp_path, case), "-o", fmt, *words, folder=tmp_path)
    assert ended.code == code, ended.err
    assert ended.err == ""
    if fmt == "json":
        assert json.loads(ended.out)["exit_code"] == code
    else:
        assert ended.out.startswith("verdict: ")


def test_a_part_of_a_saved_diagnosis_can_be_judged_alone(tmp_path: Path) -> None:
    saved = _saved(tmp_path, "an unknown key")
    ended = academyctl("diagnose", "redis", "db", "--from", saved, "-o", "json", folder=tmp_path)
    assert ended.code == 0
    assert {one["topic"] for one in json.loads(ended.out)["findings"]} == {"redis", "db"}


def test_korean_is_spoken_when_it_is_asked_for(tmp_path: Path) -> None:
    ended = academyctl("--lang", "ko", "diagnose", "--from", _saved(tmp_path, "an unknown key"), folder=tmp_path)
    assert ended.out.startswith("판정: 설정 문제. SQS에 등록되지 않은 액세스 키입니다")


def test_an_unknown_topic_is_a_usage_error_and_one_object_in_json(tmp_path: Path) -> None:
    ended = academyctl("diagnose", "reids", "-o", "json", folder=tmp_path)
    assert ended.code == 2
    assert "did you mean redis" in json.loads(ended.out)["error"]["what"]
    assert academyctl("diagnose", "reids", folder=tmp_path).code == 2


def test_a_file_that_is_no_saved_diagnosis_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("{}", encoding="utf-8")
    ended = academyctl("diagnose", "--from", "no.json", folder=tmp_path)
    assert ended.code == 2
    assert "cannot be read as a saved diagnosis" in ended.err


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        (("--help",), ("academyctl.settings", "checks", *_HEAVY)),
        (("--from", "saved.json"), _HEAVY),
        (("settings",), _HEAVY),
        (("redis", "--timeout", "0.5"), ("boto3", "botocore", "psycopg", "rich")),
    ],
    ids=lambda value: "-".join(value),
)
def test_only_what_a_topic_needs_is_imported(tmp_path: Path, words: tuple[str, ...], absent: tuple[str, ...]) -> None:
    _saved(tmp_path, "healthy")
    code = (
        "import sys; from academyctl.__main__ import main; "
        f"main(['diagnose', *{words!r}]); print('LOADED', *sorted(sys.modules))"
    )
    env = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "1"}
    ended = academyctl(folder=tmp_path, env=env, program=(sys.executable, "-c", code))
    loaded = ended.out.rpartition("LOADED ")[2].split()
    assert "academyctl.cli.diagnose" in loaded, ended.err
    assert set(absent) & set(loaded) == set()


def test_what_is_saved_is_judged_again_to_the_byte(steady_env: dict[str, str], tmp_path: Path) -> None:
    env = {**steady_env, "MESSAGING_SQS_QUEUE_NAME": "nowhere"}
    for fmt in ("json", "short"):
        live = academyctl("diagnose", "--save", "a.json", "-o", fmt, folder=tmp_path, env=env)
        again = academyctl("diagnose", "--from", "a.json", "--save", "b.json", "-o", fmt, folder=tmp_path)
        assert live.code == again.code == 1, live.err
        assert again.raw == live.raw
        assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    hidden = [value for name, value in steady_env.items() if name.endswith(("_PASSWORD", "_SECRET_ACCESS_KEY"))]
    assert not any(secret in (tmp_path / "a.json").read_text(encoding="utf-8") for secret in hidden)


def _on_the_stack(stack: LocalStack, folder: Path, *words: str, **env: str) -> Ended:
    return academyctl(*words, folder=folder, env={"ACADEMYCTL_LOCAL_DIR": str(stack.folder), **env})


def test_the_embedded_stack_is_green_under_its_profile(stack: LocalStack, tmp_path: Path) -> None:
    ended = _on_the_stack(stack, tmp_path, "--profile", "local", "diagnose", "settings", "redis", "r2", "-o", "json")
    assert ended.code == 0, ended.out + ended.err
    body: dict[str, Any] = json.loads(ended.out)
    assert (body["verdict"], body["profile"], body["read_only"]) == ("healthy", "local", True)


def test_a_proposed_command_looks_at_the_same_profile(stack: LocalStack, tmp_path: Path) -> None:
    (tmp_path / "academyctl.toml").write_text('[profiles.prod.redis]\nhost = "127.0.0.1"\nport = 1\n', encoding="utf-8")
    ended = _on_the_stack(stack, tmp_path, "--profile", "prod", "diagnose", "redis", "-o", "short")
    assert ended.code == 1
    assert "academyctl --profile prod config show --section redis" in ended.out


def test_a_setting_that_cannot_be_read_is_told_before_anything_is_looked_at(tmp_path: Path) -> None:
    ended = academyctl("diagnose", "-o", "json", folder=tmp_path, env={"REDIS_PORT": "many"})
    assert ended.code == 2
    assert "REDIS_PORT" in json.loads(ended.out)["error"]["what"]
