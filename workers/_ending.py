"""How the loop ends: in order, within the time that there is."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from academyctl.contract import logtokens
from academyctl.errors import Stopping
from workers._deleter import Deleter
from workers._hands import Hands
from workers._health import State
from workers._inflight import InFlight
from workers._keeper import Keeper
from workers._leaving import Leave, Leaving
from workers._poller import Poll
from workers._process import Surroundings
from workers._settle import GIVE_BACK_S, Settler
from workers._signals import Inbox, Signalled

log = logging.getLogger("academyctl.worker")

LINGER_S = 5.0
"""How long a job may take to give up after it was told to."""
FLUSH_S = 5.0
KEEPER_STOP_S = 2.0
LOOK_S = 0.5
"""So soon an ending worker notices that it has less time than it had."""


@dataclass(frozen=True)
class Ending:
    """The loop's parts that have to end."""

    inbox: Inbox
    table: InFlight
    poll: Poll
    settler: Settler
    keeper: Keeper
    hands: Hands
    deleter: Deleter
    around: Surroundings
    leaving: Leaving
    state: State
    grace_s: float

    def stop(self, ended: object) -> bool:
        """Stop in order; whether a handler did not let go."""
        # The grace counts from here: giving messages back may hang with SQS, and docker's ten seconds do not wait.
        grace_until = time.monotonic() + self.grace_s
        if isinstance(ended, Signalled):
            current = "processing" if self.table.running() else "idle"
            log.info(logtokens.SIGNAL.format(signal=ended.name, current=current))
        self.state.stopping = True
        self.poll.stopping.set()
        waiting = self.table.close()
        hopeless = self.poll.hold_off_s() > 0
        if hopeless:
            # What the jobs in hand wait for is away: the grace would pass with waiting.
            self._interrupt()
        self.settler.give_back(waiting, min(GIVE_BACK_S, self.grace_s))
        self.keeper.beat_now()
        working = bool(self.table.running())
        stuck = late = self._join(ended, grace_until)
        if late:
            self._interrupt()
            stuck = self.hands.join(LINGER_S)
        if stuck:
            log.error("%d jobs did not let go; their messages come back by the visibility timeout", stuck)
        elif working and not late and not hopeless:
            log.info(logtokens.SHUTDOWN_DONE)
        undeleted = self.deleter.close(FLUSH_S)
        if undeleted:
            log.error("%d finished messages were not deleted and will come back", undeleted)
        self.keeper.stop(KEEPER_STOP_S)
        self.leaving.close()
        return bool(stuck)

    def _join(self, ended: object, grace_until: float) -> int:
        """Wait for what runs. Where AWS takes the machine, for as long as it leaves there; a signal means the grace."""
        patient = isinstance(ended, Leave) and ended.drain
        while True:
            until = self.leaving.until(grace_until)
            left = (until if patient else min(until, grace_until)) - time.monotonic()
            late = self.hands.join(min(max(0.0, left), LOOK_S))
            if not late or left <= 0:
                return late
            if patient and isinstance(self.inbox.take(), Signalled):
                patient, grace_until = False, time.monotonic() + self.grace_s

    def _interrupt(self) -> None:
        self.around.interrupting.set()
        for held in self.table.running():
            if held.delivery is not None:
                held.delivery.interrupt(Stopping("the worker is shutting down"))
