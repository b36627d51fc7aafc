"""Arrays of trained numbers beside a manifest: small .npz files, read whole, hashed and bounded before they are used.

No array of objects is ever read: such a file could run code. A file that claims more than it holds is refused before
memory is taken for it.
"""

from __future__ import annotations

import hashlib
import io
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from livegate.detect.network import REMEDY
from livegate.errors import AssetError
from livegate.filesystem import replace_whole

WEIGHTS = "weights.npz"
MOST_BYTES = 32 << 20
"""Of the file, and of all that it unpacks to."""
MOST_ARRAYS = 64
_KINDS = ("float16", "float32", "int8", "uint8", "int16", "int32")
_SUFFIX = ".npy"
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zip and NumPy's reader of a header raise for bytes that are not theirs.
_NONE_OF_OURS = (
    ValueError, OSError, EOFError, RuntimeError, MemoryError, struct.error, zipfile.BadZipFile, zlib.error,
    tokenize.TokenError,
)  # fmt: skip


def read_weights(folder: Path, sha256: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of ``folder``/weights.npz by name; of the two float types float32, of integers as they are.

    Raises AssetError naming the file when it is missing, not the one of that SHA-256, too large, holds anything else
    than arrays of numbers, or a number that is not finite.
    """
    path = folder / WEIGHTS
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as exc:
        raise AssetError(f"{path}: cannot be read ({exc.strerror}); {REMEDY}") from exc
    if len(content) > MOST_BYTES:
        raise AssetError(f"{path}: expected at most {MOST_BYTES >> 20} MiB; {REMEDY}")
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise AssetError(f"{path}: expected SHA-256 {sha256}, found {found}; {REMEDY}")
    try:
        return _unpacked(content)
    except _NONE_OF_OURS as exc:
        raise AssetError(f"{path}: holds no arrays of numbers ({exc}); {REMEDY}") from exc


def write_weights(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Write ``arrays`` to ``folder``/weights.npz, whole or not at all, and return its SHA-256.

    They are float16, float32 or integers; the same arrays give the same bytes. ValueError for another dtype or a
    number that is not finite.
    """
    for name, array in arrays.items():
        if str(array.dtype) not in _KINDS or not np.isfinite(array).all():
            raise ValueError(f"'{name}': expected finite {', '.join(_KINDS)}, found {array.dtype}")
    file = io.BytesIO()
    # Zip members without a time of their own, and names in one order.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, array in sorted(arrays.items()):
            with packed.open(zipfile.ZipInfo(f"{name}{_SUFFIX}"), "w") as member:
                npy.write_array(member, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    replace_whole(folder / WEIGHTS, file.getvalue())
    # No secret, and the terminal's user reads what another one trained.
    (folder / WEIGHTS).chmod(0o644)
    return hashlib.sha256(file.getvalue()).hexdigest()


def _unpacked(content: bytes) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        members = packed.infolist()
        if any(member.compress_type not in _PACKED for member in members):
            raise ValueError("packed in another way than models are")
        if len(members) > MOST_ARRAYS or sum(member.file_size for member in members) > MOST_BYTES:
            raise ValueError("more arrays or bytes than a model of ours has")
        found = {}
        for member in members:
            with packed.open(member) as file:
                found[member.filename.removesuffix(_SUFFIX)] = _array(file, member.file_size)
        return found


def _array(file: IO[bytes], size: int) -> NDArray[Any]:
    """Read one array; what its header claims must be there."""
    whole = file.read(size)
    header = io.BytesIO(whole)
    if npy.read_magic(header) != (1, 0):
        raise ValueError("an array of another version of the format")
    shape, _, dtype = npy.read_array_header_1_0(header)
    if str(dtype) not in _KINDS or math.prod(shape) * dtype.itemsize != len(whole) - header.tell():
        raise ValueError(f"an array said to be {dtype} of shape {shape}")
    array = np.asarray(npy.read_array(io.BytesIO(whole), allow_pickle=False))
    if not np.isfinite(array).all():
        raise ValueError("a number that is not finite")
    return array.astype(np.float32) if array.dtype.kind == "f" else array
