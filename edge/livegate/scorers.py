"""Find the trained scorers of the cues, and the points fixed for cues that speak together.

models/<cue>/manifest.toml of kind "logistic" holds a scorer, one of kind "weights" also what a cue is made of, one of
kind "crop_classifier" a network with its scorer, models/fusion/manifest.toml the operating points.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from livegate import config
from livegate.cues import detector as detector_cue
from livegate.cues.bank import ScoredCue
from livegate.cues.crop import CropCue
from livegate.cues.protocol import Cue, WeighedCue, all_cues
from livegate.cues.scorer import Scorer
from livegate.decide.fusion import Band, OperatingPoints, OwnPoint, Point
from livegate.decide.rates import Rates
from livegate.detect.classifier import open_classifier
from livegate.detect.crop_manifest import OwnFusion
from livegate.detect.manifest import ModelManifest
from livegate.detect.network import MANIFEST, REMEDY, Kind, Sha256
from livegate.detect.tables import read_tables
from livegate.errors import AssetError, ConfigError
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.options import Between, Matches
from livegate.toml_read import tables_of
from livegate.types import Role
from livegate.weights import WEIGHTS, read_weights

DETECTOR = "detector"
"""The name of the cue that always speaks: without it there is no face to judge."""
FUSION = "fusion"
COLOUR_TEXTURE = "colour_texture"
"""The name of the cue that leads where no network judges."""
FINDER = "finder"
"""The name of the model that finds faces where no network does."""

# What says where a model comes from, or how it is fused, does not change its numbers; neither do its other files.
_ASIDE = frozenset({"training", "conversion", "calibration", "fusion"})
_IDENTITY = ("kind", "sha256", "weights_sha256")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Model:
    name: str
    version: str
    kind: Annotated[str, Matches(f"{Kind.LOGISTIC}|{Kind.WEIGHTS}")]
    licence: str
    weights_sha256: Sha256 | None = None
    off: bool = False
    """Not used unless [decision] further_cues names it."""


@dataclass(frozen=True, slots=True)
class _Manifest:
    model: _Model
    scorer: Scorer
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PointTable:
    """One [[point]]: ``weights`` in the order of ``cues``.

    With ``first`` it is a cascade's: the others are asked where the fused llr of these lies between ``low_llr`` and
    ``high_llr``.
    """

    cues: tuple[str, ...]
    weights: tuple[Annotated[float, Between(0, 10)], ...]
    offset: Annotated[float, Between(-50, 50)]
    # Evidence never reaches this far, and neither a NaN nor an endless threshold may stand in a file.
    threshold_llr: Annotated[float, Between(-50, 50)]
    rates: Rates | None = None
    first: tuple[str, ...] = ()
    low_llr: Annotated[float, Between(-50, 50)] = 0.0
    high_llr: Annotated[float, Between(-50, 50)] = 0.0


@dataclass(frozen=True, slots=True)
class _FusionModel:
    name: str
    version: str
    kind: Annotated[str, Matches(Kind.OPERATING_POINTS)]
    licence: str


@dataclass(frozen=True, slots=True)
class Fusion:
    """models/fusion/manifest.toml; ``models`` has the fingerprint of each cue's model that the points were fixed with.

    The finder's, too, where there are points without a network. See :func:`fingerprint`.
    """

    model: _FusionModel
    models: Mapping[str, Any]
    point: tuple[PointTable, ...]
    training: Mapping[str, Any] = field(default_factory=dict)


def read_fusion(path: Path) -> Fusion:
    """Return a manifest of operating points; AssetError naming it when it is damaged."""
    fusion = read_tables(Fusion, path)
    # The detector alone has the point of its own manifest.
    plain = [{DETECTOR}, *(set(point.cues) for point in fusion.point if not point.first)]
    for point in fusion.point:
        if len(point.weights) != len(point.cues) or len(set(point.cues)) != len(point.cues):
            raise AssetError(f"{path}: [[point]] expected one weight for each of {', '.join(point.cues)}")
        lacking = [name for name in point.cues if not isinstance(fusion.models.get(name), str)]
        if lacking:
            raise AssetError(f"{path}: [models] lacks the SHA-256 of '{lacking[0]}'; train it again")
        if point.first and not (set(point.first) < set(point.cues) and point.low_llr < point.high_llr):
            raise AssetError(
                f"{path}: [[point]] of {', '.join(point.cues)}: expected 'first' to be some of them, and 'low_llr' "
                "below 'high_llr'; train it again"
            )
        if point.first and (set(point.first) not in plain or (DETECTOR in point.first) != (DETECTOR in point.cues)):
            raise AssetError(
                f"{path}: [[point]] of {', '.join(point.cues)}: its 'first' cues have no point of their own; train it "
                "again"
            )
    return fusion


def detector_as_cue(manifest: ModelManifest) -> ScoredCue:
    """Return what the detector itself says, as its manifest calibrates it."""
    scorer = detector_cue.scorer(manifest.calibration, manifest.decision.frame_correlation)
    return ScoredCue(DETECTOR, detector_cue, scorer, fingerprint(manifest.folder))


def alone(manifest: ModelManifest) -> Point:
    """Return the point of the detector's manifest, for when no other cue speaks."""
    return Point({DETECTOR: 1.0}, 0.0, manifest.decision.threshold_llr, manifest.decision.rates)


