"""`academyctl config` as the operator meets it."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from academyctl import starter
from tests.cli.tool import Ended, academyctl

COMPLETE = {
    "DB_HOST": "db",
    "DB_NAME": "academy",
    "DB_USER": "academy",
    "DB_PASSWORD": "pass-w0rd-1",
    "R2_ENDPOINT": "https://r2.example",
    "R2_ACCESS_KEY": "key",
    "R2_SECRET_KEY": "s3cr3t-of-r2",
    "R2_BUCKET": "academy-video",
}


def config(folder: Path, *words: str, **env: str) -> Ended:
    return academyctl("config", *words, folder=folder, env=env)


def settings(ended: Ended) -> dict[str, Any]:
    return {one["setting"]: one for one in json.loads(ended.out)["settings"]}


def test_show_names_the_source_of_each_value_and_masks_secrets(tmp_path: Path) -> None:
    (tmp_path / "academyctl.toml").write_text("[profiles.default.video]\nhls_time_s = 6\n", encoding="utf-8")
    ended = config(tmp_path, "show", "--output", "json", **COMPLETE)
    assert ended.code == 0, ended.err
    seen = settings(ended)
    assert (seen["video.hls_time_s"]["value"], seen["video.hls_time_s"]["source"]) == (
        6,
        "file:academyctl.toml[default]",
    )
    assert (seen["db.host"]["value"], seen["db.host"]["source"]) == ("db", "env:DB_HOST")
    assert seen["queues.video"]["source"] == "default"
    assert (seen["db.password"]["value"], seen["redis.password"]["value"]) == ("********", "")
    for secret in ("pass-w0rd-1", "s3cr3t-of-r2"):
        assert secret not in ended.out + config(tmp_path, "show", **COMPLETE).out


def test_show_can_be_narrowed(tmp_path: Path) -> None:
    seen = settings(config(tmp_path, "show", "--section", "db", "-o", "json"))
    assert {name.split(".")[0] for name in seen} == {"db"}
    assert (
        list(settings(config(tmp_path, "show", "--changed", "-o", "json", DB_HOST="h")))
        == ["db.host", "general.lang"][::-1]
    )
    wrong = config(tmp_path, "show", "--section", "database")
    assert (wrong.code, "one of: general, aws" in wrong.err) == (2, True)


def test_check_names_everything_that_is_missing_and_exits_2(tmp_path: Path) -> None:
    ended = config(tmp_path, "check", "video", R2_ENDPOINT="https://r2.example")
    assert ended.code == 2
    assert ended.out.splitlines() == [
        f"config error: Missing required env: {name}"
        for name in (
            "DB_HOST",
            "DB_NAME",
            "DB_USER",
            "DB_PASSWORD",
            "R2_ACCESS_KEY",
            "R2_SECRET_KEY",
            "R2_BUCKET or R2_VIDEO_BUCKET",
        )
    ]
    data = json.loads(config(tmp_path, "check", "messaging", "-o", "json").out)
    assert data["missing"][-3:] == ["SOLAPI_API_KEY", "SOLAPI_API_SECRET", "SOLAPI_SENDER"]
    assert data["ok"] is False


def test_check_is_content_with_what_a_worker_needs(tmp_path: Path) -> None:
    assert config(tmp_path, "check", "video", **COMPLETE).code == 0
    assert config(tmp_path, "check", "nosuch", **COMPLETE).code == 2


def test_check_warns_about_what_works_alone_and_not_together(tmp_path: Path) -> None:
    env = {
        **COMPLETE,
        "R2_VIDEO_BUCKET": "another",
        "AWS_SECRET_ACCESS_KEY": "abc123secret\n",
        "DEBUG": "true",
        "SOLAPI_MOCK": "1",
        "VIDEO_LOCK_TTL_SECONDS": "14400",
    }
    ended = config(tmp_path, "check", "video", **env)
    assert ended.code == 0
    for word in ("R2_VIDEO_BUCKET=another", "AWS_SECRET_ACCESS_KEY", "DEBUG", "SOLAPI_MOCK", "VIDEO_LOCK_TTL_SECONDS"):
        assert any(line.startswith("warn  ") and word in line for line in ended.out.splitlines()), word
    assert "abc123secret" not in ended.out + ended.err
    assert config(tmp_path, "check", "video", "--fail-on", "warn", **env).code == 4
    assert config(tmp_path, "check", "video", "--fail-on", "warn", **COMPLETE).code == 0


def test_every_bad_number_is_named_in_one_go(tmp_path: Path) -> None:
    bad = {"HLS_TIME_SECONDS": "fast", "REDIS_PORT": "99999", "VIDEO_WORKER_BACKOFF_BASE": "inf"}
    ended = config(tmp_path, "show", **bad)
    assert ended.code == 2
    for name, value in bad.items():
        assert f"{name}='{value}'" in ended.err


def test_an_invalid_file_still_shows_its_path(tmp_path: Path) -> None:
    (tmp_path / "academyctl.toml").write_text("[profiles.default.vidoe]\n", encoding="utf-8")
    ended = config(tmp_path, "show")
    assert ended.code == 2
    assert "unknown setting vidoe (file:academyctl.toml[default]) (did you mean video?)" in ended.err
    assert json.loads(config(tmp_path, "path", "-o", "json").out)["file"] == "academyctl.toml"


def test_init_writes_a_file_that_loads_and_never_overwrites_unasked(tmp_path: Path) -> None:
    assert config(tmp_path, "init").code == 0
    written = tmp_path / "academyctl.toml"
    assert written.read_text(encoding="utf-8") == starter.text()
    if sys.platform != "win32":
        assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert config(tmp_path, "show").code == 0
    written.write_text("# mine\n", encoding="utf-8")
    assert config(tmp_path, "init").code == 2
    assert written.read_text(encoding="utf-8") == "# mine\n"
    assert config(tmp_path, "init", "--force").code == 0
    assert written.read_text(encoding="utf-8") == starter.text()
    assert config(tmp_path, "init", "absent/folder/a.toml").code == 1


def test_init_to_stdout_is_the_whole_file(tmp_path: Path) -> None:
    assert config(tmp_path, "init", "-").out == starter.text()
    assert not (tmp_path / "academyctl.toml").exists()


def test_the_local_profile_says_how_to_start_the_stack(tmp_path: Path) -> None:
    env = {"ACADEMYCTL_LOCAL_DIR": str(tmp_path / "none")}
    for words in (("--profile", "local", "config", "show"), ("config", "show")):
        chosen = env if "--profile" in words else {**env, "ACADEMYCTL_PROFILE": "local"}
        ended = academyctl(*words, folder=tmp_path, env=chosen)
        assert ended.code == 2
        assert "academyctl local up" in ended.err


@pytest.mark.parametrize("word", ["--profile", "--config"])
def test_an_unknown_profile_or_file_says_how_to_make_one(tmp_path: Path, word: str) -> None:
    ended = academyctl(word, "nosuch", "config", "show", folder=tmp_path)
    assert ended.code == 2
    assert "academyctl config init" in ended.err
