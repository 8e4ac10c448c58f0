"""A redrive that says what it has done and waits to be killed between the sending and the deleting of letter N."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from academyctl.dead_letters import pair, sample
from academyctl.redrive import plan, redrive_all
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.sqs import Receipt, Sqs


class Halting(Sqs):
    """Deletes until it has to delete the last of `left` letters: then it says so and never comes back."""

    left = int(sys.argv[2])

    def delete(self, name: str, receipts: Sequence[Receipt]) -> list[str]:
        Halting.left -= 1
        if Halting.left == 0:
            print("sent", flush=True)
            threading.Event().wait()
        return super().delete(name, receipts)


class HaltingStores(Stores):
    @property
    def sqs_quick(self) -> Sqs:
        return self._once("sqs_quick", lambda: Halting(self.aws_clients()))


def main() -> None:
    stores = HaltingStores(load().settings)
    video = pair(stores, "video")
    redrive_all(plan(sample(stores, video.dlq).letters, video, {}, 100), stores, Path(sys.argv[1]), hold_s=1)


if __name__ == "__main__":
    main()
