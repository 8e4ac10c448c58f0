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

# Every line below stands at its default (two that follow the machine: at an example). Uncomment what you change.
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
    return f"# {field} = {_toml(EXAMPLES.get(leaf.path, leaf.default))}  # {about}\n"


# Two defaults follow the machine; the file must read the same everywhere, so these stand there as an example.
EXAMPLES: dict[str, Any] = {"worker.id": "worker-1", "video.temp_dir": "/var/tmp/video-worker"}  # noqa: S108


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, SecretStr) or value is None:
        return '""'
    shown = value.value if isinstance(value, Enum) else value.as_posix() if isinstance(value, Path) else str(value)
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'


def table() -> str:
    """Every setting as a Markdown table, for the README."""
    lines = ["| Setting | Environment | Default | |", "| --- | --- | --- | --- |"]
    for leaf in leaves():
        names = ", ".join(f"`{name}`" for name in leaf.env)
        default = "" if leaf.secret or leaf.path in EXAMPLES else _toml(leaf.default).strip('"')
        about = "secret" if leaf.secret else leaf.description
        lines.append(f"| `{leaf.path}` | {names} | {f'`{default}`' if default else ''} | {about} |")
    return "\n".join(lines) + "\n"
