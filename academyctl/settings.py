"""Settings from three layers: defaults < academyctl.toml profile < environment; every value remembers its source."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from academyctl import settings_file
from academyctl import settings_model as model
from academyctl.errors import Both, ConfigError
from academyctl.settings_analysis import Analysis
from academyctl.settings_messaging import Messaging
from academyctl.settings_model import OBSOLETE, SELECTORS, STACK_SECTIONS

__all__ = [
    "COMMON",
    "REQUIRED",
    "Leaf",
    "Loaded",
    "Settings",
    "contradictions",
    "leaves",
    "load",
    "missing",
    "shown",
    "value_of",
]

LOCAL_STACK = "local stack"

# What each worker cannot start without (contract 9). Alternatives are joined by " or ".
COMMON = (("db.host",), ("db.name",), ("db.user",), ("db.password",))
_R2 = (("r2.endpoint",), ("r2.access_key",), ("r2.secret_key",))
REQUIRED: dict[str, tuple[tuple[str, ...], ...]] = {
    "video": (*COMMON, *_R2, ("r2.video_bucket",)),
    "ai": (*COMMON, *_R2),
    "messaging": (*COMMON, ("solapi.api_key",), ("solapi.api_secret",), ("solapi.sender",)),
    "analysis": (("analysis.endpoint",),),
}
# Has a default, yet the platform's worker wants it said: a wrong bucket loses uploads silently.
_MUST_BE_SAID = frozenset({"r2.video_bucket"})


class Settings(BaseSettings):
    """All settings, frozen; an unknown key anywhere is an error."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """One source: `load`, which merges the layers under the platform's own names and notes where each was."""
        del settings_cls
        return (init_settings,)

    general: model.General = Field(default_factory=model.General)
    aws: model.Aws = Field(default_factory=model.Aws)
    queues: model.Queues = Field(default_factory=model.Queues)
    redis: model.Redis = Field(default_factory=model.Redis)
    db: model.Db = Field(default_factory=model.Db)
    r2: model.R2 = Field(default_factory=model.R2)
    platform: model.Platform = Field(default_factory=model.Platform)
    video: model.Video = Field(default_factory=model.Video)
    ai: model.Ai = Field(default_factory=model.Ai)
    excel: model.Excel = Field(default_factory=model.Excel)
    solapi: model.Solapi = Field(default_factory=model.Solapi)
    messaging: Messaging = Field(default_factory=Messaging)
    worker: model.Worker = Field(default_factory=model.Worker)
    fleet: model.Fleet = Field(default_factory=model.Fleet)
    analysis: Analysis = Field(default_factory=Analysis)


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
    win, or a shell that still holds production keys would point a local experiment at production. What the stack
    consists of (STACK_SECTIONS) then comes from the overlay, that profile's own tables and the defaults alone.

    Raises ConfigError naming every bad value, unknown key and unknown ACADEMYCTL_* variable at once.
    """
    env = os.environ if env is None else env
    overlay = overlay or {}
    found = settings_file.find(env, file)
    chosen = settings_file.profile_name(env, profile=profile or "", file=file)
    in_file = _from_file(found, chosen, stack=bool(overlay))
    sources: dict[str, str] = {path: source for path, (_, source) in in_file.items()}
    # Every section is named, or its defaults would be validated by a validator of its own: one more to build.
    values: dict[str, Any] = {section: {} for section in Settings.model_fields}
    for path, (value, _) in in_file.items():
        section, _, name = path.partition(".")
        values.setdefault(section, {}).update({name: value} if name else {})
    named: dict[str, str] = {}
    for leaf in leaves():
        section, _, field = leaf.path.partition(".")
        name, text, source = _from_names(leaf.env, {} if overlay and section in STACK_SECTIONS else env, overlay)
        if name:
            values.setdefault(section, {})[field] = text.strip()
            sources[leaf.path] = source
            named[leaf.path] = name
        else:
            sources.setdefault(leaf.path, "default")
    problems = _unknown_env(env)
    settings = None
    try:
        settings = Settings(**values)
    except ValidationError as error:
        problems += [_problem(item, named, sources) for item in error.errors(include_url=False)]
    if problems or settings is None:
        raise ConfigError(
            "config error: " + "; ".join(problems),
            remedy=Both(
                "correct or remove what is named above (all settings: academyctl config init -)",
                "위에 적힌 항목을 고치거나 지우세요 (모든 설정: academyctl config init -)",
            ),
        )
    return Loaded(settings, sources, chosen, found, _warnings(env))


def missing(loaded: Loaded, worker: str) -> list[str]:
    """The required settings of a worker that have no value, as `A or B` environment names (contract 9)."""
    by_path = {leaf.path: leaf for leaf in leaves()}
    # Who only pretends to send needs no account at Solapi.
    pretends = worker == "messaging" and (loaded.settings.solapi.mock or loaded.settings.platform.debug)
    return [
        " or ".join(name for path in group for name in by_path[path].env)
        for group in REQUIRED[worker]
        if not any(_has_value(loaded, path) for path in group)
        and not (pretends and all(path.startswith("solapi.") for path in group))
    ]


def contradictions(loaded: Loaded, env: Mapping[str, str]) -> list[str]:
    """Settings that work one by one and not together, as sentences; no secret is named by its value."""
    out = []
    first, second = env.get("R2_BUCKET", ""), env.get("R2_VIDEO_BUCKET", "")
    if first and second and first != second:
        out.append(
            f"R2_BUCKET={first} and R2_VIDEO_BUCKET={second} differ: the platform reads from one, writes to the other"
        )
    names = [name for leaf in leaves() for name in leaf.env]
    padded = [name for name in names if env.get(name, "").strip() not in ("", env.get(name))]
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
    if value is None or value == "" or (isinstance(value, SecretStr) and not value.get_secret_value()):
        return ""
    if secret or isinstance(value, SecretStr):
        return "********"
    return str(value)


def value_of(settings: Settings, path: str) -> Any:
    """The value at a dotted path."""
    section, name = path.split(".")
    return getattr(getattr(settings, section), name)


def secret_values(settings: Settings) -> list[str]:
    """What no log, report or result may show, wherever it turns up.

    A password that is a part of the platform's own names ("academy") hides nothing: masking it would only make every
    queue, bucket and command unreadable.
    """
    names = [str(leaf.default) for leaf in leaves() if not leaf.secret]
    values = (value_of(settings, leaf.path) for leaf in leaves() if leaf.secret)
    secrets = [value.get_secret_value() for value in values if value is not None]
    return [secret for secret in secrets if not any(secret in name for name in names)]


def _from_file(found: Path | None, chosen: str, *, stack: bool) -> dict[str, tuple[Any, str]]:
    if found is not None:
        own_only = STACK_SECTIONS if stack else frozenset[str]()
        return settings_file.merged(settings_file.read(found), chosen, own_only=own_only)
    if chosen != settings_file.DEFAULT and not stack:
        raise ConfigError(
            f"profile '{chosen}' is asked for but there is no {settings_file.FILE_NAME}",
            remedy=Both("make one: academyctl config init", "academyctl config init으로 파일을 만드세요"),
        )
    return {}


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
    where = named.get(path) or f"{path} ({_file_of(path, sources)})"
    if item["type"] == "extra_forbidden":
        known = [leaf.path for leaf in leaves()] if "." in path else list(Settings.model_fields)
        near = difflib.get_close_matches(path, known, 1)
        return f"unknown setting {where}" + (f" (did you mean {near[0]}?)" if near else "")
    secret = any(leaf.path == path and leaf.secret for leaf in leaves())
    shown_value = "" if secret else f"={item.get('input')!r}"
    return f"{where}{shown_value}: {item['msg'][0].lower()}{item['msg'][1:]}"


def _file_of(path: str, sources: Mapping[str, str]) -> str:
    inside = (source for known, source in sources.items() if known.startswith(f"{path}."))
    return sources.get(path) or next(inside, "file")


def _has_value(loaded: Loaded, path: str) -> bool:
    if path in _MUST_BE_SAID and loaded.sources[path] == "default":
        return False
    return bool(shown(value_of(loaded.settings, path), secret=False))


def _warnings(env: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name} is set but has no effect: {why}" for name, why in OBSOLETE.items() if env.get(name))
