"""tflite-runtime, LiteRT's predecessor, for boards that have nothing newer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from livegate.detect.network import Network
from livegate.detect.runtime import Runtime
from livegate.detect.tflite import TfliteRuntime


def open_runtime(model: bytes, file: Path, network: Network, threads: int) -> Runtime:
    """Open ``model`` (TFLite); see the protocol."""
    if int(np.__version__.split(".")[0]) >= 2:
        # It was built against NumPy 1: it imports under 2 and then fails inside the vendor's code.
        raise ImportError(f"tflite-runtime needs numpy below 2, found {np.__version__}")
    from tflite_runtime.interpreter import Interpreter

    return TfliteRuntime.opened(Interpreter, model, file, network, threads)
