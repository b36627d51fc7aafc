"""What a model says of itself, whatever its kind: read strictly by the kind's own reader."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livegate.cues.protocol import all_cues
from livegate.detect.crop_manifest import read_crop_manifest
from livegate.detect.finder_manifest import read_finder
from livegate.detect.manifest import read_manifest
from livegate.detect.network import MANIFEST, Kind, Network
from livegate.errors import AssetError
from livegate.quality_manifest import read_gate
from livegate.scorers import read_fusion, read_scored
from livegate.toml_read import tables_of
from livegate.weights import WEIGHTS

_MAX_LINE = 256
_MAX_DOTS = 64
_OF_WEIGHTS = frozenset({Kind.WEIGHTS, Kind.FACE_CASCADE})
_BETWEEN = re.compile(rb"[,=\[\]{}\n]")


@dataclass(frozen=True, slots=True)
class Description:
    """A model in ``folder``; ``sha256`` is that of its manifest, and ``files`` are the files that one lists."""

    folder: Path
    name: str
    version: str
    kind: Kind
    licence: str
    sha256: str
    files: Mapping[str, str]
    network: Network | None
    calibration: Mapping[str, Any] | None
    """When it was calibrated and with how much; None for a model that was not and so cannot judge."""
    beside: frozenset[str] | None = None
    """Of a user's own classifier the cues beside exactly which it counts; None for all others."""


@dataclass(frozen=True, slots=True)
class _Read:
    network: Network | None = None
    calibrated: bool = True
    beside: frozenset[str] | None = None


def describe(folder: Path, *, files_there: bool = True) -> Description:
    """Return what the manifest in ``folder`` says; AssetError names file, key and remedy for anything wrong in it.

    Weights are opened, too, unless the files the manifest lists are still to come.
    """
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
        _check_keys(content)
        table = tables_of(content.decode())
    except OSError as exc:
        raise AssetError(f"{path}: cannot be read ({exc.strerror}); give a folder that holds a model") from exc
    except (ValueError, RecursionError) as exc:
        raise AssetError(f"{path}: is not TOML: {exc}; write it anew") from exc
    model = table.get("model")
    if not isinstance(model, dict) or model.get("kind") not in tuple(Kind):
        raise AssetError(f"{path}: lacks a table [model] with 'kind' as one of {', '.join(Kind)}; add it")
    kind = Kind(model["kind"])
    name, version, licence = (_line(model, key, path) for key in ("name", "version", "licence"))
    read = _READERS[kind](folder, name) if files_there or kind not in _OF_WEIGHTS else _Read()
    files = {file.name: file.sha256 for file in read.network.files} if read.network else {}
    if kind in _OF_WEIGHTS:
        files = {WEIGHTS: _line(model, "weights_sha256", path)}
    calibration = _calibration(table) if read.calibrated else None
    digest = hashlib.sha256(content).hexdigest()
    return Description(folder, name, version, kind, licence, digest, files, read.network, calibration, read.beside)


def _ssd(folder: Path, _name: str) -> _Read:
    return _Read(read_manifest(folder).network)


def _crop_classifier(folder: Path, _name: str) -> _Read:
    manifest = read_crop_manifest(folder)
    fusion = manifest.fusion
    return _Read(manifest.network, manifest.calibrated, None if fusion is None else frozenset(fusion.cues))


def _scorer(folder: Path, name: str) -> _Read:
    cues = dict(all_cues())
    if name not in cues:
        raise AssetError(f"{folder / MANIFEST}: [model] 'name': there is no cue {name!r}, only {', '.join(cues)}")
    read_scored(name, cues[name], folder)
    return _Read()


def _finder(folder: Path, _name: str) -> _Read:
    read_finder(folder)
    return _Read()


def _operating_points(folder: Path, _name: str) -> _Read:
    read_fusion(folder / MANIFEST)
    return _Read()


def _quality_limits(folder: Path, _name: str) -> _Read:
    read_gate(folder / MANIFEST)
    return _Read()


_READERS: Mapping[Kind, Callable[[Path, str], _Read]] = {
    Kind.SSD: _ssd,
    Kind.CROP_CLASSIFIER: _crop_classifier,
    Kind.LOGISTIC: _scorer,
    Kind.WEIGHTS: _scorer,
    Kind.FACE_CASCADE: _finder,
    Kind.OPERATING_POINTS: _operating_points,
    Kind.QUALITY_LIMITS: _quality_limits,
}


def _check_keys(content: bytes) -> None:
    """Raise ValueError for a key of so many parts that Python's parser, whose time is their square, would take days."""
    if any(part.count(b".") > _MAX_DOTS for part in _BETWEEN.split(content)):
        raise ValueError(f"more than {_MAX_DOTS} dots in one key or value")


def _line(model: Mapping[str, Any], key: str, path: Path) -> str:
    text = model.get(key)
    if not isinstance(text, str) or not text.isprintable() or not 0 < len(text) <= _MAX_LINE:
        raise AssetError(f"{path}: [model] '{key}': expected a line of text, found {text!r}")
    return text


def _calibration(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands in [calibration], or else what [training] says of it."""
    said = table.get("calibration") or table.get("training") or {}
    return {key: value for key, value in said.items() if isinstance(value, (str, int, float))}
