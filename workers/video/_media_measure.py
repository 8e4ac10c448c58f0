"""How long a stream really is: every packet of the file read once, nothing decoded."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from workers.video._media_errors import EncodeFailed
from workers.video._media_process import drive


@dataclass
class Extent:
    """One stream's first and last moment (seconds, container time) and its packets."""

    first_s: float = float("inf")
    end_s: float = float("-inf")
    packets: int = 0
    last_s: float = float("-inf")

    def add(self, at_s: float, duration_s: float) -> None:
        self.first_s = min(self.first_s, at_s)
        self.end_s = max(self.end_s, at_s + duration_s)
        self.last_s = max(self.last_s, at_s)
        self.packets += 1

    @property
    def length_s(self) -> float:
        """With a mean picture's time added where the container gave the last one none."""
        if not self.packets:
            return 0.0
        span_s = self.end_s - self.first_s
        if self.end_s == self.last_s and self.packets > 1:
            span_s += span_s / (self.packets - 1)
        return span_s


@dataclass
class _Extents:
    streams: dict[int, Extent] = field(default_factory=dict)

    def take(self, line: str) -> None:
        fields = line.split("|")
        if len(fields) < 4 or not fields[0].isdigit():
            return
        at_s = _number(fields[1], _number(fields[2], None))
        if at_s is not None:
            self.streams.setdefault(int(fields[0]), Extent()).add(at_s, _number(fields[3], 0.0) or 0.0)


def measure(
    source: str | Path,
    *,
    ffprobe: Path,
    options: tuple[str, ...],
    timeout_s: float,
    check: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> dict[int, Extent]:
    """The extent of each stream by index; `options`: ffprobe's input options. Raises EncodeFailed `probe_timeout`."""
    extents = _Extents()
    entries = "packet=stream_index,pts_time,dts_time,duration_time"
    argv = [str(ffprobe), "-v", "error", *options, "-show_entries", entries, "-of", "compact=p=0:nk=1", str(source)]
    drive(
        argv,
        on_out=extents.take,
        on_err=lambda _: None,
        tick=deadline(timeout_s, check, clock),
        cpu_s=int(timeout_s) + 1,
    )
    return extents.streams


def deadline(timeout_s: float, check: Callable[[], None], clock: Callable[[], float]) -> Callable[[], None]:
    """A tick that calls `check` and raises EncodeFailed `probe_timeout` once the time is over."""
    until = clock() + timeout_s

    def tick() -> None:
        check()
        if clock() > until:
            raise EncodeFailed("probe_timeout", f"ffprobe did not finish within {timeout_s:.0f} s")

    return tick


def _number(text: str, otherwise: float | None) -> float | None:
    try:
        return float(text)
    except ValueError:
        return otherwise
