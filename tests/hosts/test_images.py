"""`academyctl ecr check`: is what starts there, is it the newest, is it what runs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from academyctl.ops.images import judge
from academyctl.stores._fleet_types import Host
from academyctl.stores.images import Image, Images
from tests.conftest import Emulator
from tests.fleet import OwnFleet
from tests.video_commands.conftest import Cli

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATEST = Image("sha256:aa", ("latest",), NOON, 300 * 2**20, {"LOW": 3})
NEWER = Image("sha256:bb", ("v2",), NOON + timedelta(hours=1), 1, None)
HOST = Host("i-1", "w", "running", "", "", NOON + timedelta(minutes=1), "")


def test_an_image_that_is_the_newest_and_runs_has_no_finding() -> None:
    assert judge("video", "w", "latest", [LATEST], [HOST]).findings == ()
    assert judge("batch", "w", "sha256:aa", [LATEST]).findings == ()


@pytest.mark.parametrize(
    ("images", "hosts", "text", "bad"),
    [
        (None, [], "there is no repository w", True),
        ([NEWER], [], "w has no image latest; its newest tags: v2", True),
        ([NEWER, LATEST], [], "w:latest is not the newest image; v2 was pushed later", False),
        ([LATEST], [replace(HOST, launched_at=NOON - timedelta(hours=1))], "1 of 1 machines started before", False),
        ([replace(LATEST, findings={"CRITICAL": 2, "LOW": 9})], [], "its scan found: CRITICAL 2", False),
    ],
)
def test_what_is_wrong_with_an_image_is_said(
    images: list[Image] | None, hosts: list[Host], text: str, *, bad: bool
) -> None:
    [finding] = judge("video", "w", "latest", images, hosts).findings
    assert (text in finding.text.en, finding.bad) == (True, bad)


def test_a_stopped_machine_runs_nothing_old() -> None:
    stopped = replace(HOST, state="stopped", launched_at=NOON - timedelta(days=1))
    assert judge("video", "w", "latest", [LATEST], [stopped]).findings == ()


def test_images_are_read_newest_first_and_a_missing_repository_is_none(aws_emulator: Emulator) -> None:
    ecr, images = aws_emulator.clients("ecr"), Images(aws_emulator.clients)
    assert images.of("no-such-repository") is None
    name = f"images-{id(ecr)}"
    ecr.create_repository(repositoryName=name)
    assert images.of(name) == ()
    # Each emulator wants a manifest that parses.
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": []}
    for number, tag in enumerate(("v1", "latest")):
        config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": number, "digest": "sha256:0"}
        ecr.put_image(repositoryName=name, imageManifest=json.dumps({**manifest, "config": config}), imageTag=tag)
    found = images.of(name)
    assert found is not None
    assert {tag for one in found for tag in one.tags} == {"v1", "latest"}
    assert all(one.pushed_at for one in found)


def test_all_workers_images_are_checked_at_once(cli: Cli, park: OwnFleet) -> None:
    cli.set(VIDEO_BATCH_JOB_DEFINITION="no-such-definition")
    missing = cli("ecr", "check")
    assert (missing.code, missing.out.count("there is no repository")) == (1, 3)
    names = (park.names.video_name_tag, park.names.ai_name_tag, park.names.messaging_name_tag)
    ecr = park.clients("ecr")
    for name in names:
        ecr.create_repository(repositoryName=name)
        ecr.put_image(repositoryName=name, imageManifest=json.dumps({"for": name}), imageTag="latest")
    checked = cli("ecr", "check", "-o", "json")
    assert checked.code == 0
    assert [(one["who"], one["repository"]) for one in checked.json["images"]] == list(
        zip(("video", "ai", "messaging"), names, strict=True)
    )
    assert all(one["digest"] for one in checked.json["images"])
    assert cli("ecr", "check", "--tag", "v9").code == 1
    for name in names:
        ecr.delete_repository(repositoryName=name, force=True)
