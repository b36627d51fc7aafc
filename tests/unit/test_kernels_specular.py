"""Separating mirrored light, against the same written plainly, and by what the physics says must come out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from livegate.kernels.specular import GRID, LEVELS, ROUNDS, halve, specular_part, spots

pictures = arrays.arrays(
    np.uint8, st.tuples(st.just(3), st.integers(2, 12), st.integers(2, 12)), elements=st.integers(0, 255)
)


def separated(planes: np.ndarray) -> np.ndarray:
    size = planes.shape[1:]
    out = np.full(size, -1, np.float32)
    specular_part(planes, np.empty(size, np.float32), np.empty(size, np.float32), np.empty(GRID, np.float32), out)
    return out


def blurred(grid: np.ndarray, axis: int) -> np.ndarray:
    around = [(0, 0)] * grid.ndim
    around[axis] = (1, 1)
    padded = np.moveaxis(np.pad(grid, around), axis, 0)
    return np.moveaxis((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4, 0, axis)


def corners(guide: np.ndarray) -> list[tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]]:
    """The eight cells about each pixel, and each one's share of it."""
    rows, columns = guide.shape
    v, u = np.meshgrid((np.arange(rows) + 0.5) / rows * 4, (np.arange(columns) + 0.5) / columns * 4, indexing="ij")
    w = np.where(guide > 0, (guide - 0.5) / 0.04, 0)
    found = []
    for corner in np.ndindex(2, 2, 2):
        cells = tuple(np.floor(at).astype(int) + one for at, one in zip((v, u, w), corner, strict=True))
        shares = [at % 1 if one else 1 - at % 1 for at, one in zip((v, u, w), corner, strict=True)]
        found.append((cells, np.prod(shares, axis=0)))
    return found


def reference(planes: np.ndarray) -> np.ndarray:
    """Yang et al. 2010 over a bilateral grid, in float64."""
    picture = planes.astype(float)
    high, low, total = picture.max(0), picture.min(0), picture.sum(0)
    highest = np.divide(high, total, out=np.full(high.shape, 1 / 3), where=total > 0)
    coloured = total - 3 * low > np.float32(0.03) * total
    guide = np.divide(high - low, total - 3 * low, out=np.zeros(high.shape), where=coloured)
    around = corners(guide)
    for _ in range(ROUNDS):
        grid = np.zeros((*GRID[:2], LEVELS, 2))
        for cells, share in around:
            weight = np.where(coloured, total * share, 0)
            np.add.at(grid, cells, np.stack([weight, weight * highest], axis=-1))
        for axis in range(3):
            grid = blurred(grid, axis)
        seen = np.where(
            coloured[..., None],
            sum(grid[cells] * share[..., None] for cells, share in around),
            sum(grid.sum(2)[cells[:2]] * share[..., None] for cells, share in around),
        )
        raised = np.divide(seen[..., 1], seen[..., 0], out=np.zeros(high.shape), where=seen[..., 0] > 0)
        most = np.maximum(raised - highest, 0).max()
        highest = np.maximum(highest, raised)
        if most < 0.03:
            break
    beyond = 3 * highest - 1
    mirrored = np.divide(highest * total - high, beyond, out=np.zeros(high.shape), where=beyond > np.float32(0.03))
    return np.asarray(np.clip(mirrored, 0, low))


def coloured_surface(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Skin-coloured, shaded, with a highlight and a little noise."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    shading = 60 + 120 * np.sin(np.pi * (columns + 0.5) / size[1])
    gleam = 90 * np.exp(-((rows - size[0] / 3) ** 2 + (columns - size[1] / 2) ** 2) / 20)
    picture = np.array([0.5, 0.65, 1.0])[:, None, None] * shading + gleam + rng.normal(0, 2, (3, *size))
    return np.asarray(np.clip(picture.round(), 0, 255), np.uint8)


@pytest.mark.parametrize("size", [(64, 64), (32, 48), (5, 3)])
def test_as_written_plainly(size: tuple[int, int]) -> None:
    planes = coloured_surface(np.random.default_rng(1), size)
    np.testing.assert_allclose(separated(planes), reference(planes), atol=0.05)


def test_on_noise_as_written_plainly() -> None:
    planes = np.random.default_rng(2).integers(0, 256, (3, 24, 24), dtype=np.uint8)
    off = np.abs(separated(planes) - reference(planes))
    # Where hardly any colour is left to divide by, single and double precision part.
    assert np.quantile(off, 0.98) < 0.1


def test_a_highlight_is_found_where_it_is_and_its_surface_is_not() -> None:
    part = separated(coloured_surface(np.random.default_rng(3), (64, 64)))
    assert part[19:24, 30:35].min() > 45
    assert np.median(part[45:]) < 15


def test_a_white_glare_without_any_colour_is_all_mirrored() -> None:
    planes = coloured_surface(np.random.default_rng(4), (64, 64))
    planes[:, 40:44, 30:34] = 255
    assert separated(planes)[40:44, 30:34].min() > 240


@pytest.mark.parametrize("grey", [0, 1, 128, 255])
def test_nothing_is_mirrored_where_nothing_has_colour(grey: int) -> None:
    assert not separated(np.full((3, 16, 16), grey, np.uint8)).any()


@settings(max_examples=60, deadline=None)
@given(pictures)
def test_no_more_is_mirrored_than_there_is(planes: np.ndarray) -> None:
    part = separated(planes)
    assert np.isfinite(part).all()
    assert (part >= 0).all()
    assert (part <= planes.min(0)).all()


@settings(max_examples=60, deadline=None)
@given(pictures)
def test_which_channel_is_which_does_not_matter(planes: np.ndarray) -> None:
    np.testing.assert_allclose(separated(planes), separated(np.ascontiguousarray(planes[::-1])), atol=0.01)


def test_half_the_size_is_the_mean_of_four_rounded() -> None:
    planes = np.random.default_rng(5).integers(0, 256, (3, 10, 14), dtype=np.uint8)
    out = np.empty((3, 5, 7), np.uint8)
    halve(planes, out)
    sums = planes.reshape(3, 5, 2, 7, 2).astype(int).sum((2, 4))
    np.testing.assert_array_equal(out, (sums + 2) // 4)


@settings(max_examples=60, deadline=None)
@given(arrays.arrays(np.float32, (6, 5), elements=st.floats(0, 255, width=32)))
def test_spots_are_counted(part: np.ndarray) -> None:
    out = np.empty(3)
    spots(part, 1.5, 4.0, out)
    mean = part.mean(dtype=np.float64)
    kept = part[(part >= 1.5 * mean) & (part < 4.0 * mean)].astype(float)
    wanted = [kept.size / part.size, kept.mean(), kept.std()] if kept.size else [0, 0, 0]
    np.testing.assert_allclose(out, wanted, atol=1e-3)
