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
        assert torch.equal(weight, resumed.state_dict()[name]), name
    states = [torch.load(tmp_path / folder / "checkpoint.pt", weights_only=True) for folder in ("whole", "parts")]
    assert [state["best_epoch"] for state in states] == [states[0]["best_epoch"]] * 2
    assert states[0]["best_auc"] == states[1]["best_auc"]


def test_older_weights_start_a_network_with_new_heads_and_fewer_blocks(data: Path, tmp_path: Path) -> None:
    from livegate_tools.train.loop import Run, chosen, train
    from livegate_tools.train.network import training_only

    plan = dataclasses.replace(PLAN, epochs=1, steps_per_epoch=1)
    recipe = dataclasses.replace(RECIPE, optimisation=plan)
    (tmp_path / "old").mkdir()
    run = Run(recipe, samples(data, "train"), samples(data, "dev"), tmp_path / "old")
    train(run, lambda _line: None)
    state = torch.load(run.checkpoint, weights_only=True)
    for part in ("network", "average"):
        state[part] = {n: w for n, w in state[part].items() if not training_only(n) or n.startswith("pixel_head")}
    for key in ("best_epoch", "best_auc", "ended"):
        del state[key]
    older = tmp_path / "older.pt"
    torch.save(state, older)
    fewer = dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, blocks=(0, 3, 3)))
    said: list[str] = []
    new = dataclasses.replace(run, recipe=fewer, folder=tmp_path / "new")
    new.folder.mkdir()
    train(new, said.append, start=older)
    assert "lacks depth_head, spectrum_head.0, spectrum_head.2; they start from the seed" in said[0]
    assert "has stage4.0, which this network lacks; they are dropped" in said[1]
    assert chosen(new).progress.presentations == 16
    # What is exported is all there, so an older checkpoint can still be published; it cannot be gone on with.
    older.rename(run.checkpoint)
    assert chosen(run).progress.epoch == 1
    with pytest.raises(AssetError, match="no checkpoint of this recipe"):
        train(run, lambda _line: None, resume=True)


def test_weights_of_another_shape_or_kind_are_refused(data: Path, tmp_path: Path) -> None:
    from livegate_tools.train.checkpoint import start_from
    from livegate_tools.train.loop import new_network

    network = new_network(RECIPE)
    path = tmp_path / "other.pt"
    state = {"epoch": 1, "data": "", "minutes": 0.0, "presentations": 0}
    torch.save({**state, "average": {"something.weight": torch.zeros(3)}}, path)
    with pytest.raises(AssetError, match="has 0 of the"):
        start_from(path, network)
    torch.save({**state, "average": {n: w[..., None] for n, w in network.state_dict().items()}}, path)
    with pytest.raises(AssetError, match="no checkpoint of this recipe's network"):
        start_from(path, network)


def test_the_best_epoch_is_exported_and_patience_ends_the_run() -> None:
    from livegate_tools.train.checkpoint import Progress
    from livegate_tools.train.development import Development
    from livegate_tools.train.loop import after_epoch

    plan = dataclasses.replace(PLAN, epochs=9, patience_epochs=2)
    progress, history = Progress(0, "", 0.0, 0), []
    for epoch, worst in enumerate((0.6, 0.8, 0.7, 0.8, 0.9), 1):
        development = Development({}, {}, {"easy": 0.99, "hard": worst})
        progress = after_epoch(progress, development, epoch, plan)
        history.append((progress.best_epoch, progress.ended))
    assert history == [(1, False), (2, False), (2, False), (2, True), (5, False)]
    assert after_epoch(progress, Development({}, {}, {}), 9, plan).ended


def test_weights_of_the_best_epoch_are_the_ones_that_ship(data: Path, tmp_path: Path) -> None:
    from livegate_tools.train.loop import Run, chosen, train
    from livegate_tools.train.recipe import Export, Judgement

    run = Run(RECIPE, samples(data, "train"), samples(data, "dev"), tmp_path)
    last = train(run, lambda _line: None)
    # As if the second epoch had been worse than the first.
    state = torch.load(run.checkpoint, weights_only=True)
    torch.save({**state, "best_epoch": 1}, run.checkpoint)
    best = torch.load(run.checkpoint, weights_only=True)
    best["average"] = {name: torch.zeros_like(weight) for name, weight in best["average"].items()}
    torch.save({**best, "epoch": 1}, run.best)
    found = chosen(run)
    assert (found.progress.epoch, found.last.epoch) == (1, 2)
    assert not any(weight.any() for weight in found.network.state_dict().values())
    recipe = dataclasses.replace(RECIPE, judgement=Judgement(export=Export.LAST))
    found = chosen(dataclasses.replace(run, recipe=recipe))
    assert found.progress.epoch == 2
    assert all(torch.equal(w, found.network.state_dict()[n]) for n, w in last.state_dict().items())


