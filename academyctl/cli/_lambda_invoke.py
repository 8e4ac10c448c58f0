"""`academyctl lambda invoke`: what a run does is said first; then one run, its answer and its log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from academyctl.cli._common import Session
from academyctl.errors import EXIT_FAILED, EXIT_OK, Both, UsageError
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores.functions import Invocation

TOLD = Both("nothing was run; to run it: --apply", "실행하지 않았습니다. 실행하려면: --apply")
_UNKNOWN = Both(
    "this is not academyctl's code: what a run does is not known here (metrics, sizes of groups, jobs)",
    "academyctl의 코드가 아니어서 실행하면 무엇이 바뀌는지 알 수 없습니다 (메트릭, 그룹 크기, 작업)",
)


@dataclass
class Run:
    """A repair: one run; what came of it is kept in `ended`."""

    name: str
    payload: str = field(repr=False)
    ended: Invocation | None = None

    def __str__(self) -> str:
        return f"run Lambda function {self.name} once"

    def do(self, stores: Stores) -> None:
        self.ended = stores.functions.invoke(self.name, self.payload)

    @property
    def undo(self) -> str:
        return "nothing: what a run did is told by its answer and its log"


def run(here: Session, name: str, *, payload: str, file: Path | None, dry: bool, apply: bool,
        fmt: Format) -> int:  # fmt: skip
    """Tell the effects, or run it and tell what came of it; the exit code."""
    from academyctl import output, repairs
    from academyctl.ops import lambda_specs
    from academyctl.ops.lambda_deploy import missing

    event = _event(payload, file)
    settings, stores = here.loaded.settings, here.stores()
    word, real = lambda_specs.word_of(settings, name), lambda_specs.name_of(settings, name)
    raw = stores.functions.raw(real)
    if raw is None:
        raise missing(real)
    ours = _is_ours(here, word, raw)
    effects = [one.pick(here.lang) for one in (_effects(word, raw) if ours else (_UNKNOWN,))]
    if dry:
        invoked = stores.functions.invoke(real, json.dumps(_dry(event, word, real, ours=ours)))
        return _emit(here, real, invoked, dry=True, fmt=fmt)
    if not apply:
        output.emit(
            {"version": 1, "function": real, "invoked": False, "effects": effects},
            fmt=fmt,
            table=lambda: "\n".join([*(f"would  {one}" for one in effects), TOLD.pick(here.lang)]),
        )
        return EXIT_OK
    one = Run(real, json.dumps(event, ensure_ascii=False))
    here.confirm_production([str(one), *effects])
    repairs.apply([one], stores, repairs.audit_path())
    assert one.ended is not None
    return _emit(here, real, one.ended, dry=False, fmt=fmt)


def _event(payload: str, file: Path | None) -> Any:
    if payload and file:
        raise UsageError(
            Both("--payload and --payload-file", "--payload와 --payload-file을 함께 쓸 수 없습니다"),
            remedy=Both("give one of the two", "하나만 지정하세요"),
        )
    try:
        # A file saved by PowerShell or Notepad begins with a mark.
        text = file.read_text(encoding="utf-8-sig") if file else payload or "{}"
        return json.loads(text)
    except (OSError, ValueError) as error:
        raise UsageError(
            Both(
                f"the event cannot be read{f' from {file}' if file else ''}",
                f"이벤트를 읽을 수 없습니다{f': {file}' if file else ''}",
            ),
            why=str(error),
            remedy=Both(
                "give JSON in UTF-8; in PowerShell a file is easiest: --payload-file event.json",
                "UTF-8 JSON으로 지정하세요. PowerShell에서는 파일이 쉽습니다: --payload-file event.json",
            ),
        ) from error


def _is_ours(here: Session, word: str, raw: Mapping[str, Any]) -> bool:
    from academyctl.ops import lambda_specs
    from academyctl.ops.package import package, sha256

    if not word:
        return False
    return bool(raw.get("CodeSha256") == sha256(package(lambda_specs.spec(here.loaded.settings, word).handler)))


def _dry(event: Any, word: str, name: str, *, ours: bool) -> dict[str, Any]:
    """The event with the word that our handlers know. Any other code would take it for a run in earnest."""
    from academyctl.ops import lambda_specs

    if not ours or word not in (lambda_specs.DEPTH, lambda_specs.AUTOSCALE):
        raise UsageError(
            Both(f"{name} cannot be run dry", f"{name}은(는) --dry-run으로 실행할 수 없습니다"),
            why=Both(
                "it does not run this version's code, and any other would do everything",
                "academyctl의 현재 버전 코드가 아니어서 실제로 모두 실행됩니다",
            ),
            remedy=Both(
                f"install it first (academyctl lambda deploy {word or 'WORD'}), or run it with --apply",
                f"먼저 배포하거나 (academyctl lambda deploy {word or 'WORD'}) --apply로 실행하세요",
            ),
        )
    if not isinstance(event, dict):
        raise UsageError(
            Both("a dry run needs an event that is an object", "--dry-run의 이벤트는 JSON 객체여야 합니다"),
            remedy=Both("as {}", "예: {}"),
        )
    return {**event, "dry_run": True}


def _effects(word: str, raw: Mapping[str, Any]) -> tuple[Both, ...]:
    from academyctl.ops import lambda_specs
    from academyctl.ops.lambda_repairs import configuration

    variables = configuration(raw).variables
    if word == lambda_specs.DEPTH:
        return _depth_effects(variables)
    if word == lambda_specs.AUTOSCALE:
        return (Both("start stopped worker instances when messages wait, and note the time in SSM",
                     "대기 메시지가 있으면 정지된 워커 인스턴스를 시작하고 시각을 SSM에 기록"),)  # fmt: skip
    return (Both("submit a Batch job for each message of the event", "이벤트의 메시지마다 Batch 작업을 제출"),)


def _depth_effects(variables: Mapping[str, str]) -> tuple[Both, ...]:
    from academyctl.ops.lambdas import queue_depth

    wanted = queue_depth.settings(variables)
    metrics = f"{wanted.namespace} {wanted.metric}, {' '.join(queue_depth.TOTAL)}"
    out = [Both(f"publish the depths of the queues ({metrics})", f"큐 깊이 메트릭 발행 ({metrics})")]
    for role in wanted.sized:
        group, mode = wanted.groups[role.word], wanted.modes[role.word]
        out.append(Both(f"set the desired capacity of {group} by {mode}", f"{group}의 desired를 {mode} 정책으로 조정"))
    return tuple(out)


def _emit(here: Session, name: str, ended: Invocation, *, dry: bool, fmt: Format) -> int:
    from academyctl import output

    try:
        answer = json.loads(ended.payload) if ended.payload else None
    except ValueError:
        answer = ended.payload
    log = [line.rstrip() for line in ended.log.splitlines() if line.strip()]
    data = {"version": 1, "function": name, "invoked": True, "dry_run": dry, "error": ended.error, "answer": answer,
            "log": log}  # fmt: skip

    def table() -> str:
        failed = Both(f"the function failed ({ended.error})", f"함수가 실패했습니다 ({ended.error})").pick(here.lang)
        parts = [*([failed] if ended.error else []), json.dumps(answer, ensure_ascii=False, indent=2)]
        return "\n".join([*parts, *(f"log  {line}" for line in log)])

    output.emit(data, fmt=fmt, table=table)
    return EXIT_FAILED if ended.error else EXIT_OK
