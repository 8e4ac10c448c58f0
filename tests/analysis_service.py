"""A sample of guide 004's analysis service: POST /analyze over HTTP, frames' embeddings into PostgreSQL with pgvector.

A real server on a port of its own. What it does with an upload can be scripted per key, as services go wrong.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIMENSIONS = 8
FRAMES = 3
TABLES = f"""
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE IF NOT EXISTS video_analysis (
    id serial PRIMARY KEY, s3_bucket text NOT NULL, s3_key text NOT NULL, status text NOT NULL, progress int NOT NULL,
    UNIQUE (s3_bucket, s3_key));
CREATE TABLE IF NOT EXISTS frame_embeddings (
    video_id int NOT NULL REFERENCES video_analysis, frame_number int NOT NULL, embedding vector({DIMENSIONS}) NOT NULL,
    PRIMARY KEY (video_id, frame_number));
"""
Script = Callable[["Asked"], None]
"""Called instead of the analysis; it answers by itself, or hangs, or cuts the connection."""


def embedding(content: bytes, frame: int) -> list[float]:
    """A vector of the content, the same each time; one that no other content has."""
    digest = hashlib.sha256(content + bytes([frame])).digest()
    return [round(byte / 255, 4) for byte in digest[:DIMENSIONS]]


@dataclass
class Asked:
    """One request in the service's hands."""

    handler: BaseHTTPRequestHandler
    request: dict[str, Any]
    service: AnalysisService

    def answer(self, status: int, document: object, **headers: str) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.handler.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(body)), **headers}.items():
            self.handler.send_header(name, value)
        self.handler.end_headers()
        self.handler.wfile.write(body)

    def done(self, *, after_s: float = 0) -> None:
        """The usual answer, after a while."""
        self.service.let_go.wait(after_s)
        self.answer(200, {"status": "success", "video_id": 84})

    def hang(self) -> None:
        """Not a word until the test lets go."""
        self.service.let_go.wait(30)

    def die(self) -> None:
        """The process is gone in the middle of the work."""
        self.handler.close_connection = True
        self.handler.connection.shutdown(2)


@dataclass
class AnalysisService:
    """`read(bucket, key)` gives an object's bytes, `run(sql, args)` carries out one statement and gives its rows."""

    read: Callable[[str, str], bytes]
    run: Callable[[str, tuple[Any, ...]], list[Mapping[str, Any]]]
    scripts: dict[str, list[Script]] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    request_ids: list[str] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def next_time(self, key: str, *scripts: Script) -> None:
        """What the next requests for this key meet; after these it is analysed."""
        self.scripts.setdefault(key, []).extend(scripts)

    def handle(self, asked: Asked) -> None:
        self.asked.append(asked.request)
        self.request_ids.append(str(asked.handler.headers.get("idempotency-key", "")))
        waiting = self.scripts.get(asked.request["s3_key"], [])
        if waiting:
            waiting.pop(0)(asked)
            return
        video_id = self.analyse(asked.request["s3_bucket"], asked.request["s3_key"])
        asked.answer(200, {"status": "success", "video_id": video_id})

    def analyse(self, bucket: str, key: str) -> int:
        """Rows for the object: its analysis, and an embedding a frame."""
        content = self.read(bucket, key)
        made = self.run(
            "INSERT INTO video_analysis (s3_bucket, s3_key, status, progress) VALUES (%s, %s, 'completed', 100) "
            "ON CONFLICT (s3_bucket, s3_key) DO UPDATE SET status = 'completed' RETURNING id",
            (bucket, key),
        )
        video_id = int(made[0]["id"])
        for frame in range(FRAMES):
            self.run(
                "INSERT INTO frame_embeddings (video_id, frame_number, embedding) VALUES (%s, %s, %s::vector) "
                "ON CONFLICT (video_id, frame_number) DO UPDATE SET embedding = EXCLUDED.embedding RETURNING video_id",
                (video_id, frame, json.dumps(embedding(content, frame))),
            )
        return video_id


@contextmanager
def serving(service: AnalysisService) -> Iterator[AnalysisService]:
    """The service on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            if self.path != "/analyze":
                Asked(self, {}, service).answer(404, {"detail": "Not Found"})
                return
            service.handle(Asked(self, json.loads(body), service))

        def do_GET(self) -> None:
            there = self.path == "/openapi.json"
            document: object = {"paths": {"/analyze": {"post": {}}}} if there else {"detail": "Not Found"}
            Asked(self, {}, service).answer(200 if there else 404, document)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    service.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield service
    finally:
        service.let_go.set()
        server.shutdown()
        server.server_close()
