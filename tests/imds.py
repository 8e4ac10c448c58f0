"""A stand-in for an EC2 instance's metadata service, as IMDSv2 speaks (tokens, 401, 404); a test plays AWS with it."""

from __future__ import annotations

import json
import secrets
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

_META = "/latest/meta-data/"


class Imds:
    """`with Imds("i-0123") as imds:` serves on a free port of 127.0.0.1; give `imds.env` to the process.

    Only what a program of ours may ask is there: the instance's id, life cycle and region, the Spot notice, the
    rebalance recommendation and the target lifecycle state. `asked` holds the paths that were asked for, in order.
    """

    def __init__(self, instance_id: str = "i-0aaaabbbbccccdddd", *, in_group: bool = True) -> None:
        self.instance_id = instance_id
        self.asked: list[str] = []
        self.page = ""
        """Some other service is there: it answers everything with this."""
        self.broken: set[str] = set()
        """Items that are answered with 500."""
        self._tokens: set[str] = set()
        self._answers = {
            "instance-id": instance_id,
            "instance-life-cycle": "spot",
            "placement/region": "ap-northeast-2",
        }
        if in_group:
            self.target("InService")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def env(self) -> dict[str, str]:
        """What makes a program ask here instead of 169.254.169.254."""
        endpoint = f"http://127.0.0.1:{self._server.server_port}"
        return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint, "AWS_EC2_METADATA_DISABLED": "false"}

    def notice(self, *, seconds: float = 120, action: str = "terminate") -> None:
        """The Spot interruption notice: in so many seconds the instance is taken."""
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        self._answers["spot/instance-action"] = json.dumps({"action": action, "time": f"{at:%Y-%m-%dT%H:%M:%SZ}"})

    def rebalance(self) -> None:
        """The recommendation to move: an interruption has become likely."""
        told = json.dumps({"noticeTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"})
        self._answers["events/recommendations/rebalance"] = told

    def target(self, state: str) -> None:
        """The lifecycle state that the group takes the instance to: InService, Terminated, Standby, Detached …"""
        self._answers["autoscaling/target-lifecycle-state"] = state

    def forget_tokens(self) -> None:
        """As when they expire: the next question with an old one is a 401."""
        self._tokens.clear()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        imds = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:
                if imds.page:
                    return self._answer(200, imds.page)
                ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
                if self.path != "/latest/api/token" or not (ttl.isdigit() and 1 <= int(ttl) <= 21600):
                    return self._answer(400)
                token = secrets.token_urlsafe()
                imds._tokens.add(token)
                return self._answer(200, token)

            def do_GET(self) -> None:
                imds.asked.append(self.path)
                if imds.page:
                    return self._answer(200, imds.page)
                if self.headers.get("X-aws-ec2-metadata-token") not in imds._tokens:
                    return self._answer(401)
                if self.path.removeprefix(_META) in imds.broken:
                    return self._answer(500)
                told = imds._answers.get(self.path.removeprefix(_META)) if self.path.startswith(_META) else None
                return self._answer(404) if told is None else self._answer(200, told)

            def log_message(self, *_: object) -> None:
                """Nothing: the test asks `asked`."""

            def _answer(self, status: int, text: str = "") -> None:
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler
