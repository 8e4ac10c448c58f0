"""Errors of the media engine.

AcademyError
└── MediaError          .reason: stable code; .error_reason: what goes into the video's error_reason column
    ├── MediaRefused    the upload itself is the cause: trying again cannot help
    └── EncodeFailed    the tools or the machine are the cause: another try may succeed; .stderr_tail, .returncode
        └── DiskFull    no room where the output is written
"""

from __future__ import annotations

from academyctl.errors import AcademyError, Both

ERROR_REASON_CHARS = 500

UPLOAD_AGAIN = Both(
    en="Open the file in a player; if it plays, export it again as MP4 (H.264 + AAC) and upload that.",
    ko="파일이 재생되는지 확인하고, MP4(H.264 + AAC)로 다시 내보내어 업로드하세요.",
)
TRY_AGAIN = Both(
    en="Retry the video; if it fails again, look at the worker's log lines around this one.",
    ko="영상을 다시 시도하세요. 또 실패하면 이 줄 앞뒤의 워커 로그를 확인하세요.",
)
FREE_SPACE = Both(
    en="Free space on the worker's temporary volume (VIDEO_WORKER_TEMP_DIR) or give it a larger one.",
    ko="워커 임시 볼륨(VIDEO_WORKER_TEMP_DIR)의 공간을 비우거나 더 큰 볼륨을 사용하세요.",
)


class MediaError(AcademyError):
    code = "media"

    def __init__(self, reason: str, what: str, *, why: str = "", remedy: str | Both = "") -> None:
        super().__init__(what, why=why, remedy=remedy, code=reason)
        self.reason = reason

    @property
    def error_reason(self) -> str:
        """`reason: sentence`, cut to what the column's readers can take in."""
        return f"{self.reason}: {self}"[:ERROR_REASON_CHARS]


class MediaRefused(MediaError):
    def __init__(self, reason: str, what: str, *, why: str = "", remedy: str | Both = UPLOAD_AGAIN) -> None:
        super().__init__(reason, what, why=why, remedy=remedy)


class EncodeFailed(MediaError):
    def __init__(
        self,
        reason: str,
        what: str,
        *,
        why: str = "",
        remedy: str | Both = TRY_AGAIN,
        stderr_tail: tuple[str, ...] = (),
        returncode: int | None = None,
    ) -> None:
        super().__init__(reason, what, why=why, remedy=remedy)
        self.stderr_tail = stderr_tail
        self.returncode = returncode


class DiskFull(EncodeFailed):
    def __init__(self, what: str, *, why: str = "") -> None:
        super().__init__("disk_full", what, why=why, remedy=FREE_SPACE)
