"""``livegate train finder``: pictures in, a face finder out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from livegate.detect.cascade import Trees
from livegate.detect.finder import NAME, Finder
from livegate.detect.finder_manifest import Decision, FinderModel, Identity, Scan
from livegate.detect.network import Kind
from livegate.errors import ConfigError
from livegate_tools.train.finder.boosting import Recipe
from livegate_tools.train.finder.examples import cut_faces, let_by
from livegate_tools.train.finder.growth import Amounts, chosen, grow_trees
from livegate_tools.train.finder.measure import Measured, fitted, measure
from livegate_tools.train.finder.network import SmallNetwork, as_read, learn
from livegate_tools.train.finder.pictures import Picture, Seen, apart, loaded, of_training, read_folder, read_manifest
from livegate_tools.train.finder.publish import LICENCE, Trained, publish
from livegate_tools.train.finder.tightening import tightened

_SCAN = Scan(52.0, 2)
# Less than the one in 100 that is allowed, for other rooms have other things in them.
_FALSE_PER_FRAME = 0.0075


@dataclass(frozen=True, slots=True)
class Round:
    """One round of the network's training: pictures to take windows from, whether its own mistakes, passes, step."""

    pictures: int
    own: bool
    epochs: int
    rate: float


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a training takes: what trees are grown from, how, and in which rounds the network learns."""

    amounts: Amounts
    recipe: Recipe
    cuts: int
    rounds: tuple[Round, ...]


WHOLE = Plan(
    Amounts(),
    Recipe(),
    cuts=2,
    rounds=(
        Round(2500, False, 5, 6e-3),
        Round(6000, True, 6, 5e-3),
        Round(8000, True, 22, 4e-3),
        Round(8000, True, 16, 4e-3),
    ),
)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where pictures come from: manifests with faces, folders without, manifests to fix the threshold and to report."""

    faces: Sequence[Path]
    negatives: Sequence[Path]
    dev: Sequence[Path]
    report: Sequence[Path]


def train_finder(sources: Sources, out: Path, seed: int, say: Callable[[str], None], plan: Plan = WHOLE) -> Path:
    """Train on ``sources``, write the model into ``out`` and return it; what was finished there is not done again."""
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    dev, report = _by_name(sources.dev), _by_name(sources.report)
    held_out = [picture for pictures in dev.values() for picture in pictures]
    reported = [picture for pictures in report.values() for picture in pictures]
    sets = [of_training(path) for path in sources.faces] + [read_folder(path) for path in sources.negatives]
    rng = np.random.default_rng(seed)
    pictures = loaded(chosen([apart(each, held_out, reported) for each in sets], plan.amounts.pictures_of_a_set, rng))
    if not any(seen.faces for seen in pictures):
        raise ConfigError("train finder: no picture with a face is left that shares nobody and no set with --dev")
    trees = grow_trees(pictures, out / "trees.npz", seed, say, plan.amounts, plan.recipe)
    network = _trained_network(trees, pictures, out, seed, say, plan)
    trees = tightened(trees, pictures, plan.amounts.tightened_on, np.random.default_rng(seed + 2))
    finder = Finder(_model(trees, network, Decision(0.0, 1.0, 0.0)))
    figures = {name: measure(finder, each) for name, each in (dev | report).items()}
    decision = _decided([figures[name] for name in dev])
    training = {
        "seed": seed,
        "pictures": len(pictures),
        "false_per_frame": _FALSE_PER_FRAME,
        **{key: [_name(path) for path in paths] for key, paths in dataclasses.asdict(sources).items()},
    }
    return publish(Trained(trees, network.arrays(), _SCAN, decision, training), figures, list(dev), out / NAME)


def _trained_network(
    trees: Trees, pictures: Sequence[Seen], out: Path, seed: int, say: Callable[[str], None], plan: Plan
) -> SmallNetwork:
    """Teach the network what the trees let by, then what it mistakes itself; go on after the last finished round."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed + 1)
    network = SmallNetwork().eval()
    examples = cut_faces(pictures, plan.cuts, rng)
    for number, each in enumerate(plan.rounds, 1):
        finder = Finder(_model(trees, network, Decision(0.0, 1.0, 0.0)))
        examples += let_by(finder, pictures, each.pictures, each.own, rng)
        say(f"round {number}: {len(examples.face)} windows, {np.nansum(examples.face):.0f} of faces")
        checkpoint = out / f"network_{number}.pt"
        if checkpoint.is_file():
            network.load_state_dict(torch.load(checkpoint, weights_only=True))
            continue
        learn(network, examples, each.epochs, each.rate, seed + number, say)
        torch.save(network.state_dict(), checkpoint)
    return network.eval()


def _model(trees: Trees, network: SmallNetwork, decision: Decision) -> FinderModel:
    identity = Identity(NAME, "1", Kind.FACE_CASCADE, LICENCE, "0" * 64)
    return FinderModel(Path(NAME), identity, _SCAN, decision, trees, as_read(network.arrays()))


def _decided(dev: Sequence[Measured]) -> Decision:
    """Return what odds mean, and the confidence at which few enough frames of dev show a false face."""
    faces = np.array([face.odds for measured in dev for face in measured.faces if face.odds is not None])
    false = np.sort([odds for measured in dev for odds in measured.false])[::-1]
    slope, offset = fitted(faces, false)
    allowed = int(_FALSE_PER_FRAME * sum(measured.pictures for measured in dev))
    least = float(np.nextafter(false[allowed], math.inf)) if len(false) > allowed else min(float(faces.min()), 0.0)
    return Decision(Decision(0.0, slope, offset).of(least), slope, offset)


def _by_name(paths: Sequence[Path]) -> dict[str, list[Picture]]:
    return {_name(path): read_manifest(path) for path in paths}


def _name(path: Path) -> str:
    return path.parent.name if path.stem in ("manifest", "samples") else path.stem
