"""The flat half of the simulator on drawn people: repeatable, fair to both classes, true boxes, disjoint splits."""

import json
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.errors import PictureError
from livegate_tools.simulate.compose import pose, present
from livegate_tools.simulate.flat_attack import SPECIES_SHARES, attack
from livegate_tools.simulate.geometry import map_box, plane_to_frame, through, warp_picture
from livegate_tools.simulate.held_out import Split
from livegate_tools.simulate.matte import enlarged, person_matte
from livegate_tools.simulate.medium import Medium, Shown
from livegate_tools.simulate.pictures import render
from livegate_tools.simulate.portraits import Sources, read_sources
from livegate_tools.simulate.print_attack import print_medium
from livegate_tools.simulate.printing import Bend, draw_print
from livegate_tools.simulate.scenes import HEIGHT, WIDTH

SHOWN = ("bona_fide", "attack")
FACE = (160.0, 110.0, 150.0, 200.0)


def drawn_person(seed: int) -> np.ndarray:
    """Return a 470 px portrait of nobody: a head on shoulders before a wall."""
    rng = np.random.default_rng(seed)
    picture = np.full((470, 470, 3), rng.integers(120, 220, 3), np.uint8)
    x, y, w, h = FACE
    cv2.ellipse(picture, ((235, 470), (330, 320), 0), rng.integers(0, 90, 3).tolist(), -1)
    cv2.ellipse(picture, ((x + w / 2, y + h / 2 - 12), (w * 1.15, h * 1.25), 0), (25, 30, 45), -1)
    cv2.ellipse(picture, ((x + w / 2, y + h / 2), (w, h), 0), (120, 150, 210), -1)
    for across in (0.3, 0.7):
        cv2.circle(picture, (int(x + across * w), int(y + 0.4 * h)), 9, (20, 20, 30), -1)
    cv2.ellipse(picture, ((x + w / 2, y + 0.78 * h), (50, 14), 0), (70, 60, 160), -1)
    noise = rng.normal(0, 4, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of drawn people and coloured rooms, laid out as the real one."""
    folder = tmp_path_factory.mktemp("data")
    faces, rooms = folder / "generated_faces", folder / "backgrounds"
    for made in (faces / "images", rooms / "views"):
        made.mkdir(parents=True)
    lines = []
    for number in range(8):
        cv2.imwrite(str(faces / f"images/p{number}.png"), drawn_person(number))
        split = "train" if number < 5 else "dev"
        line = {"id": f"p{number}", "rgb": f"images/p{number}.png", "yunet_box": FACE, "faces": 1, "split": split}
        lines.append(json.dumps(line))
    (faces / "samples.jsonl").write_text("\n".join(lines) + "\n")
    lines = []
    for number in range(6):
        for view in range(2):
            room = np.random.default_rng([number, view]).integers(0, 255, (9, 12, 3), np.uint8)
            name = f"views/room{number}_{view}.png"
            cv2.imwrite(str(rooms / name), cv2.resize(room, (480, 360), interpolation=cv2.INTER_CUBIC))
            lines.append(json.dumps({"file": name, "kind": "view"}))
    (rooms / "backgrounds.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def sources(data: Path) -> Sources:
    return read_sources(data, "train")


@pytest.fixture(scope="module")
def frames(sources: Sources) -> list[tuple[np.ndarray, dict]]:
    return [render(index, 3, "train", sources) for index in range(40)]


def test_a_frame_depends_on_its_seed_index_and_split_alone(frames: list, sources: Sources) -> None:
    for index in (0, 7, 23):
        picture, line = render(index, 3, "train", sources)
        assert np.array_equal(picture, frames[index][0])
        assert line == frames[index][1]
    assert not np.array_equal(render(0, 4, "train", sources)[0], frames[0][0])


def test_every_frame_is_a_picture_of_even_size_with_a_manifest_line(frames: list) -> None:
    assert {p.shape for p, _ in frames} > {(HEIGHT, WIDTH, 3)}
    for picture, line in frames:
        assert picture.shape[0] <= HEIGHT
        assert picture.shape[1] <= WIDTH
        assert not np.any(np.array(picture.shape[:2]) % 2)
        assert picture.dtype == np.uint8
        assert (line["label"] == "attack") == (line["pai_species"] is not None)
        assert (line["label"] == "background") == (line["box"] is None) == (not line["faces"])
        assert {"nir", "depth", "rgb_right", "camera", "subject", "split", "camera_id", "background"} <= line.keys()
    assert len({line["id"] for _, line in frames}) == len(frames)


def test_both_classes_show_the_same_people_through_the_same_cameras(frames: list) -> None:
    pairs = [(frames[n][1], frames[n + 1][1]) for n in range(0, len(frames), 2)]
    shown = [(one, other) for one, other in pairs if "background" not in (one["label"], other["label"])]
    assert len(shown) > len(pairs) / 2
    assert all(one["subject"] == other["subject"] for one, other in shown)
    assert {(one["label"], other["label"]) for one, other in shown} == {SHOWN}
    assert {one["subject"] for one, _ in shown} == {f"p{n}" for n in range(5)}
    assert all(line["camera_id"].startswith("train-") for _, line in frames)


def test_splits_share_no_person_room_or_camera(data: Path) -> None:
    found = {split: read_sources(data, split) for split in (Split.TRAIN, Split.DEV)}
    for one, other in combinations(found.values(), 2):
        assert not {p.subject for p in one.portraits} & {p.subject for p in other.portraits}
        assert not {b.name for b in one.backgrounds} & {b.name for b in other.backgrounds}
    for background in found[Split.TRAIN].backgrounds:
        assert "_" not in background.name, "views of one panorama must carry its name"


@pytest.mark.parametrize("species", SPECIES_SHARES)
def test_every_species_can_be_presented(species: str, sources: Sources) -> None:
    for seed in range(3):
        done = attack(np.random.default_rng(seed), sources, species, sources.portraits[seed])
        assert done.species == species
        assert done.linear.shape == (HEIGHT, WIDTH, 3)
        assert np.isfinite(done.linear).all()
        assert done.linear.min() >= 0
        x, y, w, h = done.box
        assert x < WIDTH
        assert y < HEIGHT
        assert x + w > 0
        assert y + h > 0


def marked(width: int, height: int, box: tuple[float, float, float, float]) -> np.ndarray:
    """A grey sheet with a green ellipse that fills ``box``."""
    sheet = np.full((height, width, 3), 0.2, np.float32)
    cv2.ellipse(sheet, ((box[0] + box[2] / 2, box[1] + box[3] / 2), (box[2], box[3]), 0), (0.0, 1.0, 0.0), -1)
    return sheet


def green_box(linear: np.ndarray) -> tuple[int, int, int, int]:
    found = (linear[..., 1] > 2 * linear[..., 0]).astype(np.uint8)
    return cv2.boundingRect(found)


@pytest.mark.parametrize("seed", range(6))
def test_the_box_follows_the_face_through_a_pose(seed: int) -> None:
    rng = np.random.default_rng(seed)
    box = (90.0, 60.0, 100.0, 130.0)
    corners = np.array([(0, 0), (260, 0), (260, 300), (0, 300)], float)
    medium = Medium(marked(260, 300, box), np.ones((300, 260), np.float32), box, corners)
    held = pose(rng, medium, (320, 240), 0.0)
    done = present(rng, np.full((HEIGHT, WIDTH, 3), 0.3, np.float32), medium, held, hands=False)
    assert np.allclose(done.box, green_box(done.linear), atol=6)


@pytest.mark.parametrize("upright", [True, False])
@pytest.mark.parametrize("tilt", [-0.3, 0.0, 0.3])
def test_the_box_follows_the_face_round_a_bend(upright: bool, tilt: float) -> None:
    rng = np.random.default_rng(5)
    shown = Shown(marked(400, 400, (120.0, 100.0, 150.0, 190.0)), (120.0, 100.0, 150.0, 190.0))
    sheet = print_medium(
        rng, shown, draw_print(rng, Split.TRAIN), Bend(180.0, upright, tilt), np.zeros((9, 9, 3)), None
    )
    assert np.allclose(sheet.box, green_box(sheet.light * sheet.share[..., None]), atol=6)


def test_a_square_on_plane_is_only_moved_and_scaled() -> None:
    matrix = plane_to_frame((100, 200), (320, 240), 2.0, (0, 0, 0))
    assert np.allclose(map_box((0, 0, 100, 200), through(matrix)), (220, 40, 200, 400), atol=1)


def test_a_turned_plane_is_foreshortened() -> None:
    _, _, width, height = map_box((0, 0, 100, 100), through(plane_to_frame((100, 100), (320, 240), 1, (60, 0, 0))))
    assert width == pytest.approx(50, rel=0.05)
    assert height == pytest.approx(100, rel=0.05)


def test_shrinking_averages_instead_of_aliasing() -> None:
    stripes = np.tile(np.array([0.0, 1.0], np.float32), (200, 100))
    small = warp_picture(stripes, np.diag([0.25, 0.25, 1.0]), (50, 50), cv2.BORDER_REPLICATE)
    assert np.abs(small[5:-5, 5:-5] - 0.5).max() < 0.2


def test_the_matte_keeps_the_person_and_drops_the_wall() -> None:
    small = person_matte(drawn_person(1), FACE)
    assert small is not None
    matte = enlarged(small, 470, 470)
    assert matte[210, 235] > 0.95
    assert matte[460, 235] > 0.9
    assert matte[:20].max() < 0.05
    assert matte[150, :60].max() < 0.1


def test_a_picture_without_a_clear_person_gives_no_matte() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    assert person_matte(noise, (10.0, 2.0, 280.0, 290.0)) is None


def test_a_folder_without_people_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="no portraits"):
        read_sources(tmp_path, "train")
