"""Repairs that look before they act: at the whole video as the plan saw it, and at whether a message may be sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from academyctl.contract.states import VideoState
from academyctl.redrive import Redrive
from academyctl.repairs import Changed, SendEncode
from academyctl.stores import Stores
from academyctl.video_state import Video, gather, owner_of


@dataclass(frozen=True)
class StillSo:
    """Go on only while a video is what its plan was made of; changes nothing. `lock` is the lock's text, '' = free.

    `forced`: somebody may be at work on it, as when the plan was made.
    """

    video_id: int
    status: str
    updated_at: datetime
    leased_by: str
    lock: str
    forced: bool = False

    def __str__(self) -> str:
        owner = owner_of(self.lock)
        held = f"lock {owner.token if owner else self.lock}" if self.lock else "no lock"
        lease = f"lease {self.leased_by}" if self.leased_by else "no lease"
        free = "" if self.forced else ", nobody at work"
        changed = self.updated_at.astimezone(UTC).isoformat(timespec="seconds")
        return f"while video {self.video_id} is {self.status} (changed {changed}), {lease}, {held}{free}"

    def do(self, stores: Stores) -> None:
        video = _look(stores, self.video_id)
        now, signs = still_so(video, forced=self.forced), () if self.forced else at_work(video)
        if now == self and not signs:
            return
        moved = "its row is gone" if now is None else f"it is {str(now).partition(' is ')[2]}"
        raise Changed(f"video {self.video_id} has moved since it was looked at", why="; ".join(signs) or moved)

    @property
    def undo(self) -> str:
        return "nothing: this only looks"


@dataclass(frozen=True)
class WhenFree:
    """Send a video's message, new or out of the dead letters, once nothing stands in its way any more."""

    video_id: int
    file_key: str
    message: SendEncode | Redrive
    forced: bool = False

    def __str__(self) -> str:
        return str(self.message)

    def do(self, stores: Stores) -> None:
        video = _look(stores, self.video_id)
        row = video.row
        why = ""
        if row is None:
            why = "its row is gone"
        elif row.status != VideoState.UPLOADED or row.file_key != self.file_key:
            why = f"it is {row.status} with upload {row.file_key}"
        elif video.keys is not None and video.keys.lock is not None:
            why = f"{video.keys.lock.key} is held: {video.keys.lock.value}"
        elif not self.forced:
            why = "; ".join(at_work(video))
        if why:
            raise Changed(f"no message was sent for video {self.video_id}", why=why)
        self.message.do(stores)

    @property
    def undo(self) -> str:
        return self.message.undo


def still_so(video: Video, *, forced: bool = False) -> StillSo | None:
    """What a video is now; None without a row."""
    row = video.row
    if row is None:
        return None
    lock = video.keys.lock.value if video.keys is not None and video.keys.lock is not None else ""
    return StillSo(row.id, row.status, row.updated_at, row.leased_by, lock, forced)


def at_work(video: Video) -> tuple[str, ...]:
    """Evidence that somebody works on this very video. A process that has forgotten it is none, though it beats."""
    signs = []
    if video.row is not None and video.row.leased:
        signs.append(f"the row lease of {video.row.leased_by} runs for {video.row.lease_left_s:.0f} s more")
    if video.worker is not None and video.worker.has_it:
        signs.append(f"the worker {video.worker.host} (pid {video.worker.pid}) says that it runs it")
    if video.keys is not None and video.keys.heartbeat is not None:
        signs.append(f"the video's heartbeat key lives for {video.keys.heartbeat.ttl_ms / 1000:.0f} s more")
    return tuple(signs)


def _look(stores: Stores, video_id: int) -> Video:
    """Raises the store's error when a part cannot be read: nothing is changed blindly."""
    found = gather(stores, [video_id], objects=False)
    for error in found.away.values():
        raise error
    return found.videos[0]
