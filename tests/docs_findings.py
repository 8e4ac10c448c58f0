"""A page of docs/findings a topic: every code with what it means, whose fault it is and what to do next.

Made from the topics' kinds and texts, so that a page cannot say what a diagnosis does not. `python -m tests.docs`
writes them, tests/test_docs.py compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from checks._engine import CHECK_CRASH, CRASH, ENGINE_KINDS
from checks._model import Check, Kind, Topic
from checks._texts import FOLDER, text_of, words
from checks._topics import chosen

ROOT = FOLDER.parents[1] / "docs" / "findings"
LANGS = ("en", "ko")
ENGINE = "diagnosis"
"""The page of what any topic may meet: a deadline, Ctrl-C, a bug of ours."""

_SAYS: Mapping[str, dict[str, str]] = {
    "en": {
        "title": "Findings of `academyctl diagnose`",
        "about": "A code never changes its meaning; leave one out with `--ignore CODE=subject` or, with a reason and "
        "an expiry, under `[[diagnose.ignore]]` in academyctl.toml. Words in {braces} are the finding's values.",
        "topic": "Findings of `academyctl diagnose {topic}`",
        "state": "State", "fault": "Whose fault", "checks": "What holds when all is well", "next": "Next",
        "local": "On the embedded stack", "because": "Explained by", "code": "Code", "means": "Meaning",
        "none": "cannot tell", "index": "All topics", "engine": "What any topic may meet",
    },
    "ko": {
        "title": "`academyctl diagnose`의 진단 코드",
        "about": "코드의 뜻은 바뀌지 않습니다. `--ignore 코드=대상`으로 제외하거나, academyctl.toml의 "
        "`[[diagnose.ignore]]`에 사유와 만료일을 적어 제외할 수 있습니다. {중괄호} 안은 결과마다 다른 값입니다.",
        "topic": "`academyctl diagnose {topic}`의 진단 코드",
        "state": "상태", "fault": "원인 구분", "checks": "정상일 때 성립하는 것", "next": "다음",
        "local": "로컬 스택에서는", "because": "다음에서 비롯될 수 있음", "code": "코드", "means": "뜻",
        "none": "판정 불가", "index": "전체 항목", "engine": "모든 항목에서 나올 수 있는 것",
    },
}  # fmt: skip


def pages() -> dict[Path, str]:
    """Every page by its path."""
    topics = chosen(())
    found = {}
    for lang in LANGS:
        folder = ROOT / lang
        found[folder / "README.md"] = _index(topics, lang)
        found[folder / f"{ENGINE}.md"] = _page(_say(lang, "engine"), (), ENGINE_KINDS, lang)
        for topic in topics:
            title = _say(lang, "topic").format(topic=topic.name)
            found[folder / f"{topic.name}.md"] = _page(title, topic.checks, kinds(topic), lang)
    return found


def kinds(topic: Topic) -> tuple[Kind, ...]:
    """What the topic can find, each code once, in the order of its checks."""
    return tuple({kind.code: kind for check in topic.checks for kind in check.kinds}.values())


def stale() -> list[str]:
    """What is missing, out of date or left over, as `docs/findings/...` paths."""
    wanted = pages()
    there = set(ROOT.rglob("*.md"))
    old = [path for path, text in wanted.items() if path not in there or path.read_text(encoding="utf-8") != text]
    return sorted(path.relative_to(ROOT.parents[1]).as_posix() for path in {*old, *(there - set(wanted))})


def write() -> None:
    """Make the folder what `pages` says."""
    wanted = pages()
    for path in set(ROOT.rglob("*.md")) - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def anchor(code: str) -> str:
    """The anchor that code hosts make of a heading with this code: `sqs.queue-missing` -> `sqsqueue-missing`."""
    return code.replace(".", "")


def _index(topics: tuple[Topic, ...], lang: str) -> str:
    lines = [f"# {_say(lang, 'title')}", "", _say(lang, "about"), "", _head(lang)]
    rows = [(ENGINE, ENGINE_KINDS), *((topic.name, kinds(topic)) for topic in topics)]
    lines += [_row(kind, lang, f"{name}.md") for name, listed in rows for kind in listed]
    return "\n".join(lines) + "\n"


def _page(title: str, checks: tuple[Check, ...], listed: tuple[Kind, ...], lang: str) -> str:
    lines = [f"# {title}", "", f"[{_say(lang, 'index')}](README.md)", "", _head(lang)]
    lines += [_row(kind, lang, "") for kind in listed]
    if checks:
        lines += ["", f"## {_say(lang, 'checks')}", ""]
        lines += [f"- `{check.code}`: {_text(text_of(check.code, lang).title)}" for check in checks]
    for kind in listed:
        lines += ["", *_kind(kind, lang)]
    return "\n".join(lines) + "\n"


def _kind(kind: Kind, lang: str) -> Iterator[str]:
    text = text_of(kind.code, lang)
    yield f"## {kind.code}"
    yield ""
    yield f"{_say(lang, 'state')}: {kind.state}. {_say(lang, 'fault')}: {_fault(kind, lang)}."
    yield ""
    yield f"**{_text(text.summary)}**"
    yield ""
    yield f"{_say(lang, 'next')}: {_text(text.remedy)}"
    if kind.because:
        yield ""
        yield f"{_say(lang, 'because')}: {', '.join(f'`{one.code}`' for one in kind.because)}"
    for title, commands in (("", kind.commands), (_say(lang, "local"), kind.local_commands)):
        if commands:
            yield ""
            yield from [f"{title}:", ""] if title else []
            yield from ("```text", *commands, "```")


def _head(lang: str) -> str:
    names = [_say(lang, name) for name in ("code", "state", "fault", "means")]
    return f"| {' | '.join(names)} |\n| --- | --- | --- | --- |"


def _row(kind: Kind, lang: str, page: str) -> str:
    means = _text(text_of(kind.code, lang).summary).replace("|", "\\|")
    return f"| [{kind.code}]({page}#{anchor(kind.code)}) | {kind.state} | {_fault(kind, lang)} | {means} |"


def _fault(kind: Kind, lang: str) -> str:
    # What could not be seen is nobody's fault yet, whatever it turns out to be.
    named = (
        kind.cause if kind.code in (CRASH.code, CHECK_CRASH.code) or kind.state not in ("unknown", "crash") else None
    )
    return words(str(named), lang) if named else _say(lang, "none")


def _text(text: str) -> str:
    return text.replace("<", "&lt;")


def _say(lang: str, name: str) -> str:
    return _SAYS[lang][name]
