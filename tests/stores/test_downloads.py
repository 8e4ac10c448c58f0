"""A link of a job's payload: only the platform's storage is asked, and only for so much."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from academyctl.errors import AwsError
from academyctl.stores.downloads import LinkRefused, fetch

R2 = "https://account.r2.cloudflarestorage.com"


class _Storage(BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012 - one server, one test at a time

    def do_GET(self) -> None:
        self.asked.append(self.path)
        kind = self.path.split("?")[0].strip("/").rpartition("/")[2]
        status, body, told = {
            "redirect": (302, b"", 0), "gone": (404, b"", 0), "busy": (503, b"", 0), "cut": (200, b"x" * 10, 20),
        }.get(kind, (200, b"x" * 1000, 1000))  # fmt: skip
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(told))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def storage() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Storage)
    _Storage.asked.clear()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def get(url: str, storage: str, folder: Path, most: int = 5000) -> int:
    return fetch(url, folder / "file", storages=["", storage], max_bytes=most, timeout_s=5)


def test_what_the_link_names_is_stored(storage: str, tmp_path: Path) -> None:
    assert get(f"{storage}/bucket/한글%20이름.png?X-Amz-Signature=a%2Fb", storage, tmp_path) == 1000
    assert (tmp_path / "file").stat().st_size == 1000
    assert _Storage.asked == ["/bucket/%ED%95%9C%EA%B8%80%20%EC%9D%B4%EB%A6%84.png?X-Amz-Signature=a%2Fb"]


@pytest.mark.parametrize(
    ("path", "words"), [("redirect", "HTTP 302"), ("gone", "HTTP 404: the file is gone"), ("large", "larger than")]
)
def test_what_the_link_will_never_give_is_refused(path: str, words: str, storage: str, tmp_path: Path) -> None:
    with pytest.raises(LinkRefused, match=words):
        get(f"{storage}/{path}", storage, tmp_path, most=500)
    assert _Storage.asked == [f"/{path}?"]


@pytest.mark.parametrize("path", ["busy", "cut"])
def test_what_may_come_later_is_no_refusal(path: str, storage: str, tmp_path: Path) -> None:
    with pytest.raises(AwsError) as error:
        get(f"{storage}/{path}", storage, tmp_path)
    assert error.value.cause == "unreachable"


def test_a_storage_that_is_away_is_no_refusal(tmp_path: Path) -> None:
    with pytest.raises(AwsError) as error:
        get("http://127.0.0.1:1/a", "http://127.0.0.1:1", tmp_path)
    assert error.value.cause == "unreachable"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://account.r2.cloudflarestorage.com/a",
        "https://account.r2.cloudflarestorage.com:8443/a",
        "https://account.r2.cloudflarestorage.com.evil.example/a",
        "https://evilaccount.r2.cloudflarestorage.com/a",
        "https://account.r2.cloudflarestorage.com@evil.example/a",
        "https://user@account.r2.cloudflarestorage.com/a",
        "https://account.r2.cloudflarestorage.com:99999/a",
        "file:///etc/passwd",
        "//account.r2.cloudflarestorage.com/a",
        "account.r2.cloudflarestorage.com/a",
        "https://[::1]/a",
        "https://[::1/a",
        "",
    ],
)
def test_no_other_host_is_asked(url: str, tmp_path: Path) -> None:
    with pytest.raises(LinkRefused, match="no link to the platform's storage"):
        get(url, R2, tmp_path)
    assert not (tmp_path / "file").exists()
