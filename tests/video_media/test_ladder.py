"""Which renditions a picture gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest

from workers.video.ladder import RUNGS, Rung, ladder
from workers.video.probe import Source

Look = Callable[[str], Source]


def sized(source: Source, width: int, height: int) -> Source:
    video = replace(source.video, width=width, height=height, coded_width=width, coded_height=height)
    return replace(source, video=video)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1920, 1080), [(640, 360), (1280, 720)]),
        ((1280, 720), [(640, 360), (1280, 720)]),
        ((1280, 718), [(640, 360), (1280, 718)]),
        ((854, 480), [(640, 360), (854, 480)]),
        ((720, 1280), [(360, 640), (720, 1280)]),
        ((1080, 1920), [(360, 640), (720, 1280)]),
        ((640, 480), [(480, 360), (640, 480)]),
        ((800, 800), [(360, 360), (720, 720)]),
        ((2560, 1080), [(640, 270), (1280, 540)]),
        ((640, 360), [(640, 360)]),
        ((700, 394), [(640, 360)]),
        ((320, 240), [(320, 240)]),
        ((319, 239), [(318, 238)]),
        ((853, 479), [(640, 360), (852, 478)]),
        ((16, 16), [(16, 16)]),
        ((7680, 4320), [(640, 360), (1280, 720)]),
    ],
)
def test_the_ladder_fits_every_shape(look: Look, size: tuple[int, int], expected: list[tuple[int, int]]) -> None:
    """Contract 11 #41: portrait and 4:3 were squeezed into 640x360, and 1280x718 lost its 720p."""
    renditions = ladder(sized(look("silent"), *size))
    assert [(rendition.width, rendition.height) for rendition in renditions] == expected


def test_nothing_is_upscaled_stretched_or_odd(look: Look) -> None:
    source = look("silent")
    for width in range(64, 2200, 37):
        for height in range(64, 2200, 41):
            if max(width, height) > 16 * min(width, height):
                continue
            for rendition in ladder(sized(source, width, height)):
                assert rendition.width <= width
                assert rendition.height <= height
                assert rendition.width % 2 == rendition.height % 2 == 0
                # Even lengths: the shape may be off by one pixel on one side, not by more.
                exact = rendition.height * Fraction(width, height)
                assert abs(rendition.width - exact) <= 2 * max(1.0, width / height)


def test_the_rate_follows_the_share_of_the_box_down_to_a_floor(look: Look) -> None:
    source = look("silent")
    assert [r.maxrate_bps for r in ladder(sized(source, 1920, 1080))] == [800_000, 2_500_000]
    assert [r.maxrate_bps for r in ladder(sized(source, 640, 480))] == [600_000, 833_333]
    assert [r.maxrate_bps for r in ladder(sized(source, 64, 64))] == [250_000]


def test_sound_is_one_rendition_of_its_own_or_in_every_one(look: Look) -> None:
    shared = ladder(look("plain"))
    assert [(r.directory, r.is_audio, r.audio_bps) for r in shared] == [
        ("v1", False, 0),
        ("v2", False, 0),
        ("vaudio", True, 128_000),
    ]
    muxed = ladder(look("plain"), audio="muxed")
    assert [(r.directory, r.is_audio, r.audio_bps) for r in muxed] == [("v1", False, 96_000), ("v2", False, 128_000)]
    assert [r.directory for r in ladder(look("silent"))] == ["v1"]


def test_a_further_rung_is_an_entry_in_a_table(look: Look) -> None:
    rungs = (*RUNGS, Rung("3", 1920, 1080, 5_000_000, 128_000))
    assert [r.directory for r in ladder(sized(look("plain"), 1920, 1080), rungs=rungs)] == ["v1", "v2", "v3", "vaudio"]
