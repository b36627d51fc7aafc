"""A door driver that writes every movement down before making it, so that what a killed process did can be told.

It is found as an installed driver would be, by an entry point: :func:`install` writes one into a folder for PYTHONPATH.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from livegate.gate.door import DoorState
from livegate_drivers.doors import simulated


@dataclass(frozen=True, slots=True)
class Options:
    """``book`` is the file the movements go to."""

    book: Path


class WitnessedDoor:
    """A simulated door with a book: a line a pulse, of monotonic nanoseconds, which outlives the process."""

    def __init__(self, options: Options) -> None:
        self._book = options.book
        self._door = simulated.open_door(simulated.Options())
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._descriptor = os.open(self._book, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._door.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._door.__exit__(kind, error, trace)
        os.close(self._descriptor)

    def pulse(self, duration_ms: int) -> None:
        os.write(self._descriptor, f"{time.monotonic_ns()}\n".encode())
        self._door.pulse(duration_ms)

    def state(self) -> DoorState:
        return self._door.state()


def open_door(options: Options) -> WitnessedDoor:
    return WitnessedDoor(options)


def install(folder: Path) -> str:
    """Make the driver ``witnessed`` known to processes with the returned PYTHONPATH."""
    package = folder / "witnessed_door-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: witnessed-door\nVersion: 1\n")
    (package / "entry_points.txt").write_text(f"[livegate.doors]\nwitnessed = {__name__}\n")
    return os.pathsep.join((str(folder), str(Path(__file__).parents[1])))


def pulses_ns(book: Path) -> list[int]:
    """Return when the door moved, over all processes that wrote into ``book``."""
    return [int(line) for line in book.read_text().split()] if book.exists() else []
