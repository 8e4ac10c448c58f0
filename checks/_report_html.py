"""A report to look at: one page that needs nothing else, in light and dark, for a phone and for a wall."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from checks import _chart_data, _charts
from checks import _report_words as said
from checks._model import Finding, State
from checks._paper import MARKS
from checks._report_words import Report, follows
from checks._verdict import roots

_FOLDER = Path(__file__).parent
# The only script; the page's own policy lets no other run, whatever a queue is called.
_SCRIPT = """
for (const button of document.querySelectorAll("button[data-copied]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = button.previousElementSibling;
    try { await navigator.clipboard.writeText(text.textContent); }
    catch { getSelection().selectAllChildren(text); document.execCommand("copy"); }
    const word = button.textContent;
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = word; }, 1600);
  });
}
"""


def as_html(report: Report) -> str:
    """The verdict, the causes with their next commands, charts, every finding, what was left out."""
    style = (_FOLDER / "report.css").read_text(encoding="utf-8")
    title = f"{report.say('title')}: {said.verdict(report)}"
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(_SCRIPT)}'; base-uri 'none'"
    body = "\n".join([*_header(report), "<main>", *_causes(report), *_figures(report), *_topics(report)])
    return (
        f'<!doctype html>\n<html lang="{report.lang}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n"
        f"<footer>{escape(said.footer(report))}</footer>\n</main>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _header(report: Report) -> Iterator[str]:
    diagnosis, snapshot = report.diagnosis, report.diagnosis.snapshot
    note = f" <small>{escape(report.say('only-warnings'))}</small>" if diagnosis.state is State.warn else ""
    yield f'<header class="{diagnosis.state}"><div>'
    yield (
        f'<p class="about"><b>academyctl diagnose</b><span>{escape(snapshot.profile)}</span>'
        f'<time datetime="{escape(snapshot.taken_at)}">{escape(_moment(snapshot.taken_at))}</time></p>'
    )
    yield f'<p class="eyebrow">{escape(report.say("verdict"))}</p>'
    yield f"<h1>{escape(report.say(str(diagnosis.verdict)))}{note}</h1>"
    yield f'<p class="cause">{escape(said.cause(report))}</p>'
    if lead := said.lead(report):
        yield f'<p class="lead">{"".join(f"<span>{escape(line)}</span>" for line in lead)}</p>'
    have = said.counts(diagnosis)
    chips = "".join(
        f'<li class="{state}">{have[state]} {said.WORDS.get(state, state)}</li>' for state in State if have[state]
    )
    yield f'<ul class="counts">{chips}</ul></div></header>'


def _causes(report: Report) -> Iterator[str]:
    listed = set(report.listed)
    causes = [one for one in roots(report.diagnosis.findings) if one in listed]
    for number, one in enumerate(causes):
        if number < 2:
            yield f"<h2>{escape(report.say('other-causes' if number else 'causes'))}</h2>"
        yield f'<article class="card {one.state}">'
        yield f"<h3>{escape(one.summary)}</h3>"
        yield f'<p class="key">{escape(one.key)}</p>'
        yield from _next(report, one)
        yield from _evidence(report, one)
        yield from _following(report, one)
        yield "</article>"


def _next(report: Report, one: Finding) -> Iterator[str]:
    if one.remedy:
        yield f'<p class="remedy">{escape(one.remedy)}</p>'
    copy, copied = escape(report.say("copy")), escape(report.say("copied"))
    for command in one.commands:
        button = f'<button type="button" hidden data-copied="{copied}">{copy}</button>'
        yield f'<div class="command"><pre><code>{escape(command)}</code></pre>{button}</div>'


def _evidence(report: Report, one: Finding) -> Iterator[str]:
    if not one.evidence:
        return
    yield f'<div class="facts"><p>{escape(report.say("evidence"))}</p><ul>'
    for seen in one.evidence:
        yield (
            f"<li><span>{escape(seen.source)}</span><code>{escape(seen.value)}</code>"
            f'<time datetime="{escape(seen.at)}">{escape(said.age(report, seen.at))}</time></li>'
        )
    yield "</ul></div>"


def _following(report: Report, root: Finding) -> Iterator[str]:
    found = [one for one in report.diagnosis.findings if one.because_of == root.key and follows(one)]
    if found:
        yield f'<div class="facts"><p>{escape(report.say("following"))}</p><ul>'
        yield from (f"<li><span>{escape(one.topic)}</span><div>{escape(one.summary)}</div></li>" for one in found)
        yield "</ul></div>"


def _figures(report: Report) -> Iterator[str]:
    queues, groups = _chart_data.queues(report), _chart_data.groups(report)
    series = _chart_data.series(report.diagnosis.snapshot)
    events = _chart_data.events(report.diagnosis.snapshot)
    if not (queues or groups or series or events):
        return
    yield f'<h2>{escape(report.say("charts"))}</h2><div class="charts">'
    for title, rows in (("queues", queues), ("groups", groups)):
        if rows:
            yield f'<section class="chart"><h3>{escape(report.say(title))}</h3>{_charts.bars(rows)}</section>'
    if events:
        strips = (
            _charts.strip(name, listed, said.age_of(report, listed[0].age_s), report.say("age-now"))
            for name, listed in events.items()
        )
        yield f'<section class="chart"><h3>{escape(report.say("activities"))}</h3>{"".join(strips)}</section>'
    if series:
        drawn = (
            _charts.lines(
                one, report.say("latest", value=f"{one.points[-1][1]:g}"),
                report.say("highest", value=f"{max(value for _, value in one.points):g}"),
            )
            for one in series
        )  # fmt: skip
        yield f'<section class="chart"><h3>{escape(report.say("series"))}</h3>{"".join(drawn)}</section>'
    yield "</div>"


def _topics(report: Report) -> Iterator[str]:
    yield f'<h2>{escape(report.say("all-findings"))}</h2><div class="topics">'
    for topic, findings in report.topics.items():
        fine = sum(one.state is State.ok for one in findings)
        yield f'<section class="topic"><h3>{escape(report.topic_title(topic))}<span>{fine}/{len(findings)}</span></h3>'
        yield f"<ul>{''.join(_line(report, one) for one in findings if one.state is not State.skip)}"
        yield from _skipped(report, findings)
        yield "</ul></section>"
    yield "</div>"
    if left := said.tail(report):
        yield f"<h2>{escape(report.say('ignored-title'))}</h2>"
        yield f'<ul class="left">{"".join(f"<li>{escape(line)}</li>" for line in left)}</ul>'


def _line(report: Report, one: Finding) -> str:
    """One finding; evidence and remedy stand with the causes, at the top."""
    if follows(one):
        text = f"{escape(one.summary)} ({escape(report.say('also', root=one.because_of))})"
        return f'<li class="follows">{_mark(State.skip, report.say("also", root=""))}<div>{text}</div></li>'
    code = "" if one.state is State.ok else f' <span class="key">{escape(one.code)}</span>'
    return f'<li class="{one.state}">{_mark(one.state, said.word(one))}<div>{escape(one.summary)}{code}</div></li>'


def _skipped(report: Report, findings: Sequence[Finding]) -> Iterator[str]:
    for reason, skipped in said.skips(findings).items():
        titles = "; ".join(one.title for one in skipped)
        text = escape(f"{report.say('not-judged', root=reason)}: {titles}")
        yield f'<li class="skip">{_mark(State.skip, "skip")}<div>{text}</div></li>'


def _mark(state: State, word: str) -> str:
    seen = f'<span aria-hidden="true">{MARKS[state]}</span>'
    return f'<span class="mark">{seen}<span class="hide">{escape(word)}</span></span>'


def _moment(at: str) -> str:
    return at[:19].replace("T", " ") + " UTC"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
