"""SubmitJob was carried out and its answer never came: whether there is a job nobody knows, and none is made twice."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest

from tests.batch.conftest import Desk
from tests.batch.test_submit import changes
from tests.video_commands.conftest import Cli


class _Lossy(BaseHTTPRequestHandler):
    """Passes every request on, and lets the answers of SubmitJob disappear."""

    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        onward = http.client.HTTPConnection(self.server.host, self.server.port, timeout=10)
        # The Host that was signed goes along.
        onward.request("POST", self.path, body, dict(self.headers))
        answer = onward.getresponse()
        told = answer.read()
        onward.close()
        if self.path == "/v1/submitjob":
            self.server.lost += 1
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
        del format, args


class _Server(ThreadingHTTPServer):
    host: str
    port: int
    lost = 0


@pytest.fixture
def lossy(platform_env: dict[str, str]) -> Iterator[_Server]:
    there = urlsplit(platform_env["AWS_ENDPOINT_URL"])
    server = _Server(("127.0.0.1", 0), _Lossy)
    server.host, server.port = str(there.hostname), int(there.port or 80)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_same_command_finds_the_job_whose_answer_was_lost(
    cli: Cli, desk: Desk, upload: Callable[..., int], platform_env: dict[str, str], lossy: _Server
) -> None:
    video, direct = upload(), platform_env["AWS_ENDPOINT_URL"]
    cli.set(AWS_ENDPOINT_URL=f"http://127.0.0.1:{lossy.server_port}")
    lost = cli("batch", "submit", video, "--apply")
    assert (lost.code, "batch:SubmitJob" in lost.err, "not done: submit" in lost.err) == (3, True, True)
    # Tried once, and once is what Batch has: a second try would have been a second job.
    assert (lossy.lost, len(desk.jobs())) == (1, 1)
    cli.set(AWS_ENDPOINT_URL=direct)
    (noted,) = changes(cli, "batch", "submit", video, "--apply")
    assert noted.startswith("note Batch job")
    assert [one["jobId"] for one in desk.jobs()] == [desk.rows()[0]["aws_batch_job_id"]]
