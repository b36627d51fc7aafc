"""Find the trained scorers of the cues, and the points fixed for cues that speak together.

models/<cue>/manifest.toml of kind "logistic" holds a scorer, one of kind "crop_classifier" a network with its scorer,
models/fusion/manifest.toml the operating points.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from livegate import config
from livegate.cues import detector as detector_cue
from livegate.cues.bank import ScoredCue
from livegate.cues.crop import CropCue
from livegate.cues.protocol import Cue, all_cues
from livegate.cues.scorer import Scorer
from livegate.decide.fusion import OperatingPoints, OwnPoint, Point
from livegate.decide.rates import Rates
from livegate.detect.classifier import open_classifier
from livegate.detect.crop_manifest import OwnFusion
from livegate.detect.manifest import ModelManifest
from livegate.detect.network import MANIFEST, Kind
from livegate.detect.tables import read_tables
from livegate.errors import AssetError
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.options import Between, Matches
from livegate.types import Role

DETECTOR = "detector"
"""The name of the cue that always speaks: without it there is no face to judge."""
FUSION = "fusion"

# What says where a model comes from, or how it is fused, does not change its numbers; neither do its other files.
_ASIDE = frozenset({"training", "conversion", "calibration", "fusion"})
_IDENTITY = ("kind", "sha256")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Model:
    name: str
    version: str
    kind: Annotated[str, Matches(Kind.LOGISTIC)]
    licence: str


@dataclass(frozen=True, slots=True)
class _Manifest:
    model: _Model
    scorer: Scorer
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PointTable:
    """One [[point]]: ``weights`` in the order of ``cues``."""

    cues: tuple[str, ...]
    weights: tuple[Annotated[float, Between(0, 10)], ...]
    offset: Annotated[float, Between(-50, 50)]
    # Evidence never reaches this far, and neither a NaN nor an endless threshold may stand in a file.
    threshold_llr: Annotated[float, Between(-50, 50)]
    rates: Rates | None = None


@dataclass(frozen=True, slots=True)
class _FusionModel:
    name: str
    version: str
    kind: Annotated[str, Matches(Kind.OPERATING_POINTS)]
    licence: str


@dataclass(frozen=True, slots=True)
class Fusion:
    """models/fusion/manifest.toml; ``models`` has the fingerprint of each cue's model that the points were fixed with.

    See :func:`fingerprint`.
    """

    model: _FusionModel
    models: Mapping[str, Any]
    point: tuple[PointTable, ...]
    training: Mapping[str, Any] = field(default_factory=dict)


def read_fusion(path: Path) -> Fusion:
    """Return a manifest of operating points; AssetError naming it when it is damaged."""
    fusion = read_tables(Fusion, path)
    for point in fusion.point:
        if len(point.weights) != len(point.cues) or len(set(point.cues)) != len(point.cues):
            raise AssetError(f"{path}: [[point]] expected one weight for each of {', '.join(point.cues)}")
        lacking = [name for name in point.cues if not isinstance(fusion.models.get(name), str)]
        if lacking:
            raise AssetError(f"{path}: [models] lacks the SHA-256 of '{lacking[0]}'; train it again")
    return fusion


def detector_as_cue(manifest: ModelManifest) -> ScoredCue:
    """Return what the detector itself says, as its manifest calibrates it."""
    scorer = detector_cue.scorer(manifest.calibration, manifest.decision.frame_correlation)
    return ScoredCue(DETECTOR, detector_cue, scorer, fingerprint(manifest.folder))


def alone(manifest: ModelManifest) -> Point:
    """Return the point of the detector's manifest, for when no other cue speaks."""
    return Point({DETECTOR: 1.0}, 0.0, manifest.decision.threshold_llr, manifest.decision.rates)


def operating_points(
    detector: ScoredCue, cues: tuple[ScoredCue, ...], alone: Point, shelf: Shelf = SHIPPED
) -> OperatingPoints:
    """Return the points fixed with just these models; ``alone`` serves the detector where none was fixed for it.

    Points of other models are left out, which is logged: the cues that have points serve without the others.
    AssetError when their file is damaged.
    """
    points = {frozenset({detector.name}): alone}
    own = {cue.name: cue.own for cue in cues if cue.own is not None}
    if (folder := shelf.find(FUSION)) is not None:
        fusion = read_fusion(folder / MANIFEST)
        known = {cue.name: cue.fingerprint for cue in (detector, *cues) if cue.own is None}
        for name in unlike(fusion, known):
            log.warning("operating points were fixed with another model and are not used", extra={"cue": name})
        points |= {frozenset(point.cues): _point(point) for point in fusion.point if _is_of(point, fusion, known)}
    return OperatingPoints(points, own)


