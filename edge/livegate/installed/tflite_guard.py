"""What a TensorFlow Lite file from outside may not hold, looked at before any runtime parses it.

Operators of anybody's own, control flow, variables and further subgraphs: a classifier of faces is one plain graph. The
format is a flatbuffer (schema.fbs of TensorFlow Lite, version 3); of it only the list of operators is read, bounded.
"""

from __future__ import annotations

import struct

from livegate.errors import AssetError

_IDENTIFIER = b"TFL3"
_MAX_CODES = 256
# Fields of the tables Model and OperatorCode, by their places in the schema.
_OPERATOR_CODES, _SUBGRAPHS = 1, 2
_CODE_BYTE, _CUSTOM, _CODE = 0, 1, 3

OPERATORS = {
    0: "ADD",
    1: "AVERAGE_POOL_2D",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    6: "DEQUANTIZE",
    9: "FULLY_CONNECTED",
    14: "LOGISTIC",
    17: "MAX_POOL_2D",
    18: "MUL",
    19: "RELU",
    21: "RELU6",
    22: "RESHAPE",
    23: "RESIZE_BILINEAR",
    25: "SOFTMAX",
    28: "TANH",
    34: "PAD",
    39: "TRANSPOSE",
    40: "MEAN",
    41: "SUB",
    42: "DIV",
    43: "SQUEEZE",
    45: "STRIDED_SLICE",
    49: "SPLIT",
    54: "PRELU",
    55: "MAXIMUM",
    57: "MINIMUM",
    59: "NEG",
    60: "PADV2",
    65: "SLICE",
    70: "EXPAND_DIMS",
    74: "SUM",
    83: "PACK",
    97: "RESIZE_NEAREST_NEIGHBOR",
    98: "LEAKY_RELU",
    114: "QUANTIZE",
    117: "HARD_SWISH",
}
"""What our own converter writes, and what plain convolutional networks are exported to besides: number and name."""


def check_tflite(content: bytes, where: str) -> None:
    """Raise AssetError, beginning with ``where``, for a file that a classifier of faces has no reason to be."""
    try:
        codes, subgraphs = _listed(content)
    except (struct.error, ValueError) as exc:
        raise AssetError(f"{where}: is no TensorFlow Lite file ({exc}); export the model again") from exc
    if subgraphs != 1:
        raise AssetError(f"{where}: holds {subgraphs} graphs, expected one; export it without control flow")
    unknown = sorted(code for code in codes if code not in OPERATORS)
    if unknown:
        raise AssetError(
            f"{where}: uses the operator {unknown[0]} of the TensorFlow Lite schema (32: one of its maker's own); "
            "export it with operators of plain convolutional networks (docs/models.md)"
        )


def _listed(content: bytes) -> tuple[set[int], int]:
    """Return which operators a file lists and how many graphs it has; ValueError or struct.error for another file."""
    if content[4:8] != _IDENTIFIER:
        raise ValueError(f"it lacks {_IDENTIFIER.decode()}")
    model = _u32(content, 0)
    codes = [_operator(content, table) for table in _tables(content, model, _OPERATOR_CODES)]
    return set(codes), len(_tables(content, model, _SUBGRAPHS))


def _operator(content: bytes, table: int) -> int:
    """Return the number of an operator; one of somebody's own is 32, whatever else it says."""
    if _field(content, table, _CUSTOM):
        return 32
    byte, code = _field(content, table, _CODE_BYTE), _field(content, table, _CODE)
    # Older files have a byte, newer ones a word beside it; runtimes take the larger.
    numbers = struct.unpack_from("<b", content, byte)[0] if byte else 0, _i32(content, code) if code else 0
    return int(max(numbers))


def _tables(content: bytes, table: int, field: int) -> list[int]:
    """Return where the tables of a vector begin that a field of ``table`` holds."""
    at = _field(content, table, field)
    if not at:
        return []
    vector = at + _u32(content, at)
    count = _u32(content, vector)
    if count > _MAX_CODES:
        raise ValueError(f"a list of {count}")
    places = [vector + 4 + 4 * number for number in range(count)]
    return [place + _u32(content, place) for place in places]


def _field(content: bytes, table: int, field: int) -> int:
    """Return where a field of a table lies, 0 where it is left out."""
    names = table - _i32(content, table)
    if names < 0:
        raise ValueError("a table before its beginning")
    place = 4 + 2 * field
    size, *_ = struct.unpack_from("<H", content, names)
    if place + 2 > size:
        return 0
    offset, *_ = struct.unpack_from("<H", content, names + place)
    return table + int(offset) if offset else 0


def _u32(content: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", content, at)[0])


def _i32(content: bytes, at: int) -> int:
    return int(struct.unpack_from("<i", content, at)[0])