def test_depth_is_a_face_s_for_the_living_none_for_paper_and_unknown_for_a_mask(data: Path, tmp_path: Path) -> None:
    from livegate_tools.train.cache import PictureCache
    from livegate_tools.train.dataset import BatchMaker
    from livegate_tools.train.teacher import TeacherScores, name_of

    every = samples(data, "train")
    masked = [dataclasses.replace(s, species="mask_3d" if s.species else None) for s in every]
    recipe = dataclasses.replace(RECIPE, shares={"recaptured": 0.0})
    teacher = TeacherScores(scores={name_of(s): 0.75 for s in every})
    flat = BatchMaker(PictureCache(every, tmp_path), recipe, teacher).batch(0)
    relief = BatchMaker(PictureCache(masked, tmp_path), recipe).batch(0)
    assert set(flat.liveness) == {0, 1}
    for n, alive in enumerate(flat.liveness):
        assert flat.depth[n].max() > 0.5 if alive else not flat.depth[n].any()
        assert np.isnan(relief.depth[n]).all() != bool(relief.liveness[n])
    assert (flat.teacher == 0.75).all()
    assert np.isnan(relief.teacher).all()
    again = BatchMaker(PictureCache(every, tmp_path), recipe, teacher).batch(0)
    assert all(np.array_equal(getattr(flat, f.name), getattr(again, f.name)) for f in dataclasses.fields(flat))


def test_a_step_whose_gradient_is_not_finite_changes_nothing_and_is_counted(data: Path, tmp_path: Path) -> None:
    from livegate_tools.train.cache import PictureCache
    from livegate_tools.train.dataset import BatchMaker
    from livegate_tools.train.loop import new_network
    from livegate_tools.train.step import train_step

    batch = BatchMaker(PictureCache(samples(data, "train"), tmp_path), RECIPE).batch(0)
    network = new_network(RECIPE).train()
    before = {name: weight.clone() for name, weight in network.named_parameters()}
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01)
    offsets = np.full_like(batch.offsets, np.inf)
    terms = train_step(network, optimiser, dataclasses.replace(batch, offsets=offsets), RECIPE)
    assert torch.isnan(terms).all()
    assert all(torch.equal(weight, before[name]) for name, weight in network.named_parameters())


def test_pictures_decoded_for_many_runs_serve_one_with_fewer(data: Path, tmp_path: Path) -> None:
    from livegate_tools.train.cache import PictureCache

    every = samples(data, "train")
    whole = PictureCache(every, tmp_path)
    written = (tmp_path / "pixels.bin").stat().st_mtime_ns
    part = PictureCache(every[::-3], tmp_path)
    assert (tmp_path / "pixels.bin").stat().st_mtime_ns == written
    assert len(part) == len(every[::-3])
    for index, sample in enumerate(part.samples):
        assert np.array_equal(part[index].image, whole[every.index(sample)].image)


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

    from livegate_tools.train.development import torch_inference
    from livegate_tools.train.export import export_onnx, onnx_inference
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
    names = " ".join(tensor.name for tensor in onnx.load(exported.path).graph.initializer)
    assert not any(head in names for head in ("pixel_head", "depth_head", "spectrum_head"))


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
    one = tmp_path / "one" / "phone_replay"
    one.mkdir(parents=True)
    lines = [line for line in (data / "phone_replay" / "samples.jsonl").read_text().splitlines() if "bona" in line]
    (one / "samples.jsonl").write_text("\n".join(lines) + "\n")
    assert main([*arguments, "--data", str(one.parent)]) == 2
    assert "split train: expected bona fide and attack presentations, found 8 bona_fide, 0 attack" in (
        capsys.readouterr().err
    )
    assert main([*arguments, "--data", str(data), "--teacher", str(tmp_path / "none.jsonl")]) == 1
    assert "none.jsonl: cannot be read" in capsys.readouterr().err
    assert main([*arguments, "--data", str(data), "--simulated", str(tmp_path / "empty")]) == 1
    assert "manifest.jsonl" in capsys.readouterr().err
