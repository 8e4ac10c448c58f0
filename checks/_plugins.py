"""Topics that others wrote: modules of the entry-point group `academyctl.checks`, and programs `academyctl-check-NAME`.

Looked for only when a word that is not ours is asked for, or with `plugins = true` under [diagnose]: reading what is
installed costs time. What a plug-in says is labelled as its own, and one that breaks is never ok.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from checks import _plugins_exec
from checks._model import Check, Finding, State, Topic
from checks._texts import Text, add, words
from checks._topics import words as ours

GROUP = "academyctl.checks"
PREFIX = "academyctl-check-"
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_BROKEN = frozenset({"topic.crash", "check.crash", _plugins_exec.CRASH})


def named(asked: Iterable[str], env: Mapping[str, str]) -> tuple[Topic, ...]:
    """The plug-ins among some words that are not ours; a module comes before a program of the same name."""
    asked = [word for word in asked if _NAME.fullmatch(word)]
    modules = _modules() if asked else {}
    found = []
    for word in asked:
        program = shutil.which(PREFIX + word, path=env.get("PATH"))
        if word in modules:
            found.append(_module_topic(word, modules[word]))
        elif program:
            found.append(_plugins_exec.topic(word, program))
    return tuple(found)


def everyone(env: Mapping[str, str]) -> tuple[Topic, ...]:
    """Every plug-in there is, by name. A name of ours stays ours."""
    programs = {name for folder in env.get("PATH", "").split(os.pathsep) for name in _programs(folder)}
    return named(sorted({*_modules(), *programs} - set(ours())), env)


def replayed(name: str) -> Topic:
    """The topic of saved facts that are not of ours; a program need not be there to judge what it once said."""
    modules = _modules()
    return _module_topic(name, modules[name]) if name in modules else _plugins_exec.topic(name, "")


def worded(one: Finding, lang: str) -> Finding:
    """A plug-in's finding in its own words, labelled; one of ours as it is."""
    if one.topic in ours() or one.state is State.skip:
        return one
    if one.code in _BROKEN:
        said = words("plugin-crash", lang).format(subject=one.topic, why=one.value("why"))
        return replace(one, title=one.title or one.code, summary=said, remedy=words("plugin-crash-remedy", lang))
    one = _plugins_exec.in_its_words(one)
    if one.state is State.ok:
        return one
    return replace(one, summary=f"[{words('plugin', lang)} {one.topic}] {one.summary}")


def _modules() -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {one.name: one for one in entry_points(group=GROUP)}


def _programs(folder: str) -> list[str]:
    try:
        names = [path.name for path in Path(folder).iterdir() if path.name.startswith(PREFIX)] if folder else []
    except OSError:
        # PATH is full of folders that are not there.
        return []
    return [name for one in names if _NAME.fullmatch(name := one.removeprefix(PREFIX).partition(".")[0])]


def _module_topic(name: str, entry: Any) -> Topic:
    try:
        module = entry.load()
        checks: Sequence[Check] = tuple(module.CHECKS)
        codes = [*(check.code for check in checks), *(kind.code for check in checks for kind in check.kinds)]
        stray = [code for code in codes if not code.startswith(f"{name}.")]
        if stray or not checks:
            raise ValueError(f"the code {stray[0]} does not begin with {name}." if stray else "CHECKS is empty")
        for lang, texts in getattr(module, "TEXTS", {}).items():
            add(name, lang, {code: Text(**entry) for code, entry in texts.items()})
        return Topic(name, module.Facts, module.gather, tuple(checks), tuple(getattr(module, "CLIENTS", ())))
    except Exception as error:  # noqa: BLE001 - somebody else's code: that it cannot be loaded is a finding
        return _plugins_exec.broken(name, f"{type(error).__name__}: {error}")
