"""The server behind `video play`: one video's folder, with ranges, to this machine alone."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from academyctl.contract import keys
from academyctl.play.server import PlayServer, Published, byte_range, object_key
from academyctl.settings import load
from academyctl.stores import Stores
from tests.conftest import eventually, make_video
from tests.video_commands.conftest import Cli, Files, Publish


@pytest.fixture
def server(stores: Stores, publish: Publish) -> Iterator[PlayServer]:
    row = publish()
    bucket = stores.settings.r2.video_bucket
    running = PlayServer(stores.r2, Published(bucket, keys.hls_folder(row.tenant_id, row.id), "1강 <script>", "facts"))
    running.start()
    yield running
    running.stop()


def ask(
    server: PlayServer, path: str, *, method: str = "GET", body: str | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body.encode() if body is not None else None)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_objects_come_whole_with_their_types_and_are_never_cached(server: PlayServer, hls: Files) -> None:
    for name, kind in (("master.m3u8", "application/vnd.apple.mpegurl"), ("v2/index1.ts", "video/MP2T")):
        status, headers, body = ask(server, f"/v/{name}")
        assert (status, body) == (200, hls[name])
        assert headers["content-type"] == kind
        assert headers["accept-ranges"] == "bytes"
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("wanted", "first", "last"), [("bytes=0-99", 0, 99), ("bytes=188-", 188, None), ("bytes=-100", -100, None)]
)
def test_ranges_are_served(server: PlayServer, hls: Files, wanted: str, first: int, last: int | None) -> None:
    whole = hls["v1/index0.ts"]
    status, headers, body = ask(server, "/v/v1/index0.ts", Range=wanted)
    expected = whole[first:] if last is None else whole[first : last + 1]
    assert (status, body) == (206, expected)
    start = first if first >= 0 else len(whole) + first
    assert headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{len(whole)}"
    assert headers["content-length"] == str(len(expected))


def test_a_range_beyond_the_end_is_416_with_the_size(server: PlayServer, hls: Files) -> None:
    size = len(hls["v1/index0.ts"])
    status, headers, _ = ask(server, "/v/v1/index0.ts", Range=f"bytes={size}-")
    assert (status, headers["content-range"]) == (416, f"bytes */{size}")


def test_head_tells_the_size_and_sends_nothing(server: PlayServer, hls: Files) -> None:
    status, headers, body = ask(server, "/v/v1/index0.ts", method="HEAD")
    assert (status, headers["content-length"], body) == (200, str(len(hls["v1/index0.ts"])), b"")


@pytest.mark.parametrize(
    "path",
    [
        "/v/../8/secret.ts", "/v/%2e%2e/8/secret.ts", "/v/v1/../../8/secret.ts", "/v/..%2f8/secret.ts",
        "/v/..%5c8%5csecret.ts", "/v//etc/passwd", "/v/%2fetc/passwd", "/v/./v1/index0.ts", "/v/v1//index0.ts",
        "/v/v1/index0.ts%00", "/v/", "/../player.js", "/static/player.js", "/server.py", "/nothing",
    ],
)  # fmt: skip
def test_no_path_leaves_the_folder(server: PlayServer, stores: Stores, path: str) -> None:
    stores.r2.put(stores.settings.r2.video_bucket, "tenants/1/video/hls/8/secret.ts", b"another video")
    status, _, body = ask(server, path)
    assert status == 404
    assert b"another video" not in body


def test_another_sites_name_for_this_machine_gets_nothing(server: PlayServer) -> None:
    assert ask(server, "/v/master.m3u8", Host="evil.example")[0] == 403
    port = urlsplit(server.url).port
    assert ask(server, "/v/master.m3u8", Host=f"localhost:{port}")[0] == 200


def test_the_page_is_complete_without_the_internet(server: PlayServer) -> None:
    status, headers, body = ask(server, "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'self'" in headers["content-security-policy"]
    text = body.decode()
    for name in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert name.startswith("data:") or ask(server, f"/{name}")[0] == 200
    assert "1강" not in text
    info = json.loads(ask(server, "/info.json")[2])
    assert info == {"title": "1강 <script>", "facts": "facts"}


def test_hls_js_is_shipped_with_its_version_and_licence() -> None:
    static = resources.files("academyctl.play") / "static"
    notice = (static / "hls.min.js.LICENSE.txt").read_text(encoding="utf-8")
    assert "version 1.7.4" in notice
    assert "Apache License, Version 2.0" in notice
    assert '"1.7.4"' in (static / "hls.min.js").read_text(encoding="utf-8")


def test_the_pages_reports_are_kept_and_nonsense_is_refused(server: PlayServer) -> None:
    assert ask(server, "/state", method="POST", body='{"currentTime": 2.5}')[0] == 204
    assert server.player.wait_for(lambda state: state["currentTime"] == 2.5, 5)
    for body, status in (("[1]", 400), ("{", 400), ("x" * 70_000, 413)):
        assert ask(server, "/state", method="POST", body=body)[0] == status
    assert ask(server, "/elsewhere", method="POST", body="{}")[0] == 404
    assert server.player.state == {"currentTime": 2.5}


def test_a_store_that_fails_is_a_502_with_its_words(platform_env: dict[str, str]) -> None:
    away = Stores(load({**platform_env, "R2_ENDPOINT": "http://127.0.0.1:1"}).settings)
    server = PlayServer(away.r2, Published("bucket", "tenants/1/video/hls/7/", "t"))
    server.start()
    try:
        status, _, body = ask(server, "/v/master.m3u8")
    finally:
        server.stop()
    assert status == 502
    assert b"r2:HeadObject failed" in body


@pytest.mark.parametrize(
    ("header", "size", "span"),
    [
        ("", 10, None),
        ("bytes=0-0", 10, (0, 0)),
        ("bytes=5-100", 10, (5, 9)),
        ("bytes=-100", 10, (0, 9)),
        ("bytes=0-1,4-5", 10, None),
        ("items=0-1", 10, None),
        ("bytes=5-2", 10, None),
        ("bytes=-", 10, None),
    ],
)
def test_a_range_header_reads_as_the_rfc_says(header: str, size: int, span: tuple[int, int] | None) -> None:
    assert byte_range(header, size) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=-0", "bytes=99-100"])
def test_a_range_that_cannot_be_satisfied_is_told(header: str) -> None:
    with pytest.raises(ValueError, match="bytes="):
        byte_range(header, 10)


def test_a_key_is_the_folders_own() -> None:
    assert object_key("t/7/", "v1/index0.ts") == "t/7/v1/index0.ts"
    assert object_key("t/7/", "..a/b..ts") == "t/7/..a/b..ts"
    assert object_key("t/7/", "..") is None


def test_what_is_not_published_is_not_served(cli: Cli, stores: Stores) -> None:
    row = make_video(stores)
    ran = cli("video", "play", row.id, "--no-browser")
    assert ran.code == 1
    assert "master.m3u8 is not in R2" in ran.err
    assert cli("video", "play", 999, "--no-browser").code == 1
    cli.set(R2_ENDPOINT="http://127.0.0.1:1")
    assert cli("video", "play", row.id, "--no-browser").code == 3


def test_a_taken_port_is_told(cli: Cli, publish: Publish, server: PlayServer) -> None:
    ran = cli("video", "play", publish().id, "--no-browser", "--port", urlsplit(server.url).port)
    assert ran.code == 2
    assert "--port" in ran.err


@pytest.mark.skipif(os.name == "nt", reason="a test cannot press ^C for another process on Windows")
def test_ctrl_c_ends_the_command_with_0(platform_env: dict[str, str], publish: Publish, tmp_path: Path) -> None:
    row = publish()
    log = tmp_path / "play.log"
    argv = [sys.executable, "-m", "academyctl", "video", "play", str(row.id), "--no-browser"]
    with log.open("wb") as stream:
        process = subprocess.Popen(argv, env={**os.environ, **platform_env}, stdout=stream, stderr=stream)
    try:
        eventually(lambda: "playing at http://127.0.0.1:" in log.read_text(encoding="utf-8"), timeout=30)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()
