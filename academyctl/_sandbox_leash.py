"""The first step of a child process: tie its life to its parent's, bound it, become the program.

Run as `python -P _sandbox_leash.py <parent pid> <cpu seconds> <memory bytes> <command...>`; 0 = no bound, and a command
`-m <module> <arguments...>` is run in this interpreter, any other one is what this process becomes.
A step of its own and not `preexec_fn`, because that runs Python between fork and exec in a process with threads.
Standard library only, nothing of ours, and little of it: this is paid by every file that is read.
"""

from __future__ import annotations

import os
import sys

PR_SET_PDEATHSIG = 1
EXIT_NO_PARENT = 126
EXIT_NO_PROGRAM = 127


def _die_with(parent: int) -> None:
    import ctypes
    import signal

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        sys.exit(EXIT_NO_PARENT)


def _bound(cpu_s: int, memory_bytes: int) -> None:
    """Lower the limits, never raise them; the hard limit of CPU a little above, for a program that ignores SIGXCPU."""
    import resource

    for what, soft, spare in ((resource.RLIMIT_CPU, cpu_s, 5), (resource.RLIMIT_AS, memory_bytes, 0)):
        if not soft:
            continue
        _, hard = resource.getrlimit(what)
        top = soft + spare if hard == resource.RLIM_INFINITY else min(soft + spare, hard)
        try:
            resource.setrlimit(what, (min(soft, top), top))
        except (ValueError, OSError):  # macOS knows the name of RLIMIT_AS, no more; the parent watches there
            continue
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(argv: list[str]) -> int:
    parent, cpu_s, memory_bytes, *command = argv
    if sys.platform == "linux":
        _die_with(int(parent))
    if os.name == "posix":
        _bound(int(cpu_s), int(memory_bytes))
    if command[0] == "-m":
        import runpy

        sys.argv = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
        return 0
    try:
        os.execvp(command[0], command)  # noqa: S606  (the point of this file; no shell is involved)
    except OSError as error:
        print(f"cannot start {os.path.basename(command[0])}: {error.strerror}", file=sys.stderr)  # noqa: PTH119, T201
    return EXIT_NO_PROGRAM


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
