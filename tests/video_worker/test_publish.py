"""Playlists name only what is up; what plays stays playable until the switch (contract 4; 11 #9, #44)."""

from __future__ import annotations

import os
import posixpath
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from academyctl.errors import AwsError
from academyctl.hls_playlist import Master, Media, parse
from academyctl.hls_verify import verify
from academyctl.media_tools import find_ffmpeg
from academyctl.stores import Stores
from academyctl.stores.r2 import Head
from academyctl.stores.videos import VideoRow
from tests.video_worker.tools import Bench, RecordingR2, RecordingStores
from workers._model import Done, Retry

Make = Callable[..., Bench]


@pytest.fixture
def recorded(bench: Make, stores: Stores) -> tuple[Bench, RecordingR2]:
    r2 = RecordingR2(stores.settings)
    return bench(RecordingStores(stores, r2=r2)), r2


def named(key: str, text: bytes) -> Iterable[str]:
    """The keys that a playlist names."""
    told = parse(text.decode())
    uris = (
        [part.uri for part in told.segments]
        if isinstance(told, Media)
        else [*(v.uri for v in told.variants), *(a.uri for a in told.audio)]
    )
    return [posixpath.normpath(posixpath.join(posixpath.dirname(key), uri)) for uri in uris]


def assert_always_playable(changes: Sequence[tuple[str, str, bytes]], there: Iterable[str] = ()) -> None:
    """Replay the changes: after each one, every playlist that is there names only what is there."""
    objects: dict[str, bytes] = dict.fromkeys(there, b"")
    for action, key, body in changes:
        if action == "put":
            objects[key] = body
        else:
            del objects[key]
        for playlist, text in objects.items():
            if playlist.endswith(".m3u8") and text:
                missing = [name for name in named(playlist, text) if name not in objects]
                assert missing == [], f"after {action} {key}"


def whole(at: Bench, row: VideoRow) -> bool:
    """Verified by the code that operators use, every rendition decoded."""
    report = verify(at.stores, at.row(row), ffmpeg=find_ffmpeg())
    assert report.problems == ()
    return True


def test_a_playlist_only_ever_names_what_is_up_and_the_master_comes_last(
    recorded: tuple[Bench, RecordingR2], clip: Path
) -> None:
    """Defect 9: the master was the first object of all."""
    at, r2 = recorded
    row = at.upload(clip)
    r2.changes.clear()
    assert at.handle(row) == Done()
    assert_always_playable(r2.changes)
    assert r2.changes[-1][1].endswith("/master.m3u8")
    assert whole(at, row)


def test_early_playlists_are_playable_while_ffmpeg_still_runs(
    recorded: tuple[Bench, RecordingR2], long_clip: Path
) -> None:
    at, r2 = recorded
    row = at.upload(long_clip)
    r2.changes.clear()
    assert at.handle(row) == Done()
    assert_always_playable(r2.changes)
    puts = r2.puts()
    first_master = puts.index(at.folder(row) + "master.m3u8")
    assert sum(key.endswith(".ts") for key in puts[first_master:]) > 15, "most segments came after the first master"
    early = [(key, parse(text.decode())) for _, key, text in r2.changes if key.endswith("v1/index.m3u8")]
    assert [told.kind for _, told in early[:-1] if isinstance(told, Media)] == ["EVENT"] * (len(early) - 1)
    last = early[-1][1]
    assert isinstance(last, Media)
    assert (last.kind, last.ended) == ("VOD", True)
    targets = {told.target_duration_s for _, told in early[:-1] if isinstance(told, Media)}
    assert len(targets) == 1, "a growing playlist keeps its target duration (RFC 8216 §6.2.1)"
    for one, after in pairwise(early[:-1]):
        shorter, longer = one[1], after[1]
        assert isinstance(shorter, Media)
        assert isinstance(longer, Media)
        assert [s.uri for s in longer.segments][: len(shorter.segments)] == [s.uri for s in shorter.segments]
    assert {tuple(v.resolution or ()) for v in _master(at, row).variants} == {(640, 360), (1280, 720)}


