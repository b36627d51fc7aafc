"""What the terminal judges with: the detector, the cues, what is installed and what of it is damaged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from livegate.checks.finding import Finding, tried
from livegate.config import Config, Runtime
from livegate.cues.bank import ScoredCue
from livegate.detect.detector import open_detector
from livegate.detect.manifest import read_manifest
from livegate.detect.network import MANIFEST
from livegate.errors import AssetError, LivegateError
from livegate.installed.counting import not_now
from livegate.installed.description import describe
from livegate.installed.library import Library
from livegate.installed.shelf import Shelf
from livegate.judge import Judge
from livegate.judging import serving, without_network
from livegate.quality_manifest import open_quality
from livegate.scorers import (
    DETECTOR,
    FUSION,
    Fusion,
    alone,
    detector_as_cue,
    is_behind_another_finder,
    points_of,
    read_fusion,
    trained_cues,
    unlike,
)
from livegate.types import Step


def model_findings(config: Config) -> Iterator[Finding]:
    """Yield what the checks find of the models; every one that judges is loaded and run once."""
    shelf = Library.of(config.terminal.state_dir).shelf()
    judging: list[ScoredCue] = []
    network = tried("model", lambda: _model(config, shelf, judging))
    textures = tried("without a network", lambda: _textures(config, shelf))
    yield network if network.ok else _in_its_place(network, config, textures)
    yield textures
    yield tried("cues", lambda: _cues(config, shelf, judging, networks=network.ok is True))
    yield from _fusion(config, shelf, judging)
    yield tried("quality gate", lambda: _quality(config, shelf))
    for folder in shelf.active.values():
        model = describe(folder)
        yield Finding("installed models", ok=True, text=f"{model.name} {model.version} ({model.kind}) is active")
    for text in shelf.faults.values():
        yield Finding("installed models", ok=False, text=text)


def _model(config: Config, shelf: Shelf, judging: list[ScoredCue]) -> str:
    detector = open_detector(config.detector, shelf=shelf)
    if detector is None:
        raise LivegateError(f"[detector] runtime = '{Runtime.NONE}': no network judges")
    judging.append(detector_as_cue(detector.manifest))
    identity = detector.manifest.model
    runs = f"runs on {detector.runtime_name} in {detector.precision}"
    return f"{identity.name} {identity.version}, hash as in its manifest, {runs}"


def _textures(config: Config, shelf: Shelf) -> str:
    """Open what finds faces and judges them where no network does, and run the finder once."""
    chosen, roles = without_network(config.detector), frozenset(camera.role for camera in config.camera)
    judge = Judge.open(chosen, config.decision, roles, shelf=shelf, quality=config.quality)
    if judge.detector is not None:
        judge.detector.detect(np.zeros((480, 640, 3), np.uint8))
    cues = ", ".join(cue.name for cue in judge.bank.cues)
    return f"the finder finds faces, judged by {cues}"


def _in_its_place(network: Finding, config: Config, textures: Finding) -> Finding:
    """Say what judges in the network's place; where nobody wished for one and the door may open, that is no fault."""
    best = Step.TEXTURE if textures.ok else Step.NONE
    opens = best is Step.TEXTURE and best.at_least(config.decision.least_step)
    wished = config.detector.runtime is Runtime.NONE
    text = f"{network.text}; {serving(best, config.decision.least_step)}"
    return Finding(network.check, None if wished and opens else False, text)


def _cues(config: Config, shelf: Shelf, judging: list[ScoredCue], *, networks: bool) -> str:
    roles = frozenset(camera.role for camera in config.camera)
    chosen = config.detector if networks else without_network(config.detector)
    cues = trained_cues(roles, chosen, shelf=shelf, further=frozenset(config.decision.further_cues))
    judging += cues
    return ", ".join(cue.name for cue in judging)


def _quality(config: Config, shelf: Shelf) -> str:
    if open_quality(config.quality, shelf) is None:
        return "off: [quality] enabled = false"
    return "pictures too poor to be judged are no evidence"


def _fusion(config: Config, shelf: Shelf, judging: list[ScoredCue]) -> Iterator[Finding]:
    """Warn of operating points that were fixed with other models, and of cues that nothing weighs."""
    folder = shelf.find(FUSION)
    if folder is None:
        return
    try:
        fusion = read_fusion(folder / MANIFEST)
        texts = [*_of_others(fusion, shelf, judging), *_uncounted(fusion, config, shelf, judging)]
    except AssetError as exc:
        yield Finding("fusion", ok=False, text=str(exc))
        return
    for text in texts:
        yield Finding("fusion", None, f"{folder}: {text}")


def _of_others(fusion: Fusion, shelf: Shelf, judging: list[ScoredCue]) -> Iterator[str]:
    others = unlike(fusion, _fingerprints(judging))
    if others:
        yield (
            f"its operating points were fixed with another model of {', '.join(others)}; what cues say that no point "
            "is left for does not count, until `livegate train fusion` fixes new ones"
        )
    if is_behind_another_finder(fusion, shelf):
        yield (
            "its operating points without a network were fixed on the faces of another finder; they stay in use, and "
            "`livegate train fusion` fixes new ones"
        )


def _uncounted(fusion: Fusion, config: Config, shelf: Shelf, judging: list[ScoredCue]) -> Iterator[str]:
    """Yield which cues of the terminal no point weighs, and which of the user's own count beside others only."""
    known, own = _fingerprints(judging), {cue.name: cue.own for cue in judging if cue.own is not None}
    lone = alone(read_manifest(shelf.model(config.detector.model))) if DETECTOR in known else None
    points = points_of(fusion, known, own, lone)
    idle = sorted(points.unweighed())
    if idle:
        yield (
            f"no operating point weighs {', '.join(idle)} beside the other cues of this terminal: what they say does "
            "not count, until `livegate train fusion` fixes one"
        )
    for name, point in sorted(own.items()):
        text = not_now(point.cues, points.together(points.available))
        if text is not None:
            yield f"'{name}' {text}"


def _fingerprints(judging: list[ScoredCue]) -> dict[str, str]:
    return {cue.name: cue.fingerprint for cue in judging if cue.own is None}
