"""Playbooks: Markdown that reads well on a code host, and that `academyctl playbook run NAME` runs.

A playbook is `ko/NAME.md` and `en/NAME.md` here, or NAME.md (or ko/NAME.md) in a folder of ACADEMYCTL_PLAYBOOKS:

    # Videos are not encoded

    When to use it: one paragraph.

    ## <a id="variables"></a>Variables

    - `id`: the video's number (must be given)
    - `desired` = `2`: how many machines (has a default)

    ## 1. The queue can be reached

    What this looks at, what good looks like.

    ```bash check: id=queue expect=0 else=#queue-broken
    academyctl diagnose sqs
    ```

    ## <a id="queue-broken"></a>When the queue cannot be reached

    What to do. It may hold a command that mends it, which is run only when the operator says so:

    ```bash fix: id=again
    academyctl fix video {id}
    ```

Numbered sections are run in order. A block whose first line says `check:` or `fix:` is a step: ONE academyctl command
line, split as a shell would and run without one. Blocks without these words are for people and are never run.

Attributes: `id` names the step (tests and transcripts speak of it). `expect` are the exit codes that are right, with
commas (default 0). `else` is the section to read when the result is another. `match` is a pattern that the output must
contain, `without` one that it must not. `json` is a condition on the object that the command prints: `path OP value`
with == != >= <= > <, the path with dots and list numbers, `#` for a length (`json="findings.#==0"`). `show` prints the
output also when all is well.

A `check:` may run only commands that change nothing (`_model.READING`). A `fix:` is written as its own dry run: the
runner shows that, and adds `--apply` when it was asked to (`_model.MENDING` are the commands that work so).
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from academyctl.errors import Both, ConfigError, UsageError
from playbooks._model import LANGS, Playbook
from playbooks._parse import parse

FOLDER = Path(__file__).parent

__all__ = ["FOLDER", "LANGS", "Playbook", "find", "load", "names", "parse"]


def names(own: Sequence[Path] = ()) -> dict[str, tuple[str, ...]]:
    """Every playbook's name with the languages it is written in ('' for a file outside ko/ and en/), by name.

    `own` are the operator's folders. Raises ConfigError for one that is no folder.
    """
    found: dict[str, set[str]] = {}
    for folder in (FOLDER, *map(_folder, own)):
        for lang in (*LANGS, ""):
            for path in (folder / lang).glob("*.md"):
                found.setdefault(path.stem, set()).add(lang)
    return {
        name: tuple(sorted(langs)) for name, langs in sorted(found.items()) if name.lower() not in ("readme", "index")
    }


def find(name: str, lang: str, own: Sequence[Path] = ()) -> Path:
    """The file of a playbook: the operator's own before ours, the language asked for before the other.

    Raises UsageError for a name that nobody has.
    """
    other = [one for one in LANGS if one != lang]
    for folder in (*map(_folder, own), FOLDER):
        for sub in (lang, "", *other):
            path = folder / sub / f"{name}.md"
            if name in names(own) and path.is_file():
                return path
    known = names(own)
    near = difflib.get_close_matches(name, known, 1)
    raise UsageError(
        f"there is no playbook '{name}'" + (f" (did you mean {near[0]}?)" if near else ""),
        remedy=Both(f"one of: {', '.join(known)}", f"다음 중 하나: {', '.join(known)}"),
    )


def load(name: str, lang: str, own: Sequence[Path] = ()) -> Playbook:
    """A playbook in a language, or in the one that it has. Raises UsageError, ConfigError (BadPlaybook)."""
    path = find(name, lang, own)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the playbook {path} cannot be read",
            why=str(error),
            remedy=Both("make the file readable, in UTF-8", "파일을 UTF-8로 읽을 수 있게 하세요"),
        ) from error
    return parse(text, name=name, lang=path.parent.name if path.parent.name in LANGS else "", path=str(path))


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise ConfigError(
            f"the playbook folder {path} does not exist",
            remedy=Both("correct ACADEMYCTL_PLAYBOOKS", "ACADEMYCTL_PLAYBOOKS를 고치세요"),
        )
    return path
