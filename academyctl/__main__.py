"""The one door: words in, exit code out; every exception becomes a sentence and a number here and nowhere else."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from academyctl import errors, output


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code (0, 1, 2, 3, 4, 70 or 130; see errors.py)."""
    words = list(sys.argv[1:] if argv is None else argv)
    fmt = _format(words)
    try:
        return _run(words)
    except errors.AcademyError as error:
        output.fail(error, fmt=fmt)
        return error.exit_code
    except KeyboardInterrupt:
        _say(errors.AcademyError("interrupted", code="interrupted"), fmt)
        return errors.EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has seen enough; python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return errors.EXIT_OK
    except Exception as error:  # noqa: BLE001 - whatever is left is a bug of ours, and this is where bugs are told
        _say(_bug(error, words), fmt)
        return errors.EXIT_BUG


def run() -> None:
    """The console script."""
    sys.exit(main())


def _run(words: list[str]) -> int:
    import typer
    from typer.main import get_command

    from academyctl.cli import app

    # typer ships its own copy of click, so click's exceptions are reached through what typer raises.
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]
    try:
        result = get_command(app).main(args=words, prog_name="academyctl", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except usage_error as error:
        raise _usage(error) from error
    return result if isinstance(result, int) else errors.EXIT_OK


def _usage(error: Exception) -> errors.UsageError:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
        output.note(context.get_help())
        return errors.UsageError("a command is missing")
    path = context.command_path if context is not None else "academyctl"
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    return errors.UsageError(message, remedy=f"{path} --help")


def _format(words: Sequence[str]) -> str:
    """The format that was asked for, read before parsing, so that a usage error has it too."""
    for index, word in enumerate(words):
        if word in ("-o", "--output") and index + 1 < len(words):
            return words[index + 1]
        if word.startswith("--output="):
            return word.split("=", 1)[1]
        if word == "-ojson":
            return "json"
    return "table"


def _say(error: errors.AcademyError, fmt: str) -> None:
    output.fail(error, fmt=fmt)


def _bug(error: Exception, words: Sequence[str]) -> errors.AcademyError:
    from academyctl import __version__
    from academyctl.log import mask

    text = f"academyctl {__version__} {' '.join(words)}\nPython {sys.version}\n\n" + "".join(
        traceback.format_exception(error)
    )
    try:
        handle, name = tempfile.mkstemp(prefix="academyctl-bug-", suffix=".log", text=True)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(mask(text))
        where = Path(name)
    except OSError:
        where = Path(os.devnull)
    return errors.AcademyError(
        f"a bug of academyctl: {type(error).__name__}: {error}",
        remedy=errors.Both(f"report it with {where}", f"{where} 파일과 함께 알려 주세요"),
        code="bug",
    )


if __name__ == "__main__":
    run()
