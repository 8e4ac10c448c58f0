"""Helpers over the real local stack: a diagnosis of an environment, and the world's state to compare."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from academyctl.local.resources import queue_specs
from academyctl.settings import load
from academyctl.stores import Stores
from checks._engine import diagnose, take
from checks._model import Diagnosis
from checks._topics import chosen


def diagnosed(env: Mapping[str, str], topics: Sequence[str] = (), *, timeout_s: float = 20) -> Diagnosis:
    """The diagnosis of an environment, as the command makes it."""
    words = chosen(topics)
    return diagnose(words, take(words, load(env), env, timeout_s=timeout_s))


@contextmanager
def black_hole() -> Iterator[int]:
    """A port that takes no more connections and refuses none: its backlog is full, so packets vanish."""
    with ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = held.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])


def state_of_the_world(stores: Stores) -> dict[str, Any]:
    """Everything that a diagnosis could have changed: queue attributes, locks with lifetimes, rows, objects."""
    client: Any = stores.sqs._client
    queues = {}
    for spec in queue_specs(stores.settings.queues):
        for name in (spec.name, spec.dlq):
            raw = client.get_queue_attributes(QueueUrl=stores.sqs.url(name), AttributeNames=["All"])
            queues[name] = raw["Attributes"]
    keys = stores.redis.look(stores.redis.scan("*"))
    tables = [
        row["name"]
        for row in stores.db.query("SELECT relname AS name FROM pg_stat_user_tables WHERE n_live_tup >= 0 ORDER BY 1")
    ]
    with stores.db.tx(read_only=True) as cursor:
        rows = {
            table: cursor.execute(f'SELECT t::text AS row, xmin::text FROM "{table}" t ORDER BY 1').fetchall()
            for table in tables
        }
    return {
        "queues": queues,
        "keys": {key: seen.value for key, seen in keys.items()},
        "ttl": {key: seen.ttl_ms for key, seen in keys.items()},
        "rows": rows,
    }
