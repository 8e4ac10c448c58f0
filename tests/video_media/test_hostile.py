"""Uploads that try to make FFmpeg read another file, open a connection, or never end."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.video_media.conftest import LIMITS
from workers.video import ffmpeg as runner
from workers.video._media_errors import EncodeFailed, MediaRefused
from workers.video.graph import command
from workers.video.ladder import ladder
from workers.video.limits import Limits
from workers.video.probe import Source, probe


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A TCP port that must never be connected to."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.setblocking(False)
        yield server


def hls(url: str) -> str:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:4,\n{url}\n#EXT-X-ENDLIST\n"


def concat(url: str) -> str:
    return f"ffconcat version 1.0\nfile {url}\nduration 4\n"


def sdp(url: str) -> str:
    stream = "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    return "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n" + stream


def dash(url: str) -> str:
    return (
        '<?xml version="1.0"?>'
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT4S">'
        f'<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{url}</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>"
    )


@pytest.mark.parametrize("kind", [hls, concat, sdp, dash])
@pytest.mark.parametrize("suffix", ["mp4", "m3u8", "txt", "sdp", "mpd", "ffconcat"])
@pytest.mark.parametrize("target", ["file", "socket"])
def test_a_playlist_in_disguise_is_refused_and_nothing_is_opened(
    listener: socket.socket, ffprobe: Path, tmp_path: Path, kind: object, suffix: str, target: str
) -> None:
    secret = tmp_path / "secret.ts"
    secret.write_bytes(b"\x47secret" * 188)
    port = listener.getsockname()[1]
    url = secret.as_uri() if target == "file" else f"http://127.0.0.1:{port}/segment.ts"
    assert callable(kind)
    upload = tmp_path / f"upload.{suffix}"
    upload.write_text(kind(url), encoding="utf-8")
    before = secret.stat().st_atime_ns
    with pytest.raises(MediaRefused) as refused:
        probe(upload, ffprobe=ffprobe, limits=LIMITS)
    assert refused.value.reason in {"format_not_allowed", "not_media"}
    assert secret.stat().st_atime_ns == before
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize("kind", [hls, concat, dash])
def test_ffmpeg_refuses_it_as_well_should_the_probe_ever_let_it_through(
    look: object, listener: socket.socket, ffmpeg: Path, tmp_path: Path, kind: object
) -> None:
    assert callable(look)
    assert callable(kind)
    good: Source = look("tiny")
    upload = tmp_path / "upload.mp4"
    upload.write_text(kind(f"http://127.0.0.1:{listener.getsockname()[1]}/a.ts"), encoding="utf-8")
    swapped = Source(
        path=upload,
        container=good.container,
        size_bytes=good.size_bytes,
        file_start_s=0,
        video=good.video,
        audio=good.audio,
        duration_s=2,
    )
    argv = command(swapped, ladder(swapped), ffmpeg=ffmpeg, out_dir=tmp_path, limits=LIMITS)
    with pytest.raises(EncodeFailed) as failed:
        runner.run(argv, out_dir=tmp_path, limits=LIMITS, duration_s=2)
    assert failed.value.reason == "encode_failed"
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize("name", ["hole", "huge", "noise", "encrypted", "many_streams", "cut_index"])
def test_a_hostile_upload_is_refused_at_once(look: object, name: str) -> None:
    assert callable(look)
    started = time.monotonic()
    with pytest.raises(MediaRefused):
        look(name)
    assert time.monotonic() - started < 10


def test_a_hole_of_ten_hours_stays_a_hole(clip: object, ffprobe: Path, ffmpeg: Path, tmp_path: Path) -> None:
    """Should it ever pass the probe: FFmpeg alone makes a million pictures out of 60. Ours stay 60."""
    assert callable(clip)
    lenient = Limits(max_mean_frame_s=3600, min_free_bytes=0)
    source = probe(clip("hole"), ffprobe=ffprobe, limits=lenient)
    argv = command(source, ladder(source), ffmpeg=ffmpeg, out_dir=tmp_path, limits=lenient)
    result = runner.run(argv, out_dir=tmp_path, limits=lenient, duration_s=source.duration_s)
    assert result.frames == 60
    assert len(list(tmp_path.glob("v1/*.ts"))) < 5


def test_ffmpeg_stops_at_a_picture_that_grows_beyond_the_bound(look: object, ffmpeg: Path, tmp_path: Path) -> None:
    """The header may say little and the stream then hold much: the decoder has the bound too."""
    assert callable(look)
    source: Source = look("plain")
    tight = Limits(max_pixels=100_000, min_free_bytes=0)
    argv = command(source, ladder(source), ffmpeg=ffmpeg, out_dir=tmp_path, limits=tight)
    with pytest.raises((EncodeFailed, MediaRefused)):
        runner.run(argv, out_dir=tmp_path, limits=tight, duration_s=3)
