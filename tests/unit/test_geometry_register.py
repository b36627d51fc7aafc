"""The registration of depth: equal to a plain reference, honest at edges, whole when enlarged, safe on any input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from livegate.geometry.calibration import CalibratedCamera
from livegate.geometry.registering import DepthOnto
from livegate.geometry.tables import crossing
from support.bounds import stays_within
from support.rigs import camera, registered, turned

BARREL = (-0.25, 0.08, 0.001, -0.0008, -0.01)


def both(depth: NDArray[Any], source: CalibratedCamera, target: CalibratedCamera) -> tuple[NDArray[Any], NDArray[Any]]:
    way = crossing(source, target)
    return DepthOnto(source, target)(depth), registered(depth, way.rays, way.model, (target.height, target.width))


def scene(width: int = 64, height: int = 48, seed: int = 0) -> NDArray[np.uint16]:
    """Return a noisy ball before a wall, with holes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    r2 = ((x - width / 2) / (width / 4)) ** 2 + ((y - height / 2) / (height / 3)) ** 2
    depth = np.where(r2 < 1, 520 - 60 * np.sqrt(np.maximum(0, 1 - r2)), 1100) + rng.normal(0, 2, (height, width))
    depth[rng.random((height, width)) < 0.05] = 0
    depth[rng.random((height, width)) < 0.01] = 65535
    return depth.round().astype(np.uint16)


TARGETS = {
    "the same": camera(),
    "beside": camera(translation_mm=(40.0, 3.0, -5.0)),
    "larger": camera(160, 120, 150.0, translation_mm=(-25.0, 0.0, 0.0)),
    "smaller": camera(32, 24, 31.0),
    "turned": camera(rotation=turned(3, -4, 6), translation_mm=(15.0, 0.0, 2.0)),
    "on its side": camera(48, 64, rotation=turned(about_z=90)),
    "through a lens": camera(80, 60, 75.0, distortion=BARREL, translation_mm=(20.0, 0.0, 0.0)),
}


@pytest.mark.parametrize("name", TARGETS)
def test_kernel_equals_the_reference(name: str) -> None:
    source = camera(distortion=(-0.1, 0.02, 0.0, 0.001, 0.0), unit_mm=1.01, offset_mm=-2.0)
    kernel, reference = both(scene(), source, TARGETS[name])
    assert np.count_nonzero(kernel) > 0.3 * kernel.size
    np.testing.assert_array_equal(kernel, reference)


@given(arrays.arrays(np.uint16, (12, 16), elements=st.sampled_from([0, 1, 2, 300, 310, 500, 4000, 65534, 65535])))
def test_kernel_equals_the_reference_on_any_depth(depth: NDArray[Any]) -> None:
    source = camera(16, 12, 15.0, distortion=BARREL)
    kernel, reference = both(depth, source, camera(24, 20, 22.0, rotation=turned(5, 8, 20), translation_mm=(30, -9, 4)))
    np.testing.assert_array_equal(kernel, reference)


@given(arrays.arrays(np.uint16, (24, 32), elements=st.integers(0, 65535)))
def test_identity_is_identity(depth: NDArray[Any]) -> None:
    kept = np.where((depth == 65535), 0, depth)
    np.testing.assert_array_equal(DepthOnto(camera(32, 24), camera(32, 24))(depth), kept)


@given(st.floats(0.01, 3.0), st.floats(-40, 40))
def test_unit_and_offset_are_the_cameras(unit_mm: float, offset_mm: float) -> None:
    depth = np.full((24, 32), 400, np.uint16)
    out = DepthOnto(camera(32, 24, unit_mm=unit_mm, offset_mm=offset_mm), camera(32, 24))(depth)
    distance_mm = 400 * unit_mm + offset_mm
    if distance_mm >= 1.01:
        assert np.abs(out - distance_mm).max() <= 0.51
    elif distance_mm < 0.99:
        assert not out.any()


