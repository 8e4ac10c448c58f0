"""Every way in which a published video can be less than whole is found, and named by its object."""

from __future__ import annotations

from pathlib import Path

import pytest

from academyctl.contract import keys
from academyctl.errors import AwsError
from academyctl.hls_report import VerifyReport
from academyctl.hls_verify import verify
from academyctl.stores import Stores
from academyctl.stores.videos import VideoRow
from academyctl.video_report import verify_video
from tests.clips import ff
from tests.conftest import make_video
from tests.video_commands.conftest import SECONDS, Files, Publish, put


def problems(report: VerifyReport) -> list[tuple[str, str]]:
    return [(problem.code, problem.key.removeprefix(report.folder)) for problem in report.problems]


def test_a_whole_video_is_ok_and_its_renditions_are_told(stores: Stores, publish: Publish, hls: Files) -> None:
    report = verify(stores, publish())
    assert report.problems == ()
    assert report.orphans == ()
    assert report.notes == ()
    assert report.objects == len(hls)
    assert [(r.name, r.kind, r.resolution, len(r.segments)) for r in report.renditions] == [
        ("v1", "video", (320, 180), 3),
        ("v2", "video", (640, 360), 3),
        ("va", "audio", None, 4),
    ]
    first = report.renditions[0]
    assert first.bytes == sum(len(hls[f"v1/index{n}.ts"]) for n in range(3))
    assert first.playlist_s == pytest.approx(SECONDS, abs=0.05)
    assert first.codecs.startswith("avc1.")


def test_decoding_measures_each_rendition_against_the_upload(stores: Stores, publish: Publish, ffmpeg: Path) -> None:
    report = verify(stores, publish(upload=True), ffmpeg=ffmpeg)
    assert report.problems == ()
    assert report.source is not None
    assert report.source.video_s == pytest.approx(SECONDS, abs=0.02)
    assert [r.decoded_s for r in report.renditions] == pytest.approx([SECONDS] * 3, abs=0.1)


def test_without_the_upload_the_row_is_the_measure(stores: Stores, publish: Publish, ffmpeg: Path) -> None:
    assert verify(stores, publish(), ffmpeg=ffmpeg).source is None
    assert ("duration", "v1/index.m3u8") in problems(verify(stores, publish(duration=9), ffmpeg=ffmpeg))


def test_a_missing_segment_is_found(stores: Stores, publish: Publish) -> None:
    assert problems(verify(stores, publish(v2__index1_ts=None))) == [("segment-missing", "v2/index1.ts")]


def test_an_empty_segment_is_found(stores: Stores, publish: Publish) -> None:
    assert problems(verify(stores, publish(v1__index2_ts=b""))) == [("segment-empty", "v1/index2.ts")]


def test_a_segment_cut_inside_a_packet_is_found_without_decoding(stores: Stores, publish: Publish, hls: Files) -> None:
    cut = hls["v1/index1.ts"][: 188 * 20 + 100]
    assert problems(verify(stores, publish(v1__index1_ts=cut))) == [("segment-cut", "v1/index1.ts")]


