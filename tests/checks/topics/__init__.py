"""One file a topic: `FACTS` on a platform where nothing is wrong, and `cases()`, one row a fault."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

MODULES = {one.name: importlib.import_module(f"{__name__}.{one.name}") for one in pkgutil.iter_modules(__path__)}
"""By the topic's word (`lambda_` is `lambda`)."""


def healthy() -> dict[str, Any]:
    """Topic -> its facts."""
    return {name.rstrip("_"): module.FACTS for name, module in MODULES.items()}


def cases() -> list[Any]:
    """Every topic's rows."""
    return [case for module in MODULES.values() for case in module.cases()]
