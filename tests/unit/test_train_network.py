from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.cli import main
from livegate.detect.manifest import read_manifest
from livegate.errors import AssetError
from livegate_tools.train.recipe import Model, Optimisation, Recipe
from livegate_tools.train.samples import Sample, of_split, read_data

torch = pytest.importorskip("torch", reason="the [train] extra is not installed")
pytestmark = [pytest.mark.training, pytest.mark.timeout(300)]

PLAN = Optimisation(epochs=2, steps_per_epoch=4, batch=8, bfloat16=False, warm_up_share=0.1, peak_rate=0.004, threads=1)
RECIPE = Recipe(optimisation=PLAN)


def draw_picture(rng: np.random.Generator, alive: bool) -> tuple[np.ndarray, list[float]]:
    """A drawn face: an oval with eyes; the attack lies on a white sheet with an edge."""
    image = rng.integers(40, 120, (240, 320, 3), dtype=np.uint8)
    x, y, h = rng.integers(100, 220), rng.integers(90, 150), rng.integers(60, 110)
    w = int(h * 0.74)
    if not alive:
        cv2.rectangle(image, (x - w, y - h), (x + w, y + h), (250, 250, 250), -1)
    cv2.ellipse(image, (int(x), int(y)), (w // 2, int(h) // 2), 0, 0, 360, (120, 150, 220), -1)
    for side in (-1, 1):
        cv2.circle(image, (int(x + side * w // 4), int(y - h // 8)), max(2, int(h) // 16), (20, 20, 20), -1)
    return image, [float(x - w / 2), float(y - h / 2), float(w), float(h)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "phone_replay").mkdir()
    rng = np.random.default_rng(5)
    lines = []
    for number in range(24):
        alive, split = number % 2 == 0, "dev" if number >= 16 else "train"
        image, box = draw_picture(rng, alive)
        cv2.imwrite(str(folder / "phone_replay" / f"{number}.png"), image)
        lines.append(
            {
                "id": str(number),
                "rgb": f"{number}.png",
                "label": "bona_fide" if alive else "attack",
                "pai_species": None if alive else "print_flat",
                "subject": f"p{number % 8}",
                "source": "phone_replay",
                "split": split,
                "box": box,
            }
        )
    (folder / "phone_replay" / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def samples(data: Path, split: str) -> tuple[Sample, ...]:
    from livegate_tools.train.samples import Split

    return tuple(of_split(read_data(data), Split(split)))


def test_the_loss_falls_on_a_few_pictures(data: Path, tmp_path: Path) -> None:
    from livegate_tools.train.cache import PictureCache
    from livegate_tools.train.dataset import BatchMaker
    from livegate_tools.train.loop import new_network
    from livegate_tools.train.step import train_step

    torch.set_num_threads(1)
    maker = BatchMaker(PictureCache(samples(data, "train"), tmp_path), RECIPE)
    network = new_network(RECIPE).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.003)
    batch = maker.batch(0)
    losses = [float(train_step(network, optimiser, batch, RECIPE).sum()) for _ in range(16)]
    assert np.mean(losses[-3:]) < 0.6 * np.mean(losses[:3])


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(data: Path, tmp_path: Path) -> None:
    from livegate_tools.train.loop import Run, train

    def run(folder: str, seed: int = 1) -> Run:
        plan = dataclasses.replace(PLAN, seed=seed)
        folder_path = tmp_path / folder
        folder_path.mkdir(exist_ok=True)
        recipe = dataclasses.replace(RECIPE, optimisation=plan)
        return Run(recipe, samples(data, "train"), samples(data, "dev"), folder_path)

    whole = train(run("whole"), lambda _line: None)
    said: list[str] = []

    def interrupt(line: str) -> None:
        said.append(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(run("parts"), interrupt)
    resumed = train(run("parts"), said.append, resume=True)
    assert [line.split()[1] for line in said] == ["1/2", "2/2"]
    for name, weight in whole.state_dict().items():
        assert torch.allclose(weight, resumed.state_dict()[name], atol=1e-6), name


def test_a_checkpoint_of_other_data_or_no_checkpoint_is_refused(data: Path, tmp_path: Path) -> None:
    from livegate_tools.train.loop import Run, train

    run = Run(
        dataclasses.replace(RECIPE, optimisation=dataclasses.replace(PLAN, epochs=1, steps_per_epoch=1)),
        samples(data, "train"),
        samples(data, "dev"),
        tmp_path,
    )
    with pytest.raises(AssetError, match="without --resume"):
        train(run, lambda _line: None, resume=True)
    train(run, lambda _line: None)
    with pytest.raises(AssetError, match="other data"):
        train(dataclasses.replace(run, train=run.train[1:]), lambda _line: None, resume=True)
    run.checkpoint.write_bytes(b"nothing of the kind")
    with pytest.raises(AssetError, match="no checkpoint"):
        train(run, lambda _line: None, resume=True)


def test_the_exported_graph_says_what_the_network_says(tmp_path: Path) -> None:
    import onnx

    from livegate_tools.train.export import export_onnx, onnx_inference
    from livegate_tools.train.development import torch_inference
    from livegate_tools.train.loop import new_network

    network = new_network(RECIPE).eval()
    exported = export_onnx(network, RECIPE, tmp_path / "face.onnx")
    inputs = np.random.default_rng(2).uniform(-1, 1, (2, 3, 240, 320)).astype(np.float32)
    offsets, scores = onnx_inference(exported.path)(inputs)
    expected_offsets, expected_scores = torch_inference(network)(inputs)
    assert offsets.shape == (2, 4400, 4)
    assert np.allclose(offsets, expected_offsets, atol=1e-4)
    assert np.allclose(scores, expected_scores, atol=1e-4)
    assert np.allclose(scores.sum(axis=2), 1, atol=1e-5)
    kinds = {node.op_type for node in onnx.load(exported.path).graph.node}
    assert not kinds & {"BatchNormalization", "Shape", "If", "Loop"}
    net = cv2.dnn.readNetFromONNX(str(exported.path))
    net.setInput(inputs[:1])
    assert np.allclose(net.forward("boxes"), expected_offsets[:1], atol=1e-3)
    assert exported.parameters <= 370_000


def test_small_pictures_and_other_layouts_have_as_many_priors_as_outputs() -> None:
    from livegate.detect.priors import prior_boxes
    from livegate_tools.train.network import FaceNetwork

    layout = dataclasses.replace(Model(), width=192, height=256).priors()
    raw = FaceNetwork(layout).eval()(torch.zeros(1, 3, 256, 192))
    assert raw.offsets.shape[1] == raw.face.shape[1] == raw.bona_fide.shape[1] == len(prior_boxes(layout))


def test_the_verb_trains_and_writes_a_model_the_terminal_accepts(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "recipe.toml"
    config.write_text(
        "[optimisation]\nepochs = 2\nsteps_per_epoch = 3\nbatch = 8\nbfloat16 = false\n"
        "peak_rate = 0.004\nthreads = 1\n"
        "[judgement]\nconfidence = 0.01\n[provenance]\nphone_replay = 'drawn for a test'\n"
    )
    out = tmp_path / "out"
    assert main(["train", "--config", str(config), "--data", str(data), "--out", str(out)]) == 0
    assert "epoch 2/2" in capsys.readouterr().out
    manifest = read_manifest(out / "model")
    assert manifest.model.sha256
    assert manifest.network.content(manifest.files[0])
    card = (out / "model" / "CARD.md").read_text()
    assert "drawn for a test" in card
    assert "What may not be claimed" in card
    assert "APCER print_flat" in card


def test_the_verb_says_what_is_wrong_with_the_data(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "recipe.toml"
    config.write_text("")
    arguments = ["train", "--config", str(config), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--data", str(tmp_path / "none")]) == 1
    assert "no such folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main([*arguments, "--data", str(tmp_path / "empty")]) == 2
    assert "found 0 bona_fide, 0 attack" in capsys.readouterr().err
    assert main([*arguments, "--data", str(data), "--simulated", str(tmp_path / "empty")]) == 1
    assert "manifest.jsonl" in capsys.readouterr().err
