"""The one place that finds what ships beside the code: models, visits, configurations.

A wheel or Debian package carries them inside the package; an editable install reads them from the checkout. Nothing
else in the house knows which of the two it is.
"""

from __future__ import annotations

from pathlib import Path

from livegate.errors import AssetError

_PACKAGED = Path(__file__).resolve().parent / "_assets"
_CHECKOUT = Path(__file__).resolve().parents[2]
# The same below both, so that a shipped configuration finds its recordings by the same relative path.
_FOLDERS = {"models": "models", "configs": "configs", "visits": "tools/visits"}


def folder(kind: str) -> Path:
    """Return the folder of ``kind`` ("models", "configs" or "visits"); raise AssetError when it is not there."""
    for candidate in (_PACKAGED / _FOLDERS[kind], _CHECKOUT / _FOLDERS[kind]):
        if candidate.is_dir():
            return candidate
    raise AssetError(f"{kind}: not found in {_PACKAGED} or {_CHECKOUT}; reinstall Livegate, it is incomplete")


def model(name: str) -> Path:
    """Return the folder of a model: ``name`` under models/, or a path to a folder with a manifest.toml of its own.

    Raise AssetError naming the models there are.
    """
    candidate = Path(name) if "/" in name else folder("models") / name
    if (candidate / "manifest.toml").is_file():
        return candidate
    known = sorted(path.parent.name for path in folder("models").glob("*/manifest.toml"))
    raise AssetError(
        f"model '{name}': {candidate} has no manifest.toml; shipped models are: {', '.join(known) or 'none'}"
    )


def config(name: str) -> Path:
    """Return the shipped configuration ``name`` ("demo"); raise AssetError when there is none."""
    path = folder("configs") / f"{name}.toml"
    if not path.is_file():
        raise AssetError(f"configuration '{name}': {path} does not exist; reinstall Livegate, it is incomplete")
    return path


def visits() -> Path:
    """Return the manifest of the recorded visits that ship with Livegate."""
    path = folder("visits") / "visits.jsonl"
    if not path.is_file():
        raise AssetError(f"{path}: the recorded visits are missing; reinstall Livegate, it is incomplete")
    return path
