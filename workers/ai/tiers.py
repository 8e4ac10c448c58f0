"""Which job types a tier may use: the API's own gate, exports included (contract 5.2).

The old worker's list lacked both exports for basic, so that every export was refused after the API had let it in.
"""

from __future__ import annotations

LITE = frozenset({"ocr", "excel_parsing"})
BASIC = LITE | {"omr_grading", "homework_video_analysis", "attendance_excel_export", "staff_excel_export"}
_ALLOWED = {"lite": LITE, "basic": BASIC}


def refusal(tier: str, job_type: str) -> str:
    """Why a tier may not have this type, in the platform's words; '' when it may. Premium may have all."""
    tier = tier.strip().lower()
    if tier == "premium":
        return ""
    # The producer puts a tier that it does not know into the basic queue.
    tier = tier if tier in _ALLOWED else "basic"
    if job_type in _ALLOWED[tier]:
        return ""
    return f"Tier '{tier}' only allows ({', '.join(sorted(_ALLOWED[tier]))}), got '{job_type}'"