def operating_points(
    detector: ScoredCue | None, cues: tuple[ScoredCue, ...], alone: Point | None, shelf: Shelf = SHIPPED
) -> OperatingPoints:
    """Return the points fixed with just these models; ``alone`` serves the detector where none was fixed for it.

    Both are None where no network finds the faces: what was fixed for the one case never serves in the other. Points of
    other models are left out, which is logged: the cues that have points serve without the others. Those behind another
    finder stay, which is logged, too. AssetError when their file is damaged.
    """
    judging = cues if detector is None else (detector, *cues)
    known = {cue.name: cue.fingerprint for cue in judging if cue.own is None}
    folder = shelf.find(FUSION)
    fusion = None if folder is None else read_fusion(folder / MANIFEST)
    if fusion is not None:
        for name in unlike(fusion, known):
            log.warning("operating points were fixed with another model and are not used", extra={"cue": name})
        if detector is None and is_behind_another_finder(fusion, shelf):
            log.warning("operating points were fixed behind another finder and stay in use", extra={"model": FINDER})
    return points_of(fusion, known, {cue.name: cue.own for cue in cues if cue.own is not None}, alone)


def points_of(
    fusion: Fusion | None, known: Mapping[str, str], own: Mapping[str, OwnPoint], alone: Point | None
) -> OperatingPoints:
    """Return the points of a terminal with ``known`` cues, fingerprints by name, and users' ``own``; nothing is logged.

    See :func:`operating_points`.
    """
    points = {} if alone is None else {frozenset({DETECTOR}): alone}
    if fusion is not None:
        fitting = [point for point in fusion.point if (DETECTOR in point.cues) is (DETECTOR in known)]
        points |= {frozenset(point.cues): _point(point) for point in fitting if _is_of(point, fusion, known)}
    return OperatingPoints(points, own, frozenset(known) | own.keys())


def texture_points(cues: tuple[ScoredCue, ...], shelf: Shelf = SHIPPED) -> OperatingPoints:
    """Return the points by which ``cues`` judge where no network does; AssetError where none was fixed for them."""
    points, textures = operating_points(None, cues, None, shelf), set(textures_of(cues))
    if all(textures.isdisjoint(known) for known in points.points):
        raise AssetError(
            f"{shelf.model(FUSION) / MANIFEST}: has no [[point]] to judge by without a network, for the models of "
            f"{', '.join(sorted(textures)) or COLOUR_TEXTURE} there are; install them, or `livegate train fusion` anew"
        )
    return points


def textures_of(cues: tuple[ScoredCue, ...]) -> tuple[str, ...]:
    """Return the names of the cues that judge the colour picture without a network, the leading one first."""
    alone = [cue for cue in cues if not cue.cue.NEEDS - {Role.RGB} and not isinstance(cue.cue, CropCue)]
    names = {cue.name for cue in alone} - {DETECTOR}
    return tuple(sorted(names, key=lambda name: (name != COLOUR_TEXTURE, name)))


def unlike(fusion: Fusion, known: Mapping[str, str]) -> tuple[str, ...]:
    """Return the cues whose model (by its fingerprint) is not the one that the points were fixed with, by name."""
    return tuple(sorted(name for name, print_ in known.items() if fusion.models.get(name, print_) != print_))


