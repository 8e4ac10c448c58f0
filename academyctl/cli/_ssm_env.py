"""`academyctl ssm env show|diff|put`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli._common import Session
from academyctl.errors import EXIT_FAILED, EXIT_OK, Both, UsageError, WorkFailed
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.contract.worker_env import Env, Form
    from academyctl.ops.env_plans import Diff
    from academyctl.stores.parameters import About, Parameter

MASK = "****"
# Variables that are no setting of ours and say nothing worth hiding.
_HARMLESS = re.compile(r"DJANGO_SETTINGS_MODULE|TZ|LANG|LC_ALL|PYTHON\w+|\w+_(TIMEOUT|SECONDS|PORT|REGION|MODE|COUNT)")
_SECRET = re.compile(r"(?i)secret|password|passwd|token|key|credential|signature")


def show(here: Session, name: str, version: int | None, *, reveal: bool, fmt: Format) -> None:
    """The variables of a parameter."""
    from academyctl import output
    from academyctl.ops.env_plans import read

    name = name or here.loaded.settings.fleet.ssm_env
    store = here.stores().parameters
    # A listing tells of the newest version alone.
    found, about = store.get(name, version=version), store.about(name) if version is None else None
    if found is None:
        raise _missing(name, version)
    env, tell = read(found.value, f"SSM parameter {name}"), _teller(reveal=reveal)
    head = _head(found, about, env)
    output.emit(
        {"version": 1, **head, "values": {key: tell(key, value) for key, value in env.values.items()}},
        fmt=fmt,
        table=lambda: _shown(head, env, tell, here.lang, reveal=reveal),
        revealed=reveal,
    )


def diff(here: Session, file: Path, name: str, *, reveal: bool, fmt: Format) -> None:
    """A file against the parameter; exit code 1 when they differ."""
    from academyctl import output
    from academyctl.ops.env_plans import compare, read

    name = name or here.loaded.settings.fleet.ssm_env
    _, env = _file(file)
    found = here.stores().parameters.get(name)
    if found is None:
        raise _missing(name, None)
    before, tell = read(found.value, f"SSM parameter {name}").values, _teller(reveal=reveal)
    changes = compare(before, env.values)
    output.emit(
        {
            "version": 1,
            "name": name,
            "parameter_version": found.version,
            "file": str(file),
            "same": not changes.any,
            "added": {key: tell(key, env.values[key]) for key in changes.added},
            "removed": {key: tell(key, before[key]) for key in changes.removed},
            "changed": {
                key: {"stored": tell(key, before[key]), "file": tell(key, env.values[key])}
                for key in (*changes.changed, *changes.emptied)
            },
        },
        fmt=fmt,
        table=lambda: _compared(changes, before, env.values, tell, here.lang),
        revealed=reveal,
    )
    raise typer.Exit(EXIT_FAILED if changes.any else EXIT_OK)


def put(
    here: Session,
    file: Path | None,
    name: str,
    allowed: Sequence[str],
    form: str,
    version: int | None,
    *,
    apply: bool,
    fmt: Format,
) -> None:
    """Store a file, or an earlier version again."""
    from academyctl.cli._changes import carry_out, undo_options
    from academyctl.contract.worker_env import Form
    from academyctl.ops.env_plans import plan, read, text_of

    if (file is None) is (version is None):
        remedy = Both("give a FILE, or --version of an earlier one", "FILE 또는 --version을 하나만 지정하세요")
        raise UsageError(Both("what is to be stored?", "저장할 것을 하나만 지정해야 합니다"), remedy=remedy)
    name = name or here.loaded.settings.fleet.ssm_env
    store = here.stores().parameters
    before, about = store.get(name), store.about(name)
    if file is not None:
        text, env = _file(file)
        value = text_of(env, text, _form(form) or (_form_of(before) or Form.dotenv))
    else:
        earlier = store.get(name, version=version)
        if earlier is None:
            raise _missing(name, version)
        value = earlier.value
        read(value, f"version {version} of SSM parameter {name}")
    repairs, remarks = plan(
        name, value, before, about, allowed=allowed, restored=version is not None, options=undo_options(here)
    )
    carry_out(here, repairs, apply=apply, fmt=fmt, remarks=remarks, told={"name": name})


def masked(name: str, value: str) -> str:
    """A value for people: what sounds secret, and what nobody knows, is only told by its length."""
    from academyctl.settings import leaves

    if not value:
        return ""
    known = {env: leaf.secret for leaf in leaves() for env in leaf.env}
    plain = not known[name] if name in known else bool(_HARMLESS.fullmatch(name))
    return value if plain and not _SECRET.search(name) else f"{MASK} ({len(value)})"


def _teller(*, reveal: bool) -> Callable[[str, str], str]:
    return (lambda _name, value: value) if reveal else masked


def _file(file: Path) -> tuple[str, Env]:
    """A file's text with LF line ends, and its variables. Raises WorkFailed when it is no environment."""
    from academyctl.contract.worker_env import BadEnv, decode
    from academyctl.ops.env_plans import read

    try:
        text = decode(file.read_bytes())
    except (OSError, BadEnv) as error:
        remedy = Both("save it as UTF-8", "UTF-8로 저장하세요")
        raise WorkFailed(
            Both(f"{file} cannot be read", f"{file}을(를) 읽을 수 없습니다"),
            why=str(error),
            remedy=remedy,
            code="bad-env",
        ) from error
    return text, read(text, str(file))


