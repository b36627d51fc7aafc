"""An ONNX network in the one form the converter works on: constants as initialisers, short names, known shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]
from numpy.typing import NDArray
from onnx import numpy_helper

from livegate.errors import AssetError

Array = NDArray[Any]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Node:
    """One operation; an input that is left out has the name ""."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Graph:
    """A network of one picture at a time: ``nodes`` in order, ``constants`` and the ``shapes`` of all tensors by name.

    ``proto`` is the same as ONNX has it.
    """

    proto: Any
    nodes: tuple[Node, ...]
    constants: dict[str, Array]
    shapes: dict[str, tuple[int, ...]]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def consumers(self, tensor: str) -> tuple[Node, ...]:
        """Return the nodes that read ``tensor``."""
        return tuple(node for node in self.nodes if tensor in node.inputs)


def read_graph(content: bytes, where: Path) -> Graph:
    """Return the network in ``content`` (ONNX); AssetError when it is none or has a shape that is not fixed."""
    try:
        proto = _without_normalisation(_tidied(onnx.load_from_string(content)))
        return graph_of(onnx.shape_inference.infer_shapes(proto, strict_mode=True, data_prop=True))
    except (ValueError, DecodeError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as exc:
        raise AssetError(f"{where}: cannot be converted: {exc}") from exc


def graph_of(proto: Any) -> Graph:
    """Return the network of an ONNX model that is tidy; ValueError when a tensor's shape is unknown."""
    known = proto.graph
    constants = {each.name: numpy_helper.to_array(each) for each in known.initializer}
    shapes = {name: tuple(array.shape) for name, array in constants.items()}
    for value in (*known.input, *known.value_info, *known.output):
        shapes[value.name] = _fixed(value)
    nodes = tuple(
        Node(
            node.name,
            node.op_type,
            tuple(node.input),
            tuple(node.output),
            {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute},
        )
        for node in known.node
    )
    outputs = tuple(value.name for value in known.output)
    return Graph(proto, nodes, constants, shapes, tuple(value.name for value in known.input), outputs)


def _fixed(value: Any) -> tuple[int, ...]:
    sides = [side.dim_value for side in value.type.tensor_type.shape.dim]
    # Only the leading side may be left open, and then means one picture.
    shape = tuple(side if place or side else 1 for place, side in enumerate(sides))
    if 0 in shape:
        raise ValueError(f"tensor '{value.name}' has no fixed shape; export the network for one picture of one size")
    return shape


def _tidied(proto: Any) -> Any:
    """Return the model with constants among its initialisers and names of few letters; interface names stay."""
    graph = proto.graph
    for node in [node for node in graph.node if node.op_type == "Constant"]:
        initializer = graph.initializer.add()
        initializer.CopyFrom(next(each.t for each in node.attribute if each.name == "value"))
        initializer.name = node.output[0]
        graph.node.remove(node)
    del graph.value_info[:]
    inputs = {value.name for value in graph.input} - {each.name for each in graph.initializer}
    for value in [value for value in graph.input if value.name not in inputs]:
        graph.input.remove(value)
    kept = inputs | {value.name for value in graph.output}
    made = [each.name for each in graph.initializer] + [name for node in graph.node for name in node.output]
    # The names of a deep network's tensors weigh more than an 8-bit layer's weights.
    short = {name: name if name in kept else f"t{place}" for place, name in enumerate(made)} | {"": ""}
    for initializer in graph.initializer:
        initializer.name = short[initializer.name]
    for place, node in enumerate(graph.node):
        node.name, node.doc_string = f"n{place}", ""
        node.input[:] = [short.get(name, name) for name in node.input]
        node.output[:] = [short[name] for name in node.output]
    for value in (*graph.input, *graph.output):
        side = value.type.tensor_type.shape.dim[0]
        side.Clear()
        side.dim_value = 1
    return proto


def _without_normalisation(proto: Any) -> Any:
    """Return the model with every batch normalisation as the multiplication and addition that it is when deployed."""
    graph = proto.graph
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    known = {value.name: value for value in onnx.shape_inference.infer_shapes(proto).graph.value_info}
    nodes = []
    for node in graph.node:
        if node.op_type != "BatchNormalization":
            nodes.append(node)
            continue
        gain, bias, mean, variance = (constants[name].astype(np.float64) for name in node.input[1:])
        epsilon = next((each.f for each in node.attribute if each.name == "epsilon"), 1e-5)
        factor = gain / np.sqrt(variance + epsilon)
        sides = (-1, *[1] * (len(known[node.output[0]].type.tensor_type.shape.dim) - 2))
        result = node.output[0]
        for name, array in ((f"{result}g", factor), (f"{result}b", bias - mean * factor)):
            graph.initializer.append(numpy_helper.from_array(array.reshape(1, *sides).astype(np.float32), name))
        nodes.append(onnx.helper.make_node("Mul", [node.input[0], f"{result}g"], [f"{result}m"], name=f"{node.name}m"))
        nodes.append(onnx.helper.make_node("Add", [f"{result}m", f"{result}b"], [result], name=node.name))
    del graph.node[:]
    graph.node.extend(nodes)
    return proto


def runner(proto: Any, outputs: Sequence[str], threads: int = 1) -> Callable[[Floats], list[Floats]]:
    """Return a function from one input to the tensors named, any of the network's."""
    shown = onnx.ModelProto()
    shown.CopyFrom(proto)
    have = {value.name for value in shown.graph.output}
    for name in outputs:
        if name not in have:
            shown.graph.output.add().name = name
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(shown.SerializeToString(), options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0].name

    def run(picture: Floats) -> list[Floats]:
        found: list[Floats] = session.run(list(outputs), {entry: picture})
        return found

    return run
