"""Redis for the diagnosis: a command that is not known to read is refused before it is sent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis

from academyctl.errors import NotReadOnly
from academyctl.stores.redis import Redis

READ_COMMANDS = frozenset({
    "PING", "INFO", "GET", "MGET", "EXISTS", "TTL", "PTTL", "SCAN", "TYPE", "STRLEN", "DBSIZE", "TIME",
    # What a client says when it connects.
    "HELLO", "AUTH", "SELECT", "CLIENT SETINFO", "CLIENT SETNAME", "CLIENT MAINT_NOTIFICATIONS",
})  # fmt: skip

_SUSPECT_MS, AGAIN = 50, 2


@dataclass(frozen=True)
class Survey:
    """A look at a Redis: milliseconds of one round trip, INFO (or why it was refused), and the keys of all patterns.

    `complete` is False when the key space was too large to walk to its end.
    """

    round_trip_ms: float
    info: dict[str, Any]
    info_why: str
    keys: tuple[str, ...]
    complete: bool


class ReadOnlyRedis(Redis):
    """Raises NotReadOnly for a command that may change something, RedisAway as its parent does."""

    def survey(self, *patterns: str, pages: int = 20, page: int = 5000) -> Survey:
        """One round trip after connecting, on a key space that fits one page."""
        with self._call() as client:
            pool = client.connection_pool
            # Connected first, so that the answer's time is that of one round trip.
            pool.release(pool.get_connection())
            start = time.perf_counter()
            pipe = client.pipeline(transaction=False)
            pipe.info()
            for pattern in patterns:
                pipe.scan(0, match=pattern, count=page)
            info, *found = pipe.execute(raise_on_error=False)
            took = (time.perf_counter() - start) * 1000
            if took > _SUSPECT_MS:
                # A machine busy with other looks is slow as well; Redis is when it is slow each time.
                took = min(took, *(_ping_ms(client) for _ in range(AGAIN)))
            keys: set[str] = set()
            complete = True
            for pattern, first in zip(patterns, found, strict=True):
                if isinstance(first, Exception):
                    raise first
                cursor, seen = int(first[0]), list(first[1])
                for _ in range(pages):
                    if cursor == 0:
                        break
                    cursor, more = client.scan(cursor, match=pattern, count=page)
                    seen += more
                # SCAN may name a key twice.
                keys |= set(map(str, seen))
                complete = complete and int(cursor) == 0
        why = f"{type(info).__name__}: {info}" if isinstance(info, Exception) else ""
        return Survey(took, {} if why else dict(info), why, tuple(sorted(keys)), complete)

    def _open(self) -> Any:
        opened = super()._open()
        opened.connection_pool.connection_class = _Tls if self._settings.tls else _Plain
        return opened


def _ping_ms(client: Any) -> float:
    start = time.perf_counter()
    client.ping()
    return (time.perf_counter() - start) * 1000


class _Guard:
    """Every way a command reaches the wire passes one of these two."""

    def send_command(self, *words: Any, **options: Any) -> None:
        _refuse(words)
        super().send_command(*words, **options)  # type: ignore[misc]

    def pack_commands(self, commands: Any) -> Any:
        listed = list(commands)
        for words in listed:
            _refuse(words)
        return super().pack_commands(listed)  # type: ignore[misc]


class _Plain(_Guard, redis.Connection):
    pass


class _Tls(_Guard, redis.SSLConnection):
    pass


def _refuse(words: Sequence[Any]) -> None:
    said = [word.decode() if isinstance(word, bytes) else str(word) for word in words[:2]]
    if said[0].upper() not in READ_COMMANDS and " ".join(said).upper() not in READ_COMMANDS:
        raise NotReadOnly(f"Redis {said[0].upper()} is not a command that reads")
