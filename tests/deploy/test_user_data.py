"""What an instance does when it starts, really run by bash; only what it calls is replaced, and says that it was."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.templates import resources

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="an instance runs bash")

VALUES = {
    "${AWS::Region}": "ap-northeast-2",
    "${Group}": "academy-video-worker-asg",
    "${Role}": "video",
    "${NameTag}": "academy-video-worker",
    "${Image}": "1.dkr.ecr.ap-northeast-2.amazonaws.com/academy-video-worker:1",
    "${EnvParameter}": "/academy/workers/env",
    "${IdleExitSeconds}": "300",
}
# Every program that changes a machine or asks AWS: each call is a line of the log.
STAND_IN = """#!/bin/bash
echo "$(basename "$0") $*" >> "$LOG"
case "$(basename "$0") $*" in
  $FAILING) exit 1;;
  *latest/api/token*) echo token;;
  *meta-data/instance-id*) echo i-0123;;
  *get-parameter*) echo "$LENGTH";;
  *get-login-password*) echo password;;
esac
"""
PROGRAMS = ("aws", "blkid", "chown", "curl", "dnf", "docker", "mkfs.ext4", "mount", "sleep", "systemctl")


@dataclass(frozen=True)
class Boot:
    """How it ended, and what it called."""

    code: int
    calls: Sequence[str]

    def called(self, words: str) -> list[str]:
        return [one for one in self.calls if words in one]

    @property
    def verdict(self) -> list[str]:
        """The lifecycle action's result, as often as it was told."""
        return [one.rpartition(" ")[2] for one in self.called("complete-lifecycle-action")]


def script() -> str:
    [(_, template)] = resources("workers.yaml", "AWS::EC2::LaunchTemplate")
    text: str = template["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Fn::Sub"]
    for name, value in VALUES.items():
        text = text.replace(name, value)
    assert "${" not in text
    return text


def boot(folder: Path, *, failing: str = "nothing", length: str = "900") -> Boot:
    programs = folder / "bin"
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).write_text(STAND_IN, encoding="utf-8")
        (programs / name).chmod(0o755)
    text = script()
    for path in ("/var/lib/academyctl", "/run/ecr-password", "/dev/console", "/dev/sdb"):
        text = text.replace(path, str(folder / Path(path).name))
    log = folder / "log"
    env = {"PATH": f"{programs}:{os.environ['PATH']}", "LOG": str(log), "FAILING": failing, "LENGTH": length}
    done = subprocess.run(["bash", "-c", text], env=env, capture_output=True, timeout=60, check=False)
    return Boot(done.returncode, log.read_text(encoding="utf-8").splitlines())


def test_an_instance_counts_as_launched_when_its_worker_is_healthy(tmp_path: Path) -> None:
    booted = boot(tmp_path)
    assert (booted.code, booted.verdict) == (0, ["CONTINUE"])
    [run] = booted.called("docker run")
    assert run.endswith("academyctl worker run video --env-from-ssm /academy/workers/env --idle-exit 300 --leave-asg")
    assert booted.calls.index(booted.called("worker health video")[0]) < len(booted.calls) - 1


def test_an_empty_environment_gives_the_launch_up(tmp_path: Path) -> None:
    booted = boot(tmp_path, length="0")
    assert (booted.code, booted.verdict, booted.called("docker run")) == (1, ["ABANDON"], [])


@pytest.mark.parametrize(
    "failing", ["*get-parameter*", "dnf*", "*docker pull*", "docker login*", "*worker?health*", "docker run*"]
)
def test_whatever_fails_gives_the_launch_up(tmp_path: Path, failing: str) -> None:
    booted = boot(tmp_path, failing=failing)
    assert (booted.code, booted.verdict) == (1, ["ABANDON"])


def test_what_may_pass_is_tried_three_times(tmp_path: Path) -> None:
    assert len(boot(tmp_path, failing="*docker pull*").called("docker pull")) == 3


def test_no_secret_is_ever_on_the_disk(tmp_path: Path) -> None:
    booted = boot(tmp_path)
    assert [one for one in booted.called("get-parameter") if "length(Parameter.Value)" not in one] == []
    assert not (tmp_path / "ecr-password").exists()


def test_the_script_fits_into_user_data() -> None:
    assert len(script().encode()) < 16_384
