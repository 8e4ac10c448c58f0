"""Which words `academyctl diagnose` knows: a file of this package without a leading underscore is one."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Sequence

import checks
from academyctl.errors import Both, UsageError
from checks._model import Topic

ALL = "all"
# How a person reads them: what stands first explains what stands later. Others follow in the alphabet's order.
_FIRST = (
    "settings",
    "aws",
    "sqs",
    "redis",
    "db",
    "r2",
    "workers",
    "video",
    "ai",
    "messaging",
    "scaling",
    "lambda",
    "batch",
    "pipeline",
)


def words() -> tuple[str, ...]:
    """Every topic's word, in the order of the report; `lambda_.py` is the word `lambda`."""
    found = [one.name.rstrip("_") for one in pkgutil.iter_modules(checks.__path__) if not one.name.startswith("_")]
    return tuple(sorted(found, key=lambda word: (_FIRST.index(word) if word in _FIRST else len(_FIRST), word)))


def chosen(asked: Sequence[str]) -> tuple[Topic, ...]:
    """The topics of these words, `all` or nothing being every one. Raises UsageError for a word that is none."""
    known = words()
    for word in asked:
        if word != ALL and word not in known:
            near = difflib.get_close_matches(word, known, 1)
            raise UsageError(
                f"there is nothing called '{word}' to diagnose" + (f" (did you mean {near[0]}?)" if near else ""),
                remedy=Both(f"one of: {', '.join((ALL, *known))}", f"다음 중 하나: {', '.join((ALL, *known))}"),
            )
    wanted = known if not asked or ALL in asked else tuple(word for word in known if word in asked)
    return tuple(load(word) for word in wanted)


def load(word: str) -> Topic:
    """One topic from its file: FACTS-typed `gather`, `CHECKS`, and the clients it calls in `CLIENTS`, if any."""
    known = {one.name for one in pkgutil.iter_modules(checks.__path__)}
    module = importlib.import_module(f"checks.{word if word in known else word + '_'}")
    return Topic(word, module.Facts, module.gather, tuple(module.CHECKS), tuple(getattr(module, "CLIENTS", ())))
