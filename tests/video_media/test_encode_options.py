"""What settings, presets, names and other FFmpegs make of an encode, and what is refused while it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from academyctl.errors import ConfigError
from academyctl.media_tools import find_ffprobe
from tests.video_media.conftest import LIMITS, Encoded
from tests.video_media.test_encode import difference
from workers.video import ffmpeg as runner
from workers.video._media_errors import MediaRefused
from workers.video.graph import command
from workers.video.ladder import ladder
from workers.video.probe import Source, probe

Encode = Callable[..., Encoded]

# What must come out: the sizes of the renditions, and the seconds.


@pytest.mark.parametrize("name", ["plain", "anamorphic", "full_range", "rgb", "odd"])
def test_an_ffmpeg_without_zscale_gives_the_same_picture(encoded: Encode, name: str) -> None:
    with_it, without = encoded(name), encoded(name, zscale=False)
    for rendition in with_it.videos:
        one, other = with_it.picture(rendition, pix_fmt="yuv420p"), without.picture(rendition, pix_fmt="yuv420p")
        assert difference(one, other) < 3


def test_hdr_without_zscale_is_an_error_with_a_remedy(
    look: Callable[[str], Source], ffmpeg: Path, tmp_path: Path
) -> None:
    source = look("hdr10")
    with pytest.raises(ConfigError) as error:
        command(source, ladder(source), ffmpeg=ffmpeg, out_dir=tmp_path, zscale=False)
    assert "libzimg" in error.value.remedy_in("en")


@pytest.mark.parametrize(("name", "reason"), [("cut", "cut_off"), ("rotten", "damaged_source")])
def test_a_cut_or_rotten_upload_is_found_out(encoded: Encode, name: str, reason: str) -> None:
    """FFmpeg itself ends a cut file with status 0."""
    with pytest.raises(MediaRefused) as refused:
        encoded(name)
    assert refused.value.reason == reason


@pytest.mark.parametrize("preset", ["quality", "balanced", "fast"])
def test_every_preset_keeps_to_its_rate(encoded: Encode, preset: str) -> None:
    """maxrate over a buffer of two seconds: three seconds may hold five seconds' worth."""
    made = encoded("plain", preset=preset)
    for each in made.checked.renditions:
        if not each.rendition.is_audio:
            assert sum(each.sizes) * 8 <= each.rendition.maxrate_bps * 5 * 1.06


def test_nothing_of_the_uploads_own_tags_reaches_the_viewers(
    look: Callable[[str], Source], ffmpeg: Path, tmp_path: Path
) -> None:
    source = look("plain")
    argv = command(source, ladder(source), ffmpeg=ffmpeg, out_dir=tmp_path, limits=LIMITS)
    assert argv[argv.index("-map_metadata") + 1] == argv[argv.index("-map_chapters") + 1] == "-1"
    assert argv.count("-map") == 3


def test_a_folder_that_ffmpeg_would_misread_is_refused(
    look: Callable[[str], Source], ffmpeg: Path, tmp_path: Path
) -> None:
    source = look("plain")
    with pytest.raises(ConfigError, match="%"):
        command(source, ladder(source), ffmpeg=ffmpeg, out_dir=tmp_path / "100%d")


def test_a_name_with_odd_characters_is_just_a_name(clip: Callable[[str], Path], ffmpeg: Path, tmp_path: Path) -> None:
    odd = tmp_path / "-i http:강의 1,[x];'y'.mp4"
    odd.write_bytes(clip("tiny").read_bytes())
    source = probe(odd, ffprobe=find_ffprobe(), limits=LIMITS)
    out_dir = tmp_path / "강의 [out];'x', 1"
    out_dir.mkdir()
    argv = command(source, ladder(source), ffmpeg=ffmpeg, out_dir=out_dir, limits=LIMITS)
    runner.run(argv, out_dir=out_dir, limits=LIMITS, duration_s=source.duration_s)
    assert (out_dir / "v1" / "index0.ts").stat().st_size > 0


def test_the_cores_are_shared_out_unless_a_number_is_set(
    look: Callable[[str], Source], ffmpeg: Path, tmp_path: Path
) -> None:
    source = look("plain")

    def threads(**options: Any) -> tuple[str, str]:
        argv = command(source, ladder(source), ffmpeg=ffmpeg, out_dir=tmp_path, limits=LIMITS, **options)
        return argv[argv.index("-threads:v") + 1], argv[argv.index("-filter_complex_threads") + 1]

    assert threads(cores=2) == ("1", "1")
    assert threads(cores=8) == ("4", "4")
    assert threads(cores=1) == ("1", "1")
    assert threads(cores=8, threads=3) == ("3", "3")