def _form(said: str) -> Form | None:
    from academyctl.contract.worker_env import Form

    if not said:
        return None
    try:
        return Form(said)
    except ValueError as error:
        raise UsageError(Both(f"unknown form '{said}'", f"알 수 없는 형식 '{said}'"), remedy=", ".join(Form)) from error


def _form_of(before: Parameter | None) -> Form | None:
    from academyctl.contract.worker_env import BadEnv, parse

    try:
        return parse(before.value).form if before else None
    except BadEnv:
        return None


def _head(found: Parameter, about: About | None, env: Env) -> dict[str, Any]:
    return {
        "name": found.name,
        "kind": found.kind,
        "parameter_version": found.version,
        "tier": about.tier if about else "",
        "form": str(env.form),
        "bytes": len(found.value.encode()),
        "changed_at": found.changed_at,
        "changed_by": about.by if about else "",
    }


def _shown(head: Mapping[str, Any], env: Env, tell: Callable[[str, str], str], lang: str, *, reveal: bool) -> str:
    from academyctl import output

    at = f"{head['changed_at']:%Y-%m-%d %H:%M} UTC" if head["changed_at"] else "-"
    title = (
        f"{head['name']}  version {head['parameter_version']}  {head['kind']} {head['tier']}  {head['form']}  "
        f"{head['bytes']} bytes  {at}  {head['changed_by']}"
    ).rstrip()
    lines = [f"{name}={tell(name, value)}" for name, value in env.values.items()]
    if reveal:
        # What is printed is then the file itself.
        output.note(title)
        return "\n".join(lines)
    hidden = Both(
        f"{MASK} (n): n characters, not shown; to see them: --reveal",
        f"{MASK} (n): 숨긴 값의 글자 수. 값을 보려면: --reveal",
    )
    return "\n".join([title, *lines, hidden.pick(lang)])


def _compared(
    changes: Diff, before: Mapping[str, str], after: Mapping[str, str], tell: Callable[[str, str], str], lang: str
) -> str:
    if not changes.any:
        return Both("the same variables with the same values", "변수와 값이 모두 같습니다").pick(lang)
    lines = [f"+ {name}={tell(name, after[name])}" for name in changes.added]
    lines += [f"- {name}={tell(name, before[name])}" for name in changes.removed]
    for name in (*changes.changed, *changes.emptied):
        lines.append(f"~ {name}: {tell(name, before[name])} -> {tell(name, after[name]) or '(empty)'}")
    return "\n".join(lines)


def _missing(name: str, version: int | None) -> WorkFailed:
    if version is not None:
        return WorkFailed(
            Both(
                f"SSM parameter {name} has no version {version}", f"SSM 파라미터 {name}에 버전 {version}이(가) 없습니다"
            ),
            remedy=Both(
                "the newest one and its number: academyctl ssm env show (AWS keeps the last 100)",
                "최신 버전과 번호: academyctl ssm env show (AWS는 최근 100개를 보관합니다)",
            ),
            code="missing",
        )
    return WorkFailed(
        Both(f"there is no SSM parameter {name}", f"SSM 파라미터 {name}이(가) 없습니다"),
        remedy=Both(
            "check the name and the region (BATCH_SSM_ENV, AWS_REGION); to make it: academyctl ssm env put FILE",
            "이름과 리전을 확인하세요(BATCH_SSM_ENV, AWS_REGION). 새로 만들려면: academyctl ssm env put FILE",
        ),
        code="missing",
    )
