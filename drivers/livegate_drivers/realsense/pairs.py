"""Lit and unlit frames of a projector that lights every other one."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Arrival:
    """A frame as the SDK gave it, its number, when it was captured on our clock, and its dark neighbour if it has one.

    ``number`` counts what a camera gives: where every other frame is dark, pairs.
    """

    frame: Any
    number: int
    captured_ns: int
    unlit: Any = None


class EmitterPairs:
    """Keeps back each stream's dark frames and hands them over with the lit frame that follows."""

    def __init__(self) -> None:
        self._dark: dict[Hashable, Arrival] = {}

    def take(self, stream: Hashable, arrival: Arrival, is_lit: bool) -> Arrival | None:
        """Return a lit frame with the dark one right before it, or None for a dark one."""
        if not is_lit:
            self._dark[stream] = arrival
            return None
        dark = self._dark.pop(stream, None)
        follows = dark is not None and dark.number == arrival.number - 1
        return replace(arrival, number=arrival.number // 2, unlit=dark.frame if dark and follows else None)
