"""Everything outside us, one file a thing, opened on first use. Only this package imports client libraries."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from academyctl.settings import Settings
    from academyctl.stores.alarms import Alarms
    from academyctl.stores.analysis_api import AnalysisApi
    from academyctl.stores.asg import AutoScaling
    from academyctl.stores.batch import Batch
    from academyctl.stores.batch_jobs import BatchJobs
    from academyctl.stores.fleet import Fleet
    from academyctl.stores.functions import Functions
    from academyctl.stores.images import Images
    from academyctl.stores.logs import Logs
    from academyctl.stores.parameters import Parameters
    from academyctl.stores.pipeline import Pipeline
    from academyctl.stores.postgres import Postgres
    from academyctl.stores.queue_admin import QueueAdmin
    from academyctl.stores.r2 import R2
    from academyctl.stores.redis import Redis
    from academyctl.stores.rules import Rules
    from academyctl.stores.solapi import Solapi
    from academyctl.stores.solapi_sending import Sender
    from academyctl.stores.sqs import Sqs
    from academyctl.stores.uploads import Uploads
    from academyctl.stores.videos import Videos

T = TypeVar("T")


class Stores:
    """The stores of one Settings. Each is made when first used, once, whichever thread asks."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._made: dict[str, Any] = {}
        self._lock = threading.RLock()

    @property
    def sqs(self) -> Sqs:
        from academyctl.stores.sqs import Sqs

        # A long poll lasts 20 s: the read timeout must be longer. Back-off is the loop's, so one retry is enough here.
        return self._once("sqs", lambda: Sqs(self.aws_clients(read_timeout=30)))

    @property
    def sqs_quick(self) -> Sqs:
        """SQS for every call but a long poll: a connection that swallows its answer costs seconds, not 30."""
        from academyctl.stores.sqs import Sqs

        return self._once("sqs_quick", lambda: Sqs(self.aws_clients(read_timeout=5, connect_timeout=3)))

    @property
    def redis(self) -> Redis:
        from academyctl.stores.redis import Redis

        return self._once("redis", lambda: Redis(self.settings.redis))

    @property
    def db(self) -> Postgres:
        from academyctl.stores.postgres import Postgres

        return self._once("db", lambda: Postgres(self.settings.db))

    @property
    def r2(self) -> R2:
        from academyctl.stores.r2 import R2

        video = self.settings.video
        return self._once(
            "r2",
            lambda: R2(self.settings.r2, pool=video.upload_concurrency + 4, read_timeout=video.download_timeout_s),
        )

    @property
    def solapi(self) -> Solapi:
        from academyctl.stores.solapi import Solapi

        return self._once("solapi", lambda: Solapi(self.settings.solapi))

    @property
    def solapi_sender(self) -> Sender:
        from academyctl.stores.solapi_sending import Sender

        return self._once("solapi_sender", lambda: Sender(self.settings))

    @property
    def videos(self) -> Videos:
        from academyctl.stores.videos import Videos

        return self._once("videos", lambda: Videos(self.db))

    @property
    def fleet(self) -> Fleet:
        from academyctl.stores.fleet import Fleet

        return self._once("fleet", lambda: Fleet(self.fleet_clients))

    @property
    def asg(self) -> AutoScaling:
        from academyctl.stores.asg import AutoScaling

        return self._once("asg", lambda: AutoScaling(self.fleet_clients))

    @property
    def rules(self) -> Rules:
        from academyctl.stores.rules import Rules

        return self._once("rules", lambda: Rules(self.fleet_clients))

    @property
    def functions(self) -> Functions:
        """Lambda functions; an invocation is waited for as long as a function may take."""
        from academyctl.stores.functions import Functions

        invoking = partial(self.aws_clients, read_timeout=905, attempts=1)
        return self._once("functions", lambda: Functions(self.fleet_clients, invoking))

    @property
    def queue_admin(self) -> QueueAdmin:
        from academyctl.stores.queue_admin import QueueAdmin

        return self._once("queue_admin", lambda: QueueAdmin(self.fleet_clients))

    @property
    def alarms(self) -> Alarms:
        from academyctl.stores.alarms import Alarms

        return self._once("alarms", lambda: Alarms(self.fleet_clients))

    @property
    def logs(self) -> Logs:
        from academyctl.stores.logs import Logs

        return self._once("logs", lambda: Logs(self.fleet_clients))

    @property
    def images(self) -> Images:
        from academyctl.stores.images import Images

        return self._once("images", lambda: Images(self.fleet_clients))

    @property
    def parameters(self) -> Parameters:
        from academyctl.stores.parameters import Parameters

        return self._once("parameters", lambda: Parameters(self.fleet_clients))

    @property
    def batch(self) -> Batch:
        from academyctl.stores.batch import Batch

        # SubmitJob has no token that makes it safe to repeat: a second try could be a second job.
        once = partial(self.aws_clients, read_timeout=10, attempts=1)
        return self._once("batch", lambda: Batch(self.fleet_clients, once))

    @property
    def batch_jobs(self) -> BatchJobs:
        from academyctl.stores.batch_jobs import BatchJobs

        return self._once("batch_jobs", lambda: BatchJobs(self.db))

    @property
    def uploads(self) -> Uploads:
        """S3 of the analysis pipeline: AWS's, with AWS's keys."""
        from academyctl.stores.uploads import Uploads

        return self._once("uploads", lambda: Uploads(self.fleet_clients))

    @property
    def pipeline(self) -> Pipeline:
        from academyctl.stores.pipeline import Pipeline

        return self._once("pipeline", lambda: Pipeline(self.fleet_clients))

    @property
    def analysis_api(self) -> AnalysisApi:
        from academyctl.stores.analysis_api import AnalysisApi

        return self._once("analysis_api", lambda: AnalysisApi(self.settings.analysis.endpoint))

    @property
    def fleet_clients(self) -> Any:
        """One set of clients for the fleet's services: making one costs more than a call."""
        return self._once("fleet_clients", lambda: self.aws_clients(read_timeout=10))

    def aws_clients(self, *, read_timeout: float = 30, connect_timeout: float = 5, attempts: int = 2) -> Any:
        """A client factory with the settings' credentials, region and endpoint."""
        from academyctl.stores.aws import client_factory

        aws = self.settings.aws
        return client_factory(
            region=aws.region,
            endpoint_url=aws.endpoint_url,
            access_key=aws.access_key_id,
            secret_key=aws.secret_access_key.get_secret_value() if aws.secret_access_key else None,
            session_token=aws.session_token.get_secret_value() if aws.session_token else None,
            profile=aws.profile,
            read_timeout=read_timeout,
            connect_timeout=connect_timeout,
            attempts=attempts,
        )

    def reopen(self, name: str) -> None:
        """Make this store anew at its next use: renewed credentials of a role or a profile are then read."""
        with self._lock:
            self._made.pop(name, None)

    def close(self) -> None:
        """Close what was opened; the object may be used again afterwards."""
        with self._lock:
            made, self._made = self._made, {}
        for name in ("redis", "db", "solapi_sender"):
            if name in made:
                made[name].close()

    def _once(self, name: str, make: Callable[[], T]) -> T:
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            value: T = self._made[name]
            return value
