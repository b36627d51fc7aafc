"""What the terminal judges with: the detector, the cues, what is installed and what of it is damaged."""

from __future__ import annotations

from collections.abc import Iterator

from livegate.checks.finding import Finding, tried
from livegate.config import Config, Runtime
from livegate.cues.bank import ScoredCue
from livegate.detect.detector import open_detector
from livegate.detect.network import MANIFEST
from livegate.errors import AssetError, LivegateError
from livegate.installed.description import describe
from livegate.installed.library import Library
from livegate.installed.shelf import Shelf
from livegate.quality_manifest import open_quality
from livegate.scorers import DETECTOR, FUSION, detector_as_cue, read_fusion, trained_cues, unlike


def model_findings(config: Config) -> Iterator[Finding]:
    """Yield what the checks find of the models; every one that judges is loaded and run once."""
    shelf = Library.of(config.terminal.state_dir).shelf()
    judging: list[ScoredCue] = []
    yield tried("model", lambda: _model(config, shelf, judging))
    yield tried("cues", lambda: _cues(config, shelf, judging))
    yield from _fusion(shelf, judging)
    yield tried("quality gate", lambda: _quality(config, shelf))
    for folder in shelf.active.values():
        model = describe(folder)
        yield Finding("installed models", ok=True, text=f"{model.name} {model.version} ({model.kind}) is active")
    for text in shelf.faults.values():
        yield Finding("installed models", ok=False, text=text)


def _model(config: Config, shelf: Shelf, judging: list[ScoredCue]) -> str:
    detector = open_detector(config.detector, shelf=shelf)
    if detector is None:
        raise LivegateError(f"[detector] runtime = '{Runtime.NONE}': nothing judges, the door never opens")
    judging.append(detector_as_cue(detector.manifest))
    identity = detector.manifest.model
    runs = f"runs on {detector.runtime_name} in {detector.precision}"
    return f"{identity.name} {identity.version}, hash as in its manifest, {runs}"


def _cues(config: Config, shelf: Shelf, judging: list[ScoredCue]) -> str:
    roles = frozenset(camera.role for camera in config.camera)
    cues = trained_cues(roles, config.detector, shelf=shelf)
    judging += cues
    return ", ".join([DETECTOR, *(cue.name for cue in cues)])


def _quality(config: Config, shelf: Shelf) -> str:
    if open_quality(config.quality, shelf) is None:
        return "off: [quality] enabled = false"
    return "pictures too poor to be judged are no evidence"


def _fusion(shelf: Shelf, judging: list[ScoredCue]) -> Iterator[Finding]:
    """Warn of operating points that were fixed with other models: what no point is left for does not count."""
    folder = shelf.find(FUSION)
    if folder is None:
        return
    try:
        fingerprints = {cue.name: cue.fingerprint for cue in judging if cue.own is None}
        others = unlike(read_fusion(folder / MANIFEST), fingerprints)
    except AssetError as exc:
        yield Finding("fusion", ok=False, text=str(exc))
        return
    if others:
        text = (
            f"{folder}: its operating points were fixed with another model of {', '.join(others)}; what "
            "cues say that no point is left for does not count, until `livegate train fusion` fixes new ones"
        )
        yield Finding("fusion", None, text)
