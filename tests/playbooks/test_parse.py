"""The format: what a playbook's text becomes, and that every error names file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

import playbooks
from academyctl.errors import AcademyError, ConfigError, UsageError
from playbooks._expect import differs
from playbooks._model import BadPlaybook, Sort
from tests.playbooks.books import ADVICE, HEAD, STEPS, TEXT, book


def test_a_text_becomes_steps_in_sections_and_advice() -> None:
    made = book()
    assert (made.title, made.when) == ("A title", "When to use it.")
    assert [(one.name, one.default) for one in made.variables] == [("id", None), ("desired", "2")]
    assert [(section.number, step.id, step.sort) for section, step in made.numbered()] == [
        (1, "queue", Sort.check),
        (2, "stuck", Sort.check),
        (3, "more", Sort.fix),
    ]
    stuck = next(step for step in made.steps() if step.id == "stuck")
    assert (stuck.words, stuck.expect, stuck.advice) == (("video", "stuck", "{id}"), frozenset((0, 4)), "stuck")
    advice = made.advice("stuck")
    assert advice is not None
    assert [step.id for step in advice.steps] == ["mend"]
    assert "see video {id}" in advice.text


def test_a_variable_alone_becomes_as_many_words_as_its_value() -> None:
    made = book(TEXT.replace("video stuck {id}", "video stuck {id} --x={id}").replace("queue-broken else", ""))
    step = next(step for step in made.steps() if step.id == "stuck")
    assert step.command({"id": "111 222"}) == ("video", "stuck", "111", "222", "--x=111 222")
    assert step.command({"id": "1"}, apply=True)[-1] == "--apply"


def test_blocks_without_check_or_fix_are_for_people() -> None:
    plain = "```bash\nrm -rf /\n```\n\n```bash check-it\nacademyctl nothing\n```\n"
    made = book(HEAD + STEPS + plain + ADVICE)
    assert len(list(made.steps())) == 4
    assert "rm -rf" in made.sections[2].text


BLOCK = "academyctl diagnose sqs"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("# A title", "A title", 1, "must be a title"),
        ("When to use it.\n", "", 2, "a paragraph"),
        ("- `id`: the", "- id: the", 7, "a variable reads"),
        ("## 2.", "## 4.", 16, "is number 4, expected 2"),
        ("## 1. The queue is there", "## ", 10, "a heading reads"),
        ("check: id=queue", "check id=queue", 12, "with its colon"),
        ("check: id=queue", "check:", 12, "needs id=name"),
        ("check: id=stuck", "check: id=queue", 18, "two steps are called 'queue'"),
        ("expect=0,4", "expect=ok", 18, "no list of exit codes"),
        ("expect=0,4", "expct=0", 18, "'expct=0' is no attribute"),
        ("expect=0,4", 'match="("', 18, "cannot be read"),
        ("expect=0,4", 'json="x"', 18, "is no condition"),
        ("else=#stuck", "else=stuck", 18, "must name a section"),
        ("else=#stuck", "else=#nowhere", 18, 'no section has <a id="nowhere">'),
        (" else=#stuck", "", 18, "needs else=#section"),
        (BLOCK, f"{BLOCK}\nacademyctl diagnose db", 12, "one command line, here are 2"),
        (BLOCK, "aws sqs list-queues", 13, "a step runs academyctl, not 'aws'"),
        (BLOCK, "academyctl video retry 1", 13, "may change something"),
        (BLOCK, "academyctl queue redrive video", 13, "may change something"),
        (BLOCK, "academyctl diagnose 'sqs", 13, "cannot be read"),
        ("{desired}", "{desird}", 24, "{desird} is not declared"),
        ("--desired {desired}", "--desired 2 --apply", 25, "without --apply"),
        ("academyctl asg set video", "academyctl video retry", 25, "has no dry run"),
        ("academyctl asg set video", "academyctl asg show video", 25, "has no dry run"),
        ("fix video {id}\n```\n", "fix video {id}\n", 40, "never closed"),
    ],
)  # fmt: skip
def test_every_error_names_file_line_and_what_is_expected(old: str, new: str, line: int, said: str) -> None:
    assert old in TEXT
    with pytest.raises(BadPlaybook) as caught:
        book(TEXT.replace(old, new, 1))
    assert caught.value.what == f"book.md:{line}"
    assert said in caught.value.why
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["", "# Title only\n", "# T\n\nWhen.\n\n## Prose\n\nNothing to run.\n"])
def test_a_text_without_steps_is_no_playbook(text: str) -> None:
    with pytest.raises(BadPlaybook):
        book(text)


def _step(**attributes: str) -> object:
    said = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    made = book(TEXT.replace("check: id=queue", f"check: id=queue {said}"))
    return next(made.steps())


@pytest.mark.parametrize(
    ("attributes", "code", "out", "why"),
    [
        ({}, 0, "", ""),
        ({}, 1, "", "exit code 1, expected 0"),
        ({"match": "healthy|ok"}, 0, "all ok", ""),
        ({"match": "healthy"}, 0, "all ok", "the output does not contain /healthy/"),
        ({"without": "mock"}, 0, "all ok", ""),
        ({"without": "mo.k"}, 0, "a mock", "the output contains 'mock'"),
        ({"json": "groups.0.max>=2"}, 0, '{"groups": [{"max": 2}]}', ""),
        ({"json": "groups.0.max>=2"}, 0, '{"groups": [{"max": 1}]}', "groups.0.max is 1, expected >= 2"),
        ({"json": "groups.0.max>=2"}, 0, '{"groups": []}', "the output has no groups.0.max"),
        ({"json": "groups.0.max>=2"}, 0, '{"groups": [{"max": null}]}', "groups.0.max is None, expected >= 2"),
        ({"json": "state==READY"}, 0, '{"state": "READY"}', ""),
        ({"json": "list.#==0"}, 0, '{"list": []}', ""),
        ({"json": "list.#==0"}, 0, "no json", "the output has no list.#"),
    ],
)
def test_a_result_is_compared_with_what_the_step_expects(
    attributes: dict[str, str], code: int, out: str, why: str
) -> None:
    assert differs(_step(**attributes), code, out, "") == why  # type: ignore[arg-type]


def test_the_operators_own_playbooks_come_first_and_other_languages_last(tmp_path: Path) -> None:
    (tmp_path / "ko").mkdir()
    (tmp_path / "ko" / "only-korean.md").write_text(TEXT, encoding="utf-8")
    (tmp_path / "jobs-not-running.md").write_text(TEXT.replace("A title", "Ours"), encoding="utf-8")
    (tmp_path / "README.md").write_text("no playbook", encoding="utf-8")
    own = [tmp_path]
    assert playbooks.names(own)["only-korean"] == ("ko",)
    assert "README" not in playbooks.names(own)
    assert playbooks.load("jobs-not-running", "en", own).title == "Ours"
    assert playbooks.load("jobs-not-running", "en").title != "Ours"
    assert playbooks.load("only-korean", "en", own).lang == "ko"


def test_a_playbook_or_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean video-not-encoding"):
        playbooks.load("video-not-encodng", "en")
    with pytest.raises(UsageError):
        playbooks.load("../en/jobs-not-running", "en")
    with pytest.raises(ConfigError, match="does not exist"):
        playbooks.load("jobs-not-running", "en", [tmp_path / "nothing"])
    (tmp_path / "odd.md").write_bytes(b"# T\xff")
    with pytest.raises(AcademyError, match=r"odd\.md cannot be read"):
        playbooks.load("odd", "en", [tmp_path])
