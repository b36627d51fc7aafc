"""TOML that several rooms read of one file at one start is parsed once."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from typing import Any


@functools.lru_cache(maxsize=32)
def tables_of(text: str) -> Mapping[str, Any]:
    """Return the tables of a TOML text; who asks again is given the same ones, so nobody may change them.

    Raises what ``tomllib.loads`` raises, and RecursionError for brackets without end.
    """
    return tomllib.loads(text)
