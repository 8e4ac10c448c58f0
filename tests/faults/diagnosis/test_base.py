"""Real faults on the real stack: green when all is well, the right red with exactly one root when something is not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from academyctl.contract import keys
from academyctl.local.stack import LocalStack
from academyctl.local.state import free_ports
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.aws import client_factory
from checks import _snapshot
from checks._model import State, Verdict
from checks._verdict import exit_code, roots
from tests.checks.facts import red
from tests.checks.platform import diagnosed

Env = dict[str, str]
# What an account rightly does not have is skipped, with the reason.
FINE = (State.ok, State.skip)


def test_a_healthy_stack_is_green(steady_env: Env) -> None:
    found = diagnosed(steady_env)
    assert [(one.code, one.subject, one.evidence) for one in found.findings if one.state not in FINE] == []
    assert (found.verdict, exit_code(found.state)) == (Verdict.healthy, 0)
    assert {one.topic for one in found.findings} == set(found.snapshot.topics)


@dataclass(frozen=True)
class Fault:
    """Environment variables that are wrong, and what must be found; {port} is one that nobody listens on."""

    name: str
    env: Env
    code: str
    verdict: Verdict
    state: State = State.fail


V = Verdict
FAULTS = (
    Fault("wrong queue name", {"MESSAGING_SQS_QUEUE_NAME": "academy-mesaging-job"}, "sqs.queue-name", V.settings),
    Fault("missing queue", {"MESSAGING_SQS_QUEUE_NAME": "zzz"}, "sqs.queue-missing", V.infrastructure),
    Fault("wrong AWS key", {"AWS_ACCESS_KEY_ID": "AKIA" + "X" * 16}, "aws.key-unknown", V.settings),
    Fault("wrong AWS secret", {"AWS_SECRET_ACCESS_KEY": "wrong" * 8}, "aws.secret-wrong", V.settings),
    Fault("leftover session token", {"AWS_SESSION_TOKEN": "stale"}, "aws.key-unknown", V.settings),
    Fault("no AWS key", {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "aws.no-credentials", V.settings),
    Fault("half an AWS key", {"AWS_SECRET_ACCESS_KEY": ""}, "aws.half-key", V.settings),
    Fault("AWS down", {"AWS_ENDPOINT_URL": "http://127.0.0.1:{port}"}, "aws.unreachable", V.infrastructure),
    Fault("both endpoints down", {"AWS_ENDPOINT_URL": "http://127.0.0.1:{port}",
          "R2_ENDPOINT": "http://127.0.0.1:{port}"}, "aws.unreachable", V.infrastructure),
    Fault("AWS host unknown", {"AWS_ENDPOINT_URL": "http://sqs.invalid"}, "aws.host-unknown", V.settings),
    Fault("endpoint without scheme", {"AWS_ENDPOINT_URL": "127.0.0.1:{port}"}, "settings.endpoint-odd", V.settings),
    Fault("unknown AWS profile", {"AWS_PROFILE": "nobody"}, "aws.profile-unknown", V.settings),
    Fault("another region", {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}, "sqs.none-here",
          V.settings),
    Fault("Redis down", {"REDIS_PORT": "{port}"}, "redis.unreachable", V.infrastructure),
    Fault("wrong Redis password", {"REDIS_PASSWORD": "wrong-password"}, "redis.password-wrong", V.settings),
    Fault("no Redis password", {"REDIS_PASSWORD": ""}, "redis.password-wrong", V.settings),
    Fault("Redis host unknown", {"REDIS_HOST": "redis.invalid"}, "redis.host-unknown", V.settings),
    Fault("Redis off", {"REDIS_HOST": ""}, "redis.off", V.settings, State.warn),
    Fault("database down", {"DB_PORT": "{port}"}, "db.unreachable", V.infrastructure),
    Fault("wrong database password", {"DB_PASSWORD": "wrong-password"}, "db.password-wrong", V.settings),
    Fault("wrong database user", {"DB_USER": "nobody"}, "db.password-wrong", V.settings),
    Fault("wrong database name", {"DB_NAME": "zzzzzz"}, "db.name-wrong", V.settings),
    Fault("misspelt database name", {"DB_NAME": "academyy"}, "db.name-near", V.settings),
    Fault("another database", {"DB_NAME": "postgres"}, "db.other-database", V.settings),
    Fault("database host unknown", {"DB_HOST": "db.invalid"}, "db.host-unknown", V.settings),
    Fault("R2 bucket missing", {"R2_BUCKET": "zzz-nothing", "R2_VIDEO_BUCKET": "zzz-nothing"}, "r2.bucket-missing",
          V.infrastructure),
    Fault("R2 bucket misspelt", {"R2_BUCKET": "{bucket}5", "R2_VIDEO_BUCKET": "{bucket}5"}, "r2.bucket-name",
          V.settings),
    Fault("two video buckets", {"R2_BUCKET": "zzz-nothing"}, "settings.buckets-differ", V.settings),
    Fault("wrong R2 key", {"R2_ACCESS_KEY": "AKIA" + "X" * 16}, "r2.key-unknown", V.settings),
    Fault("wrong R2 secret", {"R2_SECRET_KEY": "wrong" * 8}, "r2.secret-wrong", V.settings),
    Fault("R2 down", {"R2_ENDPOINT": "http://127.0.0.1:{port}"}, "r2.unreachable", V.infrastructure),
    Fault("no R2 endpoint", {"R2_ENDPOINT": ""}, "settings.missing", V.settings),
    Fault("no R2 secret", {"R2_SECRET_KEY": ""}, "settings.missing", V.settings),
    Fault("no database password", {"DB_PASSWORD": ""}, "settings.missing", V.settings),
    Fault("no database host", {"DB_HOST": ""}, "settings.missing", V.settings),
    Fault("no sender number", {"SOLAPI_SENDER": ""}, "settings.missing", V.settings),
    Fault("mock left on", {"SOLAPI_MOCK": "true"}, "settings.solapi-mock", V.settings, State.warn),
    Fault("debug left on", {"DEBUG": "true"}, "settings.debug", V.settings, State.warn),
    Fault("obsolete variable", {"QUEUE_BACKEND": "sqs"}, "settings.obsolete", V.settings, State.warn),
    Fault("misspelt variable", {"AI_SQS_QUEUE_NAME_PREMIUMS": "x", "AI_SQS_QUEUE_NAME_PREMIUM": ""},
          "settings.misspelt", V.settings, State.warn),
    Fault("pasted line end", {"REDIS_PASSWORD": "{redis}\n"}, "settings.padded", V.settings, State.warn),
)  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_wrong_variable_is_found_as_the_one_root_cause(steady_env: Env, fault: Fault) -> None:
    nobody = str(free_ports(1)[0])
    known = {"{port}": nobody, "{redis}": steady_env["REDIS_PASSWORD"], "{bucket}": steady_env["R2_BUCKET"]}
    wrong = {
        name: next((text.replace(mark, value) for mark, value in known.items() if mark in text), text)
        for name, text in fault.env.items()
    }
    found = diagnosed({**steady_env, **wrong})
    assert [one.code for one in roots(found.findings)][:1] == [fault.code]
    assert (found.verdict, found.state) == (fault.verdict, fault.state)
    assert len(red(found)) == (1 if fault.state is State.fail else 0), [one.key for one in red(found)]
    assert exit_code(found.state) == (1 if fault.state is State.fail else 0)
    assert found.root is not None
    assert found.root.evidence


def test_the_right_name_of_a_misspelt_queue_is_given(steady_env: Env) -> None:
    right = steady_env["VIDEO_SQS_QUEUE_NAME"]
    found = diagnosed({**steady_env, "VIDEO_SQS_QUEUE_NAME": right.replace("video", "vidio")}, ["settings", "sqs"])
    assert found.verdict is Verdict.settings
    assert [one.code for one in red(found)] == ["sqs.queue-name"]
    assert found.root is not None
    assert found.root.value("variable") == "VIDEO_SQS_QUEUE_NAME"
    assert found.root.value("near").endswith("-video")


def _key_with(stack: LocalStack, name: str, actions: list[str]) -> tuple[str, str]:
    """A user's key that may do these actions and nothing else."""
    secrets = stack.state().secrets
    iam = client_factory(
        region="ap-northeast-2", endpoint_url=stack.env()["AWS_ENDPOINT_URL"],
        access_key=secrets["root_key"], secret_key=secrets["root_secret"],
    )("iam")  # fmt: skip
    policy: dict[str, Any] = {
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
    }  # fmt: skip
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="some", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


