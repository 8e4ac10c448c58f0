"""A group's instances as machines: each one that the group has runs a real worker, with metadata of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from academyctl.stores.aws import ClientFactory
from tests import forked
from tests.imds import Imds


@dataclass
class Machine:
    imds: Imds
    process: BaseProcess
    log: Path


class Instances:
    """`with Instances(clients, group, words, env, folder) as machines:`; `boot()` starts what the group has added.

    `machines` are all that ever ran, by instance id; whoever is left at the end is stopped, then killed.
    """

    def __init__(
        self, clients: ClientFactory, group: str, words: Sequence[str], env: Mapping[str, str], folder: Path
    ) -> None:
        self.machines: dict[str, Machine] = {}
        self._clients, self._group, self._words, self._env, self._folder = clients, group, words, env, folder
        self._open = ExitStack()

    @property
    def group(self) -> dict[str, Any]:
        """The group as AWS describes it now."""
        describe = self._clients("autoscaling").describe_auto_scaling_groups
        found: dict[str, Any] = describe(AutoScalingGroupNames=[self._group])["AutoScalingGroups"][0]
        return found

    @property
    def sizes(self) -> tuple[int, int]:
        """(desired capacity, instances in service)"""
        group = self.group
        return group["DesiredCapacity"], sum(one["LifecycleState"] == "InService" for one in group["Instances"])

    def boot(self) -> None:
        for one in self.group["Instances"]:
            if one["InstanceId"] not in self.machines:
                self.machines[one["InstanceId"]] = self._started(one["InstanceId"])

    def _started(self, instance: str) -> Machine:
        imds, log = self._open.enter_context(Imds(instance)), self._folder / f"{instance}.log"
        health = {"ACADEMYCTL_HEALTH_FILE": str(self._folder / f"{instance}.health"), "WORKER_ID": instance}
        env = {**_machine(), **self._env, **imds.env, **health}
        return Machine(imds, forked.start(self._words, env=env, out=log, err=log), log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for one in self.machines.values():
            one.process.terminate()
        for one in self.machines.values():
            one.process.join(20)
            one.process.kill()
            one.process.join()
        self._open.close()


def _machine() -> dict[str, str]:
    """What any process needs of this machine."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT") if name in os.environ}
