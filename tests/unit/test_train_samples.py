from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from livegate.errors import AssetError, ConfigError
from livegate.types import Box
from livegate_tools.train.recipe import Recipe, read_recipe
from livegate_tools.train.samples import (
    Presentation,
    Split,
    of_split,
    read_data,
    read_manifest,
    require_both_classes,
)

LINE: dict[str, Any] = {
    "id": "1",
    "rgb": "images/1.jpg",
    "label": "bona_fide",
    "pai_species": None,
    "subject": "a",
    "source": "here",
    "box": [1, 2, 3, 4],
    "split": "train",
}


def manifest(folder: Path, *lines: dict[str, Any], tail: str = "") -> Path:
    path = folder / "manifest.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + tail)
    return path


def test_the_detectors_own_box_goes_before_the_sources(tmp_path: Path) -> None:
    path = manifest(tmp_path, LINE | {"yunet_box": [5, 6, 7, 8]}, LINE | {"id": "2"})
    first, second = read_manifest(path)
    assert first.faces == (Box(5, 6, 7, 8),)
    assert second.faces == (Box(1, 2, 3, 4),)
    assert first.path == tmp_path / "images/1.jpg"


def test_a_face_without_a_known_box_is_left_out(tmp_path: Path) -> None:
    assert read_manifest(manifest(tmp_path, LINE | {"yunet_box": None})) == []


def test_other_faces_of_a_picture_are_known_and_not_doubled(tmp_path: Path) -> None:
    path = manifest(tmp_path, LINE | {"faces": [[1, 2, 3, 4], [50, 50, 3, 4]]})
    assert read_manifest(path)[0].faces == (Box(1, 2, 3, 4), Box(50, 50, 3, 4))


def test_faces_with_labels_and_pictures_of_nobody_are_read(tmp_path: Path) -> None:
    other = {"box": [50, 50, 3, 4], "label": "bona_fide"}
    nobody = LINE | {"id": "2", "label": "background", "box": None, "faces": [], "unsure": [[0, 0, 9, 9]]}
    path = manifest(tmp_path, LINE | {"faces": [other], "unsure": [[50, 50, 3, 4]]}, nobody)
    pair, empty = read_manifest(path)
    assert pair.faces[1] == Box(50, 50, 3, 4)
    assert pair.unsure == ()
    assert (empty.presentation, empty.faces, empty.unsure) == (Presentation.BACKGROUND, (), (Box(0, 0, 9, 9),))


def test_a_line_still_being_written_is_left_for_later(tmp_path: Path) -> None:
    assert len(read_manifest(manifest(tmp_path, LINE, tail='{"id": "2", "rg'))) == 1


@pytest.mark.parametrize(
    ("change", "word"),
    [({"label": "alive"}, "alive"), ({"box": [1, 2]}, "sample 1"), ({"split": "x"}, "x"), ({"box": "no"}, "1")],
)
def test_a_wrong_value_names_file_and_sample(tmp_path: Path, change: dict[str, Any], word: str) -> None:
    path = manifest(tmp_path, LINE | change)
    with pytest.raises(AssetError, match=word) as caught:
        read_manifest(path)
    assert str(path) in str(caught.value)


def test_missing_empty_and_damaged_indices_are_named(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"missing\.jsonl: cannot be read"):
        read_manifest(tmp_path / "missing.jsonl")
    with pytest.raises(AssetError, match="holds no sample"):
        read_manifest(manifest(tmp_path))
    with pytest.raises(AssetError, match=r"manifest\.jsonl:1: not a JSON object"):
        read_manifest(manifest(tmp_path, tail="{\n{}\n"))
    with pytest.raises(AssetError, match="no such folder"):
        read_data(tmp_path / "nowhere")


def test_one_class_only_is_said_with_counts(tmp_path: Path) -> None:
    samples = read_manifest(manifest(tmp_path, LINE))
    with pytest.raises(ConfigError, match="found 1 bona_fide, 0 attack"):
        require_both_classes(samples, "split train")


def test_the_data_folder_is_read_by_kind_and_split(tmp_path: Path) -> None:
    for name, file, lines in (
        ("phone_replay", "samples.jsonl", [LINE, LINE | {"label": "attack", "pai_species": "replay_phone"}]),
        (
            "generated_faces",
            "samples.jsonl",
            [
                {"id": "g1", "rgb": "g1.jpg", "yunet_box": [1, 2, 3, 4], "faces": 1, "split": "dev"},
                {"id": "g2", "rgb": "g2.jpg", "yunet_box": [1, 2, 3, 4], "faces": 2, "split": "train"},
            ],
        ),
        ("backgrounds", "backgrounds.jsonl", [{"file": "views/room_0.jpg"}, {"file": "views/room_1.jpg"}]),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("".join(json.dumps(line) + "\n" for line in lines))
    samples = read_data(tmp_path)
    kinds = [sample.presentation for sample in samples]
    assert kinds.count(Presentation.PORTRAIT) == 1
    assert kinds.count(Presentation.BACKGROUND) == 2
    assert len({sample.split for sample in samples if sample.source == "backgrounds"}) == 1
    assert len(of_split(samples, Split.TRAIN)) + len(of_split(samples, Split.DEV)) == len(samples)


def test_a_recipe_keeps_defaults_and_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("[optimisation]\nepochs = 3\n[shares]\nphone_replay = 0.5\n")
    recipe = read_recipe(path)
    assert recipe.optimisation.epochs == 3
    assert recipe.optimisation.batch == Recipe().optimisation.batch
    assert recipe.shares == {"phone_replay": 0.5}
    for text, word in (
        ("[optimisation]\nepoch = 3\n", "epochs"),
        ("[optimisation]\nepochs = 'many'\n", "whole number"),
        ("[shares]\nx = -1\n", "at least 0"),
        ("[mode]\n", "model"),
        ("[", "TOML"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=word):
            read_recipe(path)


def test_the_shipped_recipe_is_read() -> None:
    recipe = read_recipe(Path(__file__).parents[2] / "configs" / "train-face.toml")
    assert recipe.model.priors().strides == (8, 16, 32, 64)
