from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.cues import colour_texture
from livegate.cues.bank import ScoredCue
from livegate.decide.fitting import Labels
from livegate.errors import AssetError, ConfigError, LivegateError
from livegate.scorers import read_scored
from livegate.types import Box, Face, Frame, FrameSet, Observation, Role, SensorState
from livegate_tools.train import weighing
from livegate_tools.train.cue import train_cue
from livegate_tools.train.samples import Split
from livegate_tools.train.weights import common, describing, folds, views

BOX = Box(30.0, 20.0, 60.0, 80.0)


def picture(alive: bool, number: int) -> NDArray[np.uint8]:
    """Skin-like smooth colour noise; of an attack a weave of two pixels' width on top of it."""
    rng = np.random.default_rng(number)
    coarse = rng.normal(0, 14, (30, 30, 3)) + rng.uniform(90, 160, 3)
    smooth: Any = cv2.resize(coarse, (120, 120), interpolation=cv2.INTER_CUBIC)
    weave = 12.0 * ((np.add.outer(np.arange(120), np.arange(120)) // 2) % 2)[..., None]
    whole = smooth + rng.normal(0, 2, smooth.shape) + (0 if alive else weave)
    return np.asarray(np.clip(whole, 0, 255), np.uint8)


def dataset(folder: Path, count: int, first: int = 0, source: str = "woven", split: str = "train") -> Path:
    folder.mkdir()
    lines = []
    for number in range(first, first + count):
        alive = number % 2 == 0
        cv2.imwrite(str(folder / f"{number}.png"), picture(alive, number))
        label = {"label": "bona_fide"} if alive else {"label": "attack", "pai_species": "print_flat"}
        about = {"id": f"s{number}", "rgb": f"{number}.png", "subject": f"p{number // 4}", "source": source}
        lines.append(about | label | {"box": [BOX.x, BOX.y, BOX.w, BOX.h], "split": split})
    lines.append({"id": "nobody", "rgb": "0.png", "label": "background", "subject": "nobody", "source": source})
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "manifest.jsonl"


def llr(scored: ScoredCue, image: NDArray[np.uint8]) -> float:
    frames = MappingProxyType({Role.RGB: Frame(Role.RGB, image, 0)})
    seen = FrameSet(frames, MappingProxyType({Role.RGB: SensorState.OK}), 0)
    values = scored.cue.measure(Observation(seen, Face(BOX, 0.5, 0.5)))
    assert values is not None
    return scored.scorer.llr(values)


@pytest.mark.training
def test_a_trained_texture_is_a_model_that_the_terminal_opens_and_that_tells_what_it_learnt(tmp_path: Path) -> None:
    train, dev = dataset(tmp_path / "train", 40), dataset(tmp_path / "dev", 24, first=40, split="dev")
    other = [
        dataset(tmp_path / f"k{first}", 24, first, "knitted", split) for first, split in ((80, "train"), (104, "dev"))
    ]
    out = train_cue("colour_texture", [train, other[0]], [dev, other[1]], tmp_path / "out", seed=3, jobs=1)
    scored = read_scored("colour_texture", colour_texture, out)
    for number in (200, 201, 202, 203):
        assert (llr(scored, picture(number % 2 == 0, number)) > 0) == (number % 2 == 0)
    text = (out / "CARD.md").read_text()
    assert "Nothing of woven was learnt from" in text
    assert "| print_flat | 12 |" in text


@pytest.mark.training
def test_the_learners_margins_are_those_of_the_opened_cue(tmp_path: Path) -> None:
    train = dataset(tmp_path / "train", 16)
    samples = describing.captures([train], Split.TRAIN)
    rows = describing.describe("colour_texture", samples, {}, seed=1, views=0)
    learner = common.find_learner("colour_texture")
    weights = folds.learnt(learner, rows.rows, rows.labels, seed=1)
    image = picture(True, 77)
    row = learner.described(image, BOX, {})
    assert row is not None
    scored = common.opened("colour_texture", weights)
    frames = MappingProxyType({Role.RGB: Frame(Role.RGB, image, 0)})
    seen = Observation(FrameSet(frames, MappingProxyType({}), 0), Face(BOX, 0.5, 0.5))
    found = scored.measure(seen)
    assert found is not None
    np.testing.assert_allclose(found, learner.margins(row[None], weights)[0], rtol=1e-4, atol=1e-4)


def test_rows_are_the_same_whatever_the_processes_and_views_are_told_apart(tmp_path: Path) -> None:
    samples = describing.captures([dataset(tmp_path / "a", 4)], Split.TRAIN)
    one, two = (describing.describe("colour_texture", samples, {}, 1, jobs, views=1) for jobs in (1, 2))
    np.testing.assert_array_equal(one.rows, two.rows)
    assert one.plain.tolist() == [True, False] * 4
    assert one.labels.species == (None, None, "print_flat", "print_flat") * 2
    assert one.take(one.plain).labels.subjects == ("p0",) * 4


def test_captures_of_the_split_are_taken_and_of_a_manifest_without_it_all(tmp_path: Path) -> None:
    mixed = dataset(tmp_path / "a", 4)
    mixed.write_text(
        mixed.read_text() + dataset(tmp_path / "b", 4, first=4, split="dev").read_text().replace("nobody", "no")
    )
    assert len(describing.captures([mixed], Split.TRAIN)) == 4
    assert len(describing.captures([mixed], Split.DEV)) == 4
    assert len(describing.captures([tmp_path / "b" / "manifest.jsonl"], Split.TRAIN)) == 4


def test_of_too_many_captures_every_subject_keeps_some_of_each_kind(tmp_path: Path) -> None:
    samples = describing.captures([dataset(tmp_path / "a", 16)], Split.TRAIN)
    kept = describing.drawn(samples, 8, seed=1)
    assert len({(sample.subject, sample.species) for sample in kept}) == len(kept) == 8
    assert describing.drawn(samples, 99, seed=1) == samples


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    with pytest.raises(LivegateError, match="1 bona fide, 0 attacks"):
        describing.captures([dataset(tmp_path / "a", 1)], Split.TRAIN)


def test_no_subject_is_in_two_folds_and_none_is_empty() -> None:
    subjects = [f"p{number % 7}" for number in range(50)]
    fold = folds.folds_of(subjects, seed=1)
    assert len({(subject, each) for subject, each in zip(subjects, fold.tolist(), strict=True)}) == 7
    assert set(fold.tolist()) == set(range(folds.FOLDS))


def test_classes_weigh_alike_then_groups_then_subjects() -> None:
    labels = Labels((None, None, None, "a", "b"), ("x", "x", "y", "x", "x"), ("p", "q", "p", "p", "p"))
    np.testing.assert_allclose(weighing.evenly(labels), [1 / 8, 1 / 8, 1 / 4, 1 / 4, 1 / 4])


def test_a_source_weighs_more_with_more_people_but_not_by_their_number() -> None:
    crowd = [f"p{number}" for number in range(15)]
    labels = Labels((None,) * 16 + ("a",) * 2, ("x",) * 15 + ("y",) * 3, (*crowd, "q", "q", "r"))
    weights = weighing.by_source_and_people(labels)
    assert weights[:16].sum() == pytest.approx(0.5)
    assert weights[:15].sum() / weights[15] == pytest.approx(4.0)
    np.testing.assert_allclose(weights[16:], 0.25)


class Remembers:
    """A learner that knows by heart whom it saw."""

    VIEWS = 0
    MOST_CAPTURES = 100

    def described(self, image: NDArray[np.uint8], box: Box, basis: common.Weights) -> common.Rows | None:
        return None

    def learnt(self, rows: common.Rows, task: common.Task) -> common.Weights:
        return {"seen": np.unique(rows[:, 0])}

    def margins(self, rows: common.Rows, weights: common.Weights) -> NDArray[np.float64]:
        return np.isin(rows, weights["seen"]).astype(np.float64)


def test_no_margin_comes_from_a_model_that_saw_the_subject() -> None:
    people = np.arange(40) % 9
    labels = Labels((None, "a") * 20, ("x",) * 40, tuple(f"p{each}" for each in people))
    rows = people[:, None].astype(np.float32)
    assert not folds.margins_of_others(Remembers(), rows, labels, {}, seed=2).any()


def test_margins_stand_in_the_order_of_their_rows() -> None:
    class Echoes(Remembers):
        def margins(self, rows: common.Rows, weights: common.Weights) -> NDArray[np.float64]:
            return rows.astype(np.float64)

    rows = np.arange(30, dtype=np.float32)[:, None]
    labels = Labels((None, "a") * 15, ("x",) * 30, tuple(f"p{each}" for each in range(30)))
    np.testing.assert_array_equal(folds.margins_of_others(Echoes(), rows, labels, {}, seed=2), rows)


def test_a_view_keeps_the_face_in_its_box() -> None:
    image = np.full((200, 240, 3), 40, np.uint8)
    cv2.rectangle(image, (100, 60), (159, 139), (90, 140, 200), -1)
    for seed in range(12):
        found = views.cut(image, Box(100, 60, 60, 80))
        assert found is not None
        shown, box = views.shown_otherwise(found, np.random.default_rng(seed))
        inside = shown[round(box.y) : round(box.y + box.h), round(box.x) : round(box.x + box.w)]
        assert inside.mean() > shown.mean() + 10


@pytest.mark.parametrize("box", [Box(500, 60, 60, 80), Box(-300, 0, 20, 20)])
def test_a_box_outside_the_picture_gives_no_cut(box: Box) -> None:
    assert views.cut(np.zeros((100, 100, 3), np.uint8), box) is None


def test_a_cue_without_learner_is_named() -> None:
    with pytest.raises(ConfigError, match="'stereo': has weights but no learner"):
        common.find_learner("stereo")


@pytest.mark.parametrize(("name", "weighted"), [("colour_texture", True), ("stereo", False), ("nothing", False)])
def test_weighted_cues_are_known_by_their_module(name: str, weighted: bool) -> None:
    assert common.is_weighted(name) == weighted


def test_weights_of_another_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_text("")
    with pytest.raises(AssetError):
        read_scored("colour_texture", colour_texture, tmp_path)
