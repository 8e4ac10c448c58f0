"""Profiles, files and the local stack: which layer wins, and what is said when one is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from academyctl import settings_file
from academyctl.errors import ConfigError
from academyctl.settings import load, missing
from tests.settings.test_settings import toml


def test_a_value_names_the_profile_that_it_comes_from(tmp_path: Path) -> None:
    file = toml(tmp_path, '[profiles.default.db]\nname = "n"\n[profiles.staging.db]\nhost = "b"\n')
    loaded = load({}, profile="staging", file=file)
    assert loaded.sources["db.name"] == f"file:{file}[default]"
    assert loaded.sources["db.host"] == f"file:{file}[staging]"
    assert loaded.profile == "staging"


def test_the_file_may_choose_its_own_profile(tmp_path: Path) -> None:
    file = toml(tmp_path, 'profile = "staging"\n[profiles.staging.db]\nhost = "b"\n[profiles.other.db]\nhost = "c"\n')
    assert load({}, file=file).settings.db.host == "b"
    assert load({"ACADEMYCTL_PROFILE": "other"}, file=file).settings.db.host == "c"
    assert load({"ACADEMYCTL_PROFILE": "other"}, profile="staging", file=file).settings.db.host == "b"
    assert settings_file.profile_name({}, file=file) == "staging"


def test_what_the_local_stack_is_made_of_comes_from_nowhere_else(tmp_path: Path) -> None:
    """A production TLS switch, session token or DLQ name would break or mislead an experiment on a laptop."""
    file = toml(
        tmp_path,
        "[profiles.default.redis]\ntls = true\n[profiles.default.video]\nhls_time_s = 6\n"
        "[profiles.local.redis]\ntimeout_s = 1.5\n",
    )
    env = {"AWS_SESSION_TOKEN": "token", "VIDEO_SQS_DLQ_NAME": "prod-dlq", "VIDEO_PRESET": "fast"}
    loaded = load(env, profile="local", file=file, overlay={"REDIS_HOST": "127.0.0.1"})
    seen = loaded.settings
    assert (seen.redis.host, seen.redis.tls, seen.redis.timeout_s) == ("127.0.0.1", False, 1.5)
    assert (seen.aws.session_token, seen.queues.video_dlq) == (None, "")
    assert (seen.video.hls_time_s, seen.video.preset) == (6, "fast")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[profiles", "Expected ']'"),
        ("[profiles.default.db]\npath = 'a'\nbroken = \"C:\\Users\"\n", "line 3"),
        ("profiles = 3\n", "profiles = 3 is not a table"),
        ("[profiles]\ndefault = 3\n", "profiles.default is not a table"),
        ("[profiles.default]\nvideo = 3\n", "profiles.default.video is not a table"),
        ("profile = 3\n", "`profile` is not a text"),
        ("[db]\nhost = 'h'\n", "unknown top-level key 'db'"),
        ("[profiles.default.vidoe]\npreset = 'fast'\n", "did you mean video"),
        ("[profiles.default.vidoe]\n", "did you mean video"),
    ],
)
def test_a_file_of_the_wrong_shape_says_what_is_wrong_where(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({}, file=toml(tmp_path, text))
    assert word in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_file_that_notepad_saved_as_unicode_is_named_as_such(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "academyctl.toml"
    path.write_bytes("[profiles.default.db]\nhost = 'h'\n".encode(encoding))
    with pytest.raises(ConfigError) as caught:
        load({}, file=path)
    assert "UTF-16" in str(caught.value)
    assert "UTF-8" in caught.value.remedy_in("ko")


def test_a_line_in_another_code_page_is_named_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "academyctl.toml"
    path.write_bytes("[profiles.default.db]\nhost = 'h'\n# 한글\n".encode("cp949"))
    with pytest.raises(ConfigError) as caught:
        load({}, file=path)
    assert "line 3" in str(caught.value)


def test_a_file_is_looked_for_here_then_in_the_users_folder(tmp_path: Path) -> None:
    for env, folder in (
        ({"HOME": str(tmp_path)}, tmp_path / ".config"),
        ({"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "x")}, tmp_path / "x"),
        ({"APPDATA": str(tmp_path / "app")}, tmp_path / "app"),
    ):
        assert settings_file.places(env) == [Path("academyctl.toml"), folder / "academyctl" / "academyctl.toml"]
    assert settings_file.places({}) == [Path("academyctl.toml")]


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0", "", "0x10", "1e400"])
def test_a_number_is_a_number_or_an_error(value: str) -> None:
    if not value:
        assert load({"VIDEO_WORKER_BACKOFF_CAP": value}).settings.video.backoff_cap_s == 10.0
        return
    with pytest.raises(ConfigError, match="VIDEO_WORKER_BACKOFF_CAP"):
        load({"VIDEO_WORKER_BACKOFF_CAP": value})


def test_a_secret_that_is_empty_is_missing(tmp_path: Path) -> None:
    file = toml(tmp_path, '[profiles.default.db]\npassword = ""\n')
    assert "DB_PASSWORD" in missing(load({}, file=file), "video")


def test_settings_cannot_be_changed() -> None:
    settings = load({}).settings
    with pytest.raises(ValidationError):
        setattr(settings.video, "preset", "fast")  # noqa: B010 - the checker refuses a plain assignment, which is the point
    with pytest.raises(ValidationError):
        setattr(settings, "video", settings.video)  # noqa: B010
