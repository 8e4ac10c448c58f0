"""`academyctl video purge-raw`: the retention rule by hand, dry unless told otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from academyctl.cli._common import Session
from academyctl.errors import Both, WorkFailed
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.stores import Stores


@dataclass(frozen=True)
class DeleteUpload:
    """A repair: delete one upload, if the rule still allows it at that moment."""

    video_id: int
    key: str
    days: int

    def __str__(self) -> str:
        return f"delete the upload of video {self.video_id}: {self.key}"

    def do(self, stores: Stores) -> None:
        from workers.video import raw

        if not raw.remove(stores, self.video_id, self.key, days=self.days):
            raise WorkFailed(
                f"the upload of video {self.video_id} stays",
                why="it is needed again, or R2 refused",
                remedy=Both(
                    f"see: academyctl video status {self.video_id}", f"확인: academyctl video status {self.video_id}"
                ),
            )

    @property
    def undo(self) -> str:
        return "nothing: a deleted upload cannot be brought back"


def purge(here: Session, days: int, limit: int, *, apply: bool, fmt: Format) -> None:
    """List what the rule removes; with `apply` remove it. Raises Halfway at the first that stays, StoreError."""
    from academyctl import output, repairs
    from workers.video import raw

    stores = here.stores()
    wanted = [DeleteUpload(video_id, key, days) for video_id, key in raw.expired(stores, days, limit)]
    if apply and wanted:
        here.confirm_production([str(repair) for repair in wanted])
        repairs.apply(wanted, stores, repairs.audit_path())
    words = "deleted" if apply else "would delete"
    uploads = [{"video_id": repair.video_id, "key": repair.key} for repair in wanted]
    output.emit(
        {"version": 1, "applied": apply, "older_than_days": days, "uploads": uploads},
        fmt=fmt,
        table=lambda: output.rows(("video", words), [(repair.video_id, repair.key) for repair in wanted]),
    )
    if fmt == Format.table:
        count = Both(
            f"{len(wanted)} uploads of videos READY for {days} days or more",
            f"READY 상태로 {days}일 이상 지난 업로드 {len(wanted)}개",
        ).pick(here.lang)
        more = Both("; to delete them: --apply", ". 삭제하려면: --apply").pick(here.lang)
        output.note(count + (more if wanted and not apply else ""))
