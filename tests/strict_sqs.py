"""An SQS endpoint that is as strict as the real one and counts: for load and fault tests of what consumes queues.

Strict: a poll waits for real, a stale receipt deletes nothing, a visibility change with a stale receipt or of a message
that is not in flight is refused, receive counts grow and move messages to the dead-letter queue, delays delay, batches
hold ten. Faults are switched on for all operations or for some: 503, ExpiredToken, InvalidClientTokenId, AccessDenied,
NonExistentQueue, throttle, hang, portal (200 with a page); single entries of a batch can be refused. Speaks the JSON
protocol; signatures are not checked, but the access key may be.

    python -m tests.strict_sqs PORT      serves alone; POST /_control {"do": "mode", "mode": "503", "ops": [...]}
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.strict_queue import Queue, Stored

ACCOUNT = "000000000000"
PREFIX = "arn:aws:sqs:ap-northeast-2:" + ACCOUNT + ":"

# mode -> HTTP status, the JSON protocol's type, and the code of the old query protocol that botocore shows.
FAULTS = {
    "503": (503, "ServiceUnavailable", "ServiceUnavailable"),
    "ExpiredToken": (403, "ExpiredToken", "ExpiredToken"),
    "InvalidClientTokenId": (403, "InvalidClientTokenId", "InvalidClientTokenId"),
    "AccessDenied": (403, "AccessDeniedException", "AccessDenied"),
    "NonExistentQueue": (400, "com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
    "throttle": (400, "com.amazonaws.sqs#RequestThrottled", "RequestThrottled"),
}


class Refused(Exception):
    """An answer that is an error: a key of FAULTS, or (status, type, code)."""


class StrictSqs:
    """The endpoint. Use it as a context manager; `url` is the endpoint, the rest is the tests' view from behind."""

    def __init__(self, port: int = 0) -> None:
        self.queues: dict[str, Queue] = {}
        self.calls: Counter[str] = Counter()
        self.log: list[tuple[float, str, str]] = []
        self.refuse_entries: set[str] = set()
        self.accept_key = ""
        self._modes: dict[str, str] = {}
        self.changed = threading.Condition()
        handler = type("Handler", (_Handler,), {"sqs": self})
        self._http = _Server(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> StrictSqs:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.mode("503")
        self._http.shutdown()
        self._http.server_close()

    # What tests do behind the worker's back.

    def make(self, name: str, *, max_receive: int | None = 3, dlq: str | None = None, visibility: int = 30) -> None:
        """A queue; with `max_receive` also its dead-letter queue."""
        attributes = {"VisibilityTimeout": str(visibility)}
        if max_receive is not None:
            dlq = dlq or f"{name}-dlq"
            self.queues.setdefault(dlq, Queue())
            policy = {"deadLetterTargetArn": PREFIX + dlq, "maxReceiveCount": max_receive}
            attributes["RedrivePolicy"] = json.dumps(policy)
        self.queues[name] = Queue(attributes)

    def put(self, name: str, *bodies: str, attributes: dict[str, str] | None = None) -> list[str]:
        carried = {key: {"DataType": "String", "StringValue": value} for key, value in (attributes or {}).items()}
        with self.changed:
            ids = [self.queues[name].put(body, dict(carried)).id for body in bodies]
            self.changed.notify_all()
        return ids

    def mode(self, mode: str | None, ops: Iterable[str] = ("*",)) -> None:
        """Answer these operations with a fault from now on, also polls that are open; None = well again."""
        with self.changed:
            for op in ops:
                if mode is None:
                    self._modes = {} if op == "*" else {key: was for key, was in self._modes.items() if key != op}
                else:
                    self._modes[op] = mode
            self.changed.notify_all()

    def held(self, name: str) -> dict[str, int]:
        """How many messages are visible, in flight and delayed."""
        with self.changed:
            return self.queues[name].depths()

    def peek(self, name: str) -> list[Stored]:
        with self.changed:
            return list(self.queues[name].messages.values())

    def left(self, name: str) -> int:
        return len(self.queues[name].messages)

    def show_all(self, name: str) -> None:
        """Make everything visible now, as time would."""
        with self.changed:
            for message in self.queues[name].messages.values():
                self.queues[name].show_in(message, 0)
            self.changed.notify_all()

    def steal(self, name: str) -> Stored:
        """Receive one message as another consumer would, in flight or not: the receipt handed out before is stale."""
        self.show_all(name)
        with self.changed:
            return self.queues[name].pick(1, 30, self.queues)[0]

    # The operations.

    def answer(self, op: str, data: dict[str, Any]) -> dict[str, Any]:
        with self.changed:
            self.calls[op] += 1
            try:
                self._fault(op)
                result: dict[str, Any] = getattr(self, "_" + op)(data)
            except Refused as refused:
                self.log.append((time.monotonic(), op, str(refused.args[0])))
                raise
            self.log.append((time.monotonic(), op, ""))
            return result

    def _fault(self, op: str) -> None:
        mode = self._modes.get(op) or self._modes.get("*")
        if mode == "hang":
            self.changed.wait_for(lambda: (self._modes.get(op) or self._modes.get("*")) != "hang")
            raise Refused("hang")
        if mode:
            raise Refused(mode)

    def _GetQueueUrl(self, data: dict[str, Any]) -> dict[str, Any]:
        self._queue(data["QueueName"])
        return {"QueueUrl": f"{self.url}/{ACCOUNT}/{data['QueueName']}"}

    def _CreateQueue(self, data: dict[str, Any]) -> dict[str, Any]:
        self.queues.setdefault(data["QueueName"], Queue()).attributes.update(data.get("Attributes", {}))
        return self._GetQueueUrl(data)

    def _DeleteQueue(self, data: dict[str, Any]) -> dict[str, Any]:
        del self.queues[data["QueueUrl"].rsplit("/", 1)[-1]]
        return {}

    def _GetQueueAttributes(self, data: dict[str, Any]) -> dict[str, Any]:
        name = data["QueueUrl"].rsplit("/", 1)[-1]
        queue = self._queue(name)
        depths = queue.depths()
        return {
            "Attributes": {
                "QueueArn": PREFIX + name,
                "ApproximateNumberOfMessages": str(depths["visible"]),
                "ApproximateNumberOfMessagesNotVisible": str(depths["in_flight"]),
                "ApproximateNumberOfMessagesDelayed": str(depths["delayed"]),
                **queue.attributes,
            }
        }

    def _SendMessage(self, data: dict[str, Any]) -> dict[str, Any]:
        if len(data.get("MessageAttributes", {})) > 10:
            raise Refused((400, "InvalidParameterValue", "InvalidParameterValue"))
        queue = self._queue(data["QueueUrl"])
        stored = queue.put(data["MessageBody"], data.get("MessageAttributes", {}), data.get("DelaySeconds", 0))
        self.changed.notify_all()
        return {"MessageId": stored.id, "MD5OfMessageBody": ""}

    def _SendMessageBatch(self, data: dict[str, Any]) -> dict[str, Any]:
        to = {"QueueUrl": data["QueueUrl"]}
        return self._batch("SendMessageBatch", data, lambda entry: bool(self._SendMessage(entry | to)))

    def _ReceiveMessage(self, data: dict[str, Any]) -> dict[str, Any]:
        deadline = time.monotonic() + data.get("WaitTimeSeconds", 0)
        while True:
            queue = self._queue(data["QueueUrl"])
            seconds = data.get("VisibilityTimeout", int(queue.attributes.get("VisibilityTimeout", 30)))
            picked = queue.pick(data.get("MaxNumberOfMessages", 1), seconds, self.queues)
            now = time.monotonic()
            if picked or now >= deadline:
                return {"Messages": [stored.shown() for stored in picked]} if picked else {}
            wake = min(deadline, queue.later[0][0]) if queue.later else deadline
            self.changed.wait(max(0.001, wake - now))
            self._fault("ReceiveMessage")

    def _DeleteMessage(self, data: dict[str, Any]) -> dict[str, Any]:
        self._queue(data["QueueUrl"]).delete(data["ReceiptHandle"])
        return {}

    def _DeleteMessageBatch(self, data: dict[str, Any]) -> dict[str, Any]:
        queue = self._queue(data["QueueUrl"])

        def delete(entry: dict[str, Any]) -> bool:
            queue.delete(entry["ReceiptHandle"])
            return True

        return self._batch("DeleteMessageBatch", data, delete)

    def _ChangeMessageVisibilityBatch(self, data: dict[str, Any]) -> dict[str, Any]:
        queue, op = self._queue(data["QueueUrl"]), "ChangeMessageVisibilityBatch"
        result = self._batch(op, data, lambda one: queue.change(one["ReceiptHandle"], one["VisibilityTimeout"]))
        self.changed.notify_all()
        return result

    def _batch(self, op: str, data: dict[str, Any], one: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        entries = data["Entries"]
        if not 1 <= len(entries) <= 10:
            raise Refused((400, "TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"))
        good, bad = [], []
        for entry in entries:
            if op not in self.refuse_entries and one(entry):
                good.append({"Id": entry["Id"]})
            else:
                bad.append({"Id": entry["Id"], "SenderFault": True, "Code": "InvalidParameterValue"})
        return {"Successful": good, "Failed": bad}

    def _queue(self, url: str) -> Queue:
        queue = self.queues.get(url.rsplit("/", 1)[-1])
        if queue is None:
            raise Refused("NonExistentQueue")
        return queue


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Workers that are killed leave broken connections: nothing to say about that."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    sqs: StrictSqs

    def do_POST(self) -> None:
        data = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        if self.path == "/_control":
            self._send(200, _control(self.sqs, data))
            return
        op = self.headers["X-Amz-Target"].rsplit(".", 1)[-1]
        try:
            if f"Credential={self.sqs.accept_key}" not in self.headers["Authorization"]:
                raise Refused("InvalidClientTokenId")
            self._send(200, self.sqs.answer(op, data))
        except Refused as refused:
            fault = refused.args[0]
            if fault == "hang":
                self.close_connection = True
                return
            if fault == "portal":
                self._send(200, {"html": "please log in"})
                return
            status, kind, code = FAULTS[fault] if isinstance(fault, str) else fault
            self._send(status, {"__type": kind, "message": f"strict: {code}"}, f"{code};Sender")

    def _send(self, status: int, body: dict[str, Any], query_error: str = "") -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("x-amzn-RequestId", "strict")
        if query_error:
            self.send_header("x-amzn-query-error", query_error)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def _control(sqs: StrictSqs, data: dict[str, Any]) -> dict[str, Any]:
    """What a test in another process may ask."""
    if data["do"] == "make":
        sqs.make(data["queue"], max_receive=data.get("max_receive", 3), visibility=data.get("visibility", 30))
    elif data["do"] == "put":
        sqs.put(data["queue"], *data["bodies"])
    elif data["do"] == "mode":
        sqs.mode(data["mode"], data.get("ops", ["*"]))
    elif data["do"] == "reset":
        sqs.calls.clear()
        sqs.log.clear()
    queues = {name: {"left": sqs.left(name), **sqs.held(name)} for name in sqs.queues}
    return {"calls": dict(sqs.calls), "queues": queues}


if __name__ == "__main__":
    with StrictSqs(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as served:
        print(served.url, flush=True)
        threading.Event().wait()
