"""What machine code depends on besides its source: the processor, and the versions of what made it."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import sys
from collections.abc import Mapping
from pathlib import Path

# These change where Numba looks for files or how many threads it starts, not what it makes.
_ASIDE = frozenset({"NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS", "NUMBA_DEBUG_CACHE"})
_KERNEL = re.compile(r"^from livegate\.kernels(?:\.(\w+)|) import (\w+)", re.MULTILINE)
_MAKER = Path(__file__).with_name("building.py")


@functools.cache
def this_machine() -> Mapping[str, str]:
    """Return what machine code made here, and now, is for.

    Variables of the environment that change what Numba makes (NUMBA_BOUNDSCHECK, NUMBA_CPU_NAME ...) belong to it.
    """
    import llvmlite
    import llvmlite.binding as llvm
    import numpy as np

    asked = {name: value for name, value in os.environ.items() if name.startswith("NUMBA_") and name not in _ASIDE}
    return {
        "architecture": platform.machine(),
        "cpu": asked.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name(),
        "features": _features(),
        "python": f"{sys.implementation.cache_tag} {object.__basicsize__}",
        "numba": importlib.metadata.version("numba"),
        "llvmlite": llvmlite.__version__,
        "numpy": np.__version__,
        "environment": json.dumps(asked, sort_keys=True) if asked else "",
    }


def _features() -> str:
    import llvmlite.binding as llvm

    try:
        return str(llvm.get_host_cpu_features().flatten())
    except RuntimeError:
        # Some processors do not tell LLVM, and get code for all of their name.
        return ""


def machine_digest() -> str:
    """Return :func:`this_machine` as 12 hexadecimal digits."""
    return hashlib.sha256(json.dumps(dict(this_machine()), sort_keys=True).encode()).hexdigest()[:12]


def source_digest(path: Path) -> str:
    """Return the SHA-256 of a module of kernels, of those it imports, and of what makes machine code of them.

    OSError when one of them cannot be read.
    """
    digest = hashlib.sha256(_MAKER.read_bytes())
    for one in sorted(_with_imported(path, {})):
        digest.update(one.name.encode() + b"\0" + hashlib.sha256(one.read_bytes()).digest())
    return digest.hexdigest()


def _with_imported(path: Path, known: dict[Path, None]) -> dict[Path, None]:
    known[path] = None
    for module, name in _KERNEL.findall(path.read_text("utf-8")):
        other = path.with_name(f"{module or name}.py")
        if other not in known and other.exists():
            _with_imported(other, known)
    return known
