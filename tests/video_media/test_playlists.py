"""What viewers get to read: master and media playlists."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import m3u8
import pytest

from tests.video_media.conftest import Encoded
from workers.video._media_errors import EncodeFailed
from workers.video.ladder import Rendition
from workers.video.playlists import (
    Rate,
    Segment,
    master_playlist,
    measured_rate,
    media_playlist,
    parse_local,
    target_duration,
)
from workers.video.segments import Growing
from workers.video.verify import check_output, codec_of

Encode = Callable[..., Encoded]
V1, V2 = Rendition("1", 640, 360, 800_000, 0), Rendition("2", 1280, 720, 2_500_000, 0)
SOUND = Rendition("audio", 0, 0, 0, 128_000)
CODECS = {"1": "avc1.64001e", "2": "avc1.64001f"}


def master_of(made: Encoded) -> str:
    return master_playlist(
        made.renditions,
        codecs=made.checked.codecs,
        frame_rate=made.source.shown_fps,
        rates=made.checked.rates(4),
    )


@pytest.mark.parametrize("audio", ["shared", "muxed"])
def test_an_independent_parser_reads_the_master_as_it_is_meant(encoded: Encode, audio: str) -> None:
    made = encoded("plain", audio=audio)
    master = m3u8.loads(master_of(made))
    assert master.is_variant
    assert master.is_independent_segments
    assert [playlist.uri for playlist in master.playlists] == ["v1/index.m3u8", "v2/index.m3u8"]
    infos = [playlist.stream_info for playlist in master.playlists]
    assert [info.resolution for info in infos] == [(640, 360), (960, 540)]
    assert [info.frame_rate for info in infos] == [30.0, 30.0]
    assert all(re.fullmatch(r"avc1\.64[0-9a-f]{4},mp4a\.40\.2", info.codecs) for info in infos)
    assert infos[0].bandwidth < infos[1].bandwidth
    assert all(info.average_bandwidth <= info.bandwidth for info in infos)
    sounds = [medium for medium in master.media if medium.type == "AUDIO"]
    if audio == "muxed":
        assert sounds == []
        return
    (sound,) = sounds
    assert (sound.uri, sound.group_id, sound.default, sound.channels) == ("vaudio/index.m3u8", "audio", "YES", "2")
    assert {info.audio for info in infos} == {"audio"}


def test_the_codecs_are_those_of_the_real_stream(encoded: Encode) -> None:
    made = encoded("plain")
    for rendition in made.videos:
        stream = made.stream(rendition)
        codec = made.checked.codecs[rendition.name]
        assert codec == codec_of(made.out_dir / rendition.directory / "index0.ts")
        assert bytes.fromhex(codec.removeprefix("avc1.")) == bytes([100, 0, stream["level"]])


def test_a_silent_film_has_no_sound_in_its_codecs(encoded: Encode) -> None:
    master = m3u8.loads(master_of(encoded("silent")))
    assert "mp4a" not in master.playlists[0].stream_info.codecs
    assert not master.media


def test_no_stretch_of_segments_is_faster_than_the_bandwidth_says(encoded: Encode) -> None:
    made = encoded("lecture", segment_s=1)
    infos = {p.uri: p.stream_info for p in m3u8.loads(master_of(made)).playlists}
    sound = next(each for each in made.checked.renditions if each.rendition.is_audio)
    for each in made.checked.renditions:
        if each.rendition.is_audio:
            continue
        for size, segment in zip(each.sizes, each.segments, strict=True):
            rate = (size * 8 / segment.duration_s) + sound.rate(1).average * 0.9
            assert rate <= infos[f"{each.rendition.directory}/index.m3u8"].bandwidth * 1.6


def test_the_early_master_never_promises_too_little(encoded: Encode) -> None:
    made = encoded("plain")
    early = m3u8.loads(master_playlist(made.renditions, codecs=made.checked.codecs, frame_rate=made.source.shown_fps))
    final = m3u8.loads(master_of(made))
    for first, last in zip(early.playlists, final.playlists, strict=True):
        assert first.stream_info.bandwidth >= last.stream_info.bandwidth


def test_the_peak_is_that_of_any_stretch_near_the_target_duration() -> None:
    segments = [Segment(f"index{n}.ts", 4.0) for n in range(4)] + [Segment("index4.ts", 0.5)]
    rate = measured_rate(segments, [1000, 4000, 2000, 1000, 900], target_s=4)
    assert rate.peak == 8000
    assert rate.average == math.ceil(8900 * 8 / 16.5)
    assert measured_rate([Segment("index0.ts", 0.5)], [1000], target_s=4) == Rate(16000, 16000)
    assert measured_rate([Segment("index0.ts", 13.0)], [13000], target_s=4) == Rate(8000, 8000)
    assert measured_rate([], [], target_s=4) == Rate(0, 0)


def test_a_master_reads_exactly_like_this() -> None:
    text = master_playlist(
        (V1, V2, SOUND),
        codecs=CODECS,
        frame_rate=Fraction(30000, 1001),
        rates={"1": Rate(700_000, 300_000), "2": Rate(2_000_000, 900_000), "audio": Rate(140_000, 130_000)},
    )
    assert text == (
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",'
        'URI="vaudio/index.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=840000,AVERAGE-BANDWIDTH=430000,CODECS="avc1.64001e,mp4a.40.2",'
        'RESOLUTION=640x360,FRAME-RATE=29.970,AUDIO="audio"\nv1/index.m3u8\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=2140000,AVERAGE-BANDWIDTH=1030000,CODECS="avc1.64001f,mp4a.40.2",'
        'RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio"\nv2/index.m3u8\n'
    )


def test_a_growing_playlist_has_no_end_and_a_finished_one_has() -> None:
    segments = [Segment("index0.ts", 4.0), Segment("index1.ts", 3.5)]
    early = media_playlist(segments[:1], target_s=4, ended=False, kind="EVENT", prefix="ab12cd34/")
    assert early == (
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:EVENT\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n#EXTINF:4.000000,\nab12cd34/index0.ts\n"
    )
    final = media_playlist(segments, target_s=4, ended=True, kind="VOD")
    assert final.endswith("#EXTINF:3.500000,\nindex1.ts\n#EXT-X-ENDLIST\n")
    parsed = m3u8.loads(final)
    assert (parsed.playlist_type, parsed.is_endlist, parsed.target_duration) == ("vod", True, 4)
    assert [(s.uri, s.duration) for s in parsed.segments] == [tuple(segment) for segment in segments]
    assert m3u8.loads(early).playlist_type == "event"


@pytest.mark.parametrize(
    ("durations", "target"), [([4.0], 4), ([4.49], 4), ([4.5], 5), ([1.0], 4), ([13.2, 4], 13), ([], 4)]
)
def test_no_rounded_segment_is_longer_than_the_target(durations: list[float], target: int) -> None:
    """RFC 8216 §4.3.3.1."""
    segments = [Segment("x.ts", duration) for duration in durations]
    assert target_duration(segments, 4) == target


@pytest.mark.parametrize("name", ["plain", "vfr", "fast120", "webm_live"])
def test_the_durations_of_the_segments_are_real(encoded: Encode, name: str) -> None:
    """FFmpeg's own playlist halves the film of 120 pictures a second: it adds up what the decoder believed."""
    made = encoded(name, segment_s=1)
    for each in made.checked.renditions:
        if each.rendition.is_audio:
            continue
        assert sum(segment.duration_s for segment in each.segments) == pytest.approx(each.duration_s, abs=0.001)
        for start, following, segment in zip(each.starts_s, each.starts_s[1:], each.segments, strict=False):
            assert segment.duration_s == pytest.approx(following - start, abs=0.0001)
        assert each.duration_s == pytest.approx(made.source.duration_s, abs=0.1)


