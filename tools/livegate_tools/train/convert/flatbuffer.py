"""A TensorFlow Lite file, tensor by tensor and operation by operation, by the format's public schema (version 3).

The classes of the schema come with ai-edge-litert. Operations carry the versions that TensorFlow Lite 2.14 knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flatbuffers  # type: ignore[import-untyped, unused-ignore]
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from livegate_tools.train.convert.graph import Array

_TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int32): schema.TensorType.INT32,
}
_IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3
# An operation of 8-bit tensors is a later version of the same operation; those not named begin at 1 with them.
_VERSIONS_8BIT = {
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "ADD": 2,
    "DEQUANTIZE": 2,
    "MAX_POOL_2D": 2,
    "PAD": 2,
    "RESIZE_NEAREST_NEIGHBOR": 2,
    "SLICE": 2,
}
# Dilated depthwise convolutions came with version 2 of the operation, in floats too.
_VERSION_DILATED = 2


@dataclass(frozen=True, slots=True)
class Scale:
    """What the whole numbers of a tensor mean: one scale, or one for each entry along ``axis``."""

    scales: Array
    zero: int = 0
    axis: int = 0


class FlatModel:
    """A network being written."""

    def __init__(self, description: str) -> None:
        self._description = description
        self._tensors: list[Any] = []
        self._places: dict[str, int] = {}
        # Buffer 0 is empty by the format's rule; tensors without content point there.
        self._buffers: list[Any] = [schema.BufferT()]
        self._codes: dict[tuple[int, int], int] = {}
        self._operators: list[Any] = []

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: type[np.generic] = np.float32,
        scale: Scale | None = None,
        content: Array | None = None,
    ) -> str:
        """Add a tensor and return its name; with ``content`` it is a constant."""
        made = schema.TensorT()
        made.name, made.shape, made.type = name.encode(), np.array(shape, np.int32), _TYPES[np.dtype(dtype)]
        if scale is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = np.atleast_1d(scale.scales).astype(np.float32)
            made.quantization.zeroPoint = np.full(made.quantization.scale.shape, scale.zero, np.int64)
            made.quantization.quantizedDimension = scale.axis
        if content is not None:
            made.buffer = len(self._buffers)
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(content, dtype).tobytes(), np.uint8)
            self._buffers.append(buffer)
        self._places[name] = len(self._tensors)
        self._tensors.append(made)
        return name

    def shape(self, name: str) -> tuple[int, ...]:
        """Return a tensor's shape."""
        return tuple(int(side) for side in self._tensors[self._places[name]].shape)

    def has(self, name: str) -> bool:
        """Return whether there is a tensor of that name."""
        return name in self._places

    def operate(self, kind: str, inputs: list[str], outputs: list[str], options: Any = None) -> None:
        """Add an operation, named as in the schema's BuiltinOperator; ``options`` an object of the schema."""
        made = schema.OperatorT()
        made.opcodeIndex = self._code(kind, inputs[0], options)
        made.inputs = np.array([self._places[name] for name in inputs], np.int32)
        made.outputs = np.array([self._places[name] for name in outputs], np.int32)
        if options is not None:
            # The union's members are named as the classes of its objects, without their T.
            made.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
            made.builtinOptions = options
        self._operators.append(made)

    def content(self, inputs: list[str], outputs: list[str]) -> bytes:
        """Return the file."""
        graph = schema.SubGraphT()
        graph.tensors, graph.operators, graph.name = self._tensors, self._operators, b"main"
        graph.inputs = np.array([self._places[name] for name in inputs], np.int32)
        graph.outputs = np.array([self._places[name] for name in outputs], np.int32)
        model = schema.ModelT()
        model.version, model.description = _SCHEMA_VERSION, self._description.encode()
        model.subgraphs, model.buffers = [graph], self._buffers
        model.operatorCodes = [_operator_code(kind, version) for kind, version in self._codes]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), _IDENTIFIER)
        return bytes(builder.Output())

    def _code(self, kind: str, read: str, options: Any) -> int:
        is_8bit = self._tensors[self._places[read]].type == schema.TensorType.INT8
        version = _VERSIONS_8BIT.get(kind, 1) if is_8bit else 1
        if kind == "DEPTHWISE_CONV_2D" and options.dilationHFactor > 1:
            version = max(version, _VERSION_DILATED)
        key = (getattr(schema.BuiltinOperator, kind), version)
        return self._codes.setdefault(key, len(self._codes))


def _operator_code(kind: int, version: int) -> Any:
    code = schema.OperatorCodeT()
    # Readers of old look at the first, which is a single byte.
    code.deprecatedBuiltinCode, code.builtinCode, code.version = min(kind, 127), kind, version
    return code
