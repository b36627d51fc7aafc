"""OpenCV's own network module: there wherever Livegate is, slower than the others."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.detect.manifest import ModelManifest
from livegate.detect.runtime import Runtime
from livegate.errors import AssetError, PadError


class OpenCvRuntime:
    """A model in OpenCV; see :class:`livegate.detect.runtime.Runtime`."""

    def __init__(self, net: cv2.dnn.Net, manifest: ModelManifest) -> None:
        self._net = net
        self._input = manifest.input.name
        self._outputs = [manifest.output.boxes, manifest.output.scores]

    def run(self, pictures: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run the network; see the protocol."""
        try:
            self._net.setInput(pictures, self._input)
            boxes, scores = self._net.forward(self._outputs)
        except cv2.error as exc:
            raise PadError(f"detector: OpenCV failed on this picture: {exc.err}") from exc
        return np.asarray(boxes, np.float32).reshape(-1, 4), np.asarray(scores, np.float32).reshape(-1, 3)


def open_runtime(model: bytes, manifest: ModelManifest, threads: int) -> Runtime:
    """Open ``model`` (ONNX); see the protocol. Sets OpenCV's number of threads, of which a process has only one."""
    cv2.setNumThreads(threads)
    try:
        net = cv2.dnn.readNetFromONNX(np.frombuffer(model, dtype=np.uint8))
    except cv2.error as exc:
        raise AssetError(f"{manifest.folder / manifest.model.file}: OpenCV refuses it: {exc.err}") from exc
    return OpenCvRuntime(net, manifest)
