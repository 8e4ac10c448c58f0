"""Every next command that a finding proposes is run here, and does what the finding says of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from academyctl.contract import keys
from academyctl.stores import Stores
from checks._engine import diagnose, kinds
from checks._model import Diagnosis, State
from checks._texts import Shell, worded
from checks._topics import chosen
from tests.checks import facts as f
from tests.checks.platform import diagnosed
from tests.conftest import make_video
from tests.fleet import OwnFleet
from tests.platform_rows import make_ai_job
from tests.video_commands.conftest import Cli

Env = dict[str, str]
KINDS = kinds(f.TOPICS)
# What looks: command -> its exit codes on a platform where a part is wrong, and what its answer must hold.
LOOKS: dict[str, tuple[tuple[int, ...], str]] = {
    "academyctl config show": ((0,), "AWS_REGION"),
    "academyctl config show --changed": ((0,), "VIDEO_SQS_QUEUE_NAME"),
    "academyctl config show --section {section}": ((0,), "{section}"),
    "academyctl diagnose": ((0, 1), "verdict"),
    "academyctl diagnose {topic}": ((0, 1), "{topic}"),
    "academyctl diagnose {topic} --timeout 30": ((0, 1), "{topic}"),
    "academyctl diagnose scaling lambda": ((0, 1), "lambda"),
    "academyctl diagnose sqs lambda": ((0, 1), "lambda"),
    "academyctl diagnose db redis": ((0, 1), "redis"),
    "academyctl asg show {role}": ((0,), "desired"),
    "academyctl queue peek {queue} --dlq": ((0,), "given up by SQS"),
    "academyctl video status {id}": ((0, 1), "FAILED"),
    "academyctl video verify {id}": ((1,), "FAILED"),
    "academyctl worker list": ((0, 1), "worker"),
    "academyctl job list --status FAILED --since 24h": ((0,), "no header row"),
    "academyctl job status {jobs}": ((0,), "no header row"),
    "academyctl job retry {jobs}": ((0,), "PENDING"),
    "academyctl playbook show {name}": ((0,), "##"),
    "academyctl message list --state unknown": ((0,), "no such text"),
    "academyctl message list --state open": ((0,), "no such text"),
    "academyctl message redrive --tenant {subject} --reason insufficient_balance": ((0,), "no dead letter goes back"),
    "academyctl credit ledger {subject}": ((0,), ""),
    "academyctl db migrate": ((0,), "all of academyctl's tables"),
}
# What changes something, or what a test of another folder runs whole: the local stack's own tests, the workers' tests.
DOES = {
    "academyctl asg set {role} --desired 1", "academyctl asg set {role} --max {wanted}",
    "academyctl asg set {role} --desired {more}", "academyctl fix video {id}",
    "academyctl video unlock {id}", "set {name}",
}  # fmt: skip
ELSEWHERE = {
    "academyctl local up", "academyctl --yes local reset", "academyctl worker run video",
    "academyctl scaling plan outstanding --role {role}", "academyctl ecr check", "academyctl lambda logs sqs-to-batch",
    "academyctl queue create analysis", "academyctl queue tune analysis", "academyctl alarm apply analysis",
}  # fmt: skip
SECTIONS = ("aws", "queues", "redis", "db", "r2", "ai", "solapi", "fleet", "messaging")
VALUES = {
    "{section}": SECTIONS,
    "{topic}": tuple(topic.name for topic in f.TOPICS),
    "{role}": ("video", "ai", "messaging"),
    "{name}": ("messages-not-arriving", "roster-import-failed"),
}


def _family(line: str) -> str:
    """The command with what varies taken out, so that every proposal of a judge is one of the few above."""
    if line.startswith("set "):
        return "set {name}"
    line = re.sub(r"--section \S+", "--section {section}", line)
    line = re.sub(r"^(academyctl asg \w+) \S+", r"\1 {role}", line)
    line = re.sub(r"^academyctl playbook show \S+", "academyctl playbook show {name}", line)
    line = re.sub(r"^academyctl queue peek \S+", "academyctl queue peek {queue}", line)
    words = line.split()
    if (
        words[:2] == ["academyctl", "diagnose"]
        and len([one for one in words[2:] if one[0] != "-" and one[0] > "9"]) == 1
    ):
        line = " ".join(["academyctl diagnose {topic}", *words[3:]])
    return line


def test_every_proposed_command_is_one_that_is_run_here_or_in_its_own_tests() -> None:
    proposed = {line for kind in KINDS.values() for line in (*kind.commands, *kind.local_commands)}
    assert {_family(line) for line in proposed} - set(LOOKS) - DOES == ELSEWHERE


def test_no_failure_leaves_the_operator_without_a_command() -> None:
    assert [code for code, kind in KINDS.items() if kind.state is State.fail and not kind.commands] == []


@pytest.fixture
def troubled(stores: Stores) -> Env:
    """A platform on which something is wrong; the ids of its failed video and failed job, its academy's code."""
    job = make_ai_job(stores, status="FAILED", error_message="no header row")
    stores.sqs.send(f"{stores.settings.queues.video}-dlq", "{}")
    video = make_video(stores, status="FAILED", error_reason="ffmpeg: broken")
    [tenant] = stores.db.query("SELECT code FROM core_tenant")
    return {"{id}": str(video.id), "{jobs}": job, "{subject}": tenant["code"]}


