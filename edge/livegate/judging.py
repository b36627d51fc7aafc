"""What judges at a terminal: the network, without one textures, without these nobody; and why it is not the network.

That is chosen once, at the start. A network that fails in the middle of its work is no reason to judge by less from
then on: its attempts fail.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from livegate import assets
from livegate.acceptance.file import ensemble_sha256
from livegate.config import Config, Runtime
from livegate.config import Detector as DetectorChoice
from livegate.detect.detector import Detector
from livegate.errors import AssetError, RuntimeMissing
from livegate.events.environment import ModelInUse
from livegate.installed.description import describe
from livegate.installed.shelf import Shelf
from livegate.judge import Judge
from livegate.scorers import COLOUR_TEXTURE
from livegate.types import Step

FINDER = "finder"
"""The name of the model that finds faces where no network does."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Judging:
    """A judge and the model it uses; ``faults`` says, by model, why it judges by less than the configuration asks."""

    judge: Judge
    model: ModelInUse | None
    faults: Mapping[str, str] = field(default_factory=dict)


def open_judge(config: Config, shelf: Shelf) -> Judging:
    """Return what judges by a configuration, with the models on ``shelf``; what is less than a network, the log says.

    A model that is not what its manifest says is never loaded. Where the network cannot run, textures judge; where they
    cannot either, nothing does, and every verdict is a non-response. Raises ConfigError for a configuration that no
    terminal could judge by.
    """
    roles = frozenset(camera.role for camera in config.camera)
    faults: dict[str, str] = {}
    for choice in _choices(config):
        try:
            judge = Judge.open(choice, config.decision, roles, shelf=shelf, quality=config.quality)
        except (AssetError, RuntimeMissing) as exc:
            faults[FINDER if choice.runtime is Runtime.NONE else Path(choice.model).name] = str(exc)
            continue
        found = Judging(judge, _in_use(judge, shelf), faults)
        break
    else:
        found = Judging(Judge.without_faces(roles, config.decision), None, faults)
    _say(found, config)
    return found


def without_network(choice: DetectorChoice) -> DetectorChoice:
    """Return the choice of a detector that runs no network."""
    return replace(choice, runtime=Runtime.NONE)


def serving(best: Step, least: Step) -> str:
    """Return what judges where ``best`` is the best step there is, and what ``least`` step makes of the door."""
    if best is Step.NONE:
        return "nothing judges in its place, the door never opens"
    opens = "the door may open" if best.at_least(least) else "the door stays shut"
    return f"textures judge in its place, at step '{best}': {opens}, for [decision] least_step = '{least}'"


def without_folders(text: str, config: Config) -> str:
    """Return what is wrong with a model, named from its own folder on: where that lies is nobody's in an event."""
    for folder in (config.terminal.state_dir, assets.folder("models"), Path(config.detector.model).parent):
        text = text.replace(f"{folder}{os.sep}", "") if folder.is_absolute() else text
    return text


def _choices(config: Config) -> tuple[DetectorChoice, ...]:
    return tuple(dict.fromkeys((config.detector, without_network(config.detector))))


def _in_use(judge: Judge, shelf: Shelf) -> ModelInUse:
    threshold, ensemble = judge.boundaries.accept_llr, ensemble_sha256(judge.models)
    if isinstance(judge.detector, Detector):
        model = judge.detector.manifest.model
        return ModelInUse(model.name, model.sha256, threshold, ensemble)
    (sha256,) = describe(shelf.model(COLOUR_TEXTURE)).files.values()
    return ModelInUse(COLOUR_TEXTURE, sha256, threshold, ensemble)


def _say(found: Judging, config: Config) -> None:
    serves = serving(found.judge.best, config.decision.least_step)
    for name, text in found.faults.items():
        log.error("model not usable", extra={"model": name, "error": text, "serves": serves})
    if config.detector.runtime is Runtime.NONE and not found.faults:
        log.warning("no network judges, as configured", extra={"serves": serves})
