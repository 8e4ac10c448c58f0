"""`diagnose --wait`, `--watch`, Ctrl-C and plug-ins, as the operator meets them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.checks.command import Cli, Saved
from tests.checks.command import cli as cli
from tests.checks.command import saved as saved
from tests.checks.test_plugins import FINE, STUCK, posix, program, says

# Looks at nothing that answers: settings are judged by the environment alone.
REDIS_OFF = ("diagnose", "redis", "--fail-on", "warn")


def turning(folder: Path, first: object, then: object) -> dict[str, str]:
    """A plug-in that says one thing once, and another thing ever after."""
    ready = folder / "ready"
    return program(folder, f"if [ -e {ready} ]; then\n{says(then)}\nfi\ntouch {ready}\n{says(first)}")


def test_waiting_ends_in_time_with_the_last_report_and_its_exit_code(cli: Cli) -> None:
    ran = cli(*REDIS_OFF, "--wait", "--for", "0.05", "--every", "0.1", "-o", "json")
    assert (ran.code, ran.json["exit_code"]) == (4, 4)
    assert ran.err.count("REDIS_HOST is not set") == 1


@posix
def test_waiting_ends_when_all_is_well(cli: Cli, tmp_path: Path) -> None:
    env = program(
        tmp_path, f"if [ -e {tmp_path}/ready ]; then\n{says(FINE)}\nfi\ntouch {tmp_path}/ready\n{says(STUCK)}"
    )
    cli.set(**env)
    ran = cli("diagnose", "shop", "--wait", "--for", "20", "--every", "0.1", "-o", "json")
    assert (ran.code, ran.json["verdict"], ran.json["plugins"]) == (0, "healthy", ["shop"])
    assert "[plug-in shop] the door {is} stuck" in ran.err


@posix
def test_watching_prints_the_report_once_and_then_what_changes(cli: Cli, tmp_path: Path) -> None:
    env = program(
        tmp_path, f"if [ -e {tmp_path}/ready ]; then\n{says(STUCK)}\nfi\ntouch {tmp_path}/ready\n{says(FINE)}"
    )
    cli.set(**env)
    words = ("diagnose", "shop", "--watch", "--for", "1", "--every", "0.1")
    ran = cli(*words)
    assert ran.code == 1
    assert ran.out.count("√ the door opens") == 1
    assert ran.out.count("[shop.door-stuck]") == 1
    # Neither colours nor a line drawn anew where nobody looks at a screen.
    assert "\x1b" not in ran.out
    (tmp_path / "ready").unlink()
    lines = [json.loads(line) for line in cli(*words, "-o", "ndjson").out.splitlines()]
    assert [one["type"] for one in lines] == ["finding", "summary", "change"]
    assert (lines[2]["change"], lines[2]["code"], lines[2]["after"]) == ("new", "shop.door-stuck", "fail")


@posix
@pytest.mark.parametrize("fmt", ["table", "short", "json", "ndjson", "junit", "md", "html"])
def test_ctrl_c_prints_what_was_seen_by_then(cli: Cli, tmp_path: Path, fmt: str) -> None:
    cli.set(**program(tmp_path, "kill -INT $PPID; exec sleep 1", "slow"), REDIS_HOST="")
    ran = cli("diagnose", "redis", "slow", "-o", fmt, "--save", "partial.json")
    assert ran.code == 130
    assert "REDIS_HOST is not set" in ran.out
    assert "topic.stopped" in ran.out
    if fmt == "json":
        assert (ran.json["interrupted"], ran.json["verdict"], ran.json["exit_code"]) == (True, "cannot tell", 130)
    assert cli("diagnose", "--from", "partial.json").code == 3


@posix
def test_a_plugin_is_asked_by_its_name_or_when_the_settings_file_says_so(cli: Cli, tmp_path: Path) -> None:
    cli.set(**program(tmp_path, says(STUCK, code=1)))
    ran = cli("diagnose", "shop")
    assert ran.code == 1
    assert "\nshop (plug-in)\n" in ran.out
    assert "  oil --door {1}" in ran.out
    assert cli("diagnose", "settings", "-o", "json").json["topics"] == ["settings"]
    assert cli("diagnose", "shop", "sqss", "-o", "json").code == 2
    Path("academyctl.toml").write_text("[diagnose]\nplugins = true\n", encoding="utf-8")
    assert cli("diagnose", "settings", "-o", "json").json["topics"] == ["settings"]
    everything = cli("diagnose", "--timeout", "0.5", "--save", "all.json", "-o", "json").json
    assert everything["topics"][-1] == "shop"
    os.unlink(tmp_path / "academyctl-check-shop")  # noqa: PTH108
    Path("academyctl.toml").unlink()
    again = cli("diagnose", "shop", "--from", "all.json", "-o", "json").json
    assert [one["code"] for one in again["findings"]] == ["shop.door-stuck"]
    assert cli("diagnose", "diff", "all.json", "all.json").code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--wait", "--watch"), "--wait and --watch"),
        (("--wait", "--from", "healthy.json"), "--wait and --from"),
        (("--watch", "--to", "x"), "--watch and --to"),
        (("--for", "3"), "--for without"),
        (("--watch", "-o", "html"), "--watch and --output html"),
    ],
)
def test_words_that_do_not_go_together_are_refused(cli: Cli, saved: Saved, words: tuple[str, ...], told: str) -> None:
    saved("healthy")
    ran = cli("diagnose", *words)
    assert ran.code == 2
    assert told in ran.err
