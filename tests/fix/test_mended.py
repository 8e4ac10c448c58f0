"""Each verdict that `fix video` mends: one message afterwards, a row that a worker may claim, and a way back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from academyctl.cli._fix_video import look
from academyctl.stores import Stores
from academyctl.stores.videos import Claim, VideoRow
from academyctl.video_fixes import plan_fix
from tests.fix import conftest as s
from tests.fix.conftest import Left, left, stuck, taken, undo
from tests.video_commands.conftest import Cli

Make = Callable[[Stores], VideoRow]


def lock_orphan(stores: Stores) -> VideoRow:
    row = stuck(stores, "PROCESSING", **s.dead_lease())
    s.lock(stores, row)
    s.cancel(stores, row)
    return row


def lock_orphan_with_its_message_dead(stores: Stores) -> VideoRow:
    row = lock_orphan(stores)
    s.bury(stores, row)
    return row


def lock_dead_worker(stores: Stores) -> VideoRow:
    row = stuck(stores, "PROCESSING", **s.dead_lease())
    s.lock(stores, row)
    s.send(stores, row)
    return row


def legacy_lock(stores: Stores) -> VideoRow:
    row = stuck(stores, "UPLOADED")
    s.lock(stores, row, "1")
    return row


def cancel_eats_retries(stores: Stores) -> VideoRow:
    row = stuck(stores, "UPLOADED")
    s.cancel(stores, row)
    return row


def cancel_with_a_message(stores: Stores) -> VideoRow:
    row = cancel_eats_retries(stores)
    s.send(stores, row)
    return row


def dead_letter(stores: Stores) -> VideoRow:
    """A worker was killed until SQS gave up: nobody has told the row."""
    row = stuck(stores, "PROCESSING", **s.dead_lease())
    s.bury(stores, row)
    return row


def no_owner(stores: Stores) -> VideoRow:
    return stuck(stores, "PROCESSING")


def lost(stores: Stores) -> VideoRow:
    return stuck(stores, "UPLOADED")


def failed(stores: Stores) -> VideoRow:
    row = stuck(stores, "FAILED", error_reason="ffmpeg: it's broken")
    s.shown(stores, row)
    return row


def failed_with_a_letter(stores: Stores) -> VideoRow:
    row = failed(stores)
    s.bury(stores, row)
    return row


def failed_disk(stores: Stores) -> VideoRow:
    return stuck(stores, "FAILED", error_reason="No space left on device")


def broken(stores: Stores) -> VideoRow:
    return stuck(stores, "READY")


MENDED: tuple[tuple[Make, str], ...] = (
    (lock_orphan, "lock-orphan"),
    (lock_orphan_with_its_message_dead, "lock-orphan"),
    (legacy_lock, "legacy-lock"),
    (cancel_eats_retries, "cancel-eats-retries"),
    (dead_letter, "dead-letter"),
    (no_owner, "no-owner"),
    (lost, "lost"),
    (failed, "failed"),
    (failed_with_a_letter, "failed"),
    (failed_disk, "failed-disk"),
    (broken, "broken"),
)


@pytest.mark.parametrize(("make", "code"), MENDED, ids=lambda value: getattr(value, "__name__", ""))
def test_a_mended_video_has_one_message_and_can_be_claimed(cli: Cli, stores: Stores, make: Make, code: str) -> None:
    row = make(stores)
    before = left(stores, row)
    [found] = look(stores, [row.id])
    planned = plan_fix(found).repairs
    assert (found.code, left(stores, row)) == (code, before), "a look changes nothing"

    ran = cli("fix", "video", row.id, "--apply", "-o", "json")
    told = ran.json["videos"][0]
    assert (ran.code, told["verdict"], told["done"], told["error"]) == (0, f"video.{code}", True, None)
    assert [_kind(one["change"]) for one in told["changes"]] == [_kind(str(repair)) for repair in planned]
    assert left(stores, row) == Left("UPLOADED", "", "", None, None, None, visible=1, dead=0)

    [after] = look(stores, [row.id])
    assert after.code in ("may-be-queued", "no-worker"), "a second fix has nothing to do"

    assert taken(stores) == [row.id]
    assert stores.videos.claim(row.id, row.tenant_id, "w:1:a:b", lease_s=60).claim is Claim.CLAIMED


def _kind(change: str) -> str:
    """A change without its lifetimes, which run."""
    return change.partition(" (expires")[0]


@pytest.mark.parametrize("make", [lock_dead_worker, cancel_with_a_message])
def test_a_video_whose_message_is_still_there_gets_no_second_one(cli: Cli, stores: Stores, make: Make) -> None:
    row = make(stores)
    before = left(stores, row)
    ran = cli("fix", "video", row.id, "--apply")
    assert ran.code == 0
    assert "comes back by itself" in ran.out
    assert left(stores, row) == replace(before, lock=None, cancel=None, leased_by="")
    assert taken(stores) == [row.id]


@pytest.mark.parametrize("make", [lock_orphan, failed, dead_letter, broken])
def test_the_undo_commands_bring_the_state_before_back(cli: Cli, stores: Stores, make: Make) -> None:
    row = make(stores)
    before = left(stores, row)
    ran = cli("fix", "video", row.id, "--apply", "-o", "json")
    changes = ran.json["videos"][0]["changes"]
    undo(stores, [one["undo"] for one in reversed(changes)])
    after = left(stores, row)
    assert replace(after, visible=0, dead=0) == replace(before, visible=0, dead=0)


def test_the_plan_shows_the_values_before_and_the_lock_goes_first(cli: Cli, stores: Stores, tmp_path: Path) -> None:
    row = lock_orphan(stores)
    dry = cli("fix", "video", row.id)
    assert dry.code == 0
    would = [line.strip() for line in dry.out.splitlines() if line.startswith(("  only", "  would"))]
    assert [line.split()[1] for line in would] == ["while", "delete", "clear", "delete", "set", "send"]
    assert f"job:encode:{row.id}:lock = {{" in would[1]
    assert f"leased_by = {row.leased_by}" in would[2]
    assert "cancel_requested = 1 (expires in" in would[3]
    assert f"video {row.id} status PROCESSING -> UPLOADED" in would[4]
    assert f"redis-cli SET job:encode:{row.id}:lock" in dry.out
    assert dry.out.endswith("nothing was changed; to do it: --apply\n")
    assert cli("fix", "video", row.id, "--apply").code == 0
    [audit] = (tmp_path / "state").rglob("audit.jsonl")
    lines = [json.loads(line) for line in audit.read_text(encoding="utf-8").splitlines()]
    assert [line["result"] for line in lines] == ["done"] * 6


def test_a_dry_run_changes_nothing_and_a_second_apply_neither(cli: Cli, stores: Stores) -> None:
    row = lock_orphan(stores)
    before = left(stores, row)
    assert cli("fix", "video", row.id).code == 0
    assert left(stores, row) == before
    assert cli("fix", "video", row.id, "--apply").code == 0
    mended = left(stores, row)
    again = cli("fix", "video", row.id, "--apply")
    assert (again.code, left(stores, row)) == (0, mended)
    assert "nothing to do" in again.out


def test_each_id_has_its_own_plan_and_one_that_cannot_be_mended_stops_no_other(cli: Cli, stores: Stores) -> None:
    orphan, source = lock_orphan(stores), stuck(stores, "FAILED", upload=False, error_reason="ffmpeg: x")
    ran = cli("fix", "video", source.id, orphan.id, orphan.id, 999_999, "--apply", "-o", "json")
    assert ran.code == 1
    told = [(one["id"], one["done"], one["error"] and one["error"]["code"]) for one in ran.json["videos"]]
    assert told == [(source.id, False, "failed-source"), (orphan.id, True, None), (999_999, False, "absent")]
    assert all(one["error"]["remedy"] for one in ran.json["videos"] if one["error"])
    assert taken(stores) == [orphan.id]


def test_production_is_asked_first(cli: Cli, stores: Stores) -> None:
    row = lost(stores)
    cli.set(ACADEMYCTL_PRODUCTION="true")
    assert cli("fix", "video", row.id, "--apply").code == 2
    assert taken(stores) == []
    assert cli("--yes", "fix", "video", row.id, "--apply").code == 0
    assert taken(stores) == [row.id]
