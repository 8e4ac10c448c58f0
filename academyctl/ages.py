"""How long ago something was, for people. Apart, for whoever lists texts needs none of what jobs bring along."""

from __future__ import annotations


def ago(seconds: float) -> str:
    """A length of time in its largest whole unit."""
    whole = max(0, int(seconds))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if whole >= 2 * length:
            return f"{whole // length} {unit}"
    return f"{whole} s"
