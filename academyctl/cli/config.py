"""`academyctl config`: what is set, where it comes from, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(help="Show, check and create settings.", no_args_is_help=True)


@app.command()
def show(
    ctx: typer.Context,
    fmt: OutputOption = Format.table,
    section: Annotated[str, typer.Option("--section", help="Only this section.")] = "",
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not at its default.")] = False,
) -> None:
    """Show every value with its source; secrets are masked."""
    from academyctl import output
    from academyctl.errors import UsageError
    from academyctl.settings import leaves, shown, value_of

    sections = list(dict.fromkeys(leaf.path.partition(".")[0] for leaf in leaves()))
    if section and section not in sections:
        raise UsageError(f"there is no section '{section}'", remedy=f"one of: {', '.join(sections)}")
    loaded = session(ctx).loaded
    values: list[dict[str, Any]] = []
    for leaf in leaves():
        source = loaded.sources[leaf.path]
        if (section and not leaf.path.startswith(f"{section}.")) or (changed and source == "default"):
            continue
        value = value_of(loaded.settings, leaf.path)
        text = shown(value, secret=leaf.secret)
        plain = value if isinstance(value, bool | int | float) and not leaf.secret else text
        values.append({"setting": leaf.path, "value": plain, "source": source, "env": list(leaf.env), "text": text})
    lines = [(one["setting"], one.pop("text"), one["source"]) for one in values]
    head = {"version": 1, "profile": loaded.profile, "file": loaded.file, "warnings": list(loaded.warnings)}
    output.emit({**head, "settings": values}, fmt=fmt, table=lambda: output.rows(("setting", "value", "source"), lines))
    if fmt == Format.table:
        session(ctx).warn_obsolete()


@app.command()
def check(
    ctx: typer.Context,
    worker: Annotated[Literal["video", "ai", "messaging"], typer.Argument(help="Whose settings.")],
    fmt: OutputOption = Format.table,
    fail_on: Annotated[
        Literal["error", "warn"], typer.Option("--fail-on", help="warn: exit code 4 when there are warnings.")
    ] = "error",
) -> None:
    """Say every required setting of a worker that is missing. Exit code 2 when one is."""
    import os

    from academyctl import output
    from academyctl.contract.logtokens import CONFIG_ERROR
    from academyctl.errors import EXIT_OK, EXIT_USAGE, EXIT_WARNINGS
    from academyctl.settings import contradictions, missing

    loaded = session(ctx).loaded
    absent = missing(loaded, worker)
    warnings = [*loaded.warnings, *contradictions(loaded, os.environ)]

    def table() -> str:
        lines = [CONFIG_ERROR.format(name=name) for name in absent]
        lines = lines or [f"ok  nothing is missing for the {worker} worker"]
        return "\n".join([*lines, *(f"warn  {warning}" for warning in warnings)])

    data = {"version": 1, "worker": worker, "ok": not absent, "missing": absent, "warnings": warnings}
    output.emit(data, fmt=fmt, table=table)
    raise typer.Exit(EXIT_USAGE if absent else EXIT_WARNINGS if warnings and fail_on == "warn" else EXIT_OK)


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="Where to write it; - is stdout.")] = Path("academyctl.toml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a starter settings file in which every setting stands at its default."""
    from academyctl import output
    from academyctl.errors import Both, UsageError, WorkFailed
    from academyctl.starter import text

    if str(file) == "-":
        output.emit({"text": text()}, table=text)
        return
    if file.exists() and not force:
        raise UsageError(
            f"{file} exists already", remedy=Both("overwrite it with --force", "덮어쓰려면 --force를 붙이세요")
        )
    try:
        # Passwords will stand in it, whatever its comments say: only its owner may read it.
        file.touch(mode=0o600)
        file.write_text(text(), encoding="utf-8")
    except OSError as error:
        raise WorkFailed(f"{file} cannot be written", why=error.strerror or str(error)) from error
    output.note(f"wrote {file}; see the result: academyctl config show --changed")


@app.command()
def path(ctx: typer.Context, fmt: OutputOption = Format.table) -> None:
    """Say which settings file and profile are in use, also when the file is wrong."""
    import os

    from academyctl import output, settings_file

    here = session(ctx)
    found = settings_file.find(os.environ, here.file)
    places = [str(place) for place in settings_file.places(os.environ)]
    data = {"version": 1, "file": found, "profile": here.profile_name, "places": places}

    def table() -> str:
        return str(found) if found else f"no settings file; looked for: {', '.join(places)}"

    output.emit(data, fmt=fmt, table=table)
