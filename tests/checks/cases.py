"""One row a fault, as facts: what must be the root cause, whose fault it is, how bad, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from checks import _trouble as t
from checks import db, r2, redis, settings
from checks._model import Verdict
from checks._trouble import Trouble
from tests.checks import facts as f
from tests.checks import topics
from tests.checks.case import Case, fail, unknown, warn

V = Verdict
_lock = redis.Lock("job:encode:111:lock", "encode", "111", 13412_000, "host-1:42:2", "i-0ab", 42, 2820.0, beats=False)
_legacy = redis.Lock("job:encode:7:lock", "encode", "7", 9000_000, "", "", None, None, None)
_cleaner = replace(_lock, key="job:delete_r2:5:lock", kind="delete_r2", id="5")


def _server(**changes: Any) -> redis.Facts:
    assert f.REDIS.server is not None
    return replace(f.REDIS, server=replace(f.REDIS.server, **changes))


def _db(**changes: Any) -> db.Facts:
    assert f.DB.server is not None
    return replace(f.DB, server=replace(f.DB.server, **changes))


def _db_away(cause: str, why: str, code: str = "", **changes: Any) -> db.Facts:
    trouble = Trouble(cause, code, "database refused the work", why)
    return replace(f.DB, trouble=trouble, server=None, videos=(), **changes)


def _redis_away(cause: str, why: str) -> redis.Facts:
    trouble = Trouble(cause, "redis-away", "Redis cannot be used", why)
    return replace(f.REDIS, trouble=trouble, server=None, round_trip_ms=None)


def _settings(**changes: Any) -> settings.Facts:
    return replace(f.SETTINGS, **changes)


def _against(variable: str, section: str, here: str, there: str, **more: bool) -> settings.Facts:
    """One difference from the API's environment."""
    one = settings.Difference(variable, section, here, there, more.get("secret", False), more.get("breaks", False))
    return _settings(against=settings.Against("api.env", 30, (one,)))


def _missing(names: str, section: str) -> settings.Facts:
    return _settings(missing=(settings.Missing(names, section, "video, ai"),))


_db_password = _db_away(t.KEY, 'password authentication failed for user "academy"')
_near = replace(f.absent("video", t.MISSING), names=(*(f.SQS.names or ()), "academy-video-job5"))

