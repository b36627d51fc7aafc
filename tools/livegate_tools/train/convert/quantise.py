"""An ONNX network in 8-bit integers: which tensors, in what steps, and the file that says so.

Activations are unsigned with a zero point, weights signed with a scale an output channel, biases 32 bits in the product
of both scales (Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference, CVPR 2018; Krishnamoorthi, Quantizing deep convolutional networks, 2018, section 3). What follows the
convolutions (a head's reshaping, sigmoid or softmax, the last linear layer) costs next to nothing and stays in floats.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from livegate_tools.train.convert.graph import Array, Floats, Graph, Node, runner

LEVELS = 255
WEIGHT_LEVELS = 127
# Outputs have the steps of their inputs: nothing is computed, so nothing need be rounded.
KEEPING = frozenset({"Resize", "Slice", "MaxPool"})


@dataclass(frozen=True, slots=True)
class Steps:
    """A tensor's value is (q - zero) * scale, q a whole number of 0..255."""

    scale: float
    zero: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is 8-bit: ``steps`` by tensor, and ``fused``: a convolution's or addition's output to that of its ReLU."""

    steps: Mapping[str, Steps]
    fused: Mapping[str, str]

    def result(self, node: Node) -> str:
        """Return the tensor ``node`` gives, its ReLU included."""
        return self.fused.get(node.outputs[0], node.outputs[0])

    def is_8bit(self, node: Node) -> bool:
        """Return whether ``node`` is computed in integers; a fused ReLU is not computed at all."""
        return node.kind in {"Conv", "Add", *KEEPING} and self.result(node) in self.steps


def plan_for(graph: Graph, pictures: Iterable[Floats]) -> Plan:
    """Return the plan whose steps reach from the smallest to the largest value seen on ``pictures`` (1, 3, H, W)."""
    fused = fused_relus(graph)
    sources = _sources(graph, fused)
    lows, highs = _ranges(graph, sorted(set(sources.values())), pictures)
    found = {name: _steps(lows[name], highs[name]) for name in lows}
    (picture,) = graph.inputs
    if picture in found:
        found[picture] = _input_steps(lows[picture], highs[picture])
    return Plan({name: found[source] for name, source in sources.items()}, fused)


def fused_relus(graph: Graph) -> dict[str, str]:
    """Return every Conv's and Add's output that only a ReLU reads, and that ReLU's output."""
    fused = {}
    for node in graph.nodes:
        readers = graph.consumers(node.outputs[0])
        if node.kind in {"Conv", "Add"} and [reader.kind for reader in readers] == ["Relu"]:
            fused[node.outputs[0]] = readers[0].outputs[0]
    return fused


def _sources(graph: Graph, fused: Mapping[str, str]) -> dict[str, str]:
    """Return the tensors that become 8-bit, each with the one whose steps it takes: itself, or what it was cut from."""
    sources = {name: name for name in graph.inputs}
    for node in graph.nodes:
        read = [name for name in node.inputs if name and name not in graph.constants]
        if not all(name in sources for name in read) or not _is_known(node, graph):
            continue
        result = fused.get(node.outputs[0], node.outputs[0])
        sources[result] = sources[read[0]] if node.kind in KEEPING else result
    return sources


def _is_known(node: Node, graph: Graph) -> bool:
    if node.kind == "Conv":
        return len(graph.shapes[node.inputs[0]]) == 4
    return node.kind in KEEPING or (node.kind == "Add" and not any(name in graph.constants for name in node.inputs))


def _ranges(graph: Graph, names: list[str], pictures: Iterable[Floats]) -> tuple[dict[str, float], dict[str, float]]:
    lows, highs = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    shown = [name for name in names if name not in graph.inputs]
    run = runner(graph.proto, shown)
    for picture in pictures:
        for name, value in zip((*graph.inputs, *shown), (picture, *run(picture)), strict=True):
            lows[name] = min(lows[name], float(value.min()))
            highs[name] = max(highs[name], float(value.max()))
    return lows, highs


def _steps(low: float, high: float) -> Steps:
    scale = max(high - low, 1e-6) / LEVELS
    return Steps(scale, round(-low / scale))


def _input_steps(low: float, high: float) -> Steps:
    """Return steps that keep a picture's own 256 levels apart.

    The mean colour lies between two levels, so that steps of one level would round every pixel at a tie, up or down by
    the last bit of a float. Steps wider by 1 in 255 round near levels alike and lose but one level in the middle.
    """
    reach = max(-low, high)
    return Steps(2 * reach / (LEVELS - 1), WEIGHT_LEVELS)


