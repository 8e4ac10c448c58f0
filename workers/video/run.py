"""The pipeline of one claimed video, step by step (contract 2.2, 4).

    presigning -> downloading -> probing -> transcoding (segments go up meanwhile) -> validating -> thumbnail
               -> uploading

Each step first asks whether the job is to stop; the long ones keep asking. The row is READY only afterwards, by the
handler: everything here happens under the lease and leaves an earlier encode of the video playable until the switch.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from academyctl.contract import keys, logtokens, progress
from academyctl.contract.messages import VideoEncode
from academyctl.contract.progress import Step
from academyctl.errors import AwsError, Both, WorkFailed
from academyctl.media_tools import find_ffmpeg, find_ffprobe
from academyctl.settings_model import Video
from academyctl.stores.r2 import Head
from academyctl.stores.videos import VideoRow
from workers._model import Delivery
from workers.video import ffmpeg, graph, verify
from workers.video.delete import delete_all
from workers.video.download import download
from workers.video.ladder import Rendition, ladder
from workers.video.lease import RowLease
from workers.video.limits import Limits
from workers.video.probe import EncodeFailed, MediaRefused, Source, duration_column, probe
from workers.video.progress import Reporter
from workers.video.publish import THUMBNAIL, Publisher
from workers.video.shelf import Shelf
from workers.video.thumbnail import thumbnail, thumbnail_second
from workers.video.upload import Uploads, persistently
from workers.video.verify import Checked
from workers.video.workdir import require_space

log = logging.getLogger("academyctl.video")

T = TypeVar("T")
TS_OVERHEAD = 1.1


@dataclass(frozen=True)
class Result:
    """What the row is told: `duration` in whole seconds. `file_key` is the upload that was encoded."""

    hls_path: str
    duration: int
    file_key: str


@dataclass(frozen=True)
class Run:
    """What every step needs. `folder` is the working folder, `out` where FFmpeg writes."""

    delivery: Delivery
    row: VideoRow
    folder: Path
    lease: RowLease
    reporter: Reporter
    limits: Limits

    @property
    def settings(self) -> Video:
        return self.delivery.settings.video

    @property
    def bucket(self) -> str:
        return self.delivery.settings.r2.video_bucket

    @property
    def out(self) -> Path:
        return self.folder / "hls"

    @property
    def ffmpeg(self) -> Path:
        return find_ffmpeg(self.settings.ffmpeg_bin)

    def persist(self, action: Callable[[], T], what: str) -> T:
        """Try a call to R2 again while that may help."""
        delivery = self.delivery
        return persistently(action, what, settings=self.settings, wait=delivery.wait, rng=delivery.rng)

    def begin(self, step: Step) -> None:
        """Enter a step, unless the job is to stop."""
        self.delivery.stage(step.name)
        self.reporter.step(step)


def encode(
    delivery: Delivery, row: VideoRow, job: VideoEncode, *, folder: Path, lease: RowLease, reporter: Reporter
) -> Result:
    """Encode and publish one video. Raises MediaRefused, WorkFailed, StoreError, and what stops the job."""
    run = Run(delivery, row, folder, lease, reporter, limits_of(delivery.settings.video))
    head = _find_upload(run, job)
    path = _download(run, head)
    source = _probe(run, path)
    renditions = ladder(source, audio=run.settings.audio)
    folder_key, first = keys.hls_folder(row.tenant_id, row.id), row.processing_started_at is None
    shelf = Shelf.open(delivery.stores.r2, run.bucket, folder_key, delivery.token, first=first)
    uploads = Uploads(_putter(run), threads=run.settings.upload_concurrency)
    try:
        publisher = Publisher(
            shelf,
            uploads,
            run.out,
            renditions,
            frame_rate=source.shown_fps,
            segment_s=run.settings.hls_time_s,
            # Who plays an older encode keeps it until the new one is whole.
            early=run.settings.early_playlist and not row.hls_path,
            still_ours=lease.confirm,
            persist=run.persist,
        )
        _transcode(run, source, renditions, publisher)
        checked = _validate(run, source, renditions)
        _thumbnail(run, renditions, checked, publisher)
        _publish(run, checked, publisher)
    finally:
        uploads.close()
    return Result(keys.hls_master(row.tenant_id, row.id), duration_column(checked.duration_s), head.key)


def limits_of(settings: Video) -> Limits:
    """The engine's bounds from the settings."""
    return Limits(
        max_duration_s=settings.max_duration_s,
        max_pixels=settings.max_pixels,
        max_streams=settings.max_streams,
        max_bytes=settings.max_bytes,
        probe_timeout_s=settings.ffprobe_timeout_s,
        stall_s=settings.stall_s,
    )


def _find_upload(run: Run, job: VideoEncode) -> Head:
    """The upload that the row names; the message's word counts only where the row has none, and inside the tenant."""
    run.begin(progress.PRESIGNING)
    row = run.row
    own = job.file_key.startswith(keys.raw_prefix(row.tenant_id))
    key = row.file_key or (job.file_key if own else "")
    if not key:
        raise WorkFailed(f"video {row.id} names no upload", why="file_key is empty")
    head = run.delivery.stores.r2.head(run.bucket, key)
    if head is None:
        raise WorkFailed(
            f"the upload is missing: {run.bucket}/{key}",
            why="there is no such object",
            remedy=Both(
                "check R2_VIDEO_BUCKET; if the upload is gone, upload the video again",
                "R2_VIDEO_BUCKET를 확인하세요. 원본이 없으면 영상을 다시 업로드해야 합니다",
            ),
        )
    if head.size > run.limits.max_bytes:
        why = f"{head.size >> 20} MiB, at most {run.limits.max_bytes >> 20}"
        raise MediaRefused("too_big", "the upload is too big", why=why)
    if head.size == 0:
        raise MediaRefused("empty_file", "the upload is an empty file")
    run.reporter.step(progress.PRESIGNING, 100)
    return head


