"""A model's manifest: what the network is, how to feed it, how to read it, and the one file it may be.

The bytes of a model are read once, hashed, and only then handed to a runtime: no runtime ever parses a file that is not
the one the manifest names.
"""

from __future__ import annotations

import enum
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from livegate.decide.calibration import Calibration
from livegate.detect.priors import PriorLayout
from livegate.errors import AssetError, ConfigError
from livegate.options import Between, Matches, parse

FILE_NAME = "manifest.toml"
_REMEDY = "install the model again, or write its manifest with `livegate train`"

Sha256 = Annotated[str, Matches("[0-9a-f]{64}")]
# No slash: a manifest cannot name a file outside its own folder.
FileName = Annotated[str, Matches(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")]
Probability = Annotated[float, Between(0.0, 1.0)]


class Kind(enum.StrEnum):
    """How a model's outputs are to be read."""

    SSD = "ssd"


class ChannelOrder(enum.StrEnum):
    """The order of the colour planes in the input."""

    BGR = "bgr"


class Layout(enum.StrEnum):
    """The order of the input's axes."""

    NCHW = "nchw"


class ModelFormat(enum.StrEnum):
    """The file formats a model may ship in."""

    ONNX = "onnx"
    TFLITE = "tflite"


@dataclass(frozen=True, slots=True)
class Identity:
    """Table [model]: name, files and their hashes, licence; ``parameters`` and ``mmacs`` say what it costs."""

    name: str
    version: str
    kind: Kind
    file: FileName
    sha256: Sha256
    licence: str
    parameters: Annotated[int, Between(0)]
    mmacs: Annotated[float, Between(0)]
    tflite: FileName | None = None
    tflite_sha256: Sha256 | None = None


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


@dataclass(frozen=True, slots=True)
class _Tables:
    model: Identity
    input: Input
    output: Output
    priors: Priors
    decision: Operating
    training: Mapping[str, Any] = field(default_factory=dict)


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

    @property
    def path(self) -> Path:
        """The manifest's own file."""
        return self.folder / FILE_NAME

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

    def has(self, form: ModelFormat) -> bool:
        """Return whether the manifest lists a file of that format."""
        return form is ModelFormat.ONNX or self.model.tflite is not None

    def model_bytes(self, form: ModelFormat) -> bytes:
        """Read the model's file once and return it if it is the one the manifest means.

        Raises AssetError naming file, expected and found SHA-256 when it is missing, unreadable or another.
        """
        name, expected = self._listed(form)
        path = self.folder / name
        try:
            content = path.read_bytes()
        except OSError as exc:
            raise AssetError(f"{path}: cannot be read ({exc.strerror}); {_REMEDY}") from exc
        found = hashlib.sha256(content).hexdigest()
        if found != expected:
            raise AssetError(
                f"{path}: is not the model {self.path} names: expected SHA-256 {expected}, found {found}; {_REMEDY}"
            )
        return content

    def _listed(self, form: ModelFormat) -> tuple[str, str]:
        if form is ModelFormat.ONNX:
            return self.model.file, self.model.sha256
        if self.model.tflite is None or self.model.tflite_sha256 is None:
            raise AssetError(f"{self.path}: [model] lists no 'tflite' file; choose a runtime that runs ONNX")
        return self.model.tflite, self.model.tflite_sha256


def read_manifest(folder: Path) -> ModelManifest:
    """Return the manifest of the model in ``folder``; AssetError names file, key and remedy for anything wrong."""
    path = folder / FILE_NAME
    try:
        tables = parse(_Tables, tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    except OSError as exc:
        raise AssetError(f"{path}: cannot be read ({exc.strerror}); {_REMEDY}") from exc
    except ConfigError as exc:
        raise AssetError(f"{exc}; {_REMEDY}") from exc
    # Python's own parser says no to numbers without end and brackets without end in words of its own.
    except (ValueError, RecursionError) as exc:
        raise AssetError(f"{path}: is not TOML: {exc}; {_REMEDY}") from exc
    manifest = ModelManifest(
        folder, tables.model, tables.input, tables.output, tables.priors, tables.decision, tables.training
    )
    _check_whole(manifest)
    return manifest


def _check_whole(manifest: ModelManifest) -> None:
    """Check what no single key can tell."""
    model, priors, where = manifest.model, manifest.priors, manifest.path
    if len(manifest.input.mean) != 3:
        raise AssetError(f"{where}: [input] 'mean': expected 3 numbers, found {len(manifest.input.mean)}; {_REMEDY}")
    if not priors.strides or len(priors.strides) != len(priors.heights) or not all(priors.heights):
        raise AssetError(
            f"{where}: [priors] expected as many lists in 'heights' as 'strides', none empty; found "
            f"{len(priors.heights)} and {len(priors.strides)}; {_REMEDY}"
        )
    if (model.tflite is None) != (model.tflite_sha256 is None):
        raise AssetError(f"{where}: [model] 'tflite' and 'tflite_sha256' go together; {_REMEDY}")
    if abs(manifest.decision.threshold_llr) >= manifest.decision.max_llr:
        raise AssetError(
            f"{where}: [decision] 'threshold_llr' must lie within ±'max_llr', or no face could ever pass it; {_REMEDY}"
        )
