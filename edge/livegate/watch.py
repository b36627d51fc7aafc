"""Watching states: a door and sensors change on their own, and each change that lasts is reported once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Change(Generic[State]):
    """``name`` went from ``before`` (None when it was not known) to ``after``."""

    name: str
    before: State | None
    after: State


class Watch(Generic[State]):
    """Compares states with those last reported; a change must last ``hold_ns`` before it counts."""

    def __init__(self, hold_ns: int = 0) -> None:
        self._hold_ns = hold_ns
        self._reported: dict[str, State] = {}
        self._since: dict[str, tuple[State, int]] = {}

    def changes(self, states: Mapping[str, State], now_ns: int) -> tuple[Change[State], ...]:
        """Return the changes that have lasted long enough and were not yet marked as reported."""
        found = []
        for name, state in states.items():
            held, since_ns = self._since.get(name, (None, now_ns))
            if held != state:
                since_ns = now_ns
                self._since[name] = (state, now_ns)
            if self._reported.get(name) != state and now_ns - since_ns >= self._hold_ns:
                found.append(Change(name, self._reported.get(name), state))
        return tuple(found)

    def mark(self, change: Change[State]) -> None:
        """Remember that ``change`` was reported. Until then it is returned again."""
        self._reported[change.name] = change.after
