"""Make a damaged file readable as far as its pages are: the first hundred bytes of a database hold nothing but form.

The format is SQLite's own (sqlite.org/fileformat2.html, section 1.3). Only a copy is changed.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from livegate.store.connection import APPLICATION_ID, PAGE_BYTES

log = logging.getLogger(__name__)

_MAGIC = b"SQLite format 3\x00"
_FORM = struct.Struct(">16sH6B12I20s2I")
_FOLDER = ".livegate-mending-"
_LOGGED = 2
"""How a file with a write-ahead log is to be written and read."""
_FRACTIONS = (64, 32, 32)
_SCHEMA_FORMAT = 4
_UTF8 = 1


@contextmanager
def readable(broken: Path) -> Iterator[Path]:
    """Yield ``broken`` where its tables can be named, else a copy with a header that fits what is there.

    The copy is removed afterwards, as is what an earlier start that was cut short left. Where there is no room for a
    copy it is ``broken`` all the same.
    """
    for left in broken.parent.glob(f"{_FOLDER}*"):
        shutil.rmtree(left, ignore_errors=True)
    if _names_its_tables(broken):
        yield broken
        return
    with tempfile.TemporaryDirectory(dir=broken.parent, prefix=_FOLDER) as folder:
        yield _mended(broken, Path(folder) / broken.name)


def _names_its_tables(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            found = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'stream'").fetchone()
    except sqlite3.Error:
        return False
    return found is not None


def _mended(broken: Path, copy: Path) -> Path:
    try:
        shutil.copyfile(broken, copy)
        logged = broken.with_name(f"{broken.name}-wal")
        if logged.exists():
            shutil.copyfile(logged, copy.with_name(f"{copy.name}-wal"))
        pages = max(1, -(-copy.stat().st_size // PAGE_BYTES))
        with copy.open("r+b") as file:
            file.truncate(pages * PAGE_BYTES)
            file.write(_header(pages))
    except OSError as exc:
        log.warning("store: no copy to mend could be made of %s: %s", broken, exc.strerror)
        return broken
    return copy


def _header(pages: int) -> bytes:
    """Return a header for a file of ``pages`` of our size, all of them in use."""
    version = sqlite3.sqlite_version_info
    number = version[0] * 1_000_000 + version[1] * 1_000 + version[2]
    counter, cookie, none = 1, 1, 0
    return _FORM.pack(
        _MAGIC,
        PAGE_BYTES,
        _LOGGED,
        _LOGGED,
        none,
        *_FRACTIONS,
        counter,
        pages,
        *(none, none),
        cookie,
        _SCHEMA_FORMAT,
        *(none, none),
        _UTF8,
        *(none, none),
        APPLICATION_ID,
        bytes(20),
        counter,
        number,
    )