def test_a_segment_cut_at_a_packet_border_is_found_by_decoding(
    stores: Stores, publish: Publish, hls: Files, ffmpeg: Path
) -> None:
    cut = hls["v1/index1.ts"][: len(hls["v1/index1.ts"]) // 188 // 8 * 188]
    row = publish(upload=True, v1__index1_ts=cut)
    assert verify(stores, row).ok
    found = problems(verify(stores, row, ffmpeg=ffmpeg))
    assert ("pictures", "v1/index.m3u8") in found
    assert ("duration", "v1/index.m3u8") in found


def test_a_film_of_standing_pictures_is_no_damage(stores: Stores, ffmpeg: Path, tmp_path: Path) -> None:
    source = tmp_path / "slides.mp4"
    ff(
        ffmpeg, "-f", "lavfi", "-i", "testsrc2=s=320x180:r=1/3", "-f", "lavfi", "-i", "sine=r=48000", "-t", "12",
        "-c:v", "libx264", "-c:a", "aac", "-f", "mp4", source,
    )  # fmt: skip
    ff(
        ffmpeg, "-i", source, "-c:v", "libx264", "-force_key_frames", "expr:gte(t,n_forced*3)", "-c:a", "aac",
        "-f", "hls", "-hls_time", "3", "-hls_playlist_type", "vod", "-master_pl_name", "master.m3u8",
        "-hls_segment_filename", tmp_path / "v%v" / "index%d.ts", "-var_stream_map", "v:0,a:0,name:1",
        tmp_path / "v%v" / "index.m3u8",
    )  # fmt: skip
    row = make_video(stores, status="READY", duration=12)
    put(stores, row, {f"v1/{path.name}": path.read_bytes() for path in (tmp_path / "v1").iterdir()})
    put(stores, row, {"master.m3u8": (tmp_path / "master.m3u8").read_bytes()})
    alone = verify(stores, row, ffmpeg=ffmpeg)
    assert alone.problems == ()
    assert alone.renditions[0].decoded is not None
    assert alone.renditions[0].decoded.holes_s > 4
    stores.r2.put(stores.settings.r2.video_bucket, row.file_key, source)
    with_upload = verify(stores, row, ffmpeg=ffmpeg)
    assert with_upload.problems == ()
    assert with_upload.renditions[0].decoded_s == pytest.approx(12, abs=0.1)


def test_a_segment_of_other_bytes_is_found_by_decoding(stores: Stores, publish: Publish, ffmpeg: Path) -> None:
    row = publish(upload=True, v2__index0_ts=b"\x00" * 188 * 50)
    assert ("duration", "v2/index.m3u8") in problems(verify(stores, row, ffmpeg=ffmpeg))


def test_a_missing_or_broken_playlist_is_found(stores: Stores, publish: Publish) -> None:
    assert problems(verify(stores, publish(v1__index_m3u8=None))) == [("playlist-missing", "v1/index.m3u8")]
    assert problems(verify(stores, publish(v1__index_m3u8=b"<html>"))) == [("bad-playlist", "v1/index.m3u8")]
    assert ("playlist-missing", "master.m3u8") in problems(verify(stores, publish(master_m3u8=None)))


def test_a_playlist_without_end_is_found(stores: Stores, publish: Publish, hls: Files) -> None:
    early = hls["v1/index.m3u8"].replace(b"#EXT-X-ENDLIST\n", b"")
    assert problems(verify(stores, publish(v1__index_m3u8=early))) == [("unfinished", "v1/index.m3u8")]


def test_a_playlist_shorter_than_the_row_says_is_found(stores: Stores, publish: Publish, hls: Files) -> None:
    lines = hls["v2/index.m3u8"].decode().splitlines(keepends=True)
    at = lines.index("index1.ts\n")
    short = "".join(lines[: at - 1] + lines[at + 1 :]).encode()
    report = verify(stores, publish(v2__index_m3u8=short))
    assert problems(report) == [("duration", "v2/index.m3u8")]
    assert [key.removeprefix(report.folder) for key in report.orphans] == ["v2/index1.ts"]


def test_a_segment_longer_than_the_target_duration_is_found(stores: Stores, publish: Publish, hls: Files) -> None:
    small = hls["v1/index.m3u8"].replace(b"TARGETDURATION:2", b"TARGETDURATION:1")
    assert ("target-duration", "v1/index0.ts") in problems(verify(stores, publish(v1__index_m3u8=small)))


def test_objects_that_no_playlist_names_are_orphans_and_no_failure(stores: Stores, publish: Publish) -> None:
    row = publish()
    put(stores, row, {"v3/index0.ts": b"\x47" * 188, "index10.ts": b"", "index9.ts": b""})
    report = verify(stores, row)
    assert report.ok
    names = [key.removeprefix(report.folder) for key in report.orphans]
    assert names == ["index9.ts", "index10.ts", "v3/index0.ts"]


def test_another_videos_objects_are_neither_read_nor_counted(stores: Stores, publish: Publish, hls: Files) -> None:
    row = publish()
    neighbour = keys.hls_prefix(row.tenant_id, row.id) + "0/v9/index0.ts"
    stores.r2.put(stores.settings.r2.video_bucket, neighbour, b"x")
    report = verify(stores, row)
    assert report.ok
    assert report.objects == len(hls)


def test_a_uri_out_of_the_folder_is_found_and_not_followed(stores: Stores, publish: Publish, hls: Files) -> None:
    away = hls["v1/index.m3u8"].replace(b"index0.ts", b"../../77/v1/index0.ts")
    report = verify(stores, publish(v1__index_m3u8=away))
    assert problems(report) == [("outside", "v1/index.m3u8")]
    assert len(report.renditions[0].segments) == 2


def test_a_wrong_content_type_and_cache_rule_are_found(stores: Stores, publish: Publish, hls: Files) -> None:
    row = publish()
    key = keys.hls_folder(row.tenant_id, row.id) + "v1/index0.ts"
    client = stores.r2._client
    client.put_object(
        Bucket=stores.settings.r2.video_bucket, Key=key, Body=hls["v1/index0.ts"], ContentType="binary/octet-stream"
    )
    assert problems(verify(stores, row)) == [("cache-control", "v1/index0.ts"), ("content-type", "v1/index0.ts")]


def test_a_missing_thumbnail_is_a_note(stores: Stores, publish: Publish) -> None:
    report = verify(stores, publish(thumbnail_jpg=None))
    assert report.ok
    assert [note.split(":")[0] for note in report.notes] == ["no thumbnail"]


def test_a_video_that_is_not_ready_or_points_elsewhere_is_found(stores: Stores, publish: Publish) -> None:
    assert problems(verify(stores, make_video(stores))) == [("not-ready", ""), ("empty", "")]
    row = make_video(stores, status="READY", hls_path="tenants/1/video/hls/elsewhere/master.m3u8", duration=1)
    assert ("hls-path", row.hls_path) in problems(verify(stores, row))


def test_a_bucket_that_cannot_be_read_is_no_verdict(stores: Stores, publish: Publish) -> None:
    row = publish()
    elsewhere = stores.settings.model_copy(
        update={"r2": stores.settings.r2.model_copy(update={"video_bucket": "no-such-bucket"})}
    )
    with pytest.raises(AwsError):
        verify(Stores(elsewhere), row)


def test_verification_by_id_finds_row_and_ffmpeg_itself(stores: Stores, publish: Publish) -> None:
    row: VideoRow = publish(upload=True)
    assert all(r.decoded_s is not None for r in verify_video(stores, row.id, decode=True).renditions)
