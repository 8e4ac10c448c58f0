"""kill -9 of workers amid encodes, a hundred times: nothing is lost, nothing is done twice, nothing stays."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
import pytest

from academyctl.local.platform_api import upload_lecture
from academyctl.stores import Stores
from academyctl.video_report import verify_video
from tests import forked
from tests.clips import tiny
from tests.conftest import eventually, make_session, use_queue

KILLS = int(os.environ.get("ACADEMYCTL_TEST_KILLS", "100"))
VIDEOS = 24
WORKERS = 2
LEASE_S = 3

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.skipif(os.name == "nt", reason="SIGKILL")]

# The database itself counts how often a video became READY: a double READY cannot hide behind an idempotent writer.
_COUNT_READY = """
CREATE TABLE ready_log (video_id bigint NOT NULL);
CREATE FUNCTION note_ready() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO ready_log VALUES (NEW.id); RETURN NEW; END $$;
CREATE TRIGGER note_ready AFTER UPDATE ON video_video FOR EACH ROW
  WHEN (NEW.status = 'READY' AND OLD.status IS DISTINCT FROM 'READY') EXECUTE FUNCTION note_ready();
"""


class Fleet:
    """Workers that are started again whenever one is gone, as a supervisor would."""

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        self.env = dict(env)
        self.log = log
        self.workers: list[BaseProcess] = []

    def fill(self) -> None:
        self.workers = [worker for worker in self.workers if worker.is_alive()]
        while len(self.workers) < WORKERS:
            words = ("worker", "run", "video")
            self.workers.append(forked.start(words, env=self.env, out=self.log, err=self.log))

    def kill(self, pid: int) -> bool:
        for worker in self.workers:
            if worker.pid == pid and worker.is_alive():
                worker.kill()
                worker.join()
                return True
        return False

    def stop(self) -> None:
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.join(20)
            worker.kill()
            worker.join()


@contextmanager
def fleet(env: Mapping[str, str], log: Path) -> Iterator[Fleet]:
    workers = Fleet(env, log)
    try:
        yield workers
    finally:
        workers.stop()


def test_a_hundred_kills_lose_nothing_and_make_nothing_ready_twice(
    platform_env: dict[str, str], stores: Stores, tmp_path: Path
) -> None:
    rng = random.Random(20261121)
    env = {
        **os.environ,
        **platform_env,
        "ACADEMYCTL_VIDEO_VISIBILITY": str(LEASE_S),
        "ACADEMYCTL_VIDEO_LEASE": str(LEASE_S),
        "ACADEMYCTL_HEALTH_FILE": str(tmp_path / "health.json"),
        "VIDEO_WORKER_TEMP_DIR": str(tmp_path / "work"),
        "VIDEO_PRESET": "fast",
    }
    # A kill counts as a receive, and so it must against poison; here the same videos are killed on purpose.
    use_queue(stores, stores.settings.queues.video, max_receive=1000)
    with stores.db.tx() as cursor:
        cursor.execute(_COUNT_READY)
    make_session(stores)
    clip = tiny(tmp_path / "clip.mp4")
    uploads = [upload_lecture(stores, clip, title=f"kill {n}") for n in range(VIDEOS)]
    ids = [upload.video_id for upload in uploads]
    with fleet(env, tmp_path / "workers.log") as workers:

        def another() -> None:
            uploads.append(upload_lecture(stores, clip, title=f"kill {len(uploads)}"))
            ids.append(uploads[-1].video_id)

        _kill_in_the_middle(stores, workers, ids, rng, another)
        eventually(lambda: _top_up(workers, stores, ids), timeout=180, every=0.2)
        eventually(lambda: _queue_is_empty(stores), timeout=60, every=0.2)
    assert _ready_counts(stores, ids) == dict.fromkeys(ids, 1)
    _nothing_is_left(stores, ids, tmp_path)
    for upload in uploads:
        report = verify_video(stores, upload.video_id)
        assert report.problems == ()


def _kill_in_the_middle(
    stores: Stores, workers: Fleet, ids: list[int], rng: random.Random, another: Callable[[], None]
) -> None:
    """Kill the owner of some video's lease at a random moment of its run; a fast machine gets more videos to encode."""
    killed = 0
    deadline = time.monotonic() + 420
    while killed < KILLS and time.monotonic() < deadline:
        workers.fill()
        owners = stores.db.query(
            "SELECT leased_by FROM video_video WHERE id = ANY(%s) AND leased_until > now() AND status = 'PROCESSING'",
            (ids,),
        )
        pids = [pid for row in owners if (pid := _pid(row["leased_by"])) is not None]
        if not pids:
            left = stores.db.query(
                "SELECT count(*) AS n FROM video_video WHERE id = ANY(%s) AND status <> 'READY'", (ids,)
            )
            # A killed video waits for its lease: without others beside it every kill would cost that long.
            if left[0]["n"] < 8:
                another()
            time.sleep(0.02)
            continue
        time.sleep(rng.random() * 0.4)
        killed += workers.kill(rng.choice(pids))
    assert killed == KILLS


def _pid(token: str) -> int | None:
    parts = token.split(":")
    return int(parts[1]) if len(parts) >= 2 and parts[1].isdigit() else None


def _top_up(workers: Fleet, stores: Stores, ids: list[int]) -> bool:
    workers.fill()
    return not stores.db.query("SELECT 1 FROM video_video WHERE id = ANY(%s) AND status <> 'READY'", (ids,))


def _queue_is_empty(stores: Stores) -> bool:
    seen = stores.sqs.attributes(stores.settings.queues.video)
    return seen.visible + seen.in_flight + seen.delayed == 0


def _ready_counts(stores: Stores, ids: list[int]) -> dict[int, int]:
    rows = stores.db.query("SELECT video_id, count(*) AS n FROM ready_log WHERE video_id = ANY(%s) GROUP BY 1", (ids,))
    return {row["video_id"]: row["n"] for row in rows}


def _nothing_is_left(stores: Stores, ids: list[int], tmp_path: Path) -> None:
    rows = stores.db.query("SELECT id FROM video_video WHERE id = ANY(%s) AND leased_by <> ''", (ids,))
    assert rows == []
    assert stores.redis.scan("job:encode:*:lock") == []
    dead = stores.sqs.attributes(stores.settings.queues.video + "-dlq")
    assert dead.visible + dead.in_flight == 0
    assert sorted(path.name for path in (tmp_path / "work").glob("video-*")) == []
    mine = str(tmp_path)
    running = [
        p.info["cmdline"] for p in psutil.process_iter(["name", "cmdline"]) if "ffmpeg" in (p.info["name"] or "")
    ]
    assert [argv for argv in running if argv and mine in " ".join(argv)] == []
