"""academyctl.toml: [profiles.NAME.SECTION] tables; every profile stands on `default`. [diagnose] is the diagnosis's."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from academyctl.errors import Both, ConfigError

FILE_NAME = "academyctl.toml"
DEFAULT = "default"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Document:
    """A settings file's profiles: name -> section -> key -> value, with the profile that the file itself chooses."""

    file: Path
    profiles: Mapping[str, Mapping[str, Mapping[str, Any]]]
    profile: str = DEFAULT
    diagnose: Mapping[str, Any] = field(default_factory=dict)
    """`ignore`, a list of tables, and `plugins`, a truth; what stands in them is judged by who reads them."""

    def source(self, profile: str) -> str:
        """What `config show` says of a value from a profile of this file."""
        return f"file:{self.file}[{profile}]"


def find(env: Mapping[str, str], file: Path | None) -> Path | None:
    """The settings file: --config, ACADEMYCTL_CONFIG, ./academyctl.toml, else the user's config folder.

    Raises ConfigError when one is named and does not exist.
    """
    named = file or (Path(env["ACADEMYCTL_CONFIG"]).expanduser() if env.get("ACADEMYCTL_CONFIG") else None)
    if named is not None:
        if not named.is_file():
            raise ConfigError(
                f"settings file {named} does not exist",
                remedy=Both(
                    f"give an existing file, or make this one: academyctl config init {named}",
                    f"있는 파일을 지정하거나 만드세요: academyctl config init {named}",
                ),
            )
        return named
    return next((candidate for candidate in places(env) if candidate.is_file()), None)


def places(env: Mapping[str, str]) -> list[Path]:
    """Where a file that nobody names is looked for, best first."""
    home = Path(env["HOME"]) / ".config" if env.get("HOME") else None
    base = Path(env["APPDATA"]) if env.get("APPDATA") else home
    base = Path(env["XDG_CONFIG_HOME"]) if env.get("XDG_CONFIG_HOME") else base
    return [Path(FILE_NAME), *([base / "academyctl" / FILE_NAME] if base else [])]


def read(file: Path) -> Document:
    """Parse a settings file. Raises ConfigError saying what is wrong with its encoding, syntax or shape."""
    try:
        document = tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{file} is not valid TOML",
            why=str(error),
            remedy=Both(
                "correct the place named above; a Windows path stands in 'single quotes'",
                "위에 적힌 위치를 고치세요. Windows 경로는 '작은따옴표'로 적습니다",
            ),
        ) from error
    stray = sorted(set(document) - {"profiles", "profile", "diagnose"})
    if stray:
        raise _shape(file, f"unknown top-level key '{stray[0]}'")
    chosen = document.get("profile", DEFAULT)
    if not isinstance(chosen, str):
        raise _shape(file, "`profile` is not a text")
    profiles = _tables(file, "profiles", document.get("profiles", {}))
    for name, sections in profiles.items():
        for section, entries in _tables(file, f"profiles.{name}", sections).items():
            _tables(file, f"profiles.{name}.{section}", entries, deepest=True)
    return Document(file, profiles, chosen, _diagnose(file, document.get("diagnose", {})))


def profile_name(env: Mapping[str, str], *, profile: str = "", file: Path | None = None) -> str:
    """The profile in use: the one given, ACADEMYCTL_PROFILE, the file's own choice, else `default`."""
    named = profile or env.get("ACADEMYCTL_PROFILE", "").strip()
    if named:
        return named
    found = find(env, file)
    return read(found).profile if found else DEFAULT


def merged(document: Document, profile: str, *, own_only: frozenset[str] = frozenset()) -> dict[str, tuple[Any, str]]:
    """Dotted path -> (value, source) of a profile over `default`.

    `own_only` are sections that `default` does not lend to this profile: production's database is not a laptop's.
    Raises ConfigError when there is no such profile.
    """
    if profile not in document.profiles and profile != DEFAULT and not own_only:
        has = ", ".join(document.profiles) or "none"
        raise ConfigError(
            f"{document.file} has no profile '{profile}'",
            why=f"it has: {has}",
            remedy=Both(f"choose with --profile: {has}", f"--profile로 고르세요: {has}"),
        )
    found: dict[str, tuple[Any, str]] = {}
    for name in dict.fromkeys((DEFAULT, profile)):
        for section, entries in document.profiles.get(name, {}).items():
            if section in own_only and name != profile:
                continue
            found |= {f"{section}.{key}": (value, document.source(name)) for key, value in entries.items()}
            if not entries:
                # An empty table of a section that does not exist is a typo too.
                found.setdefault(section, ({}, document.source(name)))
    return found


def _text(file: Path) -> str:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file} cannot be read", why=error.strerror or str(error)) from error
    remedy = Both(
        "save it as UTF-8 (Notepad: Save As, Encoding: UTF-8)",
        "UTF-8로 저장하세요 (메모장: 다른 이름으로 저장, 인코딩: UTF-8)",
    )
    if raw.startswith(_UTF16) or b"\x00" in raw:
        raise ConfigError(f"{file} is saved as UTF-16 ('Unicode'), not as UTF-8", remedy=remedy, code="encoding")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(f"{file} is not UTF-8", why=f"line {line}", remedy=remedy, code="encoding") from error


def _tables(file: Path, path: str, value: Any, *, deepest: bool = False) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _shape(file, f"{path} = {value!r} is not a table")
    for key, entry in value.items():
        if not deepest and not isinstance(entry, dict):
            raise _shape(file, f"{path}.{key} is not a table")
    return value


def _diagnose(file: Path, section: Any) -> dict[str, Any]:
    if not isinstance(section, dict):
        raise _shape(file, f"diagnose = {section!r} is not a table")
    stray = sorted(set(section) - {"ignore", "plugins"})
    if stray:
        raise _shape(file, f"unknown key '{stray[0]}' in [diagnose]")
    if not isinstance(section.get("plugins", False), bool):
        raise _shape(file, "diagnose.plugins is neither true nor false")
    return section


def _shape(file: Path, what: str) -> ConfigError:
    return ConfigError(
        f"{file}: {what}",
        remedy=Both("settings stand under [profiles.NAME.SECTION]", "설정은 [profiles.이름.섹션] 아래에 적습니다"),
    )
