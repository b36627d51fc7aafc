"""The training recipe: one TOML file, one frozen value; a key nobody knows is refused."""

from __future__ import annotations

import enum
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from livegate.detect.priors import PriorLayout
from livegate.errors import ConfigError
from livegate.options import parse

T = TypeVar("T")


class Device(enum.StrEnum):
    """Where the network learns; ``auto`` is the accelerator PyTorch finds, else the processor."""

    AUTO = "auto"
    CPU = "cpu"


class Export(enum.StrEnum):
    """Which epoch's averaged weights become the model."""

    BEST = "best"
    """The epoch whose worst dev source had the highest AUC."""
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Model:
    """The network's name, input and priors; ``mean`` by channel (B, G, R) on 0..255, input = (x - mean) · scale."""

    name: str = "face"
    version: str = "1"
    licence: str = "Apache-2.0"
    width: int = 320
    height: int = 240
    mean: tuple[float, ...] = (127.5, 127.5, 127.5)
    scale: float = 1 / 127.5
    strides: tuple[int, ...] = (8, 16, 32, 64)
    heights: tuple[tuple[float, ...], ...] = ((14.0, 20.0, 28.0), (40.0, 57.0), (80.0, 113.0), (160.0, 226.0))
    aspect: float = 0.74
    blocks: tuple[int, ...] = (1, 3, 3)
    """Residual blocks at strides 4, 8 and 16."""

    def priors(self) -> PriorLayout:
        """Return the layout of the prior boxes."""
        return PriorLayout(self.width, self.height, self.strides, self.heights, self.aspect)


@dataclass(frozen=True, slots=True)
class Optimisation:
    """How long and how fast to learn."""

    seed: int = 1
    epochs: int = 40
    steps_per_epoch: int = 60
    batch: int = 48
    peak_rate: float = 0.003
    warm_up_share: float = 0.05
    weight_decay: float = 0.02
    average_decay: float = 0.998
    threads: int = 2
    bfloat16: bool = True
    minutes: float = 55.0
    """Wall-clock bound: the schedule ends at the last epoch whatever happens, but no epoch starts after this."""
    patience_epochs: int = 0
    """Stop after this many epochs in which the worst dev source did not get better; 0 never stops early."""
    device: Device = Device.AUTO


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the loss's terms, and how many negative priors are mined for each matched one."""

    box: float = 1.0
    face: float = 1.0
    liveness: float = 1.5
    pixels: float = 0.5
    depth: float = 0.3
    """Of the pseudo-depth and ..."""
    spectrum: float = 0.3
    """... of the crop's Fourier spectrum; like ``pixels``, of heads that only training has."""
    teacher: float = 0.5
    """Of the second, soft target, where a teacher's score of the picture is given."""
    teacher_wrong: float = 0.15
    """What a teacher on the wrong side of one half weighs against one that is right, 0..1: it never saw our media."""
    teacher_unlabelled: float = 0.5
    """What its score of a portrait, which has no label, weighs against one that is right."""
    negatives: float = 3.0
    match_iou: float = 0.42
    ignore_iou: float = 0.3
    smoothing: float = 0.03
    """Label smoothing of the liveness classes."""


@dataclass(frozen=True, slots=True)
class Jitter:
    """Ranges of the augmentation; each is drawn anew for every presentation of a picture."""

    face_px: tuple[float, ...] = (18.0, 215.0)
    """Height of the face in the input, drawn between these, evenly in its logarithm."""
    zoom: tuple[float, ...] = (0.5, 2.2)
    """Bounds on the scale, 1.0 where the picture just fills the input."""
    rotation_deg: float = 8.0
    blur: float = 0.3
    noise: float = 0.5
    jpeg: float = 0.5
    colour: float = 0.8
    white_balance: float = 0.12
    """Standard deviation of the error between blue and red, in the logarithm of the gains."""
    grey: float = 0.04
    low_light: float = 0.06
    """Share of pictures with much gain and a denoiser's smear, instead of plain noise."""
    banding: float = 0.05
    """Share under a lamp that flickers against the rolling shutter."""
    sharpen: float = 0.15
    resample: float = 0.15
    """Share that went through another size, coded again by the share of ``jpeg``."""
    occlusion: float = 0.1
    distractor: float = 0.15
    """Share of pictures in which a framed picture of something else hangs beside the face."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How the operating point is chosen on dev."""

    confidence: float = 0.5
    nms_iou: float = 0.35
    evaluation_limit: int = 400
    """Most dev pictures per source that an epoch's evaluation looks at."""
    export: Export = Export.BEST


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything a training run needs besides the data."""

    model: Model = field(default_factory=Model)
    optimisation: Optimisation = field(default_factory=Optimisation)
    weights: Weights = field(default_factory=Weights)
    jitter: Jitter = field(default_factory=Jitter)
    judgement: Judgement = field(default_factory=Judgement)
    shares: Mapping[str, float] = field(default_factory=dict)
    """Weight of a source in the sampling, 1.0 where not named; the two liveness classes always weigh the same.

    Four names are no source: "labelled" is all pictures with a liveness class, against which "portraits" and
    "backgrounds" weigh; "recaptured" is bona fide captures shown again on simulated paper and screens.
    """
    provenance: Mapping[str, str] = field(default_factory=dict)
    """For the model's card: licence, consent and limits of each source, in words."""


def read_recipe(path: Path) -> Recipe:
    """Return the recipe in the TOML file ``path``; ConfigError names the file and key where it is wrong."""
    recipe = parse_recipe(Recipe, path)
    for source, share in recipe.shares.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or share < 0:
            raise ConfigError(f"{path} [shares]: '{source}': expected a number of at least 0, found {share!r}")
    return recipe


def parse_recipe(kind: type[T], path: Path) -> T:
    """Return ``kind``, the recipe of any trainer, filled from the TOML file ``path``; errors as :func:`read_recipe`."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror}); name a training recipe with --config") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: not a TOML file: {exc}") from exc
    return parse(kind, table, str(path))
