"""A diagnosis far from its servers: no topic waits for more than three answers in a row (connecting is the first)."""

from __future__ import annotations

import socket
from functools import partial

from academyctl.contract import keys
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.readonly import ReadOnlyStores
from academyctl.stores.readonly_redis import AGAIN
from checks._engine import take
from checks._topics import chosen
from tests.checks.links import Link, Waves, linked

MOST = 3
# Threads that ask at once must start within it of one another, on a busy machine too.
QUIET_S = 0.25


def _counts(links: dict[str, Link]) -> dict[str, int]:
    return {name: link.count for name, link in links.items() if isinstance(link, Waves)}


def test_no_store_is_asked_more_than_three_times_in_a_row(platform_env: dict[str, str], stores: Stores) -> None:
    # Something to look at: a lock with an owner, a message that waits.
    stores.redis.acquire(keys.encode_lock(7), '{"token": "host-9:77:3", "host": "h", "pid": 7}', 60_000)
    stores.sqs.send(stores.settings.queues.video, "{}")
    with linked(platform_env, partial(Waves, quiet_s=QUIET_S)) as (env, links):
        opened = ReadOnlyStores(load(env).settings, timeout_s=30)
        opened.redis.ping_ms()
        opened.db.query("SELECT 1")
        opened.close()
        # One of each was the question itself; the others are the protocol's greeting, which is a part of connecting.
        before = _counts(links)
        greeting = {name: before[name] - 1 for name in ("REDIS_PORT", "DB_PORT")}
        # Answers held back as here read like a slow Redis, which is asked again to make sure.
        greeting["REDIS_PORT"] += AGAIN
        seen = take(chosen(("settings", "sqs", "redis", "db", "r2")), load(env), env, timeout_s=30)
        made = {name: count - before[name] for name, count in _counts(links).items()}
    assert {one.state for one in seen.topics.values()} == {"seen"}
    in_a_row = {name: made[name] - greeting[name] + 1 if name in greeting else made[name] for name in made}
    assert all(1 <= count <= MOST for count in in_a_row.values()), in_a_row


def test_the_fleet_is_asked_no_more_than_three_times_in_a_row(steady_env: dict[str, str]) -> None:
    with linked(steady_env, partial(Waves, quiet_s=QUIET_S)) as (env, links):
        seen = take(chosen(("aws", "workers", "scaling", "lambda", "batch")), load(env), env, timeout_s=30)
        asked = _counts(links)["AWS_ENDPOINT_URL"]
    assert {one.state for one in seen.topics.values()} == {"seen"}
    assert 1 <= asked <= MOST


def test_a_link_counts_what_waits_for_an_answer_and_not_what_is_sent_together(steady_env: dict[str, str]) -> None:
    link = Waves((steady_env["REDIS_HOST"], int(steady_env["REDIS_PORT"])), quiet_s=0.05)
    ask = ("127.0.0.1", link.port)
    with socket.create_connection(ask) as one, socket.create_connection(ask) as two:
        for client in (one, two):
            client.sendall(b"PING\r\nPING\r\n")
        for client in (one, two):
            assert client.recv(1024)
        assert link.count == 1
        one.sendall(b"PING\r\n")
        assert one.recv(1024)
    link.close()
    assert link.count == 2
