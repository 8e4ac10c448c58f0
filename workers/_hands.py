"""Handler threads: each takes a message, or a batch of them, sees it through the worker and has it settled."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from workers._clock import Clock
from workers._inflight import InFlight
from workers._line import Held
from workers._model import Leave, Outcome, Worker
from workers._process import Surroundings, process
from workers._process_many import process_many
from workers._settle import Settler

log = logging.getLogger("academyctl.worker")


class Hands:
    """`count` threads. `begins()` is called when one has taken something, `settled(words)` when it is done with it."""

    def __init__(
        self,
        worker: Worker,
        around: Surroundings,
        table: InFlight,
        settler: Settler,
        clock: Clock,
        *,
        count: int,
        begins: Callable[[], None],
        settled: Callable[[Sequence[str]], None],
    ) -> None:
        self._worker = worker
        self._around = around
        self._table = table
        self._settler = settler
        self._clock = clock.monotonic
        self._begins = begins
        self._settled = settled
        self._threads = [threading.Thread(target=self._run, name=f"handler-{n}", daemon=True) for n in range(count)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> int:
        """How many have not ended in time. Real time: a thread cannot be waited for by another clock."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return sum(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        while helds := self._table.next_many(self._worker.batch):
            self._begins()
            helds = self._in_time(helds)
            try:
                words = self._settler.settle_many(self._outcomes(helds))
            except Exception:  # a bug in settling costs these messages a visibility timeout, never the thread its life
                log.exception("%d messages could not be settled and come back by themselves", len(helds))
                for held in helds:
                    self._table.remove(held)
                words = ["error"] * len(helds)
            self._settled(words)

    def _outcomes(self, helds: list[Held]) -> list[tuple[Held, Outcome | Leave]]:
        if self._worker.handle_many is None:
            return [(held, process(self._around, held)) for held in helds]
        return list(zip(helds, process_many(self._around, helds), strict=True))

    def _in_time(self, helds: list[Held]) -> list[Held]:
        """Those that are still ours; the others waited so long that they are visible again."""
        latest = self._clock() - self._worker.visibility_s
        late = [held for held in helds if held.extended_at < latest]
        if not late:
            return helds
        log.warning(
            "%d messages of %s waited too long and are visible again, as %s", len(late), late[0].queue, late[0].id
        )
        for held in late:
            self._table.remove(held)
        return [held for held in helds if held.extended_at >= latest]
