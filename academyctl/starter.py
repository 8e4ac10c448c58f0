"""The starter academyctl.toml, made from the settings' model so that it cannot drift from it."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from academyctl.settings import Leaf, leaves

_HEAD = """\
# academyctl.toml: named profiles of settings. Copy to ./academyctl.toml or to your user's config folder.
#
# A value is taken from the environment first, then from the profile below, then from the default shown here.
# `academyctl config show` prints every value with its source; choose a profile with --profile or ACADEMYCTL_PROFILE.
# [profiles.default] is the base of every other profile. `--profile local` needs no entry: it is the embedded stack.
# Keep secrets out of this file: give them as environment variables.

# profile = "default"

# Every line below stands at its default. Uncomment what you change.
"""
_TAIL = """
# A second profile needs only what differs.
# [profiles.production.general]
# production = true
# [profiles.production.db]
# host = "db.example.internal"
"""


def text() -> str:
    """The whole starter file: every section and setting, commented out at its default, with its environment names."""
    parts = [_HEAD]
    section = ""
    for leaf in leaves():
        name, field = leaf.path.split(".")
        if name != section:
            section = name
            parts.append(f"\n[profiles.default.{section}]\n")
        parts.append(_line(leaf, field))
    return "".join(parts) + _TAIL


def _line(leaf: Leaf, field: str) -> str:
    about = ", ".join(leaf.env) + (f": {leaf.description}" if leaf.description else "")
    if leaf.secret:
        return f"# {field}: a secret, give it as {leaf.env[0]}\n"
    return f"# {field} = {_toml(_portable(leaf))}  # {about}\n"


def _portable(leaf: Leaf) -> Any:
    # Two defaults follow the machine; the file must read the same everywhere.
    return {"worker.id": "HOSTNAME", "video.temp_dir": "/tmp/video-worker"}.get(leaf.path, leaf.default)  # noqa: S108


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, SecretStr) or value is None:
        return '""'
    shown = value.value if isinstance(value, Enum) else value.as_posix() if isinstance(value, Path) else str(value)
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
