"""Topics that others wrote: labelled, bounded by the deadline, and never ok when they break."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path

import psutil
import pytest

from academyctl.errors import UsageError
from academyctl.settings import load
from checks import _plugins, _snapshot
from checks._engine import diagnose, take
from checks._model import Diagnosis, Finding, State, Verdict
from checks._texts import Shell, worded
from checks._topics import chosen
from tests.conftest import eventually

posix = pytest.mark.skipif(os.name != "posix", reason="the programs of these tests are shell scripts")
FINE = {"code": "shop.door", "state": "ok", "summary": "the door opens"}
STUCK = {
    "code": "shop.door-stuck", "state": "fail", "summary": "the door {is} stuck", "cause": "infrastructure",
    "remedy": "oil it", "commands": ["oil --door {1}"], "evidence": [{"source": "hinge", "value": "rust\x1b[2J"}],
}  # fmt: skip


def program(folder: Path, body: str, name: str = "shop") -> dict[str, str]:
    """A folder on PATH with a plug-in in it."""
    path = folder / f"academyctl-check-{name}"
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def says(*findings: object, code: int = 0) -> str:
    return f"cat <<'EOF'\n{json.dumps({'findings': list(findings)})}\nEOF\nexit {code}"


def diagnosed(env: dict[str, str], name: str = "shop", *, timeout_s: float = 20) -> Diagnosis:
    topics = _plugins.named([name], env)
    assert [one.name for one in topics] == [name]
    found = diagnose(topics, take(topics, load({}), env, timeout_s=timeout_s))
    said = worded(found.findings, "en", {}, shell=Shell(), local=False)
    return found.with_findings(_plugins.worded(one, "en") for one in said)


@posix
def test_a_program_speaks_in_its_own_words_and_is_labelled(tmp_path: Path) -> None:
    found = diagnosed(program(tmp_path, says(FINE, STUCK, code=1)))
    assert (found.verdict, found.state) == (Verdict.infrastructure, State.fail)
    fine, stuck = found.findings
    assert (fine.summary, fine.topic) == ("the door opens", "shop")
    assert stuck.summary == "[plug-in shop] the door {is} stuck"
    assert (stuck.remedy, stuck.commands) == ("oil it", ("oil --door {1}",))
    assert stuck.evidence[0][:2] == ("hinge", "rust [2J")


@posix
@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("exit 0", "did not print an object"),
        ("echo '{\"findings\": []}'", "not a list of 1"),
        ("echo ok", "did not print an object"),
        (says(FINE, code=2), "exit code 2"),
        (says(FINE) .replace("exit 0", "kill -9 $$"), "exit code -9"),
        (says(FINE, code=1), "every finding is ok"),
        (says({**FINE, "code": "sqs.access"}), "begins with shop."),
        (says({**FINE, "state": "healthy"}), "not a valid State"),
        (says({**FINE, "state": "skip"}), "state 'skip'"),
        (says({**FINE, "summary": ""}), "has a summary"),
        (says({**FINE, "summary": 7}), "where a text belongs"),
        (says({**STUCK, "cause": "healthy"}, code=1), "cause 'healthy'"),
        (says("fine"), "not"),
        ("echo no such door >&2; exit 9", "no such door"),
    ],
)  # fmt: skip
def test_a_program_that_breaks_is_never_ok(tmp_path: Path, body: str, why: str) -> None:
    found = diagnosed(program(tmp_path, body))
    assert (found.verdict, found.state) == (Verdict.cannot_tell, State.unknown)
    (one,) = found.findings
    assert one.code == "plugin.crash"
    assert one.summary.startswith("the plug-in shop broke")
    assert why in one.summary or why == "not"
    assert one.evidence


@posix
def test_a_program_that_hangs_ends_with_the_diagnosis_and_its_children_with_it(tmp_path: Path) -> None:
    env = program(tmp_path, f"sleep 60 & echo $! > {tmp_path}/child; wait")
    found = diagnosed(env, timeout_s=1)
    assert found.state is State.unknown
    child = int((tmp_path / "child").read_text(encoding="utf-8"))
    eventually(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


@posix
def test_what_a_program_said_is_saved_and_judged_without_it(tmp_path: Path) -> None:
    env = program(tmp_path, says(STUCK, code=1))
    topics = _plugins.named(["shop"], env)
    taken = take(topics, load({}), env)
    again = _snapshot.loads(_snapshot.dumps(taken), (), strangers=_plugins.replayed)
    assert diagnose((_plugins.replayed("shop"),), again).findings == diagnose(topics, taken).findings


@posix
def test_everyone_is_found_by_name_and_none_takes_a_name_of_ours(tmp_path: Path) -> None:
    env = program(tmp_path, says(FINE))
    program(tmp_path, says(FINE), "sqs")
    program(tmp_path, says(FINE), "Bad_Name!")
    assert [one.name for one in _plugins.everyone({"PATH": f"{tmp_path}{os.pathsep}/nowhere"})] == ["shop"]
    assert _plugins.named(["nothing"], env) == ()
    with pytest.raises(UsageError):
        chosen(["nothing"])


MODULE = """
    from dataclasses import dataclass
    from checks._model import Check, Kind, State, Verdict

    @dataclass(frozen=True)
    class Facts:
        open: bool

    def gather(world):
        {gather}

    SHUT = Kind("{name}.shut", State.fail, Verdict.data, ("academyctl diagnose",))
    def _judge(snapshot):
        yield CHECK.ok() if snapshot.see(Facts).open else SHUT.found("", ("door", "shut"))

    CHECK = Check("{name}.door", _judge, kinds=(SHUT,))
    CHECKS = (CHECK,)
    TEXTS = {{
        "en": {{"{name}.door": {{"title": "the door is open"}},
                "{name}.shut": {{"summary": "the door is shut", "remedy": "open it"}}}},
    }}
