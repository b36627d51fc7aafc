"""The finder's kernels equal what plain Python says, and stay within their arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from livegate.detect.cascade import Trees
from livegate.detect.grey_stack import MARGIN, GreyStack
from livegate.kernels.pixel_trees import repeat_edges, scan, thin
from livegate.kernels.small_network import combine, convolve_halving, look
from livegate.kernels.tree_shape import CONTRAST_STEPS, DARK, DEPTH, NODES, WINDOW
from support.bounds import stays_within
from support.finders import random_trees


def averaged(image: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Average (H, W) over areas."""

    def shares(many: int, few: int) -> NDArray[np.float64]:
        edges = np.arange(few + 1) * many / few
        pixels = np.arange(many)
        overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
        return np.maximum(overlap, 0) * few / many

    return shares(image.shape[0], height) @ image @ shares(image.shape[1], width).T


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.integers(1, 40), st.integers(0, 9))
def test_levels_are_averages_over_areas(height: int, width: int, less_high: int, less_wide: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    stack = GreyStack(max(1, width - less_wide), max(1, height - less_high), width)
    stack.fill(image)
    before = (image @ [29, 150, 77]) / 256
    for index, (_, _, high, wide) in enumerate(stack.levels):
        level = stack.picture(index)
        assert np.abs(averaged(before, high, wide) - level).max() <= 0.51
        before = level.astype(np.float64)


def test_a_margin_repeats_the_edge() -> None:
    stack = np.zeros((15, 17), np.uint8)
    picture = np.random.default_rng(1).integers(1, 256, (7, 9), np.uint8)
    stack[4:11, 4:13] = picture
    repeat_edges(stack, np.array([4, 4, 7, 9]))
    np.testing.assert_array_equal(stack, np.pad(picture, 4, mode="edge"))


def plainly(stack: GreyStack, trees: Trees, stride: int) -> list[tuple[int, int, int, float]]:
    """Scan in plain Python."""
    found = []
    for level in reversed(range(len(stack.levels))):
        picture = np.pad(stack.picture(level), MARGIN, mode="edge").astype(int)
        for y in range(0, picture.shape[0] - WINDOW + 1, stride):
            for x in range(0, picture.shape[1] - WINDOW + 1, stride):
                total = asked(picture[y : y + WINDOW, x : x + WINDOW].ravel(), trees)
                if total is not None:
                    found.append((level, x, y, total))
    return found


def asked(window: NDArray[np.int_], trees: Trees) -> float | None:
    total = np.float32(0)
    for nodes, leaves, least in zip(trees.nodes, trees.leaves, trees.least, strict=True):
        node = 0
        for _ in range(DEPTH):
            a, b = window[nodes[node, 0]], window[nodes[node, 1]]
            node = 2 * node + (2 if CONTRAST_STEPS * (a - b) >= nodes[node, 2] * (a + b + DARK) else 1)
        total += leaves[node - NODES]
        if total < least:
            return None
    return float(total)


@pytest.mark.parametrize(("width", "height", "stride"), [(40, 33, 1), (16, 16, 1), (61, 17, 2), (29, 44, 3)])
def test_scanning_equals_plain_python(width: int, height: int, stride: int) -> None:
    image = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    stack = GreyStack(width, height, width)
    stack.fill(image)
    trees = random_trees(seed=height)
    found = np.zeros((5000, 4), np.float32)
    count = scan(stack.pixels, stack.places, stride, *trees.on(stack.row_bytes), found)
    expected = plainly(stack, trees, stride)
    assert 0 < count == len(expected)
    np.testing.assert_allclose(found[:count], expected, rtol=1e-6)
    few = np.zeros((2, 4), np.float32)
    assert scan(stack.pixels, stack.places, stride, *trees.on(stack.row_bytes), few) == count
    np.testing.assert_array_equal(few[:count], found[: min(2, count)])


def test_of_windows_that_overlap_the_best_stays() -> None:
    windows = np.array([[0, 0, 10, 1], [1, 0, 10, 3], [30, 30, 10, 2], [2, 1, 10, 2.5], [0, 0, 2, 0.5]], np.float32)
    kept = np.zeros(9, np.int64)
    assert thin(windows, 5, np.float32(0.4), np.zeros(5, np.bool_), kept) == 3
    assert kept[:3].tolist() == [1, 2, 4]
    assert thin(windows, 5, np.float32(0.4), np.zeros(5, np.bool_), kept[:1]) == 1
    assert thin(windows, 0, np.float32(0.4), np.zeros(5, np.bool_), kept) == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.floats(-50, 50), st.floats(-50, 50), st.floats(0.1, 90))
