"""Makes machine code of a compiled kernel that can be entered from Python without Numba.

Around each kernel a function is compiled that takes the addresses of Python's array objects, looks whether each is an
array of the type, axes and layout that the kernel was compiled for, and hands views of them on. So a call costs about
as much as through Numba's own dispatcher, and what does not fit is refused before it is touched. The fields looked at
(``PyArrayObject_fields``: data, nd, dimensions, strides, base, descr, flags) are NumPy's stable binary interface.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numba.extending
import numpy as np

from livegate.machine_code.elf import needed_symbols
from livegate.machine_code.packing import Entry
from livegate.machine_code.running import FIT, TYPES, resolves

# What Numba says of its own types differs by version.
_numba: Any = numba
types: Any = numba.types
intrinsic: Any = numba.extending.intrinsic


class NotKept(Exception):
    """A kernel whose machine code cannot stand alone; the message says what it needs."""


_HEAD = object.__basicsize__
_TYPE, _DATA, _AXES, _SHAPE, _KIND, _FLAGS = _HEAD - 8, _HEAD, _HEAD + 8, _HEAD + 16, _HEAD + 40, _HEAD + 48


def _reader(of: Any) -> Any:
    @intrinsic
    def read(_context: Any, _address: Any) -> Any:
        def emit(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return builder.load(builder.inttoptr(arguments[0], context.get_value_type(of).as_pointer()))

        return of(types.int64), emit

    return read


_read_8, _read_4 = _reader(types.int64), _reader(types.int32)


@intrinsic
def _pointer(_context: Any, address: Any, of: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(of.dtype)(address, of), emit


@_numba.njit
def _checked(known: int, address: int, place: int, axes: int) -> tuple[int, int]:
    """Return the addresses of an array's data and shape; raise for anything but the array expected."""
    if _read_8(address + _TYPE) != _read_8(known) or _read_8(address + _KIND) != _read_8(known + 8 * place):
        raise TypeError
    if _read_4(address + _AXES) != axes or _read_4(address + _FLAGS) & FIT != FIT:
        raise TypeError
    return _read_8(address + _DATA), _read_8(address + _SHAPE)


@_numba.njit
def _array_1(known: Any, address: Any, place: Any, of: Any) -> Any:
    data, shape = _checked(known, address, place, 1)
    return _numba.carray(_pointer(data, of), (_read_8(shape),))


@_numba.njit
def _array_2(known: Any, address: Any, place: Any, of: Any) -> Any:
    data, shape = _checked(known, address, place, 2)
    return _numba.carray(_pointer(data, of), (_read_8(shape), _read_8(shape + 8)))


@_numba.njit
def _array_3(known: Any, address: Any, place: Any, of: Any) -> Any:
    data, shape = _checked(known, address, place, 3)
    return _numba.carray(_pointer(data, of), (_read_8(shape), _read_8(shape + 8), _read_8(shape + 16)))


@_numba.njit
def _array_4(known: Any, address: Any, place: Any, of: Any) -> Any:
    data, shape = _checked(known, address, place, 4)
    sizes = (_read_8(shape), _read_8(shape + 8), _read_8(shape + 16), _read_8(shape + 24))
    return _numba.carray(_pointer(data, of), sizes)


_ARRAYS = {1: _array_1, 2: _array_2, 3: _array_3, 4: _array_4}


def build(name: str, dispatcher: Any) -> Iterator[Entry]:
    """Yield an entry for each signature that a kernel, Numba's dispatcher, is compiled for; NotKept where none can be.

    It can be for arrays in C order of up to four axes and numbers, one number or nothing to return, and code that
    needs nothing but the C library: no array made, nothing printed.
    """
    for signature in dispatcher.nopython_signatures:
        enter, takes = _entrance(name, dispatcher, signature)
        compiled = _numba.njit(nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)(enter)
        compiled.compile(takes)
        (result,) = compiled.overloads.values()
        code = bytes(result.library._get_compiled_object())
        outside = needed_symbols(code)
        lacking = [symbol for symbol in outside if not resolves(symbol)]
        if lacking:
            raise NotKept(f"{name}: its machine code needs {', '.join(lacking)} of Numba; write it without")
        arguments = tuple(map(_argument, signature.args))
        kind = _number(signature.return_type, f"{name}: returns") if signature.return_type != types.none else "none"
        yield Entry(name, result.fndesc.llvm_func_name, arguments, kind, outside, code)


def _entrance(name: str, dispatcher: Any, signature: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return the function around a kernel, and the types it is to be compiled for."""
    space: dict[str, Any] = {"kernel": dispatcher, "float64": types.float64, "int64": types.int64}
    passed: list[str] = []
    takes: list[Any] = [types.int64]
    for i, of in enumerate(signature.args):
        if isinstance(of, types.Array):
            space[f"array{i}"], space[f"of{i}"], place = _array(name, of)
            passed.append(f"array{i}(known, a{i}, {place}, of{i})")
            takes.append(types.int64)
        else:
            space[f"of{i}"] = of
            takes.append(types.float64 if _number(of, f"{name}: takes") == "float" else types.int64)
            passed.append(f"a{i} != 0" if of == types.boolean else f"of{i}(a{i})")
    returns = {"none": "{}", "float": "return float64({})", "int": "return int64({})", "bool": "return int64({})"}
    kind = "none" if signature.return_type == types.none else _number(signature.return_type, f"{name}: returns")
    names = "".join(f", a{i}" for i in range(len(signature.args)))
    body = returns[kind].format(f"kernel({', '.join(passed)})")
    # All entries of a process share their names: that of the code is the module's and the kernel's, for what Numba
    # makes of it is only told apart within one process that compiles.
    called = f"enter_{dispatcher.py_func.__module__.replace('.', '_')}_{name}"
    # Numba compiles functions with as many parameters as they have, and kernels have different numbers of them.
    exec(f"def {called}(known{names}):\n    {body}\n", space)  # noqa: S102 - of our own signature's numbers only
    return space[called], tuple(takes)


def _array(name: str, of: Any) -> tuple[Any, Any, int]:
    kind = str(of.dtype)
    if of.layout != "C" or not of.mutable or of.ndim not in _ARRAYS or kind not in TYPES:
        raise NotKept(f"{name}: takes {of}; expected a C-contiguous array of numbers with one to four axes")
    return _ARRAYS[of.ndim], np.dtype(kind).type, 1 + TYPES.index(kind)


def _argument(of: Any) -> str:
    return f"{of.dtype}:{of.ndim}" if isinstance(of, types.Array) else _number(of, "")


def _number(of: Any, who: str) -> str:
    if of == types.boolean:
        return "bool"
    for kind, several in (("int", types.Integer), ("float", types.Float)):
        if isinstance(of, several):
            return kind
    raise NotKept(f"{who} {of}; expected a number")
