"""A short step between us and FFmpeg: tie the child's life to its parent's, bound it, become it.

Run as `python -I -S _media_leash.py <parent pid> <cpu seconds> <file bytes> <program> <arguments...>`; 0 = no bound.
FFmpeg encodes on to the end when its progress pipe has lost its reader (measured with n9), so a worker that was
killed with SIGKILL would leave an encode running. On Linux the kernel kills the child with the thread that started it.
A program of its own and not `preexec_fn`, because that runs Python between fork and exec in a process with threads.
Elsewhere on POSIX only the bounds are set. Standard library only, and no import of ours: 15 ms in all.
"""

from __future__ import annotations

import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
EXIT_NO_PARENT = 126
EXIT_NO_PROGRAM = 127


def _die_with(parent: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        sys.exit(EXIT_NO_PARENT)


def _bound(what: int, soft: int, spare: int) -> None:
    """Lower a limit, never raise it; the hard limit a little above, for a program that ignores the signal."""
    _, hard = resource.getrlimit(what)
    top = soft + spare if hard == resource.RLIM_INFINITY else min(soft + spare, hard)
    resource.setrlimit(what, (min(soft, top), top))


def main(argv: list[str]) -> int:
    parent, cpu_s, file_bytes, *command = argv
    if sys.platform == "linux":
        _die_with(int(parent))
    if int(cpu_s):
        _bound(resource.RLIMIT_CPU, int(cpu_s), 5)
    if int(file_bytes):
        _bound(resource.RLIMIT_FSIZE, int(file_bytes), 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Python ignores these two, and what is ignored stays so across exec: FFmpeg would take a full file for a hiccup.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606  (the point of this file; no shell is involved)
    except OSError as error:
        print(f"[fatal] cannot start {os.path.basename(command[0])}: {error.strerror}", file=sys.stderr)  # noqa: PTH119, T201
    return EXIT_NO_PROGRAM


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
