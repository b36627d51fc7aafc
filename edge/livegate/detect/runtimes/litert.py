"""LiteRT, Google's runtime for TensorFlow Lite models."""

from __future__ import annotations

from pathlib import Path

from livegate.detect.network import Network
from livegate.detect.runtime import Runtime
from livegate.detect.tflite import TfliteRuntime


def open_runtime(model: bytes, file: Path, network: Network, threads: int) -> Runtime:
    """Open ``model`` (TFLite); see the protocol."""
    from ai_edge_litert.interpreter import Interpreter

    return TfliteRuntime.opened(Interpreter, model, file, network, threads)
