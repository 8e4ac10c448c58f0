"""The command as the operator runs it: a process of its own, an environment that only the test fills."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import forked

ROOT = Path(__file__).parents[2]
# What a process needs from the machine; nothing that could be a setting.
_KEPT = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Ended:
    """How a command ended; stdout is kept as bytes where its encoding is the claim."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode("utf-8")


def environment(folder: Path, extra: Mapping[str, str] = {}) -> dict[str, str]:
    """A bare environment whose home and working files are the test's own."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    ours = {"HOME": str(folder), "APPDATA": str(folder), "ACADEMYCTL_LANG": "en", "PYTHONPATH": str(ROOT)}
    return {**kept, **ours, "PYTHONIOENCODING": "utf-8", **extra}


def academyctl(
    *words: str,
    folder: Path,
    env: Mapping[str, str] = {},
    module: str = "academyctl",
    program: Sequence[str] = (),
) -> Ended:
    """Run the command in `folder`; `program` replaces `python -m module`, and is really started, as is a Python that
    the environment changes."""
    asked = environment(folder, env)
    if forked.POSSIBLE and not program and not any(name.startswith("PYTHON") for name in env):
        return _forked(words, asked, folder, module)
    argv = [*(program or (sys.executable, "-m", module)), *words]
    done = subprocess.run(
        argv, cwd=folder, env=asked, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        timeout=60,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr.decode("utf-8", errors="replace"))


def _forked(words: Sequence[str], env: Mapping[str, str], folder: Path, module: str) -> Ended:
    with tempfile.TemporaryDirectory() as said:
        out, err = Path(said, "out"), Path(said, "err")
        process = forked.start(words, env=env, out=out, err=err, folder=folder, module=module)
        process.join(60)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(words, 60)
        return Ended(process.exitcode, out.read_bytes(), err.read_text(encoding="utf-8", errors="replace"))
