"""Renewal of what running jobs own beside their message: the Redis lock, and whatever else the handler holds."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from academyctl.errors import LeaseLost, RedisAway, StoreError
from academyctl.stores import Stores
from workers._metrics import Metrics
from workers._model import Delivery, Hold

log = logging.getLogger("academyctl.worker")

Lose = Callable[[Delivery, str], None]


@dataclass(eq=False)
class _Lock:
    key: str
    value: str
    seen_at: float
    """When it was last renewed, or Redis last found away: in that time nobody can have taken it unseen."""
    strikes: int = 0


@dataclass(eq=False)
class _Watched:
    delivery: Delivery
    renewed: dict[int, float] = field(default_factory=dict)
    """When each hold was last known to be ours, by its id."""
    lock: _Lock | None = None


class Leases:
    """The locks and holds of everything that runs. `lose(delivery, why)` is called when one is gone."""

    def __init__(
        self, stores: Stores, metrics: Metrics, *, lease_s: int, beat_s: float, clock: Callable[[], float], lose: Lose
    ) -> None:
        self._stores = stores
        self._metrics = metrics
        self._lease_s = lease_s
        self._beat_s = beat_s
        self._clock = clock
        self._lose = lose
        self._watched: dict[str, _Watched] = {}
        self._table = threading.Lock()
        # Held while locks are renewed: a lock that is being released must not be taken again behind its owner's back.
        self._renewing = threading.Lock()
        self._redis_away = False
        self._renewed_at = clock()

    def watch(self, delivery: Delivery) -> None:
        with self._table:
            self._watched[delivery.token] = _Watched(delivery)

    def unwatch(self, delivery: Delivery) -> None:
        with self._table:
            self._watched.pop(delivery.token, None)
        for hold in list(delivery.holds):
            delivery.drop(hold)

    def keep_lock(self, delivery: Delivery, key: str, value: str) -> None:
        with self._table:
            watched = self._watched.setdefault(delivery.token, _Watched(delivery))
            watched.lock = _Lock(key, value, self._clock())

    def drop_lock(self, delivery: Delivery) -> None:
        with self._renewing, self._table:
            watched = self._watched.get(delivery.token)
            if watched is not None:
                watched.lock = None

    def redis_away(self, error: RedisAway) -> None:
        if not self._redis_away and self._stores.redis.enabled:
            log.warning("%s; the database lease alone decides until it is back", error)
        self._redis_away = True

    def redis_back(self) -> None:
        if self._redis_away:
            log.info("Redis is back")
        self._redis_away = False

    def renew_due(self, now: float) -> None:
        """Renew everything, once per third of the lease."""
        if now - self._renewed_at < self._lease_s / 3 - self._beat_s / 2:
            return
        self._renewed_at = now
        with self._table:
            watched = list(self._watched.values())
        alive = self._renew_holds(watched)
        self._renew_locks(watched, alive)

    def _renew_holds(self, watched: list[_Watched]) -> set[str]:
        """Renew the handlers' holds; the tokens of the deliveries all of whose holds are known to be theirs."""
        alive: set[str] = set()
        away: StoreError | None = None
        for one in watched:
            results = [self._renew_hold(one, hold, away) for hold in list(one.delivery.holds)]
            away = away or next((result for result in results if isinstance(result, StoreError)), None)
            if results and not any(results):
                alive.add(one.delivery.token)
        return alive

    def _renew_hold(self, one: _Watched, hold: Hold, away: StoreError | None) -> Exception | None:
        """None = renewed. Once a store was found away the rest of the round does not ask it again and wait again."""
        since = one.renewed.setdefault(id(hold), self._clock() - self._beat_s)
        try:
            if away is not None:
                raise away
            one.delivery.renew(hold)
        except LeaseLost as lost:
            self._lose(one.delivery, str(lost))
            return lost
        except StoreError as error:
            if self._clock() - since > self._lease_s:
                self._lose(one.delivery, f"{hold.name} could not be renewed and has run out: {error}")
            elif away is None:
                log.warning("cannot tell whether %s is still ours, trying again: %s", hold.name, error)
            return error
        one.renewed[id(hold)] = self._clock()
        return None

    def _renew_locks(self, watched: list[_Watched], alive: set[str]) -> None:
        with self._renewing:
            locked = [(one.lock, one) for one in watched if one.lock is not None]
            if not locked:
                return
            try:
                lost = set(
                    self._stores.redis.renew([(lock.key, lock.value) for lock, _ in locked], self._lease_s * 1000)
                )
                for lock, one in locked:
                    if lock.key in lost:
                        self._retake(lock, one.delivery, fenced=one.delivery.token in alive)
                    else:
                        lock.seen_at, lock.strikes = self._clock(), 0
            except RedisAway as error:
                self.redis_away(error)
                for lock, _ in locked:
                    lock.seen_at = self._clock()
                return
            self.redis_back()

    def _retake(self, lock: _Lock, delivery: Delivery, *, fenced: bool) -> None:
        """A lock is gone: evicted, flushed with Redis, unlocked by hand, or taken by another.

        Free again, it is taken back. With another's name in it the job is lost, unless a hold renewed in this very
        round says that the work is ours: then the other may be about to find that out, and has one round to let go.
        """
        held = self._stores.redis.acquire(lock.key, lock.value, self._lease_s * 1000)
        late = self._clock() - lock.seen_at > self._lease_s
        if held.mine and (fenced or not late):
            log.warning("the lock %s was gone and has been taken again", lock.key)
            lock.seen_at, lock.strikes = self._clock(), 0
            return
        lock.strikes += 1
        if held.mine:
            self._stores.redis.release(lock.key, lock.value)
            self._lose(delivery, f"the lock {lock.key} had run out; another worker may have done the work meanwhile")
        elif not fenced or lock.strikes > 1:
            self._lose(delivery, f"the lock {lock.key} is held by another: {held.value[:200]}")
        else:
            log.warning("the lock %s is held by another, yet the lease is ours: waiting one round", lock.key)
