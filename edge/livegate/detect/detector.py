"""The detector: one picture in, faces with their class probabilities out, in one forward pass.

After Song, Zhao, Fang, Lin: Discriminative Representation Combinations for Accurate Face Spoofing Detection, Pattern
Recognition 85, 2019: detection and liveness in one network, so that bezels, hands and paper edges count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate import config
from livegate.detect.decode import Decoder
from livegate.detect.manifest import ModelManifest, read_manifest
from livegate.detect.preprocess import fit, normalise, shrink
from livegate.detect.priors import prior_boxes
from livegate.detect.runtime import Runtime, check_runtime, open_runtime
from livegate.errors import AssetError, PadError
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.types import Face

# Probabilities of an 8-bit model are whole 256ths each; three of them miss 1 by no more than this.
SUM_TOLERANCE = 3 / 256


class Detector:
    """A model ready to run. Remembers nothing between pictures but its buffer; one thread at a time may use it."""

    def __init__(
        self,
        manifest: ModelManifest,
        runtime: Runtime,
        name: config.Runtime,
        precision: config.Precision = config.Precision.FP32,
    ) -> None:
        """Take a runtime that holds the manifest's model; AssetError when its outputs do not fit the manifest."""
        self.manifest = manifest
        self.runtime_name = name
        self.precision = precision
        self._runtime = runtime
        size, operating = manifest.input, manifest.decision
        priors = prior_boxes(manifest.prior_layout)
        self._decoder = Decoder(priors, size.width, size.height, operating.confidence, operating.nms_iou)
        self._input = np.zeros((1, 3, size.height, size.width), dtype=np.float32)
        _check_probabilities(check_runtime(runtime, manifest.network)[1], manifest)

    def detect(self, image: NDArray[Any]) -> tuple[Face, ...]:
        """Return the faces in ``image``, surest first, boxes in its pixels.

        ``image`` is (H, W, 3) uint8 in B, G, R order, of any size from 1x1. Raises PadError when it is not, when the
        runtime fails, or when the network's output is not finite.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise PadError(f"detector: expected an (H, W, 3) uint8 picture, found {image.shape} {image.dtype}")
        size = self.manifest.input
        view = fit(image.shape[1], image.shape[0], size.width, size.height)
        normalise(shrink(image, view), size.mean, size.scale, self._input[0])
        offsets, scores = self._runtime.run(self._input)
        return self._decoder.faces(offsets[0], scores[0], view)


def open_detector(choice: config.Detector, threads: int = 1, shelf: Shelf = SHIPPED) -> Detector | None:
    """Open the configured model of ``shelf`` in the configured runtime, or return None when the runtime is ``none``.

    Raises AssetError for a missing, damaged or ill-fitting model, RuntimeMissing for a runtime that is not installed.
    """
    if choice.runtime is config.Runtime.NONE:
        return None
    manifest = read_manifest(shelf.model(choice.model))
    opened = open_runtime(choice.runtime, manifest.network, choice.precision, threads)
    if opened is None:
        return None
    return Detector(manifest, opened.runtime, opened.name, opened.file.precision)


def _check_probabilities(scores: NDArray[np.float32], manifest: ModelManifest) -> None:
    if not np.allclose(scores.sum(axis=-1), 1.0, atol=SUM_TOLERANCE):
        raise AssetError(
            f"{manifest.path}: output '{manifest.output.scores}' holds no probabilities (rows do not sum to 1); export "
            "the model with its softmax"
        )
