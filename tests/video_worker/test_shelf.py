"""Where a run's objects go, and that only the owner's playlists end up live."""

from __future__ import annotations

import pytest

from academyctl.errors import AwsError, LeaseLost
from academyctl.stores import Stores
from academyctl.stores.r2 import R2
from tests.video_worker.tools import names
from workers.video.shelf import Shelf

FOLDER = "tenants/1/video/hls/1/"


@pytest.fixture
def bucket(stores: Stores) -> str:
    return stores.settings.r2.video_bucket


def open_shelf(stores: Stores, token: str) -> Shelf:
    return Shelf.open(stores.r2, stores.settings.r2.video_bucket, FOLDER, token)


def ours() -> None:
    """The lease is ours."""


def lost() -> None:
    raise LeaseLost("another worker has it")


def test_a_first_encode_uses_the_contracts_plain_names(stores: Stores) -> None:
    shelf = open_shelf(stores, "a")
    assert shelf.segment_key("v1", "index0.ts") == FOLDER + "v1/index0.ts"
    assert shelf.prefix == ""


def test_a_neighbours_objects_do_not_make_a_folder_used(stores: Stores, bucket: str) -> None:
    """Video 1 next to 10 and 12 (defect 1)."""
    stores.r2.put(bucket, "tenants/1/video/hls/10/master.m3u8", b"x")
    stores.r2.put(bucket, "tenants/1/video/hls/12/v1/index0.ts", b"x")
    assert open_shelf(stores, "a").sub == ""


def test_a_run_that_finds_anything_never_reuses_a_segments_name(stores: Stores, bucket: str) -> None:
    """Segments are cached for a year as immutable: the same name must mean the same bytes."""
    stores.r2.put(bucket, FOLDER + "v1/index0.ts", b"left behind")
    first, second = open_shelf(stores, "a"), open_shelf(stores, "b")
    seen = {shelf.segment_key("v1", "index0.ts") for shelf in (first, second)}
    assert len(seen) == 2
    assert FOLDER + "v1/index0.ts" not in seen
    assert first.segment_key("v1", "index0.ts") == f"{FOLDER}v1/{first.prefix}index0.ts"
    assert len(first.sub) == 8


def test_a_paused_earlier_run_cannot_put_its_playlist_over_the_finished_one(stores: Stores, bucket: str) -> None:
    paused = open_shelf(stores, "paused")
    paused.swap("master.m3u8", "early", ours)
    winner = open_shelf(stores, "winner")
    winner.swap("master.m3u8", "finished", ours)
    with pytest.raises(LeaseLost):
        paused.swap("master.m3u8", "late", lost)
    assert stores.r2.read(bucket, FOLDER + "master.m3u8") == b"finished"


def test_a_paused_run_cannot_create_a_playlist_that_another_has_created(stores: Stores, bucket: str) -> None:
    paused = open_shelf(stores, "paused")
    open_shelf(stores, "winner").swap("v1/index.m3u8", "finished", ours)
    with pytest.raises(LeaseLost):
        paused.swap("v1/index.m3u8", "late", lost)
    assert names(stores, FOLDER) == ["v1/index.m3u8"]


def test_the_owner_replaces_what_an_earlier_run_wrote_with_its_last_breath(stores: Stores, bucket: str) -> None:
    owner = open_shelf(stores, "owner")
    stores.r2.put(bucket, FOLDER + "master.m3u8", b"last breath")
    owner.swap("master.m3u8", "finished", ours)
    assert stores.r2.read(bucket, FOLDER + "master.m3u8") == b"finished"


def test_the_owner_puts_a_playlist_back_that_was_deleted_meanwhile(stores: Stores, bucket: str) -> None:
    owner = open_shelf(stores, "owner")
    owner.swap("master.m3u8", "one", ours)
    stores.r2.delete(bucket, [FOLDER + "master.m3u8"])
    owner.swap("master.m3u8", "two", ours)
    assert stores.r2.read(bucket, FOLDER + "master.m3u8") == b"two"


def test_a_put_whose_answer_was_lost_is_recognised_as_our_own(stores: Stores, bucket: str) -> None:
    class Lossy(R2):
        puts = 0

        def put(self, bucket: str, key: str, body: object, *, replacing: str | None = None) -> str:
            self.puts += 1
            etag = super().put(bucket, key, body, replacing=replacing)  # type: ignore[arg-type]
            if self.puts == 1:
                raise AwsError("no answer", code="PreconditionFailed")
            return etag

    r2 = Lossy(stores.settings.r2)
    shelf = Shelf.open(r2, bucket, FOLDER, "a")
    shelf.swap("master.m3u8", "text", ours)
    assert r2.puts == 1
    shelf.swap("master.m3u8", "next", lost)
    assert stores.r2.read(bucket, FOLDER + "master.m3u8") == b"next"