def test_every_command_that_looks_answers_about_what_it_was_asked(platform_env: Env, cli: Cli, troubled: Env) -> None:
    for template, (codes, held) in LOOKS.items():
        mark = next((mark for mark in VALUES if mark in template), "")
        # One value of each kind goes through every command, every value through the command that only reads settings.
        values = VALUES.get(mark, ("",)) if mark in ("{section}", "{name}", "{role}") else VALUES.get(mark, ("",))[:1]
        for value in values:
            known = {
                "{queue}": platform_env["VIDEO_SQS_QUEUE_NAME"],
                **troubled,
                **({mark: value} if mark else {}),
            }
            line, wanted = template, held
            for name, text in known.items():
                line, wanted = line.replace(name, text), wanted.replace(name, text)
            ran = cli(*line.split()[1:])
            assert ran.code in codes, (line, ran)
            assert wanted in ran.out, (line, ran.out)


SETS: tuple[tuple[str, Env, str], ...] = (
    ("misspelt queue", {"VIDEO_SQS_QUEUE_NAME": "{VIDEO_SQS_QUEUE_NAME}s"}, "sqs.queue-name"),
    ("misspelt bucket", {"R2_BUCKET": "{R2_BUCKET}5", "R2_VIDEO_BUCKET": "{R2_BUCKET}5"}, "r2.bucket-name"),
    ("misspelt database", {"DB_NAME": "academyy"}, "db.name-near"),
    ("misspelt region", {"AWS_REGION": "ap-northeast2", "AWS_ENDPOINT_URL": ""}, "aws.region-unknown"),
    ("no scheme", {"AWS_ENDPOINT_URL": "127.0.0.1:1"}, "settings.endpoint-odd"),
    ("mock left on", {"SOLAPI_MOCK": "true"}, "settings.solapi-mock"),
    ("debug left on", {"DEBUG": "true"}, "settings.debug"),
)


@pytest.mark.parametrize(("wrong", "code"), [one[1:] for one in SETS], ids=[one[0] for one in SETS])
def test_a_variable_set_as_proposed_ends_the_finding(steady_env: Env, wrong: Env, code: str) -> None:
    topics = ("settings", "aws", code.partition(".")[0])
    broken = {**steady_env, **{name: text.format(**steady_env) for name, text in wrong.items()}}
    found = diagnosed(broken, topics, timeout_s=4)
    assert code in _codes(found)
    for line in _commands(found, code):
        verb, _, rest = line.partition(" ")
        if verb == "export":
            name, _, value = rest.partition("=")
            broken[name] = value.strip("'")
    assert code not in _codes(diagnosed(broken, topics, timeout_s=4))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"MaxSize": 1}, "scaling.max-one"),
        ({"MinSize": 0, "DesiredCapacity": 0}, "scaling.nobody"),
        ({"MaxSize": 20}, "scaling.holds-back"),
    ],
)
def test_a_group_resized_as_proposed_ends_the_finding(
    fleet: OwnFleet, cli: Cli, changes: dict[str, int], code: str
) -> None:
    cli.set(**fleet.env)
    fleet.group("video", **changes)
    fleet.wait(3, taken=0 if code == "scaling.nobody" else 1)
    if code == "scaling.holds-back":
        fleet.waited(1200)
    topics = ("sqs", "scaling", "lambda", "batch")
    found = diagnosed(fleet.env, topics)
    assert code in _codes(found)
    line = next(line for line in _commands(found, code) if " asg set " in line)
    assert cli(*line.split()[1:]).code == 0
    assert code in _codes(diagnosed(fleet.env, topics)), "without --apply nothing is changed"
    assert cli(*line.split()[1:], "--apply").code == 0
    assert code not in _codes(diagnosed(fleet.env, topics))


def test_a_video_mended_as_proposed_ends_the_finding(platform_env: Env, stores: Stores, cli: Cli) -> None:
    video = make_video(stores, status="UPLOADED", updated_at=datetime.now(UTC) - timedelta(hours=1))
    stores.r2.put(stores.settings.r2.video_bucket, video.file_key, b"upload")
    owner = '{"token": "gone:1:1", "host": "i-0ab", "pid": 1, "since": "2026-02-17T03:00:00+00:00"}'
    stores.redis.acquire(keys.encode_lock(video.id), owner, 14_400_000)
    found = diagnosed(platform_env, ["redis", "video"])
    line = next(line for line in _commands(found, "video.lock-orphan") if " fix video " in line)
    assert cli(*line.split()[1:], "--apply").code == 0
    assert not _codes(diagnosed(platform_env, ["redis", "video"])) & {"video.lock-orphan", "redis.lock-orphan"}
    assert stores.sqs.attributes(stores.settings.queues.video).visible == 1


def test_a_lock_removed_as_proposed_ends_the_finding(platform_env: Env, stores: Stores, cli: Cli) -> None:
    stores.redis.set(keys.encode_lock(5), "1")
    line = next(one for one in _commands(diagnosed(platform_env, ["redis"]), "redis.lock-endless") if "unlock" in one)
    assert cli(*line.split()[1:], "--apply").code == 0
    assert "redis.lock-endless" not in _codes(diagnosed(platform_env, ["redis"]))


def _codes(found: Diagnosis) -> set[str]:
    return {one.code for one in found.findings}


def _commands(found: Diagnosis, code: str) -> list[str]:
    judged = diagnose(chosen(tuple(found.snapshot.topics)), found.snapshot)
    said = worded(judged.findings, "en", KINDS, shell=Shell(), local=False)
    return [line for one in said if one.code == code for line in one.commands]
