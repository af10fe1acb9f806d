"""Tie a worker's life to its parent's: an orphan would go on writing checkpoints nobody reads."""

import ctypes
import os
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill this process when its parent dies; elsewhere than on Linux, look once a second.

    Whoever knows its parent's number gives it: a process needs seconds to import what it needs before it comes here,
    and a parent that died meanwhile would be taken for the one that adopts orphans. Linux means by a parent the thread
    that started the process, so ours are started from main threads.
    """
    parent = os.getppid() if parent is None else parent
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the kernel was told
            os._exit(1)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
