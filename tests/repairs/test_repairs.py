"""A repair says what it changes, does it only while that is still so, and says how back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from academyctl.contract import keys
from academyctl.contract.messages import VideoEncode, parse_video
from academyctl.errors import AwsError, ConfigError
from academyctl.repairs import (
    Changed,
    DeleteKey,
    DropLease,
    Halfway,
    Repair,
    ResetVideo,
    SendEncode,
    SetFlag,
    apply,
    audit_path,
)
from academyctl.stores import Stores
from tests.conftest import make_video

LOCK = keys.encode_lock(7)


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_key_is_deleted_only_with_the_value_that_the_plan_showed(stores: Stores) -> None:
    stores.redis.set(LOCK, "someone", ttl_s=60)
    stale = DeleteKey(LOCK, "someone else", 60000)
    with pytest.raises(Changed, match="was not deleted"):
        stale.do(stores)
    assert stores.redis.get(LOCK) == "someone"
    DeleteKey(LOCK, "someone", 60000).do(stores)
    assert stores.redis.get(LOCK) is None


def test_a_key_that_a_run_keeps_rewriting_can_be_deleted_whatever_it_holds(stores: Stores) -> None:
    stores.redis.set(LOCK, "new")
    DeleteKey(LOCK, "old", -1, exact=False).do(stores)
    assert stores.redis.get(LOCK) is None


def test_a_deleted_key_can_be_brought_back_with_its_lifetime() -> None:
    repair = DeleteKey(LOCK, '{"token": "a b"}', 61500)
    assert str(repair) == f'delete Redis key {LOCK} = {{"token": "a b"}} (expires in 62 s)'
    assert repair.undo == f"""redis-cli SET {LOCK} '{{"token": "a b"}}' PX 61500"""
    assert "no expiry" in str(DeleteKey(LOCK, "1", -1))
    assert "PX" not in DeleteKey(LOCK, "1", -1).undo


def test_a_flag_expires_by_itself(stores: Stores) -> None:
    flag = SetFlag(keys.video_cancel(1, 7), 300)
    flag.do(stores)
    assert stores.redis.get(flag.key) == "1"
    assert 295 <= stores.redis.ttl(flag.key) <= 300
    assert "300 s" in str(flag)
    assert flag.undo == f"redis-cli DEL {flag.key}"


def test_only_the_lease_that_the_plan_showed_is_cleared(stores: Stores) -> None:
    until = datetime.now(UTC) + timedelta(seconds=50)
    row = make_video(stores, status="PROCESSING", leased_by="host:1:ab:cd", leased_until=until)
    with pytest.raises(Changed, match="was not cleared"):
        DropLease(row.id, "host:2:ab:cd", until).do(stores)
    repair = DropLease(row.id, "host:1:ab:cd", until)
    repair.do(stores)
    after = stores.videos.row(row.id)
    assert after is not None
    assert (after.leased_by, after.leased_until, after.status) == ("", None, "PROCESSING")
    with stores.db.tx() as cursor:
        assert cursor.execute(repair.undo.encode()).rowcount == 1
    again = stores.videos.row(row.id)
    assert again is not None
    assert (again.leased_by, again.leased_until) == ("host:1:ab:cd", until)


def test_a_video_is_reset_only_from_the_status_that_the_plan_showed(stores: Stores) -> None:
    row = make_video(stores, status="FAILED", error_reason="it's broken")
    with pytest.raises(Changed, match="it is FAILED, it was PROCESSING"):
        ResetVideo(row.id, "PROCESSING", "").do(stores)
    repair = ResetVideo(row.id, "FAILED", "it's broken")
    repair.do(stores)
    after = stores.videos.row(row.id)
    assert after is not None
    assert (after.status, after.error_reason) == ("UPLOADED", "")
    with stores.db.tx() as cursor:
        assert cursor.execute(repair.undo.encode()).rowcount == 1
    again = stores.videos.row(row.id)
    assert again is not None
    assert (again.status, again.error_reason) == ("FAILED", "it's broken")


def test_a_video_that_is_gone_is_told(stores: Stores) -> None:
    with pytest.raises(Changed, match="it is gone"):
        ResetVideo(999999, "FAILED", "").do(stores)


def test_an_encode_message_is_the_apis(stores: Stores) -> None:
    queue = stores.settings.queues.video
    SendEncode(7, 3, "tenants/3/video/raw/5/a.mp4", "demo", queue).do(stores)
    (message,) = stores.sqs.receive(queue, wait_s=2)
    job = parse_video(message.body)
    assert isinstance(job, VideoEncode)
    assert (job.video_id, job.tenant_id, job.file_key, job.tenant_code) == (7, 3, "tenants/3/video/raw/5/a.mp4", "demo")
    assert list(json.loads(message.body)) == [
        "video_id",
        "file_key",
        "tenant_id",
        "tenant_code",
        "created_at",
        "attempt",
    ]


def test_each_applied_repair_leaves_one_line_with_its_undo(stores: Stores, tmp_path: Path) -> None:
    audit = tmp_path / "state" / "audit.jsonl"
    stores.redis.set(LOCK, "1")
    done: list[Repair] = []
    repairs: list[Repair] = [DeleteKey(LOCK, "1", -1), SetFlag(keys.video_cancel(1, 7), 300)]
    apply(repairs, stores, audit, on_done=done.append)
    assert done == repairs
    assert [(line["change"], line["undo"], line["result"]) for line in lines(audit)] == [
        (str(repair), repair.undo, "done") for repair in repairs
    ]
    assert all(datetime.fromisoformat(line["at"]).tzinfo for line in lines(audit))


def test_a_plan_that_stops_in_the_middle_says_what_was_done_and_what_was_not(stores: Stores, tmp_path: Path) -> None:
    row = make_video(stores, status="FAILED")
    reset = ResetVideo(row.id, "FAILED", row.error_reason)
    send = SendEncode(row.id, row.tenant_id, row.file_key, row.tenant_code, "no-such-queue")
    audit = tmp_path / "audit.jsonl"
    with pytest.raises(Halfway) as caught:
        apply([reset, send], stores, audit)
    assert caught.value.done == (reset,)
    assert caught.value.left == (send,)
    assert isinstance(caught.value.cause, AwsError)
    assert caught.value.exit_code == caught.value.cause.exit_code == 3
    assert f"  done: {reset}" in str(caught.value)
    assert f"  not done: {send}" in str(caught.value)
    assert [line["result"].split(":")[0] for line in lines(audit)] == ["done", "failed"]


class Interrupted(SetFlag):
    def do(self, stores: Stores) -> None:
        super().do(stores)
        raise KeyboardInterrupt


def test_a_change_that_was_interrupted_is_on_record(stores: Stores, tmp_path: Path) -> None:
    audit, flag = tmp_path / "audit.jsonl", Interrupted(keys.video_cancel(1, 7), 300)
    with pytest.raises(KeyboardInterrupt):
        apply([flag], stores, audit)
    [line] = lines(audit)
    assert (line["undo"], line["result"]) == (flag.undo, "stopped (KeyboardInterrupt): it may be done")


def test_nothing_is_changed_when_the_audit_file_cannot_be_written(stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    stores.redis.set(LOCK, "1")
    with pytest.raises(ConfigError, match="audit file"):
        apply([DeleteKey(LOCK, "1", -1)], stores, tmp_path / "file" / "audit.jsonl")
    assert stores.redis.get(LOCK) == "1"


@pytest.mark.parametrize(
    ("platform", "environ", "path"),
    [
        ("linux", {"XDG_STATE_HOME": "/s"}, Path("/s/academyctl/audit.jsonl")),
        ("linux", {}, Path.home() / ".local" / "state" / "academyctl" / "audit.jsonl"),
        ("win32", {"LOCALAPPDATA": "/l"}, Path("/l/academyctl/audit.jsonl")),
    ],
)
def test_the_audit_file_lies_in_the_users_state_folder(platform: str, environ: dict[str, str], path: Path) -> None:
    assert audit_path(environ, platform=platform) == path
