"""The finished segments of a running encode, with the durations that they really have.

    growing = Growing(out_dir, rendition, fps=source.shown_fps)
    growing.look()          # -> LocalPlaylist, as often as you like: each segment is read once or twice in all

FFmpeg's local playlist adds up what the decoder believed each picture to last. That is wrong where the container does
not say (WebM), where pictures are left out, and across holes. What counts is when the next segment begins. Only the
newest segment has no next one: until it has, its duration is an estimate (exact where the rate is constant).
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from workers.video._media_errors import EncodeFailed
from workers.video._media_ts import first_packet, presentation_times
from workers.video.ladder import Rendition
from workers.video.playlists import LocalPlaylist, Segment, parse_local

HELD_S = 0.1


class Growing:
    """One rendition under `out_dir`. Not for several threads at once."""

    def __init__(self, out_dir: Path, rendition: Rendition, *, fps: Fraction) -> None:
        self.rendition = rendition
        self.folder = out_dir / rendition.directory
        self._frame_s = float(1 / fps)
        self._starts: dict[str, float] = {}
        self._newest: tuple[str, float] = ("", 0.0)

    def look(self) -> LocalPlaylist:
        """What is finished now. Raises EncodeFailed `bad_output` (a segment is not one)."""
        local = parse_local(self.folder / "index.m3u8")
        # Sound packets all have their exact length.
        if self.rendition.is_audio or not local.segments:
            return local
        starts = [self._start(segment.name) for segment in local.segments]
        timed = [
            Segment(segment.name, round(after - at, 6))
            for segment, (at, after) in zip(local.segments, pairwise(starts), strict=False)
        ]
        timed.append(self._last(local.segments[-1], ended=local.ended))
        return LocalPlaylist(tuple(timed), local.ended)

    def _start(self, name: str) -> float:
        if name not in self._starts:
            first = first_packet(self.folder / name)
            if first is None:
                raise EncodeFailed(
                    "bad_output",
                    f"FFmpeg's output is not usable: {self.folder.name}/{name}",
                    why="no H.264 or AAC found in it",
                )
            self._starts[name] = first.start_s
        return self._starts[name]

    def _last(self, segment: Segment, *, ended: bool) -> Segment:
        """From its first picture to its last, which is shown for as long as the others are on average."""
        if self._newest[0] != segment.name:
            times = presentation_times(self.folder / segment.name)
            span_s = times[-1] - times[0]
            self._newest = (segment.name, span_s + (span_s / (len(times) - 1) if span_s else self._frame_s))
        # A picture that the container lets stand longer than the others: FFmpeg knows, its time stamp does not say.
        held = ended and segment.duration_s > self._newest[1] + HELD_S
        return Segment(segment.name, round(segment.duration_s if held else self._newest[1], 6))
