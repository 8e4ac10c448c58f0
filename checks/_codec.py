"""Frozen dataclasses to plain JSON and back, exactly: what is saved is what is judged."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

_PLAIN = (str, int, float, bool, type(None))


def plain(value: Any) -> Any:
    """A dataclass, tuple or mapping as dicts and lists. Raises TypeError for anything that JSON would bend."""
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, _PLAIN):
        return value
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in sorted(value.items())}
    raise TypeError(f"{type(value).__name__} has no place in a snapshot")


def typed(kind: Any, raw: Any) -> Any:
    """The inverse. Raises ValueError naming the field that does not fit."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if raw is None and type(None) in get_args(kind):
            return None
        return typed(next(one for one in get_args(kind) if one is not type(None)), raw)
    if origin is tuple:
        _require(isinstance(raw, list), kind, raw)
        return tuple(typed(get_args(kind)[0], one) for one in raw)
    if origin is not None and issubclass(origin, Mapping):
        _require(isinstance(raw, dict), kind, raw)
        return {key: typed(get_args(kind)[1], one) for key, one in raw.items()}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        _require(isinstance(raw, dict), kind, raw)
        hints = _hints(kind)
        unknown = sorted(set(raw) - set(hints))
        if unknown:
            raise ValueError(f"{kind.__name__} has no field {unknown[0]}")
        return kind(**{name: typed(hints[name], one) for name, one in raw.items()})
    if kind is float and isinstance(raw, int) and not isinstance(raw, bool):
        return float(raw)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(raw)
    _require(kind is Any or (isinstance(raw, kind) and not (kind is int and isinstance(raw, bool))), kind, raw)
    return raw


def texts_of(value: Any, change: Any) -> Any:
    """The plain value with every string passed through `change`."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [texts_of(one, change) for one in value]
    if isinstance(value, dict):
        return {key: texts_of(one, change) for key, one in value.items()}
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _require(fits: bool, kind: Any, raw: Any) -> None:
    if not fits:
        raise ValueError(f"expected {getattr(kind, '__name__', kind)}, found {type(raw).__name__}")
