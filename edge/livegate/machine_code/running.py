"""Loads machine code into the process and calls it. Needs LLVM's loader and ctypes, not Numba."""

from __future__ import annotations

import ctypes
import functools
import operator
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.machine_code.packing import Entry

TYPES = (
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32", "float64",
)  # fmt: skip
"""The element types a kernel may take arrays of; their order is that of the table handed to every entry."""
FIT = 0x0001 | 0x0100 | 0x0400
"""NumPy's flags of an array that is C-contiguous, aligned and writeable."""

# Kernels make no arrays, yet LLVM leaves what would free or make them where it cannot prove that. What could only be
# reached by an array of Numba's own ends the process; memory for the text of an exception is the C library's.
_NUMBAS = {
    "NRT_MemInfo_call_dtor": "abort",
    "NRT_MemInfo_alloc": "abort",
    "NRT_Allocate": "malloc",
    "NRT_Free": "free",
}

_process = ctypes.CDLL(None)
_types = tuple(np.dtype(name) for name in TYPES)
_table = (ctypes.c_int64 * (1 + len(_types)))(id(np.ndarray), *map(id, _types))
_TABLE = ctypes.addressof(_table)
# Where entries put what nobody reads: the exception of a call that is refused, the nothing that is returned.
_aside = (ctypes.c_int64 * 2)()
_ASIDE, _ASIDE_2 = ctypes.addressof(_aside), ctypes.addressof(_aside) + 8
_KINDS: dict[str, Any] = {"float": ctypes.c_double, "int": ctypes.c_int64, "bool": ctypes.c_int64}
_REFUSED = (TypeError, ctypes.ArgumentError, ValueError, OverflowError)


def resolves(symbol: str) -> bool:
    """Return whether the process has what machine code asks for by this name."""
    return _address(symbol) is not None


def as_expected() -> bool:
    """Return whether this NumPy lays out its arrays as every NumPy so far: what the entries read there is so."""
    array = np.zeros((2, 3, 5), np.uint16)
    head = object.__basicsize__
    word, half = ctypes.c_uint64, ctypes.c_uint32
    at = id(array) + head
    shape = word.from_address(at + 16).value
    return (
        word.from_address(at - 8).value == id(np.ndarray)
        and word.from_address(at).value == array.ctypes.data
        and half.from_address(at + 8).value == array.ndim
        and [word.from_address(shape + 8 * i).value for i in range(array.ndim)] == list(array.shape)
        and word.from_address(at + 40).value == id(np.dtype(np.uint16))
        and half.from_address(at + 48).value & FIT == FIT
    )


def load(entries: Sequence[Entry]) -> dict[str, Callable[..., Any]]:
    """Load entries and return what calls each kernel, by its name. ValueError where the process lacks a symbol."""
    lacking = [symbol for entry in entries for symbol in entry.outside if not resolves(symbol)]
    if lacking:
        raise ValueError(f"needs {lacking[0]}, which this process has not")
    addresses = _linker().link(entries)
    calls: dict[str, list[_Call]] = {}
    for entry, address in zip(entries, addresses, strict=True):
        calls.setdefault(entry.kernel, []).append(_Call(entry, address))
    return {name: several[0] if len(several) == 1 else _Calls(several) for name, several in calls.items()}


class _Linker:
    """LLVM's loader of object code; what it loaded stays for as long as the process runs."""

    def __init__(self) -> None:
        import llvmlite.binding as llvm

        self._llvm = llvm
        self._lock = threading.Lock()
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        machine = llvm.Target.from_default_triple().create_target_machine(codemodel="jitdefault", jit=True)
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        self._objects: list[Any] = []

    def link(self, entries: Sequence[Entry]) -> list[int]:
        with self._lock:
            for symbol in {symbol for entry in entries for symbol in entry.outside}:
                self._llvm.add_symbol(symbol, _address(symbol))
            for entry in entries:
                held = self._llvm.ObjectFileRef.from_data(entry.code)
                self._engine.add_object_file(held)
                self._objects.append(held)
            self._engine.finalize_object()
            return [self._engine.get_function_address(entry.symbol) for entry in entries]


@functools.cache
def _linker() -> _Linker:
    return _Linker()


def _address(symbol: str) -> int | None:
    try:
        return ctypes.cast(getattr(_process, _NUMBAS.get(symbol, symbol)), ctypes.c_void_p).value
    except AttributeError:
        return None


class _Call:
    """Calls one entry, without the GIL. Arrays are looked at by the entry itself; see building."""

    __slots__ = ("_address", "_arguments", "_enter", "_kernel", "_result")

    def __init__(self, entry: Entry, address: int) -> None:
        self._kernel, self._arguments, self._result = entry.kernel, entry.arguments, entry.result
        passed = [_KINDS.get(one, ctypes.py_object) for one in entry.arguments]
        kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, *passed)
        self._enter = kind(address)

    def __call__(self, *arguments: Any) -> Any:
        try:
            if self._result == "none":
                if not self._enter(_ASIDE, _ASIDE_2, _TABLE, *arguments):
                    return None
            else:
                return self._called(arguments)
        except _REFUSED:
            pass
        # A subclass of an array, a number of NumPy's: rarer, and worth a second look.
        if len(arguments) != len(self._arguments):
            raise TypeError(f"{self._kernel}: expected {len(self._arguments)} arguments, got {len(arguments)}")
        plain = tuple(map(self._plain, range(len(arguments)), arguments))
        return self._called(plain)

    def _called(self, arguments: tuple[Any, ...]) -> Any:
        out = _KINDS.get(self._result, ctypes.c_int64)()
        if self._enter(ctypes.addressof(out), _ASIDE_2, _TABLE, *arguments):
            raise ValueError(f"{self._kernel}: what it was given does not fit together; see its docstring for shapes")
        if self._result == "none":
            return None
        return bool(out.value) if self._result == "bool" else out.value

    def _plain(self, place: int, value: Any) -> Any:
        expected = self._arguments[place]
        if expected == "float":
            return float(value)
        if expected in ("int", "bool"):
            return operator.index(bool(value) if expected == "bool" else value)
        kind, _, axes = expected.partition(":")
        if (
            not isinstance(value, np.ndarray)
            or value.dtype != np.dtype(kind)
            or value.ndim != int(axes)
            or not _fits(value)
        ):
            raise TypeError(
                f"{self._kernel}: argument {place + 1} is {_told(value)}; expected a C-contiguous writeable array of "
                f"{kind} with {axes} axes"
            )
        return value.view(np.dtype(kind), np.ndarray)


class _Calls:
    """Calls the first of several entries that takes what is given."""

    __slots__ = ("_several",)

    def __init__(self, several: Sequence[_Call]) -> None:
        self._several = tuple(several)

    def __call__(self, *arguments: Any) -> Any:
        for call in self._several[:-1]:
            try:
                return call(*arguments)
            except TypeError:
                continue
        return self._several[-1](*arguments)


def _fits(array: NDArray[Any]) -> bool:
    flags = array.flags
    return bool(flags.c_contiguous and flags.aligned and flags.writeable)


def _told(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} with {value.ndim} axes, {'in order' if _fits(value) else 'not in order'}"
    return type(value).__name__