def test_without_the_setting_nothing_is_public_before_the_end(bench: Make, stores: Stores, long_clip: Path) -> None:
    r2 = RecordingR2(stores.settings)
    at = bench(RecordingStores(stores, r2=r2), early_playlist=False)
    row = at.upload(long_clip)
    assert at.handle(row) == Done()
    assert len(r2.puts(".m3u8")) == 4
    puts = r2.puts()
    assert all(key.endswith(".m3u8") for key in puts[puts.index(r2.puts(".m3u8")[0]) :])


def test_segments_go_up_in_parallel_while_ffmpeg_runs(bench: Make, stores: Stores, clip: Path) -> None:
    """Defect 44: 4500 PUTs one after another. Here two must be under way at once for either to end."""
    r2 = RecordingR2(stores.settings)
    at = bench(RecordingStores(stores, r2=r2), upload_concurrency=2)
    row = at.upload(clip)
    together = threading.Barrier(2, timeout=10)
    first_two: list[str] = []

    def meet(_action: str, key: str) -> None:
        if key.endswith(".ts") and len(first_two) < 2:
            first_two.append(key)
            together.wait()

    r2.before = meet
    assert at.handle(row) == Done()
    assert len(first_two) == 2


def test_a_reencode_keeps_the_old_one_playable_until_the_switch_and_then_removes_it(
    recorded: tuple[Bench, RecordingR2], clip: Path, long_clip: Path
) -> None:
    """Defect 9: old and new segments mixed under the same names, cached for a year."""
    at, r2 = recorded
    row = at.upload(clip)
    assert at.handle(row) == Done()
    old = {name: at.stores.r2.read(at.bucket, at.folder(row) + name) for name in at.names(row)}
    at.stores.videos.reset_for_retry(row.id, force=True)
    # Longer, so that there is time for early playlists, which must not come.
    at.stores.r2.put(at.bucket, row.file_key, long_clip)
    r2.changes.clear()
    during: list[Mapping[str, bytes]] = []

    def look(action: str, key: str) -> None:
        if action == "put" and key.endswith("v1/index.m3u8"):
            there = at.names(row)
            during.append({name: at.stores.r2.read(at.bucket, at.folder(row) + name) for name in old if name in there})

    r2.before = look
    assert at.handle(row, token="host:2:b") == Done()
    untouched = {name: body for name, body in old.items() if name != "thumbnail.jpg"}
    assert [{k: v for k, v in seen.items() if k in untouched} for seen in during] == [untouched]
    assert_always_playable(r2.changes, [at.folder(row) + name for name in old])
    segments = [name for name in at.names(row) if name.endswith(".ts")]
    assert not set(segments) & set(old), "no name is used twice"
    assert all(name.count("/") == 2 for name in segments)
    assert whole(at, row)


def test_what_a_killed_run_left_is_replaced_under_names_of_its_own(bench: Make, clip: Path) -> None:
    at = bench()
    row = at.upload(clip)
    for name in ("v1/index0.ts", "v2/index0.ts", "v1/index.m3u8", "master.m3u8", "v1/deadbeef/index0.ts"):
        at.stores.r2.put(at.bucket, at.folder(row) + name, b"left behind")
    assert at.handle(row) == Done()
    assert "v1/index0.ts" not in at.names(row)
    assert not [name for name in at.names(row) if name.startswith("v2/") or "deadbeef" in name]
    assert whole(at, row)


def test_a_second_run_uses_names_of_its_own_even_in_an_empty_folder(bench: Make, clip: Path) -> None:
    """The first one was given back before its first segment; should it still be alive, it writes the plain names."""
    at = bench()
    row = at.upload(clip)
    at.stores.videos.claim(row.id, row.tenant_id, "host:0:z", lease_s=60)
    at.stores.videos.release(row.id, "host:0:z")
    assert at.handle(row) == Done()
    assert [name for name in at.names(row) if name.endswith(".ts") and name.count("/") != 2] == []
    assert whole(at, row)


