"""What a verification of published HLS found, as values."""

from __future__ import annotations

from dataclasses import dataclass

from academyctl.hls_decode import Decoded


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. `code` is stable; `key` is the object it is about."""

    code: str
    key: str
    what: str


@dataclass(frozen=True)
class Rendition:
    """One media playlist. Sizes in bytes, times in seconds; `decoded` only when decoding was asked for."""

    name: str
    kind: str
    key: str
    codecs: str = ""
    resolution: tuple[int, int] | None = None
    frame_rate: float | None = None
    bandwidth: int = 0
    segments: tuple[str, ...] = ()
    bytes: int = 0
    playlist_s: float = 0.0
    decoded: Decoded | None = None
    decoded_s: float | None = None
    """Playable seconds: of the picture without its holes, or of the sound where there is no picture."""

    @property
    def bitrate(self) -> int:
        """Average bit/s, from bytes and the playlist's length."""
        return round(self.bytes * 8 / self.playlist_s) if self.playlist_s > 0 else 0


@dataclass(frozen=True)
class VerifyReport:
    """`problems` make it fail; `orphans` (objects that no playlist names) and `notes` do not."""

    video_id: int
    tenant_id: int
    folder: str
    objects: int = 0
    bytes: int = 0
    row_s: int | None = None
    source: Decoded | None = None
    renditions: tuple[Rendition, ...] = ()
    problems: tuple[Problem, ...] = ()
    orphans: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.problems
