"""The one door: words in, exit code out; every exception becomes a sentence and a number here and nowhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from academyctl import cli

if TYPE_CHECKING:
    from academyctl.errors import AcademyError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code (0, 1, 2, 3, 4, 70 or 130; see errors.py)."""
    words = list(sys.argv[1:] if argv is None else argv)
    from academyctl import errors

    try:
        return _quick(words) if _is_quick(words) else _told(words)
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        _let_go_of_streams()
        return errors.EXIT_OK
    except (errors.WorkFailed, OSError):
        # Neither stdout nor stderr can be written: the number is all that is left to say.
        _let_go_of_streams()
        return errors.EXIT_FAILED


def run() -> None:
    """The console script."""
    code = main()
    import gc

    # At its end the interpreter looks for garbage among everything once more: a fifth of a short command's CPU time.
    gc.freeze()
    sys.exit(code)


def _is_quick(words: list[str]) -> bool:
    return words in (["--help"], ["-h"], ["--version"]) and not os.environ.get(cli.COMPLETE)


def _quick(words: list[str]) -> int:
    """Help and version need no parser, and the parser is most of what a start costs."""
    from academyctl import __version__

    sys.stdout.write(f"{cli.PROGRAM} {__version__}\n" if words == ["--version"] else cli.help_text())
    sys.stdout.flush()
    return 0


def _told(words: list[str]) -> int:
    """Run, and tell what went wrong. Raises BrokenPipeError when stdout's reader is gone, WorkFailed when nothing
    can be written at all."""
    from academyctl import errors, output

    output.begin()
    fmt = asked_format(words)
    try:
        code = _run(words)
        if code and fmt == output.Format.json and not output.json_said():
            output.fail(errors.AcademyError(f"ended with exit code {code}", code="exit"), fmt=fmt)
    except errors.AcademyError as error:
        output.fail(error, fmt=fmt)
        return error.exit_code
    except KeyboardInterrupt:
        interrupted = errors.AcademyError("interrupted", code="interrupted")
        output.fail(interrupted, fmt=fmt)
        return errors.EXIT_INTERRUPTED
    except Exception as error:  # whatever is left is a bug of ours, and this is where bugs are told
        # A broken pipe may also be a server's socket: only ours is no bug.
        if isinstance(error, output.ReaderGone) or (isinstance(error, BrokenPipeError) and _stdout_is_gone()):
            raise
        output.fail(_bug(error, words), fmt=fmt)
        return errors.EXIT_BUG
    return code


def _run(words: list[str]) -> int:
    import typer

    from academyctl.cli._root import app

    command = typer.main.get_command(app)
    if os.environ.get(cli.COMPLETE):
        return _complete(command)
    # typer ships its own copy of click, so click's exceptions are reached through what typer exports.
    click_error: type[Exception] = typer.BadParameter.__mro__[2]
    try:
        with command.make_context(cli.PROGRAM, words, obj=asked_format(words)) as context:
            result = command.invoke(context)
    except typer.Exit as ended:
        return ended.exit_code
    except (typer.Abort, EOFError):
        raise KeyboardInterrupt from None
    except click_error as error:
        raise _usage(error) from error
    return result if isinstance(result, int) else 0


def _complete(command: object) -> int:
    from typer.completion import completion_init, shell_complete  # type: ignore[attr-defined]

    completion_init()
    return shell_complete(command, {}, cli.PROGRAM, cli.COMPLETE, os.environ[cli.COMPLETE])  # type: ignore[arg-type]


def _usage(error: Exception) -> AcademyError:
    from academyctl import errors, output

    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else cli.PROGRAM
    remedy = errors.Both(f"see: {path} --help", f"도움말: {path} --help")
    if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
        output.note(context.get_help())
        return errors.UsageError("a command is missing", remedy=remedy)
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    return errors.UsageError(message, remedy=remedy)


def asked_format(words: Sequence[str]) -> str:
    """The output format in a command line ('table' unless said), read before parsing, so that a usage error has it."""
    fmt = "table"
    for index, word in enumerate(words):
        if word == "--":
            break
        if word in ("-o", "-yo", "--output"):
            fmt = words[index + 1] if index + 1 < len(words) else fmt
        elif word.startswith("--output="):
            fmt = word.removeprefix("--output=")
        elif word.startswith(("-o", "-yo")):
            fmt = word.partition("o")[2]
    return fmt


def _bug(error: Exception, words: Sequence[str]) -> AcademyError:
    import tempfile
    import traceback

    from academyctl import __version__, errors
    from academyctl.log import mask

    told = "".join(traceback.format_exception(error))
    text = f"{cli.PROGRAM} {__version__} {' '.join(words)}\nPython {sys.version} on {sys.platform}\n\n{told}"
    try:
        handle, where = tempfile.mkstemp(prefix="academyctl-bug-", suffix=".log", text=True)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(mask(text))
    except OSError as full:
        where = f"(no log file: {full})"
    return errors.AcademyError(
        f"a bug of academyctl: {type(error).__name__}: {' '.join(str(error).split())}",
        remedy=errors.Both(f"report it with {where}", f"이 파일과 함께 알려 주세요: {where}"),
        code="bug",
    )


def _stdout_is_gone() -> bool:
    try:
        sys.stdout.flush()
    except OSError:
        return True
    return False


def _let_go_of_streams() -> None:
    # Python flushes at exit and would complain then; what it still holds goes nowhere.
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(null, stream.fileno())
    os.close(null)


if __name__ == "__main__":
    run()
