"""Playbooks made for tests, and an executor that answers instead of a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from playbooks._model import Playbook
from playbooks._parse import parse
from playbooks._run import Ended

HEAD = """# A title

When to use it.

## <a id="variables"></a>Variables

- `id`: the video's number
- `desired` = `2`: how many

"""
STEPS = """## 1. The queue is there

```bash check: id=queue else=#queue-broken
academyctl diagnose sqs
```

## 2. The video is fine

```bash check: id=stuck expect=0,4 else=#stuck
academyctl video stuck {id}
```

## 3. More workers

```bash fix: id=more
academyctl asg set video --desired {desired}
```

"""
ADVICE = """## <a id="queue-broken"></a>When the queue is broken

Mend it.

## <a id="stuck"></a>When it is stuck

Mend **it**: see video {id}.

| Cause | What to do |
|---|---|
| lock | `a \\| b` |

```bash fix: id=mend
academyctl fix video {id}
```
"""
TEXT = HEAD + STEPS + ADVICE


def book(text: str = TEXT) -> Playbook:
    return parse(text, name="book", lang="en", path="book.md")


class Answers:
    """An executor: exit codes and outputs by command line, 0 and nothing by default; remembers what was run."""

    def __init__(self, answers: Mapping[str, Ended | int | type[BaseException]] | None = None) -> None:
        self.ran: list[str] = []
        self._answers = answers or {}

    def __call__(self, words: Sequence[str]) -> Ended:
        line = " ".join(words)
        self.ran.append(line)
        answer = self._answers.get(line, 0)
        if isinstance(answer, Ended):
            return answer
        if isinstance(answer, int):
            return Ended(answer)
        raise answer