def test_an_older_object_that_cannot_be_deleted_does_not_fail_the_video(
    bench: Make, stores: Stores, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Keeping(RecordingR2):
        def delete(self, bucket: str, keys: Sequence[str]) -> Mapping[str, str]:
            return dict.fromkeys(keys, "AccessDenied: Access Denied")

    at = bench(RecordingStores(stores, r2=Keeping(stores.settings)))
    row = at.upload(clip)
    at.stores.r2.put(at.bucket, at.folder(row) + "v1/index0.ts", b"left behind")
    assert at.handle(row) == Done()
    assert f"objects of an older encode of video {row.id} stay for now" in caplog.text


def test_a_neighbours_objects_are_not_taken_for_leftovers(bench: Make, clip: Path) -> None:
    """Defect 1, on the way up."""
    at = bench()
    row = at.upload(clip)
    neighbour = f"tenants/{row.tenant_id}/video/hls/{row.id}0/master.m3u8"
    at.stores.r2.put(at.bucket, neighbour, b"x")
    assert at.handle(row) == Done()
    assert at.stores.r2.head(at.bucket, neighbour) is not None
    assert "v1/index0.ts" in at.names(row)


def test_an_upload_that_fails_for_a_moment_is_tried_again(recorded: tuple[Bench, RecordingR2], clip: Path) -> None:
    at, r2 = recorded
    row = at.upload(clip)
    failed: list[str] = []

    def fail_once(action: str, key: str) -> None:
        if action == "put" and key.count("/") > 4 and key not in failed and not key.endswith(".m3u8"):
            failed.append(key)
            raise AwsError("r2:PutObject failed", why="connection reset", cause="unreachable")

    r2.before = fail_once
    assert at.handle(row) == Done()
    assert len(failed) > 5
    assert whole(at, row)


def test_an_upload_that_keeps_failing_is_a_clear_failure(recorded: tuple[Bench, RecordingR2], clip: Path) -> None:
    at, r2 = recorded
    row = at.upload(clip)

    def fail(action: str, key: str) -> None:
        if key.endswith("index1.ts"):
            raise AwsError("r2:PutObject failed", why="connection reset", cause="unreachable")

    r2.before = fail
    outcome = at.handle(row)
    assert isinstance(outcome, Retry)
    assert "upload failed key=" in outcome.reason
    assert at.row(row).error_reason.startswith("attempt 1/3: upload failed key=")


def test_what_r2_does_not_list_is_sent_again_before_anything_is_public(bench: Make, stores: Stores, clip: Path) -> None:
    class Forgetful(RecordingR2):
        lost = False

        def list(self, bucket: str, folder: str):  # type: ignore[no-untyped-def]
            heads: list[Head] = [*super().list(bucket, folder)]
            if heads and not self.lost:
                self.lost = True
                stores.r2.delete(bucket, [next(head.key for head in heads if head.key.endswith(".ts"))])
                heads = [*super().list(bucket, folder)]
            yield from heads

    r2 = Forgetful(stores.settings)
    at = bench(RecordingStores(stores, r2=r2), early_playlist=False)
    row = at.upload(clip)
    assert at.handle(row) == Done()
    assert r2.lost
    assert whole(at, row)


def test_a_video_whose_objects_do_not_stay_is_not_called_ready(bench: Make, stores: Stores, clip: Path) -> None:
    class Losing(RecordingR2):
        def list(self, bucket: str, folder: str):  # type: ignore[no-untyped-def]
            return (head for head in super().list(bucket, folder) if not head.key.endswith("index1.ts"))

    at = bench(RecordingStores(stores, r2=Losing(stores.settings)), early_playlist=False)
    row = at.upload(clip)
    outcome = at.handle(row)
    assert isinstance(outcome, Retry)
    assert "what R2 lists is not what was sent" in outcome.reason
    assert at.row(row).status == "UPLOADED"
    assert [name for name in at.names(row) if name.endswith(".m3u8")] == [], "nothing is public"


@pytest.mark.skipif(os.name == "nt", reason="needs a shell script")
def test_a_video_without_a_thumbnail_is_still_a_video(
    bench: Make, clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrapper = tmp_path / "ffmpeg"
    wrapper.write_text(
        '#!/bin/sh\ncase "$*" in *thumbnail.jpg*) echo "[error] no picture" >&2; exit 1;; esac\n'
        f'exec {find_ffmpeg()} "$@"\n',
        encoding="utf-8",
    )
    wrapper.chmod(0o755)
    at = bench(ffmpeg_bin=str(wrapper))
    row = at.upload(clip)
    assert at.handle(row) == Done()
    assert f"thumbnail failed video_id={row.id} err=" in caplog.text
    assert "thumbnail.jpg" not in at.names(row)


def _master(at: Bench, row: VideoRow) -> Master:
    told = parse(at.text(row, "master.m3u8"))
    assert isinstance(told, Master)
    return told
