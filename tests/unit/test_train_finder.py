"""The finder's training: who is held out, what is learnt from, and a model that the terminal reads."""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.detect.finder import Finder
from livegate.detect.finder_manifest import read_finder
from livegate.detect.windows import window_of
from livegate.errors import ConfigError
from livegate.types import Box
from livegate_tools.train import verb
from livegate_tools.train.finder.boosting import Grower, Recipe
from livegate_tools.train.finder.growth import Amounts
from livegate_tools.train.finder.measure import FaceSeen, Measured, fitted, measure
from livegate_tools.train.finder.pictures import Picture, Seen, apart, of_training, read_folder, read_manifest
from livegate_tools.train.finder.tightening import tightened
from livegate_tools.train.finder.windows import FOR_TREES, face_windows
from support.drawn_faces import drawn_face, picture

pytest.importorskip("torch", reason="the [train] extra is not installed")
pytestmark = pytest.mark.training
session = importlib.import_module("livegate_tools.train.finder.session")
Plan, Round, Sources, train_finder = session.Plan, session.Round, session.Sources, session.train_finder

SMALL = Plan(
    Amounts(pictures_of_a_set=40, repeats=4, others=600, mine_s=5.0, tightened_on=20),
    Recipe(stages=(3, 6), comparisons=40),
    cuts=8,
    rounds=(Round(12, False, 6, 5e-3), Round(8, True, 6, 3e-3)),
)


