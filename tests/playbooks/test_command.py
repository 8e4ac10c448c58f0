"""`academyctl playbook` as people use it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from academyctl.cli._common import Session
from academyctl.cli._playbook_show import as_json, ending, readable, step_tail
from academyctl.cli.playbook import executor
from playbooks._run import Ended, steps
from tests.checks.platform import black_hole
from tests.cli.tool import environment
from tests.playbooks.books import TEXT, Answers, book
from tests.video_commands.conftest import Cli

OWN = """# Ours

When we need it.

## 1. The settings file

```bash check: id=path show else=#none
academyctl config path
```

## 2. The settings

```bash check: id=show match="general\\.lang +ko" else=#none
academyctl config show --section general
```

## <a id="none"></a>When there is none

Make one.
"""


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "ours.md").write_text(OWN, encoding="utf-8")
    (tmp_path / "own" / "book.md").write_text(TEXT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "LOCALAPPDATA": str(tmp_path / "state")}
    return Cli({"ACADEMYCTL_PLAYBOOKS": str(tmp_path / "own"), **state}, monkeypatch, capsys)


def test_the_list_names_every_playbook_in_the_readers_language(cli: Cli) -> None:
    assert "One success today" in cli("playbook", "list").out
    assert "오늘 한 번은 성공시키기" in cli("--lang", "ko", "playbook", "list").out
    listed = cli("playbook", "list", "-o", "json").json["playbooks"]
    ours = next(one for one in listed if one["name"] == "book")
    assert [one["id"] for one in ours["steps"]] == ["queue", "stuck", "more"]
    assert ours["variables"][1] == {"name": "desired", "text": "how many", "default": "2"}
    shipped = next(one for one in listed if one["name"] == "some-videos-stuck")
    assert (shipped["lang"], shipped["langs"]) == ("en", ["en", "ko"])


def test_a_mistake_of_the_operators_own_does_not_hide_the_rest(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "own" / "broken.md").write_text("# T\n\nWhen.\n", encoding="utf-8")
    cli.set(ACADEMYCTL_PLAYBOOKS=os.pathsep.join([str(tmp_path / "own"), str(tmp_path / "gone")]), DB_PORT="abc")
    ran = cli("playbook", "list")
    assert ran.code == 0
    assert "jobs-not-running" in ran.out
    assert "broken.md:1" in ran.err
    assert "gone is no folder" in ran.err
    assert cli("playbook", "show", "broken").code == 2


def test_show_prints_the_text_as_it_is_written(cli: Cli) -> None:
    assert cli("playbook", "show", "book").out == TEXT
    missing = cli("playbook", "show", "bok")
    assert (missing.code, "did you mean book?" in missing.err) == (2, True)


def test_a_dry_run_shows_the_commands_and_runs_none(cli: Cli, tmp_path: Path) -> None:
    ran = cli("playbook", "run", "book", "--var", "id=7", "--dry-run", "--from-step", "2")
    assert ran.code == 0
    assert "academyctl video stuck 7" in ran.out
    assert "academyctl asg set video --desired 2\n" in ran.out
    assert "diagnose sqs" not in ran.out
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("playbook", "run", "book"), "needs id: id: the video's number"),
        (("playbook", "run", "book", "--var", "id"), "has no value"),
        (("playbook", "run", "book", "--var", "id=7", "--from-step", "9"), "has steps 1 to 3"),
        (("playbook", "run", "book", "--var", "id=7", "--dry-run", "--apply"), "exclude each other"),
    ],
)
def test_wrong_words_are_usage_errors_and_nobody_is_asked(cli: Cli, words: tuple[str, ...], said: str) -> None:
    ran = cli(*words)
    assert (ran.code, said in ran.err) == (2, True), ran.err


def test_a_run_goes_to_the_first_mismatch_and_says_how_to_go_on(cli: Cli, tmp_path: Path) -> None:
    ran = cli("playbook", "run", "ours")
    assert ran.code == 1
    assert "1. The settings file\n    academyctl config path\n    ok" in ran.out
    assert "the output does not contain" in ran.out
    assert "== When there is none\n\nMake one." in ran.out
    assert "academyctl playbook run ours --from-step 2" in ran.out
    (record,) = (tmp_path / "state" / "academyctl" / "playbooks").glob("*-ours-*.md")
    assert str(record) in ran.out
    assert "`academyctl config path`: exit code 0" in record.read_text(encoding="utf-8")
    cli.set(ACADEMYCTL_LANG="ko")
    said = cli("-o", "json", "playbook", "run", "ours", "--from-step", "2", "--transcript", "my.md")
    assert (said.code, said.json["exit_code"]) == (0, 0), said.json
    assert Path(said.json["transcript"]) == (tmp_path / "my.md").resolve()


def test_as_json_a_run_is_one_object(cli: Cli, tmp_path: Path) -> None:
    del cli
    made = book()
    loud = Answers({"video stuck 7": Ended(1, "to 010-1234-5678")})
    given = {"id": "7", "desired": "2"}
    done = list(steps(made, given, loud))
    said = as_json(made, done, given, tmp_path / "x.md", "en", ["--profile", "prod"])
    assert json.loads(json.dumps(said))["exit_code"] == 1
    assert said["stopped"]["advice"] == "stuck"
    assert said["stopped"]["resume"].endswith("playbook run book --var id=7 --var desired=2 --from-step 2")
    assert said["steps"][1]["command"] == "academyctl --profile prod video stuck 7"
    assert [one["result"] for one in said["steps"]] == ["ok", "failed", "planned"]
    assert "1234" not in json.dumps(said)


def test_advice_reads_well_in_a_terminal() -> None:
    made = book()
    advice = made.advice("stuck")
    assert advice is not None
    assert readable(advice.text, {"id": "7"}) == (
        "Mend it: see video 7.\n\n  * lock\n      What to do: `a | b`\n\n    academyctl fix video 7"
    )


def test_a_command_in_an_advice_acts_on_the_settings_of_this_run() -> None:
    text = "See `academyctl asg show video`; academyctl is fine.\n\n```bash\nacademyctl queue show\n```"
    assert readable(text, {}, ["--config", r"C:\own.toml"]) == (
        "See `academyctl --config 'C:\\own.toml' asg show video`; academyctl is fine.\n\n"
        "    academyctl --config 'C:\\own.toml' queue show"
    )


def test_what_could_not_be_seen_says_so_in_both_languages() -> None:
    made = book()
    done = list(steps(made, {"id": "7", "desired": "2"}, Answers({"diagnose sqs": Ended(3, "", "no answer\n")})))
    assert "nothing is known about it yet" in step_tail(done[0], made, {}, "en")
    assert "확인하지 못했습니다" in step_tail(done[0], made, {}, "ko")
    assert "1단계(queue)에서 멈췄습니다" in ending(made, done, {"id": "7"}, "ko")


def test_a_command_runs_with_this_runs_settings_and_no_stdin() -> None:
    ran = executor(Session(profile="default"))(["config", "path"])
    assert ran.code == 0
    assert executor(Session())(["video", "statsu"]).code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="no process groups to interrupt")
def test_ctrl_c_keeps_the_transcript_and_ends_with_130(tmp_path: Path) -> None:
    record = tmp_path / "run.md"
    hangs = OWN.replace("academyctl config show --section general", "academyctl diagnose redis --timeout 60")
    (tmp_path / "ours.md").write_text(hangs.replace(' match="general\\.lang +ko"', ""), encoding="utf-8")
    words = ("-m", "academyctl", "playbook", "run", "ours", "--transcript", str(record))
    with black_hole() as port:
        env = environment(tmp_path, {"ACADEMYCTL_PLAYBOOKS": str(tmp_path), "REDIS_HOST": "127.0.0.1",
                                     "REDIS_PORT": str(port), "ACADEMYCTL_REDIS_TIMEOUT": "60"})  # fmt: skip
        running = subprocess.Popen(
            [sys.executable, *words], env=env, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True,
        )  # fmt: skip
        # The head of a step is printed before it runs, so the second one is running now.
        assert running.stdout is not None
        while "diagnose redis" not in running.stdout.readline():
            pass
        os.killpg(running.pid, signal.SIGINT)
        _, err = running.communicate(timeout=30)
    assert running.returncode == 130, err
    assert str(record) in err
    text = record.read_text(encoding="utf-8")
    assert "`academyctl config path`: exit code 0" in text
    assert "ended by KeyboardInterrupt" in text
