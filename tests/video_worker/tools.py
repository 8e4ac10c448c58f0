"""What the video worker's tests share: deliveries without a queue, objects, and a wire that can be cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from academyctl.contract import keys
from academyctl.contract.messages import VideoEncode, encode_body
from academyctl.settings import Settings
from academyctl.stores import Stores
from academyctl.stores.r2 import R2
from academyctl.stores.sqs import Message
from academyctl.stores.videos import VideoRow
from tests.conftest import make_video
from workers._loop import RunOptions
from workers._loop import run as run_loop
from workers._model import Delivery, Outcome, Worker
from workers.video import worker as video_worker
from workers.video.handler import handle


def delivery(
    stores: Stores,
    job: Any,
    *,
    attempt: int = 1,
    max_attempts: int = 3,
    token: str = "host:1:a",
    settings: Settings | None = None,
) -> Delivery:
    """A message in hand, without a queue and without a keeper."""
    message = Message(id="m-1", body="", receive_count=attempt, sent_at=None)
    return Delivery(
        job=job, message=message, queue=stores.settings.queues.video, stores=stores,
        settings=settings or stores.settings, token=token, max_attempts=max_attempts,
    )  # fmt: skip


def with_settings(settings: Settings, section: str, **values: Any) -> Settings:
    """The settings with some values of one section changed."""
    changed = getattr(settings, section).model_copy(update=values)
    return settings.model_copy(update={section: changed})


def names(stores: Stores, folder: str) -> list[str]:
    """The keys in a folder of the video bucket, without the folder."""
    return [head.key.removeprefix(folder) for head in stores.r2.list(stores.settings.r2.video_bucket, folder)]


@contextmanager
def cutting_proxy(endpoint: str, allow: Callable[[int], int | None]) -> Iterator[str]:
    """A wire to `endpoint`; of the n-th connection `allow(n)` bytes come back, then it is cut (None = all of them)."""
    upstream = urlsplit(endpoint)
    assert upstream.hostname
    assert upstream.port
    listener = socket.create_server(("127.0.0.1", 0))
    sockets: list[socket.socket] = []

    def serve() -> None:
        number = 0
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((upstream.hostname, upstream.port))
                sockets.extend((near, far))
                threading.Thread(target=_pump, args=(near, far, None), daemon=True).start()
                threading.Thread(target=_pump, args=(far, near, allow(number)), daemon=True).start()
                number += 1

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
        for one in sockets:
            one.close()


def _pump(source: socket.socket, sink: socket.socket, left: int | None) -> None:
    with suppress(OSError):
        while left is None or left > 0:
            data = source.recv(65536 if left is None else min(65536, left))
            if not data:
                break
            sink.sendall(data)
            left = None if left is None else left - len(data)
        for one in (sink, source):
            one.shutdown(socket.SHUT_RDWR)


class RecordingStores(Stores):
    """Stores of which some are the test's own; the rest are shared with `base`."""

    def __init__(self, base: Stores, *, settings: Settings | None = None, **made: Any) -> None:
        super().__init__(settings or base.settings)
        self._made.update({"db": base.db, "videos": base.videos, "redis": base.redis, "r2": base.r2, "sqs": base.sqs})
        self._made.update(made)
        self.own = made


