"""Our own reading of playlists against an independent parser, and what it refuses."""

from __future__ import annotations

import m3u8
import pytest

from academyctl.hls_playlist import BadPlaylist, Master, Media, parse, resolve
from tests.video_commands.conftest import Files

HEAD = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n"


def test_a_master_reads_as_an_independent_parser_reads_it(hls: Files) -> None:
    text = hls["master.m3u8"].decode()
    ours, theirs = parse(text), m3u8.loads(text)
    assert isinstance(ours, Master)
    assert [(v.uri, v.bandwidth, v.codecs, v.resolution, v.frame_rate, v.audio_group) for v in ours.variants] == [
        (p.uri, p.stream_info.bandwidth, p.stream_info.codecs, p.stream_info.resolution, p.stream_info.frame_rate,
         p.stream_info.audio) for p in theirs.playlists
    ]  # fmt: skip
    assert [(a.group, a.name, a.uri) for a in ours.audio] == [(m.group_id, m.name, m.uri) for m in theirs.media]


def test_a_media_playlist_reads_as_an_independent_parser_reads_it(hls: Files) -> None:
    text = hls["v1/index.m3u8"].decode()
    ours, theirs = parse(text), m3u8.loads(text)
    assert isinstance(ours, Media)
    assert [(s.uri, s.duration_s) for s in ours.segments] == [(s.uri, s.duration) for s in theirs.segments]
    assert ours.target_duration_s == theirs.target_duration
    assert ours.kind.lower() == theirs.playlist_type
    assert ours.ended == theirs.is_endlist


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "first line"),
        ("<html>", "first line"),
        ("#EXTM3U\n#EXTINF:4,\na.ts\n", "TARGETDURATION is missing"),
        (HEAD + "a.ts\n", "line 3: a segment without EXTINF"),
        (HEAD + "#EXTINF:four,\na.ts\n", "line 3: #EXTINF cannot be read"),
        (HEAD + "#EXT-X-KEY:METHOD=AES-128,URI=k\n#EXTINF:4,\na.ts\n", "line 3: #EXT-X-KEY"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:RESOLUTION=1x1\na.m3u8\n", "line 2: EXT-X-STREAM-INF"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n", "names no playlist"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,???\na.m3u8\n", "line 2: the attribute list"),
    ],
)
def test_a_playlist_that_cannot_be_read_says_which_line(text: str, told: str) -> None:
    with pytest.raises(BadPlaylist) as caught:
        parse(text)
    assert told in str(caught.value)


def test_quoted_commas_and_unknown_tags_are_no_obstacle() -> None:
    read = parse(
        '#EXTM3U\n# a remark\n#EXT-X-NEW\n#EXT-X-STREAM-INF:CODECS="avc1.4d401e,mp4a.40.2",BANDWIDTH=9\nv1/i.m3u8\n'
    )
    assert isinstance(read, Master)
    assert read.variants[0].codecs == "avc1.4d401e,mp4a.40.2"


@pytest.mark.parametrize(
    ("uri", "key"),
    [
        ("v1/index.m3u8", "t/9/v1/index.m3u8"),
        ("./v1/../v2/a%20b.ts?x=1", "t/9/v2/a b.ts"),
        ("../10/v1/index0.ts", "t/10/v1/index0.ts"),
        ("../../../../etc/passwd", None),
        ("/v1/index0.ts", None),
        ("https://elsewhere.example/a.ts", None),
        ("//elsewhere.example/a.ts", None),
        ("..\\..\\a.ts", None),
    ],
)
def test_a_uri_names_a_key_or_nothing(uri: str, key: str | None) -> None:
    assert resolve("t/9/master.m3u8", uri) == key
