"""The platform's Redis keys around a group: its locks and its progress, in one round trip before and one after.

An optimisation and a courtesy to a worker of the platform's own beside us, never the guarantee: that is the row in the
database. So a lock of ours, whoever's of ours, stops nobody here; a legacy "1" does. Redis away stops nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from academyctl.contract import keys, progress
from academyctl.errors import RedisAway
from academyctl.stores.redis import LockState
from workers._model import Defer, Done
from workers.messaging.group import Group, Part

TTL_S = 1800
"""The contract's (2.1)."""
OURS = "{"
"""How a lock's value begins when one of us wrote it: JSON that names its owner."""
BUSY_MAX_S = 60.0


def lock(group: Group) -> None:
    """Take the locks; a part whose lock a legacy worker holds is deferred until that can be dead."""
    value = _value(group)
    try:
        states = group.stores.redis.acquire_many([(_key(part), value) for part in group.parts], TTL_S * 1000, over=OURS)
    except RedisAway as away:
        keeper = group.parts[0].delivery.keeper
        if keeper is not None:
            keeper.lock_bypassed(away)
        return
    for part, state in zip(group.parts, states, strict=True):
        if not state.mine:
            part.sent = True
            part.ends(Defer("a worker of the platform's own holds its lock", _left_s(state, part)))


def unlock(group: Group, parts: Sequence[Part]) -> None:
    """Let go of the locks of texts that cannot have gone out, and write the progress of the others.

    A lock that stays makes a legacy worker delete the message, which is right only for a text that went out.
    """
    release = [(_key(part), value) for value in (_value(group),) for part in parts if not part.sent]
    said = {
        keys.job_progress(part.tenant_id, _job(part)): progress.message(done=isinstance(part.outcome, Done))
        for part in parts if part.sent
    }  # fmt: skip
    try:
        group.stores.redis.release_many(release, values=said, ttl_s=progress.JOB_PROGRESS_TTL_S)
    except RedisAway as away:
        keeper = group.parts[0].delivery.keeper
        if keeper is not None:
            keeper.redis_away(away)


def _key(part: Part) -> str:
    return keys.messaging_lock(part.asked.first_id)


def _job(part: Part) -> str:
    return f"messaging:{part.asked.first_id}"


def _value(group: Group) -> str:
    return json.dumps({"token": group.token, "host": group.settings.worker.id, "pid": os.getpid()}, ensure_ascii=False)


def _left_s(state: LockState, part: Part) -> float:
    left = BUSY_MAX_S if state.ttl_ms < 0 else min(BUSY_MAX_S, state.ttl_ms / 1000 + 1)
    return left + part.delivery.rng.uniform(0, 4)
