"""Near infrared through the surface that depth shows, rectified pairs, and surfaces without holes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from livegate.geometry.calibration import CalibratedCamera
from livegate.geometry.lens import directions, distorted, undistorted
from livegate.geometry.rectify import rectified
from livegate.geometry.registering import DepthOnto, GreyOnto, Straightened, Surface
from livegate.geometry.tables import crossing, lookup, rotation
from support.rigs import camera, filled, looked_up, projected, turned

BARREL = (-0.25, 0.08, 0.001, -0.0008, -0.01)
RNG = np.random.default_rng(3)
NOISE = RNG.integers(0, 256, (48, 64), np.uint8)
COLOUR = RNG.integers(0, 256, (48, 64, 3), np.uint8)
DEPTHS = st.sampled_from([0, 1, 2, 300, 310, 500, 4000, 65534, 65535])


@given(arrays.arrays(np.uint16, (37, 50), elements=DEPTHS), st.integers(50, 10_000))
def test_a_filled_surface_equals_the_reference_and_has_no_holes(depth: NDArray[Any], nominal_mm: int) -> None:
    out = Surface(camera(50, 37), nominal_mm).of(depth)
    np.testing.assert_array_equal(out, filled(depth, nominal_mm))
    assert out.all()


def test_a_hole_is_as_far_as_the_face_around_it_not_the_wall() -> None:
    depth = np.full((96, 128), 1200, np.uint16)
    depth[20:80, 30:100] = 500
    depth[40:60, 50:80] = 0
    assert (Surface(camera(128, 96), 700.0).of(depth)[40:60, 50:80] == 500).all()


def test_without_depth_the_surface_is_the_plane() -> None:
    assert (Surface(camera(), 640.0).of(None) == 640).all()


@pytest.mark.parametrize("place", [(20.0, 0.0, 0.0), (0.0, 0.0, 0.0), (-35.0, 8.0, 12.0)])
def test_near_infrared_equals_the_reference(place: tuple[float, float, float]) -> None:
    eye = camera(80, 60, 77.0, distortion=BARREL)
    nir = camera(
        64, 48, 58.0, distortion=(0.1, -0.05, 0.0, 0.001, 0.0), translation_mm=place, rotation=turned(2, -3, 4)
    )
    surface = RNG.integers(300, 900, (60, 80)).astype(np.uint16)
    way = crossing(eye, nir)
    seen = projected(surface, way.rays, way.model)
    expected = looked_up(NOISE, np.where(seen[:, 2] > 0, seen[:, 0], np.nan), seen[:, 1])
    np.testing.assert_array_equal(GreyOnto(nir, eye)(NOISE, surface), expected)


@given(arrays.arrays(np.uint16, (48, 64), elements=DEPTHS), st.floats(-180, 180))
def test_near_infrared_takes_any_surface_and_view(surface: NDArray[Any], degrees: float) -> None:
    nir = camera(40, 30, 35.0, distortion=BARREL, translation_mm=(60, -20, 9), rotation=turned(0, degrees, 20))
    GreyOnto(nir, camera())(NOISE[:30, :40], surface)


@given(arrays.arrays(np.uint8, (24, 32)))
def test_a_camera_in_rgbs_place_gives_its_picture(image: NDArray[Any]) -> None:
    """What one chip or one lens gives twice: nothing moves, whatever the distance."""
    surface = RNG.integers(1, 65534, (24, 32)).astype(np.uint16)
    np.testing.assert_array_equal(GreyOnto(camera(32, 24), camera(32, 24))(image, surface), image)


def test_a_mark_lands_where_rgb_sees_it() -> None:
    """The whole way: depth and nir of one view beside rgb, as a depth camera with infrared has it."""
    nir = camera(128, 96, 120.0, translation_mm=(30.0, 0.0, 0.0))
    rgb = camera(128, 96, 125.0, distortion=(-0.1, 0.02, 0, 0, 0))
    depth = np.full((96, 128), 600, np.uint16)
    depth[30:66, 44:84] = 420
    image = np.full((96, 128), 40, np.uint8)
    image[46:50, 60:64] = 250
    registered = DepthOnto(nir, rgb)(depth)
    out = GreyOnto(nir, rgb)(image, Surface(rgb, 500.0).of(registered))
    point = np.array([(61.5 - nir.cx) / 120 * 420 + 30, (47.5 - nir.cy) / 120 * 420, 420.0])
    x, y = distorted(np.array(point[0] / 420), np.array(point[1] / 420), rgb.distortion)
    rows, columns = np.nonzero(out > 200)
    assert np.mean(columns) == pytest.approx(float(x) * 125 + rgb.cx, abs=0.5)
    assert np.mean(rows) == pytest.approx(float(y) * 125 + rgb.cy, abs=0.5)


@given(
    st.floats(-0.3, 0.3),
    st.floats(-0.1, 0.1),
    st.floats(-0.002, 0.002),
    st.floats(-0.002, 0.002),
    st.floats(-0.03, 0.03),
)
def test_a_lens_is_undone(k1: float, k2: float, p1: float, p2: float, k3: float) -> None:
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, 9), np.linspace(-0.4, 0.4, 7))
    lens = (k1, k2, p1, p2, k3)
    back_x, back_y = undistorted(*distorted(x, y, lens), lens)
    np.testing.assert_allclose(back_x, x, atol=1e-5)
    np.testing.assert_allclose(back_y, y, atol=1e-5)


PAIRS = {
    "straight": (camera(), camera(translation_mm=(60.0, 0.0, 0.0))),
    "crooked": (
        camera(distortion=BARREL),
        camera(
            64, 48, 62.0, distortion=(0.1, 0, 0, 0, 0), rotation=turned(2, -3, 1.5), translation_mm=(55.0, 4.0, -3.0)
        ),
    ),
}


def seen_by(eye: CalibratedCamera, point: NDArray[Any]) -> tuple[float, float]:
    x, y, z = rotation(eye).T @ (point - np.array(eye.translation_mm))
    u, v = distorted(np.array(x / z), np.array(y / z), eye.distortion)
    return float(u) * eye.fx + eye.cx, float(v) * eye.fy + eye.cy


@pytest.mark.parametrize("name", PAIRS)
def test_a_rectified_pair_has_one_row_for_a_point_and_its_disparity_tells_the_distance(name: str) -> None:
    pair = rectified(*PAIRS[name])
    for point in np.random.default_rng(0).uniform((-80, -60, 350), (120, 60, 900), (50, 3)):
        (left_u, left_v), (right_u, right_v) = seen_by(pair.left, point), seen_by(pair.right, point)
        assert left_v == pytest.approx(right_v, abs=1e-9)
        z = (rotation(pair.left).T @ point)[2]
        assert pair.left.fx * pair.baseline_mm / (left_u - right_u) == pytest.approx(z, rel=1e-9)


@pytest.mark.parametrize("name", PAIRS)
def test_a_straightened_picture_equals_the_reference_and_shows_the_same(name: str) -> None:
    real, right = PAIRS[name]
    pair = rectified(real, right)
    for eye, virtual in ((real, pair.left), (right, pair.right)):
        columns, rows = lookup(virtual, eye)
        out = Straightened(eye, virtual)(COLOUR)
        np.testing.assert_array_equal(out, looked_up(COLOUR, columns, rows))
        # The middle of what was seen is seen still.
        assert np.count_nonzero(out.any(axis=2)) > 0.8 * out.size / 3
        x, y = directions(virtual)
        u, v = seen_by(eye, rotation(virtual) @ np.array([x[24, 32], y[24, 32], 1.0]) * 1e7)
        assert (columns[24, 32], rows[24, 32]) == pytest.approx((u, v), abs=1e-3)