def test_a_look_is_bilinear_and_normal(height: int, width: int, x: float, y: float, side: float) -> None:
    stack = np.random.default_rng(height).integers(0, 256, (height + 3, width + 5), np.uint8)
    square, out = np.array([x, y, side], np.float32), np.zeros((8, 8, 1), np.float32)
    look(stack, np.array([3, 5, height, width]), square, out)
    rows, columns = (np.clip(square[k] + (np.arange(8) + 0.5) * square[2] / 8 - 0.5, 0, n - 1) for k, n in
                     ((1, height), (0, width)))  # fmt: skip
    picture = stack[3:, 5:].astype(np.float64)
    across = np.stack([np.interp(columns, np.arange(width), row) for row in picture])
    seen = np.stack([np.interp(rows, np.arange(height), column) for column in across.T], axis=1)
    np.testing.assert_allclose(out[:, :, 0], (seen - seen.mean()) / (seen.std() + 3), atol=2e-3)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 7), (1, 1), (2, 3)])
def test_convolving_equals_plain_sums(height: int, width: int) -> None:
    rng = np.random.default_rng(height)
    image, weight, bias = (
        rng.normal(size=shape).astype(np.float32) for shape in ((height, width, 3), (3, 3, 3, 5), (5,))
    )
    out = np.zeros(((height + 1) // 2, (width + 1) // 2, 5), np.float32)
    convolve_halving(image, weight, bias, out)
    padded = np.pad(image, ((1, 2), (1, 2), (0, 0))).astype(np.float64)
    for y, x in np.ndindex(out.shape[:2]):
        sums = np.einsum("jic,jicd->d", padded[2 * y : 2 * y + 3, 2 * x : 2 * x + 3], weight) + bias
        np.testing.assert_allclose(out[y, x], np.maximum(sums, 0), atol=1e-5)


def test_combining_is_a_product() -> None:
    rng = np.random.default_rng(2)
    values, weight, bias = (rng.normal(size=shape).astype(np.float32) for shape in ((6,), (6, 4), (4,)))
    out = np.zeros(4, np.float32)
    combine(values, weight, bias, False, out)
    np.testing.assert_allclose(out, values @ weight + bias, rtol=1e-5)
    combine(values, weight, bias, True, out)
    np.testing.assert_allclose(out, np.maximum(values @ weight + bias, 0), rtol=1e-5)


CHECKED = """
import sys
from pathlib import Path
import numpy as np
from livegate.detect.finder import open_finder
from livegate.installed.shelf import Shelf
finder = open_finder(Shelf(active={"finder": Path(sys.argv[1])}))
rng = np.random.default_rng(1)
for shape in ((1, 1), (2, 9), (35, 34), (36, 36), (60, 61), (1, 700), (97, 130), (240, 320)):
    finder.detect(rng.integers(0, 256, (*shape, 3), np.uint8))
    finder.detect(np.full((*shape, 3), 255, np.uint8))
print("within")
"""


def test_the_kernels_stay_within_their_arrays(tmp_path: Path) -> None:
    """Compiled anew with every index checked."""
    from support.finders import random_finder

    stays_within(CHECKED, random_finder(tmp_path / "finder"))