def is_behind_another_finder(fusion: Fusion, shelf: Shelf) -> bool:
    """Return whether the points without a network were fixed on the faces of another finder than that on ``shelf``.

    What cues of textures say depends little on it, so such points stay. False where either is not there; AssetError
    when the finder's manifest cannot be read.
    """
    fixed, folder = fusion.models.get(FINDER), shelf.find(FINDER)
    return fixed is not None and folder is not None and fixed != fingerprint(folder)


def fingerprint(folder: Path) -> str:
    """Return the SHA-256 of what a model's numbers depend on: its fp32 file and the tables that give it a meaning.

    Where it came from, its other files and how it is fused are left aside. AssetError when it cannot be read.
    """
    path = folder / MANIFEST
    try:
        tables = tables_of(path.read_text("utf-8"))
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
    further: frozenset[str] = frozenset(),
) -> tuple[ScoredCue, ...]:
    """Return every cue whose sensors are among ``roles`` and which has a trained scorer, by name, but ``without`` some.

    Crop classifiers run as ``choice`` says. A cue without a scorer is off, and so is one whose manifest says so unless
    ``further`` names it. Their kernels are compiled when this returns, so that no face waits for them. Raise AssetError
    for a scorer that is damaged or was trained for other features, and for a network that is not what its manifest
    says; ConfigError for a name in ``further`` of which there is no cue.
    """
    known = dict(all_cues())
    lacking = sorted(name for name in further if name not in known or shelf.find(name) is None)
    if lacking:
        trained = ", ".join(name for name in known if shelf.find(name) is not None)
        raise ConfigError(f"[decision] further_cues: there is no '{lacking[0]}', only {trained}")
    found = []
    for name, cue in known.items():
        folder = shelf.find(name)
        if roles >= cue.NEEDS and folder is not None and name not in without:
            manifest = read_tables(_Manifest, folder / MANIFEST)
            if not manifest.model.off or name in further:
                _compile(cue)
                found.append(_scored(name, cue, manifest, folder))
    crops = shelf.of_kind(Kind.CROP_CLASSIFIER) if roles >= CropCue.NEEDS else {}
    for name in crops.keys() - without:
        crop = _crop(name, crops[name], choice or config.Detector(), threads)
        found += [crop] if crop is not None else []
    return tuple(sorted(found, key=lambda cue: cue.name))


def is_off(folder: Path) -> bool:
    """Return whether the cue in ``folder`` is off unless [decision] further_cues names it; AssetError if damaged."""
    return read_tables(_Manifest, folder / MANIFEST).model.off


def read_scored(name: str, cue: Cue | WeighedCue, folder: Path) -> ScoredCue:
    """Return a cue with the scorer in ``folder``; raise AssetError naming its manifest when it does not fit."""
    return _scored(name, cue, read_tables(_Manifest, folder / MANIFEST), folder)


def _scored(name: str, cue: Cue | WeighedCue, manifest: _Manifest, folder: Path) -> ScoredCue:
    path = folder / MANIFEST
    weighed = isinstance(cue, WeighedCue)
    if weighed != (manifest.model.kind == Kind.WEIGHTS) or weighed != (manifest.model.weights_sha256 is not None):
        raise AssetError(f"{path}: 'kind' or 'weights_sha256' are not those of cue '{name}'; train it again")
    opened = _opened(cue, manifest.model.weights_sha256, folder) if isinstance(cue, WeighedCue) else cue
    if not manifest.scorer.fits(opened.FEATURES):
        expected = ", ".join(opened.FEATURES)
        raise AssetError(f"{path}: its features are not those of cue '{name}' ({expected}); train it again")
    return ScoredCue(name, opened, manifest.scorer, fingerprint(folder))


def _opened(cue: WeighedCue, sha256: str | None, folder: Path) -> Cue:
    try:
        return cue.opened(read_weights(folder, sha256 or ""))
    except ValueError as exc:
        raise AssetError(f"{folder / WEIGHTS}: {exc}; {REMEDY}") from exc


def _compile(cue: Cue | WeighedCue) -> None:
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
    band = Band(frozenset(table.first), table.low_llr, table.high_llr) if table.first else None
    return Point(weights, table.offset, table.threshold_llr, table.rates, band)


def _is_of(point: PointTable, fusion: Fusion, known: Mapping[str, str]) -> bool:
    return all(known.get(name) == fusion.models[name] for name in point.cues)
