"""What the daemon says of kernels that it had to compile."""

from __future__ import annotations

import os
import subprocess
import sys

TELLING = """
import logging
from livegate import daemon
logging.basicConfig(format="%(message)s %(modules)s", level=logging.WARNING)
import livegate.kernels.fill
daemon._tell_of_kernels()
"""


def told(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", TELLING], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return done.stderr


def test_one_line_names_what_was_compiled_in_memory_and_why() -> None:
    # Code that checks its indices is other code than what is kept, if anything is.
    (said,) = told(NUMBA_BOUNDSCHECK="1").splitlines()
    assert said.startswith("kernels compiled in memory, run `livegate model warm` ")
    assert said.endswith(("['fill stale']", "['fill missing']"))
