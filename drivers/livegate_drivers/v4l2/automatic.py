"""What a camera's own control makes of its exposure time, as far as the camera tells."""

from __future__ import annotations

from livegate_drivers.v4l2.controls import Control, get_value
from livegate_drivers.v4l2.node import Node

# A question over the USB takes about as long as a small picture does.
ASK_EVERY_NS = 500_000_000


class Automatic:
    """Asks now and then. Some cameras answer with their default for ever: only answers that change are believed."""

    def __init__(self, node: Node, control: Control) -> None:
        self._node = node
        self._control = control
        self._first: int | None = None
        self._latest: int | None = None
        self._believed = False
        self._asked_ns: int | None = None

    def value(self, now_ns: int) -> int | None:
        """Return the control's value of the last half second, None where it is not told."""
        if self._asked_ns is None or now_ns - self._asked_ns >= ASK_EVERY_NS:
            self._asked_ns = now_ns
            self._ask()
        return self._latest if self._believed else None

    def _ask(self) -> None:
        try:
            self._latest = get_value(self._node, self._control)
        except OSError:
            # A device that is gone says so when it is read.
            self._latest = None
            return
        self._first = self._latest if self._first is None else self._first
        self._believed = self._believed or self._latest != self._first
