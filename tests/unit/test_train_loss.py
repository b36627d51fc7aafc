from __future__ import annotations

import dataclasses

import pytest

from livegate_tools.train.recipe import Device, Weights

torch = pytest.importorskip("torch", reason="the [train] extra is not installed")
pytestmark = pytest.mark.training

BONA_FIDE, ATTACK, UNLABELLED = 1, 0, -1


def case(liveness: list[int], teacher: list[float]) -> tuple[object, object]:
    """Raw output with all logits 0 and targets of as many pictures, whose first prior has a face."""
    from livegate_tools.train.loss import Targets
    from livegate_tools.train.network import RawOutput

    count = len(liveness)
    state = torch.zeros(count, 6, dtype=torch.int8)
    state[:, 0] = 1
    inside = torch.zeros(count, 4, 5, dtype=torch.bool)
    inside[:, 1:3, 1:3] = True
    maps = torch.zeros(count, 4, 5)
    targets = Targets(
        state=state,
        offsets=torch.zeros(count, 6, 4),
        liveness=torch.tensor(liveness, dtype=torch.int8),
        teacher=torch.tensor(teacher),
        pixels=inside & (torch.tensor(liveness) >= 0)[:, None, None],
        depth=maps.clone(),
        spectrum=torch.full((count, 10, 10), 0.5),
    )
    priors = torch.zeros(count, 6)
    return RawOutput(torch.zeros(count, 6, 4), priors, priors, maps, maps, torch.zeros(count, 8, 4, 5)), targets


def losses(raw: object, targets: object, weights: Weights | None = None, spectra: float = 0.5) -> dict[str, float]:
    from livegate_tools.train.loss import multibox_loss

    said = torch.full((len(targets.liveness), 10, 10), spectra)
    return {name: float(t) for name, t in multibox_loss(raw, said, targets, weights or Weights()).terms().items()}


def test_depth_is_judged_inside_the_face_and_only_where_it_is_known() -> None:
    raw, targets = case([ATTACK, BONA_FIDE], [float("nan")] * 2)
    # A logit of 0 is a half: a quarter of squared error where 0 is asked.
    assert losses(raw, targets)["depth"] == pytest.approx(0.25)
    depth = targets.depth.clone()
    depth[1] = float("nan")
    depth[0][~targets.pixels[0]] = 1.0
    assert losses(raw, dataclasses.replace(targets, depth=depth))["depth"] == pytest.approx(0.25)
    depth[0] = float("nan")
    assert losses(raw, dataclasses.replace(targets, depth=depth))["depth"] == 0


def test_the_spectrum_counts_for_labelled_faces() -> None:
    raw, targets = case([ATTACK, UNLABELLED], [float("nan")] * 2)
    assert losses(raw, targets, spectra=0.5)["spectrum"] == 0
    assert losses(raw, targets, spectra=0.9)["spectrum"] == pytest.approx(0.16, abs=1e-6)
    raw, targets = case([UNLABELLED], [float("nan")])
    assert losses(raw, targets, spectra=0.9)["spectrum"] == 0


def test_a_teacher_counts_where_it_was_asked_and_less_where_it_is_wrong() -> None:
    weights = Weights(smoothing=0.0, teacher_wrong=0.25, teacher_unlabelled=0.5)
    entropy = 0.6931472
    for liveness, score, worth in (
        (BONA_FIDE, 0.9, 1.0),
        (BONA_FIDE, 0.1, 0.25),
        (ATTACK, 0.1, 1.0),
        (ATTACK, 0.9, 0.25),
        (UNLABELLED, 0.9, 0.5),
        (ATTACK, float("nan"), 0.0),
    ):
        assert losses(*case([liveness], [score]), weights)["teacher"] == pytest.approx(worth * entropy), (
            liveness,
            score,
        )


def test_a_teacher_pulls_towards_its_score() -> None:
    from livegate_tools.train.loss import multibox_loss

    raw, targets = case([BONA_FIDE], [0.7])
    for logit, towards in ((0.0, 1), (2.0, -1)):
        bona_fide = torch.full((1, 6), logit, requires_grad=True)
        said = dataclasses.replace(raw, bona_fide=bona_fide)
        multibox_loss(said, torch.zeros(1, 10, 10), targets, Weights(smoothing=0.0)).teacher.backward()
        assert bona_fide.grad is not None
        assert float(bona_fide.grad[0, 0]) * towards < 0
        assert not bona_fide.grad[0, 1:].any()


def test_the_total_weighs_every_term_by_its_name() -> None:
    from livegate_tools.train.loss import TERMS, Losses

    weights = Weights(box=1, face=2, liveness=3, pixels=4, depth=5, spectrum=6, teacher=7)
    assert TERMS == ("box", "face", "liveness", "pixels", "depth", "spectrum", "teacher")
    one = Losses(*(torch.tensor(1.0) for _ in TERMS))
    assert float(one.total(weights)) == 28


def test_the_processor_is_used_where_the_recipe_says_so_or_nothing_else_is_there() -> None:
    from livegate_tools.train.step import device_of

    assert device_of(Device.CPU).type == "cpu"
    assert (device_of(Device.AUTO).type == "cpu") is not torch.accelerator.is_available()


def test_a_dilated_kernel_is_learnt_in_full_precision() -> None:
    from livegate_tools.train.network import DilatedConvolution, FaceNetwork
    from livegate_tools.train.recipe import Model

    network = FaceNetwork(Model().priors())
    dilated = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d) and m.dilation != (1, 1)]
    assert dilated
    assert all(isinstance(module, DilatedConvolution) for module in dilated)
    seen: list[torch.dtype] = []
    for module in dilated:
        module.register_forward_hook(lambda _m, _i, out: seen.append(out.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        network(torch.zeros(1, 3, 240, 320))
    assert set(seen) == {torch.float32}
