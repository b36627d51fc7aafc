"""The head renderer against surfaces whose depth is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from livegate.types import Intrinsics
from livegate_tools.simulate.head import Part
from livegate_tools.simulate.lighting import Backdrop, Light
from livegate_tools.simulate.materials import Kind, Material
from livegate_tools.simulate.meshes import Mesh
from livegate_tools.simulate.rasterise import vertex_normals
from livegate_tools.simulate.renderer import Illuminator, Radiance, Scene, draw, project, to_camera
from livegate_tools.simulate.surfaces import Sheet
from livegate_tools.simulate.textures import TextureBank

CAMERA = Intrinsics(150.0, 150.0, 79.5, 59.5, 160, 120)
WALL_MM = 2000.0
WHITE = Material(Kind.PAPER, nir_base=0.8)


def room() -> tuple[Light, Backdrop]:
    sh = np.zeros((9, 3), np.float32)
    sh[0] = 0.5
    lamp = np.array([[0.0, 0.0, -1.0, 0.5, 0.5, 0.5]], np.float32)
    wall = Backdrop(
        np.full((120, 160, 3), 0.2, np.float32), np.full((120, 160), 0.4, np.float32),
        np.full((120, 160), WALL_MM, np.float32), "wall",
    )  # fmt: skip
    return Light(sh, lamp, np.ones((8, 16, 3), np.float32)), wall


def drawn(mesh: Mesh, material: Material = WHITE, bank: TextureBank | None = None) -> Radiance:
    light, wall = room()
    scene = Scene((Part(mesh, material),), bank or TextureBank(), light, Illuminator((0, 0, 0), 500.0), wall)
    return draw(scene, CAMERA)


def facing_sheet(sheet: Sheet, distance_mm: float) -> Mesh:
    return to_camera(sheet.mesh()).placed(np.eye(3), np.array([0.0, 0.0, distance_mm]))


def sphere(radius_mm: float, centre: tuple[float, float, float]) -> Mesh:
    theta, phi = np.meshgrid(np.linspace(0, np.pi, 97), np.linspace(0, 2 * np.pi, 193))
    points = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1).reshape(-1, 3)
    at = np.arange(len(points), dtype=np.int32).reshape(theta.shape)
    a, b, c, d = at[:-1, :-1].ravel(), at[:-1, 1:].ravel(), at[1:, 1:].ravel(), at[1:, :-1].ravel()
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    vertices = (points * radius_mm + centre).astype(np.float32)
    return Mesh(vertices, points.astype(np.float32), np.zeros((len(points), 2), np.float32), triangles)


def rays() -> np.ndarray:
    x, y = np.meshgrid(np.arange(160), np.arange(120))
    return np.stack([(x - CAMERA.cx) / CAMERA.fx, (y - CAMERA.cy) / CAMERA.fy, np.ones_like(x, float)], axis=-1)


def test_a_sphere_has_the_depth_of_a_sphere() -> None:
    centre, radius = np.array([20.0, -10.0, 600.0]), 90.0
    picture = drawn(sphere(radius, (20.0, -10.0, 600.0)), Material(Kind.SKIN, two_sided=True))
    ray = rays()
    a, b = (ray**2).sum(-1), (ray * centre).sum(-1)
    inside = b**2 - a * (centre @ centre - radius**2)
    well_inside = inside > 0.15 * inside.max()
    expected = (b - np.sqrt(np.maximum(inside, 0))) / a
    assert np.abs(picture.depth_mm - expected)[well_inside].max() < 1.0
    assert np.abs(picture.depth_mm - expected)[well_inside].mean() < 0.2
    assert picture.depth_mm[0, 0] == WALL_MM


def test_a_tilted_sheet_has_the_depth_of_a_plane() -> None:
    slope = np.radians(30)
    turn = np.array([[np.cos(slope), 0, np.sin(slope)], [0, 1, 0], [-np.sin(slope), 0, np.cos(slope)]])
    mesh = to_camera(Sheet(200.0, 160.0).mesh()).placed(turn, np.array([0.0, 0.0, 500.0]))
    picture = drawn(mesh)
    normal = turn @ np.array([0.0, 0.0, 1.0])
    expected = (normal @ np.array([0.0, 0.0, 500.0])) / (rays() @ normal)
    hit = picture.kinds == Kind.PAPER
    assert hit.sum() > 1000
    assert np.abs(picture.depth_mm - expected)[hit].max() < 1.0


def test_a_sheet_covers_the_pixels_its_size_says() -> None:
    picture = drawn(facing_sheet(Sheet(200.0, 100.0), 500.0))
    covered = (picture.kinds == Kind.PAPER).sum()
    assert covered == pytest.approx(200 / 500 * 150 * 100 / 500 * 150, rel=0.06)


def test_near_infrared_falls_off_with_the_square_of_distance() -> None:
    near, far = (drawn(facing_sheet(Sheet(300.0, 300.0), z)).nir[60, 80] for z in (400.0, 800.0))
    assert near / far == pytest.approx(4.0, rel=0.25)


def test_white_paper_facing_lamp_and_ambient_is_one() -> None:
    picture = drawn(facing_sheet(Sheet(300.0, 300.0), 500.0))
    assert picture.rgb[60, 80] == pytest.approx(1.0, abs=0.05)


def test_the_nearer_of_two_surfaces_is_seen() -> None:
    light, wall = room()
    back, front = facing_sheet(Sheet(300, 300), 700.0), facing_sheet(Sheet(60, 60), 400.0)
    parts = (Part(front, Material(Kind.MASK, nir_base=0.5)), Part(back, WHITE))
    for order in (parts, parts[::-1]):
        picture = draw(Scene(order, TextureBank(), light, Illuminator((0, 0, 0), 500.0), wall), CAMERA)
        assert picture.kinds[60, 80] == Kind.MASK
        assert picture.depth_mm[60, 80] == pytest.approx(400.0, abs=0.5)
        assert picture.kinds[60, 55] == Kind.PAPER


def test_cut_out_texture_lets_the_background_through() -> None:
    bank = TextureBank()
    texture = np.full((32, 32, 4), 255, np.uint8)
    texture[:, :16, 3] = 0
    cut = Material(Kind.PAPER, bank.add(texture), nir_base=0.8, alpha=True, two_sided=True)
    picture = drawn(facing_sheet(Sheet(200, 200), 500.0), cut, bank)
    left, right = picture.kinds[60, 60], picture.kinds[60, 100]
    assert (left, right) == (Kind.BACKGROUND, Kind.PAPER)


def test_texture_is_upright_and_not_mirrored() -> None:
    bank = TextureBank()
    texture = np.zeros((32, 32, 4), np.uint8)
    texture[..., 3] = 255
    texture[:16, 16:, 0] = 255
    material = Material(Kind.PAPER, bank.add(texture))
    picture = drawn(facing_sheet(Sheet(200, 200), 500.0), material, bank)
    red = picture.rgb[..., 0] * (picture.kinds == Kind.PAPER)
    assert red[45, 95] > 0.5
    assert max(red[45, 65], red[75, 95], red[75, 65]) < 0.05


def test_bent_sheet_keeps_its_length() -> None:
    sheet = Sheet(200.0, 100.0, radius_mm=80.0, axis_deg=15.0)
    line = np.stack([np.linspace(0, 1, 400), np.full(400, 0.5)], axis=1)
    steps = np.linalg.norm(np.diff(sheet.surface(line).astype(float), axis=0), axis=1)
    assert steps.sum() == pytest.approx(200.0, rel=0.01)


def test_projection_meets_the_drawn_pixels() -> None:
    mesh = facing_sheet(Sheet(40, 40), 500.0).placed(np.eye(3), np.array([60.0, -30.0, 0.0]))
    rows, columns = np.nonzero(drawn(mesh).kinds)
    middle = project(np.array([[60.0, -30.0, 500.0]]), CAMERA)[0]
    assert (columns.mean(), rows.mean()) == pytest.approx(tuple(middle), abs=0.6)


def test_normals_of_a_sphere_point_outwards() -> None:
    ball = sphere(10.0, (0, 0, 0))
    normals = vertex_normals(ball.vertices, ball.triangles)
    poles = np.abs(ball.vertices[:, 2]) > 9.9
    seam = np.isclose(ball.vertices[:, 1], 0, atol=0.2)
    cosines = (normals * ball.normals).sum(axis=1)[~poles & ~seam]
    assert np.abs(cosines).min() > 0.99
    assert len(np.unique(np.sign(cosines))) == 1
