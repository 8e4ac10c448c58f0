"""`academyctl lambda list`, `show` and `env show`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from academyctl.cli._common import Session
from academyctl.errors import EXIT_FAILED, EXIT_OK, AwsError, Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.ops.lambda_deploy import There
    from academyctl.ops.lambda_specs import Spec
    from academyctl.settings import Settings

Raw = Mapping[str, Any]

_BROKEN = ("Failed", "Inactive")
_CODE = {
    "ours": Both("academyctl's, this version", "academyctl 코드(현재 버전)"),
    "other": Both("another", "다른 코드"),
}


def list_functions(here: Session, *, every: bool, fmt: Format) -> int:
    """The platform's functions, one a line; the exit code."""
    from academyctl import output
    from academyctl.cli._columns import columns
    from academyctl.ops import lambda_specs
    from academyctl.ops.lambda_deploy import together

    settings, functions = here.loaded.settings, here.stores().functions
    names = {lambda_specs.spec(settings, word).name: word for word in lambda_specs.WORDS}
    if every:
        names |= {name: "" for name in functions.names() if name not in names}
    here.stores().fleet_clients("lambda")
    found = together(*(lambda name=name: functions.raw(name) for name in names))
    lines = [_line(settings, word, name, raw) for (name, word), raw in zip(names.items(), found, strict=True)]

    def table() -> Any:
        absent, yes = Both("does not exist", "없음").pick(here.lang), {"": "-"}
        rows = [
            (one["word"], one["name"], one["state"] if one["exists"] else absent,
             yes.get(one["code"]) or _CODE[one["code"]].pick(here.lang), at(one["modified"]))
            for one in lines
        ]  # fmt: skip
        heads = Both("word\tfunction\tstate\tcode\tchanged", "이름\t함수\t상태\t코드\t변경 시각").pick(here.lang)
        return columns(heads.split("\t"), rows)

    output.emit({"version": 1, "functions": lines}, fmt=fmt, table=table)
    return EXIT_FAILED if any(one["state"] in _BROKEN for one in lines) else EXIT_OK


def at(modified: str) -> str:
    """A time of Lambda's as the other commands write it."""
    return modified.replace("T", " ").replace("Z", " UTC") or "-"


def show_function(here: Session, name: str, *, reveal: bool, fmt: Format) -> int:
    """Everything about one function; the exit code."""
    from academyctl import output
    from academyctl.ops import lambda_specs
    from academyctl.ops.lambda_deploy import look, missing, together

    settings, stores = here.loaded.settings, here.stores()
    word = lambda_specs.word_of(settings, name)
    spec = lambda_specs.spec(settings, word) if word else lambda_specs.Spec("", name, "", 0, 0, {}, {})
    there, mappings = together(lambda: look(stores, spec), lambda: _mappings(here, spec.name))
    if there.seen.raw is None:
        raise missing(spec.name)
    data = {
        "version": 1,
        **_line(settings, word, spec.name, there.seen.raw),
        **_details(there, spec, mappings),
        "variables": _variables(there.seen.configuration.variables, reveal=reveal),
    }
    output.emit(data, fmt=fmt, table=lambda: _text(data, here.lang), revealed=reveal)
    return EXIT_FAILED if data["state"] in _BROKEN or data["last_update"] == "Failed" else EXIT_OK


def show_variables(here: Session, name: str, *, reveal: bool, fmt: Format) -> int:
    """A function's variables; the exit code."""
    from academyctl import output
    from academyctl.ops import lambda_specs
    from academyctl.ops.lambda_deploy import missing
    from academyctl.ops.lambda_repairs import configuration

    real = lambda_specs.name_of(here.loaded.settings, name)
    raw = here.stores().functions.raw(real)
    if raw is None:
        raise missing(real)
    values = _variables(configuration(raw).variables, reveal=reveal)
    none = Both("no variables", "변수 없음").pick(here.lang)
    output.emit(
        {"version": 1, "function": real, "variables": values},
        fmt=fmt,
        table=lambda: "\n".join(f"{key}={value}" for key, value in values.items()) or none,
        revealed=reveal,
    )
    return EXIT_OK


def _mappings(here: Session, name: str) -> list[dict[str, Any]]:
    try:
        return here.stores().functions.mappings(name)
    except AwsError as error:
        # The function is missing; that is said once.
        if error.cause == "missing":
            return []
        raise


