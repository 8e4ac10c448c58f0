"""Who we are to AWS, asked of the real emulators and of files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from academyctl.errors import AwsError
from academyctl.stores.aws import client_factory
from academyctl.stores.identity import Identity, region_near, shortened
from tests.conftest import Emulator


def test_the_account_and_the_arn_are_told_on_every_emulator(aws_emulator: Emulator) -> None:
    caller = Identity(aws_emulator.clients).caller()
    assert caller.account.isdigit()
    assert caller.arn.startswith("arn:aws:")


def test_keys_of_the_settings_are_explicit_and_shortened() -> None:
    clients = client_factory(region="ap-northeast-2", access_key="AKIAABCDEFGHIJKLWXYZ", secret_key="s" * 40)
    held = Identity(clients).credentials()
    assert held is not None
    assert (held.method, held.key, held.temporary) == ("explicit", "AKIA...WXYZ", False)


def test_nothing_anywhere_is_none() -> None:
    assert Identity(client_factory(region="ap-northeast-2")).credentials() is None


def test_a_session_token_makes_credentials_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = "[staff]\naws_access_key_id = ASIAABCDEFGHIJKLWXYZ\naws_secret_access_key = s\naws_session_token = t\n"
    (tmp_path / "c").write_text(given, encoding="utf-8")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "c"))
    held = Identity(client_factory(region="ap-northeast-2", profile="staff")).credentials()
    assert held is not None
    assert (held.method, held.temporary) == ("shared-credentials-file", True)


def test_a_program_that_gives_no_credentials_is_an_error_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = f'"{Path(sys.executable).as_posix()}" -c "raise SystemExit(1)"'
    (tmp_path / "c").write_text(f"[profile staff]\ncredential_process = {program}\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "c"))
    with pytest.raises(AwsError) as raised:
        Identity(client_factory(region="ap-northeast-2", profile="staff")).credentials()
    assert (raised.value.cause, raised.value.code) == ("auth", "CredentialRetrievalError")


@pytest.mark.parametrize("key", ["", "AKIA", "AKIA1234567"])
def test_a_short_key_is_not_shown_at_all(key: str) -> None:
    assert shortened(key) == "****"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("ap-northeast-2", "ap-northeast-2"),
        ("ap-northeast2", "ap-northeast-2"),
        ("ap-norteast-2", "ap-northeast-2"),
        ("us-east1", "us-east-1"),
        ("cn-north-1", "cn-north-1"),
        ("서울", ""),
        ("", ""),
    ],
)
def test_a_region_is_known_or_the_nearest_one_is_named(said: str, meant: str) -> None:
    assert region_near(said) == meant
