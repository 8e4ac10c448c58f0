"""`academyctl ssm env`: shown masked, compared, stored as a new version, put back."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from academyctl.errors import AwsError
from academyctl.ops.env_plans import Store, compare
from academyctl.repairs import Changed
from academyctl.stores import Stores
from academyctl.stores.parameters import Parameters
from tests.conftest import Emulator
from tests.parameters.conftest import Own
from tests.video_commands.conftest import Cli

TEXT = "# workers\nDB_HOST=db.internal\nDB_PASSWORD=hunter2hunter2\nODD=something\nDJANGO_SETTINGS_MODULE=a.worker\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "worker.env"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    return path


def test_values_are_masked_unless_they_are_known_to_be_harmless(cli: Cli, own: Own) -> None:
    own.store.put(own.name, TEXT, new=True)
    shown = cli("ssm", "env", "show")
    assert "DB_HOST=db.internal\nDB_PASSWORD=**** (14)\nODD=**** (9)\nDJANGO_SETTINGS_MODULE=a.worker" in shown.out
    document = cli("ssm", "env", "show", "-o", "json")
    assert document.json["values"]["DB_PASSWORD"] == "**** (14)"
    assert (document.json["kind"], document.json["tier"], document.json["form"]) == (
        "SecureString",
        "Standard",
        "dotenv",
    )
    assert "hunter2" not in shown.out + document.out + shown.err
    assert cli("ssm", "env", "show", "--reveal").out == TEXT.removeprefix("# workers\n")


def test_a_file_is_stored_as_docker_can_read_it(cli: Cli, own: Own, file: Path) -> None:
    dry = cli("ssm", "env", "put", file)
    assert (dry.code, own.now()) == (0, None)
    done = cli("ssm", "env", "put", file, "--apply")
    now = own.now()
    assert now is not None
    assert (now.value, now.kind, now.version) == (TEXT, "SecureString", 1)
    assert "hunter2" not in dry.out + done.out
    change = dry.out.splitlines()[0].removeprefix("would  ")
    assert f"done  {change}" in done.out
    assert "it is so already" in cli("ssm", "env", "put", file, "--apply").out
    assert len(own.history()) == 1


def test_what_would_lose_a_variable_is_refused_and_then_undone(cli: Cli, own: Own, file: Path) -> None:
    assert cli("ssm", "env", "put", file, "--apply").code == 0
    before = own.history()
    file.write_text(TEXT.replace("ODD=something\n", ""), encoding="utf-8")
    differing = cli("ssm", "env", "diff", file)
    assert (differing.code, differing.out.strip()) == (1, "- ODD=**** (9)")
    refused = cli("ssm", "env", "put", file, "--apply")
    assert (refused.code, own.history()) == (1, before)
    assert "--allow-removal ODD" in refused.err
    [change] = cli("ssm", "env", "put", file, "--allow-removal", "ODD", "--apply", "-o", "json").json["changes"]
    assert "ODD" not in (own.now() or pytest.fail("gone")).value
    assert cli("ssm", "env", "diff", file).code == 0
    assert cli(*shlex.split(change["undo"])[1:]).code == 0
    after = own.now()
    assert after is not None
    assert (after.value, after.version) == (TEXT, 3)


def test_the_stored_form_is_kept_unless_another_is_asked_for(cli: Cli, own: Own, file: Path) -> None:
    own.store.put(own.name, '{"DB_HOST": "old"}', new=True)
    assert cli("ssm", "env", "put", file, "--apply").code == 0
    assert cli("ssm", "env", "show", "-o", "json").json["form"] == "json"
    assert cli("ssm", "env", "put", file, "--format", "base64", "--apply").code == 0
    told = cli("ssm", "env", "show", "--reveal", "-o", "json").json
    assert (told["form"], told["values"]["DB_PASSWORD"]) == ("base64", "hunter2hunter2")
    assert cli("ssm", "env", "show", "--version", "1", "-o", "json").json["values"] == {"DB_HOST": "old"}


def test_wrong_words_and_missing_things_are_told_apart(cli: Cli, file: Path, tmp_path: Path) -> None:
    missing = cli("ssm", "env", "show")
    assert (missing.code, "academyctl ssm env put FILE" in missing.err) == (1, True)
    assert cli("ssm", "env", "diff", file).code == 1
    assert cli("ssm", "env", "put").code == 2
    assert cli("ssm", "env", "put", file, "--version", "1").code == 2
    assert cli("ssm", "env", "put", file, "--format", "yaml").code == 2
    assert cli("ssm", "env", "put", "--version", "3").code == 1
    bad = tmp_path / "bad.env"
    bad.write_text("hunter2\n", encoding="utf-8")
    refused = cli("ssm", "env", "put", bad)
    assert (refused.code, "line 1" in refused.err, "hunter2" in refused.err) == (1, True, False)


def test_a_version_that_somebody_stored_meanwhile_is_not_written_over(own: Own, opened: Stores) -> None:
    own.store.put(own.name, "A=1\n", new=True)
    store = Store(own.name, "A=2\n", compare({"A": "1"}, {"A": "2"}), 1, 4, "SecureString", "Standard")
    own.store.put(own.name, "A=3\n", new=False)
    before = own.history()
    with pytest.raises(Changed, match="version 2 by now"):
        store.do(opened)
    assert own.history() == before
    with pytest.raises(AwsError, match="already exists"):
        own.store.put(own.name, "A=4\n", new=True)


def test_versions_and_what_is_missing_are_told_by_both_emulators(aws_emulator: Emulator) -> None:
    store, name = Parameters(aws_emulator.clients), f"/test/{id(aws_emulator)}/env"
    assert (store.get(name), store.about(name)) == (None, None)
    assert store.put(name, "A=1", new=True) == 1
    assert store.put(name, "A=2", new=False, tier="Advanced") == 2
    first, last = store.get(name, version=1), store.get(name)
    assert first is not None
    assert last is not None
    assert (first.value, last.value, last.version, last.kind) == ("A=1", "A=2", 2, "SecureString")
    assert "A=2" not in repr(last)
    assert store.get(name, version=9) is None
    about = store.about(name)
    assert about is not None
    assert (about.tier, about.key) == ("Advanced", "alias/aws/ssm")
