"""`academyctl local`: the embedded stack."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(help="Run the embedded stack: PostgreSQL, Redis, AWS, Solapi.", no_args_is_help=True)

DirOption = Annotated[Path | None, typer.Option("--dir", help="The stack's folder (default: ACADEMYCTL_LOCAL_DIR).")]


@app.command()
def up(
    aws: Annotated[str, typer.Option("--aws", help="AWS emulator: ministack or moto.")] = "",
    folder: DirOption = None,
) -> None:
    """Start what does not run; fill it with the platform's tables, queues, buckets and sample data."""
    from academyctl import output
    from academyctl.errors import Both, UsageError
    from academyctl.local.sample_jobs import ROSTER_FILE
    from academyctl.local.services import EMULATORS
    from academyctl.local.stack import LocalStack

    if aws and aws not in EMULATORS:
        names = ", ".join(EMULATORS)
        raise UsageError(f"unknown emulator '{aws}'", remedy=Both(f"one of: {names}", f"가능한 값: {names}"))
    stack = LocalStack(folder)
    done = stack.up(aws=aws or None)
    if not done.started:
        output.note(f"the local stack was up already ({stack.folder})")
        return
    output.note(f"the local stack is up: {', '.join(done.started)} in {done.seconds:.1f} s ({stack.folder})")
    for gap in done.gaps:
        output.note(f"not available on this emulator: {gap}")
    if done.new_keys:
        output.note("the emulator came back without its keys: an environment printed before is out of date")
    output.note("use it with --profile local, or: academyctl local env")
    output.note("its sample data holds stuck videos to practise on: academyctl --profile local video stuck")
    output.note(f"a class list to practise on: academyctl excel check {stack.folder / ROSTER_FILE}")


@app.command()
def down(
    folder: DirOption = None,
    wipe: Annotated[bool, typer.Option("--wipe", help="Also delete its data.")] = False,
) -> None:
    """Stop every process of the stack."""
    from academyctl import output
    from academyctl.local.stack import LocalStack

    stopped = LocalStack(folder).down(wipe=wipe)
    output.note(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@app.command()
def status(fmt: OutputOption = Format.table, folder: DirOption = None) -> None:
    """Ask each service whether it lives. Exit code 1 when one does not."""
    from academyctl import output
    from academyctl.local import state, status

    seen = status.ask(folder or state.default_dir(), lang=output.lang())
    lines = [
        (
            "ok" if one.healthy else "FAIL",
            one.name,
            one.endpoint,
            one.pid,
            f"{one.what} {one.version}" if one.running else "not running",
        )
        for one in seen.services
    ]
    lines += [("ok", name, "", None, path) for name, path in seen.tools.items()]

    def table() -> object:
        if not lines:
            return f"there is no stack in {seen.folder}; start one: academyctl local up"
        return output.rows(("", "service", "endpoint", "pid", ""), lines)

    output.emit(seen.as_json(), fmt=fmt, table=table)
    if fmt == Format.table and seen.up:
        for gap in seen.gaps:
            output.note(f"known gap: {gap}")
    if not seen.up:
        raise typer.Exit(1)


@app.command()
def env(
    shell: Annotated[str, typer.Option("--shell", help="sh, powershell or dotenv.")] = "sh",
    folder: DirOption = None,
) -> None:
    """Print the stack's environment under the platform's own names, to evaluate or to save."""
    import sys

    from academyctl.local.environment import profile_env, spelled

    # The secrets are this stack's own and the point of the command.
    sys.stdout.write(spelled(profile_env(folder), shell))


@app.command()
def reset(
    ctx: typer.Context,
    folder: DirOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Throw away all data of the stack and load the sample data again."""
    from academyctl import output
    from academyctl.errors import Both
    from academyctl.local.stack import LocalStack

    stack = LocalStack(folder)
    if not yes:
        lost = Both("this throws away all data of the stack:", "스택의 모든 데이터를 지웁니다:")
        session(ctx).confirm([str(stack.folder)], lost)
    stack.reset()
    output.note("the stack's data is fresh")


@app.command()
def inbox(
    fmt: OutputOption = Format.table,
    folder: DirOption = None,
    to: Annotated[str, typer.Option("--to", help="Only to this phone.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=0, help="The last so many; 0 = all.")] = 0,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show full phone numbers and texts.")] = False,
) -> None:
    """The messages that the fake Solapi accepted."""
    from academyctl import output
    from academyctl.errors import Both, ConfigError
    from academyctl.local.stack import LocalStack
    from academyctl.log import mask

    stack = LocalStack(folder)
    if not stack.folder.is_dir():
        raise ConfigError(f"there is no stack in {stack.folder}", remedy="academyctl local up")
    messages = stack.inbox()
    if to:
        wanted = "".join(char for char in to if char.isdigit())
        messages = [one for one in messages if str(one["to"]) == wanted]
    messages = messages[-limit:] if limit else messages
    if not reveal:
        messages = [
            {**one, "to": mask(str(one["to"])), "from": mask(str(one["from"])), "text": mask(str(one["text"]))}
            for one in messages
        ]
    lines = [
        (one["accepted_at"][:19], one["type"], one.get("bytes"), one["from"], one["to"], one["text"])
        for one in messages
    ]
    output.emit(
        {"messages": messages},
        fmt=fmt,
        revealed=reveal,
        table=lambda: (
            output.rows(("accepted", "type", "bytes", "from", "to", "text"), lines)
            if lines
            else Both("the inbox is empty", "받은 문자가 없습니다").pick(output.lang())
        ),
    )


@app.command()
def solapi(
    fmt: OutputOption = Format.table,
    folder: DirOption = None,
    fail: Annotated[
        list[str] | None,
        typer.Option(
            "--fail",
            help="503x3 (three times; x0 = until --clear), timeout-after, timeout-before, cut-after, cut-before, "
            "status-after-accepting=504, refuse=TooManyRequests, partial=1062 (every second text), slow=2, lag=5 "
            "(its list shows a text 5 s late); with @list it is the list that fails. May be repeated: in this order.",
        ),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Forget what was scripted before.")] = False,
    balance: Annotated[int | None, typer.Option("--balance", min=0, help="Give it this much money, in won.")] = None,
) -> None:
    """What the fake Solapi was asked, and let it fail, as the real one may, to see what a worker does then."""
    from academyctl import output
    from academyctl.local.solapi_remote import Fake, steps_of

    steps, fake = steps_of(fail or ()), Fake(folder)
    if clear:
        fake.clear()
    if steps:
        fake.script(steps)
    if balance is not None:
        fake.account(balance=balance)
    state = fake.state()

    def table() -> object:
        asked = [(what, how, times) for what, found in state["requests"].items() for how, times in found.items()]
        return output.rows(("asked", "answered", "times"), asked) if asked else "nobody has asked it anything yet"

    output.emit(state, fmt=fmt, table=table)
    if fmt == Format.table:
        told = ", ".join(step["told"] for step in state["steps"]) or "nothing"
        output.note(f"scripted now: {told}")
        output.note(f"money: {state['balance']:,} won and {state['point']:,} points; messages: {state['messages']:,}")