def _line(settings: Settings, word: str, name: str, raw: Raw | None) -> dict[str, Any]:
    from academyctl.ops import lambda_specs
    from academyctl.ops.package import package, sha256

    line: dict[str, Any] = {
        "word": word,
        "name": name,
        "exists": raw is not None,
        "state": "",
        "code": "",
        "modified": "",
    }
    if raw is None:
        return line
    ours = sha256(package(lambda_specs.spec(settings, word).handler)) if word else ""
    code = "ours" if ours and raw.get("CodeSha256") == ours else "other"
    # 2026-11-21T22:11:43.533+0000 is ISO 8601, in its least common form.
    modified = str(raw.get("LastModified", ""))[:19] + "Z"
    return {**line, "state": str(raw.get("State") or "Active"), "code": code, "modified": modified}


def _details(there: There, spec: Spec, mappings: list[dict[str, Any]]) -> dict[str, Any]:
    raw = there.seen.raw
    assert raw is not None
    runs = there.place.function(spec.name) in (there.triggers.targets or {}).values()
    return {
        "arn": str(raw.get("FunctionArn", "")),
        "last_update": str(raw.get("LastUpdateStatus", "")),
        "why": str(raw.get("StateReason") or raw.get("LastUpdateStatusReason") or ""),
        "runtime": str(raw.get("Runtime", "")),
        "handler": str(raw.get("Handler", "")),
        "memory_mb": int(raw.get("MemorySize", 0)),
        "timeout_s": int(raw.get("Timeout", 0)),
        "role": str(raw.get("Role", "")),
        "code_sha256": there.seen.code_sha,
        "code_bytes": int(raw.get("CodeSize", 0)),
        "runs_at_a_time": there.seen.reserved,
        "rule": {"name": spec.rule, "state": there.triggers.rule, "runs_it": runs} if spec.rule else None,
        "queues": [
            {"arn": str(one.get("EventSourceArn", "")), "state": str(one.get("State", "")),
             "batch_size": one.get("BatchSize"), "last_result": str(one.get("LastProcessingResult", ""))}
            for one in mappings
        ],
        "callers": [{"principal": one.principal, "source_arn": one.source_arn} for one in there.seen.permissions],
    }  # fmt: skip


def _variables(variables: Mapping[str, str], *, reveal: bool) -> dict[str, str]:
    from academyctl.ops.lambda_repairs import shown

    return {key: value if reveal else shown(key, value) for key, value in sorted(variables.items())}


def _text(data: Mapping[str, Any], lang: str) -> str:
    no = Both("no limit of its own", "자체 제한 없음").pick(lang)
    lines = [
        ("function", data["name"]),
        ("state", " ".join(word for word in (data["state"], data["last_update"], data["why"]) if word)),
        ("code", f"{_CODE[data['code']].pick(lang)}, sha256 {data['code_sha256'][:10]}, {data['code_bytes']} B"),
        ("changed", at(data["modified"])),
        ("runtime", f"{data['runtime']}  {data['handler']}  {data['memory_mb']} MB  {data['timeout_s']} s"),
        ("role", data["role"]),
        ("at a time", no if data["runs_at_a_time"] is None else data["runs_at_a_time"]),
        *_runs(data, lang),
        *(("caller", f"{one['principal']} {one['source_arn']}".strip()) for one in data["callers"]),
        *(("variable", f"{key}={value}") for key, value in data["variables"].items()),
    ]
    return "\n".join(f"{word:<10}  {text}" for word, text in lines)


def _runs(data: Mapping[str, Any], lang: str) -> list[tuple[str, str]]:
    out = []
    if rule := data["rule"]:
        state = rule["state"] or Both("does not exist", "없음").pick(lang)
        aim = (
            ""
            if rule["runs_it"] or not rule["state"]
            else Both("  does not run it", "  이 함수를 실행하지 않음").pick(lang)
        )
        out.append(("rule", f"{rule['name']}  {state}{aim}"))
    queues = [(one["arn"].rpartition(":")[2], one["state"], one["last_result"]) for one in data["queues"]]
    return out + [("queue", "  ".join(one).rstrip()) for one in queues]
