"""People lifted off their photographs: three sensors that agree with what stands there, repeatable, resumable."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.errors import LivegateError
from livegate_tools.simulate.dataset import Job, write_dataset
from livegate_tools.simulate.held_out import Split
from livegate_tools.simulate.layers import Surface, backdrop_layers, infrared, with_surface
from livegate_tools.simulate.lifted import LiftedSimulator
from livegate_tools.simulate.lifting import Turn, relief_of, turned, turned_box
from livegate_tools.simulate.materials import Kind
from livegate_tools.simulate.mixture import Mixture
from livegate_tools.simulate.picture_frames import PictureSimulator
from livegate_tools.simulate.renderer import Illuminator

FACE = (160.0, 110.0, 150.0, 200.0)
POINTS = np.array([(205, 190), (265, 190), (235, 225), (212, 265), (258, 265)], float)


def drawn_person(seed: int) -> np.ndarray:
    """Return a 470 px portrait of nobody: a head on shoulders before a wall."""
    rng = np.random.default_rng(seed)
    picture = np.full((470, 470, 3), rng.integers(120, 220, 3), np.uint8)
    x, y, w, h = FACE
    cv2.ellipse(picture, ((235, 470), (330, 320), 0), rng.integers(0, 90, 3).tolist(), -1)
    cv2.ellipse(picture, ((x + w / 2, y + h / 2 - 12), (w * 1.15, h * 1.25), 0), (25, 30, 45), -1)
    cv2.ellipse(picture, ((x + w / 2, y + h / 2), (w, h), 0), (120, 150, 210), -1)
    for eye in POINTS[:2].astype(int).tolist():
        cv2.circle(picture, eye, 9, (20, 20, 30), -1)
    cv2.ellipse(picture, ((235, 265), (50, 14), 0), (70, 60, 160), -1)
    return np.clip(picture + rng.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of drawn people with their five points, and coloured rooms."""
    folder = tmp_path_factory.mktemp("lifted")
    faces, rooms = folder / "generated_faces", folder / "backgrounds"
    (faces / "images").mkdir(parents=True)
    (rooms / "views").mkdir(parents=True)
    lines = []
    for number in range(4):
        cv2.imwrite(str(faces / f"images/p{number}.png"), drawn_person(number))
        lines.append({"id": f"p{number}", "rgb": f"images/p{number}.png", "yunet_box": FACE, "faces": 1,
                      "split": "train", "yunet_landmarks": POINTS.ravel().tolist()})  # fmt: skip
    (faces / "samples.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    lines = []
    for number in range(6):
        picture = np.random.default_rng(number).integers(0, 255, (9, 12, 3), np.uint8)
        name = f"views/room{number}_0.png"
        cv2.imwrite(str(rooms / name), cv2.resize(picture, (480, 360), interpolation=cv2.INTER_CUBIC))
        lines.append({"file": name, "kind": "view"})
    (rooms / "backgrounds.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    return folder


@pytest.fixture(scope="module")
def samples(data: Path) -> list:
    simulator = LiftedSimulator(data)
    return [simulator.render(index, 3, Split.TRAIN) for index in range(16)]


def departure_mm(depth: np.ndarray, box: list[float]) -> float:
    """Return the median distance of true depths from a plane through most of the inner face; fingers do not count."""
    x, y, w, h = box
    rows, columns = np.mgrid[0 : depth.shape[0], 0 : depth.shape[1]]
    inner = np.hypot((columns - x - w / 2) / (0.4 * w), (rows - y - h / 2) / (0.4 * h)) < 1
    far = depth[inner].astype(float)
    # A plane in space is a plane in 1/z over the pixels.
    basis = np.stack([np.ones(len(far)), columns[inner], rows[inner]], 1)
    kept = np.ones(len(far), bool)
    for _ in range(4):
        best, *_ = np.linalg.lstsq(basis[kept], 1 / far[kept], rcond=None)
        away = np.abs(1 / (basis @ best) - far)
        kept = away <= np.median(away) * 2 + 0.1
    return float(np.median(away))


def test_a_sample_has_three_sensors_and_depends_on_its_arguments_alone(samples: list, data: Path) -> None:
    again, line = LiftedSimulator(data).render(5, 3, Split.TRAIN)
    frame, known = samples[5]
    assert line == known
    for role in ("rgb", "rgb_right", "nir", "nir_unlit", "depth"):
        assert np.array_equal(getattr(frame, role), getattr(again, role)), role
    assert (frame.rgb.shape, frame.nir.shape, frame.depth.shape) == ((480, 640, 3), (480, 640), (480, 640))
    assert (frame.nir.dtype, frame.depth.dtype) == (np.uint8, np.uint16)


def test_every_sample_says_what_sensors_saw_it(samples: list) -> None:
    assert all(40 <= line["baseline_mm"] <= 75 for _, line in samples)
    assert len({line["depth_kind"] for _, line in samples}) > 1
    assert all(frame.rgb_right.shape == (480, 640, 3) for frame, _ in samples)
    assert {frame.nir_unlit is None for frame, _ in samples} == {True, False}


def test_a_mask_stands_a_little_before_the_face_it_hides(data: Path) -> None:
    simulator, masks = LiftedSimulator(data), Mixture(0.0, ("cutout_mask",))
    for index in range(3):
        frame, line = simulator.render(index, 5, Split.TRAIN, masks)
        assert line["pai_species"] == "cutout_mask"
        x, y, w, h = line["box"]
        before, beside = frame.truth_mm[int(y + h / 2), int(x + w / 2)], frame.truth_mm[5, 5]
        assert 120 < before < beside


def test_pairs_show_one_person_alive_and_as_an_attack(samples: list) -> None:
    lines = [line for _, line in samples]
    for live, attack in zip(lines[::2], lines[1::2], strict=True):
        assert (live["label"], attack["label"]) == ("bona_fide", "attack")
        assert live["subject"] == attack["subject"]
        assert live["pai_species"] is None
        assert attack["pai_species"] is not None


def test_living_faces_stand_out_of_a_plane_and_screens_do_not(samples: list) -> None:
    live = [departure_mm(f.truth_mm, line["box"]) for f, line in samples if line["label"] == "bona_fide"]
    screens = [departure_mm(f.truth_mm, line["box"]) for f, line in samples if line["device"] is not None]
    assert screens
    assert min(live) > 2
    assert max(screens) < 0.5


def test_a_turn_moves_the_middle_of_the_face_and_leaves_the_background() -> None:
    relief = relief_of(POINTS, (470, 470))
    marks = np.zeros((470, 470), np.float32)
    cv2.circle(marks, (235, 225), 4, 1.0, -1)
    cv2.circle(marks, (20, 20), 4, 1.0, -1)
    (seen,) = turned(relief, Turn(10.0, 0.0), marks)
    nose, corner = seen[100:350, 100:400], seen[:60, :60]
    moved = float((nose.sum(0) * np.arange(100, 400)).sum() / nose.sum()) - 235
    assert moved == pytest.approx(np.sin(np.radians(10)) * relief.height_px[225, 235], abs=2.5)
    assert np.allclose(corner, marks[:60, :60], atol=1e-3)
    assert turned_box(relief, Turn(10.0, 0.0), FACE)[0] > FACE[0]


def test_a_turned_head_has_its_nose_where_it_looks_to() -> None:
    ahead, aside = relief_of(POINTS, (470, 470)), relief_of(POINTS + np.eye(5)[2][:, None] * (20, 0), (470, 470))
    middle = [float((r.height_px[150:300].sum(0) * np.arange(470)).sum() / r.height_px[150:300].sum())
              for r in (ahead, aside)]  # fmt: skip
    assert middle[1] < middle[0], "the skull lies behind, on the other side of the nose"
    assert relief_of(POINTS * 0.5, (235, 235)).mm_per_px == pytest.approx(2 * ahead.mm_per_px)


def test_near_infrared_falls_with_the_square_of_the_distance() -> None:
    rng = np.random.default_rng(0)
    behind = backdrop_layers(rng, np.full((480, 640, 3), 0.3, np.float32))
    share = np.ones((480, 640), np.float32)
    lamp = Illuminator((0, 0, 0), 500.0, 1.0, 0.0)
    near, far = (
        infrared(with_surface(behind, Surface(share, Kind.PAPER, 0.8, z)), lamp, 600.0)[0] for z in (500, 1000)
    )
    assert near[240, 320] == pytest.approx(0.8, rel=0.02)
    assert far[240, 320] == pytest.approx(0.2, rel=0.02)


def test_an_interrupted_run_is_taken_up_and_gives_the_same_bytes(data: Path, tmp_path: Path) -> None:
    job = Job(LiftedSimulator(data), tmp_path / "a", 3, 9, Split.TRAIN)
    assert write_dataset(job, 1) == 3
    before = {p.relative_to(job.folder): p.read_bytes() for p in job.folder.rglob("*") if p.is_file()}
    (job.folder / "parts" / "000001.json").unlink()
    (job.folder / "depth" / "000001.png").unlink()
    assert write_dataset(job, 1) == 1
    assert before == {p.relative_to(job.folder): p.read_bytes() for p in job.folder.rglob("*") if p.is_file()}


def test_a_least_width_keeps_everyone_near(data: Path) -> None:
    near = Mixture(0.5, ("print_flat", "screens"), 110.0)
    lines = [LiftedSimulator(data).render(index, 7, Split.TRAIN, near)[1] for index in range(4)]
    assert min(line["box"][2] for line in lines) >= 110
    assert [line["label"] for line in lines].count("bona_fide") == 2


def test_a_folder_refuses_another_mixture(data: Path, tmp_path: Path) -> None:
    job = Job(LiftedSimulator(data), tmp_path / "a", 1, 9, Split.TRAIN, Mixture(0.0, ("print_flat",)))
    write_dataset(job, 1)
    (line,) = map(json.loads, (job.folder / "manifest.jsonl").read_text().splitlines())
    assert line["pai_species"] == "print_flat"
    assert (job.folder / line["rgb_right"]).is_file()
    with pytest.raises(LivegateError, match="give another --out"):
        write_dataset(replace(job, mixture=Mixture(0.0, ("print_bent",))), 1)
    with pytest.raises(LivegateError, match=r"LiftedSimulator.*not of.*PictureSimulator"):
        write_dataset(replace(job, simulator=PictureSimulator(data)), 1)
