"""Settings from three layers: defaults < academyctl.toml profile < environment; every value remembers its source."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from academyctl.errors import Both, ConfigError
from academyctl.settings_model import OBSOLETE, SELECTORS, Settings

__all__ = [
    "REQUIRED",
    "Leaf",
    "Loaded",
    "Settings",
    "contradictions",
    "find_file",
    "leaves",
    "load",
    "missing",
    "shown",
    "value_of",
]

FILE_NAME = "academyctl.toml"
LOCAL_STACK = "local stack"

# What each worker cannot start without (contract 9). Alternatives are joined by " or ".
_COMMON = (("db.host",), ("db.name",), ("db.user",), ("db.password",))
_R2 = (("r2.endpoint",), ("r2.access_key",), ("r2.secret_key",))
REQUIRED: dict[str, tuple[tuple[str, ...], ...]] = {
    "video": (*_COMMON, *_R2, ("r2.video_bucket",)),
    "ai": (*_COMMON, *_R2),
    "messaging": (*_COMMON, ("solapi.api_key",), ("solapi.api_secret",), ("solapi.sender",)),
}
# Has a default, yet the platform's worker wants it said: a wrong bucket loses uploads silently.
_MUST_BE_SAID = frozenset({"r2.video_bucket"})


@dataclass(frozen=True)
class Leaf:
    """One setting: its dotted path, its environment names (canonical first) and whether it is secret."""

    path: str
    env: tuple[str, ...]
    secret: bool
    default: Any
    description: str


@dataclass(frozen=True)
class Loaded:
    """Settings plus, per dotted path, where the value came from; `warnings` are sentences for the operator."""

    settings: Settings
    sources: Mapping[str, str]
    profile: str
    file: Path | None
    warnings: tuple[str, ...] = ()


def leaves() -> Iterator[Leaf]:
    """Every setting in the order of the model."""
    for section, info in Settings.model_fields.items():
        model = info.annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        for name, field in model.model_fields.items():
            extra = field.json_schema_extra
            names = extra.get("env", []) if isinstance(extra, dict) else []
            assert isinstance(names, list)
            secret = "SecretStr" in str(field.annotation)
            yield Leaf(f"{section}.{name}", tuple(map(str, names)), secret, field.default, field.description or "")


def load(
    env: Mapping[str, str] | None = None,
    *,
    profile: str | None = None,
    file: Path | None = None,
    overlay: Mapping[str, str] | None = None,
) -> Loaded:
    """Read all layers.

    `overlay` holds environment names that beat even the environment: with the local stack's profile the stack must
    win, or a shell that still holds production keys would point a local experiment at production.

    Raises ConfigError naming every bad value, unknown key and unknown ACADEMYCTL_* variable at once.
    """
    env = os.environ if env is None else env
    overlay = overlay or {}
    profile = profile or env.get("ACADEMYCTL_PROFILE") or ""
    found = find_file(env, file)
    table, table_profile = _read_profile(found, profile, known_elsewhere=bool(overlay))
    problems = _unknown_env(env)
    sources: dict[str, str] = {}
    values: dict[str, dict[str, Any]] = {}
    for section, entries in table.items():
        for name, value in (entries if isinstance(entries, dict) else {"": entries}).items():
            sources[f"{section}.{name}"] = f"file:{found}[{table_profile}]"
            values.setdefault(section, {})[name] = value
    named: dict[str, str] = {}
    for leaf in leaves():
        name, text, source = _from_names(leaf.env, env, overlay)
        if name:
            section, field = leaf.path.split(".")
            values.setdefault(section, {})[field] = text.strip()
            sources[leaf.path] = source
            named[leaf.path] = name
        else:
            sources.setdefault(leaf.path, "default")
    try:
        settings = _build(values)
    except ValidationError as error:
        problems += [_problem(item, named, sources) for item in error.errors()]
        settings = None
    if problems or settings is None:
        raise ConfigError(
            "config error: " + "; ".join(problems),
            remedy=Both(
                "correct the values named above; `academyctl config show` lists every setting and its source",
                "위에 적힌 값을 고치세요. `academyctl config show`가 모든 설정과 출처를 보여 줍니다",
            ),
        )
    return Loaded(settings, sources, table_profile or profile, found, _warnings(env))


def missing(loaded: Loaded, worker: str) -> list[str]:
    """The required settings of a worker that have no value, as `A or B` environment names (contract 9)."""
    by_path = {leaf.path: leaf for leaf in leaves()}
    return [
        " or ".join(name for path in group for name in by_path[path].env)
        for group in REQUIRED[worker]
        if not any(_has_value(loaded, path) for path in group)
    ]


def contradictions(loaded: Loaded, env: Mapping[str, str]) -> list[str]:
    """Settings that work one by one and not together, as sentences; no secret is named by its value."""
    out = []
    first, second = env.get("R2_BUCKET", ""), env.get("R2_VIDEO_BUCKET", "")
    if first and second and first != second:
        out.append(
            f"R2_BUCKET={first} and R2_VIDEO_BUCKET={second} differ: the platform reads from one, writes to the other"
        )
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "R2_ACCESS_KEY", "R2_SECRET_KEY", "DB_PASSWORD")
    padded = [name for name in keys if env.get(name, "") != env.get(name, "").strip()]
    out += [f"{name} has blanks or line ends around it; they are ignored here but not everywhere" for name in padded]
    regions = {env[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION") if env.get(name)}
    if len(regions) > 1:
        out.append(f"AWS_REGION and AWS_DEFAULT_REGION differ; {loaded.settings.aws.region} is used")
    if loaded.settings.platform.debug:
        out.append("DEBUG is on: the platform's messaging worker then only pretends to send")
    if loaded.settings.solapi.mock:
        out.append("SOLAPI_MOCK is on: no message is sent")
    return out


def shown(value: object, *, secret: bool) -> str:
    """A value for people: secrets are masked, absent ones are empty."""
    if value is None or value == "":
        return ""
    if secret or isinstance(value, SecretStr):
        return "********"
    return str(value)


def value_of(settings: Settings, path: str) -> Any:
    section, name = path.split(".")
    return getattr(getattr(settings, section), name)


def find_file(env: Mapping[str, str], file: Path | None) -> Path | None:
    """The settings file: --config, ACADEMYCTL_CONFIG, ./academyctl.toml, else the user's config folder."""
    chosen = file or (Path(env["ACADEMYCTL_CONFIG"]) if env.get("ACADEMYCTL_CONFIG") else None)
    if chosen is not None:
        if not chosen.is_file():
            raise ConfigError(
                f"settings file {chosen} does not exist",
                remedy=Both(
                    "give an existing file, or make one: academyctl config init",
                    "있는 파일을 지정하거나 academyctl config init으로 만드세요",
                ),
            )
        return chosen
    home = Path(env.get("APPDATA") or env.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    for candidate in (Path(FILE_NAME), home / "academyctl" / FILE_NAME):
        if candidate.is_file():
            return candidate
    return None


def _build(values: dict[str, dict[str, Any]]) -> Settings:
    class Merged(PydanticBaseSettingsSource):
        def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
            del field
            return values.get(field_name), field_name, True

        def __call__(self) -> dict[str, Any]:
            return values

    class Bound(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: Any, **__: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (Merged(settings_cls),)

    return Bound()


def _read_profile(file: Path | None, profile: str, *, known_elsewhere: bool) -> tuple[dict[str, Any], str]:
    if file is None:
        if profile and profile != "default" and not known_elsewhere:
            raise ConfigError(
                f"profile '{profile}' is asked for but there is no {FILE_NAME}",
                remedy=Both("make one: academyctl config init", "academyctl config init으로 파일을 만드세요"),
            )
        return {}, ""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file} is not valid TOML",
            why=str(error),
            remedy=Both(
                "correct the line named above; save the file as UTF-8", "위에 적힌 줄을 고치고 UTF-8로 저장하세요"
            ),
        ) from error
    profiles = document.get("profiles", {})
    stray = sorted(set(document) - {"profiles", "profile"})
    if stray:
        raise ConfigError(
            f"{file}: unknown top-level key '{stray[0]}'",
            remedy=Both("settings stand under [profiles.NAME.SECTION]", "설정은 [profiles.이름.섹션] 아래에 적습니다"),
        )
    chosen = profile or str(document.get("profile", "default"))
    if chosen not in profiles and chosen != "default" and not known_elsewhere:
        raise ConfigError(
            f"{file} has no profile '{chosen}'",
            why=f"it has: {', '.join(profiles) or 'none'}",
            remedy=Both("choose one of them with --profile", "--profile로 그중 하나를 고르세요"),
        )
    merged: dict[str, Any] = {}
    for name in dict.fromkeys(("default", chosen)):
        for section, entries in profiles.get(name, {}).items():
            merged.setdefault(section, {}).update(entries if isinstance(entries, dict) else {"": entries})
    return merged, chosen


