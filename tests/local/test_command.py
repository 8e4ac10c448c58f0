"""The words `academyctl local` takes, and what it answers to people and to programs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values

from academyctl.errors import ConfigError
from academyctl.local import gaps, profile_env, services
from academyctl.local import state as remembered
from academyctl.local.stack import LocalStack
from academyctl.settings import LOCAL_STACK, leaves, load
from academyctl.stores import Stores
from tests.local.conftest import Cli

SECRET = "01012345678"


@pytest.fixture
def cli(stack: LocalStack) -> Cli:
    return Cli(stack.folder)


def test_status_is_one_json_object_that_names_every_service_and_gap(cli: Cli) -> None:
    seen = cli.json("status")
    assert seen.keys() == {"up", "folder", "aws", "services", "tools", "gaps"}
    assert (seen["up"], seen["aws"]) == (True, "ministack")
    assert [one["name"] for one in seen["services"]] == ["postgres", "redis", "aws", "solapi"]
    for one in seen["services"]:
        assert one.keys() == {"name", "what", "healthy", "running", "pid", "endpoint", "version"}
        assert one["healthy"] is one["running"] is True
    assert [one["version"] != "" for one in seen["services"]] == [True, True, True, False]
    assert seen["tools"].keys() == {"ffmpeg", "ffprobe"}
    assert seen["gaps"] == [one.en for one in gaps.known("ministack")]


def test_status_of_an_empty_folder_fails_and_says_how_to_start(tmp_path: Path) -> None:
    none = Cli(tmp_path / "none")
    assert none.json("status", check=1)["services"] == []
    assert "academyctl local up" in none.run("status", check=1).stdout


def test_status_loads_no_client_library_but_postgresqls(cli: Cli) -> None:
    code = (
        "import sys; from academyctl.__main__ import main; code = main(['local', 'status'])\n"
        "print(sorted({'boto3', 'redis', 'paramiko', 'openpyxl', 'pydantic_settings'} & set(sys.modules)), code)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=cli.env(), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] 0"


@pytest.mark.skipif(shutil.which("sh") is None, reason="no sh here")
def test_a_shell_that_sources_the_environment_has_the_stack(cli: Cli, stack: LocalStack) -> None:
    argv = " ".join(f"'{word}'" for word in cli.argv("env"))
    script = f"eval \"$({argv})\" && '{sys.executable}' -c 'import os, json; print(json.dumps(dict(os.environ)))'"
    done = subprocess.run(["sh", "-c", script], env=cli.env(), capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    env = stack.env()
    assert {name: seen[name] for name in env} == env
    stores = Stores(load(env).settings)
    assert stores.db.query("SELECT count(*) AS n FROM core_tenant") == [{"n": 1}]
    assert stores.redis.ping_ms() > 0
    stores.close()


def test_a_dotenv_reader_reads_the_environment_back(cli: Cli, stack: LocalStack, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(cli.run("env", "--shell", "dotenv").stdout, encoding="utf-8")
    assert dotenv_values(path) == stack.env()


def test_the_environment_has_only_names_that_the_settings_know(stack: LocalStack) -> None:
    known = {name for leaf in leaves() for name in leaf.env}
    assert set(stack.env()) - known == set()


def test_r2s_key_is_not_awss_key_and_opens_no_queue(stack: LocalStack) -> None:
    env = stack.env()
    assert env["R2_ACCESS_KEY"] != env["AWS_ACCESS_KEY_ID"]
    mixed = env | {"AWS_ACCESS_KEY_ID": env["R2_ACCESS_KEY"], "AWS_SECRET_ACCESS_KEY": env["R2_SECRET_KEY"]}
    stores = Stores(load(mixed).settings)
    with pytest.raises(Exception, match="AccessDenied"):
        stores.sqs.attributes(env["VIDEO_SQS_QUEUE_NAME"])


def test_the_local_profile_beats_production_keys_in_the_shell(stack: LocalStack) -> None:
    overlay = profile_env(stack.folder)
    shell = {"AWS_ACCESS_KEY_ID": "AKIAPRODUCTION000000", "DB_HOST": "production.example.com", "HLS_TIME_SECONDS": "6"}
    loaded = load(shell, profile="local", overlay=overlay)
    assert loaded.settings.aws.access_key_id == overlay["AWS_ACCESS_KEY_ID"]
    assert loaded.settings.db.host == "127.0.0.1"
    assert loaded.sources["db.host"] == f"{LOCAL_STACK}:DB_HOST"
    assert loaded.settings.video.hls_time_s == 6


def test_the_profile_of_a_stack_that_is_not_up_says_how_to_start_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as absent:
        profile_env(tmp_path)
    assert "academyctl local up" in absent.value.remedy_in("ko")
    rebooted = remembered.fresh("ministack")
    rebooted.data_ready = True
    rebooted.processes = {"redis": remembered.Process(1, 0.0)}
    remembered.write(tmp_path, rebooted)
    with pytest.raises(ConfigError):
        profile_env(tmp_path)


def test_a_state_of_another_version_is_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / remembered.FILE).write_text('{"version": 999}', encoding="utf-8")
    with pytest.raises(ConfigError, match="another version"):
        remembered.read(tmp_path)
    (tmp_path / remembered.FILE).write_text('{"version": ', encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be read"):
        remembered.read(tmp_path)


def test_the_inbox_masks_phone_numbers_unless_told_to_reveal(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    assert cli.json("inbox") == {"messages": []}
    assert "there is no stack" in Cli(tmp_path / "none").run("inbox", check=2).stderr
    path = services.inbox_file(tmp_path)
    path.parent.mkdir(parents=True)
    line = {"to": SECRET, "from": "0212345678", "type": "SMS", "bytes": 18, "accepted_at": "2026-11-21T00:00:00+00:00"}
    path.write_text(json.dumps(line | {"text": f"연락처 {SECRET}"}) + "\n", encoding="utf-8")
    for words in (("inbox",), ("inbox", "--output", "json")):
        assert SECRET not in cli.run(*words).stdout
        assert SECRET in cli.run(*words, "--reveal").stdout
    [message] = cli.json("inbox")["messages"]
    assert (message["to"], message["text"], message["type"]) == ("0101****", "연락처 0101****", "SMS")
    assert message["bytes"] == 18
    assert cli.json("inbox", "--to", "010-9999-9999", "--limit", "5") == {"messages": []}
    assert len(cli.json("inbox", "--to", "010-1234-5678", "--limit", "1")["messages"]) == 1


@pytest.mark.parametrize("words", [("up", "--aws", "localstack"), ("env", "--shell", "fish")])
def test_an_unknown_choice_is_a_usage_error(cli: Cli, words: tuple[str, ...]) -> None:
    assert "one of:" in cli.run(*words, check=2).stderr


def test_a_stack_on_moto_has_the_same_things_and_says_what_moto_lacks(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "moto")
    try:
        cli.run("up", "--aws", "moto")
        stores = Stores(load(LocalStack(cli.folder).env()).settings)
        assert stores.sqs.attributes("academy-video-jobs").dlq_name == "academy-video-jobs-dlq"
        [ready] = stores.db.query("SELECT hls_path FROM video_video WHERE status = 'READY'")
        assert stores.r2.head("academy-video", ready["hls_path"]) is not None
        stores.close()
        assert gaps.known("moto")[0].en in cli.run("status").stderr
    finally:
        cli.run("down", "--wipe")
    assert cli.left() == []
