"""Redis: values, locks with an owner, and a breaker that closes again by itself (contract 2, 11 #6, #33)."""

from __future__ import annotations

import functools
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from academyctl.errors import Both, RedisAway
from academyctl.settings_model import Redis as RedisSettings

BREAKER_S = 5.0

_ACQUIRE = """
local held = redis.call('GET', KEYS[1])
if not held or held == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return {1, ARGV[1], 0}
end
return {0, held, redis.call('PTTL', KEYS[1])}
"""
_ACQUIRE_OVER = """
local held = redis.call('GET', KEYS[1])
if not held or held == ARGV[1] or (#ARGV[3] > 0 and string.sub(held, 1, #ARGV[3]) == ARGV[3]) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return {1, ARGV[1], 0}
end
return {0, held, redis.call('PTTL', KEYS[1])}
"""
_RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@dataclass(frozen=True)
class LockState:
    """Who holds a lock. `value` is the holder's own text ('1' from a legacy worker); `ttl_ms` -1 = no expiry."""

    mine: bool
    value: str
    ttl_ms: int


@dataclass(frozen=True)
class Seen:
    """A key as it was read: `ttl_ms` -1 = no expiry, -2 = no such key (then `value` is None)."""

    value: str | None
    ttl_ms: int


class Redis:
    """The platform's Redis. Every method raises RedisAway when it cannot answer, and nothing else."""

    def __init__(self, settings: RedisSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._closed_until = 0.0
        self._why = ""
        self._thread = threading.local()
        self._client: redis.Redis[str] | None = None  # type: ignore[type-arg,unused-ignore]

    @property
    def enabled(self) -> bool:
        """False when REDIS_HOST is empty: the platform then runs without Redis."""
        return bool(self._settings.host)

    def get(self, key: str) -> str | None:
        with self._call() as client:
            return _text(client.get(key))

    def get_many(self, keys: Sequence[str]) -> list[str | None]:
        with self._call() as client:
            return [_text(value) for value in client.mget(list(keys))] if keys else []

    def get_json(self, key: str) -> dict[str, Any] | None:
        """A JSON object, or None when absent or malformed (as the API reads it)."""
        try:
            value = json.loads(self.get(key) or "null")
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def look(self, keys: Sequence[str]) -> dict[str, Seen]:
        """Values and lifetimes of text keys, in one round trip."""
        if not keys:
            return {}
        with self._call() as client:
            pipe = client.pipeline(transaction=False)
            for key in keys:
                pipe.get(key)
                pipe.pttl(key)
            answers = pipe.execute()
        return {key: Seen(_text(answers[2 * i]), int(answers[2 * i + 1])) for i, key in enumerate(keys)}

    def set(self, key: str, value: str, *, ttl_s: int | None = None) -> None:
        with self._call() as client:
            client.set(key, value, ex=ttl_s)

    def set_json(self, key: str, value: Mapping[str, Any], *, ttl_s: int | None = None) -> None:
        self.set(key, json.dumps(value, ensure_ascii=False), ttl_s=ttl_s)

    def delete(self, *keys: str) -> int:
        with self._call() as client:
            return int(client.delete(*keys)) if keys else 0

    def exists(self, key: str) -> bool:
        with self._call() as client:
            return bool(client.exists(key))

    def ttl(self, key: str) -> int:
        """Seconds left; -1 = no expiry, -2 = no such key."""
        with self._call() as client:
            return int(client.ttl(key))

    def add(self, key: str, amount: int) -> int:
        with self._call() as client:
            return int(client.incrby(key, amount))

    def scan(self, pattern: str) -> list[str]:
        with self._call() as client:
            return sorted(str(key) for key in client.scan_iter(match=pattern, count=500))

    def scan_some(self, patterns: Sequence[str], *, pages: int = 20, page: int = 5000) -> list[str]:
        """Keys of any of the patterns; of a huge key space no more than its first pages, one round trip each."""
        found: set[str] = set()
        left = dict.fromkeys(patterns, 0)
        with self._call() as client:
            for _ in range(pages):
                pipe = client.pipeline(transaction=False)
                for pattern, cursor in left.items():
                    pipe.scan(cursor, match=pattern, count=page)
                answers = dict(zip(left, pipe.execute(), strict=True))
                found.update(str(key) for _, keys in answers.values() for key in keys)
                left = {pattern: int(cursor) for pattern, (cursor, _) in answers.items() if int(cursor)}
                if not left:
                    break
        return sorted(found)

    def info(self) -> dict[str, Any]:
        with self._call() as client:
            return dict(client.info())

    def ping_ms(self) -> float:
        start = time.perf_counter()
        with self._call() as client:
            client.ping()
        return (time.perf_counter() - start) * 1000

    def acquire(self, key: str, value: str, ttl_ms: int) -> LockState:
        """Take a lock or learn who has it. Taking it again with the same value renews it."""
        mine, held, ttl = self._script(_ACQUIRE, key, value, ttl_ms)
        return LockState(bool(mine), str(held), int(ttl))

    def renew(self, locks: Sequence[tuple[str, str]], ttl_ms: int) -> list[str]:
        """Renew (key, value) locks in one round trip; the keys that are no longer ours come back."""
        if not locks:
            return []
        with self._call() as client:
            pipe = client.pipeline(transaction=False)
            for key, value in locks:
                pipe.eval(_RENEW, 1, key, value, ttl_ms)
            return [key for (key, _), kept in zip(locks, pipe.execute(), strict=True) if not kept]

    def release(self, key: str, value: str) -> bool:
        """Delete the lock only if it is still ours."""
        return bool(self._script(_RELEASE, key, value))

    def acquire_many(self, locks: Sequence[tuple[str, str]], ttl_ms: int, *, over: str = "") -> list[LockState]:
        """Take (key, value) locks in one round trip, or learn who has them, in their order.

        A lock whose value begins with `over` is taken from its holder.
        """
        if not locks:
            return []
        with self._call() as client:
            pipe = client.pipeline(transaction=False)
            for key, value in locks:
                pipe.eval(_ACQUIRE_OVER, 1, key, value, ttl_ms, over)
            return [LockState(bool(mine), str(held), int(ttl)) for mine, held, ttl in pipe.execute()]

    def release_many(
        self, locks: Sequence[tuple[str, str]], *, values: Mapping[str, Mapping[str, Any]], ttl_s: int
    ) -> None:
        """Delete the locks that are still ours and set `values` as JSON for `ttl_s`, in one round trip."""
        if not locks and not values:
            return
        with self._call() as client:
            pipe = client.pipeline(transaction=False)
            for key, value in locks:
                pipe.eval(_RELEASE, 1, key, value)
            for key, said in values.items():
                pipe.set(key, json.dumps(said, ensure_ascii=False), ex=ttl_s)
            pipe.execute()

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _script(self, script: str, key: str, *args: str | int) -> Any:
        """Run a script of one key over a connection of this thread's own: a third of the CPU of the client's way.

        Every job pays for this twice. A stale connection is replaced once; the scripts may run twice unharmed.
        """
        with self._call() as client:
            connection = getattr(self._thread, "connection", None)
            if connection is None:
                connection = self._thread.connection = client.connection_pool.make_connection()
            for last in (False, True):
                try:
                    connection.send_command("EVALSHA", _sha(script), 1, key, *args)
                    return connection.read_response()
                except redis.exceptions.NoScriptError:
                    connection.send_command("EVAL", script, 1, key, *args)
                    return connection.read_response()
                except (redis.ConnectionError, redis.TimeoutError):
                    connection.disconnect()
                    if last:
                        raise
        raise AssertionError  # the second round returns or raises

    @contextmanager
    def _call(self) -> Iterator[Any]:
        """A call behind the breaker: after a failure, calls fail at once for a few seconds, then one tries again."""
        if not self.enabled:
            raise RedisAway("Redis is off", why="REDIS_HOST is empty", cause="off")
        if self._clock() < self._closed_until:
            raise _away(self._settings, self._why)
        try:
            yield self._open()
        except redis.RedisError as error:
            self._why = f"{type(error).__name__}: {error}"
            if isinstance(error, redis.ConnectionError | redis.TimeoutError):
                self._closed_until = self._clock() + BREAKER_S
            raise _away(self._settings, self._why) from error

    def _open(self) -> Any:
        if self._client is None:
            options = self._settings
            self._client = redis.Redis(
                host=options.host,
                port=options.port,
                db=options.db,
                password=options.password.get_secret_value() if options.password else None,
                ssl=options.tls,
                decode_responses=True,
                socket_timeout=options.timeout_s,
                socket_connect_timeout=options.timeout_s,
                retry=Retry(NoBackoff(), 1),
                client_name="academyctl",
            )
        return self._client


@functools.cache
def _sha(script: str) -> str:
    """The name under which Redis keeps a script that it has seen."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _away(settings: RedisSettings, why: str) -> RedisAway:
    refused = any(word in why for word in ("AuthenticationError", "NOAUTH", "WRONGPASS", "NoPermission"))
    remedy = Both(
        "check REDIS_PASSWORD and REDIS_DB" if refused else "check that Redis runs and REDIS_HOST/REDIS_PORT reach it",
        "REDIS_PASSWORD와 REDIS_DB를 확인하세요"
        if refused
        else "Redis가 실행 중인지, REDIS_HOST/REDIS_PORT로 연결되는지 확인하세요",
    )
    where = f"Redis {settings.host}:{settings.port} db={settings.db}"
    return RedisAway(f"{where} cannot be used", why=why, cause="auth" if refused else "unreachable", remedy=remedy)
