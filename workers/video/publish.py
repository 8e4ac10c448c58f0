"""Segments go up while FFmpeg still runs; a playlist only ever names segments that are up (contract 11 #9, #44).

    while FFmpeg runs   finished segments -> pool; with `early`, EVENT playlists and the master as soon as every
                        rendition has its first segment, then again every few seconds
    after it            the rest and the thumbnail -> sizes against a listing -> VOD playlists -> master last
                        -> listing again -> what no playlist names any more is deleted

The early playlists are for a video that is not playable yet. One that is (a re-encode) stays exactly as it is until
the switch. Names: see shelf.py.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol, TypeVar

from academyctl.errors import WorkFailed
from academyctl.stores.r2 import Head
from workers.video.ladder import Rendition
from workers.video.playlists import Segment, master_playlist, media_playlist, target_duration
from workers.video.segments import Growing
from workers.video.shelf import Shelf
from workers.video.upload import Uploads
from workers.video.verify import Checked, codec_of

log = logging.getLogger("academyctl.video")

LOOK_S = 0.2
EVENT_EVERY_S = 3.0
INDEX, MASTER, THUMBNAIL = "index.m3u8", "master.m3u8", "thumbnail.jpg"

JOIN_S = 3.0

Check = Callable[[], None]
Progress = Callable[[int, int], None]
T = TypeVar("T")


class Persist(Protocol):
    """Tries a call to R2 again while that may help; `what` is its subject, for the log."""

    def __call__(self, action: Callable[[], T], what: str) -> T: ...


@dataclass
class _Track:
    """One rendition: what FFmpeg has finished, how much of that was submitted, and how much of it is public."""

    growing: Growing
    stamp: int = -1
    segments: tuple[Segment, ...] = ()
    submitted: int = 0
    public: int = 0
    public_at: float = float("-inf")

    @property
    def rendition(self) -> Rendition:
        return self.growing.rendition

    @property
    def folder(self) -> Path:
        return self.growing.folder

    @property
    def name(self) -> str:
        return self.rendition.directory

    def look(self) -> None:
        """Read FFmpeg's playlist again if it has changed; FFmpeg replaces it as a whole."""
        try:
            stamp = (self.folder / INDEX).stat().st_mtime_ns
        except FileNotFoundError:
            return
        if stamp != self.stamp:
            self.segments = self.growing.look().segments
            self.stamp = stamp


