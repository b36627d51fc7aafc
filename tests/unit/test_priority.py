"""Threads that may wait step back, and go on where they may not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from livegate.priority import step_back

FORBIDDEN = """
import logging, os
logging.basicConfig(level="INFO")
def setpriority(*_): raise PermissionError(1, "Operation not permitted")
os.setpriority = setpriority
from livegate.priority import step_back
step_back()
print("goes on")
"""


def test_only_the_thread_that_asks_steps_back() -> None:
    found: list[int] = []

    def work() -> None:
        step_back()
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [max(before, 10)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


def test_where_it_is_forbidden_the_thread_goes_on_and_says_so() -> None:
    done = subprocess.run([sys.executable, "-c", FORBIDDEN], capture_output=True, text=True, check=True)
    assert done.stdout == "goes on\n"
    assert "priority not lowered" in done.stderr
