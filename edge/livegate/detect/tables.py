"""Read a manifest into the frozen dataclass of its kind; every manifest of a model is read here."""

from __future__ import annotations

import functools
from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar, cast

from livegate.detect.network import REMEDY
from livegate.errors import AssetError, ConfigError
from livegate.options import parse
from livegate.toml_read import tables_of

T = TypeVar("T")


def read_tables(kind: type[T], path: Path) -> T:
    """Return ``kind`` filled from the TOML file ``path``; AssetError names file, key and remedy for anything wrong."""
    try:
        return cast(T, _parsed(cast(Hashable, kind), path.read_text(encoding="utf-8"), str(path)))
    except OSError as exc:
        raise AssetError(f"{path}: cannot be read ({exc.strerror}); {REMEDY}") from exc
    except ConfigError as exc:
        raise AssetError(f"{exc}; {REMEDY}") from exc
    # Python's own parser says no to numbers without end and brackets without end in words of its own.
    except (ValueError, RecursionError) as exc:
        raise AssetError(f"{path}: is not TOML: {exc}; {REMEDY}") from exc


# A start reads the same manifests for its judge and for what it tells of its models.
@functools.lru_cache(maxsize=32)
def _parsed(kind: Any, text: str, where: str) -> Any:
    return parse(kind, tables_of(text), where)
