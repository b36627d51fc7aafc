"""How every kernel comes to run: as machine code that ``livegate model warm`` kept, else compiled now, in memory.

All are free of the GIL and compute as IEEE 754 says: no fastmath, and a division by zero is infinite.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from livegate.machine_code.machine import first_digest
from livegate.machine_code.running import load
from livegate.machine_code.store import Found, State, find


@dataclass(frozen=True, slots=True)
class InMemory:
    """What this process had to compile: which modules of kernels and why, by name, and how long that took."""

    modules: Mapping[str, Found]
    seconds: float


_compiled: dict[str, Found] = {}
_seconds = 0.0


def in_memory() -> InMemory:
    """Return what was compiled in this process so far."""
    return InMemory(dict(_compiled), _seconds)


def kernel(*signatures: str) -> Callable[[Callable[..., Any]], Any]:
    """Make a function a kernel for the given signatures when its module is imported, so that no frame waits for it.

    Arguments are C-contiguous arrays of up to four axes and numbers, and so that its machine code can be kept a kernel
    makes no array. Without signatures it is for other kernels to call.
    """

    def make(function: Callable[..., Any]) -> Kernel:
        source = function.__globals__["__file__"]
        module = _module(source)
        made = Kernel(function, signatures, module.calls.get(function.__name__))
        if module.found.state is not State.WHOLE and signatures:
            _compile(made, source, module.found)
        return made

    return make


class Kernel:
    """A function that runs as machine code; called by another kernel, Numba sees its source."""

    def __init__(
        self, function: Callable[..., Any], signatures: tuple[str, ...], call: Callable[..., Any] | None
    ) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function
        self.signatures = signatures
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        """Run it."""
        return (self._call or self.dispatcher)(*arguments)

    @functools.cached_property
    def dispatcher(self) -> Any:
        """The same kernel, compiled by Numba in this process."""
        # Half a second that a start from kept machine code does without.
        import numba

        return numba.njit(list(self.signatures) or None, nogil=True, error_model="numpy")(self.py_func)

    @property
    def _numba_type_(self) -> Any:
        return self.dispatcher._numba_type_


def kernels_of(module: ModuleType) -> dict[str, Kernel]:
    """Return the kernels of a module that Python calls, by name."""
    found = {name: one for name, one in vars(module).items() if isinstance(one, Kernel) and one.signatures}
    return {name: one for name, one in found.items() if one.py_func.__module__ == module.__name__}


@dataclass(frozen=True, slots=True)
class _Module:
    found: Found
    calls: Mapping[str, Callable[..., Any]]


@functools.cache
def _module(source: str) -> _Module:
    # First asked for here, while the file is what is being imported.
    found = find(Path(source), first_digest)
    if found.state is not State.WHOLE:
        return _Module(found, {})
    try:
        return _Module(found, load(found.entries))
    except ValueError as exc:
        return _Module(Found(State.STALE, f"{source}: its machine code {exc}"), {})


def _compile(made: Kernel, source: str, found: Found) -> None:
    global _seconds  # noqa: PLW0603 - what the whole process spent
    began_s = time.perf_counter()
    _ = made.dispatcher
    _seconds += time.perf_counter() - began_s
    _compiled[Path(source).stem] = found
