"""Run every active model once, so that its files lie in memory and what is compiled at first use is compiled."""

from __future__ import annotations

import importlib
import pkgutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

import livegate.kernels
from livegate import config
from livegate.detect.classifier import open_classifier
from livegate.detect.detector import open_detector
from livegate.detect.network import Kind
from livegate.installed.shelf import Shelf
from livegate.types import Box

_AGAIN = 5


@dataclass(frozen=True, slots=True)
class Warmed:
    """A network that ran: how long opening it with its first run took, and the quickest of some more runs."""

    name: str
    runtime: str
    first_ms: float
    ms: float


def warm(choice: config.Detector, shelf: Shelf) -> tuple[Warmed, ...]:
    """Open and run the detector and every crop classifier of ``shelf``; empty where the runtime is ``none``.

    Raises AssetError for one that does not run, ConfigError for a runtime that is not installed.
    """
    picture = np.full((480, 640, 3), 128, np.uint8)
    box = Box(240.0, 160.0, 160.0, 200.0)
    began_s = time.perf_counter()
    detector = open_detector(choice, shelf=shelf)
    if detector is None:
        return ()
    found = [_warmed(detector.manifest.model.name, detector.runtime_name, began_s, partial(detector.detect, picture))]
    for name, folder in shelf.of_kind(Kind.CROP_CLASSIFIER).items():
        began_s = time.perf_counter()
        classifier = open_classifier(folder, choice)
        if classifier is not None:
            run = partial(classifier.probabilities, picture, box)
            found.append(_warmed(name, detector.runtime_name, began_s, run))
    return tuple(found)


def compile_kernels() -> tuple[str, ...]:
    """Compile every kernel for this processor and return the names of their modules.

    They are kept where the package lies, if that can be written: a terminal that may not write there loads them.
    """
    found = (module.name for module in pkgutil.iter_modules(livegate.kernels.__path__))
    names = sorted(name for name in found if name != "compiled")
    for name in names:
        importlib.import_module(f"livegate.kernels.{name}")
    return tuple(names)


def _warmed(name: str, runtime: str, began_s: float, run: Callable[[], object]) -> Warmed:
    run()
    times_s = [time.perf_counter() - began_s]
    for _ in range(_AGAIN):
        again_s = time.perf_counter()
        run()
        times_s.append(time.perf_counter() - again_s)
    return Warmed(name, runtime, round(times_s[0] * 1e3, 3), round(min(times_s) * 1e3, 3))