class Publisher:
    """Publishes one encode. A context manager around FFmpeg; afterwards `drain`, `verify`, `switch`, `remove_stale`.

    `still_ours` raises LeaseLost when the video is another's by now; it may take a while and is called rarely. What
    goes wrong on the publishing thread is raised by `check`, which FFmpeg's run polls.
    """

    def __init__(
        self,
        shelf: Shelf,
        uploads: Uploads,
        out_dir: Path,
        renditions: Sequence[Rendition],
        *,
        frame_rate: Fraction,
        segment_s: int,
        early: bool,
        still_ours: Check,
        persist: Persist,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shelf = shelf
        self._uploads = uploads
        self._tracks = [_Track(Growing(out_dir, rendition, fps=frame_rate)) for rendition in renditions]
        self._frame_rate = frame_rate
        self._segment_s = segment_s
        self._early = early
        self._still_ours = still_ours
        self._persist = persist
        self._clock = clock
        self._paths: dict[str, Path] = {}
        self._texts: dict[str, int] = {}
        self._master_public = False
        self._error: Exception | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def __enter__(self) -> Publisher:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._ending.set()
        # A PUT that hangs must not hold up a job that is to stop; the thread starts no other one.
        self._thread.join(None if kind is None else JOIN_S)

    def check(self) -> None:
        """Raise what stopped the publishing, if anything did."""
        if self._error is not None:
            raise self._error
        self._uploads.check()

    def add(self, name: str, path: Path) -> None:
        """Upload a further file under this name."""
        self._submit(self._shelf.key(name), path)

    def drain(self, check: Check, on_progress: Progress) -> None:
        """Upload what is left of the finished encode and wait until all of it is up."""
        self._look()
        self._uploads.wait(check, on_progress)

    def verify(self, check: Check) -> None:
        """Compare R2's listing with what was sent; what differs is sent once more. Raises WorkFailed if that fails."""
        for key in self._differing():
            if key in self._texts:
                raise WorkFailed(f"upload failed key={key}", why="R2 lists another size than was sent")
            log.warning("upload retry key=%s err=R2 lists another size than was sent", key)
            self._uploads.forget(key)
            self._uploads.submit(key, self._paths[key])
        self._uploads.wait(check, lambda _done, _all: None)
        if wrong := self._differing():
            why = f"{len(wrong)} objects are missing or of another size in R2, the first: {wrong[0]}"
            raise WorkFailed("upload failed: what R2 lists is not what was sent", why=why)

    def switch(self, checked: Checked) -> None:
        """Make this encode the one that plays: VOD playlists, master last. Raises LeaseLost, AwsError, WorkFailed."""
        for track, made in zip(self._tracks, checked.renditions, strict=True):
            target_s = target_duration(made.segments, self._segment_s)
            self._put_media(track, made.segments, target_s=target_s, ended=True)
        self._put_master(checked.codecs, checked)

    def remove_stale(self, delete: Callable[[Sequence[str]], None]) -> int:
        """Delete what belongs to no playlist of this encode; how many objects.

        `still_ours` is asked between the listing and the deletion: whatever a later owner puts there is not listed.
        """
        ours = self._expected()
        stale = [key for key in self._listing() if key not in ours]
        if stale:
            self._still_ours()
            delete(stale)
        return len(stale)

    def _run(self) -> None:
        try:
            while not self._ending.wait(LOOK_S):
                self._look()
                if self._early:
                    self._publish_early()
        except Exception as error:  # noqa: BLE001 - a thread cannot raise: `check` does, with whatever it was
            self._error = error

    def _look(self) -> None:
        for track in self._tracks:
            track.look()
            for segment in track.segments[track.submitted :]:
                self._submit(self._shelf.segment_key(track.name, segment.name), track.folder / segment.name)
            track.submitted = len(track.segments)

    def _submit(self, key: str, path: Path) -> None:
        self._paths[key] = path
        self._uploads.submit(key, path)

    def _publish_early(self) -> None:
        for track in self._tracks:
            up = self._up(track)
            # The first one at once; then a PUT a few seconds is what a viewer needs and R2 should be asked for.
            if self._ending.is_set():
                return
            if up > track.public and self._clock() - track.public_at >= (EVENT_EVERY_S if track.public else 0.0):
                self._put_media(track, track.segments[:up], target_s=self._segment_s, ended=False)
                track.public, track.public_at = up, self._clock()
        if not self._master_public and all(track.public for track in self._tracks):
            self._put_master({t.rendition.name: codec_of(t.folder / t.segments[0].name) for t in self._tracks}, None)
            self._master_public = True

    def _up(self, track: _Track) -> int:
        """How many segments from the first on are up, without a gap."""
        up = track.public
        while up < len(track.segments) and self._uploads.done(
            self._shelf.segment_key(track.name, track.segments[up].name)
        ):
            up += 1
        return up

    def _put_media(self, track: _Track, segments: Sequence[Segment], *, target_s: int, ended: bool) -> None:
        text = media_playlist(
            segments, target_s=target_s, ended=ended, kind="VOD" if ended else "EVENT", prefix=self._shelf.prefix
        )
        self._put(f"{track.name}/{INDEX}", text)

    def _put_master(self, codecs: Mapping[str, str], checked: Checked | None) -> None:
        text = master_playlist(
            [track.rendition for track in self._tracks],
            codecs=codecs,
            frame_rate=self._frame_rate,
            segment_s=self._segment_s,
            rates=checked.rates(self._segment_s) if checked else None,
        )
        self._put(MASTER, text)

    def _put(self, name: str, text: str) -> None:
        self._texts[self._shelf.key(name)] = self._persist(
            lambda: self._shelf.swap(name, text, self._still_ours), self._shelf.key(name)
        )

    def _expected(self) -> dict[str, int]:
        return {**self._uploads.sizes, **self._texts}

    def _differing(self) -> list[str]:
        sizes = {key: head.size for key, head in self._listing().items()}
        return [key for key, size in self._expected().items() if sizes.get(key) != size]

    def _listing(self) -> Mapping[str, Head]:
        return self._persist(self._shelf.listing, self._shelf.folder)
