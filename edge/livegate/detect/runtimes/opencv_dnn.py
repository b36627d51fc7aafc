"""OpenCV's own network module: there wherever Livegate is, slower than the others."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.detect.network import Network
from livegate.detect.runtime import Runtime
from livegate.errors import AssetError, PadError


class OpenCvRuntime:
    """A model in OpenCV; see :class:`livegate.detect.runtime.Runtime`."""

    def __init__(self, net: cv2.dnn.Net, network: Network) -> None:
        self._net = net
        self._input = network.input
        self._outputs = [output.name for output in network.outputs]

    def run(self, pictures: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Run the network; see the protocol."""
        try:
            self._net.setInput(pictures, self._input)
            found = self._net.forward(self._outputs)
        except cv2.error as exc:
            raise PadError(f"network: OpenCV failed on this picture: {exc.err}") from exc
        return tuple(np.asarray(output, np.float32) for output in found)


def open_runtime(model: bytes, file: Path, network: Network, threads: int) -> Runtime:
    """Open ``model`` (ONNX); see the protocol. Sets OpenCV's number of threads, of which a process has only one."""
    cv2.setNumThreads(threads)
    try:
        net = cv2.dnn.readNetFromONNX(np.frombuffer(model, dtype=np.uint8))
    except cv2.error as exc:
        raise AssetError(f"{file}: OpenCV refuses it: {exc.err}") from exc
    return OpenCvRuntime(net, network)
