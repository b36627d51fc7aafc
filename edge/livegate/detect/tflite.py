"""A TensorFlow Lite interpreter as a Runtime, whoever the vendor: axes, names and 8-bit tensors are put right here.

Converters rename tensors and turn the input to (1, H, W, 3), so outputs are told apart by name where the names were
kept, by shape otherwise. An 8-bit tensor q means (q - zero) * scale (Jacob et al., Quantization and Training of
Neural Networks for Efficient Integer-Arithmetic-Only Inference, CVPR 2018, equation 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from livegate.detect.network import Network
from livegate.errors import AssetError, PadError


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output of an interpreter; ``scale`` is 0 for floating-point tensors."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero: int

    @classmethod
    def of(cls, details: dict[str, Any]) -> Self:
        """Take it from an entry of ``get_input_details`` or ``get_output_details``."""
        scale, zero = details["quantization"]
        shape = tuple(int(side) for side in details["shape"])
        return cls(
            int(details["index"]), str(details["name"]), shape, np.dtype(details["dtype"]), float(scale), int(zero)
        )

    def stored(self, values: NDArray[np.float32]) -> NDArray[Any]:
        """Return ``values`` as the tensor holds them, rounded and clipped to its range."""
        if self.dtype.kind == "f":
            return values.astype(self.dtype, copy=False)
        limits = np.iinfo(self.dtype)
        whole = np.rint(values / np.float32(self.scale)) + np.float32(self.zero)
        return np.asarray(whole.clip(limits.min, limits.max), dtype=self.dtype)

    def values(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Return what the ``stored`` numbers mean."""
        if self.dtype.kind == "f":
            return stored.astype(np.float32, copy=False)
        return (stored.astype(np.float32) - np.float32(self.zero)) * np.float32(self.scale)


class TfliteRuntime:
    """A model in a TensorFlow Lite interpreter; see :class:`livegate.detect.runtime.Runtime`."""

    def __init__(self, interpreter: Any, picture: Tensor, outputs: tuple[Tensor, ...]) -> None:
        self._interpreter = interpreter
        self._picture = picture
        self._outputs = outputs
        self._channels_last = picture.shape[-1] == 3

    @classmethod
    def opened(cls, interpreter: Callable[..., Any], model: bytes, file: Path, network: Network, threads: int) -> Self:
        """Open ``model`` with the vendor's Interpreter class; AssetError when it is refused or has other tensors."""
        try:
            opened = interpreter(model_content=model, num_threads=threads)
            opened.allocate_tensors()
        except (ValueError, RuntimeError) as exc:
            raise AssetError(f"{file}: TensorFlow Lite refuses it: {exc}") from exc
        inputs = [Tensor.of(entry) for entry in opened.get_input_details()]
        _, _, height, width = network.shape
        known = ((1, height, width, 3), network.shape)
        if len(inputs) != 1 or inputs[0].shape not in known:
            raise AssetError(
                f"{file}: expected one input {known[0]} or {known[1]}, found {[tensor.shape for tensor in inputs]}"
            )
        return cls(opened, inputs[0], _matched([Tensor.of(e) for e in opened.get_output_details()], file, network))

    def run(self, pictures: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Run the network; see the protocol."""
        turned = np.ascontiguousarray(pictures.transpose(0, 2, 3, 1)) if self._channels_last else pictures
        try:
            self._interpreter.set_tensor(self._picture.index, self._picture.stored(turned))
            self._interpreter.invoke()
            return tuple(output.values(self._interpreter.get_tensor(output.index)) for output in self._outputs)
        except (ValueError, RuntimeError) as exc:
            raise PadError(f"network: TensorFlow Lite failed on this picture: {exc}") from exc


def _matched(found: list[Tensor], file: Path, network: Network) -> tuple[Tensor, ...]:
    """Return the tensors that are the network's outputs, in its order."""
    matched = []
    for wanted in network.outputs:
        alike = [tensor for tensor in found if tensor.shape == wanted.shape]
        named = [tensor for tensor in alike if tensor.name == wanted.name]
        if len(named or alike) != 1:
            raise AssetError(
                f"{file}: expected one output '{wanted.name}' {wanted.shape}, found "
                f"{', '.join(f'{tensor.name} {tensor.shape}' for tensor in found)}"
            )
        matched += named or alike
    return tuple(matched)