@pytest.mark.parametrize("degrees", [0, 30, 60, 70])
@pytest.mark.parametrize("scale", [1.0, 1.3, 2.0, 3.7])
def test_a_slanted_plane_has_no_cracks(degrees: float, scale: float) -> None:
    """However much it is enlarged, and seen from a side that shows more of it."""
    source = camera(96, 72, 100.0)
    target = camera(
        round(96 * scale), round(72 * scale), 100.0 * scale, rotation=turned(1, 0, 5), translation_mm=(-40, 6, 0)
    )
    x, y = (np.arange(96) - source.cx) / source.fx, (np.arange(72) - source.cy) / source.fy
    depth = 500 / (1 + np.tan(np.deg2rad(degrees)) * (x[None, :] + 0.2 * y[:, None]) * 0.5)
    out = DepthOnto(source, target)(np.broadcast_to(depth, (72, 96)).round().astype(np.uint16))
    rows = np.flatnonzero(out.any(axis=1))
    middle = out[(rows.min() + rows.max()) // 2 - 8 : (rows.min() + rows.max()) // 2 + 8]
    for row in middle:
        shown = np.flatnonzero(row)
        assert np.all(row[shown[0] : shown[-1]] > 0)


def test_behind_an_edge_nothing_is_invented() -> None:
    """A card at 400 mm before a wall at 1000: from 50 mm beside, a strip of the wall is what no pixel showed."""
    depth = np.full((48, 64), 1000, np.uint16)
    depth[12:36, 20:44] = 400
    target = camera(translation_mm=(50.0, 0.0, 0.0))
    out = DepthOnto(camera(), target)(depth)
    assert set(np.unique(out)) == {0, 400, 1000}
    # The card moves by 60 * 50 / 400 = 7.5 pixels, the wall by 3.
    row = out[24]
    card = np.flatnonzero(row == 400)
    assert abs(card[0] - 12.5) <= 1
    assert 24 <= card.size <= 25
    assert not row[card[-1] + 1 : card[-1] + 4].any()
    assert (row[card[-1] + 6 : 60] == 1000).all()


def test_the_nearer_wins_whatever_comes_first() -> None:
    depth = np.zeros((48, 64), np.uint16)
    depth[20:24, 30] = 400
    depth[20:24, 26] = 900
    # 60 * t / 400 - 60 * t / 900 = 4 pixels: both fall on one column.
    shift = 4 / (60 / 400 - 60 / 900)
    for sign in (1, -1):
        out = DepthOnto(camera(), camera(translation_mm=(sign * shift, 0.0, 0.0)))(
            depth if sign > 0 else depth[:, ::-1]
        )
        assert 400 in out
        assert 900 not in out


@settings(max_examples=30)
@given(st.floats(-400, 400), st.floats(-400, 400), st.floats(-2000, 2000), st.floats(-180, 180), st.integers(0, 9))
def test_points_that_leave_the_picture_or_lie_behind_it_are_left_out(
    x: float, y: float, z: float, degrees: float, seed: int
) -> None:
    target = camera(40, 30, 35.0, distortion=BARREL, rotation=turned(0, degrees, 0), translation_mm=(x, y, z))
    kernel, reference = both(scene(24, 18, seed), camera(24, 18, 20.0), target)
    np.testing.assert_array_equal(kernel, reference)


def test_what_a_lens_cannot_show_is_left_out() -> None:
    """A distortion that folds the corners back has no ray there."""
    folding = camera(distortion=(-1.2, 0.0, 0.0, 0.0, 0.0))
    way = crossing(folding, camera())
    assert np.isnan(way.rays[0, 0, 0])
    assert np.isfinite(way.rays[24, :, 32]).all()
    out = DepthOnto(folding, camera())(np.full((48, 64), 500, np.uint16))
    assert out[24, 32] == 500


def test_every_picture_is_a_new_one() -> None:
    onto = DepthOnto(camera(), camera())
    first = onto(np.full((48, 64), 500, np.uint16))
    kept = first.copy()
    second = onto(np.full((48, 64), 700, np.uint16)[::1, ::1])
    assert second is not first
    np.testing.assert_array_equal(first, kept)


def test_a_picture_that_is_not_contiguous() -> None:
    depth = scene(128, 96)[::2, ::2]
    np.testing.assert_array_equal(DepthOnto(camera(), camera())(depth), DepthOnto(camera(), camera())(depth.copy()))


CHECKED = """
import numpy as np
from support.rigs import camera, turned
from livegate.geometry.registering import DepthOnto, GreyOnto, Straightened, Surface
rng = np.random.default_rng(1)
for turn in (0, 7, 90, 180):
    near = camera(33, 21, 30.0, distortion=(-0.3, 0.1, 0.001, 0.0, 0.0), rotation=turned(0, 0, turn))
    eye = camera(47, 35, 50.0, distortion=(0.2, -0.1, 0.0, 0.001, 0.0), translation_mm=(30.0, -60.0, 5.0))
    depth = rng.choice(np.array([0, 1, 30, 400, 420, 65535], np.uint16), (21, 33))
    out = DepthOnto(near, eye)(depth)
    surface = Surface(eye, 500.0).of(out)
    GreyOnto(near, eye)(rng.integers(0, 255, (21, 33), np.uint8), surface)
    Straightened(near, camera(33, 21, 30.0))(rng.integers(0, 255, (21, 33, 3), np.uint8))
print("within")
"""


def test_kernels_stay_within_their_arrays() -> None:
    """Compiled anew with every index checked."""
    stays_within(CHECKED)
