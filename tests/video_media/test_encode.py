"""Every odd input through the real FFmpeg: size, shape, orientation, length, colours, segments."""

from __future__ import annotations

import subprocess
from array import array
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from academyctl.media_tools import find_ffmpeg
from tests.video_media.conftest import Encoded
from workers.video._media_ts import first_packet, presentation_times
from workers.video.verify import demuxed

Encode = Callable[..., Encoded]

# What must come out: the sizes of the renditions, and the seconds.
MATRIX = {
    "plain": ([(640, 360), (960, 540)], 3.0),
    "lecture": ([(640, 360), (1280, 720)], 2.0),
    "portrait": ([(360, 640), (720, 1280)], 1.0),
    "rotated": ([(360, 640), (540, 960)], 3.0),
    "upside_down": ([(640, 360), (960, 540)], 3.0),
    "four_three": ([(480, 360), (640, 480)], 2.0),
    "square": ([(360, 360), (720, 720)], 1.0),
    "p718": ([(640, 360), (1280, 718)], 1.0),
    "p480": ([(640, 360), (854, 480)], 1.0),
    "small": ([(320, 240)], 2.0),
    "odd": ([(640, 360), (852, 478)], 1.0),
    "vfr": ([(640, 360)], 9.0),
    "webm_live": ([(640, 360)], 2.0),
    "silent": ([(640, 360)], 2.0),
    "hdr10": ([(640, 360)], 1.0),
    "hlg": ([(640, 360)], 1.0),
    "ten_bit": ([(640, 360)], 1.0),
    "yuv422": ([(640, 360)], 1.0),
    "yuv444": ([(640, 360)], 1.0),
    "rgb": ([(640, 360)], 1.0),
    "packed_rgb": ([(640, 360)], 1.0),
    "full_range": ([(640, 360)], 1.0),
    "mjpeg": ([(640, 360)], 1.0),
    "interlaced": ([(640, 360)], 2.0),
    "anamorphic": ([(640, 360), (1024, 576)], 2.0),
    "long_sound": ([(640, 360)], 5.0),
    "short_sound": ([(640, 360)], 5.0),
    "late_picture": ([(640, 360)], 6.0),
    "two_sounds": ([(640, 360)], 2.0),
    "surround": ([(640, 360)], 2.0),
    "changing": ([(640, 360)], 9.0),
    "fast120": ([(640, 360)], 2.0),
    "blink": ([(640, 360)], 0.4),
    "fragmented": ([(640, 360), (960, 540)], 3.0),
    "mpegts": ([(640, 360), (960, 540)], 3.0),
    "flv": ([(640, 360), (960, 540)], 3.0),
    "matroska": ([(640, 360), (960, 540)], 3.0),
    "program_stream": ([(640, 360)], 2.0),
}


def output(*argv: object) -> bytes:
    """What a program writes."""
    return subprocess.run([str(part) for part in argv], check=True, capture_output=True, timeout=60).stdout


def mean(pixels: bytes) -> float:
    return sum(pixels) / len(pixels)


def difference(one: bytes, other: bytes) -> float:
    """The mean difference of two pictures' pixels, of 255."""
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


@pytest.mark.parametrize("name", MATRIX)
def test_every_odd_input_comes_out_right(encoded: Encode, ffprobe: Path, name: str) -> None:
    sizes, seconds = MATRIX[name]
    made = encoded(name)
    assert [(r.width, r.height) for r in made.videos] == sizes
    assert made.checked.duration_s == pytest.approx(seconds, abs=0.1)
    for rendition in made.renditions:
        playlist = made.out_dir / rendition.directory / "index.m3u8"
        assert demuxed(playlist, ffprobe=ffprobe).length_s == pytest.approx(made.source.duration_s, abs=0.1)
    for rendition in made.videos:
        stream = made.stream(rendition)
        assert (stream["width"], stream["height"], stream["sample_aspect_ratio"]) == (
            rendition.width,
            rendition.height,
            "1:1",
        )
        assert (stream["codec_name"], stream["profile"], stream["pix_fmt"]) == ("h264", "High", "yuv420p")
        assert (stream["field_order"], stream["color_range"]) == ("progressive", "tv")
        assert {stream["color_space"], stream["color_transfer"], stream["color_primaries"]} == {"bt709"}
    for rendition in made.renditions:
        if rendition.is_audio:
            stream = made.stream(rendition)
            assert (stream["codec_name"], stream["sample_rate"], stream["channels"]) == ("aac", "48000", 2)


