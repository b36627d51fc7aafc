from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from livegate.errors import AssetError
from livegate.weights import MOST_BYTES, WEIGHTS, read_weights, write_weights


def test_arrays_come_back_as_they_were_written(tmp_path: Path) -> None:
    arrays = {
        "margin": np.linspace(-1, 1, 12, dtype=np.float16).reshape(3, 4),
        "mean": np.array([0.5, -2.0], np.float32),
        "places": np.array([[-128, 127]], np.int8),
    }
    found = read_weights(tmp_path, write_weights(tmp_path, arrays))
    assert found.keys() == arrays.keys()
    assert found["margin"].dtype == np.float32
    assert found["places"].dtype == np.int8
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_the_same_arrays_are_the_same_bytes(tmp_path: Path) -> None:
    one = {"a": np.ones(5, np.float32), "b": np.zeros(2, np.int16)}
    first = write_weights(tmp_path, one)
    assert write_weights(tmp_path, dict(reversed(one.items()))) == first


@pytest.mark.parametrize("array", [np.array(["x"], object), np.ones(3), np.array([np.nan], np.float32)])
def test_what_cannot_be_read_again_is_not_written(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="'a': expected finite"):
        write_weights(tmp_path, {"a": array})
    assert not (tmp_path / WEIGHTS).exists()


def packed(folder: Path, members: dict[str, bytes]) -> str:
    with zipfile.ZipFile(folder / WEIGHTS, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def npy_bytes(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=allow_pickle)
    return file.getvalue()


def test_an_altered_file_is_refused_by_its_hash(tmp_path: Path) -> None:
    digest = write_weights(tmp_path, {"a": np.ones(5, np.float32)})
    content = bytearray((tmp_path / WEIGHTS).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / WEIGHTS).write_bytes(content)
    with pytest.raises(AssetError, match=f"expected SHA-256 {digest}"):
        read_weights(tmp_path, digest)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"weights\.npz: cannot be read"):
        read_weights(tmp_path, "0" * 64)


HUGE = npy_bytes(np.ones(3, np.float32)).replace(b"(3,), }", b"(999999999999,), }").replace(b" " * 12 + b"\n", b"\n")


@pytest.mark.parametrize(
    "member",
    [
        b"",
        b"no array",
        npy_bytes(np.array([{"a": 1}], object), allow_pickle=True),
        npy_bytes(np.ones(3, np.float64)),
        npy_bytes(np.array([np.inf], np.float32)),
        npy_bytes(np.ones(4, np.float32))[:-1],
        npy_bytes(np.ones(4, np.float32)) + b"more",
        HUGE,
    ],
)
def test_anything_but_finite_numbers_is_refused(tmp_path: Path, member: bytes) -> None:
    digest = packed(tmp_path, {"a.npy": member})
    with pytest.raises(AssetError, match="holds no arrays of numbers"):
        read_weights(tmp_path, digest)


def with_header(text: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize("member", [with_header(b"(" * 9000), with_header(b"-" * 9000 + b"1"), with_header(b"{" * 9)])
def test_a_header_that_is_none_is_refused(tmp_path: Path, member: bytes) -> None:
    digest = packed(tmp_path, {"a.npy": member})
    with pytest.raises(AssetError, match="holds no arrays of numbers"):
        read_weights(tmp_path, digest)


@pytest.mark.parametrize("way", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_cannot_be_unpacked_is_refused(tmp_path: Path, way: int) -> None:
    path = tmp_path / WEIGHTS
    with zipfile.ZipFile(path, "w", way) as file:
        file.writestr("a.npy", npy_bytes(np.arange(999, dtype=np.int32)))
    content = bytearray(path.read_bytes())
    content[40:80] = bytes(byte ^ 255 for byte in content[40:80])
    path.write_bytes(content)
    with pytest.raises(AssetError, match="holds no arrays of numbers"):
        read_weights(tmp_path, hashlib.sha256(content).hexdigest())


def test_a_file_that_unpacks_to_too_much_is_refused_before_it_does(tmp_path: Path) -> None:
    digest = packed(tmp_path, {f"{n}.npy": bytes(MOST_BYTES // 2) for n in range(3)})
    assert (tmp_path / WEIGHTS).stat().st_size < MOST_BYTES // 10
    with pytest.raises(AssetError, match="more arrays or bytes"):
        read_weights(tmp_path, digest)


def test_no_archive_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / WEIGHTS).write_bytes(b"PK\x03\x04 but no more")
    digest = hashlib.sha256((tmp_path / WEIGHTS).read_bytes()).hexdigest()
    with pytest.raises(AssetError, match="holds no arrays"):
        read_weights(tmp_path, digest)
