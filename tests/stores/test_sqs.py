"""Queues: batches, receipts that stay secret, and answers that are not from SQS."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from academyctl.errors import AwsError
from academyctl.stores import Stores
from academyctl.stores.aws import client_factory
from academyctl.stores.sqs import Mail, Message, Sqs
from tests.conftest import eventually


@pytest.fixture
def queue(stores: Stores) -> str:
    return stores.settings.queues.video


def test_a_message_tells_its_receive_count_and_hides_its_receipt(stores: Stores, queue: str) -> None:
    stores.sqs.send(queue, "body", attributes={"academyctl.reason": "why"})
    [message] = stores.sqs.receive(queue, wait_s=1, visibility_s=30)
    assert (message.body, message.receive_count, message.attributes) == ("body", 1, {"academyctl.reason": "why"})
    assert message.sent_at is not None
    assert message.receipt
    assert message.receipt not in repr(message)


def test_a_message_given_back_comes_again_and_counts(stores: Stores, queue: str) -> None:
    stores.sqs.send(queue, "body")
    [first] = stores.sqs.receive(queue, wait_s=1, visibility_s=30)
    assert stores.sqs.extend(queue, [(first.id, first.receipt)], 0) == []
    [second] = stores.sqs.receive(queue, wait_s=1)
    assert (second.id, second.receive_count) == (first.id, 2)


def test_ten_messages_are_sent_with_one_call_and_each_is_hidden_for_its_own_time(stores: Stores, queue: str) -> None:
    mails = [Mail(f"body {n}", attributes={"academyctl.first_id": str(n), "empty": ""}) for n in range(10)]
    assert stores.sqs.send_batch(queue, mails) == {}
    got: list[Message] = []
    while len(got) < 10:
        got += stores.sqs.receive(queue, wait_s=1, visibility_s=30)
    assert {(one.body, *one.attributes.items()) for one in got} == {
        (f"body {n}", ("academyctl.first_id", str(n))) for n in range(10)
    }
    times = [((one.id, one.receipt), 0 if one.body == "body 3" else 60) for one in got]
    assert stores.sqs.hide(queue, times) == []
    assert [one.body for one in stores.sqs.receive(queue, wait_s=1)] == ["body 3"]


def test_more_than_ten_messages_are_deleted_in_batches(stores: Stores, queue: str) -> None:
    for n in range(13):
        stores.sqs.send(queue, str(n))
    got: list[Message] = []
    while len(got) < 13:
        got += stores.sqs.receive(queue, wait_s=1, visibility_s=30)
    assert stores.sqs.delete(queue, [(message.id, message.receipt) for message in got]) == []
    eventually(lambda: stores.sqs.attributes(queue).in_flight == 0)


def test_attributes_name_the_dead_letter_queue(stores: Stores, queue: str) -> None:
    seen = stores.sqs.attributes(queue)
    assert (seen.visible, seen.max_receive, seen.dlq_name) == (0, 3, f"{queue}-dlq")


def test_a_missing_queue_is_missing_and_not_empty(stores: Stores) -> None:
    with pytest.raises(AwsError) as caught:
        stores.sqs.receive("no-such-queue", wait_s=0)
    assert (caught.value.cause, caught.value.code) == ("missing", "AWS.SimpleQueueService.NonExistentQueue")


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"access_key": "AKIAUNKNOWNUNKNOWN00"}, "auth"),
        ({"secret_key": "wrong"}, "auth"),
        ({"endpoint_url": "http://127.0.0.1:1"}, "unreachable"),
    ],
)
def test_a_wrong_setting_names_its_own_cause(stores: Stores, queue: str, change: dict[str, str], cause: str) -> None:
    aws = stores.settings.aws
    assert aws.secret_access_key is not None
    good = {
        "region": aws.region,
        "endpoint_url": aws.endpoint_url,
        "access_key": aws.access_key_id,
        "secret_key": aws.secret_access_key.get_secret_value(),
    }
    with pytest.raises(AwsError) as caught:
        Sqs(client_factory(**{**good, **change}, attempts=1)).url(queue)  # type: ignore[arg-type]
    assert caught.value.cause == cause


class _Portal(BaseHTTPRequestHandler):
    """A captive portal: 200 and a page, whatever was asked."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b"<html>please sign in</html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def portal() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Portal)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_captive_portals_page_is_not_an_empty_queue(portal: str) -> None:
    sqs = Sqs(client_factory(region="ap-northeast-2", endpoint_url=portal, access_key="a", secret_key="b", attempts=1))
    with pytest.raises(AwsError) as caught:
        sqs.receive("academy-video-jobs", wait_s=0)
    assert caught.value.cause == "unreachable"
