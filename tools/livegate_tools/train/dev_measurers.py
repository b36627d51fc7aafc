"""Open what measures dev captures: what finds faces on one of the two ways, and every cue that can be asked there.

What was measured depends on models and on code; :class:`Equipment` names both by hashes, for each cue its own.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

import livegate
from livegate import config
from livegate.cues import detector as detector_cue
from livegate.cues.crop import CropCue
from livegate.cues.protocol import Cue, WeighedCue, all_cues
from livegate.detect.classifier import open_classifier
from livegate.detect.detector import open_detector
from livegate.detect.network import Kind
from livegate.errors import AssetError
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.judge import FaceDetector
from livegate.quality_manifest import open_quality
from livegate.samples.measuring import Measurer
from livegate.scorers import DETECTOR, fingerprint, is_off, read_scored
from livegate.weights import WEIGHTS

FACE, FINDER, QUALITY = "face", "finder", "quality"
# Where the code lies whose lines a cue's numbers depend on, and what of it only names types or compiles.
_CODE = Path(livegate.__path__[0])
_NUMBERS = ("livegate.cues.", "livegate.kernels.", "livegate.texture.")
_FRAMES = frozenset({"livegate.cues.protocol", "livegate.cues.scorer", "livegate.kernels.compiled"})


class Way(StrEnum):
    """How a terminal judges: by the face network, or by texture where none runs."""

    NETWORK = "network"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True)
class Equipment:
    """What measures on one way, with hashes of what its numbers depend on.

    ``found_key`` is of what finds faces and of the quality gate, ``cue_keys`` of each cue.
    """

    way: Way
    shelf: Shelf
    measurer: Measurer
    found_key: str
    cue_keys: Mapping[str, str]


def open_equipment(way: Way = Way.NETWORK, shelf: Shelf = SHIPPED) -> Equipment:
    """Return what measures on ``way`` with the models of ``shelf``, crop classifiers without a scorer too.

    On the fallback there is neither the detector's own cue nor a crop classifier. AssetError where a model is damaged
    or what finds faces is missing.
    """
    cues = _network_cues(shelf) if way is Way.NETWORK else {}
    folders = {name: folder for name, _ in all_cues() if name != DETECTOR and (folder := shelf.find(name))}
    modules = dict(all_cues())
    trained = {name: read_scored(name, modules[name], folder).cue for name, folder in folders.items()}
    several = frozenset(name for name in trained if not isinstance(modules[name], WeighedCue))
    gate = shelf.find(QUALITY)
    finds = FACE if way is Way.NETWORK else FINDER
    found = [way, fingerprint(shelf.model(finds)), None if gate is None else fingerprint(gate)]
    quality = open_quality(config.QualityConfig(), shelf)
    measurer = Measurer(_finds_faces(way, shelf), quality, cues | trained, several)
    keys = {name: _cue_key(name, cue, shelf) for name, cue in measurer.cues.items()}
    return Equipment(way, shelf, measurer, _hash(found), keys)


def second_opinions(shelf: Shelf = SHIPPED) -> frozenset[str]:
    """Return the cues that are asked only where others leave a case undecided: those made of trained weights."""
    return frozenset(name for name, cue in all_cues() if isinstance(cue, WeighedCue) and shelf.find(name) is not None)


def off_cues(shelf: Shelf = SHIPPED) -> frozenset[str]:
    """Return the cues that are off unless a configuration names them."""
    return frozenset(name for name, _ in all_cues() if (folder := shelf.find(name)) is not None and is_off(folder))


def _finds_faces(way: Way, shelf: Shelf) -> FaceDetector:
    if way is Way.FALLBACK:
        from livegate.detect.finder import open_finder

        return open_finder(shelf)
    detector = open_detector(config.Detector(), shelf=shelf)
    if detector is None:
        raise AssetError("train: the shipped detector does not run here; install onnxruntime")
    return detector


def _network_cues(shelf: Shelf) -> dict[str, Cue]:
    cues: dict[str, Cue] = {DETECTOR: cast(Cue, detector_cue)}
    for name, folder in shelf.of_kind(Kind.CROP_CLASSIFIER).items():
        classifier = open_classifier(folder, config.Detector())
        if classifier is not None:
            cues[name] = CropCue(classifier)
    return cues


def _cue_key(name: str, cue: Cue, shelf: Shelf) -> str:
    """Return a hash of a cue's own code, of all it calls, and of what it was trained to."""
    if isinstance(cue, CropCue):
        m = cue.classifier.manifest
        return _hash([m.model.sha256, *(dataclasses.asdict(table) for table in (m.input, m.crop, m.output))])
    module = f"livegate.cues.{name}"
    kernels = [f"livegate.kernels.{kernel}" for kernel in getattr(cue, "KERNELS", ())]
    code: dict[str, str] = {}
    for start in (module, *kernels):
        _follow(start, code)
    folder = shelf.find(name)
    weights = None if folder is None else folder / WEIGHTS
    trained = hashlib.sha256(weights.read_bytes()).hexdigest() if weights is not None and weights.is_file() else ""
    return _hash([sorted(code.items()), trained])


def _follow(module: str, code: dict[str, str]) -> None:
    """Gather the source of ``module`` and of what it imports, however deep, where numbers may come of it."""
    if module in code or module in _FRAMES or not module.startswith(_NUMBERS):
        return
    path = _CODE.joinpath(*module.split(".")[1:]).with_suffix(".py")
    if not path.is_file():
        return
    code[module] = path.read_text("utf-8")
    for name in _imported(ast.parse(code[module])):
        _follow(name, code)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _hash(parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:32]