def written(folder: Path, count: int, source: str, seed: int) -> Path:
    """Write pictures of rooms with a drawn face each, and a manifest."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    lines = []
    for number in range(count):
        width = int(rng.integers(90, 200))
        box = Box(float(rng.integers(20, 400)), float(rng.integers(20, 180)), width, width * 1.3)
        image = picture(drawn_face(160), box)
        image = np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number}.jpg"), image)
        lines.append({"id": f"{source}{number}", "rgb": f"{number}.jpg", "source": source, "subject": f"{source}-one",
                      "label": "bona_fide", "yunet_box": [box.x, box.y, box.w, box.h]})  # fmt: skip
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "manifest.jsonl"


def rooms(folder: Path, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    folder.mkdir()
    for number in range(4):
        image = cv2.GaussianBlur(rng.normal(120, 300, (300, 400)), (0, 0), 3 + number)
        cv2.imwrite(str(folder / f"room_{number}.png"), np.clip(image, 0, 255).astype(np.uint8))
    return folder


def test_a_small_training_finds_what_it_was_shown_and_goes_on_where_it_ended(tmp_path: Path) -> None:
    sources = Sources(
        [written(tmp_path / "faces", 30, "ours", 1)],
        [rooms(tmp_path / "rooms", 2)],
        [written(tmp_path / "dev", 12, "others", 3)],
        [written(tmp_path / "report", 6, "third", 4)],
    )
    said: list[str] = []
    folder = train_finder(sources, tmp_path / "out", 1, said.append, SMALL)
    model = read_finder(folder)
    measured = measure(Finder(model), read_manifest(sources.report[0]))
    found, count = measured.recall(model.decision.least_odds, 60)
    assert (count, found) == (6, 6)
    card = (folder / "CARD.md").read_text()
    assert "| dev (dev) |" in card
    assert "| report |" in card
    again = train_finder(sources, tmp_path / "out", 1, said.append, SMALL)
    assert read_finder(again).model.weights_sha256 == model.model.weights_sha256
    assert sum("of 6, loss" in line for line in said) == 12


def test_nobody_and_no_room_is_in_both() -> None:
    def one(subject: str, source: str, room: str | None, portrait: str | None = None) -> Picture:
        return Picture(Path("a"), (Box(0, 0, 9, 9),), (), source, subject, room, portrait)

    dev, report = [one("anna", "simulated", "lab")], [one("bert", "webcam", None)]
    kept = one("emil", "simulated", "hall")
    left_out = [
        one("anna", "simulated", "hall"),
        one("bert", "simulated", "hall"),
        one("carl", "simulated", "lab"),
        one("dora", "webcam", None),
        one("dora", "simulated", "webcam"),
        one("dora", "simulated", "hall", "webcam"),
    ]
    assert apart([kept, *left_out], dev, report) == [kept]


def test_a_manifest_gives_boxes_in_one_convention(tmp_path: Path) -> None:
    lines = [
        {"id": "a", "rgb": "a.jpg", "label": "attack", "box": [0, 0, 9, 9], "yunet_box": [1, 1, 5, 6], "split": "dev"},
        {"id": "b", "rgb": "b.jpg", "label": "attack", "box": None},
        {"id": "c", "rgb": "c.jpg", "label": "background", "box": None, "background": "lab_2"},
        {"id": "d", "rgb": "d.jpg", "faces": 2, "yunet_box": [1, 1, 5, 6]},
        {"id": "e", "rgb": "e.jpg", "faces": [{"box": [1, 2, 3, 4]}, {"box": [5, 6, 7, 8]}], "unsure": [[9, 9, 9, 9]]},
    ]
    path = tmp_path / "manifest.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name in "ace":
        (tmp_path / f"{name}.jpg").touch()
    a, c, e = read_manifest(path)
    assert a.faces == (Box(1, 1, 5, 6),)
    assert (c.faces, c.room) == ((), "lab")
    assert (len(e.faces), e.unsure) == (2, (Box(9, 9, 9, 9),))
    assert of_training(path) == [c, e]


GOOD = {"id": "a", "rgb": "a.jpg", "label": "attack", "yunet_box": [1, 1, 5, 6]}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rgb": None}, "lacks 'rgb'"),
        ({"rgb": 7}, "'rgb': expected text"),
        ({"rgb": "none.jpg"}, "there is no picture .*none.jpg; bring it back"),
        ({"id": None}, "lacks 'id'"),
        ({"subject": 3}, "'subject': expected text"),
        ({"background": ["lab"]}, "'background': expected text"),
        ({"yunet_box": [1, 1, 5]}, r"'yunet_box' or 'box': expected \[x, y, w, h\]"),
        ({"yunet_box": {"x": 1}}, "'yunet_box' or 'box'"),
        ({"yunet_box": [1, 1, "5", 6]}, "'yunet_box' or 'box'"),
        ({"yunet_box": [1, 1, float("nan"), 6]}, "'yunet_box' or 'box'"),
        ({"yunet_box": [1, 1, 0, 6]}, "w and h above 0"),
        ({"unsure": 4}, "'unsure': expected a list"),
        ({"unsure": [[1, 2]]}, "'unsure': expected"),
        ({"faces": "two"}, "'faces': expected how many"),
        ({"faces": [[1, 2, 3, 4]]}, "'faces': expected objects with a 'box'"),
        ({"faces": [{"box": None}]}, "'faces': expected"),
    ],
)
def test_a_wrong_line_is_named_with_its_number(tmp_path: Path, wrong: dict[str, object], words: str) -> None:
    (tmp_path / "a.jpg").touch()
    path = tmp_path / "m.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n\n{json.dumps(GOOD | wrong)}\n")
    with pytest.raises(ConfigError, match=rf"m\.jsonl:3: .*{words}.*line"):
        read_manifest(path)


@pytest.mark.parametrize("line", ["[1]", "not json", "[" * 100_000])
def test_a_line_that_is_no_object_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(f"{line}\n")
    with pytest.raises(ConfigError, match=r"m\.jsonl:1: .*correct the line"):
        read_manifest(path)


@pytest.mark.parametrize("content", ["not json\n", None])
def test_a_manifest_or_folder_without_pictures_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "m.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=r"m\.jsonl"):
        read_manifest(path)
    with pytest.raises(ConfigError, match="without faces"):
        read_folder(tmp_path)


def test_trees_tell_a_bright_half_from_noise() -> None:
    rng = np.random.default_rng(1)
    faces = rng.integers(0, 120, (500, 24, 24), np.uint8)
    faces[:, :, 12:] += 110
    grower = Grower(faces, Recipe(stages=(4,), comparisons=40), rng)
    grower.add(rng.integers(0, 256, (500, 24, 24), np.uint8))
    passed, wrong = grower.grow_to(4)
    assert passed > 0.9
    assert wrong < 0.2


def test_bounds_rise_as_far_as_the_best_windows_of_faces_allow() -> None:
    rng = np.random.default_rng(5)
    pictures = [Seen(picture(drawn_face(160), box)[::2, ::2, 1].copy(), (Box(box.x / 2, box.y / 2, 50, 65),), ())
                for box in (Box(float(x), 100.0, 100.0, 130.0) for x in range(60, 400, 40))]  # fmt: skip
    faces, _ = face_windows(pictures, 30, 24, FOR_TREES, rng)
    grower = Grower(faces, Recipe(stages=(8,), comparisons=60), rng)
    grower.add(rng.integers(0, 256, (300, 24, 24), np.uint8))
    grower.grow_to(8)
    trees = grower.trees
    higher = tightened(trees, pictures, 30, rng)
    assert np.array_equal(higher.nodes, trees.nodes)
    assert (higher.least >= trees.least).all()
    assert (higher.least > trees.least).any()
    again = tightened(higher, pictures, 30, np.random.default_rng(6))
    assert np.isfinite(again.least).all(), "faces still have windows"


def test_odds_get_a_meaning() -> None:
    rng = np.random.default_rng(2)
    faces, false = rng.normal(3, 1, 400), rng.normal(-1, 1, 400)
    slope, offset = fitted(faces, false)
    assert slope * 1.0 + offset == pytest.approx(0, abs=0.5)
    measured = Measured((FaceSeen(70, "a", 2.0), FaceSeen(70, "a", None), FaceSeen(200, "a", 5.0)), (1.0, 4.0), 10, 1.0)
    assert measured.recall(1.5, 60) == (2, 3)
    assert measured.recall(3.0, 60, 80) == (0, 2)
    assert measured.false_faces(3.0) == 1


def test_the_verb_names_what_it_needs(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    with pytest.raises(ConfigError, match=r"train finder: needs .*--negatives"):
        verb.run(parser.parse_args(["finder", "--faces", "m.jsonl", "--out", str(tmp_path)]))
    with pytest.raises(ConfigError):
        verb.run(parser.parse_args(["finder", "--config", "x.toml", "--out", str(tmp_path)]))


def test_a_window_is_square_about_its_face() -> None:
    window = window_of(Box(10, 20, 30, 40))
    assert window.w == window.h
    assert (window.x + window.w / 2, window.y + window.h / 2) == (25, 40)
