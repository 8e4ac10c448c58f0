"""`academyctl message`: texts, looked at before they go and afterwards."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(help="Texts (SMS, LMS, Alimtalk): preview, send, look, resolve, send back.", no_args_is_help=True)


def _not_blank(ctx: typer.Context, param: typer.CallbackParam, value: str) -> str:
    """`--tenant "$CODE"` with nothing in CODE means no academy, and must not mean all of them."""
    from academyctl.errors import Both, UsageError

    source = ctx.get_parameter_source(str(param.name))
    if not value.strip() and source is not None and source.name == "COMMANDLINE":
        word = param.opts[0] if param.opts[0].startswith("-") else param.human_readable_name
        raise UsageError(
            f"{word} is given and empty", remedy=Both("give a value, or leave it out", "값을 넣거나 빼세요")
        )
    return value


class ModeWord(StrEnum):
    sms = "sms"
    alimtalk = "alimtalk"
    both = "both"


To = Annotated[list[str] | None, typer.Option("--to", metavar="NUMBER", help="Receiver; may be given several times.")]
ToFile = Annotated[
    Path | None, typer.Option("--to-file", metavar="FILE", help="Receivers, one number a line; # begins a remark.")
]
TextOption = Annotated[str, typer.Option("--text", metavar="TEXT", help="What it says; #{name} is filled from --var.")]
TextFile = Annotated[Path | None, typer.Option("--text-file", metavar="FILE", help="The text, from a file.")]
Stdin = Annotated[bool, typer.Option("--stdin", help="The text, from stdin.")]
Mode = Annotated[
    ModeWord,
    typer.Option("--mode", help="sms (SMS or LMS by its length), alimtalk, or both: a text if that is refused."),
]
Template = Annotated[str, typer.Option("--template", metavar="ID", help="Template of the Alimtalk.")]
Variables = Annotated[
    list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="Value of #{NAME} in text and template.")
]
Sender = Annotated[str, typer.Option("--sender", metavar="NUMBER", help="Instead of the academy's own.")]
Only = Annotated[str, typer.Option("--tenant", metavar="ID|CODE", help="Only of this academy.", callback=_not_blank)]
Key = Annotated[
    str,
    typer.Argument(
        metavar="KEY", help="A text's key or its beginning, an SQS id, a business key.", callback=_not_blank
    ),
]
Apply = Annotated[bool, typer.Option("--apply", help="Do it; without this the changes are only shown.")]
Reveal = Annotated[bool, typer.Option("--reveal", help="Show phone numbers in full.")]


@app.command()
def preview(
    ctx: typer.Context,
    tenant: Annotated[str, typer.Option("--tenant", metavar="ID|CODE", help="The academy.")] = "",
    to: To = None,
    to_file: ToFile = None,
    text: TextOption = "",
    text_file: TextFile = None,
    stdin: Stdin = False,
    mode: Mode = ModeWord.sms,
    template: Template = "",
    var: Variables = None,
    sender: Sender = "",
    body: Annotated[
        Path | None, typer.Option("--body", metavar="FILE", help="A message of the queue (JSON) instead of all these.")
    ] = None,
    reveal: Reveal = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Show exactly what would go out, its type, bytes and price.

    Nothing is sent. With --output json also the request as Solapi gets it. Exit code 1 when it would be refused.
    """
    from academyctl.cli._message_preview import Written, preview

    written = Written(tenant, to or [], to_file, text, text_file, stdin, mode.value, template, var or [], sender)
    preview(session(ctx), written, body, reveal=reveal, fmt=fmt)


@app.command()
def send(
    ctx: typer.Context,
    tenant: Annotated[str, typer.Option("--tenant", metavar="ID|CODE", help="The academy; it pays.")],
    to: To = None,
    to_file: ToFile = None,
    text: TextOption = "",
    text_file: TextFile = None,
    stdin: Stdin = False,
    mode: Mode = ModeWord.sms,
    template: Template = "",
    var: Variables = None,
    sender: Sender = "",
    key: Annotated[
        str,
        typer.Option(
            "--key",
            metavar="WORD",
            help="With one key a phone gets one text, however often it is run.",
            callback=_not_blank,
        ),
    ] = "",
    reveal: Reveal = False,
    apply: Apply = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Ask the worker for texts, as the platform's API does.

    Refused as a whole when one of them could not go out.
    """
    from academyctl.cli._message_preview import Written
    from academyctl.cli._message_send import send

    written = Written(tenant, to or [], to_file, text, text_file, stdin, mode.value, template, var or [], sender)
    send(session(ctx), written, key, reveal=reveal, apply=apply, fmt=fmt)


@app.command("list")
def list_(
    ctx: typer.Context,
    state: Annotated[
        str, typer.Option("--state", help="unknown, failed, sending, claimed, sent; open = claimed and sending.")
    ] = "",
    tenant: Only = "",
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Claimed within it: 90m, 24h, 7d.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 50,
    fmt: OutputOption = Format.table,
) -> None:
    """List texts, the newest first, and count their states."""
    from academyctl.cli._message_list import list_texts

    list_texts(session(ctx), state, tenant, since, limit, fmt=fmt)


@app.command()
def show(
    ctx: typer.Context,
    key: Key,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Also ask Solapi's list.")] = True,
    fmt: OutputOption = Format.table,
) -> None:
    """Show row, ledger, dead letter, Solapi's list.

    It ends with one line that says what to do. Exit code 3 when a part could not be read.
    """
    from academyctl.cli._message_show import show

    raise typer.Exit(show(session(ctx), key, check=check, fmt=fmt))


@app.command()
def redrive(
    ctx: typer.Context,
    tenant: Only = "",
    key: Annotated[str, typer.Option("--key", metavar="KEY", help="Only this text.", callback=_not_blank)] = "",
    reason: Annotated[
        str, typer.Option("--reason", metavar="WORD", help="As insufficient_balance.", callback=_not_blank)
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 1000,
    apply: Apply = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Send dead letters of texts back to the queue.

    Shows how many of which academy, why, and whether it can pay. No text is sent or charged twice.
    """
    from academyctl.cli._message_redrive import redrive

    redrive(session(ctx), tenant, key, reason, limit, apply=apply, fmt=fmt)


@app.command()
def resolve(
    ctx: typer.Context,
    key: Key,
    check: Annotated[bool, typer.Option("--check", help="Ask Solapi's list once more and take what it says.")] = False,
    sent: Annotated[bool, typer.Option("--sent", help="It was sent: the academy pays.")] = False,
    not_sent: Annotated[bool, typer.Option("--not-sent", help="It was not: its price goes back.")] = False,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, for the record.")] = "",
    apply: Apply = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Decide about a text that is UNKNOWN or left halfway.

    Exit code 1 when Solapi's list decides nothing, 3 when it cannot be asked.
    """
    from academyctl.cli._message_resolve import resolve

    resolve(session(ctx), key, sent=sent, not_sent=not_sent, check=check, note=note, apply=apply, fmt=fmt)
