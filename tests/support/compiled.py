"""Stand-ins for a library, compiled when they are needed."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest


@functools.cache
def shared_library(source: Path) -> Path:
    """Return ``source`` compiled into a shared library, once in a run; without a compiler skip, or fail in CI."""
    compiler = shutil.which("cc")
    if compiler is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no C compiler (cc) for {source.name}; install gcc")
        pytest.skip(f"needs a C compiler (cc) for {source.name}")
    folder = Path(tempfile.mkdtemp(prefix="livegate-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    library = folder / f"{source.stem}.so"
    command = [compiler, "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o", str(library), str(source)]
    subprocess.run(command, check=True, timeout=60)
    return library
