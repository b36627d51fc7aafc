"""Read a manifest into the frozen dataclass of its kind; every manifest of a model is read here."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from livegate.detect.network import REMEDY
from livegate.errors import AssetError, ConfigError
from livegate.options import parse

T = TypeVar("T")


def read_tables(kind: type[T], path: Path) -> T:
    """Return ``kind`` filled from the TOML file ``path``; AssetError names file, key and remedy for anything wrong."""
    try:
        return parse(kind, tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    except OSError as exc:
        raise AssetError(f"{path}: cannot be read ({exc.strerror}); {REMEDY}") from exc
    except ConfigError as exc:
        raise AssetError(f"{exc}; {REMEDY}") from exc
    # Python's own parser says no to numbers without end and brackets without end in words of its own.
    except (ValueError, RecursionError) as exc:
        raise AssetError(f"{path}: is not TOML: {exc}; {REMEDY}") from exc
