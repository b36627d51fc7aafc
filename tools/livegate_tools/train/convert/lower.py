"""An ONNX network as TensorFlow Lite, in floats or with the 8-bit steps of a plan: each operation by its own rule.

Pictures turn from (1, C, H, W) to (1, H, W, C); what was reshaped to rows keeps its order, because the network itself
puts channels last before it reshapes, or has one pixel left.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from livegate.errors import AssetError
from livegate_tools.train.convert.flatbuffer import FlatModel, Scale
from livegate_tools.train.convert.graph import Array, Graph, Node
from livegate_tools.train.convert.quantise import (
    Plan,
    Steps,
    bias_scales,
    weight_scales,
    whole_bias,
    whole_weights,
)

RELU = schema.ActivationFunctionType.RELU
NO_ACTIVATION = schema.ActivationFunctionType.NONE
# From 0..255 to -128..127, which is what TensorFlow Lite computes in.
SIGNED = 128
TO_LAST = (0, 2, 3, 1)


def tflite(graph: Graph, plan: Plan, where: Path) -> bytes:
    """Return the network as TensorFlow Lite; AssetError names an operation there is no rule for."""
    return _Lowering(graph, plan, where).content()


class _Lowering:
    """One network on its way."""

    def __init__(self, graph: Graph, plan: Plan, where: Path) -> None:
        self._graph = graph
        self._plan = plan
        self._where = where
        self._flat = FlatModel("Livegate")
        # What each tensor of the network is called here, and whether its channels stand last.
        self._names: dict[str, str] = {}
        self._turned: dict[str, bool] = {}
        self._made = 0

    def content(self) -> bytes:
        """Return the file."""
        inputs = [self._input(name) for name in self._graph.inputs]
        for node in self._graph.nodes:
            if node.kind == "Relu" and node.inputs[0] in self._plan_fused():
                continue
            rule: Callable[[Node], None] | None = getattr(self, f"_{node.kind.lower()}", None)
            if rule is None:
                self._refuse(node, "there is no rule for this operation")
            else:
                rule(node)
        return self._flat.content(inputs, [self._float(name) for name in self._graph.outputs])

    def _plan_fused(self) -> dict[str, str]:
        return dict(self._plan.fused)

    def _refuse(self, node: Node, why: str) -> None:
        raise AssetError(f"{self._where}: cannot become TensorFlow Lite: {node.kind} '{node.outputs[0]}': {why}")

    def _input(self, name: str) -> str:
        _, channels, height, width = self._graph.shapes[name]
        self._flat.tensor(name, (1, height, width, channels))
        self._names[name], self._turned[name] = name, True
        if name in self._plan.steps:
            made = self._eight(name, (1, height, width, channels))
            self._flat.operate("QUANTIZE", [name], [made], schema.QuantizeOptionsT())
            self._names[name] = made
        return name

    # Tensors.

    def _fresh(self, stem: str) -> str:
        self._made += 1
        return f"{stem}_{self._made}"

    def _eight(self, tensor: str, shape: tuple[int, ...]) -> str:
        steps = self._plan.steps[tensor]
        scale = Scale(np.array([steps.scale]), steps.zero - SIGNED)
        return self._flat.tensor(self._fresh(f"{tensor}q"), shape, np.int8, scale)

    def _constant(self, content: Array, scale: Scale | None = None) -> str:
        return self._flat.tensor(self._fresh("c"), content.shape, content.dtype.type, scale, content)

    def _whole(self, *numbers: int) -> str:
        return self._constant(np.array(numbers, np.int32))

    def _shape(self, tensor: str, *, turned: bool) -> tuple[int, ...]:
        shape = self._graph.shapes[tensor]
        return tuple(shape[axis] for axis in TO_LAST) if turned and len(shape) == 4 else shape

    def _out(self, node: Node, *, turned: bool) -> str:
        """Add the tensor ``node`` gives, ReLU included: 8-bit where the plan says so."""
        tensor = self._plan.result(node)
        shape = self._shape(tensor, turned=turned)
        self._turned[tensor] = turned
        if self._plan.is_8bit(node):
            self._names[tensor] = self._eight(tensor, shape)
        else:
            self._names[tensor] = self._flat.tensor(tensor, shape)
        return self._names[tensor]

    def _read(self, tensor: str, node: Node) -> str:
        """Return the tensor as ``node`` is to read it: in 8 bits when that is what the node computes in."""
        return self._names[tensor] if self._plan.is_8bit(node) else self._float(tensor)

    def _float(self, tensor: str) -> str:
        """Return the tensor in floats, which are computed from its 8-bit numbers once."""
        if tensor not in self._plan.steps or tensor in self._graph.inputs:
            return tensor if tensor in self._graph.inputs else self._names[tensor]
        if not self._flat.has(tensor):
            made = self._names[tensor]
            self._flat.tensor(tensor, self._flat.shape(made))
            self._flat.operate("DEQUANTIZE", [made], [tensor], schema.DequantizeOptionsT())
        return tensor

    # Operations on pictures.

    def _conv(self, node: Node) -> None:
        weights = self._graph.constants[node.inputs[1]]
        group, dense = node.options.get("group", 1), weights.shape[1] == self._graph.shapes[node.inputs[0]][1]
        if group != 1 and not (weights.shape[1] == 1 and group == weights.shape[0]):
            self._refuse(node, "a grouped convolution must be depthwise, one filter a channel")
        options = schema.Conv2DOptionsT() if group == 1 and dense else schema.DepthwiseConv2DOptionsT()
        read = self._padded(node, options, weights.shape[2:])
        options.strideH, options.strideW = node.options.get("strides", [1, 1])
        options.dilationHFactor, options.dilationWFactor = node.options.get("dilations", [1, 1])
        options.fusedActivationFunction = RELU if node.outputs[0] in self._plan.fused else NO_ACTIVATION
        depthwise = isinstance(options, schema.DepthwiseConv2DOptionsT)
        if depthwise:
            options.depthMultiplier = 1
        constants = self._weights(node, (1, 2, 3, 0) if depthwise else (0, 2, 3, 1), channel=3 if depthwise else 0)
        kind = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        self._flat.operate(kind, [read, *constants], [self._out(node, turned=True)], options)

    def _weights(self, node: Node, order: tuple[int, ...], channel: int) -> list[str]:
        weights = self._graph.constants[node.inputs[1]]
        has_bias = len(node.inputs) > 2
        bias = self._graph.constants[node.inputs[2]] if has_bias else np.zeros(weights.shape[0], np.float32)
        if not self._plan.is_8bit(node):
            return [self._constant(np.ascontiguousarray(weights.transpose(order))), self._constant(bias)]
        steps: Steps = self._plan.steps[node.inputs[0]]
        whole = np.ascontiguousarray(whole_weights(weights).transpose(order))
        scales = bias_scales(weights, steps)
        return [
            self._constant(whole, Scale(weight_scales(weights), 0, channel)),
            self._constant(whole_bias(bias, scales), Scale(scales)),
        ]

    def _padded(self, node: Node, options: Any, kernel: tuple[int, ...]) -> str:
        """Return what the operation reads, with the border put on where TensorFlow's own rule would pad otherwise."""
        top, left, bottom, right = node.options.get("pads", [0, 0, 0, 0])
        read = self._read(node.inputs[0], node)
        height, width = self._graph.shapes[node.inputs[0]][2:]
        strides, dilations = node.options.get("strides", [1, 1]), node.options.get("dilations", [1, 1])
        same = (*_same(height, kernel[0], strides[0], dilations[0]), *_same(width, kernel[1], strides[1], dilations[1]))
        options.padding = schema.Padding.VALID
        if (top, bottom, left, right) == same:
            options.padding = schema.Padding.SAME
        elif any((top, bottom, left, right)):
            shape = (1, height + top + bottom, width + left + right, self._flat.shape(read)[3])
            is_8bit = self._plan.is_8bit(node)
            wide = self._eight(node.inputs[0], shape) if is_8bit else self._flat.tensor(self._fresh("p"), shape)
            border = self._constant(np.array([[0, 0], [top, bottom], [left, right], [0, 0]], np.int32))
            self._flat.operate("PAD", [read, border], [wide], schema.PadOptionsT())
            return wide
        return read

    def _maxpool(self, node: Node) -> None:
        self._pool(node, "MAX_POOL_2D", node.options["kernel_shape"])

    def _averagepool(self, node: Node) -> None:
        if any(node.options.get("pads", [0])):
            self._refuse(node, "an average over a border is counted differently there")
        self._pool(node, "AVERAGE_POOL_2D", node.options["kernel_shape"])

    def _globalaveragepool(self, node: Node) -> None:
        self._pool(node, "AVERAGE_POOL_2D", list(self._graph.shapes[node.inputs[0]][2:]))

    def _pool(self, node: Node, kind: str, kernel: list[int]) -> None:
        if node.options.get("ceil_mode") or any(side != 1 for side in node.options.get("dilations", [1, 1])):
            self._refuse(node, "rounding up and dilation have no counterpart")
        options = schema.Pool2DOptionsT()
        if kind == "MAX_POOL_2D":
            pads, size = node.options.get("pads", [0, 0, 0, 0]), self._graph.shapes[node.inputs[0]][2:]
            strides = node.options.get("strides", [1, 1])
            (top, bottom), (left, right) = (_same(size[axis], kernel[axis], strides[axis], 1) for axis in (0, 1))
            if any(pads) and list(pads) != [top, left, bottom, right]:
                self._refuse(node, "its border is not the one TensorFlow's rule gives")
            options.padding = schema.Padding.SAME if any(pads) else schema.Padding.VALID
        else:
            options.padding = schema.Padding.VALID
        options.filterHeight, options.filterWidth = kernel
        options.strideH, options.strideW = node.options.get("strides", [1, 1])
        read = self._read(node.inputs[0], node)
        self._flat.operate(kind, [read], [self._out(node, turned=True)], options)

    def _resize(self, node: Node) -> None:
        options = node.options
        before, after = self._graph.shapes[node.inputs[0]], self._graph.shapes[node.outputs[0]]
        whole = all(new % old == 0 for new, old in zip(after, before, strict=True))
        if options.get("mode", b"nearest") != b"nearest" or not whole:
            self._refuse(node, "only whole-numbered enlargement by nearest pixels")
        read = self._read(node.inputs[0], node)
        out = self._out(node, turned=True)
        self._flat.operate(
            "RESIZE_NEAREST_NEIGHBOR", [read, self._whole(*after[2:])], [out], schema.ResizeNearestNeighborOptionsT()
        )

    def _slice(self, node: Node) -> None:
        turned = self._turned[node.inputs[0]]
        shape = self._graph.shapes[node.inputs[0]]
        begin, size = [0] * len(shape), list(shape)
        starts, ends, axes, steps = self._slice_numbers(node, len(shape))
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
            if step != 1:
                self._refuse(node, "only slices of neighbours")
            first, last, _ = slice(int(start), int(end)).indices(shape[axis])
            begin[axis], size[axis] = first, last - first
        if turned:
            begin, size = ([numbers[axis] for axis in TO_LAST] for numbers in (begin, size))
        read = self._read(node.inputs[0], node)
        out = self._out(node, turned=turned)
        self._flat.operate("SLICE", [read, self._whole(*begin), self._whole(*size)], [out], schema.SliceOptionsT())

    def _slice_numbers(self, node: Node, rank: int) -> tuple[list[int], list[int], list[int], list[int]]:
        """Return starts, ends, axes and steps, the latter two as the standard has it when they are left out."""
        given = [self._graph.constants[name] if name else np.zeros(0) for name in node.inputs[1:]]
        starts, ends, *others = ([int(number) for number in numbers] for numbers in given)
        axes, steps = (*others, [], [])[:2]
        return starts, ends, [axis % rank for axis in axes] or list(range(len(starts))), steps or [1] * len(starts)

    # Operations number by number.

    def _relu(self, node: Node) -> None:
        self._unary(node, "RELU")

    def _sigmoid(self, node: Node) -> None:
        self._unary(node, "LOGISTIC")

    def _neg(self, node: Node) -> None:
        self._unary(node, "NEG", schema.NegOptionsT())

    def _unary(self, node: Node, kind: str, options: Any = None) -> None:
        read = self._read(node.inputs[0], node)
        self._flat.operate(kind, [read], [self._out(node, turned=self._turned[node.inputs[0]])], options)

    def _add(self, node: Node) -> None:
        options = schema.AddOptionsT()
        options.fusedActivationFunction = RELU if node.outputs[0] in self._plan.fused else NO_ACTIVATION
        self._binary(node, "ADD", options)

    def _mul(self, node: Node) -> None:
        self._binary(node, "MUL", schema.MulOptionsT())

    def _binary(self, node: Node, kind: str, options: Any) -> None:
        turned = any(self._turned.get(name, False) for name in node.inputs)
        read = [self._operand(name, node, turned=turned) for name in node.inputs]
        self._flat.operate(kind, read, [self._out(node, turned=turned)], options)

    def _operand(self, name: str, node: Node, *, turned: bool) -> str:
        if name in self._graph.constants:
            array = self._graph.constants[name]
            if turned and array.ndim:
                array = array.reshape((1,) * (4 - array.ndim) + array.shape).transpose(TO_LAST)
            return self._constant(np.ascontiguousarray(array))
        if self._turned[name] != turned:
            self._refuse(node, "its inputs have their channels in different places")
        return self._read(name, node)

    def _softmax(self, node: Node) -> None:
        rank = len(self._graph.shapes[node.inputs[0]])
        if self._turned[node.inputs[0]] or node.options.get("axis", -1) % rank != rank - 1:
            self._refuse(node, "only over the last axis of rows")
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        self._unary(node, "SOFTMAX", options)

    # Operations that only move numbers.

    def _concat(self, node: Node) -> None:
        turned = self._turned[node.inputs[0]]
        if any(self._turned[name] != turned for name in node.inputs):
            self._refuse(node, "its inputs have their channels in different places")
        axis = node.options["axis"] % len(self._graph.shapes[node.outputs[0]])
        options = schema.ConcatenationOptionsT()
        options.axis = TO_LAST.index(axis) if turned else axis
        read = [self._read(name, node) for name in node.inputs]
        self._flat.operate("CONCATENATION", read, [self._out(node, turned=turned)], options)

    def _transpose(self, node: Node) -> None:
        if not self._turned[node.inputs[0]] or tuple(node.options["perm"]) != TO_LAST:
            self._refuse(node, "only from channels first to channels last")
        # They stand there already.
        self._names[node.outputs[0]], self._turned[node.outputs[0]] = self._float(node.inputs[0]), False

    def _reshape(self, node: Node) -> None:
        shape = self._graph.shapes[node.inputs[0]]
        if self._turned[node.inputs[0]] and shape[1] > 1 and shape[2:] != (1, 1):
            self._refuse(node, "pixels with several channels, put the channels last before")
        read, after = self._read(node.inputs[0], node), self._graph.shapes[node.outputs[0]]
        options = schema.ReshapeOptionsT()
        options.newShape = np.array(after, np.int32)
        self._flat.operate("RESHAPE", [read, self._whole(*after)], [self._out(node, turned=False)], options)

    _flatten = _unsqueeze = _squeeze = _reshape

    def _identity(self, node: Node) -> None:
        self._names[node.outputs[0]] = self._float(node.inputs[0])
        self._turned[node.outputs[0]] = self._turned[node.inputs[0]]

    def _gemm(self, node: Node) -> None:
        options, weights = node.options, self._graph.constants[node.inputs[1]]
        if options.get("transA") or options.get("alpha", 1.0) != 1.0 or options.get("beta", 1.0) != 1.0:
            self._refuse(node, "only a plain linear layer")
        rows = weights if options.get("transB") else weights.T
        constants = [self._constant(np.ascontiguousarray(rows))]
        if len(node.inputs) > 2:
            constants.append(self._constant(self._graph.constants[node.inputs[2]].reshape(-1)))
        read = self._read(node.inputs[0], node)
        self._flat.operate(
            "FULLY_CONNECTED", [read, *constants], [self._out(node, turned=False)], schema.FullyConnectedOptionsT()
        )


def _same(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return the border TensorFlow's rule SAME puts before and after an axis."""
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2
