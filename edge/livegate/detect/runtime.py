"""What runs a network, and the choice between those installed; each lives in a file of its own under runtimes/."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from livegate import config
from livegate.detect.manifest import ModelFormat, ModelManifest
from livegate.errors import AssetError, ConfigError, PadError

log = logging.getLogger(__name__)

FORMATS = {
    config.Runtime.ONNXRUNTIME: ModelFormat.ONNX,
    config.Runtime.LITERT: ModelFormat.TFLITE,
    config.Runtime.TFLITE_RUNTIME: ModelFormat.TFLITE,
    config.Runtime.OPENCV_DNN: ModelFormat.ONNX,
}
"""Every runtime and the format it runs, in the order ``auto`` tries them."""

# Probabilities of an 8-bit model are whole 256ths each; three of them miss 1 by no more than this.
SUM_TOLERANCE = 3 / 256


class Runtime(Protocol):
    """A loaded network; one thread at a time may call it.

    A file of ``livegate.detect.runtimes`` offers ``open_runtime(model: bytes, manifest, threads: int) -> Runtime``. It
    imports its vendor's package only when called, raises ImportError when that is missing or unfit for this
    environment, and AssetError when the vendor refuses the model.
    """

    def run(self, pictures: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run on a contiguous (1, 3, H, W) float32 input; return offsets (N, 4) and probabilities (N, 3), float32.

        The result may be overwritten by the next call. Raises PadError when the vendor's code fails.
        """


OpenRuntime = Callable[[bytes, ModelManifest, int], Runtime]


def open_runtime(
    choice: config.Runtime, manifest: ModelManifest, threads: int = 1
) -> tuple[config.Runtime, Runtime] | None:
    """Open the model in the chosen runtime and return which one it is, or None for ``none``.

    ``auto`` takes the first installed runtime whose format the manifest lists. Raises ConfigError when the chosen one
    (or, for ``auto``, any) is not installed, AssetError when the model's file is not what the manifest says.
    """
    if choice is config.Runtime.NONE:
        return None
    if choice is not config.Runtime.AUTO:
        return choice, _open_chosen(choice, manifest, threads)
    for candidate, form in FORMATS.items():
        if not manifest.has(form):
            continue
        try:
            return candidate, _open(candidate, manifest, threads)
        except ImportError as exc:
            log.info("runtime not installed", extra={"runtime": str(candidate), "detail": str(exc)})
    names = ", ".join(name for name, form in FORMATS.items() if manifest.has(form))
    raise ConfigError(f"detector: {manifest.path} runs in {names}, and none of them is installed; install onnxruntime")


def _open_chosen(choice: config.Runtime, manifest: ModelManifest, threads: int) -> Runtime:
    try:
        return _open(choice, manifest, threads)
    except ImportError as exc:
        raise ConfigError(
            f"detector: runtime '{choice}' is not usable here ({exc}); install it, or choose 'auto'"
        ) from exc


def _open(choice: config.Runtime, manifest: ModelManifest, threads: int) -> Runtime:
    module = importlib.import_module(f"livegate.detect.runtimes.{choice}")
    open_in = cast(OpenRuntime, module.open_runtime)
    return open_in(manifest.model_bytes(FORMATS[choice]), manifest, threads)


def check_runtime(runtime: Runtime, manifest: ModelManifest, priors: int) -> None:
    """Run the network once on the mean colour; raise AssetError unless its outputs have the manifest's meaning.

    ``priors`` is how many rows both outputs must have; every row of the scores must sum to 1.
    """
    output = manifest.output
    try:
        boxes, scores = runtime.run(np.zeros((1, 3, manifest.input.height, manifest.input.width), np.float32))
    except PadError as exc:
        raise AssetError(
            f"{manifest.path}: the model does not run from input '{manifest.input.name}' to outputs '{output.boxes}' "
            f"and '{output.scores}' ({exc}); manifest and model do not belong together"
        ) from exc
    if boxes.shape != (priors, 4) or scores.shape != (priors, 3):
        raise AssetError(
            f"{manifest.path}: [priors] make {priors} boxes, expected outputs ({priors}, 4) and ({priors}, 3); the "
            f"model gives {boxes.shape} and {scores.shape}; manifest and model do not belong together"
        )
    if not np.allclose(scores.sum(axis=1), 1.0, atol=SUM_TOLERANCE):
        raise AssetError(
            f"{manifest.path}: output '{output.scores}' holds no probabilities (rows do not sum to 1); export "
            "the model with its softmax"
        )
