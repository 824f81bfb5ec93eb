"""Runs a program so that it never outlives the process that started it, not even when that one is killed -9.

    python -m config.leash PARENT manage.py qcluster          (a file)
    python -m config.leash PARENT -m gunicorn …               (a module)

On Linux the kernel sends SIGKILL to a process when its parent dies. A fork forgets that wish, so it is renewed in every
process forked from here: the workers of gunicorn and of the queue go with their main process. Elsewhere a thread waits
for the end of standard input, which the supervisor holds open, and then ends the whole process group.
"""

import ctypes
import os
import runpy
import signal
import sys
import threading
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def follow(parent: int) -> None:
    """End with the process `parent`, and have every process forked from here end with the one that forked it."""
    if sys.platform != "linux":
        threading.Thread(target=_end_with_input, name="leash", daemon=True).start()
        return
    prctl: Callable[..., int] = ctypes.CDLL(None, use_errno=True).prctl
    own = os.getpid()

    def renew() -> None:
        nonlocal own
        _tie_to(own, prctl)
        own = os.getpid()

    _tie_to(parent, prctl)
    os.register_at_fork(after_in_child=renew)


def _tie_to(parent: int, prctl: Callable[..., int]) -> None:
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the wish was heard
        os._exit(1)


def _end_with_input() -> None:
    while os.read(0, 1024):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """Tie this process to its parent and become the program."""
    parent, *program = sys.argv[1:]
    follow(int(parent))
    sys.path[0:0] = [""] if "" not in sys.path else []
    if program[0] == "-m":
        sys.argv = program[1:]
        runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = program
        runpy.run_path(program[0], run_name="__main__")


if __name__ == "__main__":
    main()
