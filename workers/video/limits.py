"""What the media engine accepts and how long it waits. Every number is a bound against hostile or broken input."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Bounds on one source and on one FFmpeg run. Units are in the names.

    `cpu_limit_s(duration)` and `max_file_bytes` become resource limits of the child process (POSIX); the rest is
    checked by us, because FFmpeg itself would go on: it writes a million frames into a ten-hour hole and ends with
    status 0 on a full disk.
    """

    max_duration_s: float = 12 * 3600
    max_pixels: int = 8192 * 4320
    max_streams: int = 32
    max_bytes: int = 64 * 1024 * MIB
    min_side_px: int = 16
    max_aspect: float = 16.0
    probe_timeout_s: float = 60.0
    measure_timeout_s: float = 1800.0
    stall_s: float = 120.0
    cpu_base_s: float = 600.0
    cpu_s_per_media_s: float = 60.0
    max_file_bytes: int = 1024 * MIB
    max_error_rate: float = 0.05
    min_free_bytes: int = 64 * MIB
    # A picture shown longer than this on average, without sound that covers it, is a hole in time and not a film.
    max_mean_frame_s: float = 60.0
    # Below this mean rate the container's word about the duration is not taken: it is measured.
    min_plausible_bps: float = 2000.0

    def cpu_limit_s(self, duration_s: float) -> int:
        """CPU seconds one encode of `duration_s` may burn before the kernel stops it."""
        return int(self.cpu_base_s + self.cpu_s_per_media_s * duration_s)


def allowed_shortfall_s(duration_s: float) -> float:
    """How much shorter than declared an encode may come out before the source counts as cut or damaged.

    Containers round, and a last frame has no length of its own: half a second, or one percent, at most five seconds.
    """
    return min(5.0, max(0.5, 0.01 * duration_s))
