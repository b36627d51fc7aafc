"""Stand-ins for kernel devices, written in C and preloaded into a process of their own."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CONTRACT = Path(__file__).parents[1] / "contract"


def compiled(name: str, folder: Path) -> Path:
    """Return the library made of tests/contract/<name>.c; skip, or with CI=true fail, where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        problem = f"no C compiler (cc) for the stand-in {name}; install gcc"
        if os.environ.get("CI") == "true":
            pytest.fail(problem)
        pytest.skip(problem)
    library = folder / f"{name}.so"
    strict = ["-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC"]
    subprocess.run([compiler, *strict, "-o", library, CONTRACT / f"{name}.c", "-ldl"], check=True, timeout=60)
    return library
