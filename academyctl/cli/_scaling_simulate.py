"""`scaling simulate`: the policies side by side, as a table and as bars."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from academyctl.cli._common import Session
from academyctl.errors import Both, ConfigError, UsageError
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.ops.plot import Chart
    from academyctl.ops.simulate import Outcome

WAIT = Both("Waiting before the encode starts, mean, minutes", "인코딩 시작까지 대기 시간, 평균(분)")
HOURS = Both("Instance-hours", "인스턴스 시간")
NOTES = (
    Both(
        "killed: encodes that a scale-in ended; lost h: their work; dead: messages that so reached the DLQ",
        "killed: 축소로 중단된 인코딩, lost h: 버려진 작업 시간, dead: 그 때문에 DLQ로 간 메시지",
    ),
    Both(
        "guide-001-*: the guide's function, visibility 6 h, nothing protected; -unprotected: the same for tt-backlog",
        "guide-001-*: 가이드의 함수, 가시성 6시간, 보호 없음. -unprotected: tt-backlog에 같은 조건",
    ),
    Both(
        "a model: AWS's step sizes and its choice of victims are assumed, and counts are exact",
        "모형입니다. AWS의 조정 폭과 종료 대상 선택은 가정이며 큐의 개수는 정확하다고 봅니다",
    ),
)


@dataclass(frozen=True)
class Asked:
    policies: tuple[str, ...]
    days: int
    load: str
    seed: int
    trace: Path | None
    least: int
    most: int
    svg: Path | None


def compare(here: Session, asked: Asked, fmt: Format) -> None:
    """Run the trace through each policy. Raises UsageError for a word that is none, ConfigError for the SVG's file."""
    from academyctl import output
    from academyctl.ops import plot, scalers, simulate, traces

    setups = scalers.setups(least=asked.least, most=asked.most)
    if asked.load not in traces.LOADS:
        loads = ", ".join(traces.LOADS)
        raise UsageError(
            Both(f"there is no load '{asked.load}'", f"'{asked.load}' 부하는 없습니다"),
            remedy=Both(f"one of: {loads}", f"다음 중 하나: {loads}"),
        )
    chosen = {name for word in asked.policies for name in meant(word, tuple(setups))}
    if asked.least > asked.most:
        raise UsageError(
            Both("--min is more than --max", "--min이 --max보다 큽니다"), remedy=Both("swap them", "서로 바꾸세요")
        )
    jobs = (
        traces.recorded(asked.trace)
        if asked.trace
        else traces.seeded(seed=asked.seed, days=asked.days, load=asked.load)
    )
    outcomes = [
        simulate.simulate(name, setup, jobs, seed=asked.seed)
        for name, setup in setups.items()
        if not chosen or name in chosen
    ]
    work_h = sum(job.encode_s for job in jobs) / 3600
    days = int(max(job.arrived_s for job in jobs) // 86400) + 1
    source = asked.trace.name if asked.trace else f"seed {asked.seed}, load {asked.load}"
    sizes = f"{asked.least}..{asked.most}"
    title = Both(
        f"{len(jobs)} uploads in {days} days, {work_h:.0f} h of encoding ({source}); {sizes} instances",
        f"{days}일 동안 업로드 {len(jobs)}건, 인코딩 {work_h:.0f}시간 ({source}), 인스턴스 {sizes}대",
    ).pick(here.lang)
    charts = _charts(outcomes, here.lang)
    if asked.svg:
        _write(asked.svg, plot.svg(title, charts))
    output.emit(
        {
            "version": 1, "uploads": len(jobs), "days": days, "encode_h": round(work_h, 2), "source": source,
            "min": asked.least, "max": asked.most, "policies": [_json(one) for one in outcomes],
        },
        fmt=fmt,
        table=lambda: "\n".join(
            [title, "", *_table(outcomes), "", *(f"{plot.bars(one)}\n" for one in charts),
             *(f"note  {one.pick(here.lang)}" for one in NOTES)]
        ),
    )  # fmt: skip


def meant(word: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The rows that a policy's word names: its own, or all of a word that `scaling plan` knows (`fixed`: fixed-1).

    Raises UsageError for a word that is none.
    """
    found = (word,) if word in known else tuple(name for name in known if word and name.startswith(f"{word}-"))
    if not found:
        listed = ", ".join(known)
        raise UsageError(
            Both(f"there is no policy '{word}'", f"'{word}' 정책은 없습니다"),
            remedy=Both(f"one of: {listed}", f"다음 중 하나: {listed}"),
        )
    return found


def _charts(outcomes: list[Outcome], lang: str) -> tuple[Chart, Chart]:
    from academyctl.ops.plot import Chart

    return (
        Chart(WAIT.pick(lang), [(one.name, one.mean_min) for one in outcomes], lambda value: f"{value:.1f}"),
        Chart(HOURS.pick(lang), [(one.name, one.instance_h) for one in outcomes], lambda value: f"{value:.0f}"),
    )


def _table(outcomes: list[Outcome]) -> list[str]:
    """ASCII words, so that columns stand whatever the terminal makes of Hangul's width."""
    heads = ("policy", "wait mean", "p95", "max", "inst-h", "killed", "lost h", "dead", "unfinished", "peak")
    rows = [
        (
            one.name, f"{one.mean_min:.1f}", f"{one.percentile_min(0.95):.1f}", f"{one.max_min:.0f}",
            f"{one.instance_h:.0f}", str(one.killed), f"{one.wasted_h:.1f}", str(one.dead), str(one.unfinished),
            str(one.peak),
        )
        for one in outcomes
    ]  # fmt: skip
    lost = any(one.unfinished for one in outcomes)
    keep = [n for n, head in enumerate(heads) if head != "unfinished" or lost]
    table = [[row[n] for n in keep] for row in (heads, *rows)]
    widths = [max(len(row[n]) for row in table) for n in range(len(keep))]
    return [
        "  ".join(
            cell.ljust(wide) if n == 0 else cell.rjust(wide)
            for n, (cell, wide) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    ]


def _json(one: Outcome) -> dict[str, Any]:
    return {
        "policy": one.name, "wait_mean_min": round(one.mean_min, 2), "wait_p95_min": round(one.percentile_min(0.95), 2),
        "wait_max_min": round(one.max_min, 2), "instance_h": round(one.instance_h, 2), "killed": one.killed,
        "wasted_h": round(one.wasted_h, 2), "dead": one.dead, "unfinished": one.unfinished, "peak": one.peak,
        "instances_by_hour": list(one.timeline),
    }  # fmt: skip


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the chart cannot be written: {path}", why=str(error),
            remedy=Both("give another file with --svg", "--svg로 다른 파일을 지정하세요"),
        ) from error  # fmt: skip
