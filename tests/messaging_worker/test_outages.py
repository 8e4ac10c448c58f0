"""The database going away at the worst moments of a group, and Redis in one round trip."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from academyctl.contract import keys
from academyctl.stores.postgres import connect
from tests.messaging_worker.crew import bench, logged
from tests.texting_platform import OPENING, Texting
from workers._model import Defer, Done


@dataclass
class Plug:
    """Pulls the plug of the test's database: open connections die and no new one is taken until it is back in."""

    texting: Texting
    pulls: int = 0
    back: threading.Timer | None = field(default=None, repr=False)

    def pull(self, seconds: float) -> None:
        self._do(False)
        self.back = threading.Timer(seconds, self._do, [True])
        self.back.start()

    def _do(self, allow: bool) -> None:
        env = self.texting.env
        name = env["DB_NAME"]
        with connect(
            host=env["DB_HOST"], port=int(env["DB_PORT"]), dbname="postgres", user=env["DB_USER"],
            password=env["DB_PASSWORD"], autocommit=True,
        ) as admin:  # fmt: skip
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {allow}'.encode())
            if not allow:
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


@contextmanager
def plug(texting: Texting) -> Iterator[Plug]:
    made = Plug(texting)
    try:
        yield made
    finally:
        if made.back is not None:
            made.back.join()


def test_an_end_that_cannot_be_written_at_once_is_written_when_the_database_is_back(texting: Texting) -> None:
    academy = texting.academy()
    with plug(texting) as pulled, bench(texting) as hand, logged() as log:

        def accepting() -> datetime:
            if not pulled.pulls:
                pulled.pulls += 1
                pulled.pull(0.2)
            return datetime.now(UTC)

        texting.account.clock = accepting
        assert hand.one(academy, message_id="m") == Done()
    assert texting.states() == ["SENT"]
    assert len(texting.inbox()) == 1
    assert texting.balance(academy) == OPENING - 9
    assert "the ends of 1 texts could not be written, trying again" in log.getvalue()


def test_of_three_texts_only_those_with_a_legacy_lock_wait_and_ours_are_taken_over(texting: Texting) -> None:
    redis = texting.stores.redis
    redis.set(keys.messaging_lock("legacy"), "1", ttl_s=30)
    redis.set(keys.messaging_lock("ours"), '{"token": "dead"}', ttl_s=30)
    names = ("legacy", "ours", "free")
    locks = [(keys.messaging_lock(name), '{"token": "me"}') for name in names]
    states = redis.acquire_many(locks, 60_000, over="{")
    assert [state.mine for state in states] == [False, True, True]
    assert 0 < states[0].ttl_ms <= 30_000
    redis.release_many(locks, values={"said": {"step": "done"}}, ttl_s=60)
    assert redis.get_many([key for key, _ in locks]) == ["1", None, None]
    assert redis.get_json("said") == {"step": "done"}


def test_a_redis_that_is_away_at_the_end_changes_nothing_of_what_was_sent(texting: Texting) -> None:
    academy = texting.academy(credit_balance=0)
    with bench(texting, REDIS_HOST="127.0.0.1", REDIS_PORT="1") as hand:
        assert isinstance(hand.one(academy, message_id="m"), Defer)
        texting.stores.db.execute("UPDATE core_tenant SET credit_balance = 100")
        assert hand.one(academy, message_id="m") == Done()
    assert len(texting.inbox()) == 1
