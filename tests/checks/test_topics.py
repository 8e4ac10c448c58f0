"""A topic is a file: found by its name, complete, and its words consistent."""

from __future__ import annotations

import dataclasses
import re

import pytest

from academyctl.errors import UsageError
from checks import _engine
from checks._topics import chosen, words
from tests.checks import facts as f


def test_the_words_are_the_files_and_settings_come_first() -> None:
    assert words()[:5] == ("settings", "aws", "sqs", "redis", "db")
    assert not any(word.startswith("_") or word == "texts" for word in words())


def test_all_or_nothing_is_everything_and_the_order_is_the_reports() -> None:
    assert [topic.name for topic in chosen(())] == list(words())
    assert [topic.name for topic in chosen(("r2", "all"))] == list(words())
    assert [topic.name for topic in chosen(("r2", "settings", "r2"))] == ["settings", "r2"]


def test_an_unknown_topic_is_a_usage_error_with_the_near_word() -> None:
    with pytest.raises(UsageError, match="did you mean redis"):
        chosen(("reids",))


def test_codes_are_unique_dotted_and_begin_with_their_topic() -> None:
    seen: dict[str, object] = {}
    for topic in f.TOPICS:
        for check in topic.checks:
            for code, what in ((check.code, check), *((kind.code, kind) for kind in check.kinds)):
                assert re.fullmatch(rf"{topic.name}\.[a-z][a-z-]*", code), code
                # Two checks may share a kind, never a code.
                assert seen.setdefault(code, what) is what or seen[code] == what, code


def test_every_need_names_a_check_and_no_need_goes_round() -> None:
    needs = {check.code: check.needs for topic in f.TOPICS for check in topic.checks}
    _without_rounds(needs)
    assert {need for codes in needs.values() for need in codes} <= set(needs)


def test_every_explanation_names_a_kind_and_no_explanation_goes_round() -> None:
    kinds = _engine.kinds(f.TOPICS)
    graph = {code: tuple(because.code for because in kind.because) for code, kind in kinds.items()}
    _without_rounds(graph)
    assert {code for codes in graph.values() for code in codes} <= set(kinds)


def test_facts_are_frozen_and_have_no_default_that_could_pass_for_a_fact() -> None:
    for topic in f.TOPICS:
        fields = dataclasses.fields(topic.facts)
        assert topic.facts.__dataclass_params__.frozen  # type: ignore[attr-defined]
        assert all(field.default is dataclasses.MISSING for field in fields)


def _without_rounds(graph: dict[str, tuple[str, ...]]) -> None:
    def walk(code: str, path: tuple[str, ...]) -> None:
        assert code not in path, " > ".join((*path, code))
        for other in graph.get(code, ()):
            walk(other, (*path, code))

    for code in graph:
        walk(code, ())