"""


def module(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, gather: str, prefix: str = "") -> dict[str, str]:
    """An installed distribution with a topic in it, as pip would leave it."""
    info = folder / f"{name}_plugin-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1\n", encoding="utf-8")
    entry = f"[academyctl.checks]\n{name} = {name}_plugin\n"
    (info / "entry_points.txt").write_text(entry, encoding="utf-8")
    source = textwrap.dedent(MODULE).format(gather=gather, name=prefix or name)
    (folder / f"{name}_plugin.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    return {}


@pytest.mark.parametrize(
    ("name", "gather", "state", "summary"),
    [
        ("opened", "return Facts(True)", State.ok, "the door is open"),
        ("shut", "return Facts(False)", State.fail, "[plug-in shut] the door is shut"),
        ("raising", "raise OSError('no door')", State.unknown, "the plug-in raising broke"),
        ("lying", "return {'open', True}", State.unknown, "the plug-in lying broke"),
        ("writing", "world.stores.sqs.send('q', 'x'); return Facts(True)", State.unknown, "the plug-in writing broke"),
    ],
)
def test_a_module_is_a_topic_like_ours_and_may_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, gather: str, state: State, summary: str
) -> None:
    found = diagnosed(module(tmp_path, monkeypatch, name, gather), name)
    assert found.state is state
    assert next(one for one in found.findings if one.state is not State.skip).summary.startswith(summary)


def test_a_module_that_cannot_be_loaded_or_takes_our_codes_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    found = diagnosed(module(tmp_path / "a", monkeypatch, "unloadable", "return )"), "unloadable")
    assert "SyntaxError" in found.findings[0].summary
    found = diagnosed(module(tmp_path / "b", monkeypatch, "thief", "return Facts(True)", prefix="sqs"), "thief")
    assert "does not begin with thief." in found.findings[0].summary
    assert found.state is State.unknown


def test_one_of_ours_stays_as_it_is() -> None:
    one = Finding("sqs.access", State.fail, topic="sqs", summary="ours")
    assert _plugins.worded(one, "ko") is one
