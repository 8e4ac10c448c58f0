"""Layers, sources, and errors that name everything at once."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from academyctl import starter
from academyctl.errors import ConfigError
from academyctl.settings import contradictions, leaves, load, missing, shown, value_of


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "academyctl.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = toml(tmp_path, '[profiles.default.queues]\nvideo = "from-file"\nmessaging = "from-file"\n')
    loaded = load({"VIDEO_SQS_QUEUE_NAME": "from-env"}, file=file)
    assert (loaded.settings.queues.video, loaded.sources["queues.video"]) == ("from-env", "env:VIDEO_SQS_QUEUE_NAME")
    assert loaded.settings.queues.messaging == "from-file"
    assert loaded.sources["queues.messaging"].startswith("file:")
    assert (loaded.settings.queues.ai_lite, loaded.sources["queues.ai_lite"]) == ("academy-ai-jobs-lite", "default")


def test_a_profile_adds_to_the_default_profile(tmp_path: Path) -> None:
    file = toml(tmp_path, '[profiles.default.db]\nhost = "a"\nname = "n"\n[profiles.production.db]\nhost = "b"\n')
    settings = load({"ACADEMYCTL_PROFILE": "production"}, file=file).settings
    assert (settings.db.host, settings.db.name) == ("b", "n")
    assert load({}, file=file).settings.db.host == "a"


def test_the_local_stack_beats_keys_that_a_shell_still_holds() -> None:
    loaded = load({"AWS_ENDPOINT_URL": "https://production"}, overlay={"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert loaded.settings.aws.endpoint_url == "http://127.0.0.1:1"
    assert loaded.sources["aws.endpoint_url"].startswith("local stack")


def test_an_empty_variable_is_an_unset_one() -> None:
    loaded = load({"VIDEO_SQS_QUEUE_NAME": "", "HLS_TIME_SECONDS": "  "})
    assert (loaded.settings.queues.video, loaded.settings.video.hls_time_s) == ("academy-video-jobs", 4)


def test_the_first_name_of_a_setting_wins() -> None:
    assert load({"AWS_REGION": "a-1", "AWS_DEFAULT_REGION": "b-1"}).settings.aws.region == "a-1"
    assert load({"AWS_DEFAULT_REGION": "b-1"}).settings.aws.region == "b-1"


def test_every_bad_value_is_named_at_once_and_never_replaced_by_a_default() -> None:
    with pytest.raises(ConfigError) as caught:
        load({"HLS_TIME_SECONDS": "fast", "REDIS_PORT": "-1", "VIDEO_PRESET": "best", "ACADEMYCTL_WAIT_SECOND": "5"})
    for name in ("HLS_TIME_SECONDS='fast'", "REDIS_PORT='-1'", "VIDEO_PRESET='best'", "ACADEMYCTL_WAIT_SECONDS"):
        assert name in str(caught.value)


def test_a_bad_secret_is_not_shown_in_its_error(tmp_path: Path) -> None:
    file = toml(tmp_path, "[profiles.default.db]\npassword = 12345678\n")
    with pytest.raises(ConfigError) as caught:
        load({}, file=file)
    assert "12345678" not in str(caught.value)


def test_an_unknown_key_names_its_neighbour(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load({}, file=toml(tmp_path, '[profiles.default.queues]\nvidoe = "x"\n'))
    assert "queues.video" in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe[\x00p\x00", b"\x80\x81"])
def test_a_file_that_is_no_utf8_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "academyctl.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load({}, file=path)
    assert "UTF-8" in caught.value.remedy_in("en")


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "academyctl.toml"
    path.write_bytes(b"\xef\xbb\xbf[profiles.default.db]\nhost = 'h'\n")
    assert load({}, file=path).settings.db.host == "h"


def test_an_unknown_profile_or_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        load({}, profile="staging", file=toml(tmp_path, "[profiles.default.db]\n"))
    with pytest.raises(ConfigError):
        load({}, file=tmp_path / "absent.toml")


def test_everything_that_a_worker_misses_is_listed() -> None:
    assert missing(load({}), "video") == [
        "DB_HOST",
        "DB_NAME",
        "DB_USER",
        "DB_PASSWORD",
        "R2_ENDPOINT",
        "R2_ACCESS_KEY",
        "R2_SECRET_KEY",
        "R2_BUCKET or R2_VIDEO_BUCKET",
    ]
    assert missing(load({}), "messaging")[-3:] == ["SOLAPI_API_KEY", "SOLAPI_API_SECRET", "SOLAPI_SENDER"]


def test_either_bucket_variable_is_enough() -> None:
    for name in ("R2_BUCKET", "R2_VIDEO_BUCKET"):
        assert not [one for one in missing(load({name: "b"}), "video") if "BUCKET" in one]


def test_secrets_are_masked_wherever_they_are_shown() -> None:
    secrets = {leaf.env[0]: "s3cr3t-value" for leaf in leaves() if leaf.secret}
    settings = load(secrets).settings
    assert secrets
    for leaf in leaves():
        assert "s3cr3t" not in shown(value_of(settings, leaf.path), secret=leaf.secret)
    assert "s3cr3t" not in repr(settings)


def test_obsolete_names_are_warned_about_and_not_refused() -> None:
    loaded = load({"VIDEO_LOCK_TTL_SECONDS": "14400"})
    assert [one for one in loaded.warnings if one.startswith("VIDEO_LOCK_TTL_SECONDS")]


def test_contradictions_are_named_without_secrets() -> None:
    env = {
        "R2_BUCKET": "a",
        "R2_VIDEO_BUCKET": "b",
        "AWS_SECRET_ACCESS_KEY": " key-with-blank",
        "DEBUG": "true",
        "SOLAPI_MOCK": "1",
    }
    found = " ".join(contradictions(load(env), env))
    for word in ("R2_VIDEO_BUCKET", "AWS_SECRET_ACCESS_KEY", "DEBUG", "SOLAPI_MOCK"):
        assert word in found
    assert "key-with-blank" not in found


def test_every_environment_name_belongs_to_one_setting() -> None:
    names = [name for leaf in leaves() for name in leaf.env]
    assert len(names) == len(set(names))
    assert all(leaf.env for leaf in leaves())


def test_the_example_file_is_the_starter_and_its_settings_are_the_models_defaults(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "academyctl.toml.example"
    assert example.read_text(encoding="utf-8") == starter.text()
    bare = "\n".join(
        line.removeprefix("# ")
        if line.startswith("# ") and " = " in line and not line.startswith('# profile = "default"')
        else line
        for line in starter.text().splitlines()
        if "a secret" not in line
        and not line.startswith("# [")
        and "db.example" not in line
        and not line.startswith("# production = true")
    )
    sections = tomllib.loads(bare)["profiles"]["default"]
    given = {f"{section}.{name}" for section, entries in sections.items() for name in entries}
    assert given == {leaf.path for leaf in leaves() if not leaf.secret}
    loaded = load({}, file=toml(tmp_path, bare)).settings
    for leaf in leaves():
        if leaf.path not in starter.EXAMPLES:
            assert value_of(loaded, leaf.path) == value_of(load({}).settings, leaf.path), leaf.path
