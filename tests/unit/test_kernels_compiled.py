"""The renderers' kernels on a system without a folder to keep them in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from livegate_tools.simulate import compiling

SCRIPT = """
import numba, {module}
kernel = numba.njit(cache={module}.CACHE)(lambda x: x + 1)
print({module}.CACHE, kernel(1))
"""


@pytest.mark.parametrize("writable", [True, False])
def test_kernels_are_compiled_wherever_they_lie(tmp_path: Path, writable: bool) -> None:
    source = Path(compiling.__file__)
    shutil.copy(source, tmp_path / "copied.py")
    if not writable:
        # A file in the way keeps out even root.
        (tmp_path / "__pycache__").touch()
    environment = os.environ | {"HOME": "/dev/null/home", "XDG_CACHE_HOME": "/dev/null/cache", "NUMBA_CACHE_DIR": ""}
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(module="copied"))
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{writable} 2\n"
