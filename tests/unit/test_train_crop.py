"""Crop classifiers: cut-outs as the terminal makes them, teachers, training to a folder the terminal reads."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate import config
from livegate.detect.crop_manifest import read_crop_manifest
from livegate.detect.crop_rule import crop
from livegate.errors import AssetError, ConfigError
from livegate.types import Box

torch = pytest.importorskip("torch", reason="training needs the extra 'train', which boards do not have")

from livegate.detect.classifier import open_classifier  # noqa: E402
from livegate_tools.train.crop import loop  # noqa: E402
from livegate_tools.train.crop.cutouts import cut_out, variants_of  # noqa: E402
from livegate_tools.train.crop.left_out import LeftOut, summary  # noqa: E402
from livegate_tools.train.crop.network import Answer  # noqa: E402
from livegate_tools.train.crop.recipe import Recipe, Variants, Weights, read_recipe  # noqa: E402
from livegate_tools.train.crop.session import Session  # noqa: E402
from livegate_tools.train.crop.teachers import learn_from, open_teachers  # noqa: E402
from livegate_tools.train.reading import read_picture  # noqa: E402
from livegate_tools.train.samples import read_manifest  # noqa: E402

RECIPE = """
[model]
name = "small"
channels = [4, 8, 8, 16]
blocks = [1, 1, 1]
[optimisation]
steps = 60
batch = 16
peak_rate = 0.01
[variants]
count = 1
"""


def _picture(rng: np.random.Generator, living: bool) -> np.ndarray:
    """A warm blob for the living, the same in a dark frame for attacks."""
    image = rng.integers(90, 140, (120, 160, 3)).astype(np.uint8)
    if not living:
        cv2.rectangle(image, (40, 10), (120, 110), (10, 10, 10), 8)
    cv2.ellipse(image, (80, 60), (14, 19), 0, 0, 360, (120, 150, 200), -1)
    return image


def _capture(folder: Path, source: str, count: int, made_of: str | None = None) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(len(source))
    lines = []
    for number in range(count):
        living = number % 2 == 0
        cv2.imwrite(str(folder / f"{number}.png"), _picture(rng, living))
        lines.append(
            {
                "id": f"{source}{number}", "rgb": f"{number}.png", "label": "bona_fide" if living else "attack",
                "pai_species": None if living else "print_flat", "subject": f"{source}{number // 4}",
                "source": source, "split": "dev" if number % 8 < 2 else "train", "box": [66, 41, 28, 38],
                "portrait_source": made_of,
            }
        )  # fmt: skip
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture(name="recipe_file")
def _recipe_file(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return path


def test_the_first_variant_is_what_the_terminal_sees(tmp_path: Path) -> None:
    folder = _capture(tmp_path / "a", "a", 8)
    recipe, sample = Recipe(), read_manifest(folder / "manifest.jsonl")[0]
    image, model = read_picture(sample.path), recipe.model
    found = variants_of(image, sample.faces[0], recipe, (1, 0))
    np.testing.assert_array_equal(found[0], crop(image, sample.faces[0], model.crop, model.size, model.size))
    assert any((variant != found[0]).any() for variant in found[1:])
    np.testing.assert_array_equal(found, variants_of(image, sample.faces[0], recipe, (1, 0)))


def test_cut_outs_are_kept_until_the_samples_change(tmp_path: Path) -> None:
    samples = read_manifest(_capture(tmp_path / "a", "a", 8) / "manifest.jsonl")
    recipe = Recipe(variants=Variants(count=1))
    said: list[str] = []
    first = cut_out(samples, recipe, tmp_path / "out", said.append, 1).pictures.copy()
    said.clear()
    assert (cut_out(samples, recipe, tmp_path / "out", said.append, 1).pictures == first).all()
    assert said == []
    assert cut_out(samples[:4], recipe, tmp_path / "out", said.append, 1).pictures.shape[0] == 4
    assert said


def test_trains_to_a_folder_that_the_terminal_runs(tmp_path: Path, recipe_file: Path) -> None:
    folder = _capture(tmp_path / "a", "a", 64)
    session = Session.open(recipe_file, None, [folder], tmp_path / "out", None, lambda _: None, 1)
    with pytest.raises(AssetError, match="train first"):
        session.publish()
    session.train(lambda _: None)
    model = session.publish()
    manifest = read_crop_manifest(model)
    assert manifest.classes[0] == "bona_fide"
    assert not manifest.calibrated
    classifier = open_classifier(model, config.Detector(), 1)
    assert classifier is not None
    rng = np.random.default_rng(99)
    box = Box(66, 41, 28, 38)
    alive, shown = (classifier.probabilities(_picture(rng, living), box)[0] for living in (True, False))
    assert alive > shown
    card = (model / "CARD.md").read_text()
    assert "| a | dev |" in card
    assert manifest.model.sha256 in card


def test_leaves_a_source_out_with_what_was_made_of_it(tmp_path: Path, recipe_file: Path) -> None:
    folders = [_capture(tmp_path / "aa", "aa", 32), _capture(tmp_path / "b", "b", 32, made_of="aa")]
    folders.append(_capture(tmp_path / "ccc", "ccc", 32))
    session = Session.open(recipe_file, None, folders, tmp_path / "out", None, lambda _: None, 1)
    (result,) = session.leave_out(["aa"], [3], lambda _: None)
    assert (result.source, result.seed, result.bona_fide, result.attacks) == ("aa", 3, 16, 16)
    assert result.auc is not None
    assert json.loads((tmp_path / "out" / "left_out.json").read_text())[0]["source"] == "aa"
    with pytest.raises(ConfigError, match="no picture is of that source; there are aa, b, ccc"):
        session.leave_out(["nobody"], [1], lambda _: None)


def test_summary_gives_the_spread_over_seeds() -> None:
    rows = [LeftOut("x", seed, 4, 0, area, None, 0.25) for seed, area in ((1, 0.9), (2, 0.7))]
    assert "| x | 4 | 0 | 2 | 0.800 (0.700 to 0.900) | - | 0.250 (0.250 to 0.250) |" in summary(rows)


def _teacher(folder: Path, size: int, scale: float, name: str = "T") -> Path:
    """A network of two layers whose classes are sums of the picture's mean colours."""
    onnx = pytest.importorskip("onnx", reason="teachers need the extra 'train'")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    mixing = numpy_helper.from_array(np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]], np.float32), "mixing")
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "mixing"], ["output"]),
    ]
    shapes = [("input", [1, 3, size, size]), ("output", [1, 3])]
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes]
    graph = helper.make_graph(nodes, "teacher", values[:1], values[1:], [mixing])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "t.onnx")
    card = {
        "name": name, "file": "t.onnx", "licence": "MIT", "bona_fide_index": 1,
        "input": {"shape": [1, 3, size, size]}, "crop": {"scale": scale},
    }  # fmt: skip
    (folder / "t.json").write_text(json.dumps(card))
    return folder


