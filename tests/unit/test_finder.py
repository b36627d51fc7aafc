"""The face finder takes any picture, and no damaged model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livegate.detect.finder import Finder, open_finder
from livegate.detect.finder_manifest import read_finder
from livegate.detect.windows import face_of, window_of
from livegate.errors import AssetError, PadError
from livegate.installed.shelf import Shelf
from livegate.types import Box
from livegate.weights import read_weights, write_weights
from support.finders import random_finder, random_trees

RNG = np.random.default_rng(3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_finder(tmp_path_factory.mktemp("models") / "finder")


@pytest.fixture(scope="module")
def finder(folder: Path) -> Finder:
    return open_finder(Shelf(active={"finder": folder}))


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (700, 1), (20, 30), (240, 320), (480, 640), (1200, 900)])
def test_it_takes_a_picture_of_any_size(finder: Finder, shape: tuple[int, int]) -> None:
    for image in (RNG.integers(0, 256, (*shape, 3), np.uint8), np.zeros((*shape, 3), np.uint8)):
        faces = finder.detect(image)
        confidences = [face.confidence for face in faces]
        assert confidences == sorted(confidences, reverse=True)
        assert all(face.p_bona_fide == face.p_attack and 0.2 <= face.confidence <= 1 for face in faces)
        assert all(np.isfinite([face.box.x, face.box.y, face.box.w, face.box.h]).all() for face in faces)


def test_it_finds_the_same_in_a_view_of_a_larger_array(finder: Finder) -> None:
    large = RNG.integers(0, 256, (300, 500, 3), np.uint8)
    view = large[10:250:1, 400:20:-1, ::-1]
    assert finder.detect(view) == finder.detect(np.ascontiguousarray(view))
    assert finder.detect(view), "random trees find something in noise"


def test_it_takes_a_picture_that_cannot_be_written(finder: Finder) -> None:
    image = RNG.integers(0, 256, (240, 320, 3), np.uint8)
    found = finder.detect(image)
    image.flags.writeable = False
    assert finder.detect(image) == found


def test_it_remembers_nothing_between_pictures(finder: Finder) -> None:
    first, second = (RNG.integers(0, 256, (200, 260, 3), np.uint8) for _ in range(2))
    before = finder.detect(first)
    finder.detect(second)
    for size in range(40, 240, 40):
        finder.detect(RNG.integers(0, 256, (size, 90, 3), np.uint8))
    assert finder.detect(first) == before


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(finder: Finder, image: np.ndarray) -> None:
    with pytest.raises(PadError, match="expected an"):
        finder.detect(image)


def test_weights_that_overflow_find_nothing_and_read_nowhere_else(folder: Path) -> None:
    model = read_finder(folder)
    signs = {name: np.where(np.arange(array.size) % 2, 3e38, -3e38) for name, array in model.network.items()}
    huge = {name: signs[name].reshape(array.shape).astype(np.float32) for name, array in model.network.items()}
    every = replace(model.trees, least=np.full_like(model.trees.least, -3e38))
    finder = Finder(replace(model, network=huge, trees=every))
    assert finder.detect(RNG.integers(0, 256, (240, 320, 3), np.uint8)) == ()


def test_a_face_lies_in_its_window() -> None:
    face = Box(30.0, 40.0, 60.0, 80.0)
    window = window_of(face)
    offsets = np.array([0, 0, np.log(face.w / window.w), np.log(face.h / window.h)], np.float32)
    assert face_of(window, offsets).iou(face) > 0.999
    # Whatever a damaged network says, a box is a box.
    wild = face_of(window, np.array([np.inf, -np.inf, 1e30, -1e30], np.float32))
    assert np.isfinite([wild.x, wild.y, wild.w, wild.h]).all()


def rewritten(folder: Path, tmp_path: Path, **changes: np.ndarray) -> Path:
    """Write the model anew with other arrays, the manifest naming them."""
    sha256 = read_finder(folder).model.weights_sha256
    arrays = read_weights(folder, sha256) | changes
    digest = write_weights(tmp_path, arrays)
    text = (folder / "manifest.toml").read_text().replace(sha256, digest)
    (tmp_path / "manifest.toml").write_text(text)
    return tmp_path


def trees_of(count: int) -> dict[str, np.ndarray]:
    trees = random_trees(count)
    return {"nodes": trees.nodes.astype(np.int16), "leaves": trees.leaves, "least": trees.least}


def test_the_largest_finder_that_is_taken(folder: Path, tmp_path: Path) -> None:
    assert len(read_finder(rewritten(folder, tmp_path, **trees_of(200))).trees.least) == 200


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"nodes": np.full((6, 15, 3), 576, np.int16)}, "outside a window"),
        ({"nodes": np.full((6, 15, 3), -1, np.int16)}, "outside a window"),
        ({"nodes": np.zeros((6, 15, 3), np.float32)}, "whole numbers"),
        ({"nodes": np.zeros((5, 15, 3), np.int16)}, "whole numbers"),
        ({"leaves": np.zeros((6, 8), np.float32)}, "leaves"),
        ({"least": np.zeros((0,), np.float32)}, "bounds"),
        ({"kernel_2": np.zeros((3, 3, 3, 5), np.float32)}, "kernel_2"),
        ({"bias_1": np.zeros((4, 1), np.float32)}, "bias_1"),
        ({"matrix_1": np.zeros((95, 7), np.float32)}, "matrix_1"),
        ({"matrix_2": np.zeros((7, 4), np.float32), "offset_2": np.zeros(4, np.float32)}, "4 numbers"),
        ({"more": np.zeros(1, np.float32)}, "more"),
        (trees_of(201), "at most 200 trees"),
        ({"kernel_3": np.zeros((3, 3, 5, 129), np.float32), "bias_3": np.zeros(129, np.float32)}, "D up to 128"),
        ({"matrix_1": np.zeros((96, 129), np.float32), "offset_1": np.zeros(129, np.float32)}, "D up to 128"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    folder: Path, tmp_path: Path, changes: dict[str, np.ndarray], said: str
) -> None:
    with pytest.raises(AssetError, match=said):
        read_finder(rewritten(folder, tmp_path, **changes))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('kind = "face_cascade"', 'kind = "weights"'),
        ("stride = 2", "stride = 0"),
        ("stride = 2", "stride = 1"),
        ("smallest_px = 52.0", "smallest_px = 4.0"),
        ("smallest_px = 52.0", "smallest_px = 39.0"),
        ("confidence = 0.2", "confidence = 2"),
        ("[scan]", "[scam]"),
        ("weights_sha256", "weights_sha1"),
    ],
)
def test_a_damaged_manifest_is_refused(folder: Path, tmp_path: Path, before: str, after: str) -> None:
    (tmp_path / "weights.npz").write_bytes((folder / "weights.npz").read_bytes())
    text = (folder / "manifest.toml").read_text()
    assert before in text
    (tmp_path / "manifest.toml").write_text(text.replace(before, after))
    with pytest.raises(AssetError, match=r"manifest\.toml"):
        read_finder(tmp_path)


def test_other_weights_than_the_manifests_are_refused(folder: Path, tmp_path: Path) -> None:
    content = bytearray((folder / "weights.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "weights.npz").write_bytes(content)
    (tmp_path / "manifest.toml").write_text((folder / "manifest.toml").read_text())
    with pytest.raises(AssetError, match="SHA-256"):
        read_finder(tmp_path)
