"""What an ONNX file from outside may not hold, looked at before any runtime parses it.

Weights in files of their own (a path out of the folder), operators outside the standard, functions and control flow.
The format is protobuf (onnx.proto3 of ONNX 1.17); of it only the wire form is read here, bounded, without a copy.
"""

from __future__ import annotations

from collections.abc import Iterator

from livegate.errors import AssetError

DOMAINS = frozenset({"", "ai.onnx"})
_MAX_NODES = 20_000

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_GRAPH, _TRAINING, _FUNCTIONS = 7, 20, 25
_NODE, _INITIALIZER, _SPARSE_INITIALIZER = 1, 5, 15
_OP_TYPE, _ATTRIBUTE, _DOMAIN = 4, 5, 7
_TENSOR, _TENSORS = 5, 10
_OTHER_ATTRIBUTES = {6: "a graph", 11: "graphs", 22: "a sparse tensor", 23: "sparse tensors"}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14

Field = tuple[int, int | memoryview]


def check_onnx(content: bytes, where: str) -> None:
    """Raise AssetError, beginning with ``where``, for an ONNX file that a classifier of faces has no reason to be."""
    try:
        _check_model(memoryview(content), where)
    except (IndexError, ValueError, TypeError) as exc:
        raise AssetError(f"{where}: is no ONNX file ({exc}); export the model again") from exc


def _check_model(model: memoryview, where: str) -> None:
    graphs = 0
    for number, value in _fields(model):
        if number in (_TRAINING, _FUNCTIONS):
            raise AssetError(f"{where}: holds functions or training of its own; export it for inference, inlined")
        if number == _GRAPH:
            graphs += 1
            _check_graph(_message(value), where)
    if graphs != 1:
        raise AssetError(f"{where}: is no ONNX file ({graphs} graphs in it); export the model again")


def _check_graph(graph: memoryview, where: str) -> None:
    nodes = 0
    for number, value in _fields(graph):
        if number == _NODE:
            nodes += 1
            _check_node(_message(value), where)
        elif number == _INITIALIZER:
            _check_tensor(_message(value), where)
        elif number == _SPARSE_INITIALIZER:
            raise AssetError(f"{where}: holds sparse weights; export it with dense ones")
    if not 0 < nodes <= _MAX_NODES:
        raise AssetError(f"{where}: has {nodes} operators, expected 1 to {_MAX_NODES}")


def _check_node(node: memoryview, where: str) -> None:
    domain = operator = ""
    for number, value in _fields(node):
        if number == _DOMAIN:
            domain = _text(value)
        elif number == _OP_TYPE:
            operator = _text(value)
        elif number == _ATTRIBUTE:
            _check_attribute(_message(value), where)
    if domain not in DOMAINS:
        raise AssetError(
            f"{where}: uses the operator {domain[:64]!r}.{operator[:64]!r}, which is not of the ONNX standard; export "
            "it with standard operators"
        )


def _check_attribute(attribute: memoryview, where: str) -> None:
    for number, value in _fields(attribute):
        if number in _OTHER_ATTRIBUTES:
            raise AssetError(f"{where}: an operator holds {_OTHER_ATTRIBUTES[number]}; export it without control flow")
        if number in (_TENSOR, _TENSORS):
            _check_tensor(_message(value), where)


def _check_tensor(tensor: memoryview, where: str) -> None:
    for number, value in _fields(tensor):
        if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0):
            raise AssetError(f"{where}: keeps weights in another file; export it with its weights inside")


def _fields(message: memoryview) -> Iterator[Field]:
    """Yield number and value of every field; ValueError or IndexError where the bytes are no message."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        # Runtimes drop the bits above these: to them it would be another field than to us.
        if tag >> 32:
            raise ValueError("a field whose number is too long")
        form, number = tag & 7, tag >> 3
        if form == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if form == _BYTES:
            length, at = _varint(message, at)
        elif form in (_FIXED64, _FIXED32):
            length = 8 if form == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {form}")
        if at + length > len(message):
            raise ValueError("a field ends behind its message")
        yield number, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number of more than ten bytes")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise TypeError("a number where a message belongs")
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_message(value)).decode()