@pytest.mark.parametrize("name", ["plain", "vfr", "rotated", "fragmented", "anamorphic"])
def test_segments_begin_with_a_key_frame_at_the_same_moments_in_every_rendition(encoded: Encode, name: str) -> None:
    made = encoded(name, segment_s=1)
    borders = []
    for rendition in made.videos:
        folder = made.out_dir / rendition.directory
        segments = sorted(folder.glob("*.ts"), key=lambda path: int(path.stem.removeprefix("index")))
        firsts = [first_packet(segment) for segment in segments]
        assert all(first is not None and first.keyframe for first in firsts)
        starts = [first.start_s for first in firsts if first]
        assert len(starts) > 1
        for segment, start, end in zip(segments, starts, [*starts[1:], float("inf")], strict=True):
            times = presentation_times(segment)
            assert times[0] == start
            assert times[-1] < end
        borders.append([start - starts[0] for start in starts])
    assert all(border == pytest.approx(borders[0], abs=0.002) for border in borders)
    assert borders[0] == pytest.approx(list(range(len(borders[0]))), abs=0.11)


def test_only_key_frames_at_the_borders(encoded: Encode, ffprobe: Path) -> None:
    made = encoded("lecture", segment_s=1)
    shown = ("-show_entries", "packet=flags", "-of", "csv=p=0")
    flags = output(ffprobe, "-v", "error", *shown, made.out_dir / "v2" / "index.m3u8")
    assert flags.count(b"K") == len(made.checked.renditions[1].segments) == 2


def test_a_rotated_film_is_shown_upright(encoded: Encode) -> None:
    """The test picture's first column bar is red-dark, its last one bright: after 180 degrees it is the other way."""
    plain, turned = encoded("plain"), encoded("upside_down")
    first, second = plain.picture(plain.videos[0]), turned.picture(turned.videos[0])
    assert difference(first, second[::-1]) < 6
    assert difference(first, second) > 20


def test_full_range_and_video_range_show_the_same_grey(encoded: Encode) -> None:
    full, video = encoded("full_range"), encoded("video_range")
    assert mean(full.picture(full.videos[0])) == pytest.approx(mean(video.picture(video.videos[0])), abs=2)


def test_rgb_and_444_show_the_colours_of_420(encoded: Encode) -> None:
    reference = encoded("silent")
    want = reference.picture(reference.videos[0], 0.5, pix_fmt="rgb24")
    for name in ("rgb", "packed_rgb", "yuv444", "ten_bit", "yuv422", "mjpeg"):
        made = encoded(name)
        got = made.picture(made.videos[0], 0.5, pix_fmt="rgb24")
        for channel in range(3):
            assert mean(got[channel::3]) == pytest.approx(mean(want[channel::3]), abs=4), name


@pytest.mark.parametrize("name", ["hdr10", "hlg"])
def test_hdr_is_mapped_and_not_just_relabelled(encoded: Encode, name: str) -> None:
    made, plain = encoded(name), encoded("ten_bit")
    mapped, untouched = made.picture(made.videos[0], 0.5), plain.picture(plain.videos[0], 0.5)
    assert max(mapped) - min(mapped) > 100
    assert difference(mapped, untouched) > 8


def test_interlaced_pictures_are_deinterlaced(encoded: Encode) -> None:
    """A comb shows as lines that differ from the one above but not from the second above."""
    made = encoded("interlaced")
    (rendition,) = made.videos
    pixels = made.picture(rendition, 1.0)
    width, lines = rendition.width, rendition.height
    rows = [pixels[n * width : (n + 1) * width] for n in range(lines)]
    comb = sum(
        1
        for a, b, c in zip(rows, rows[1:], rows[2:], strict=False)
        for x in range(0, width, 7)
        if abs(a[x] - b[x]) > 40 and abs(a[x] - c[x]) < 10
    )
    assert comb < 0.004 * (width / 7) * lines


