"""Of a TensorFlow Lite file from outside the list of operators is looked at before any runtime parses it."""

from __future__ import annotations

import contextlib
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from livegate.errors import AssetError
from livegate.installed.installing import install
from livegate.installed.library import Library
from livegate.installed.tflite_guard import OPERATORS, check_tflite
from support.models import TINY_ONNX, TINY_TFLITE, write_tiny

SOFTMAX, WHILE, CUSTOM = 25, 119, 32


def table(*fields: int) -> tuple[bytes, bytes]:
    """Return the vtable and the table of whole-number fields of four bytes each."""
    offsets = struct.pack(f"<{len(fields)}H", *(4 + 4 * number for number in range(len(fields))))
    names = struct.pack("<HH", 4 + 2 * len(fields), 4 + 4 * len(fields)) + offsets
    names += bytes(-len(names) % 4)
    return names, struct.pack(f"<i{len(fields)}i", len(names), *fields)


def written(*codes: int, graphs: int = 1) -> bytes:
    """Return a file that lists operators by their numbers and has some empty graphs."""
    # Model: version, operator codes, subgraphs; its vectors follow it, then the tables they point to.
    names, _ = table(3, 0, 0)
    start = 8 + len(names)
    codes_at = start + 16
    graphs_at = codes_at + 4 + 4 * len(codes)
    tables_at = graphs_at + 4 + 4 * graphs
    content = struct.pack("<I4s", start, b"TFL3") + names
    content += struct.pack("<iiII", len(names), 3, codes_at - start - 8, graphs_at - start - 12)
    parts = [table(min(code, 127), 0, 1, code) for code in codes] + [table()] * graphs
    places, at = [], tables_at
    for part_names, part in parts:
        places.append(at + len(part_names))
        at += len(part_names) + len(part)
    for vector, those in ((codes_at, places[: len(codes)]), (graphs_at, places[len(codes) :])):
        content += struct.pack("<I", len(those))
        content += b"".join(struct.pack("<I", place - vector - 4 - 4 * n) for n, place in enumerate(those))
    # An operator code's second field, custom_code, is left out: its offset in the vtable is 0.
    return content + b"".join(n[:6] + bytes(2) + n[8:] + part if len(n) > 8 else n + part for n, part in parts)


def test_plain_networks_pass() -> None:
    check_tflite(TINY_TFLITE, "tiny")
    check_tflite(written(SOFTMAX, 3, 117), "made")


@pytest.mark.parametrize("code", [WHILE, CUSTOM, 118, 129, 142, 400, -3])
def test_operators_of_somebodys_own_and_control_flow_are_refused(code: int) -> None:
    with pytest.raises(AssetError, match=f"made: uses the operator {max(code, min(code, 127))} "):
        check_tflite(written(SOFTMAX, code), "made")


def test_further_graphs_are_refused() -> None:
    for graphs in (0, 2):
        with pytest.raises(AssetError, match=f"holds {graphs} graphs"):
            check_tflite(written(SOFTMAX, graphs=graphs), "made")


@pytest.mark.parametrize("content", [b"", b"TFL3", TINY_ONNX, b"\xff" * 64, written(SOFTMAX)[:40]])
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    with pytest.raises(AssetError, match="is no TensorFlow Lite file"):
        check_tflite(content, "made")


def test_every_damage_is_refused_or_passed_on_in_bounds() -> None:
    rng = np.random.default_rng(5)
    for _ in range(2000):
        content = bytearray(TINY_TFLITE)
        for at in rng.integers(0, len(content), 3):
            content[at] = int(rng.integers(256))
        with contextlib.suppress(AssetError):
            check_tflite(bytes(content[: int(rng.integers(8, len(content) + 1))]), "made")


def test_the_numbers_are_those_of_the_schema() -> None:
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    assert {number: getattr(schema.BuiltinOperator, name) for number, name in OPERATORS.items()} == {
        number: number for number in OPERATORS
    }


def test_one_is_refused_before_it_is_tried(tmp_path: Path) -> None:
    given = write_tiny(tmp_path / "given", written(WHILE))
    (given / "tiny.onnx").write_bytes(TINY_ONNX)
    text = (given / "manifest.toml").read_text()
    digest = hashlib.sha256(TINY_ONNX).hexdigest()
    head, tail = text.split("sha256 = ", 1)
    (given / "manifest.toml").write_text(f'{head}sha256 = "{digest}"{tail[66:]}')
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    with pytest.raises(AssetError, match=r"tiny\.tflite: uses the operator 119"):
        install(Library.of(state), given)
