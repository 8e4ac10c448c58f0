"""The same stores behind allow-lists: whoever holds these cannot change anything, whatever the code above does.

AWS and R2: a hook before every call lets through the verbs that read. Redis: each command is looked up before it is
sent. PostgreSQL: every transaction is READ ONLY, so the server itself refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from academyctl.errors import AwsError, NotReadOnly
from academyctl.stores import Stores

if TYPE_CHECKING:
    from academyctl.settings import Settings
    from academyctl.stores.identity import Identity
    from academyctl.stores.postgres import Postgres
    from academyctl.stores.r2 import R2
    from academyctl.stores.readonly_redis import ReadOnlyRedis
    from academyctl.stores.solapi import Solapi
    from academyctl.stores.solapi_sending import Sender
    from academyctl.stores.sqs import Sqs

READ_VERBS = ("Get", "List", "Describe", "Head")
# Reads by another verb.
_READS = frozenset({"FilterLogEvents", "SimulatePrincipalPolicy"})
# They begin like a read and hand out credentials: nothing that a diagnosis has use for.
_NOT_READS = frozenset({"GetSessionToken", "GetFederationToken", "GetAuthorizationToken", "GetSecretValue"})


class ReadOnlyStores(Stores):
    """Stores for a diagnosis of `timeout_s` seconds: calls are short, so that two of them in a row still fit.

    `skew_s` holds, per service that answered ('aws', 'r2', 'solapi'), how many seconds its clock is ahead of ours.
    """

    def __init__(
        self, settings: Settings, *, timeout_s: float = 10, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.call_s = max(0.3, timeout_s * 0.3)
        self.skew_s: dict[str, float] = {}
        self._now = now
        hurried = {
            "redis": settings.redis.model_copy(update={"timeout_s": min(settings.redis.timeout_s, self.call_s)}),
            # libpq does not wait for less than two seconds.
            "db": settings.db.model_copy(
                update={"connect_timeout_s": max(2, min(settings.db.connect_timeout_s, int(self.call_s)))}
            ),
        }
        super().__init__(settings.model_copy(update=hurried))

    @property
    def sqs(self) -> Sqs:
        from academyctl.stores.sqs import Sqs

        return self._once("sqs", lambda: Sqs(self.aws_clients()))

    @property
    def sqs_quick(self) -> Sqs:
        return self.sqs

    @property
    def identity(self) -> Identity:
        from academyctl.stores.identity import Identity

        return self._once("identity", lambda: Identity(self.aws_clients()))

    @property
    def redis(self) -> ReadOnlyRedis:
        from academyctl.stores.readonly_redis import ReadOnlyRedis

        return self._once("redis", lambda: ReadOnlyRedis(self.settings.redis))

    @property
    def db(self) -> Postgres:
        return self._once("db", self.database)

    def database(self, name: str = "") -> Postgres:
        """The platform's database, or another one of the same server; the caller closes that one."""
        from academyctl.stores.readonly_postgres import ReadOnlyPostgres

        update = {"name": name} if name else {}
        return ReadOnlyPostgres(self.settings.db.model_copy(update=update))

    @property
    def r2(self) -> R2:
        from academyctl.stores.r2 import R2

        def make() -> R2:
            opened = R2(self.settings.r2, pool=12, read_timeout=self.call_s, connect_timeout=self.call_s, attempts=2)
            opened._clients = self._guarded(opened._clients, "r2")
            return opened

        return self._once("r2", make)

    @property
    def solapi(self) -> Solapi:
        from academyctl.stores.solapi import Solapi

        def note(date: str) -> None:
            self._note_clock("solapi", date)

        made = self.settings.solapi
        return self._once("solapi", lambda: Solapi(made, timeout_s=self.call_s, now=self._now, note_date=note))

    @property
    def solapi_sender(self) -> Sender:
        raise NotReadOnly("a diagnosis sends no texts")

    def aws_clients(self, **_longer: Any) -> Any:
        """Clients that only read; the time limits are this diagnosis's own. Raises AwsError for half a key."""
        aws = self.settings.aws
        if bool(aws.access_key_id) != bool(aws.secret_access_key):
            # boto3 would sign with half a key and let AWS complain about the signature.
            there, lacks = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")[:: 1 if aws.access_key_id else -1]
            why = f"{there} is set without {lacks}"
            raise AwsError("reading the credentials failed", why=why, cause="auth", code="PartialCredentialsError")

        def make() -> Any:
            clients = super(ReadOnlyStores, self).aws_clients(
                read_timeout=self.call_s, connect_timeout=self.call_s, attempts=2
            )
            return self._guarded(clients, "aws")

        # One factory for all: a client that two topics use is then made once.
        return self._once("aws_clients", make)

    def open_client(self, name: str) -> None:
        """Make a client now, on this thread: 'r2', or a service of AWS by botocore's word ('sqs', 'autoscaling').

        They are made one at a time, then called from many.
        """
        if name == "r2":
            _ = self.r2._client
        else:
            self.aws_clients()(name)

    def _guarded(self, clients: Callable[[str], Any], service: str) -> Callable[[str], Any]:
        guarded: dict[str, Any] = {}

        def note(http_response: Any, **_: Any) -> None:
            self._note_clock(service, str(http_response.headers.get("date", "")))

        def client(name: str) -> Any:
            made = clients(name)
            if guarded.get(name) is not made:
                made.meta.events.register_first("provide-client-params", _refuse)
                made.meta.events.register_first("before-call", _refuse)
                made.meta.events.register("after-call", note)
                guarded[name] = made
            return made

        return client

    def _note_clock(self, service: str, date: str) -> None:
        try:
            told = parsedate_to_datetime(date)
        except ValueError:
            return
        if told.tzinfo is not None:
            self.skew_s[service] = round((told - self._now()).total_seconds(), 1)


def _refuse(model: Any, **_: Any) -> None:
    """botocore's hook before a call is built, and again before it is sent."""
    name = str(model.name)
    if name not in _READS and (not name.startswith(READ_VERBS) or name in _NOT_READS):
        raise NotReadOnly(f"{model.service_model.service_name}:{name} is not a call that reads")