class Bench:
    """The video worker on a test's own stores: uploads, messages as the API sends them, one turn of the real loop."""

    def __init__(self, base: Stores, **video: Any) -> None:
        chosen = {
            "preset": "fast", "hls_time_s": 1, "backoff_base_s": 0.01, "backoff_cap_s": 0.05, "lease_s": 30,
            "visibility_s": 30, **video,
        }  # fmt: skip
        own = getattr(base, "own", {})
        self.stores = RecordingStores(base, settings=with_settings(base.settings, "video", **chosen), **own)
        self.queue = self.stores.settings.queues.video
        self.bucket = self.stores.settings.r2.video_bucket

    @property
    def worker(self) -> Worker:
        return video_worker(self.stores.settings)

    def upload(self, clip: Path | bytes, *, status: str = "UPLOADED", **values: Any) -> VideoRow:
        """A row whose upload is this file."""
        row = make_video(self.stores, status=status, **values)
        file_key = keys.raw_key(row.tenant_id, row.session_id, f"{row.id}-upload.mp4")
        self.stores.r2.put(self.bucket, file_key, clip)
        self.stores.db.execute("UPDATE video_video SET file_key = %s WHERE id = %s", (file_key, row.id))
        return self.row(row)

    def row(self, row: VideoRow) -> VideoRow:
        """The row as it is now."""
        found = self.stores.videos.row(row.id)
        assert found is not None
        return found

    def send(self, row: VideoRow, **changes: Any) -> None:
        """The encode message, byte for byte as the API sends it."""
        fields = {
            "video_id": row.id,
            "tenant_id": row.tenant_id,
            "file_key": row.file_key,
            "tenant_code": row.tenant_code,
        }
        self.stores.sqs.send(self.queue, encode_body(**{**fields, **changes}, now=datetime.now(UTC)))

    def once(self) -> int:
        """One message through the real loop; its exit code."""
        return run_loop(self.worker, self.stores, RunOptions(once=True, wait_s=2, grace_s=5))

    def delivery(self, row: VideoRow, **options: Any) -> Delivery:
        """The row's message in hand, without a queue."""
        options.setdefault("job", VideoEncode(row.id, row.tenant_id, row.file_key, row.tenant_code))
        return delivery(self.stores, **options)

    def handle(self, row: VideoRow, **options: Any) -> Outcome:
        return handle(self.delivery(row, **options))

    def folder(self, row: VideoRow) -> str:
        return keys.hls_folder(row.tenant_id, row.id)

    def names(self, row: VideoRow) -> list[str]:
        """What is published of the video."""
        return names(self.stores, self.folder(row))

    def text(self, row: VideoRow, name: str) -> str:
        return self.stores.r2.read(self.bucket, self.folder(row) + name).decode()

    def depths(self, queue: str | None = None) -> tuple[int, int, int]:
        """(visible, in flight, delayed)"""
        seen = self.stores.sqs.attributes(queue or self.queue)
        return seen.visible, seen.in_flight, seen.delayed

    def status(self, row: VideoRow) -> dict[str, Any] | None:
        return self.stores.redis.get_json(keys.video_status(row.tenant_id, row.id))

    def progress(self, row: VideoRow) -> dict[str, Any] | None:
        return self.stores.redis.get_json(keys.video_progress(row.tenant_id, row.id))

    def work_files(self) -> list[Path]:
        """What is left in the working folder."""
        root = self.stores.settings.video.temp_dir
        return list(root.iterdir()) if root.exists() else []


class RecordingR2(R2):
    """The real R2, and every change in the order in which it had happened: ("put" or "delete", key, bytes)."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.r2)
        self.changes: list[tuple[str, str, bytes]] = []
        self.before: Callable[[str, str], None] = lambda _action, _key: None
        """Called before each change; may raise or wait."""

    def put(self, bucket: str, key: str, body: bytes | Path, *, replacing: str | None = None) -> str:
        self.before("put", key)
        etag = super().put(bucket, key, body, replacing=replacing)
        self.changes.append(("put", key, body if isinstance(body, bytes) else b""))
        return etag

    def delete(self, bucket: str, keys: Sequence[str]) -> Mapping[str, str]:
        for key in keys:
            self.before("delete", key)
        failed = super().delete(bucket, keys)
        self.changes += [("delete", key, b"") for key in keys]
        return failed

    def puts(self, suffix: str = "") -> list[str]:
        return [key for action, key, _ in self.changes if action == "put" and key.endswith(suffix)]


class Staged(Delivery):
    """A delivery that says when a stage begins."""

    on_stage: Callable[[str], None]

    def stage(self, name: str) -> None:
        self.on_stage(name)
        super().stage(name)


def staged(at: Bench, row: VideoRow, on_stage: Callable[[str, Staged], None], **options: Any) -> Staged:
    """The row's message in hand; `on_stage(name, delivery)` is called as each step begins."""
    plain = at.delivery(row, **options)
    made = Staged(plain.job, plain.message, plain.queue, plain.stores, plain.settings, plain.token, plain.max_attempts)
    made.on_stage = lambda name: on_stage(name, made)
    return made