def weight_scales(weights: Floats) -> Floats:
    """Return the scale (O,) of every output channel of weights (O, I, h, w)."""
    peaks = np.abs(weights).max(axis=(1, 2, 3))
    return np.asarray(np.maximum(peaks, 1e-8) / WEIGHT_LEVELS, np.float32)


def whole_weights(weights: Floats) -> NDArray[np.int8]:
    """Return the weights (O, I, h, w) in whole steps of their channel's scale."""
    return np.asarray(np.rint(weights / weight_scales(weights)[:, None, None, None]), np.int8)


def bias_scales(weights: Floats, read: Steps) -> Floats:
    """Return the scale (O,) of the biases of weights applied to a tensor of those steps."""
    return weight_scales(weights) * np.float32(read.scale)


def whole_bias(bias: Floats, scales: Floats) -> NDArray[np.int32]:
    """Return the biases (O,) in whole steps."""
    limit = np.iinfo(np.int32).max
    return np.asarray(np.rint(bias.astype(np.float64) / scales).clip(-limit, limit), np.int32)


def onnx_int8(graph: Graph, plan: Plan) -> bytes:
    """Return the network as ONNX with its 8-bit tensors between QuantizeLinear and DequantizeLinear."""
    writer = _Writer(graph, plan)
    for name in graph.inputs:
        if name in plan.steps:
            writer.quantise(name, name)
    for node in graph.nodes:
        writer.add(node)
    return writer.content()


class _Writer:
    """Collects the nodes and constants of the 8-bit file."""

    def __init__(self, graph: Graph, plan: Plan) -> None:
        self._graph = graph
        self._plan = plan
        self._nodes: list[object] = []
        self._constants: dict[str, Array] = {}

    def add(self, node: Node) -> None:
        """Add one operation of the network with what makes it 8-bit."""
        if node.kind == "Relu" and node.outputs[0] in self._plan.fused.values() and node.outputs[0] in self._plan.steps:
            return
        eight = self._plan.is_8bit(node)
        result = self._plan.result(node) if eight else node.outputs[0]
        inputs = [self._read(name) for name in node.inputs]
        if eight and node.kind == "Conv":
            inputs[1:] = self._weights(node)
        raw = f"{result}r" if eight else result
        self._nodes.append(helper.make_node(node.kind, inputs, [raw], **node.options))
        if eight:
            self.quantise(raw, result)

    def quantise(self, raw: str, tensor: str) -> None:
        """Round what ``raw`` holds to the steps of ``tensor``; a ReLU's zero is where the steps begin."""
        steps = self._plan.steps[tensor]
        scale, zero = self._steps(steps)
        self._nodes.append(helper.make_node("QuantizeLinear", [raw, scale, zero], [f"{tensor}q"]))
        self._nodes.append(helper.make_node("DequantizeLinear", [f"{tensor}q", scale, zero], [f"{tensor}d"]))

    def content(self) -> bytes:
        """Return the file."""
        model = onnx.ModelProto()
        model.CopyFrom(self._graph.proto)
        graph = model.graph
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(self._nodes)
        used = {name for node in graph.node for name in node.input}
        kept = {name: array for name, array in (self._graph.constants | self._constants).items() if name in used}
        graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in kept.items())
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())

    def _read(self, name: str) -> str:
        return f"{name}d" if name in self._plan.steps else name

    def _steps(self, steps: Steps) -> tuple[str, str]:
        names = f"s{steps.scale!r}", f"z{steps.zero}"
        self._constants[names[0]] = np.array(steps.scale, np.float32)
        self._constants[names[1]] = np.array(steps.zero, np.uint8)
        return names

    def _weights(self, node: Node) -> list[str]:
        weights = self._graph.constants[node.inputs[1]]
        made = [self._channelled(node.inputs[1], whole_weights(weights), weight_scales(weights))]
        if len(node.inputs) > 2:
            scales = bias_scales(weights, self._plan.steps[node.inputs[0]])
            made.append(
                self._channelled(node.inputs[2], whole_bias(self._graph.constants[node.inputs[2]], scales), scales)
            )
        return made

    def _channelled(self, name: str, whole: Array, scales: Floats) -> str:
        self._constants |= {f"{name}w": whole, f"{name}s": scales}
        self._constants[f"z{whole.dtype}{scales.size}"] = np.zeros(scales.shape, whole.dtype)
        read = [f"{name}w", f"{name}s", f"z{whole.dtype}{scales.size}"]
        self._nodes.append(helper.make_node("DequantizeLinear", read, [f"{name}d"], axis=0))
        return f"{name}d"
