"""The images and the compose file, judged without a docker engine: what they are made of, and how they run."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from academyctl.local.furnish import furnish
from academyctl.local.stack import LocalStack
from academyctl.settings import leaves, load
from academyctl.settings_model import OBSOLETE
from academyctl.stores import Stores
from tests.deploy.templates import DEPLOY

ROOT = DEPLOY.parent
KINDS = ("video", "ai", "messaging")
FILES = (*KINDS, "local")
# A value that looks like one of these belongs into no image.
_SECRET = re.compile(r"(?i)(password|secret|token|api_?key|AKIA)")


def instructions(name: str) -> list[tuple[str, str]]:
    """(INSTRUCTION, the rest) of a Dockerfile, continued lines joined, comments left out."""
    text = (DEPLOY / "docker" / f"{name}.Dockerfile").read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines)
    return [(word, rest.strip()) for line in joined.splitlines() if line for word, _, rest in [line.partition(" ")]]


def final_stage(name: str) -> list[tuple[str, str]]:
    said = instructions(name)
    last = max(index for index, (word, _) in enumerate(said) if word == "FROM")
    return said[last:]


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", FILES)
def test_an_image_is_built_in_two_stages_of_the_same_slim_base(name: str) -> None:
    said = instructions(name)
    assert said[0] == ("ARG", "PYTHON=python:3.11-slim-trixie")
    assert [rest for word, rest in said if word == "FROM"] == ["${PYTHON} AS build", "${PYTHON}"]


@pytest.mark.parametrize("name", FILES)
def test_an_image_runs_as_nobody_in_particular(name: str) -> None:
    stage = final_stage(name)
    [user] = [rest for word, rest in stage if word == "USER"]
    assert user == "1000:1000"
    # Nothing is installed or copied as that user: it cannot change the program that it runs.
    after = [word for word, _ in stage[stage.index(("USER", user)) :]]
    assert not {"RUN", "COPY", "ADD"} & set(after)


@pytest.mark.parametrize("name", KINDS)
def test_a_workers_image_runs_it_and_asks_it_for_its_health(name: str) -> None:
    stage = dict(final_stage(name))
    assert stage["CMD"] == f'["academyctl", "worker", "run", "{name}"]'
    assert stage["HEALTHCHECK"].endswith(f'CMD ["academyctl", "worker", "health", "{name}"]')
    assert stage["STOPSIGNAL"] == "SIGTERM"


@pytest.mark.parametrize("name", FILES)
def test_an_image_installs_what_the_lock_names_and_compiles_it(name: str) -> None:
    runs = [rest for word, rest in instructions(name) if word == "RUN"]
    installs = [one for run in runs for one in re.findall(r"(?:uv )?pip install [^&]*", run)]
    for one in installs:
        pinned = "--require-hashes -c requirements.lock" in one or "uv==" in one or "--no-deps dist/" in one
        assert pinned, one
    assert any("compileall" in run for run in runs)


@pytest.mark.parametrize("name", FILES)
def test_an_image_keeps_no_package_lists(name: str) -> None:
    for word, rest in instructions(name):
        if word == "RUN" and "apt-get install" in rest:
            assert "--no-install-recommends" in rest
            assert rest.endswith("rm -rf /var/lib/apt/lists/*")


@pytest.mark.parametrize("name", FILES)
def test_no_secret_is_in_an_image(name: str) -> None:
    assert [rest for word, rest in instructions(name) if word in ("ENV", "ARG") and _SECRET.search(rest)] == []
    copied = {one for word, rest in instructions(name) if word == "COPY" for one in rest.split()[:-1]}
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert {one for one in copied if not one.startswith(("--from", "/"))} == allowed


def test_every_package_of_the_wheel_is_copied_into_the_images() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    for name in FILES:
        copied = {rest.split()[0] for word, rest in instructions(name) if word == "COPY"}
        assert set(packages) <= copied


def test_the_video_image_has_ffmpeg_and_the_ai_image_reads_korean() -> None:
    said = {name: " ".join(rest for _, rest in final_stage(name)) for name in KINDS}
    assert "ffmpeg" in said["video"]
    assert "tesseract-ocr-kor" in said["ai"]
    assert "ffmpeg" not in said["messaging"]


def test_compose_brings_the_platform_and_its_three_workers() -> None:
    services = compose()["services"]
    assert {"postgres", "redis", "aws", "solapi", "setup", *KINDS} == set(services)
    for kind in KINDS:
        worker = services[kind]
        assert worker["build"]["dockerfile"] == f"deploy/docker/{kind}.Dockerfile"
        assert worker["depends_on"] == {"setup": {"condition": "service_completed_successfully"}}
        assert worker["read_only"]
        assert worker["init"]


def test_every_variable_of_compose_is_one_that_academyctl_reads() -> None:
    known = {name for leaf in leaves() for name in leaf.env}
    assert set(compose()["x-platform"]) - known == set()
    assert not set(compose()["x-platform"]) & set(OBSOLETE)
    load(compose()["x-platform"])


def test_compose_publishes_nothing_beyond_this_machine() -> None:
    ports = [port for one in compose()["services"].values() for port in one.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_file_that_compose_names_is_there() -> None:
    for path in named_files():
        assert path.exists(), path


def named_files() -> Iterator[Path]:
    for one in compose()["services"].values():
        if "build" in one:
            yield DEPLOY / one["build"]["context"] / one["build"]["dockerfile"]
        yield from (DEPLOY / said.partition(":")[0] for said in one.get("volumes", []) if said.startswith("."))


def test_setup_makes_the_platform_and_changes_nothing_the_second_time(
    stack: LocalStack, platform_env: dict[str, str]
) -> None:
    stores = Stores(load(platform_env).settings)
    count = "SELECT (SELECT count(*) FROM core_tenant) + (SELECT count(*) FROM video_video) AS rows"
    assert furnish(platform_env, stack.folder) == []
    [first] = stores.db.query(count)
    assert first["rows"] > 0
    assert stores.sqs.attributes(platform_env["VIDEO_SQS_QUEUE_NAME"]).visible == 0
    assert furnish(platform_env, stack.folder) == []
    assert stores.db.query(count) == [first]
    stores.close()
