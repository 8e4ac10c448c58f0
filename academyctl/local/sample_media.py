"""The sample video's files: a small clip, and the HLS that the platform would have published of it (contract 4)."""

from __future__ import annotations

import subprocess
from pathlib import Path

from academyctl.errors import WorkFailed
from academyctl.local import processes

SECONDS = 8
SEGMENT_S = 4
CODECS = "avc1.42c01e,mp4a.40.2"


def make(ffmpeg: Path, folder: Path) -> tuple[Path, dict[str, Path]]:
    """The clip, and the published files by their names under the HLS folder. Made once a stack's folder."""
    clip, hls = folder / "sample" / "clip.mp4", folder / "sample" / "hls"
    master = hls / "master.m3u8"
    if not master.exists():
        (hls / "v1").mkdir(parents=True, exist_ok=True)
        _run(ffmpeg, clip, hls, processes.marked(folder))
        master.write_text(
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n"
            f'#EXT-X-STREAM-INF:BANDWIDTH={_peak(hls)},RESOLUTION=640x360,FRAME-RATE=10.000,CODECS="{CODECS}"\n'
            "v1/index.m3u8\n",
            encoding="utf-8",
        )
    return clip, {path.relative_to(hls).as_posix(): path for path in sorted(hls.rglob("*")) if path.is_file()}


def _run(ffmpeg: Path, clip: Path, hls: Path, env: dict[str, str]) -> None:
    """One run: clip, segments and thumbnail. Ten frames a second, all that a still slide needs."""
    video = ["-c:v", "libx264", "-profile:v", "baseline", "-level", "3.0", "-preset", "ultrafast", "-crf", "30",
             "-pix_fmt", "yuv420p", "-g", str(10 * SEGMENT_S), "-sc_threshold", "0"]  # fmt: skip
    audio = ["-c:a", "aac", "-b:a", "64k", "-ac", "2"]
    argv = [
        str(ffmpeg), "-v", "error", "-nostdin", "-y",
        "-f", "lavfi", "-i", f"testsrc2=s=640x360:r=10:d={SECONDS}",
        "-f", "lavfi", "-i", f"sine=220:r=48000:d={SECONDS}",
        "-map", "0:v", "-map", "1:a", *video, *audio, "-movflags", "+faststart", str(clip),
        "-map", "0:v", "-map", "1:a", *video, *audio, "-f", "hls", "-hls_time", str(SEGMENT_S),
        "-hls_playlist_type", "vod", "-hls_flags", "independent_segments",
        "-hls_segment_filename", str(hls / "v1" / "index%d.ts"), str(hls / "v1" / "index.m3u8"),
        "-map", "0:v", "-frames:v", "1", "-update", "1", str(hls / "thumbnail.jpg"),
    ]  # fmt: skip
    done = subprocess.run(
        argv, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=60, env=env, check=False
    )
    if done.returncode != 0:
        raise WorkFailed("FFmpeg could not make the sample video", why=done.stderr[-400:].strip())


def _peak(hls: Path) -> int:
    return max(path.stat().st_size for path in (hls / "v1").glob("*.ts")) * 8 // SEGMENT_S
