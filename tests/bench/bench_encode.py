"""What an encode costs against the old platform's command (contract 4): CPU, bytes, VMAF, interleaved.

    python -m tests.bench.bench_encode [--seconds 30] [--rounds 2] [--presets balanced fast quality] [--json]

CPU is user + system time of all processes, ours with probing, checking and thumbnail. VMAF is the mean over every fifth
picture, both renditions scaled to the source's 1920x1080: what a viewer sees in a full window. Wall times are printed
and mean little on a shared machine; the ratios of one round are what to trust. Nothing is asserted. POSIX.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from academyctl.media_tools import find_ffmpeg, find_ffprobe
from tests.clips import lecture
from workers.video import ffmpeg as runner
from workers.video.graph import PresetName, command
from workers.video.ladder import ladder
from workers.video.limits import Limits
from workers.video.probe import probe
from workers.video.thumbnail import thumbnail, thumbnail_second
from workers.video.verify import check_output

OLD = "old"
EVERY_NTH = 5
GOAL = "goal: CPU at most 0.50, bytes at most 0.50, VMAF of both renditions at least the old one's"


@dataclass(frozen=True)
class Round:
    """One encode. Bytes: everything that a player could fetch."""

    cpu_s: float
    wall_s: float
    size: int


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=int, default=30)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--presets", nargs="+", choices=get_args(PresetName), default=["balanced"])
    options.add_argument("--json", action="store_true")
    said = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = lecture(folder / "lecture.mp4", seconds=said.seconds)
        kinds = [OLD, *said.presets]
        rounds: dict[str, list[Round]] = {kind: [] for kind in kinds}
        for _ in range(said.rounds):
            for kind in kinds:
                rounds[kind].append(measured(kind, clip, folder / kind))
        vmaf = {kind: [vmaf_of(folder / kind / f"v{n}" / "index.m3u8", clip) for n in (1, 2)] for kind in kinds}
    report(rounds, vmaf, as_json=said.json)


def measured(kind: str, clip: Path, out_dir: Path) -> Round:
    """One encode into a clean folder."""
    for old in sorted(out_dir.rglob("*.*")):
        old.unlink()
    out_dir.mkdir(exist_ok=True)
    before, started = os.times(), time.monotonic()
    if kind == OLD:
        subprocess.run(old_command(clip, out_dir), check=True, stdin=subprocess.DEVNULL, capture_output=True)
    else:
        our_way(kind, clip, out_dir)
    after, wall_s = os.times(), time.monotonic() - started
    cpu_s = sum(after[n] - before[n] for n in range(4))
    return Round(cpu_s, wall_s, sum(path.stat().st_size for path in out_dir.rglob("*.ts")))


def old_command(clip: Path, out_dir: Path) -> list[str]:
    """What the old worker ran for a 1080p upload with sound."""
    graph = "[0:v]split=2[a][b];[a]scale=640:360[low];[b]scale=1280:720[high]"
    maps = ["-map", "[low]", "-map", "0:a:0", "-map", "[high]", "-map", "0:a:0"]
    video = ["-c:v", "libx264", "-profile:v", "main", "-pix_fmt", "yuv420p", "-b:v:0", "800k", "-b:v:1", "2500k"]
    grid = ["-g", "48", "-keyint_min", "48", "-sc_threshold", "0"]
    audio = ["-c:a", "aac", "-ac", "2", "-b:a:0", "96k", "-b:a:1", "128k"]
    hls = ["-f", "hls", "-hls_time", "4", "-hls_playlist_type", "vod", "-hls_flags", "independent_segments"]
    hls += ["-master_pl_name", "master.m3u8", "-var_stream_map", "v:0,a:0,name:1 v:1,a:1,name:2"]
    names = ["-hls_segment_filename", f"{out_dir}/v%v/index%d.ts", f"{out_dir}/v%v/index.m3u8"]
    start = [str(find_ffmpeg()), "-nostdin", "-v", "error", "-y", "-i", str(clip), "-filter_complex", graph]
    return [*start, *maps, *video, *grid, *audio, *hls, *names]


def our_way(preset: str, clip: Path, out_dir: Path) -> None:
    """Probe, encode, check, thumbnail."""
    ffmpeg, limits = find_ffmpeg(), Limits()
    source = probe(clip, ffprobe=find_ffprobe(), limits=limits)
    renditions = ladder(source)
    argv = command(source, renditions, ffmpeg=ffmpeg, out_dir=out_dir, preset=preset, limits=limits)  # type: ignore[arg-type]
    result = runner.run(argv, out_dir=out_dir, limits=limits, duration_s=source.duration_s)
    runner.judge_decoding(result, limits)
    checked = check_output(out_dir, renditions, source)
    at_s = thumbnail_second(checked.duration_s)
    thumbnail(out_dir, renditions, out_dir / "thumbnail.jpg", at_s=at_s, ffmpeg=ffmpeg, limits=limits)


def vmaf_of(playlist: Path, clip: Path) -> float:
    """The mean VMAF of a rendition against its source, picture by picture."""
    # Ours is tagged BT.709 and the source not: FFmpeg would convert one to the other, and VMAF would see that.
    untagged = "setparams=range=tv:color_primaries=unknown:color_trc=unknown:colorspace=unknown"
    graph = (
        f"[0:v]{untagged},scale=1920:1080:flags=bicubic,settb=1/90000,setpts=N*3000[a];"
        f"[1:v]{untagged},settb=1/90000,setpts=N*3000[b];[a][b]libvmaf=n_threads=2:n_subsample={EVERY_NTH}"
    )
    argv = [str(find_ffmpeg()), "-nostdin", "-hide_banner", "-i", str(playlist), "-i", str(clip)]
    said = subprocess.run(
        [*argv, "-filter_complex", graph, "-f", "null", "-"],
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
    ).stderr
    found = re.search(r"VMAF score: ([0-9.]+)", said)
    assert found is not None, "this FFmpeg has no libvmaf"
    return float(found[1])


def report(rounds: dict[str, list[Round]], vmaf: dict[str, list[float]], *, as_json: bool) -> None:
    if as_json:
        found = {kind: {"rounds": [asdict(each) for each in rounds[kind]], "vmaf": vmaf[kind]} for kind in rounds}
        print(json.dumps(found, indent=2))
        return
    print(f"{'':10}{'CPU s':>8}{'wall s':>8}{'MB':>8}{'VMAF 360':>10}{'VMAF 720':>10}{'CPU ratio':>22}{'bytes':>8}")
    for kind, made in rounds.items():
        ratios = [each.cpu_s / old.cpu_s for each, old in zip(made, rounds[OLD], strict=True)]
        print(
            f"{kind:10}{statistics.median(each.cpu_s for each in made):8.1f}"
            f"{statistics.median(each.wall_s for each in made):8.1f}{made[0].size / 1e6:8.2f}"
            f"{vmaf[kind][0]:10.1f}{vmaf[kind][1]:10.1f}"
            f"{' '.join(f'{ratio:.2f}' for ratio in ratios):>22}{made[0].size / rounds[OLD][0].size:8.2f}"
        )
    print(GOAL)


if __name__ == "__main__":
    main()
