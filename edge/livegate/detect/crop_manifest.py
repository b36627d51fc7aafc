"""The manifest of a crop classifier: a network that looks at the face found by the detector, and at what is around it.

Ours and a user's own (a MiniFASNet, say) are read alike. Which classes there are, how the face is cut out and what the
numbers of the input mean stands in the manifest; nothing is guessed from the network.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from livegate.config import DecisionPolicy
from livegate.cues.scorer import Scorer
from livegate.decide.rates import Rates
from livegate.detect.manifest import Input
from livegate.detect.network import MANIFEST, REMEDY, Identity, Kind, ModelFile, Network, Tensor, listed_files
from livegate.detect.tables import read_tables
from livegate.errors import AssetError
from livegate.options import Between, Matches

FEATURES = ("log_odds",)
BONA_FIDE = "bona_fide"
# One opinion, however sure, weighs no more than tens of thousands of samples without an error could support.
MOST_LLR = 10.0
LEAST_WEIGHT, MOST_WEIGHT, MOST_OFFSET = 0.1, 10.0, 5.0


class CropRule(enum.StrEnum):
    """What happens where the cut-out would leave the picture."""

    SHIFT = "shift"
    PAD = "pad"


class Resize(enum.StrEnum):
    """How the cut-out is brought to the size of the input."""

    LINEAR = "linear"
    AREA = "area"
    HALVING = "halving"
    """Averaged two by two while it is twice too large, then by areas: the same to the eye, and three times as quick."""


class OutputKind(enum.StrEnum):
    """What the network's numbers are."""

    LOGITS = "logits"
    PROBABILITIES = "probabilities"


@dataclass(frozen=True, slots=True)
class Crop:
    """Table [crop]: the face's box is enlarged ``scale`` times about its centre; see ``livegate.detect.crop_rule``."""

    scale: Annotated[float, Between(0.5, 10)]
    rule: CropRule
    resize: Resize = Resize.LINEAR


@dataclass(frozen=True, slots=True)
class Output:
    """Table [output]: the name of the one output (1, C), and what each of its C numbers stands for.

    A class is "bona_fide", "attack" (no species named), or the name of a PAI species or family: an attack, too.
    """

    name: str
    kind: OutputKind
    classes: tuple[Annotated[str, Matches("[a-z][a-z0-9_]{0,39}")], ...]


@dataclass(frozen=True, slots=True)
class OwnFusion:
    """Table [fusion] of a user's own classifier: fused = offset + weight * ours + own_weight * own.

    ``threshold_llr`` was fixed on the user's samples, beside exactly ``cues``. It may come from anywhere, so it is
    bounded: ours keep a say, and nothing below even odds is accepted.
    """

    own_weight: Annotated[float, Between(0, MOST_WEIGHT)]
    weight: Annotated[float, Between(LEAST_WEIGHT, MOST_WEIGHT)]
    offset: Annotated[float, Between(-MOST_OFFSET, MOST_OFFSET)]
    threshold_llr: Annotated[float, Between(0, 50)]
    cues: tuple[str, ...] = ()
    rates: Rates | None = None


@dataclass(frozen=True, slots=True)
class _Tables:
    model: Identity
    input: Input
    crop: Crop
    output: Output
    scorer: Scorer | None = None
    fusion: OwnFusion | None = None
    calibration: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    conversion: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CropManifest:
    """A valid manifest, and the folder it stands in; without ``scorer`` the classifier was not calibrated."""

    folder: Path
    model: Identity
    input: Input
    crop: Crop
    output: Output
    scorer: Scorer | None
    fusion: OwnFusion | None
    files: tuple[ModelFile, ...]

    @property
    def path(self) -> Path:
        """The manifest's own file."""
        return self.folder / MANIFEST

    @property
    def classes(self) -> tuple[str, ...]:
        """What each number of the output stands for."""
        return self.output.classes

    @property
    def calibrated(self) -> bool:
        """Whether its numbers have been given a meaning; only then may it speak."""
        return self.scorer is not None

    @property
    def network(self) -> Network:
        """What a runtime needs."""
        shape = (1, 3, self.input.height, self.input.width)
        return Network(
            self.path, self.files, self.input.name, shape, (Tensor(self.output.name, (1, len(self.classes))),)
        )


def read_crop_manifest(folder: Path) -> CropManifest:
    """Return the manifest of the crop classifier in ``folder``; AssetError names file, key and remedy."""
    path = folder / MANIFEST
    tables = read_tables(_Tables, path)
    _check_whole(tables, path)
    return CropManifest(
        folder,
        tables.model,
        tables.input,
        tables.crop,
        tables.output,
        tables.scorer,
        tables.fusion,
        listed_files(tables.model, path),
    )


def _check_whole(tables: _Tables, path: Path) -> None:
    """Check what no single key can tell."""
    if tables.model.kind is not Kind.CROP_CLASSIFIER:
        raise AssetError(f"{path}: [model] 'kind': expected '{Kind.CROP_CLASSIFIER}', found '{tables.model.kind}'")
    if len(tables.input.mean) != 3:
        raise AssetError(f"{path}: [input] 'mean': expected 3 numbers, found {len(tables.input.mean)}; {REMEDY}")
    classes = tables.output.classes
    if BONA_FIDE not in classes or set(classes) == {BONA_FIDE}:
        raise AssetError(
            f"{path}: [output] 'classes': expected one '{BONA_FIDE}' and at least one attack, in the order of the "
            f"network's numbers; found {', '.join(classes) or 'none'}"
        )
    if classes.count(BONA_FIDE) > 1:
        raise AssetError(f"{path}: [output] 'classes': '{BONA_FIDE}' stands there {classes.count(BONA_FIDE)} times")
    scorer = tables.scorer
    if scorer is not None and not (scorer.fits(FEATURES) and scorer.weight[0] > 0):
        raise AssetError(
            f"{path}: [scorer] expected the feature {FEATURES[0]} with one mean, deviation and weight above 0; "
            "calibrate the model again"
        )
    if scorer is not None and scorer.max_llr > MOST_LLR:
        raise AssetError(f"{path}: [scorer] 'max_llr': expected at most {MOST_LLR:g}; calibrate the model again")
    fusion = tables.fusion
    if fusion is not None and fusion.rates is not None and accepts_attacks(fusion.rates):
        raise AssetError(
            f"{path}: [fusion] 'rates': expected no threshold below 0 for the default error rates; calibrate the model "
            "again"
        )


def accepts_attacks(rates: Rates) -> bool:
    """Return whether by ``rates`` evidence would be accepted that speaks for an attack, at the default error rates."""
    return rates.accept_llr(DecisionPolicy().max_apcer) < 0
