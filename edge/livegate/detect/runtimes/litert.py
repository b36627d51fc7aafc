"""LiteRT, Google's runtime for TensorFlow Lite models."""

from __future__ import annotations

from livegate.detect.manifest import ModelManifest
from livegate.detect.runtime import Runtime
from livegate.detect.tflite import TfliteRuntime


def open_runtime(model: bytes, manifest: ModelManifest, threads: int) -> Runtime:
    """Open ``model`` (TFLite); see the protocol."""
    from ai_edge_litert.interpreter import Interpreter

    return TfliteRuntime.opened(Interpreter, model, manifest, threads)
