"""Readers of the field's licensed sets, one file a set: from a licence holder's folder to labelled recordings.

A module of this package that defines ``READER`` is a set that ``livegate train import`` knows; there is no other list.
What the layouts were taken from, and what is read of each set, is in docs/datasets.md.
"""

from __future__ import annotations

import importlib
import pkgutil
import re

from livegate.errors import ConfigError
from livegate_tools.train.readers.shared.recording import Reader


def all_readers() -> dict[str, Reader]:
    """Return the readers by module name, which is the ``source`` of what they read, sorted."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    return {name: importlib.import_module(f"{__name__}.{name}").READER for name in names}


def find_reader(asked: str) -> tuple[str, Reader]:
    """Return name and reader of a set by its name or title, however written; ConfigError lists the sets there are."""
    readers = all_readers()
    for name, reader in readers.items():
        if _plain(asked) in (_plain(name), _plain(reader.title)):
            return name, reader
    titles = ", ".join(reader.title for reader in readers.values())
    raise ConfigError(f"train import {asked}: no such set; there are {titles}")


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())