def _download(run: Run, head: Head) -> Path:
    run.begin(progress.DOWNLOADING)
    require_space(run.folder, head.size, f"the upload of video {run.row.id}")
    path = run.folder / f"source{Path(head.key).suffix[:8]}"

    def tell(done: int, size: int) -> None:
        run.reporter.step(progress.DOWNLOADING, done * 100 // size, file_key=head.key)

    download(
        run.delivery.stores.r2,
        run.bucket,
        head,
        path,
        video_id=run.row.id,
        settings=run.settings,
        on_progress=tell,
        wait=run.delivery.wait,
        rng=run.delivery.rng,
    )
    return path


def _probe(run: Run, path: Path) -> Source:
    run.begin(progress.PROBING)
    ffprobe = find_ffprobe(run.settings.ffprobe_bin)
    source = probe(path, ffprobe=ffprobe, limits=run.limits, check=run.delivery.check)
    run.reporter.step(progress.PROBING, 100)
    return source


def _transcode(run: Run, source: Source, renditions: Sequence[Rendition], publisher: Publisher) -> None:
    run.begin(progress.TRANSCODING)
    bits = sum(rendition.maxrate_bps + rendition.audio_bps for rendition in renditions) * source.duration_s
    require_space(run.folder, int(bits / 8 * TS_OVERHEAD), f"the encode of video {run.row.id}")
    run.out.mkdir()
    argv = graph.command(
        source,
        renditions,
        ffmpeg=run.ffmpeg,
        out_dir=run.out,
        preset=run.settings.preset,
        segment_s=run.settings.hls_time_s,
        threads=run.settings.threads,
        limits=run.limits,
    )
    log.info(logtokens.FFMPEG_START.format(video_id=run.row.id, cmd=" ".join(argv)))
    run.reporter.transcoding(0, source.duration_s)

    def check() -> None:
        run.delivery.check()
        publisher.check()

    def tell(out_time_s: float, speed: float) -> None:
        run.reporter.transcoding(out_time_s, source.duration_s, speed=speed)

    with publisher:
        result = ffmpeg.run(
            argv, out_dir=run.out, limits=run.limits, duration_s=source.duration_s, on_progress=tell, check=check
        )
    ffmpeg.judge_decoding(result, run.limits)


def _validate(run: Run, source: Source, renditions: Sequence[Rendition]) -> Checked:
    run.begin(progress.VALIDATING)
    checked = verify.check_output(run.out, renditions, source)
    # A clip can be shorter than the wanted number of segments; it must then have all that its length gives.
    least = min(run.settings.min_segments, math.ceil(checked.duration_s / run.settings.hls_time_s))
    for each in checked.renditions:
        if len(each.segments) < least:
            why = f"{each.rendition.directory} has {len(each.segments)} segments, wanted are {least}"
            raise EncodeFailed("bad_output", "HLS validation failed", why=why)
    run.reporter.step(progress.VALIDATING, 100)
    return checked


def _thumbnail(run: Run, renditions: Sequence[Rendition], checked: Checked, publisher: Publisher) -> None:
    """A video without its picture is still a video: failing here only warns (contract 4)."""
    run.begin(progress.THUMBNAIL)
    picture = run.folder / THUMBNAIL
    at_s = thumbnail_second(checked.duration_s)
    check = run.delivery.check
    try:
        thumbnail(run.out, renditions, picture, at_s=at_s, ffmpeg=run.ffmpeg, limits=run.limits, check=check)
        publisher.add(THUMBNAIL, picture)
    except EncodeFailed as error:
        log.warning(logtokens.THUMBNAIL_FAILED.format(video_id=run.row.id, error=error))
    run.reporter.step(progress.THUMBNAIL, 100)


def _publish(run: Run, checked: Checked, publisher: Publisher) -> None:
    """Everything up and seen to be there, then the switch, then the rests of older encodes go."""
    run.begin(progress.UPLOADING)
    prefix = keys.hls_prefix(run.row.tenant_id, run.row.id)
    before: list[int] = []

    def tell(done: int, total: int) -> None:
        before[:] = before or [done]
        share = (done - before[0]) * 100 // max(1, total - before[0])
        run.reporter.step(progress.UPLOADING, min(99, share), hls_prefix=prefix)

    check = run.delivery.check
    publisher.drain(check, tell)
    publisher.verify(check)
    run.lease.confirm()
    publisher.switch(checked)
    publisher.verify(check)
    _remove_stale(run, publisher)
    run.reporter.step(progress.UPLOADING, 100, hls_prefix=prefix)


def _remove_stale(run: Run, publisher: Publisher) -> None:
    """What stays behind costs a little space until the next encode; the video is whole either way."""
    try:
        removed = publisher.remove_stale(lambda stale: delete_all(run.delivery, run.bucket, stale))
    except (AwsError, WorkFailed) as error:
        log.warning("objects of an older encode of video %d stay for now: %s", run.row.id, error)
        return
    if removed:
        log.info("%d objects of an older encode of video %d removed", removed, run.row.id)


def _putter(run: Run) -> Callable[[str, Path], None]:
    r2 = run.delivery.stores.r2

    def put(key: str, path: Path) -> None:
        run.delivery.check()
        run.persist(lambda: r2.put(run.bucket, key, path), key)

    return put