def test_a_running_encode_is_seen_segment_by_segment(encoded: Encode, tmp_path: Path) -> None:
    """What a look saw finished stays as it was in the next look."""
    made = encoded("plain", segment_s=1)
    whole = (made.out_dir / "v1" / "index.m3u8").read_text(encoding="utf-8").splitlines()
    folder = tmp_path / "v1"
    folder.mkdir()
    growing = Growing(tmp_path, made.renditions[0], fps=made.source.shown_fps)
    assert growing.look().segments == ()
    seen: list[tuple[Segment, ...]] = []
    for number, line in enumerate(whole):
        if line.endswith(".ts"):
            (folder / line).write_bytes((made.out_dir / "v1" / line).read_bytes())
            (folder / "index.m3u8").write_text("\n".join(whole[: number + 1]) + "\n", encoding="utf-8")
            local = growing.look()
            assert not local.ended
            seen.append(local.segments)
    (folder / "index.m3u8").write_text("\n".join(whole) + "\n", encoding="utf-8")
    final = growing.look()
    assert final.ended
    assert [len(segments) for segments in seen] == [1, 2, 3]
    for segments in seen:
        for early, late in zip(segments, final.segments, strict=False):
            assert early.name == late.name
            assert early.duration_s == pytest.approx(late.duration_s, abs=0.001)


def test_ffmpegs_playlist_is_read_with_or_without_an_end(tmp_path: Path) -> None:
    path = tmp_path / "index.m3u8"
    assert parse_local(path).segments == ()
    path.write_text("#EXTM3U\n#EXTINF:4.000000,\nindex0.ts\n#EXTINF:1.5,\nsub/index1.ts\n", encoding="utf-8")
    local = parse_local(path)
    assert local.segments == (("index0.ts", 4.0), ("index1.ts", 1.5))
    assert (local.ended, local.duration_s) == (False, 5.5)


def _copy(made: Encoded, to: Path) -> None:
    for rendition in made.renditions:
        (to / rendition.directory).mkdir()
        for path in (made.out_dir / rendition.directory).iterdir():
            (to / rendition.directory / path.name).write_bytes(path.read_bytes())


def _drop_the_end(folder: Path) -> None:
    playlist = folder / "v2" / "index.m3u8"
    playlist.write_text(playlist.read_text(encoding="utf-8").replace("#EXT-X-ENDLIST", ""), encoding="utf-8")


def _shorten(folder: Path) -> None:
    segment = folder / "v2" / "index1.ts"
    segment.write_bytes(segment.read_bytes()[:1000])


def _empty(folder: Path) -> None:
    (folder / "vaudio" / "index0.ts").write_bytes(b"")


def _swap(folder: Path) -> None:
    """Segments of other borders."""
    one, other = folder / "v2" / "index0.ts", folder / "v2" / "index1.ts"
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def _lose(folder: Path) -> None:
    (folder / "v1" / "index2.ts").unlink()


def _noise(folder: Path) -> None:
    (folder / "v1" / "index0.ts").write_bytes(b"\x00" * 188 * 10)


@pytest.mark.parametrize("damage", [_drop_the_end, _shorten, _empty, _swap, _lose, _noise])
def test_an_output_that_is_not_whole_is_found_out(
    encoded: Encode, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    made = encoded("plain", segment_s=1)
    _copy(made, tmp_path)
    check_output(tmp_path, made.renditions, made.source)
    damage(tmp_path)
    with pytest.raises(EncodeFailed) as failed:
        check_output(tmp_path, made.renditions, made.source)
    assert failed.value.reason == "bad_output"