def _from_names(names: tuple[str, ...], env: Mapping[str, str], overlay: Mapping[str, str]) -> tuple[str, str, str]:
    for layer, label in ((overlay, LOCAL_STACK), (env, "env")):
        for name in names:
            # An empty variable is an unset one: compose files pass `X=` for what nobody filled in.
            if layer.get(name, "").strip():
                return name, layer[name], f"{label}:{name}"
    return "", "", ""


def _unknown_env(env: Mapping[str, str]) -> list[str]:
    known = {name for leaf in leaves() for name in leaf.env} | SELECTORS
    out = []
    for name in sorted(env):
        if name.startswith("ACADEMYCTL_") and name not in known and not name.startswith("ACADEMYCTL_TEST_"):
            near = difflib.get_close_matches(name, known, 1)
            out.append(f"unknown variable {name}" + (f" (did you mean {near[0]}?)" if near else ""))
    return out


def _problem(item: Any, named: Mapping[str, str], sources: Mapping[str, str]) -> str:
    path = ".".join(str(part) for part in item["loc"][:2])
    where = named.get(path) or f"{path} ({sources.get(path, 'file')})"
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(path, [leaf.path for leaf in leaves()], 1)
        return f"unknown setting {where}" + (f" (did you mean {near[0]}?)" if near else "")
    secret = any(leaf.path == path and leaf.secret for leaf in leaves())
    shown_value = "" if secret else f"={item.get('input')!r}"
    return f"{where}{shown_value}: {item['msg'][0].lower()}{item['msg'][1:]}"


def _has_value(loaded: Loaded, path: str) -> bool:
    if path in _MUST_BE_SAID and loaded.sources[path] == "default":
        return False
    return bool(shown(value_of(loaded.settings, path), secret=False))


def _warnings(env: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name} is set but has no effect: {why}" for name, why in OBSOLETE.items() if env.get(name))
