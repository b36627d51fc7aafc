"""Learn how cues that speak together are weighed, and which threshold holds: on dev captures of several sources.

Everything that depends on dev is refitted in one go: first the scorers of the shipped crop classifiers, then a point
for every set of cues that may speak together, the detector alone included; where a second opinion helps, a cascade; and
the points of a terminal on which no network runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from livegate import assets
from livegate.config import DecisionPolicy
from livegate.crop_calibration import fit_scorer
from livegate.cues.crop import CropCue
from livegate.cues.protocol import all_cues
from livegate.cues.scorer import Scorer
from livegate.detect.manifest import read_manifest
from livegate.errors import LivegateError
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.samples.manifest import Sample
from livegate.samples.measuring import Measured
from livegate.scorers import DETECTOR, detector_as_cue, fingerprint, read_scored
from livegate_tools.train.dev_evidence import measure_all, samples_of
from livegate_tools.train.dev_measurers import FACE, FINDER, Equipment, Way, off_cues, open_equipment, second_opinions
from livegate_tools.train.frame_correlation import correlations
from livegate_tools.train.fusion_card import Dev, card_text, manifest_text
from livegate_tools.train.fusion_evidence import Evidence, evidence_of
from livegate_tools.train.fusion_points import Needs, fallback_points, network_points
from livegate_tools.train.scorer_file import write_scorer


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was measured of dev on one way, with the scorers of its cues, and what these say of it."""

    equipment: Equipment
    measured: tuple[Measured, ...]
    scorers: Mapping[str, Scorer]
    needs: Needs

    @property
    def evidence(self) -> list[Evidence]:
        """What the cues say of every presentation."""
        return [evidence_of(seen, self.scorers) for seen in self.measured]


def train_fusion(
    places: Sequence[Path], out: Path, jobs: int = 1, cache: Path | None = None, shelf: Shelf = SHIPPED
) -> Path:
    """Refit on dev ``places``; write manifest.toml and CARD.md into ``out`` and return it.

    The manifests of the crop classifiers of ``shelf`` are given the scorers found.
    """
    policy, samples = DecisionPolicy(), dev_samples(places)
    learnt = {way: learn(way, samples, jobs, cache, shelf) for way in ways(shelf)}
    network = learnt[Way.NETWORK]
    for name, cue in network.equipment.measurer.cues.items():
        if isinstance(cue, CropCue):
            write_scorer(shelf.model(name), network.scorers[name])
    found = network_points(network.evidence, policy, network.needs)
    if not found:
        raise LivegateError(f"{', '.join(map(str, places))}: expected people and attacks with a face, found none")
    fallback = learnt.get(Way.FALLBACK)
    without = [] if fallback is None else fallback_points(fallback.evidence, policy, fallback.needs)
    sources = tuple(sorted({sample.source for sample in samples}))
    dev = Dev(sources, len(samples), len(network.measured), 0 if fallback is None else len(fallback.measured))
    models = fingerprints(network.scorers, learnt.keys(), shelf)
    out.mkdir(parents=True, exist_ok=True)
    (out / "manifest.toml").write_text(manifest_text([*found, *without], models, dev))
    alike = correlations(network.measured, network.scorers)
    (out / "CARD.md").write_text(card_text(found, without, alike, policy, dev))
    return out


def fingerprints(cues: Iterable[str], measured: Collection[Way], shelf: Shelf) -> dict[str, str]:
    """Return the fingerprint of the model of every cue, and of the finder where points were fixed on its faces."""
    folders = {name: assets.model(FACE) if name == DETECTOR else shelf.model(name) for name in cues}
    if Way.FALLBACK in measured:
        folders[FINDER] = shelf.model(FINDER)
    return {name: fingerprint(folder) for name, folder in folders.items()}


def dev_samples(places: Sequence[Path]) -> list[Sample]:
    """Return the dev samples of all ``places``."""
    return [sample for place in places for sample in samples_of(place)]


def ways(shelf: Shelf) -> tuple[Way, ...]:
    """Return how a terminal with these models can judge: without a network only by texture, with a trained finder."""
    without = bool(second_opinions(shelf)) and shelf.find(FINDER) is not None
    return (Way.NETWORK, Way.FALLBACK) if without else (Way.NETWORK,)


def learn(way: Way, samples: Sequence[Sample], jobs: int, cache: Path | None, shelf: Shelf) -> Learnt:
    """Measure ``samples`` on one way and return what its cues say; crop classifiers get a new scorer."""
    equipment = open_equipment(way, shelf)
    measured = tuple(measure_all(samples, equipment, jobs, cache))
    roles = {name: cue.NEEDS for name, cue in equipment.measurer.cues.items()}
    needs = Needs(roles, second_opinions(shelf), off_cues(shelf), equipment.measurer.narrow)
    return Learnt(equipment, measured, _scorers(equipment, measured), needs)


def _scorers(equipment: Equipment, measured: Sequence[Measured]) -> dict[str, Scorer]:
    """Return the scorer of every cue; those of crop classifiers are fitted to ``measured``."""
    modules, scorers = dict(all_cues()), {}
    for name, cue in equipment.measurer.cues.items():
        if name == DETECTOR:
            scorers[name] = detector_as_cue(read_manifest(assets.model(FACE))).scorer
        elif isinstance(cue, CropCue):
            scorers[name] = fit_scorer(name, measured)
        else:
            scorers[name] = read_scored(name, modules[name], equipment.shelf.model(name)).scorer
    return scorers