def test_a_teacher_of_the_same_crop_is_imitated(tmp_path: Path) -> None:
    samples = read_manifest(_capture(tmp_path / "a", "a", 8) / "manifest.jsonl")
    recipe = Recipe(variants=Variants(count=1))
    cutouts = cut_out(samples, recipe, tmp_path / "out", lambda _: None, 1)
    (teacher,) = open_teachers(_teacher(tmp_path / "t", 80, 2.7), 1)
    lessons = learn_from([teacher], cutouts, recipe.model, tmp_path / "out", lambda _: None)
    assert lessons.embeddings is not None
    assert lessons.embeddings.shape == (8, 2, 3)
    blue, green, red = cutouts.pictures[0, 0].reshape(-1, 3).mean(axis=0)
    # The mixing above makes the classes red, blue, green; the second is bona fide.
    assert lessons.opinions[0] == pytest.approx(blue - np.logaddexp(red, green), abs=1.0)
    assert lessons.taught_by == ("T (MIT)",)
    (other,) = open_teachers(_teacher(tmp_path / "u", 64, 4.0, "U"), 1)
    assert learn_from([other], cutouts, recipe.model, tmp_path / "out", lambda _: None).embeddings is None


def test_a_folder_without_cards_is_no_teacher(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="expected cards"):
        open_teachers(tmp_path, 1)


def test_a_teacher_that_contradicts_the_label_weighs_less() -> None:
    answer = Answer(torch.zeros(1, 5), None)
    picture = np.zeros((1, 8, 8, 3), np.uint8)
    right, wrong = (
        loop.loss_of(answer, loop.Lesson(picture, torch.tensor([0]), None, torch.tensor([odds])), Weights(opinion=4.0))
        for odds in (6.0, -6.0)
    )
    without = loop.loss_of(answer, loop.Lesson(picture, torch.tensor([0]), None, None), Weights(opinion=4.0))
    assert float(right - without) > 3 * float(wrong - without) > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[model]\nclasses = ['print', 'bona_fide']", "expected 'bona_fide' first"),
        ("[model]\nsizes = 3", "sizes"),
        ("nothing", "not a TOML file"),
    ],
)
def test_a_wrong_recipe_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "r.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_recipe(path)


def test_one_class_only_is_refused(tmp_path: Path, recipe_file: Path) -> None:
    folder = _capture(tmp_path / "a", "a", 8)
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    (folder / "manifest.jsonl").write_text(
        "".join(json.dumps({**line, "label": "bona_fide", "pai_species": None}) + "\n" for line in lines)
    )
    with pytest.raises(ConfigError, match="expected bona fide and attack presentations"):
        Session.open(recipe_file, None, [folder], tmp_path / "out", None, lambda _: None, 1)


def test_the_shipped_recipe_reads() -> None:
    recipe = read_recipe(Path(__file__).parents[2] / "configs" / "train-crop.toml")
    assert recipe.model.classes[0] == "bona_fide"
    assert recipe.provenance.keys() >= {"phone_replay", "simulated_pictures", "generated_faces"}
