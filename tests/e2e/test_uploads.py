"""Thirty uploads, the rule's own minute, and a fleet that grows, encodes them all and leaves. Minutes: on demand."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from academyctl.stores import Stores
from academyctl.stores.aws import ClientFactory
from tests.conftest import eventually
from tests.fleet import fleet_clients as fleet_clients
from tests.fleet import own_fleet
from tests.fleet_instances import Instances
from tests.video_commands.conftest import Cli
from tests.video_worker.conftest import bench as bench
from tests.video_worker.conftest import clip as clip
from tests.video_worker.conftest import ffmpeg as ffmpeg
from tests.video_worker.tools import Bench

pytestmark = pytest.mark.skipif(
    "ACADEMYCTL_TEST_EVERY" not in os.environ, reason="ACADEMYCTL_TEST_EVERY=1 encodes thirty uploads"
)
UPLOADS, MOST = 30, 4
RULE_S = 90


def test_thirty_uploads_fire_the_rule_and_a_fleet_encodes_them_all_and_leaves(
    bench: Callable[..., Bench], clip: Path, stores: Stores, platform_env: dict[str, str], fleet_clients: ClientFactory,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    at = bench()
    env = {**platform_env, "XDG_STATE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path), "VIDEO_PRESET": "fast"}
    env["VIDEO_WORKER_TEMP_DIR"] = str(tmp_path / "work")
    with own_fleet(env, fleet_clients) as fleet:
        cli = Cli(fleet.env, monkeypatch, capsys)
        applied = cli("scaling", "apply", "outstanding", "--max", MOST, "--apply")
        assert applied.code == 0, applied.err
        rows = [at.upload(clip) for _ in range(UPLOADS)]
        for row in rows:
            at.send(row)
        run = ("worker", "run", "video", "--idle-exit", "2", "--leave-asg", "--wait", "1")
        with Instances(fleet.clients, fleet.names.video_asg, run, fleet.env, tmp_path) as instances:
            began = time.monotonic()
            # Nobody invokes anything here: EventBridge does.
            eventually(lambda: instances.sizes == (MOST, MOST), timeout=RULE_S, every=0.5)
            print(f"\ndesired {MOST} after {time.monotonic() - began:.0f} s")
            instances.boot()
            eventually(lambda: {at.row(row).status for row in rows} == {"READY"}, timeout=240, every=1)
            print(f"all READY after {time.monotonic() - began:.0f} s")
            eventually(lambda: instances.sizes == (1, 1), timeout=60, every=0.5)
            print(f"back to one instance after {time.monotonic() - began:.0f} s")
        left = stores.sqs.attributes(at.queue)
        assert (left.visible, left.in_flight, left.delayed) == (0, 0, 0)
        assert stores.sqs.attributes(f"{at.queue}-dlq").visible == 0