def test_a_picture_that_changes_its_shape_is_fitted_with_black_and_not_stretched(encoded: Encode) -> None:
    made = encoded("changing")
    (rendition,) = made.videos
    wide, square = made.picture(rendition, 1.0), made.picture(rendition, 4.0)
    row = rendition.width * (rendition.height // 2)
    left = slice(row, row + 120)
    assert mean(wide[left]) > 40
    assert mean(square[left]) < 20
    assert len(presentation_times(made.out_dir / "v1" / "index0.ts")) > 100


def test_the_frame_rate_is_capped_at_60_by_leaving_out(encoded: Encode) -> None:
    made = encoded("fast120")
    assert made.result.frames == 120
    assert made.source.shown_fps == 60
    steps = presentation_times(made.out_dir / "v1" / "index0.ts")
    assert {round((b - a) * 60) for a, b in pairwise(steps)} == {1}


def test_a_varying_frame_rate_is_kept(encoded: Encode) -> None:
    made = encoded("vfr")
    assert made.result.frames == made.source.video.frames
    times = presentation_times(made.out_dir / "v1" / "index1.ts")
    assert {round((b - a) * 30) for a, b in pairwise(times)} == {1, 2, 3}


def test_the_last_picture_stays_while_the_sound_goes_on(encoded: Encode) -> None:
    made = encoded("long_sound")
    (video,) = made.videos
    assert difference(made.picture(video, 3.0), made.picture(video, 4.8)) < 2
    assert difference(made.picture(video, 1.0), made.picture(video, 4.8)) > 2
    assert made.result.frames == 150


def test_picture_and_sound_stay_together(encoded: Encode, ffprobe: Path) -> None:
    """The flash and the tone of the clip begin in the same moment, 2.0 s in, and so they do in the renditions."""
    for audio in ("shared", "muxed"):
        made = encoded("flash", audio=audio)
        sound = made.renditions[-1].directory
        assert _first_bright(made, ffprobe) == pytest.approx(_first_loud(made, sound, ffprobe), abs=0.035)


def test_gaps_in_the_sound_become_silence_and_not_a_shift(encoded: Encode) -> None:
    samples = _samples(encoded("sound_gaps"), "vaudio")

    def loud(at_s: float) -> bool:
        return max(abs(value) for value in samples[int((at_s - 0.05) * 48000) : int((at_s + 0.05) * 48000)]) > 1000

    assert len(samples) / 48000 == pytest.approx(4, abs=0.1)
    assert [loud(at_s) for at_s in (0.2, 0.75, 1.5, 2.5, 3.5)] == [False, True, False, False, True]


def _first_bright(made: Encoded, ffprobe: Path) -> float:
    """The time stamp of the first white picture, on the clock of the transport stream."""
    playlist, raw = made.out_dir / "v1" / "index.m3u8", ("-f", "rawvideo", "-pix_fmt", "gray", "-")
    pixels = output(
        find_ffmpeg(),
        "-v",
        "error",
        "-i",
        playlist,
        "-map",
        "0:v",
        "-vf",
        "scale=1:1",
        "-fps_mode",
        "passthrough",
        *raw,
    )
    return _start(made, "v1", "v", ffprobe) + next(n for n, grey in enumerate(pixels) if grey > 128) / 30


def _first_loud(made: Encoded, folder: str, ffprobe: Path) -> float:
    samples = _samples(made, folder)
    return _start(made, folder, "a", ffprobe) + next(n for n, value in enumerate(samples) if abs(value) > 3000) / 48000


def _samples(made: Encoded, folder: str) -> array[int]:
    playlist = made.out_dir / folder / "index.m3u8"
    return array("h", output(find_ffmpeg(), "-v", "error", "-i", playlist, "-map", "0:a", "-ac", 1, "-f", "s16le", "-"))


def _start(made: Encoded, folder: str, kind: str, ffprobe: Path) -> float:
    shown = ("-show_entries", "stream=start_time", "-of", "csv=p=0")
    said = output(ffprobe, "-v", "error", "-select_streams", kind, *shown, made.out_dir / folder / "index0.ts")
    return float(said.split()[0])


def test_of_two_sounds_the_first_is_heard(encoded: Encode) -> None:
    made = encoded("two_sounds")
    middle = _samples(made, "vaudio")[24000:72000]
    crossings = sum(1 for a, b in pairwise(middle) if (a < 0) != (b < 0))
    assert crossings == pytest.approx(880, abs=10)


def test_muxed_sound_is_in_every_rendition(encoded: Encode) -> None:
    made = encoded("plain", audio="muxed")
    assert [r.directory for r in made.renditions] == ["v1", "v2"]
    for rendition in made.renditions:
        segment = made.out_dir / rendition.directory / "index0.ts"
        said = subprocess.run([find_ffmpeg(), "-i", segment], check=False, capture_output=True, text=True, timeout=60)
        assert "Audio: aac" in said.stderr
        assert "Video: h264" in said.stderr
