"""Compile the kernels for this processor and keep them, and run every active model once, so its files lie in memory."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import livegate.kernels
from livegate import config
from livegate.detect.classifier import open_classifier
from livegate.detect.detector import open_detector
from livegate.detect.network import Kind
from livegate.errors import AssetError, PadError, RuntimeMissing
from livegate.installed.kernel_models import FACE, KERNELS, PICTURE, ready
from livegate.installed.shelf import Shelf
from livegate.kernels.compiled import kernels_of
from livegate.machine_code.machine import first_digest
from livegate.machine_code.store import SourceChanged, State, find, folder_of, keep
from livegate.machine_code.trust import NotTrusted

_AGAIN = 5


@dataclass(frozen=True, slots=True)
class Warmed:
    """A model that ran: how long opening it with its first run took, and the quickest of some more runs."""

    name: str
    runtime: str
    first_ms: float
    ms: float


@dataclass(frozen=True, slots=True)
class Compiled:
    """A module of kernels: how its machine code was found, and why it could not be kept, None where it is whole now."""

    name: str
    was: State
    fault: str | None = None


@dataclass
class Warming:
    """What ran, and what did not and why, by name."""

    warmed: list[Warmed] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)

    def run(self, name: str, models: Iterator[Warmed]) -> None:
        """Take what ``models`` gives; where that fails, it is the fault of ``name``."""
        try:
            self.warmed.extend(models)
        except (AssetError, RuntimeMissing, PadError) as exc:
            self.faults[name] = str(exc)


def warm(choice: config.Detector, shelf: Shelf) -> Warming:
    """Open and run the networks of ``shelf``, and what judges where they cannot or the runtime is ``none``.

    Raises ConfigError for a choice that no terminal could run.
    """
    found = Warming()
    found.run(Path(choice.model).name, _networks(choice, shelf))
    for kind in (Kind.FACE_CASCADE, Kind.WEIGHTS):
        for name, folder in shelf.of_kind(kind).items():
            found.run(name, _by_kernels(name, kind, folder))
    return found


def _networks(choice: config.Detector, shelf: Shelf) -> Iterator[Warmed]:
    began_s = time.perf_counter()
    detector = open_detector(choice, shelf=shelf)
    if detector is None:
        return
    run: Callable[[], object] = partial(detector.detect, PICTURE)
    yield _warmed(detector.manifest.model.name, detector.runtime_name, began_s, run)
    for name, folder in shelf.of_kind(Kind.CROP_CLASSIFIER).items():
        began_s = time.perf_counter()
        classifier = open_classifier(folder, choice)
        if classifier is not None:
            run = partial(classifier.probabilities, PICTURE, FACE)
            yield _warmed(name, detector.runtime_name, began_s, run)


def _by_kernels(name: str, kind: Kind, folder: Path) -> Iterator[Warmed]:
    began_s = time.perf_counter()
    run = ready(name, kind, folder)
    if run is not None:
        yield _warmed(name, KERNELS, began_s, run)


def kernel_sources() -> dict[str, Path]:
    """Return the source of every module of kernels, by its name, sorted."""
    folder = Path(livegate.kernels.__path__[0])
    return {path.stem: path for path in sorted(folder.glob("*.py")) if path.stem not in ("__init__", "compiled")}


def kept_in() -> Path:
    """Return the folder of the kernels' machine code: its owner may write it, and the terminal's user may read it."""
    return folder_of(Path(livegate.kernels.__path__[0], "compiled.py"))


def compile_kernels() -> tuple[Compiled, ...]:
    """Make every module's machine code for this processor anew where it is not whole, and keep it beside its source."""
    sources = kernel_sources()
    for source in sources.values():
        # Before any of them is imported: what changes while this runs is not kept.
        first_digest(source)
    return tuple(_compiled(name, source) for name, source in sources.items())


def _compiled(name: str, source: Path) -> Compiled:
    before = find(source)
    if before.state is State.WHOLE:
        return Compiled(name, before.state)
    # Numba, which nothing else here needs.
    from livegate.machine_code.building import NotKept, build

    module = importlib.import_module(f"livegate.kernels.{name}")
    try:
        kernels = kernels_of(module).items()
        keep(source, [entry for kernel, made in kernels for entry in build(kernel, made.dispatcher)])
    except (OSError, NotKept, NotTrusted, SourceChanged) as exc:
        return Compiled(name, before.state, str(exc))
    after = find(source)
    return Compiled(name, before.state, after.why or None)


def _warmed(name: str, runtime: str, began_s: float, run: Callable[[], object]) -> Warmed:
    run()
    times_s = [time.perf_counter() - began_s]
    for _ in range(_AGAIN):
        again_s = time.perf_counter()
        run()
        times_s.append(time.perf_counter() - again_s)
    return Warmed(name, runtime, round(times_s[0] * 1e3, 3), round(min(times_s) * 1e3, 3))