def unlike(fusion: Fusion, known: Mapping[str, str]) -> tuple[str, ...]:
    """Return the cues whose model (by its fingerprint) is not the one that the points were fixed with, by name."""
    return tuple(sorted(name for name, print_ in known.items() if fusion.models.get(name, print_) != print_))


def fingerprint(folder: Path) -> str:
    """Return the SHA-256 of what a model's numbers depend on: its fp32 file and the tables that give it a meaning.

    Where it came from, its other files and how it is fused are left aside. AssetError when it cannot be read.
    """
    path = folder / MANIFEST
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as exc:
        raise AssetError(f"{path}: cannot be read ({exc}); reinstall it") from exc
    meaning = {name: table for name, table in tables.items() if name not in _ASIDE}
    model = meaning.get("model")
    meaning["model"] = {key: model[key] for key in _IDENTITY if key in model} if isinstance(model, dict) else None
    return hashlib.sha256(json.dumps(meaning, sort_keys=True, default=str).encode()).hexdigest()


def trained_cues(
    roles: frozenset[Role],
    choice: config.Detector | None = None,
    threads: int = 1,
    shelf: Shelf = SHIPPED,
    without: frozenset[str] = frozenset(),
) -> tuple[ScoredCue, ...]:
    """Return every cue whose sensors are among ``roles`` and which has a trained scorer, by name, but ``without`` some.

    Crop classifiers run as ``choice`` says. A cue without a scorer is off. Their kernels are compiled when this
    returns, so that no face waits for them. Raise AssetError for a scorer that is damaged or was trained for other
    features, and for a network that is not what its manifest says.
    """
    found = []
    for name, cue in all_cues():
        folder = shelf.find(name)
        if roles >= cue.NEEDS and folder is not None and name not in without:
            found.append(ScoredCue(name, cue, read_scorer(name, cue, shelf), fingerprint(folder)))
            _compile(cue)
    crops = shelf.of_kind(Kind.CROP_CLASSIFIER) if roles >= CropCue.NEEDS else {}
    for name in crops.keys() - without:
        crop = _crop(name, crops[name], choice or config.Detector(), threads)
        found += [crop] if crop is not None else []
    return tuple(sorted(found, key=lambda cue: cue.name))


def read_scorer(name: str, cue: Cue, shelf: Shelf = SHIPPED) -> Scorer:
    """Return the scorer of one cue; raise AssetError naming its manifest when it does not fit."""
    path = shelf.model(name) / MANIFEST
    scorer = read_tables(_Manifest, path).scorer
    if not scorer.fits(cue.FEATURES):
        expected = ", ".join(cue.FEATURES)
        raise AssetError(f"{path}: its features are not those of cue '{name}' ({expected}); train it again")
    return scorer


def _compile(cue: Cue) -> None:
    for kernel in getattr(cue, "KERNELS", ()):
        importlib.import_module(f"livegate.kernels.{kernel}")


def _crop(name: str, folder: Path, choice: config.Detector, threads: int) -> ScoredCue | None:
    classifier = open_classifier(folder, choice, threads)
    if classifier is None:
        return None
    scorer, own = classifier.manifest.scorer, classifier.manifest.fusion
    if scorer is None:
        log.info("crop classifier is not calibrated, it stays off", extra={"model": name})
        return None
    return ScoredCue(name, CropCue(classifier), scorer, fingerprint(folder), None if own is None else _own(own))


def _own(table: OwnFusion) -> OwnPoint:
    return OwnPoint(
        table.own_weight, table.weight, table.offset, table.threshold_llr, frozenset(table.cues), table.rates
    )


def _point(table: PointTable) -> Point:
    weights = dict(zip(table.cues, table.weights, strict=True))
    return Point(weights, table.offset, table.threshold_llr, table.rates)


def _is_of(point: PointTable, fusion: Fusion, known: Mapping[str, str]) -> bool:
    return all(known.get(name) == fusion.models[name] for name in point.cues)
