"""What an upload is, and why it is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from academyctl.errors import Cancelled
from tests.video_media.conftest import LIMITS
from workers.video._media_errors import EncodeFailed, MediaRefused
from workers.video.probe import Source, duration_column, probe

Look = Callable[[str], Source]
ClipOf = Callable[[str], Path]


def test_a_plain_film_is_described_exactly(look: Look) -> None:
    source = look("plain")
    video = source.video
    assert (video.codec, video.width, video.height, video.pix_fmt, video.bit_depth) == ("h264", 960, 540, "yuv420p", 8)
    assert (video.fps, video.vfr, video.interlaced, video.hdr, video.rotation) == (Fraction(30), False, False, False, 0)
    assert source.audio is not None
    assert (source.audio.codec, source.audio.sample_rate, source.audio.channels) == ("aac", 48000, 1)
    assert source.duration_s == pytest.approx(3, abs=0.001)
    assert not source.measured


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("portrait", (1080, 1920)),
        ("rotated", (540, 960)),
        ("upside_down", (960, 540)),
        ("anamorphic", (1024, 576)),
        ("odd", (853, 479)),
        ("small", (320, 240)),
    ],
)
def test_the_size_is_what_a_viewer_sees(look: Look, name: str, size: tuple[int, int]) -> None:
    video = look(name).video
    assert (video.width, video.height) == size


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("vfr", {"vfr": True}),
        ("interlaced", {"interlaced": True, "fps": Fraction(25)}),
        ("hdr10", {"hdr": True, "bit_depth": 10, "transfer": "smpte2084", "primaries": "bt2020", "matrix": "bt2020nc"}),
        ("hlg", {"hdr": True, "transfer": "arib-std-b67"}),
        ("ten_bit", {"hdr": False, "bit_depth": 10}),
        ("rgb", {"rgb": True}),
        ("full_range", {"full_range": True}),
        ("video_range", {"full_range": False}),
        ("fast120", {"fps": Fraction(120)}),
    ],
)
def test_the_kind_of_picture_is_known(look: Look, name: str, facts: dict[str, object]) -> None:
    video = look(name).video
    assert {fact: getattr(video, fact) for fact in facts} == facts


@pytest.mark.parametrize("name", ["webm_live", "flv"])
def test_a_container_without_a_duration_is_measured(look: Look, name: str) -> None:
    source = look(name)
    assert source.measured
    assert source.duration_s == pytest.approx(2 if name == "webm_live" else 3, abs=0.05)


def test_picture_and_sound_count_from_the_earlier_to_the_later_one(look: Look) -> None:
    assert look("long_sound").duration_s == pytest.approx(5, abs=0.03)
    assert look("short_sound").duration_s == pytest.approx(5, abs=0.03)
    late = look("late_picture")
    assert late.duration_s == pytest.approx(6, abs=0.03)
    assert late.video_late_s == pytest.approx(1.5, abs=0.03)


def test_of_two_sounds_the_first_is_taken_and_silence_is_no_error(look: Look) -> None:
    sound = look("two_sounds").audio
    assert sound is not None
    assert sound.index == 1
    assert look("silent").audio is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cover", "no_video"),
        ("encrypted", "encrypted"),
        ("many_streams", "too_many_streams"),
        ("huge", "too_many_pixels"),
        ("narrow", "picture_shape"),
        ("hole", "implausible_duration"),
        ("cut_index", "cut_off"),
        ("empty", "empty_file"),
        ("noise", "not_media"),
        ("prose", "not_media"),
        ("picture", "not_media"),
    ],
)
def test_what_cannot_be_encoded_is_refused_with_its_reason(look: Look, name: str, reason: str) -> None:
    with pytest.raises(MediaRefused) as refused:
        look(name)
    assert refused.value.reason == refused.value.code == reason
    assert refused.value.error_reason.startswith(f"{reason}: ")
    assert refused.value.remedy_in("ko") != refused.value.remedy_in("en") != ""


@pytest.mark.parametrize(
    ("bound", "reason"),
    [({"max_duration_s": 2}, "too_long"), ({"max_bytes": 1000}, "too_big"), ({"max_pixels": 1000}, "too_many_pixels")],
)
def test_every_bound_is_a_setting(clip: ClipOf, ffprobe: Path, bound: dict[str, int], reason: str) -> None:
    with pytest.raises(MediaRefused) as refused:
        probe(clip("plain"), ffprobe=ffprobe, limits=replace(LIMITS, **bound))
    assert refused.value.reason == reason


def test_sound_that_cannot_be_read_is_an_error_and_not_a_silent_film(
    clip: ClipOf, ffprobe: Path, tmp_path: Path
) -> None:
    """Contract 11 #42: the old worker made the film mute. Here the sound's sample entry names a codec nobody knows."""
    broken = tmp_path / "broken.mp4"
    content = clip("plain").read_bytes()
    assert content.count(b"mp4a") == content.count(b"esds") == 1
    broken.write_bytes(content.replace(b"mp4a", b"zzzz").replace(b"esds", b"zzzz"))
    with pytest.raises(MediaRefused) as refused:
        probe(broken, ffprobe=ffprobe, limits=LIMITS)
    assert refused.value.reason == "audio_unreadable"


def test_a_clip_shorter_than_a_second_is_accepted_and_counts_as_one(look: Look) -> None:
    """Contract 11 #42: int() made 0 of it, and 0 was 'duration_probe_failed'."""
    source = look("blink")
    assert source.duration_s == pytest.approx(0.4, abs=0.02)
    assert duration_column(source.duration_s) == 1


@pytest.mark.parametrize(
    ("seconds", "column"), [(0.03, 1), (1.89, 1), (2.0, 2), (59.97, 60), (60.4, 60), (3599.5, 3599)]
)
def test_the_duration_column_is_cut_like_the_platforms_but_never_zero(seconds: float, column: int) -> None:
    assert duration_column(seconds) == column


def test_a_probe_that_hangs_is_the_machines_fault_and_ends(clip: ClipOf, tmp_path: Path) -> None:
    slow = tmp_path / "ffprobe"
    slow.write_text("#!/bin/sh\nsleep 60\n", encoding="utf-8")
    slow.chmod(0o755)
    with pytest.raises(EncodeFailed) as failed:
        probe(clip("plain"), ffprobe=slow, limits=LIMITS, timeout_s=0.2)
    assert failed.value.reason == "probe_timeout"


def test_a_missing_ffprobe_says_so(clip: ClipOf, tmp_path: Path) -> None:
    with pytest.raises(EncodeFailed) as failed:
        probe(clip("plain"), ffprobe=tmp_path / "nowhere", limits=LIMITS)
    assert failed.value.reason == "no_ffmpeg"


def test_a_probe_can_be_cancelled(clip: ClipOf, ffprobe: Path) -> None:
    def check() -> None:
        raise Cancelled("a retry was requested")

    with pytest.raises(Cancelled):
        probe(clip("plain"), ffprobe=ffprobe, limits=LIMITS, check=check)
