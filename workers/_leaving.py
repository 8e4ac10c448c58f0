"""When a worker goes by itself: nothing to do for long enough, or AWS takes the machine.

One thread, beside the loop's. It never takes a message away from anybody: before it leaves it lets no receive begin
(the gate), waits for those under way, and asks again whether anything waits. A message that still came is handled, and
the worker stays. What AWS announces (a Spot interruption, a rebalance recommendation, the group's termination) ends the
taking at once; what runs may go on for as long as there is, and is given back then.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from academyctl.errors import AwsError, CannotTell
from workers._clock import Clock
from workers._gate import Gate
from workers._health import State
from workers._inflight import InFlight
from workers._place import Hook, Place
from workers._signals import Inbox

log = logging.getLogger("academyctl.worker")

FREE_S = 60.0
"""So long the instance has nothing to do before its protection is taken away."""
AGAIN_S = 300.0
"""After a protection that AWS refused."""
MARGIN_S = 20.0
"""Before the machine is taken: giving back, the last deletes, and the end of the process."""
RECEIVE_S = 40.0
"""Longer than any receive may hang (the client's read timeout is 30 s)."""
FRESH_S = 15.0
TRIES = 3
"""So often metadata may stay silent before this is no EC2 instance."""
UNPROTECT_S = 3.0
YOUNG_S = 900.0
"""Where capacity is short, every new instance soon has the recommendation: replacing those would never end."""
COMPLETE_TRIES, COMPLETE_S = 15, 1.0
"""The group takes a while until an instance that leaves waits at its hook."""


@dataclass(frozen=True)
class Leave:
    """For the inbox: the process ends by itself; `drain` = AWS takes the machine, and what runs has a deadline."""

    why: str
    drain: bool = False


class Leaving:
    """See the module. `idle_exit_s` 0 = never for having nothing to do; times are the monotonic clock's."""

    def __init__(
        self,
        place: Place,
        table: InFlight,
        gate: Gate,
        inbox: Inbox,
        clock: Clock,
        state: State,
        *,
        idle_exit_s: float,
        leave_asg: bool,
        wait_s: float,
        notice_s: float,
        clear: Callable[[], bool],
    ) -> None:
        self._place, self._table, self._gate, self._inbox = place, table, gate, inbox
        self._clock, self._state = clock, state
        self._idle_exit_s, self._leave_asg, self._wait_s, self._clear = idle_exit_s, leave_asg, wait_s, clear
        self._notice_s = notice_s
        self._empties: dict[str, float] = {}
        self._not_before = clock.monotonic()
        self._asked_at = -math.inf
        self._silent = 0
        self._told_silent = False
        self._busy: bool | None = None
        self._free_try = self._protect_at = -math.inf
        self._going = self._left = self._terminating = False
        self._began = clock.monotonic()
        self._replace = self._likely = False
        self._unread = False
        self._spot_until = math.inf
        self._hooks: dict[Hook, float] = {}
        self._hooks_since = 0.0
        self.stranded = False
        """It has drained for an instance that was not replaced after all: this process must be started again."""
        self._woken, self._ending = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="leaving", daemon=True)

    def start(self) -> None:
        """Look once before the first message is taken (a container may be started again on a dying machine)."""
        if self._leave_asg:
            self._look()
        self._thread.start()

    def begun(self) -> None:
        """A handler has taken something: protect the instance soon, if that is not so."""
        if self._leave_asg and not self._busy and self._clock.monotonic() >= self._protect_at:
            self._woken.set()

    def empty(self, queue: str) -> None:
        """A queue had nothing."""
        self._empties[queue] = self._clock.monotonic()

    def until(self, usual: float) -> float:
        """When what runs must be given back; `usual` is when a stop would have it so."""
        # The margin of a short hook is shorter: the next beat must come before it.
        beats = [beaten + hook.beat_s - min(MARGIN_S, hook.beat_s / 3) for hook, beaten in self._hooks.items()]
        ends = [self._spot_until, *beats, *(self._hooks_since + hook.most_s - MARGIN_S for hook in self._hooks)]
        if self._terminating and not self._hooks:
            ends.append(usual)
        return min(ends)

    def close(self) -> None:
        """The last of it, when everything is settled: bounded, for a machine that goes waits for nobody."""
        self._ending.set()
        self._woken.set()
        last = self._left or self._terminating or self._replace
        # It may just be asking metadata that is not there: nobody waits for that.
        if self._thread.is_alive() and (last or self._busy):
            self._thread.join(COMPLETE_TRIES * COMPLETE_S + RECEIVE_S if last else UNPROTECT_S)

    def tick(self) -> None:
        """One look at everything."""
        self._watch()
        self._keep_hooks()
        if self._leave_asg and self._place.instance:
            self._protect()
        if self._idle_exit_s > 0 and not self._over:
            self._consider()

    def _run(self) -> None:
        while not self._ending.is_set():
            self._look()
            if not self._wanted():
                return
            self._woken.wait(max(0.05, min(self._notice_s, self._idle_exit_s / 2 or self._notice_s)))
            self._woken.clear()
        self._finish()

    def _look(self) -> None:
        try:
            self.tick()
        except Exception:  # a thread that dies of a bug would miss the notice that the machine is taken
            log.exception("looking whether to leave failed")

    def _wanted(self) -> bool:
        """Whether there is anything to look for; a laptop is no instance."""
        return bool(self._place.instance or self._idle_exit_s or self._leave_asg or self._silent < TRIES)

    def _watch(self) -> None:
        now = self._clock.monotonic()
        if now - self._asked_at < self._notice_s or (
            self._silent >= TRIES and not self._place.instance and not self._leave_asg
        ):
            return
        self._asked_at = now
        try:
            fate = self._place.fate()
        except CannotTell as error:
            self._silent += 1
            if self._leave_asg and self._silent >= TRIES and not self._told_silent:
                self._told_silent = True
                log.warning("no notice can be heard, and this instance stays: %s (a container needs the metadata "
                            "option HttpPutResponseHopLimit 2)", error)  # fmt: skip
            return
        self._silent, self._told_silent = 0, False
        self._state.instance_id = self._place.instance
        if fate.spot_at is not None and self._spot_until == math.inf:
            left = (fate.spot_at - self._clock.now()).total_seconds()
            self._spot_until = now + left - MARGIN_S
            self._go(f"Spot takes {self._place.instance} in {left:.0f} s", drain=True)
        if fate.target == "Terminated" and not self._terminating:
            self._terminating, self._hooks_since = True, now
            self._read_hooks()
            self._go(f"the group ends {self._place.instance}", drain=True)
        if fate.rebalance and not (self._likely or self._terminating or self._left) and self._leave_asg:
            # Without the right to leave nothing would be gained: the machine stays, and nobody works on it.
            self._likely, self._replace = True, now - self._began >= YOUNG_S
        if self._replace and not self._going:
            self._go(f"an interruption of {self._place.instance} is likely: it is replaced", drain=True)

    def _keep_hooks(self) -> None:
        """The group waits at the hook for as long as something runs."""
        now = self._clock.monotonic()
        if self._unread:
            self._read_hooks()
        for hook, beaten in self._hooks.items():
            if now - beaten >= hook.beat_s / 3 and self._place.beat(hook):
                self._hooks[hook] = now

    def _read_hooks(self) -> None:
        """Once for each end; again while AWS does not answer, for without them a job has the usual grace only."""
        found = self._place.hooks()
        self._unread = found is None
        self._hooks = dict.fromkeys(found or (), self._hooks_since)

    def _protect(self) -> None:
        """Once for a time of work, however many jobs it has; not known at first, for a killed process may have left
        it on. It only guards against people and refreshes: no failure matters."""
        now, free = self._clock.monotonic(), self._table.free_since
        if free is None:
            if not self._busy and now >= self._protect_at:
                # An instance that is only being launched cannot be protected yet.
                self._protect_at = now + AGAIN_S
                self._busy = self._place.protect(protected=True)
        elif self._busy is not False and now - free >= FREE_S and now - self._free_try >= FREE_S:
            self._free_try = now
            self._unprotect()

    def _unprotect(self) -> None:
        if self._place.protect(protected=False):
            self._busy, self._protect_at = False, -math.inf

    def _consider(self) -> None:
        """Leave, if there has been nothing to do for long enough, and nothing comes while that is made sure."""
        free = self._idle_since()
        if free is None or self._clock.monotonic() - max(free, self._not_before) < self._idle_exit_s:
            return
        self._gate.close()
        try:
            stays = self._stays(free)
        except Exception as bug:  # behind a closed gate the worker would be deaf for ever
            log.exception("whether to leave could not be told")
            stays = f"{type(bug).__name__}: {bug}"
        if self._over:
            return
        if stays:
            self._not_before = self._clock.monotonic()
            log.info("idle for %.0f s, and staying: %s", self._not_before - free, stays)
            self._gate.open()
            return
        self._go(f"idle for {self._clock.monotonic() - free:.0f} s" + (", left the group" if self._left else ""))

    def _stays(self, free: float) -> str:
        """With the gate closed: why the worker stays, '' = it has left its group, if that was wanted."""
        until = self._clock.monotonic() + RECEIVE_S
        while not self._gate.still(self._notice_s):
            if self._clock.monotonic() > until:
                return "a receive does not come back"
            self._watch()
        # Compared, not only asked for: a message may have come and be done within the wait.
        if self._over or self._idle_since() != free:
            return "a message came, or SQS was away"
        try:
            stays = self._place.needed() if self._leave_asg else self._place.waiting()
        except AwsError as error:
            return f"it cannot be told whether anything waits ({error})"
        if stays or not self._leave_asg:
            return stays
        if self._busy:
            self._unprotect()
        refused = self._place.leave()
        self._left = not refused
        return refused

    def _idle_since(self) -> float | None:
        """Since when there is nothing in hand and nothing to be had; None = there is, or nobody knows."""
        now, free = self._clock.monotonic(), self._table.free_since
        if free is None or not self._clear():
            return None
        # An empty hand is no empty queue: nothing may be fetched at present, or SQS is away.
        oldest = max(free, now - self._wait_s - FRESH_S)
        return free if all(self._empties.get(queue, -math.inf) >= oldest for queue in self._state.queues) else None

    @property
    def _over(self) -> bool:
        return self._going or self._state.stopping

    def _go(self, why: str, *, drain: bool = False) -> None:
        log.warning("%s: taking no more jobs", why) if drain else log.info("leaving: %s", why)
        self._gate.close()
        self._going = True
        self._inbox.put(Leave(why, drain))

    def _finish(self) -> None:
        """After the last job: what the group waits for, and a place for the next instance."""
        if self._replace and not self._terminating:
            self.stranded = not self._place.be_replaced()
        elif self._busy and not self._left:
            self._unprotect()
        goes = self._left or self._terminating or (self._replace and not self.stranded)
        hooks = list(self._hooks) or ((self._place.hooks() or []) if goes else [])
        for _ in range(COMPLETE_TRIES):
            hooks = [hook for hook in hooks if not self._place.complete(hook)]
            if not hooks:
                return
            self._woken.clear()
            self._woken.wait(COMPLETE_S)
