"""Content types and cache rules of published objects (contract 4, measured; spreadsheets: contract 5.7)."""

from __future__ import annotations

_RULES: dict[str, tuple[str, str]] = {
    ".m3u8": ("application/vnd.apple.mpegurl", "no-cache"),
    ".ts": ("video/MP2T", "public, max-age=31536000, immutable"),
    ".jpg": ("image/jpeg", "public, max-age=604800"),
    # Rosters and exports hold children's names and phones: no cache on the way may keep them.
    ".xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "private, no-store"),
}
_OTHER = ("application/octet-stream", "public, max-age=3600")


def content_type(key: str) -> str:
    return _rule(key)[0]


def cache_control(key: str) -> str:
    return _rule(key)[1]


def _rule(key: str) -> tuple[str, str]:
    return next((rule for suffix, rule in _RULES.items() if key.endswith(suffix)), _OTHER)
