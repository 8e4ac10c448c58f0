"""Guide 004's pipeline of a test's own on the local stack: bucket, queue, dead-letter queue, notification, service."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from academyctl.local import environment
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.aws import ClientFactory
from academyctl.stores.sqs import Message, Sqs
from tests.analysis_service import AnalysisService, serving
from workers import _find
from workers._loop import run
from workers._model import Worker
from workers._options import RunOptions
from workers.analysis import worker

PREFIX = "videos/"


@dataclass(frozen=True)
class Pipeline:
    """`env` is the platform's environment with this pipeline's names in it."""

    env: dict[str, str]
    clients: ClientFactory
    stores: Stores
    service: AnalysisService
    folder: Path

    @property
    def queue(self) -> str:
        return self.env["ANALYSIS_SQS_QUEUE_NAME"]

    @property
    def dlq(self) -> str:
        return f"{self.queue}-dlq"

    @property
    def bucket(self) -> str:
        return self.env["S3_BUCKET_RAW"]

    def upload(self, key: str, content: bytes = b"a video") -> None:
        self.clients("s3").put_object(Bucket=self.bucket, Key=key, Body=content)

    def once(self, *, stores: Stores | None = None, empty_ok: bool = False, **options: Any) -> int:
        """`worker run analysis --once`; its exit code."""
        used = stores or self.stores
        code = _find.exit_code("analysis", once=True, empty_ok=empty_ok)
        said: dict[str, Any] = {"wait_s": 1, "grace_s": 1, "health_file": self.folder / "health"} | options
        return self.run(RunOptions(once=True, exit_code=code, **said), used)

    def run(self, options: RunOptions, stores: Stores | None = None, made: Worker | None = None) -> int:
        used = stores or self.stores
        return run(made or worker(used.settings), used, options)

    def asked(self, key: str) -> int:
        """How often the service was asked for this object."""
        return sum((one["s3_bucket"], one["s3_key"]) == (self.bucket, key) for one in self.service.asked)

    def results(self) -> list[dict[str, Any]]:
        """The notes of this bucket."""
        s3 = self.clients("s3")
        found = s3.list_objects_v2(Bucket=self.bucket, Prefix="analysis-results/").get("Contents", [])
        return [json.loads(s3.get_object(Bucket=self.bucket, Key=one["Key"])["Body"].read()) for one in found]

    def left(self) -> tuple[int, int]:
        """(messages in the queue, visible or not; letters)."""
        sqs = Sqs(self.clients)
        main, dead = sqs.attributes(self.queue), sqs.attributes(self.dlq)
        return main.visible + main.in_flight + main.delayed, dead.visible

    def letters(self) -> list[Message]:
        return Sqs(self.clients).receive(self.dlq, wait_s=1, visibility_s=0)

    def open(self, **env: str) -> Stores:
        """Stores over other settings."""
        return Stores(load({**self.env, **env}).settings)


@contextmanager
def pipeline(
    env: Mapping[str, str], folder: Path, service: AnalysisService, *, notify: bool = True
) -> Iterator[Pipeline]:
    """All of it, with the notification's first message, S3's test, taken out again."""
    unique = uuid.uuid4().hex[:12]
    with serving(service):
        named = {
            **env, "ANALYSIS_SQS_QUEUE_NAME": f"{unique}-uploads", "S3_BUCKET_RAW": f"{unique}-raw",
            "FASTAPI_ENDPOINT": service.url, "ANALYSIS_VISIBILITY": "30", "REDIS_HOST": "",
        }  # fmt: skip
        stores = Stores(load(named).settings)
        made = Pipeline(named, stores.fleet_clients, stores, service, folder)
        create(made, notify=notify)
        try:
            yield made
        finally:
            Sqs(made.clients).remove(made.queue)
            Sqs(made.clients).remove(made.dlq)
            stores.close()


def create(made: Pipeline, *, notify: bool) -> None:
    """Queue, dead-letter queue, bucket; with the policy and the notification as guide 004's Terraform makes them."""
    sqs, s3 = Sqs(made.clients), made.clients("s3")
    s3.create_bucket(Bucket=made.bucket, CreateBucketConfiguration={"LocationConstraint": environment.REGION})
    sqs.create(made.dlq, {"MessageRetentionPeriod": "1209600"})
    target = {"deadLetterTargetArn": sqs.attributes(made.dlq).arn, "maxReceiveCount": "3"}
    url = sqs.create(
        made.queue,
        {"VisibilityTimeout": "900", "ReceiveMessageWaitTimeSeconds": "20", "RedrivePolicy": json.dumps(target)},
    )
    if not notify:
        return
    arn = sqs.attributes(made.queue).arn
    allowed = {
        "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{made.bucket}"}},
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    made.clients("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    rules = [{"Name": "prefix", "Value": PREFIX}]
    one = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}}}
    s3.put_bucket_notification_configuration(
        Bucket=made.bucket, NotificationConfiguration={"QueueConfigurations": [one]}
    )
