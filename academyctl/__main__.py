"""The one door: words in, exit code out; every exception becomes a sentence and a number here and nowhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from academyctl import cli

if TYPE_CHECKING:
    from academyctl.errors import AcademyError, Both


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
    # Chosen before the words are parsed: what is wrong with them is told in it, too.
    if (lang := _value_of(words, "--lang")) in output.LANGS:
        output.choose_lang(lang)
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
        return errors.UsageError(errors.Both("a command is missing", "명령을 더 입력해야 합니다"), remedy=remedy)
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    return errors.UsageError(in_both(message), remedy=remedy)


_KOREAN = (
    (r"No such command '(.+?)'\.", r"'\1' 명령은 없습니다."),
    (r"Did you mean (.+?)\?", r"혹시 \1인가요?"),
    (r"No such option:? '?(-[^ '.]*)'?\.?", r"\1 옵션은 없습니다."),
    (r"\(Possible options: (.+?)\)", r"(비슷한 옵션: \1)"),
    (r"Missing argument '(.+?)'\.?", r"\1을(를) 입력해야 합니다."),
    (r"Missing option '(.+?)'\.?", r"\1 옵션이 필요합니다."),
    (r"Option '(.+?)' requires an argument\.", r"\1 옵션에는 값이 필요합니다."),
    (r"Got unexpected extra arguments? \((.+?)\)", r"남는 인수가 있습니다 (\1)"),
    (r"Invalid value for (.+?): ", r"\1의 값이 올바르지 않습니다: "),
    (r"'(.*?)' is not a valid (?:int|integer)(?: range)?\.", r"'\1'은(는) 정수가 아닙니다."),
    (r"'(.*?)' is not a valid float(?: range)?\.", r"'\1'은(는) 숫자가 아닙니다."),
    (r"(\S+) is not in the range (.+?)\.$", r"\1은(는) 범위 \2 밖입니다."),
    (r"'(.*?)' is not one of (.+?)\.$", r"'\1'은(는) 다음 중 하나가 아닙니다: \2"),
    (r"(?:File|Path) '(.+?)' does not exist\.", r"'\1' 파일이 없습니다."),
)


def in_both(message: str) -> Both:
    """The parser's sentence, and the same in Korean as far as it is one that we know."""
    import re

    from academyctl.errors import Both

    message = re.sub(r"is not a valid (int|float) range", r"is not a valid \1", message)
    ko = message
    for pattern, korean in _KOREAN:
        ko = re.sub(pattern, korean, ko)
    return Both(message, ko)


def _value_of(words: Sequence[str], option: str) -> str:
    """The value of a global option, which stands before the command; '' when it is not given."""
    from itertools import zip_longest

    for word, after in zip_longest(words, words[1:], fillvalue=""):
        if word == option:
            return after
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return ""


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
