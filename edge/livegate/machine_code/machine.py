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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class _Source:
    sha256: bytes
    imported: tuple[Path, ...]


def source_digest(path: Path) -> str:
    """Return the SHA-256 of a module of kernels, of those it imports, and of what makes machine code of them.

    OSError when one of them cannot be read.
    """
    return _digest(path, _source)


def first_digest(path: Path) -> str:
    """Return what :func:`source_digest` was when this process first asked for each of these files.

    A module asks as it is imported: what is compiled of it is of that source, whatever the file holds later.
    """
    return _digest(path, _first_source)


def _digest(path: Path, read: Callable[[Path], _Source]) -> str:
    known: dict[Path, _Source] = {}
    asked = [path]
    while asked:
        one = asked.pop()
        if one not in known:
            known[one] = read(one)
            asked.extend(known[one].imported)
    digest = hashlib.sha256(read(_MAKER).sha256)
    for one in sorted(known):
        digest.update(one.name.encode() + b"\0" + known[one].sha256)
    return digest.hexdigest()


def _source(path: Path) -> _Source:
    content = path.read_bytes()
    named = {module or name for module, name in _KERNEL.findall(content.decode("utf-8"))}
    others = (path.with_name(f"{name}.py") for name in sorted(named))
    return _Source(hashlib.sha256(content).digest(), tuple(other for other in others if other.exists()))


_first_source = functools.cache(_source)
