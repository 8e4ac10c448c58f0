"""Two environments compared: every way of writing one down, what counts as a difference, and no secret in sight."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from academyctl.errors import UsageError
from academyctl.settings import load
from checks._against import Other, compare, parse, read
from checks._model import State, Verdict
from checks._settings_facts import Facts
from checks._verdict import roots
from tests.checks import facts as f
from tests.cli.tool import academyctl

HERE = {
    "AWS_REGION": "ap-northeast-2", "AWS_ACCESS_KEY_ID": "AKIAHERE", "AWS_SECRET_ACCESS_KEY": "secret-of-this-worker",
    "DB_HOST": "db.internal", "DB_NAME": "academy", "DB_USER": "worker", "DB_PASSWORD": "password-of-this-worker",
    "REDIS_HOST": "redis.internal", "R2_ENDPOINT": "https://account.r2.cloudflarestorage.com", "R2_ACCESS_KEY": "one",
    "R2_SECRET_KEY": "r2-secret-of-both",
}  # fmt: skip
WRITTEN = {
    "dotenv": "# the API\nexport DB_HOST='db.internal'\nDB_NAME=\"academy\"  \nAWS_REGION=ap-northeast-2 # Seoul\n\n",
    "env": "PATH=/usr/bin\nDB_HOST=db.internal\nDB_NAME=academy\nCERT=-----BEGIN\nMIIB\n-----END\n"
    "AWS_REGION=ap-northeast-2\n",
    "list": json.dumps(["DB_HOST=db.internal", "DB_NAME=academy", "AWS_REGION=ap-northeast-2"]),
    "object": json.dumps({"DB_HOST": "db.internal", "DB_NAME": "academy", "AWS_REGION": "ap-northeast-2"}),
    "inspect": json.dumps(
        [{"Id": "0f", "Config": {"Env": ["DB_HOST=db.internal", "DB_NAME=academy", "AWS_REGION=ap-northeast-2"]}}]
    ),
}


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN.keys())
def test_an_environment_is_read_however_it_was_written_down(text: str) -> None:
    found = parse(text)
    assert {name: found[name] for name in ("DB_HOST", "DB_NAME", "AWS_REGION")} == {
        "DB_HOST": "db.internal", "DB_NAME": "academy", "AWS_REGION": "ap-northeast-2",
    }  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_a_file_that_powershell_or_notepad_saved_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "api.env"
    path.write_bytes("# 운영\r\nDB_HOST=db.internal\r\nDB_NAME=academy\r\n".encode(encoding))
    assert read(str(path)) == Other("api.env", {"DB_HOST": "db.internal", "DB_NAME": "academy"})


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("nowhere.env", "cannot be read"),
        ("api-1:academy-api", "is another machine"),
        ("local:--privileged", "is no container's name"),
    ],
)
def test_what_is_no_environment_is_a_usage_error_that_says_how_to_get_one(source: str, what: str) -> None:
    with pytest.raises(UsageError, match=what) as raised:
        read(source)
    assert "docker exec" in raised.value.remedy_in("en")
    assert "docker exec" in raised.value.remedy_in("ko")


def test_a_file_without_any_of_the_platforms_variables_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("PATH=/usr/bin\n", encoding="utf-8")
    with pytest.raises(UsageError, match="none of the platform's variables"):
        read(str(tmp_path / "a.env"))


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for docker is a shell script")
def test_a_container_of_this_machine_is_asked_through_docker(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text(
        '#!/bin/sh\n[ "$*" = "exec academy-api env" ] || { echo "no such container: $2" >&2; exit 1; }\n'
        "echo DB_HOST=elsewhere\necho DB_NAME=academy\n",
        encoding="utf-8",
    )
    docker.chmod(docker.stat().st_mode | stat.S_IXUSR)
    env = {**HERE, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    ended = academyctl("diagnose", "settings", "--against", "local:academy-api", "-o", "json", folder=tmp_path, env=env)
    assert ended.code == 1, ended.out + ended.err
    assert "settings.differs=DB_HOST" in json.loads(ended.out)["roots"]
    missing = academyctl("diagnose", "settings", "--against", "local:nobody", folder=tmp_path, env=env)
    assert missing.code == 2
    assert "no such container: nobody" in missing.err


def _compared(**changes: str) -> dict[str, tuple[str, str, bool]]:
    found = compare(load(HERE).settings, Other("api.env", {**HERE, **changes}))
    return {one.variable: (one.here, one.there, one.breaks) for one in found.differences}


def test_equal_environments_do_not_differ_whatever_makes_no_difference() -> None:
    assert _compared() == {}
    assert _compared(R2_ENDPOINT=HERE["R2_ENDPOINT"] + "/", DB_HOST=" db.internal ", DB_PORT="5432") == {}
    assert _compared(AWS_REGION="", AWS_DEFAULT_REGION="ap-northeast-2", PATH="/elsewhere") == {}


@pytest.mark.parametrize(
    ("variable", "breaks"),
    [("DB_HOST", True), ("DB_NAME", True), ("REDIS_HOST", True), ("REDIS_DB", True), ("R2_BUCKET", True),
     ("VIDEO_SQS_QUEUE_NAME", True), ("AI_SQS_QUEUE_NAME_BASIC", True), ("DB_USER", False),
     ("R2_STORAGE_BUCKET", False), ("SITE_URL", False)],
)  # fmt: skip
def test_what_must_be_the_same_for_the_platform_to_work_is_told_from_the_rest(variable: str, breaks: bool) -> None:
    there = "7"
    found = _compared(**{variable: there})
    assert list(found) == [variable]
    here = found[variable][0]
    # What is set on one side alone may be that side's own business.
    assert found[variable][1:] == (there, breaks and bool(here))


def test_another_key_is_fine_and_another_secret_of_the_same_key_is_not() -> None:
    own = _compared(AWS_ACCESS_KEY_ID="AKIATHERE", AWS_SECRET_ACCESS_KEY="secret-of-the-api")
    assert [breaks for _, _, breaks in own.values()] == [False, False]
    stale = _compared(AWS_SECRET_ACCESS_KEY="an-older-secret")
    assert [breaks for _, _, breaks in stale.values()] == [True]
    assert _compared(DB_PASSWORD="another")["DB_PASSWORD"][2]
    assert not _compared(DB_PASSWORD="another", DB_USER="api")["DB_PASSWORD"][2]


def test_no_secret_is_told_and_no_token_means_anything_in_another_run() -> None:
    changes = {"AWS_SECRET_ACCESS_KEY": "secret-of-the-api", "DB_PASSWORD": "password-of-the-api"}
    # A secret in the wrong place is one too.
    changes |= {"DB_HOST": "password-of-the-api", "AWS_ACCESS_KEY_ID": "AKIATHERE"}
    first, again = _compared(**changes), _compared(**changes)
    said = str(first)
    secrets = [*changes.values(), *(HERE[name] for name in ("AWS_SECRET_ACCESS_KEY", "DB_PASSWORD"))]
    assert not any(secret in said for secret in secrets)
    assert first["AWS_SECRET_ACCESS_KEY"][0].startswith("#")
    assert first["AWS_SECRET_ACCESS_KEY"] != again["AWS_SECRET_ACCESS_KEY"]


def test_every_difference_is_a_finding_and_those_that_break_the_platform_are_failures() -> None:
    other = Other("api.env", {**HERE, "DB_NAME": "other", "DB_USER": "api", "REDIS_HOST": ""})
    against = compare(load(HERE).settings, other)
    found = f.judged(settings=Facts(**{**vars(f.SETTINGS), "against": against}))
    assert (found.verdict, found.state) == (Verdict.settings, State.fail)
    assert {one.key for one in roots(found.findings)} == {
        "settings.differs=DB_NAME", "settings.varies=DB_USER", "settings.one-sided",
    }  # fmt: skip
