"""What people see of a run and of its result: the live bar, one reading, the verification's tables."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, Any

from academyctl import output
from academyctl.errors import Both, WorkFailed
from academyctl.hls_report import Rendition, VerifyReport
from academyctl.hls_verify import verify
from academyctl.media_tools import find_ffmpeg
from academyctl.stores import Stores
from academyctl.video_follow import End, Progress, follow

PLAIN_STEP = 5
"""Without a terminal a line is written every so many percent, and at each new step."""


def watch(
    stores: Stores,
    tenant_id: int,
    video_id: int,
    *,
    stop: threading.Event | None = None,
    timeout_s: float | None = None,
    stream: IO[str] | None = None,
    lang: str | None = None,
) -> tuple[End, Progress]:
    """Show a live bar (plain lines where there is no terminal) until the video is READY or FAILED, or `stop` is set.

    Writes to stderr: the bar is no result. Raises what `follow` raises.
    """
    stream = stream or sys.stderr
    with shown(stream, lang or output.lang()) as update:
        return follow(stores, tenant_id, video_id, on_update=update, stop=stop, timeout_s=timeout_s)


def shown(stream: IO[str], lang: str) -> AbstractContextManager[Callable[[Progress], None]]:
    """What takes each new reading: a live bar on a terminal, else lines."""
    return _bar(stream, lang) if stream.isatty() else _lines(stream, lang)


def verify_video(stores: Stores, video_id: int, *, decode: bool = False) -> VerifyReport:
    """Verify one published video by its id; `decode` also plays every rendition to its end.

    Raises WorkFailed when there is no such row, ConfigError without FFmpeg, StoreError.
    """
    row = stores.videos.row(video_id)
    if row is None:
        raise WorkFailed(f"there is no video {video_id}", code="absent")
    return verify(stores, row, ffmpeg=find_ffmpeg(stores.settings.video.ffmpeg_bin) if decode else None)


def line(progress: Progress, lang: str) -> str:
    """One reading in one line."""
    parts = [progress.status]
    if progress.percent is not None:
        parts.append(f"{progress.percent:3d} %")
    if progress.step:
        count = f" {progress.step_index}/{progress.step_total}" if progress.step_index and progress.step_total else ""
        parts.append(_step(progress, lang) + count)
    if progress.remaining_s:
        parts.append(_remaining(progress.remaining_s, lang))
    if progress.status == "FAILED" and progress.error_reason:
        parts.append(progress.error_reason)
    if progress.unknown:
        parts.append(Both("(Redis is away: no progress)", "(Redis 연결 불가: 진행률 없음)").pick(lang))
    return "  ".join(parts)


def progress_json(video_id: int, progress: Progress) -> dict[str, Any]:
    return {
        "version": 1,
        "id": video_id,
        "status": progress.status,
        "percent": progress.percent,
        "step": progress.step or None,
        "step_index": progress.step_index,
        "step_total": progress.step_total,
        "step_percent": progress.step_percent,
        "remaining_s": progress.remaining_s,
        "error_reason": progress.error_reason,
        "hls_path": progress.hls_path,
        "duration_s": progress.duration,
        "unknown": ["redis"] if progress.unknown else [],
    }


def verify_json(report: VerifyReport) -> dict[str, Any]:
    """One verification; sizes in bytes, rates in bit/s, times in seconds."""
    return {
        "version": 1,
        "id": report.video_id,
        "ok": report.ok,
        "folder": report.folder,
        "objects": report.objects,
        "bytes": report.bytes,
        "row_s": report.row_s,
        "source_s": round(report.source.length_s, 3) if report.source else None,
        "renditions": [_rendition_json(rendition) for rendition in report.renditions],
        "problems": [{"code": p.code, "key": p.key, "what": p.what} for p in report.problems],
        "orphans": list(report.orphans),
        "notes": list(report.notes),
    }


def verify_rows(report: VerifyReport) -> Any:
    """The renditions as a table (rich)."""
    columns = ("rendition", "kind", "size", "codecs", "segments", "MB", "kbit/s", "playlist s", "decoded s")
    return output.rows(columns, [_rendition_row(rendition) for rendition in report.renditions])


def verify_text(report: VerifyReport, lang: str) -> str:
    """The findings and the verdict, in lines."""
    lines = ["  ".join(filter(None, ("FAIL", p.code, p.key, p.what))) for p in report.problems]
    lines += [f"warn  orphan  {key}" for key in report.orphans]
    lines += [f"warn  {note}" for note in report.notes]
    source = "" if report.source is None else f", upload {report.source.length_s:.3f} s"
    row = "?" if report.row_s is None else report.row_s
    facts = f"video {report.video_id}: {report.objects} objects, {report.bytes / 1e6:.2f} MB, row {row} s{source}"
    lines.append(f"{'ok' if report.ok else 'FAIL':<4}  {facts}")
    if not report.ok:
        lines.append(remedy(report).pick(lang))
    return "\n".join(lines) + "\n"


def remedy(report: VerifyReport) -> Both:
    """What to do about a video whose objects are not whole."""
    again = f"academyctl video retry {report.video_id}"
    if any(problem.code == "not-ready" for problem in report.problems):
        see = f"academyctl video status {report.video_id}"
        return Both(f"next: it is not published yet: {see}", f"다음: 아직 게시되지 않았습니다: {see}")
    return Both(f"next: publish it again: {again} --force", f"다음: 다시 인코딩해 게시하세요: {again} --force")


def _rendition_row(found: Rendition) -> tuple[str, ...]:
    size = f"{found.resolution[0]}x{found.resolution[1]}" if found.resolution else ""
    decoded = "" if found.decoded_s is None else f"{found.decoded_s:.3f}"
    return (
        found.name,
        found.kind,
        size,
        found.codecs,
        str(len(found.segments)),
        f"{found.bytes / 1e6:.2f}",
        f"{found.bitrate / 1000:.0f}",
        f"{found.playlist_s:.3f}",
        decoded,
    )


def _rendition_json(found: Rendition) -> dict[str, Any]:
    return {
        "name": found.name,
        "kind": found.kind,
        "playlist": found.key,
        "codecs": found.codecs,
        "width": found.resolution[0] if found.resolution else None,
        "height": found.resolution[1] if found.resolution else None,
        "frame_rate": found.frame_rate,
        "bandwidth": found.bandwidth or None,
        "bitrate": found.bitrate,
        "segments": len(found.segments),
        "bytes": found.bytes,
        "playlist_s": round(found.playlist_s, 3),
        "decoded_s": None if found.decoded_s is None else round(found.decoded_s, 3),
    }


def _step(progress: Progress, lang: str) -> str:
    return progress.display if lang == "ko" and progress.display else progress.step


def _remaining(seconds: int, lang: str) -> str:
    clock = f"{seconds // 60}:{seconds % 60:02d}"
    return Both(f"about {clock} left", f"약 {clock} 남음").pick(lang)


@contextmanager
def _lines(_stream: IO[str], lang: str) -> Iterator[Callable[[Progress], None]]:
    last: tuple[object, ...] = ()

    def update(progress: Progress) -> None:
        nonlocal last
        now = (progress.status, progress.step, (progress.percent or 0) // PLAIN_STEP, progress.unknown)
        if now != last:
            last = now
            output.note(line(progress, lang))

    yield update


@contextmanager
def _bar(stream: IO[str], lang: str) -> Iterator[Callable[[Progress], None]]:
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[left]}"))
    with Bar(*columns, TimeElapsedColumn(), console=output.console(stream)) as bar:
        task = bar.add_task("", total=100, left="")

        def update(progress: Progress) -> None:
            left = _remaining(progress.remaining_s, lang) if progress.remaining_s else ""
            told = f"{progress.status} {_step(progress, lang)}".rstrip()
            bar.update(task, description=told, completed=progress.percent or 0, left=left)

        yield update