CASES: tuple[Case, ...] = (
    # settings
    fail("a required value is missing", "settings.missing", V.settings, "db.password-wrong",
          settings=_missing("DB_PASSWORD", "db"), db=_db_password),
    fail("the database is not set at all", "settings.missing", V.settings, "db.not-configured",
          settings=_missing("DB_HOST", "db"), db=replace(f.DB, configured=False, server=None, videos=())),
    fail("R2 is not set at all", "settings.missing", V.settings, "r2.not-configured",
          settings=_missing("R2_ENDPOINT", "r2"), r2=replace(f.R2, configured=False, endpoint="", buckets=())),
    fail("a region that is none", "settings.region-odd", V.settings, "sqs.host-unknown",
          settings=_settings(region="ap-northeast2"), sqs=f.all_absent(t.HOST)),
    fail("an endpoint without scheme", "settings.endpoint-odd", V.settings, "sqs.setup",
          settings=_settings(endpoints={"AWS_ENDPOINT_URL": "localhost:4566"}), sqs=f.all_absent(t.SETUP)),
    fail("two video buckets", "settings.buckets-differ", V.settings, "r2.bucket-missing",
          settings=_settings(pairs=(settings.Pair("R2_BUCKET", "academy-video", "R2_VIDEO_BUCKET", "other"),)),
          r2=f.buckets(t.MISSING, "video_bucket")),
    warn("two names of one setting", "settings.contradiction", V.settings,
          settings=_settings(pairs=(settings.Pair("AWS_REGION", "a", "AWS_DEFAULT_REGION", "b"),))),
    warn("an obsolete variable", "settings.obsolete", V.settings,
          settings=_settings(obsolete={"QUEUE_BACKEND": "read by nothing"})),
    warn("a misspelt variable", "settings.misspelt", V.settings,
          settings=_settings(misspelt={"VIDEO_SQS_QUEUENAME": "VIDEO_SQS_QUEUE_NAME"})),
    warn("a value with a line end", "settings.padded", V.settings, settings=_settings(padded=("R2_SECRET_KEY",))),
    warn("debug left on", "settings.debug", V.settings, settings=_settings(debug=True)),
    warn("mock left on", "settings.solapi-mock", V.settings, settings=_settings(solapi_mock=True)),
    warn("a lease as long as the visibility", "settings.limits", V.settings,
          settings=_settings(orders=(settings.Order("EXCEL_READ_SECONDS", 60, "AI_INFERENCE_MAX_SECONDS", 60),))),
    fail("the API uses another queue", "settings.differs", V.settings, "sqs.queue-missing", "sqs.dlq-missing",
          settings=_against("VIDEO_SQS_QUEUE_NAME", "queues", "academy-video-job", "academy-video-jobs", breaks=True),
          sqs=f.absent("video", t.MISSING)),
    fail("the API uses another region", "settings.differs", V.settings, "sqs.none-here", "sqs.queue-missing",
          "sqs.dlq-missing",
          settings=_against("AWS_REGION", "aws", "us-east-1", "ap-northeast-2", breaks=True),
          sqs=replace(f.all_absent(t.MISSING), names=(), listing=None, skew_s=0.0)),
    fail("the API uses another database", "settings.differs", V.settings, "db.other-database",
          settings=_against("DB_NAME", "db", "postgres", "academy", breaks=True),
          db=_db(tables=0, missing=("video_video",))),
    warn("the API has a key of its own", "settings.varies", V.settings,
          settings=_against("AWS_ACCESS_KEY_ID", "aws", "#1f2e3d4c", "#5a6b7c8d", secret=True)),
    warn("the API has no Redis", "settings.one-sided", V.settings,
          settings=_against("REDIS_HOST", "redis", "redis.internal", "")),
    # sqs: what the answer to every call says
    fail("an unknown key", "sqs.key-unknown", V.settings, sqs=f.all_absent(t.KEY, "InvalidClientTokenId")),
    fail("a wrong secret", "sqs.secret-wrong", V.settings, sqs=f.all_absent(t.SECRET, "SignatureDoesNotMatch")),
    fail("no credentials", "sqs.no-credentials", V.settings, sqs=f.all_absent(t.NO_KEY, "NoCredentialsError")),
    fail("an expired session", "sqs.credentials-expired", V.settings, sqs=f.all_absent(t.EXPIRED, "ExpiredToken")),
    fail("a wrong clock", "sqs.clock-wrong", V.infrastructure, "r2.clock-wrong",
          sqs=f.all_absent(t.CLOCK), r2=f.buckets(t.CLOCK)),
    fail("no permission at all", "sqs.denied", V.settings, sqs=f.all_absent(t.DENIED, "AccessDenied")),
    fail("SQS is down", "sqs.unreachable", V.infrastructure, sqs=f.all_absent(t.UNREACHABLE)),
    fail("one emulator for both is down", "sqs.unreachable", V.infrastructure, "r2.unreachable",
          sqs=replace(f.all_absent(t.UNREACHABLE), endpoint="http://127.0.0.1:4566"),
          r2=replace(f.buckets(t.UNREACHABLE), endpoint="http://127.0.0.1:4566")),
    fail("SQS's host is unknown", "sqs.host-unknown", V.settings, sqs=f.all_absent(t.HOST)),
    fail("a sign-in page answers", "sqs.stranger", V.infrastructure, sqs=f.all_absent(t.STRANGER)),
    fail("an unknown AWS profile", "sqs.setup", V.settings, sqs=f.all_absent(t.SETUP, "ProfileNotFound")),
    unknown("SQS is silent", "sqs.timeout", sqs=f.all_absent(t.TIMEOUT)),
    unknown("SQS throttles", "sqs.throttled", sqs=f.all_absent(t.THROTTLED, "RequestThrottled")),
    unknown("SQS answers nonsense", "sqs.odd", sqs=f.all_absent(t.ODD, "418")),
    # sqs: queues
    fail("a wrong queue name", "sqs.queue-name", V.settings, "sqs.dlq-missing", sqs=_near),
    fail("a queue is gone", "sqs.queue-missing", V.infrastructure, "sqs.dlq-missing",
          sqs=f.absent("video", t.MISSING)),
    fail("another region", "sqs.none-here", V.settings, "sqs.queue-missing", "sqs.dlq-missing",
          sqs=replace(f.all_absent(t.MISSING), names=(), listing=None, skew_s=0.0)),
    fail("one queue is denied", "sqs.queue-denied", V.settings,
          sqs=f.absent("video", t.DENIED, "AccessDenied", dlq=False)),
    unknown("one queue's attributes are denied", "sqs.queue-unseen",
             sqs=f.absent("video", t.DENIED, "AccessDenied", dlq=False, what="sqs:GetQueueAttributes queue x")),
    unknown("one queue is late", "sqs.queue-unseen", sqs=f.absent("video", t.TIMEOUT, dlq=False)),
    fail("a dead-letter queue is gone", "sqs.dlq-missing", V.infrastructure,
          sqs=f.queue("video", dlq=None, dlq_trouble=Trouble(t.MISSING, "", "sqs:GetQueueUrl queue x"))),
    warn("no redrive policy", "sqs.no-redrive", V.infrastructure,
          sqs=f.queue("video", box=f.box("academy-video-jobs", dlq_name="", max_receive=None))),
    warn("drifted attributes", "sqs.drift", V.infrastructure,
          sqs=f.queue("video", box=f.box("academy-video-jobs", visibility_s=30, wait_s=0, max_receive=1))),
    warn("dead letters die early", "sqs.dlq-retention", V.infrastructure,
          sqs=f.queue("video", dlq=f.box("academy-video-jobs-dlq", retention_s=345600))),
    warn("dead letters", "sqs.dead-letters", V.data,
          sqs=f.queue("video", dlq=f.box("academy-video-jobs-dlq", visible=3))),
    warn("nobody takes messages", "sqs.not-consumed", V.capacity,
          sqs=f.queue("video", box=f.box("academy-video-jobs", visible=3))),
    warn("messages wait although a worker runs", "sqs.waits-long", V.capacity,
          sqs=f.queue("video", box=f.box("academy-video-jobs", visible=9, in_flight=1), oldest_s=30000),
          scaling=topics.MODULES["scaling"].group(desired=20, in_service=20)),
    warn("the clock drifts", "sqs.clock-off", V.infrastructure, "r2.clock-off",
          sqs=replace(f.SQS, skew_s=-200.0), r2=replace(f.R2, skew_s=-200.0)),
    unknown("SQS tells no time", "sqs.clock-unseen", sqs=replace(f.SQS, skew_s=None)),
    unknown("R2 tells no time", "r2.clock-unseen", r2=replace(f.R2, skew_s=None)),
    warn("R2's clock is another", "r2.clock-off", V.infrastructure, r2=replace(f.R2, skew_s=200.0)),
    # redis
    warn("Redis is off", "redis.off", V.settings, redis=replace(f.REDIS, configured=False, server=None)),
    fail("Redis is down", "redis.unreachable", V.infrastructure, redis=_redis_away(t.UNREACHABLE, "Error 111")),
    fail("Redis' host is unknown", "redis.host-unknown", V.settings, redis=_redis_away(t.HOST, "getaddrinfo")),
    fail("a wrong Redis password", "redis.password-wrong", V.settings, redis=_redis_away(t.KEY, "WRONGPASS")),
    unknown("Redis is silent", "redis.timeout", redis=_redis_away(t.TIMEOUT, "Timeout")),
    unknown("Redis answers nonsense", "redis.odd", redis=_redis_away(t.ODD, "ERR something")),
    unknown("INFO is not allowed", "redis.info-denied",
             redis=replace(f.REDIS, server=None, info_why="NoPermissionError: NOPERM")),
    fail("a Redis replica", "redis.replica", V.settings, redis=_server(role="slave")),
    unknown("Redis is loading", "redis.loading", redis=_server(loading=True)),
    warn("any key may be dropped", "redis.evicts", V.settings, redis=_server(policy="allkeys-lru")),
    warn("keys with expiry may be dropped", "redis.evicts", V.settings,
          redis=_server(policy="volatile-ttl", maxmemory=2**30)),
    warn("Redis is nearly full", "redis.full", V.capacity, redis=_server(maxmemory=1050000)),
    warn("Redis is slow", "redis.slow", V.infrastructure, redis=replace(f.REDIS, round_trip_ms=340.0)),
    warn("an orphan lock", "redis.lock-orphan", V.data, redis=replace(f.REDIS, locks=(_lock, _legacy))),
    warn("an orphan lock of a deletion", "redis.lock-orphan", V.data, redis=replace(f.REDIS, locks=(_cleaner,))),
    warn("a lock without end", "redis.lock-endless", V.data,
          redis=replace(f.REDIS, locks=(replace(_legacy, ttl_ms=-1),))),
    warn("a legacy lock ends before its message returns", "redis.lock-shorter", V.settings,
          redis=replace(f.REDIS, locks=(_legacy,)),
          sqs=f.queue("video", box=f.box("academy-video-jobs", visibility_s=21600))),
    # db
    fail("the database is not set and nobody looked at settings", "db.not-configured", V.settings,
          settings=f.SETTINGS, db=replace(f.DB, configured=False, server=None, videos=())),
    fail("the database is down", "db.unreachable", V.infrastructure, db=_db_away(t.UNREACHABLE, "refused")),
    fail("the database's host is unknown", "db.host-unknown", V.settings, db=_db_away(t.HOST, "getaddrinfo")),
    fail("a wrong database password", "db.password-wrong", V.settings, db=_db_password),
    fail("a wrong database name", "db.name-wrong", V.settings, db=_db_away(t.MISSING, "does not exist")),
    fail("a misspelt database name", "db.name-near", V.settings,
          db=_db_away(t.MISSING, "does not exist", name="academi", names=("academy", "postgres"))),
    fail("no connection left", "db.full", V.capacity, db=_db_away(t.FULL, "too many clients")),
    unknown("the database is silent", "db.timeout", db=_db_away(t.TIMEOUT, "connection timeout expired")),
    unknown("the database is starting", "db.starting", db=_db_away(t.UNREACHABLE, "starting up", "57P03")),
    unknown("the database answers nonsense", "db.odd", db=_db_away(t.ODD, "XX000")),
    fail("another database", "db.other-database", V.settings, db=_db(tables=0, missing=("video_video",))),
    fail("a migration is missing", "db.schema-behind", V.code, db=_db(missing=("video_video.leased_by",))),
    fail("a read replica", "db.read-only", V.settings, db=_db(replica=True)),
    fail("a right is missing", "db.not-granted", V.settings, db=_db(not_granted=("video_video",))),
    warn("connections run out", "db.connections-high", V.capacity, db=_db(connections=95)),
    warn("a row is locked", "db.lock-waits", V.data, db=_db(waiting=db.Sessions(2, 40, 311, "290"))),
    warn("a transaction was left open", "db.idle-transaction", V.code, db=_db(idle=db.Sessions(1, 900, 290))),
    unknown("videos cannot be counted", "db.videos-unseen",
             db=replace(f.DB, videos=(), videos_trouble=Trouble(t.ODD, "57014", "", "canceling statement"))),
    # r2
    fail("an unknown R2 key", "r2.key-unknown", V.settings, r2=f.buckets(t.KEY, code="InvalidAccessKeyId")),
    fail("a wrong R2 secret", "r2.secret-wrong", V.settings, r2=f.buckets(t.SECRET, code="SignatureDoesNotMatch")),
    fail("no R2 credentials", "r2.no-credentials", V.settings, r2=f.buckets(t.NO_KEY)),
    fail("expired R2 credentials", "r2.credentials-expired", V.settings, r2=f.buckets(t.EXPIRED)),
    fail("no permission on R2", "r2.denied", V.settings, r2=f.buckets(t.DENIED, code="AccessDenied")),
    fail("R2 is down", "r2.unreachable", V.infrastructure, r2=f.buckets(t.UNREACHABLE)),
    fail("R2's host is unknown", "r2.host-unknown", V.settings, r2=f.buckets(t.HOST)),
    fail("something else answers as R2", "r2.stranger", V.infrastructure, r2=f.buckets(t.STRANGER)),
    fail("R2's client cannot be made", "r2.setup", V.settings, r2=f.buckets(t.SETUP)),
    unknown("R2 is silent", "r2.timeout", r2=f.buckets(t.TIMEOUT)),
    unknown("R2 throttles", "r2.throttled", r2=f.buckets(t.THROTTLED, code="SlowDown")),
    unknown("R2 answers nonsense", "r2.odd", r2=f.buckets(t.ODD)),
    fail("another R2 account", "r2.none-here", V.settings, "r2.bucket-missing", "r2.spare-bucket-missing",
          r2=f.buckets(t.MISSING, names=("somebody-elses",))),
    fail("a misspelt bucket", "r2.bucket-name", V.settings,
          r2=f.buckets(t.MISSING, "video_bucket", names=("academy-video5",))),
    fail("a bucket is gone", "r2.bucket-missing", V.infrastructure, r2=f.buckets(t.MISSING, "video_bucket")),
    warn("a bucket of the API is gone", "r2.spare-bucket-missing", V.infrastructure,
          r2=f.buckets(t.MISSING, "admin_bucket")),
    fail("one bucket is denied", "r2.bucket-denied", V.settings, r2=f.buckets(t.DENIED, "ai_bucket")),
    fail("one bucket may be listed alone", "r2.bucket-unreadable", V.settings,
          r2=f.bucket("video_bucket", unreadable=Trouble(t.DENIED, "403", "r2:HeadObject x", "403"))),
    unknown("one bucket's objects are late", "r2.bucket-unseen",
          r2=f.bucket("video_bucket", unreadable=Trouble(t.TIMEOUT, "", "r2:HeadObject x", "timeout"))),
    warn("players are shut out of the bucket", "r2.cors-closed", V.settings,
          r2=replace(f.R2, cors=r2.Cors(1, plays=False, direct=True, site="https://academy.kr"))),
    unknown("one bucket is late", "r2.bucket-unseen", r2=f.buckets(t.TIMEOUT, "ai_bucket")),
    # the engine
    unknown("a topic is late", "topic.late", sqs="timeout"),
    unknown("a topic was interrupted", "topic.stopped", sqs="stopped"),
    unknown("a topic crashes", "topic.crash", redis="crash"),
    *topics.cases(),
)  # fmt: skip
