"""A diagnosis changes nothing: its stores refuse to, and the world is the same afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from academyctl.contract import keys
from academyctl.errors import DatabaseAway, NotReadOnly
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.readonly import ReadOnlyStores
from academyctl.stores.sqs import Sqs
from tests.checks.platform import diagnosed, state_of_the_world
from tests.conftest import Emulator, make_video

Act = Callable[[ReadOnlyStores], Any]


@pytest.fixture(scope="module")
def reading(steady_env: dict[str, str]) -> Iterator[ReadOnlyStores]:
    opened = ReadOnlyStores(load(steady_env).settings)
    yield opened
    opened.close()


def _queue(stores: ReadOnlyStores) -> str:
    return stores.settings.queues.video


def _bucket(stores: ReadOnlyStores) -> str:
    return stores.settings.r2.video_bucket


WRITES: dict[str, Act] = {
    "SendMessage": lambda stores: stores.sqs.send(_queue(stores), "{}"),
    "ReceiveMessage": lambda stores: stores.sqs.receive(_queue(stores), wait_s=0),
    "ReceiveMessage of the long poll": lambda stores: stores.sqs_quick.receive(_queue(stores), wait_s=0),
    "DeleteMessageBatch": lambda stores: stores.sqs.delete(_queue(stores), [("a", "b")]),
    "ChangeMessageVisibilityBatch": lambda stores: stores.sqs.extend(_queue(stores), [("a", "b")], 5),
    "PurgeQueue": lambda stores: stores.sqs.purge(_queue(stores)),
    "CreateQueue": lambda stores: stores.sqs.create("another", {}),
    "DeleteQueue": lambda stores: stores.sqs.remove(_queue(stores)),
    "a client of any other service": lambda stores: stores.aws_clients()("sns").create_topic(Name="x"),
    "a call that hands out credentials": lambda stores: stores.aws_clients()("sts").get_session_token(),
    "PutObject": lambda stores: stores.r2.put(_bucket(stores), "a.txt", b"x"),
    "upload": lambda stores: stores.r2.upload(_bucket(stores), "a.txt", Path(__file__)),
    "DeleteObjects": lambda stores: stores.r2.delete(_bucket(stores), ["a.txt"]),
    "SET": lambda stores: stores.redis.set("a", "b"),
    "DEL": lambda stores: stores.redis.delete("a"),
    "INCRBY": lambda stores: stores.redis.add("a", 1),
    "a lock": lambda stores: stores.redis.acquire("a", "b", 1000),
    "a renewal in a pipeline": lambda stores: stores.redis.renew([("a", "b")], 1000),
    "a release": lambda stores: stores.redis.release("a", "b"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_what_writes_is_refused_before_it_is_sent(reading: ReadOnlyStores, write: Act) -> None:
    with pytest.raises(NotReadOnly):
        write(reading)


def test_redis_refuses_whatever_it_does_not_know_to_read(reading: ReadOnlyStores) -> None:
    refused = (("FLUSHALL",), ("CONFIG", "SET", "maxmemory", "1"), ("EVAL", "return 1", "0"), ("CLIENT", "KILL", "x"))
    with reading.redis._call() as client:
        for words in refused:
            with pytest.raises(NotReadOnly):
                client.execute_command(*words)
            pipe = client.pipeline(transaction=True)
            pipe.execute_command(*words)
            with pytest.raises(NotReadOnly):
                pipe.execute()
        assert client.ping()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE video_video SET title = 'x'", "DELETE FROM video_video", "CREATE TABLE x (id int)", "SELECT nextval('x')"],
)
def test_the_database_itself_refuses_to_write(reading: ReadOnlyStores, statement: Any) -> None:
    if "nextval" in statement:
        statement = "SELECT setval(pg_get_serial_sequence('video_video', 'id'), 7)"
    with pytest.raises(DatabaseAway) as raised, reading.db.tx(read_only=False) as cursor:
        cursor.execute(statement)
    assert raised.value.code == "25006"


def test_a_video_cannot_be_claimed_through_it(platform_env: dict[str, str], stores: Stores) -> None:
    reading = ReadOnlyStores(load(platform_env).settings)
    video = make_video(stores)
    with pytest.raises(DatabaseAway, match="read-only"), closing(reading):
        reading.videos.claim(video.id, video.tenant_id, "token:1", lease_s=60)


def test_reading_works(platform_env: dict[str, str], stores: Stores) -> None:
    reading = ReadOnlyStores(load(platform_env).settings)
    stores.redis.set("a", "b", ttl_s=60)
    assert reading.redis.look(["a"])["a"].value == "b"
    assert _queue(reading) in reading.sqs.names()
    assert reading.sqs.attributes(_queue(reading)).visible == 0
    assert _bucket(reading) in reading.r2.buckets()
    assert reading.r2.head(_bucket(reading), "nothing") is None
    assert reading.db.query("SELECT 1 AS one") == [{"one": 1}]
    assert set(reading.skew_s) == {"aws", "r2"}
    assert all(abs(skew) < 30 for skew in reading.skew_s.values())
    reading.close()


def test_queues_are_listed_on_every_emulator(aws_emulator: Emulator) -> None:
    sqs = Sqs(aws_emulator.clients)
    sqs.create("listed-here", {})
    assert "listed-here" in sqs.names()


def test_a_whole_diagnosis_leaves_the_world_as_it_was(platform_env: dict[str, str], stores: Stores) -> None:
    queue = stores.settings.queues.video
    for status in ("UPLOADED", "PROCESSING", "READY", "FAILED"):
        make_video(stores, status=status)
    for _ in range(3):
        stores.sqs.send(queue, "{}")
    taken = stores.sqs.receive(queue, max_messages=1, wait_s=1, visibility_s=600)
    stores.sqs.send(f"{queue}-dlq", "{}")
    stores.redis.acquire(keys.encode_lock(7), "1", 14_400_000)
    stores.redis.set(keys.video_progress(1, 7), "{}", ttl_s=14400)
    stores.redis.set("forever", "1")
    before = state_of_the_world(stores)
    assert before["queues"][queue]["ApproximateNumberOfMessages"] == "2"
    assert before["rows"]["video_video"]

    for _ in range(2):
        diagnosed(platform_env)

    after = state_of_the_world(stores)
    for part in ("queues", "keys", "rows"):
        assert after[part] == before[part], part
    # Time goes on, and nothing else does.
    for key, ttl in before["ttl"].items():
        assert (after["ttl"][key] == -1) if ttl == -1 else (0 < after["ttl"][key] <= ttl)
    again = [*stores.sqs.receive(queue, wait_s=1), *stores.sqs.receive(queue, wait_s=0)]
    assert [one.receive_count for one in again] == [1, 1], "a message that the diagnosis saw has been received by it"
    assert taken[0].id not in {one.id for one in again}
