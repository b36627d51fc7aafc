"""Phase quantisation, co-occurrence and the descriptors, against plain NumPy."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from livegate.kernels.coalbp import PAIRS, count_pairs
from livegate.kernels.pyramid import count_pyramid
from livegate.texture.crop import SIDE
from livegate.texture.descriptors import DESCRIPTORS
from livegate.texture.patterns import patterns
from livegate.texture.phase import RHO, phases
from livegate.texture.planes import byte_planes, colour_planes

Complex = NDArray[np.complex128]
SEED = st.integers(0, 2**32 - 1)


def levels(*shape: int, seed: int = 0, most: int = 256) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, most, shape, dtype=np.uint8)


def smooth(height: int, width: int) -> NDArray[np.uint8]:
    """A plane whose neighbouring pixels are alike, as a picture's are."""
    steps = np.random.default_rng(5).normal(size=(height, width))
    return np.clip(128 + 4 * steps.cumsum(axis=0).cumsum(axis=1) / np.sqrt(height), 0, 255).astype(np.uint8)


def basis(window: int) -> list[Complex]:
    """The four waves of the authors' lpq.m, (window, window) each."""
    wave = np.exp(-2j * np.pi * (np.arange(window) - window // 2) / window)[np.newaxis]
    flat = np.ones_like(wave)
    return [flat.T * wave, wave.T * flat, wave.T * wave, wave.T * wave.conj()]


def transformed(plane: NDArray[np.uint8], window: int, decorrelated: bool) -> NDArray[np.float64]:
    """The eight numbers of every window, as lpq.m has them up to their signs, (..., 8)."""
    # A convolution: the wave runs against the picture.
    windows = np.lib.stride_tricks.sliding_window_view(plane.astype(np.float64), (window, window))[..., ::-1, ::-1]
    found = [(windows * wave).sum(axis=(-2, -1)) for wave in basis(window)]
    numbers = np.stack([part for one in found for part in (one.real, one.imag)], axis=-1)
    if not decorrelated:
        return numbers
    y, x = (axis.ravel() for axis in np.mgrid[:window, :window])
    correlation = RHO ** np.hypot(y[:, None] - y, x[:, None] - x)
    rows = np.stack([part.ravel() for wave in basis(window) for part in (wave.real, wave.imag)])
    apart = np.diag(1 + 1e-6 * np.arange(7, -1, -1))
    _, _, turned = np.linalg.svd(apart @ rows @ correlation @ rows.T @ apart)
    return numbers @ turned.T


@pytest.mark.parametrize("decorrelated", [False, True])
@pytest.mark.parametrize("window", [3, 5, 7])
def test_phases_are_the_signs_of_the_transform(window: int, decorrelated: bool) -> None:
    plane = smooth(40, 52)
    numbers = transformed(plane, window, decorrelated)
    codes = phases(plane[np.newaxis], window, decorrelated)[0]
    assert codes.shape == (41 - window, 53 - window)
    # Numbers that are nothing but rounding have the sign of the rounding.
    told = np.abs(numbers) > 0.2
    assert told.mean() > 0.8
    for bit in range(8):
        same = ((codes >> bit & 1) == (numbers[..., bit] > 0))[told[..., bit]]
        # A principal component's sign is anybody's choice.
        share = max(same.mean(), 1 - same.mean()) if decorrelated else same.mean()
        assert share == 1


@pytest.mark.parametrize("decorrelated", [False, True])
@pytest.mark.parametrize("value", [0, 1, 77, 255])
def test_a_flat_window_has_no_phase(value: int, decorrelated: bool) -> None:
    assert (phases(np.full((2, 20, 30), value, dtype=np.uint8), 7, decorrelated) == 0).all()


@pytest.mark.parametrize("shape", [(1, 6, 40), (1, 40, 6), (2, 1, 1)])
def test_a_plane_below_a_window_has_no_codes(shape: tuple[int, ...]) -> None:
    assert phases(levels(*shape)).size == 0


@settings(max_examples=30, deadline=None)
@given(seed=SEED, shift=st.integers(0, 100))
def test_phases_know_no_brightness(seed: int, shift: int) -> None:
    planes = levels(1, 20, 20, seed=seed, most=150)
    assert (phases(planes) == phases(planes + np.uint8(shift))).all()


def test_phases_of_strided_planes() -> None:
    planes = levels(6, 40, 60)[::2, ::-1, ::2]
    assert (phases(planes) == phases(planes.copy())).all()


@pytest.mark.parametrize("window", [0, 1, 2, 4, 7.0, 9])
def test_windows_of_another_size_are_refused(window: Any) -> None:
    with pytest.raises(ValueError, match="expected 3, 5 or 7 pixels"):
        phases(levels(1, 20, 20), window)


@pytest.mark.parametrize("planes", [np.full((1, 20, 20), 0.5), np.zeros((20, 20), np.uint8)])
def test_phases_of_what_are_no_planes_are_refused(planes: Any) -> None:
    with pytest.raises(ValueError, match=r"expected \(planes, height, width\) of uint8, found"):
        phases(planes)


@pytest.mark.parametrize("name", DESCRIPTORS)
@pytest.mark.parametrize("crop", [np.zeros((64, 64, 3), np.uint8), np.zeros((3, 64, 64)), np.zeros((64, 64), np.uint8)])
def test_what_is_no_crop_is_refused(name: str, crop: Any) -> None:
    with pytest.raises(ValueError, match=r"expected \(3, (64|height), (64|width)\) of uint8"):
        DESCRIPTORS[name].of(crop)


@pytest.mark.parametrize("side", [5, 63, 65])
def test_regions_of_another_crop_are_refused(side: int) -> None:
    with pytest.raises(ValueError, match=r"expected \(3, 64, 64\) of uint8"):
        DESCRIPTORS["hsv_lbp_ycbcr_lpq"].of(levels(3, side, side))


def pairs(plane: NDArray[np.uint8], scale: int, distance: int) -> NDArray[np.int64]:
    """Co-occurrences counted pixel by pixel, (4, 16, 16)."""
    height, width = plane.shape
    found = np.zeros((4, 16, 16), dtype=np.int64)

    def pattern(y: int, x: int) -> int | None:
        if not (scale <= y < height - scale and scale <= x < width - scale):
            return None
        around = plane[y, x + scale], plane[y - scale, x], plane[y, x - scale], plane[y + scale, x]
        return sum(1 << k for k, value in enumerate(around) if value > plane[y, x])

    for y in range(height):
        for x in range(width):
            for direction, (down, right) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
                first, second = pattern(y, x), pattern(y + down * distance, x + right * distance)
                if first is not None and second is not None:
                    found[direction, first, second] += 1
    return found


@settings(max_examples=25, deadline=None)
@given(
    size=st.tuples(st.integers(1, 14), st.integers(1, 14)),
    step=st.sampled_from([(1, 2), (2, 4), (4, 8), (1, 1)]),
    most=st.sampled_from([2, 256]),
    seed=SEED,
)
def test_pairs_are_those_counted_one_by_one(size: tuple[int, int], step: tuple[int, int], most: int, seed: int) -> None:
    planes = levels(2, *size, seed=seed, most=most)
    counts = np.empty((2, PAIRS), dtype=np.int32)
    count_pairs(planes, *step, np.empty(size, dtype=np.uint8), counts)
    assert (counts.reshape(2, 4, 16, 16) == [pairs(plane, *step) for plane in planes]).all()


def test_the_pyramid_counts_every_inner_pixel_once_a_level() -> None:
    found = levels(2, SIDE, SIDE, most=59)
    counts = np.empty((2, 21, 59), dtype=np.int32)
    count_pyramid(found, 1, counts)
    for p in range(2):
        inner = found[p, 1:-1, 1:-1]
        assert (counts[p, 0] == np.bincount(inner.ravel(), minlength=59)).all()
        assert (counts[p, 1:5].sum(axis=0) == counts[p, 0]).all()
        assert (counts[p, 5:].sum(axis=0) == counts[p, 0]).all()
        assert (counts[p, 1 + 1] == np.bincount(found[p, 1:32, 32:63].ravel(), minlength=59)).all()
        assert (counts[p, 5 + 6] == np.bincount(found[p, 16:32, 32:48].ravel(), minlength=59)).all()


CROPS = {
    "random": levels(3, SIDE, SIDE),
    "black": np.zeros((3, SIDE, SIDE), dtype=np.uint8),
    "saturated": np.full((3, SIDE, SIDE), 255, dtype=np.uint8),
    "smooth": np.stack([smooth(SIDE, SIDE)] * 3),
}


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize("name", DESCRIPTORS)
def test_every_crop_has_every_descriptor(name: str, crop: str) -> None:
    found = DESCRIPTORS[name].of(CROPS[crop])
    assert found.shape == (DESCRIPTORS[name].length,)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert float(found @ found) == pytest.approx(1, abs=1e-4)


def test_descriptors_have_the_papers_lengths() -> None:
    lengths = {name: one.length for name, one in DESCRIPTORS.items()}
    assert lengths == {"spmt": 59 * 21 * 6, "coalbp": 2 * 9216, "lpq": 6 * 256, "hsv_lbp_ycbcr_lpq": 3 * 833 + 3 * 256}


def test_spmt_by_hand() -> None:
    crop = CROPS["random"]
    found = patterns(byte_planes(colour_planes(crop)))[:, 1:-1, 1:-1]
    whole = np.stack([np.bincount(plane.ravel(), minlength=59) for plane in found])
    vector = DESCRIPTORS["spmt"].of(crop).reshape(6, 21, 59)
    assert np.allclose(vector[:, 0], np.sqrt(whole / (6 * 3 * 62 * 62)), atol=1e-6)


def test_descriptors_call_no_other_kernels_than_they_name() -> None:
    program = (
        "import sys, numpy as np\n"
        "from livegate.texture.descriptors import DESCRIPTORS\n"
        "for one in DESCRIPTORS.values():\n"
        "    one.of(np.zeros((3, 64, 64), np.uint8))\n"
        "    print(*sorted(name[17:] for name in sys.modules if name.startswith('livegate.kernels.')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    named = {"compiled"}
    for one, loaded in zip(DESCRIPTORS.values(), done.stdout.splitlines(), strict=True):
        named |= set(one.kernels)
        assert set(loaded.split()) == named


BOUNDS = """
import numpy as np
from livegate.texture.crop import face_crop
from livegate.texture.descriptors import DESCRIPTORS
from livegate.texture.patterns import patterns, patterns_16
from livegate.texture.phase import phases
from livegate.types import Box
random = np.random.default_rng(0)
image = random.integers(0, 256, (30, 40, 3), dtype=np.uint8)
for box in (Box(5, 5, 20, 18), Box(-5, -5, 20, 20), Box(25, 16, 20, 20), Box(0, 0, 39, 30), Box(20.7, 9.2, 16, 16)):
    crop = face_crop(image, box, 14)
for name in ("spmt", "coalbp", "lpq"):
    DESCRIPTORS[name].of(crop)
    for side in (1, 2, 3, 5, 9):
        DESCRIPTORS[name].of(np.ascontiguousarray(crop[:, :side, :side]))
for shape in ((1, 1, 1), (1, 2, 9), (2, 9, 2), (1, 7, 7)):
    planes = random.integers(0, 256, shape, dtype=np.uint8)
    patterns(planes), patterns(planes, 2), patterns_16(planes), phases(planes), phases(planes, 3)
    patterns(planes / 255.0), patterns_16(planes / 255.0)
"""


def test_no_kernel_reads_beyond_its_arrays() -> None:
    # As Python, where NumPy checks every index; compiled with the checks it takes a minute and finds the same.
    environment = os.environ | {"NUMBA_BOUNDSCHECK": "1", "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", BOUNDS], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
