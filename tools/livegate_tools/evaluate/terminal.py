"""Which models the evaluated terminal judges with, from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from livegate.config import DecisionPolicy, Detector, Runtime
from livegate.cues.protocol import all_cues
from livegate.detect.manifest import read_manifest as read_model_manifest
from livegate.detect.network import Kind
from livegate.errors import ConfigError
from livegate.installed.description import describe
from livegate.installed.library import Library
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.judge import Judge
from livegate.scorers import COLOUR_TEXTURE, textures_of, trained_cues
from livegate.types import Role
from livegate_tools.evaluate.predictions import JudgeOpener


@dataclass(frozen=True, slots=True)
class Models:
    """The detector, where models are taken from, and the cues that are left out; ``about`` goes into the report."""

    detector: Detector
    shelf: Shelf
    without: frozenset[str]
    about: Mapping[str, Any]

    @property
    def open_judge(self) -> JudgeOpener:
        """What opens a Judge for a terminal with some sensors."""
        return partial(Judge.open, self.detector, DecisionPolicy(), shelf=self.shelf, without=self.without)


def models_of(arguments: argparse.Namespace) -> Models:
    """Return the models that --model, --runtime, --state-dir and --without name.

    ConfigError names a cue that there is not, AssetError a model that is missing or damaged.
    """
    shelf = installed(arguments.state_dir)
    detector = Detector(arguments.model, arguments.runtime, arguments.precision)
    without = _known(arguments.without or (), shelf)
    about = {
        **_model(detector, shelf, without),
        "runtime": str(detector.runtime),
        "precision": str(detector.precision),
        "installed": sorted(shelf.active),
        "without": sorted(without),
    }
    return Models(detector, shelf, without, about)


def _model(detector: Detector, shelf: Shelf, without: frozenset[str]) -> dict[str, str]:
    """Return what the events of such a terminal name as their model."""
    if detector.runtime is Runtime.NONE:
        cues = trained_cues(frozenset({Role.RGB}), detector, shelf=shelf, without=without)
        texture = describe(shelf.model(next(iter(textures_of(cues)), COLOUR_TEXTURE)))
        (sha256,) = texture.files.values()
        return {"name": texture.name, "version": texture.version, "sha256": sha256}
    model = read_model_manifest(shelf.model(detector.model)).model
    return {"name": model.name, "version": model.version, "sha256": model.sha256}


def installed(state_dir: Path | None) -> Shelf:
    """Return where the models of a terminal are taken from; None: what ships alone.

    ConfigError where the folder is missing or an installed model is damaged: what is measured must be what was asked
    for, so nothing is silently put in its place here.
    """
    if state_dir is None:
        return SHIPPED
    if not state_dir.is_dir():
        raise ConfigError(f"--state-dir {state_dir}: no such folder; name the state_dir of a terminal's configuration")
    shelf = Library.of(state_dir).shelf()
    if shelf.faults:
        raise ConfigError(f"--state-dir {state_dir}: {next(iter(shelf.faults.values()))}")
    return shelf


def _known(names: tuple[str, ...], shelf: Shelf) -> frozenset[str]:
    known = {name for name, _ in all_cues()} | set(shelf.of_kind(Kind.CROP_CLASSIFIER))
    for name in names:
        if name not in known:
            raise ConfigError(f"--without {name}: no such cue; there are {', '.join(sorted(known))}")
    return frozenset(names)
