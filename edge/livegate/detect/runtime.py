"""What runs a network, and the choice between those installed; each lives in a file of its own under runtimes/."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from livegate import config
from livegate.detect.network import KEYS, ModelFile, ModelFormat, Network
from livegate.errors import AssetError, ConfigError, PadError, RuntimeMissing

MISMATCH = "manifest and model do not belong together"

log = logging.getLogger(__name__)

FORMATS = {
    config.Runtime.ONNXRUNTIME: ModelFormat.ONNX,
    config.Runtime.LITERT: ModelFormat.TFLITE,
    config.Runtime.TFLITE_RUNTIME: ModelFormat.TFLITE,
    config.Runtime.OPENCV_DNN: ModelFormat.ONNX,
}
"""Every runtime and the format it runs, in the order ``auto`` tries them."""

# OpenCV 5 answers an 8-bit network wrongly, by up to 0.98 of a probability, without a word.
ONLY_FP32 = frozenset({config.Runtime.OPENCV_DNN})


class Runtime(Protocol):
    """A loaded network; one thread at a time may call it.

    A file of ``livegate.detect.runtimes`` offers ``open_runtime(model: bytes, file: Path, network: Network, threads:
    int) -> Runtime``. It imports its vendor's package only when called, raises ImportError when that is missing or
    unfit for this environment, and AssetError naming ``file`` when the vendor refuses the model.
    """

    def run(self, pictures: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Run on a contiguous (1, 3, H, W) float32 input; return the network's outputs in its order, float32.

        The result may be overwritten by the next call. Raises PadError when the vendor's code fails.
        """


@dataclass(frozen=True, slots=True)
class Opened:
    """A model ready to run: in which runtime, and which of its files."""

    name: config.Runtime
    file: ModelFile
    runtime: Runtime


OpenRuntime = Callable[[bytes, Path, Network, int], Runtime]


def open_runtime(
    choice: config.Runtime,
    network: Network,
    precision: config.Precision = config.Precision.AUTO,
    threads: int = 1,
) -> Opened | None:
    """Open the model in the chosen runtime and precision, or return None for ``none``.

    ``auto`` takes the first installed runtime for whose format the manifest lists a file of that precision. Raises
    RuntimeMissing when the chosen one (or, for ``auto``, any) is not installed, ConfigError when the chosen one cannot
    run that precision, AssetError when there is no such file or it is not what the manifest says.
    """
    if choice is config.Runtime.NONE:
        return None
    if choice is not config.Runtime.AUTO:
        return _open_chosen(choice, network, precision, threads)
    candidates = {name: file for name in FORMATS if (file := usable_file(name, network, precision))}
    if not candidates:
        raise AssetError(f"{network.manifest}: [model] lists no file of precision '{precision}'; choose 'auto'")
    for name, file in candidates.items():
        try:
            return _open(name, file, network, threads)
        except ImportError as exc:
            log.info("runtime not installed", extra={"runtime": str(name), "detail": str(exc)})
    raise RuntimeMissing(
        f"{network.manifest}: the model runs in {', '.join(candidates)}, and none of them is installed; install "
        "onnxruntime"
    )


def usable_file(choice: config.Runtime, network: Network, precision: config.Precision) -> ModelFile | None:
    """Return the file of the network that runtime would run in that precision, or None where it has none."""
    file = network.pick(FORMATS[choice], precision)
    return None if file and choice in ONLY_FP32 and file.precision is not config.Precision.FP32 else file


def _open_chosen(choice: config.Runtime, network: Network, precision: config.Precision, threads: int) -> Opened:
    file = usable_file(choice, network, precision)
    if file is None:
        least = config.Precision.FP32 if precision is config.Precision.AUTO else precision
        if choice in ONLY_FP32 and least is not config.Precision.FP32:
            raise ConfigError(
                f"runtime '{choice}' runs {config.Precision.FP32} only; choose another, or that precision"
            )
        raise AssetError(
            f"{network.manifest}: [model] lists no '{KEYS[FORMATS[choice], least][0]}' file, which runtime '{choice}' "
            "needs; choose another runtime or precision"
        )
    try:
        return _open(choice, file, network, threads)
    except ImportError as exc:
        raise RuntimeMissing(
            f"{network.manifest}: runtime '{choice}' is not usable here ({exc}); install it, or choose 'auto'"
        ) from exc


def _open(choice: config.Runtime, file: ModelFile, network: Network, threads: int) -> Opened:
    module = importlib.import_module(f"livegate.detect.runtimes.{choice}")
    open_in = cast(OpenRuntime, module.open_runtime)
    return Opened(choice, file, open_in(network.content(file), network.path(file), network, threads))


def check_runtime(runtime: Runtime, network: Network) -> tuple[NDArray[np.float32], ...]:
    """Run the network once on the mean colour and return what it gives; AssetError unless the shapes are as listed."""
    try:
        found = runtime.run(np.zeros(network.shape, np.float32))
    except PadError as exc:
        raise AssetError(
            f"{network.manifest}: the model does not run from input '{network.input}' to "
            f"{' and '.join(repr(output.name) for output in network.outputs)} ({exc}); {MISMATCH}"
        ) from exc
    for output, array in zip(network.outputs, found, strict=True):
        if array.shape != output.shape:
            raise AssetError(
                f"{network.manifest}: means output '{output.name}' to be {output.shape}, the model gives "
                f"{array.shape}; {MISMATCH}"
            )
    return found
