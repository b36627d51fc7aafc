"""What judges at a terminal: the network, without one textures, without these nobody; and why it is not the network.

That is chosen once, at the start. A network that fails in the middle of its work is no reason to judge by less from
then on: its attempts fail.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from livegate import assets
from livegate.acceptance.file import ensemble_sha256
from livegate.config import Config, Runtime
from livegate.config import Detector as DetectorChoice
from livegate.cues.protocol import WeighedCue, all_cues
from livegate.detect.detector import Detector
from livegate.errors import AssetError, RuntimeMissing
from livegate.events.environment import ModelInUse
from livegate.installed.description import describe
from livegate.installed.shelf import Shelf
from livegate.judge import Judge
from livegate.scorers import FINDER, read_scored, textures_of
from livegate.types import Role, Step

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Judging:
    """A judge and the model it uses; ``faults`` says, by model, why it judges by less than the configuration asks."""

    judge: Judge
    model: ModelInUse | None
    faults: Mapping[str, str] = field(default_factory=dict)


def open_judge(config: Config, shelf: Shelf) -> Judging:
    """Return what judges by a configuration, with the models on ``shelf``; what is less than a network, the log says.

    A model that is not what its manifest says is never loaded. Where that is a second opinion, the network judges
    without it; where the network cannot run, textures judge; where they cannot either, nothing does, and every verdict
    is a non-response. Raises ConfigError for a configuration that no terminal could judge by.
    """
    faults: dict[str, str] = {}
    judge = _network(config, shelf, faults) or _textures(config, shelf, faults)
    if judge is None:
        found = Judging(Judge.without_faces(_roles(config), config.decision), None, faults)
    else:
        found = Judging(judge, _in_use(judge, shelf), faults)
    _say(found, config)
    return found


def without_network(choice: DetectorChoice) -> DetectorChoice:
    """Return the choice of a detector that runs no network."""
    return replace(choice, runtime=Runtime.NONE)


def serving(best: Step, least: Step) -> str:
    """Return what judges where ``best`` is the best step there is, and what ``least`` step makes of the door."""
    if best is Step.ALL:
        return "the network judges without it"
    if best is Step.NONE:
        return "nothing judges in its place, the door never opens"
    opens = "the door may open" if best.at_least(least) else "the door stays shut"
    return f"textures judge in its place, at step '{best}': {opens}, for [decision] least_step = '{least}'"


def without_folders(text: str, config: Config) -> str:
    """Return what is wrong with a model, named from its own folder on: where that lies is nobody's in an event."""
    for folder in (config.terminal.state_dir, assets.folder("models"), Path(config.detector.model).parent):
        text = text.replace(f"{folder}{os.sep}", "") if folder.is_absolute() else text
    return text


def _network(config: Config, shelf: Shelf, faults: dict[str, str]) -> Judge | None:
    """Open the network's judge; where only second opinions are damaged, without these."""
    if config.detector.runtime is Runtime.NONE:
        return None
    try:
        return _opened(config, config.detector, shelf)
    except (AssetError, RuntimeMissing) as exc:
        fault = str(exc)
    damaged = dict(_damaged_opinions(shelf))
    try:
        if damaged:
            judge = _opened(config, config.detector, shelf, frozenset(damaged))
            faults |= damaged
            return judge
    except (AssetError, RuntimeMissing) as exc:
        fault = str(exc)
    faults[Path(config.detector.model).name] = fault
    return None


def _textures(config: Config, shelf: Shelf, faults: dict[str, str]) -> Judge | None:
    try:
        return _opened(config, without_network(config.detector), shelf)
    except AssetError as exc:
        faults[FINDER] = str(exc)
        return None


def _damaged_opinions(shelf: Shelf) -> Iterator[tuple[str, str]]:
    """Yield the cues of trained weights that cannot be read, and why; beside a network nothing rests on them alone."""
    for name, cue in all_cues():
        folder = shelf.find(name) if isinstance(cue, WeighedCue) else None
        if folder is not None:
            try:
                read_scored(name, cue, folder)
            except AssetError as exc:
                yield name, str(exc)


def _opened(config: Config, choice: DetectorChoice, shelf: Shelf, without: frozenset[str] = frozenset()) -> Judge:
    return Judge.open(choice, config.decision, _roles(config), shelf=shelf, without=without, quality=config.quality)


def _roles(config: Config) -> frozenset[Role]:
    return frozenset(camera.role for camera in config.camera)


def _in_use(judge: Judge, shelf: Shelf) -> ModelInUse:
    threshold, ensemble = judge.boundaries.accept_llr, ensemble_sha256(judge.models)
    if isinstance(judge.detector, Detector):
        model = judge.detector.manifest.model
        return ModelInUse(model.name, model.sha256, threshold, ensemble)
    weighed = judge.weighed
    leading = next(name for name in textures_of(judge.bank.cues) if name in weighed)
    (sha256,) = describe(shelf.model(leading)).files.values()
    return ModelInUse(leading, sha256, threshold, ensemble)


def _say(found: Judging, config: Config) -> None:
    serves = serving(found.judge.best, config.decision.least_step)
    for name, text in found.faults.items():
        log.error("model not usable", extra={"model": name, "error": text, "serves": serves})
    if config.detector.runtime is Runtime.NONE and not found.faults:
        log.warning("no network judges, as configured", extra={"serves": serves})
