"""A detector's manifest: what the network is, how to feed it, how to read it, and the files it may be."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from livegate.decide.calibration import Calibration
from livegate.decide.rates import Rates
from livegate.detect.network import MANIFEST, REMEDY, Identity, Kind, ModelFile, Network, Tensor, listed_files
from livegate.detect.priors import PriorLayout, prior_boxes
from livegate.detect.tables import read_tables
from livegate.errors import AssetError
from livegate.options import Between

Probability = Annotated[float, Between(0.0, 1.0)]


class ChannelOrder(enum.StrEnum):
    """The order of the colour planes in the input."""

    BGR = "bgr"
    RGB = "rgb"


class Layout(enum.StrEnum):
    """The order of the input's axes."""

    NCHW = "nchw"


@dataclass(frozen=True, slots=True)
class Input:
    """Table [input]: a tensor (1, 3, height, width) of (x - mean) * scale, ``mean`` on 0..255 in channel order."""

    name: str
    width: Annotated[int, Between(16, 4096)]
    height: Annotated[int, Between(16, 4096)]
    channel_order: ChannelOrder
    mean: tuple[Annotated[float, Between(0, 255)], ...]
    scale: Annotated[float, Between(1e-6, 10)]
    layout: Layout


@dataclass(frozen=True, slots=True)
class Output:
    """Table [output]: names of the offsets (1, N, 4) and the probabilities (1, N, 3) background, bona fide, attack."""

    boxes: str
    scores: str


@dataclass(frozen=True, slots=True)
class Priors:
    """Table [priors]: the grid of prior boxes; see ``livegate.detect.priors``."""

    strides: tuple[Annotated[int, Between(1, 1024)], ...]
    heights: tuple[tuple[Annotated[float, Between(1, 4096)], ...], ...]
    aspect: Annotated[float, Between(0.05, 20)]


@dataclass(frozen=True, slots=True)
class Operating:
    """Table [decision]: what counts as a face, and the calibration of its liveness found on the dev split."""

    confidence: Annotated[float, Between(0.01, 1)]
    nms_iou: Probability
    llr_slope: Annotated[float, Between(1e-3, 1e3)]
    llr_offset: Annotated[float, Between(-1e3, 1e3)]
    threshold_llr: Annotated[float, Between(-1e3, 1e3)]
    max_llr: Annotated[float, Between(0.1, 1e3)]
    frame_correlation: Probability = 1.0
    """How alike the scores of one appearance's frames are; at 1, further frames add no evidence."""
    rates: Rates | None = None
    """What other thresholds come to on dev."""


@dataclass(frozen=True, slots=True)
class _Tables:
    model: Identity
    input: Input
    output: Output
    priors: Priors
    decision: Operating
    training: Mapping[str, Any] = field(default_factory=dict)
    conversion: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """A valid manifest, and the folder it stands in."""

    folder: Path
    model: Identity
    input: Input
    output: Output
    priors: Priors
    decision: Operating
    training: Mapping[str, Any]
    files: tuple[ModelFile, ...]

    @property
    def path(self) -> Path:
        """The manifest's own file."""
        return self.folder / MANIFEST

    @property
    def prior_layout(self) -> PriorLayout:
        """The grid of priors for ``livegate.detect.priors.prior_boxes``."""
        priors = self.priors
        return PriorLayout(self.input.width, self.input.height, priors.strides, priors.heights, priors.aspect)

    @property
    def calibration(self) -> Calibration:
        """The calibration of the detector's liveness for ``livegate.decide.calibration.detector_llr``."""
        d = self.decision
        return Calibration(d.llr_slope, d.llr_offset, d.threshold_llr, d.max_llr)

    @property
    def network(self) -> Network:
        """What a runtime needs: offsets (1, N, 4), then probabilities (1, N, 3), N the number of priors."""
        rows = len(prior_boxes(self.prior_layout))
        outputs = (Tensor(self.output.boxes, (1, rows, 4)), Tensor(self.output.scores, (1, rows, 3)))
        return Network(self.path, self.files, self.input.name, (1, 3, self.input.height, self.input.width), outputs)


def read_manifest(folder: Path) -> ModelManifest:
    """Return the manifest of the model in ``folder``; AssetError names file, key and remedy for anything wrong."""
    path = folder / MANIFEST
    tables = read_tables(_Tables, path)
    manifest = ModelManifest(
        folder,
        tables.model,
        tables.input,
        tables.output,
        tables.priors,
        tables.decision,
        tables.training,
        listed_files(tables.model, path),
    )
    _check_whole(manifest)
    return manifest


def _check_whole(manifest: ModelManifest) -> None:
    """Check what no single key can tell."""
    priors, where = manifest.priors, manifest.path
    if manifest.model.kind is not Kind.SSD:
        raise AssetError(f"{where}: [model] 'kind': a detector is '{Kind.SSD}', found '{manifest.model.kind}'")
    if manifest.input.channel_order is not ChannelOrder.BGR:
        raise AssetError(f"{where}: [input] 'channel_order': a detector takes '{ChannelOrder.BGR}'; {REMEDY}")
    if len(manifest.input.mean) != 3:
        raise AssetError(f"{where}: [input] 'mean': expected 3 numbers, found {len(manifest.input.mean)}; {REMEDY}")
    if not priors.strides or len(priors.strides) != len(priors.heights) or not all(priors.heights):
        raise AssetError(
            f"{where}: [priors] expected as many lists in 'heights' as 'strides', none empty; found "
            f"{len(priors.heights)} and {len(priors.strides)}; {REMEDY}"
        )
    if abs(manifest.decision.threshold_llr) >= manifest.decision.max_llr:
        raise AssetError(
            f"{where}: [decision] 'threshold_llr' must lie within ±'max_llr', or no face could ever pass it; {REMEDY}"
        )
