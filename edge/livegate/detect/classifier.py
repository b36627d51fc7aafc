"""A crop classifier: one picture and the face found in it in, the probability of every class out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate import config
from livegate.detect.crop_manifest import BONA_FIDE, CropManifest, OutputKind, read_crop_manifest
from livegate.detect.crop_rule import crop
from livegate.detect.manifest import ChannelOrder
from livegate.detect.preprocess import normalise
from livegate.detect.runtime import FORMATS, MISMATCH, Runtime, check_runtime, open_runtime
from livegate.errors import AssetError, PadError
from livegate.types import Box

# Probabilities of an 8-bit model are whole 256ths each; a handful of them miss 1 by no more than this.
_SUM_TOLERANCE = 0.02


class CropClassifier:
    """A model ready to run. Remembers nothing between pictures but its buffer; one thread at a time may use it."""

    def __init__(self, manifest: CropManifest, runtime: Runtime) -> None:
        """Take a runtime that holds the manifest's model; AssetError when its output does not fit the manifest."""
        self.manifest = manifest
        self._runtime = runtime
        self._input = np.zeros((1, 3, manifest.input.height, manifest.input.width), dtype=np.float32)
        (output,) = check_runtime(runtime, manifest.network)
        try:
            found = self._read(output)
        except PadError as exc:
            raise AssetError(f"{manifest.path}: {exc}; {MISMATCH}") from exc
        if abs(float(found.sum()) - 1.0) > _SUM_TOLERANCE:
            raise AssetError(
                f"{manifest.path}: [output] 'kind': '{manifest.output.kind}' sum to {found.sum():.3g}, expected 1; "
                f"write '{OutputKind.LOGITS}' for a model without its softmax"
            )

    def probabilities(self, image: NDArray[Any], box: Box) -> NDArray[np.float64]:
        """Return the probability of each class, (C,) float64, for the face in ``box`` of an (H, W, 3) uint8 BGR image.

        Raises PadError when the picture is none, the runtime fails, or what it gives is no probability.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise PadError(
                f"{self.manifest.model.name}: expected an (H, W, 3) uint8 picture, found {image.shape} {image.dtype}"
            )
        size = self.manifest.input
        cut = crop(image, box, self.manifest.crop, size.width, size.height)
        if size.channel_order is ChannelOrder.RGB:
            cut = np.asarray(cv2.cvtColor(cut, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        normalise(cut, size.mean, size.scale, self._input[0])
        return self._read(self._runtime.run(self._input)[0])

    def _read(self, output: NDArray[np.float32]) -> NDArray[np.float64]:
        name, classes = self.manifest.model.name, len(self.manifest.classes)
        if output.shape != (1, classes):
            raise PadError(f"{name}: expected {classes} numbers, the network gave {output.shape}")
        values = output[0].astype(np.float64)
        if not np.isfinite(values).all():
            raise PadError(f"{name}: the network gave numbers that are not finite")
        if self.manifest.output.kind is OutputKind.LOGITS:
            exponential = np.exp(values - values.max())
            return np.asarray(exponential / exponential.sum(), dtype=np.float64)
        if values.min() < -_SUM_TOLERANCE or values.max() > 1.0 + _SUM_TOLERANCE:
            raise PadError(f"{name}: expected probabilities, the network gave {values.min():.3g} to {values.max():.3g}")
        return np.asarray(np.clip(values, 0.0, 1.0))


def odds_parts(probabilities: NDArray[np.float64], classes: tuple[str, ...]) -> tuple[float, float]:
    """Return the probability of bona fide and that of all attack classes together."""
    bona_fide = classes.index(BONA_FIDE)
    return float(probabilities[bona_fide]), float(probabilities.sum() - probabilities[bona_fide])


def open_classifier(folder: Path, choice: config.Detector, threads: int = 1) -> CropClassifier | None:
    """Open the crop classifier in ``folder``, or return None when the configured runtime is ``none``.

    It runs in the configured runtime and precision where it has a file for them, else in what it has: a user's own
    comes in one file. Raises AssetError for a missing, damaged or ill-fitting model, ConfigError for a runtime that is
    not installed.
    """
    if choice.runtime is config.Runtime.NONE:
        return None
    manifest = read_crop_manifest(folder)
    precision = choice.precision if _lists(manifest, choice.precision) else config.Precision.AUTO
    form = FORMATS.get(choice.runtime)
    runtime = choice.runtime if form and manifest.network.pick(form, precision) else config.Runtime.AUTO
    opened = open_runtime(runtime, manifest.network, precision, threads)
    return None if opened is None else CropClassifier(manifest, opened.runtime)


def _lists(manifest: CropManifest, precision: config.Precision) -> bool:
    return any(file.precision is precision for file in manifest.files)
