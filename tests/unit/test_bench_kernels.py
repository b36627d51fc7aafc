"""What the texture kernels are compared with does the same work, and is timed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.errors import AssetError
from livegate.texture.patterns import patterns
from livegate.texture.phase import RHO, phases
from livegate.types import Box, Observation
from livegate_tools.bench import plain
from livegate_tools.bench.kernels import SIDES, WINDOW, KernelBench, kernel_bench
from support.sights import face, frame_set

PLANES = np.random.default_rng(1).integers(0, 256, (6, 64, 64), dtype=np.uint8)
REAL = PLANES.astype(np.float32)


@pytest.mark.parametrize("form", [plain.numpy_lbp, plain.opencv_lbp, plain.scikit_image_lbp()])
def test_every_form_names_the_same_patterns(form: plain.Lbp | None) -> None:
    if form is None:
        pytest.skip("needs scikit-image (extra dev)")
    # Only scikit-image takes whole levels as they are, and warns of others.
    planes: Any = PLANES if form.__name__ == "lbp" else REAL
    found = form(planes)
    assert found.shape == PLANES.shape
    assert np.mean(found == patterns(PLANES)) > 0.9999


@settings(max_examples=40, deadline=None)
@given(st.tuples(st.integers(1, 3), st.integers(1, 12), st.integers(1, 12)), st.integers(0, 2**32))
def test_patterns_without_compiling(shape: tuple[int, int, int], seed: int) -> None:
    # Of whole levels a neighbour may be as bright as the middle but for rounding, of such noise none is.
    planes: Any = np.random.default_rng(seed).random(shape)
    np.testing.assert_array_equal(plain.numpy_lbp(planes), patterns(planes))


def test_phases_without_compiling() -> None:
    whole = plain.numpy_lpq(REAL, WINDOW, np.eye(8, dtype=np.float32))
    assert np.mean(whole == phases(PLANES, WINDOW, decorrelated=False)) > 0.99
    mixed = plain.numpy_lpq(REAL, WINDOW, plain.uncorrelated(WINDOW, RHO))
    assert mixed.shape == whole.shape
    # Bits of uncorrelated numbers of noise that looks like pictures are half ones and go their own ways.
    smooth = np.cumsum(np.cumsum(np.random.default_rng(2).normal(size=(1, 200, 200)), axis=1), axis=2)
    codes = plain.numpy_lpq(smooth.astype(np.float32), WINDOW, plain.uncorrelated(WINDOW, RHO))
    assert np.unique(codes).size > 100


def observation(box: Box) -> Observation:
    picture = np.random.default_rng(3).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    return Observation(frame_set(rgb=picture), face(box))


def test_what_is_timed() -> None:
    bench = kernel_bench([observation(Box(200, 100, 150, 200))])
    found = bench.measure(2)
    assert {
        "lbp",
        "lpq",
        "describe_spmt",
        "dense_surf",
        "cue_spmt",
        *(f"{name}_{side}px" for name in ("lbp", "lpq") for side in SIDES),
    } <= set(found)
    assert set(found["lbp"].ratio) == {"scikit-image", "numpy", "opencv"}
    assert set(found["lpq"].ratio) == {"numpy"}
    assert found["lbp"].ns_per_pixel is None
    per_pixel = found["lbp_64px"].ns_per_pixel
    assert per_pixel == pytest.approx(found["lbp_64px"].timing.p50_ms * 1e6 / 64**2, rel=0.05)


def test_without_a_library_its_ratio_is_null() -> None:
    calls = {"lbp": lambda _: None, "lbp/numpy": lambda _: sum(range(1000))}
    found = KernelBench((calls,), frozenset({"lbp/scikit-image"})).measure(3)
    assert found["lbp"].ratio["scikit-image"] is None
    assert found["lbp"].ratio["numpy"] is not None


def test_no_face_is_large_enough() -> None:
    with pytest.raises(AssetError, match="large enough"):
        kernel_bench([observation(Box(0, 0, 4, 4))])
