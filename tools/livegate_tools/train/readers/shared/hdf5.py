"""Opens HDF5 files; the package for it is an extra, since three sets alone need it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from livegate.errors import LivegateError, PictureError

# A file of a few bytes may declare any size; no camera of these sets has more than a megapixel or two.
MAX_VALUES = 64 << 20


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open ``path`` as an h5py.File; LivegateError names the extra.

    PictureError for a file that is none, or in which what is asked for inside the ``with`` is not there or is damaged.
    """
    try:
        import h5py
    except ImportError as exc:
        raise LivegateError(
            f"{path}: an HDF5 file; reading it needs the package h5py; install it with: pip install "
            "'livegate[datasets]'"
        ) from exc
    try:
        with h5py.File(path, "r") as file:
            yield file
    except LivegateError:
        raise
    # What h5py says of a damaged or strange file: a missing name, a group for numbers, a chunk that does not unpack.
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, AttributeError) as exc:
        raise PictureError(f"{path}: expected an HDF5 file of this set: {exc}; copy it again from the set") from exc


def numbers(dataset: Any, path: Path, index: int | None = None) -> Any:
    """Return the numbers of one picture: all of ``dataset``, or its part ``index``.

    PictureError where they lie in another file than ``path`` (HDF5 would read any that it names), or are more than a
    picture has.
    """
    if dataset.external or dataset.is_virtual or dataset.file.filename != str(path):
        raise PictureError(f"{path}: {dataset.name} lies in another file; copy it again from the set")
    shape = dataset.shape if index is None else dataset.shape[1:]
    if math.prod(shape) > MAX_VALUES:
        raise PictureError(f"{path}: {dataset.name} has the shape {dataset.shape}; expected a picture of a camera")
    return np.asarray(dataset[() if index is None else index])
