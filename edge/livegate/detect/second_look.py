"""The second look: a small network of our own that says of one window whether it shows a face, and where exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.detect.grey_stack import GreyStack
from livegate.kernels.small_network import combine, convolve_halving, look
from livegate.kernels.tree_shape import LOOK
from livegate.types import Box


class SecondLook:
    """A network ready to run; one thread at a time may use it."""

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Take weights that were checked: see ``livegate.detect.finder_manifest``."""
        self._layers = [(weights[f"kernel_{i}"], weights[f"bias_{i}"]) for i in (1, 2, 3)]
        self._hidden, self._answer = ((weights[f"matrix_{i}"], weights[f"offset_{i}"]) for i in (1, 2))
        self._maps = [np.zeros((LOOK, LOOK, 1), np.float32)]
        for kernel, _ in self._layers:
            size = (self._maps[-1].shape[0] + 1) // 2
            self._maps.append(np.zeros((size, size, kernel.shape[3]), np.float32))
        self._square = np.zeros(3, np.float32)
        self._inner = np.zeros(self._hidden[1].size, np.float32)
        self._outer = np.zeros(self._answer[1].size, np.float32)

    def of(self, stack: GreyStack, window: Box) -> NDArray[np.float32]:
        """Return what the network says of ``window``, in pixels of the first level of ``stack``, until asked again.

        (5,): the logarithm of the odds that it shows a face, and the offsets of ``livegate.detect.windows.face_of``.
        All are minus infinity where the weights are such that one of them overflows: that is no face, nor a place.
        """
        level = stack.level_for(window.w / LOOK)
        self._square[:] = window.x, window.y, window.w
        self._square /= stack.scales[level]
        look(stack.stack, stack.levels[level], self._square, self._maps[0])
        for (kernel, bias), before, after in zip(self._layers, self._maps[:-1], self._maps[1:], strict=True):
            convolve_halving(before, kernel, bias, after)
        combine(self._maps[-1].reshape(-1), *self._hidden, True, self._inner)
        combine(self._inner, *self._answer, False, self._outer)
        if not np.isfinite(self._outer).all():
            self._outer.fill(-np.inf)
        return self._outer
