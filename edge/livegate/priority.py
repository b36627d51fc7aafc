"""Who may wait: threads that report or tidy step back behind the one that decides."""

from __future__ import annotations

import logging
import os
import threading

log = logging.getLogger(__name__)

_NICE = 10


def step_back() -> None:
    """Lower the calling thread's priority; where the system forbids that, go on as before and say so.

    On Linux each thread has a nice value of its own (setpriority(2), notes).
    """
    thread = threading.get_native_id()
    try:
        os.setpriority(os.PRIO_PROCESS, thread, max(_NICE, os.getpriority(os.PRIO_PROCESS, thread)))
    except OSError as exc:
        log.info("priority not lowered", extra={"of": threading.current_thread().name, "error": exc.strerror})
