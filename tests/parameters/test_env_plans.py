"""What may be stored as the workers' environment and what is refused: pure tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from academyctl.contract.worker_env import REQUIRED, Form, parse, render
from academyctl.errors import UsageError, WorkFailed
from academyctl.ops.env_plans import Store, compare, plan, text_of
from academyctl.stores.parameters import About, Parameter

OLD = {"A": "1", "B": "2", "SECRET_KEY": "x" * 60}
ABOUT = About("Standard", "alias/mine", "arn:user", "")


def stored(values: Mapping[str, str] = OLD, form: Form = Form.dotenv, kind: str = "SecureString") -> Parameter:
    return Parameter("/p", kind, 7, None, render(values, form))


def planned(values: Mapping[str, str], before: Parameter | None = None, **options: Any) -> tuple[Store, ...]:
    return plan("/p", render(values, Form.dotenv), before or stored(), ABOUT, **options)[0]


def test_a_difference_names_what_comes_goes_changes_and_empties() -> None:
    diff = compare({"A": "1", "B": "2", "C": "3", "D": "4"}, {"A": "1", "B": "9", "C": "", "E": "5"})
    assert (diff.added, diff.removed, diff.changed, diff.emptied) == (("E",), ("D",), ("B",), ("C",))
    assert str(diff) == "+E -D ~B emptied: C"


def test_a_change_is_told_by_names_and_sizes_never_by_values() -> None:
    [store] = planned({**OLD, "SECRET_KEY": "y" * 60, "NEW": "hunter2"})
    assert str(store) == (
        "set SSM parameter /p version 7 -> version 8, SecureString, Standard (80 -> 92 bytes): +NEW ~SECRET_KEY"
    )
    assert store.undo == "academyctl ssm env put --name /p --version 7 --apply"
    assert "hunter2" not in repr(store)


@pytest.mark.parametrize(
    ("values", "lost"),
    [
        ({"A": "1", "SECRET_KEY": "x" * 60}, "it would lose B"),
        ({**OLD, "B": ""}, "it would lose B"),
        ({}, "it would lose A, B, SECRET_KEY"),
        ({**OLD, "SECRET_KEY": "x"}, "it would shrink from"),
    ],
    ids=["missing", "emptied", "everything", "half"],
)
def test_what_shrinks_is_refused_until_it_is_allowed_by_name(values: dict[str, str], lost: str) -> None:
    with pytest.raises(WorkFailed, match=lost) as refused:
        planned(values)
    remedy = refused.value.remedy_in("en")
    names = [word for word in remedy.split() if word in OLD]
    assert names
    assert planned(values, allowed=names)


def test_allowing_one_does_not_allow_another() -> None:
    with pytest.raises(WorkFailed, match=r"it would lose A\b"):
        planned({"SECRET_KEY": "x" * 60}, allowed=["B"])


def test_an_earlier_version_is_restored_whatever_it_lacks() -> None:
    assert planned({"A": "1"}, restored=True)


def test_what_is_so_already_is_no_change() -> None:
    assert planned(OLD) == ()
    same = plan("/p", render(OLD, Form.json).replace(", ", " ,  "), stored(form=Form.json), ABOUT)
    assert same == ((), ())
    # A comment is worth a version; another form of the same is one too.
    assert plan("/p", "# why\n" + render(OLD, Form.dotenv), stored(), ABOUT)[0]
    assert plan("/p", render(OLD, Form.base64), stored(), ABOUT)[0]


def test_kind_key_and_tier_stay_and_a_long_value_gets_the_advanced_tier() -> None:
    [store] = planned({**OLD, "NEW": "x"}, stored(kind="String"))
    assert (store.kind, store.key, store.tier) == ("String", "alias/mine", "Standard")
    [store] = planned({**OLD, "NEW": "가" * 1400})
    assert store.tier == "Advanced"
    with pytest.raises(WorkFailed, match="more than an SSM parameter holds"):
        planned({**OLD, "NEW": "가" * 2800})


def test_a_first_version_is_secure_and_says_how_it_is_taken_back() -> None:
    [store] = plan("/p", "A=1\n", None, None)[0]
    assert (store.kind, store.version) == ("SecureString", 0)
    assert "delete /p in SSM" in store.undo


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A=1\nA=2\n", "stand there twice, the last one counts: A"),
        ("A='1'\n", "docker takes the quotes as a part of the value: A"),
        ("A=1\n", f"does not start without: {', '.join(REQUIRED)}"),
        (f"A={'x' * 4100}\n", "Advanced tier"),
    ],
)
def test_what_an_operator_should_know_is_remarked(text: str, said: str) -> None:
    _, remarks = plan("/p", text, None, None)
    assert any(said in remark.en for remark in remarks)


def test_a_parameter_that_was_no_environment_is_replaced() -> None:
    [store] = plan("/p", "A=1\n", Parameter("/p", "String", 1, None, "broken"), None)[0]
    assert store.diff.added == ("A",)


def test_a_dotenv_keeps_its_comments_and_other_forms_are_written_anew() -> None:
    text = "# why\nA=1"
    assert text_of(parse(text), text, Form.dotenv) == "# why\nA=1\n"
    assert text_of(parse(text), text, Form.json) == '{"A": "1"}'
    lines = '{"A": "1\\n2"}'
    with pytest.raises(UsageError, match="cannot be written"):
        text_of(parse(lines), lines, Form.dotenv)
