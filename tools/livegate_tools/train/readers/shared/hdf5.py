"""Opens HDF5 files; the package for it is an extra, since three sets alone need it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from livegate.errors import LivegateError, PictureError


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open ``path`` as an h5py.File; LivegateError names the extra, PictureError a file that is none."""
    try:
        import h5py
    except ImportError as exc:
        raise LivegateError(
            f"{path}: an HDF5 file; reading it needs the package h5py; install it with: pip install "
            "'livegate[datasets]'"
        ) from exc
    try:
        file = h5py.File(path, "r")
    except OSError as exc:
        raise PictureError(f"{path}: expected an HDF5 file: {exc}; copy it again from the set") from exc
    with file:
        yield file
