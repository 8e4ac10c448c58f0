"""The policy statement that a diagnosis proposes names what it calls."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

from checks._pipeline_kinds import ACTIONS

ROOT = Path(__file__).parents[2]


def test_the_statement_allows_every_call_of_the_pipelines_store() -> None:
    source = (ROOT / "academyctl" / "stores" / "pipeline.py").read_text(encoding="utf-8")
    called = set(re.findall(r'ours\("([^"]+)"', source))
    allowed = json.loads(ACTIONS)["Action"]
    assert len(called) > 8
    assert {one for one in called if not any(fnmatchcase(one, pattern) for pattern in allowed)} == set()
