"""`academyctl completion`: the shell's completion script, to look at or to install."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

app = typer.Typer(help="Completion for bash, zsh, fish, PowerShell.")

Shell = Annotated[
    Literal["bash", "zsh", "fish", "powershell", "pwsh"], typer.Argument(help="The shell that shall complete.")
]


@app.command()
def completion(
    shell: Shell,
    install: Annotated[bool, typer.Option("--install", help="Write it to where the shell finds it.")] = False,
) -> None:
    """Print the script that makes a shell complete academyctl's words; --install puts it into its place."""
    # They are in typer's own help, yet it does not mark them as exported.
    from typer.completion import get_completion_script  # type: ignore[attr-defined]
    from typer.completion import install as put  # type: ignore[attr-defined]

    from academyctl import output
    from academyctl.cli import COMPLETE, PROGRAM

    if install:
        _, path = put(shell=shell, prog_name=PROGRAM, complete_var=COMPLETE)
        output.note(f"{shell} completion is in {path}; open a new terminal to use it")
        return
    script = get_completion_script(prog_name=PROGRAM, complete_var=COMPLETE, shell=shell)
    output.emit({"version": 1, "shell": shell, "script": script}, table=lambda: script)