@pytest.mark.parametrize(
    ("actions", "code", "verdict"),
    [
        (["s3:*"], "sqs.denied", Verdict.settings),
        (["sqs:ListQueues"], "sqs.queue-unseen", Verdict.cannot_tell),
        (["sqs:ListQueues", "sqs:GetQueueUrl"], "sqs.queue-unseen", Verdict.cannot_tell),
        (["sqs:GetQueueUrl", "sqs:GetQueueAttributes"], "", Verdict.healthy),
    ],
    ids=["nothing", "list alone", "no attributes", "enough without listing"],
)
def test_a_missing_right_is_told_apart(
    steady_env: Env, stack: LocalStack, actions: list[str], code: str, verdict: Verdict
) -> None:
    key, hidden = _key_with(stack, f"diag-{actions}".translate({ord(char): "" for char in "[]' ,:*"}), actions)
    found = diagnosed({**steady_env, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": hidden}, ["sqs"])
    assert found.verdict is verdict
    assert {one.code for one in roots(found.findings)} == ({code} if code else set())


def test_a_key_that_may_not_list_buckets_is_denied_and_not_wrong(steady_env: Env, stack: LocalStack) -> None:
    key, hidden = _key_with(stack, "diag-no-s3", ["sqs:*"])
    found = diagnosed({**steady_env, "R2_ACCESS_KEY": key, "R2_SECRET_KEY": hidden}, ["r2"])
    assert [one.code for one in red(found)] == ["r2.denied"]


def test_dead_letters_are_a_warning_about_data(platform_env: Env, stores: Stores) -> None:
    queue = stores.settings.queues.video
    stores.sqs.send(f"{queue}-dlq", "{}")
    found = diagnosed(platform_env)
    assert [one.key for one in roots(found.findings)] == [f"sqs.dead-letters={queue}-dlq"]
    assert (found.verdict, found.state) == (Verdict.data, State.warn)
    assert (exit_code(found.state), exit_code(found.state, fail_on_warn=True)) == (0, 4)


def test_messages_that_nobody_takes_are_a_matter_of_capacity(platform_env: Env, stores: Stores) -> None:
    queue = stores.settings.queues.video
    stores.sqs.send(queue, "{}")
    found = diagnosed(platform_env, ["sqs"])
    assert [one.code for one in roots(found.findings)] == ["sqs.not-consumed"]
    stores.sqs.send(queue, "{}")
    assert stores.sqs.receive(queue, max_messages=1, wait_s=1, visibility_s=60)
    assert diagnosed(platform_env, ["sqs"]).verdict is Verdict.healthy


def test_drift_and_a_missing_dead_letter_queue_are_seen(platform_env: Env, stores: Stores) -> None:
    queue = stores.settings.queues.video
    client: Any = stores.sqs._client
    client.set_queue_attributes(QueueUrl=stores.sqs.url(queue), Attributes={"VisibilityTimeout": "31"})
    found = diagnosed(platform_env, ["sqs"])
    assert [one.code for one in roots(found.findings)] == ["sqs.drift"]
    assert "VisibilityTimeout=31" in str(found.root)
    dlq = client.get_queue_attributes(QueueUrl=stores.sqs.url(f"{queue}-dlq"), AttributeNames=["All"])["Attributes"]
    stores.sqs.remove(f"{queue}-dlq")
    found = diagnosed(platform_env, ["sqs"])
    assert [one.code for one in red(found)] == ["sqs.dlq-missing"]
    # The fixture removes it in the end.
    stores.sqs.create(f"{queue}-dlq", {"MessageRetentionPeriod": dlq["MessageRetentionPeriod"]})


def test_a_column_that_a_migration_would_add_is_missed(platform_env: Env, stores: Stores) -> None:
    stores.db.execute("ALTER TABLE video_video RENAME COLUMN leased_by TO leased_by_old")
    found = diagnosed(platform_env, ["db"])
    assert [one.code for one in red(found)] == ["db.schema-behind"]
    assert found.root is not None
    assert found.root.value("missing") == "video_video.leased_by"
    assert found.verdict is Verdict.code


def test_a_database_that_only_reads_is_no_place_to_work(platform_env: Env, stores: Stores) -> None:
    name = platform_env["DB_NAME"]
    stores.db.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    found = diagnosed(platform_env, ["db"])
    assert [one.code for one in red(found)] == ["db.read-only"]


def test_the_lock_that_a_sent_text_leaves_behind_is_nobodys_trouble(platform_env: Env, stores: Stores) -> None:
    owner = {"token": "host-9:77:3", "host": "i-0ab", "pid": 77}
    stores.redis.acquire(keys.messaging_lock("a1dcb642"), json.dumps(owner), 1_800_000)
    assert diagnosed(platform_env, ["redis"]).state is State.ok


def test_locks_are_told_with_their_owner(platform_env: Env, stores: Stores) -> None:
    owner = {"token": "host-9:77:3", "host": "i-0ab", "pid": 77, "since": "2026-02-17T03:00:00+00:00"}
    stores.redis.acquire(keys.encode_lock(7), "1", 14_400_000)
    stores.redis.acquire(keys.encode_lock(111), json.dumps(owner), 60_000)
    found = diagnosed(platform_env, ["redis"])
    assert [one.key for one in roots(found.findings)] == [f"redis.lock-orphan={keys.encode_lock(111)}"]
    assert found.root is not None
    assert "i-0ab (pid 77)" in found.root.evidence[0].value
    assert (found.verdict, found.state) == (Verdict.data, State.warn)
    # Its worker beats: the lock is owned, and the legacy one's owner is merely unknown.
    stores.redis.set(keys.worker_heartbeat("video", "host-9:77"), "{}", ttl_s=60)
    assert diagnosed(platform_env, ["redis"]).verdict is Verdict.healthy


def test_a_lock_that_never_expires_is_told(platform_env: Env, stores: Stores) -> None:
    stores.redis.set(keys.encode_lock(5), "1")
    found = diagnosed(platform_env, ["redis"])
    assert [one.code for one in roots(found.findings)] == ["redis.lock-endless"]


def test_a_policy_that_may_drop_locks_is_told(platform_env: Env, stores: Stores) -> None:
    with stores.redis._call() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        found = diagnosed(platform_env, ["redis"])
    finally:
        with stores.redis._call() as client:
            client.config_set("maxmemory-policy", "noeviction")
    assert [one.code for one in roots(found.findings)] == ["redis.evicts"]


def test_a_worker_that_is_not_set_up_here_is_no_fault(steady_env: Env) -> None:
    env = {name: value for name, value in steady_env.items() if not name.startswith("SOLAPI_")}
    found = diagnosed(env, ["settings"])
    assert found.verdict is Verdict.healthy
    assert "messaging" in str(next(one for one in found.findings if one.code == "settings.required").values)


def test_no_secret_reaches_a_finding_or_a_saved_file(steady_env: Env) -> None:
    hidden = ("_PASSWORD", "_SECRET_ACCESS_KEY", "_SECRET_KEY", "_API_SECRET", "_TOKEN")
    secrets = [value for name, value in steady_env.items() if name.endswith(hidden)]
    assert len(secrets) == 6
    changes: list[Env] = [{}, {"DB_NAME": "postgres"}, {"REDIS_DB": "99999"}, {"AWS_REGION": steady_env["DB_PASSWORD"]}]
    for change in changes:
        found = diagnosed({**steady_env, **change})
        said = str(found) + _snapshot.dumps(found.snapshot)
        assert not any(secret in said for secret in secrets)


def test_a_weak_secret_that_is_a_part_of_names_does_not_make_them_unreadable(steady_env: Env) -> None:
    found = diagnosed({**steady_env, "INTERNAL_WORKER_TOKEN": "academy"}, ["sqs"])
    assert found.verdict is Verdict.healthy
    assert "academy-ai-jobs-basic" in str(found)


def test_settings_of_the_embedded_stack_are_known_as_such(stack: LocalStack) -> None:
    from checks._engine import take
    from checks._topics import chosen

    topics = chosen(("settings",))
    assert take(topics, load({}, profile="local", overlay=stack.env()), {}).local
    assert not take(topics, load(stack.env()), stack.env()).local
