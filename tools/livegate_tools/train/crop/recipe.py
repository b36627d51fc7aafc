"""The recipe of a crop classifier: one TOML file, one frozen value; a key nobody knows is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from livegate.detect.crop_manifest import Crop, CropRule, Resize
from livegate.errors import ConfigError
from livegate_tools.train.recipe import Jitter, parse_recipe


@dataclass(frozen=True, slots=True)
class Model:
    """Name, input and classes; ``mean`` by channel (B, G, R) on 0..255, input = (x - mean) * scale.

    ``classes`` are "bona_fide" and then PAI species or families; a species belongs to the family it begins with.
    """

    name: str = "crop"
    version: str = "1"
    licence: str = "Apache-2.0"
    size: int = 80
    mean: tuple[float, ...] = (127.5, 127.5, 127.5)
    scale: float = 1 / 127.5
    crop: Crop = field(default_factory=lambda: Crop(2.7, CropRule.SHIFT, Resize.HALVING))
    classes: tuple[str, ...] = ("bona_fide", "print", "replay", "cutout_mask", "mask_3d")
    channels: tuple[int, ...] = (16, 32, 64, 128)
    blocks: tuple[int, ...] = (1, 3, 3)


@dataclass(frozen=True, slots=True)
class Optimisation:
    """How long and how fast to learn."""

    seed: int = 1
    steps: int = 9000
    batch: int = 128
    peak_rate: float = 0.003
    warm_up_steps: int = 100
    weight_decay: float = 0.03
    average_decay: float = 0.998
    threads: int = 1
    minutes: float = 40.0
    """Wall-clock bound: no step starts after this."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the loss's terms beside the binary one, which weighs 1."""

    species: float = 0.3
    imitation: float = 3.0
    """Of the teacher's embedding: knowledge of people, cameras and rooms that no set at hand has."""
    opinion: float = 0.5
    """Of the teachers' own answer."""
    wrong_opinion: float = 0.15
    """Share of ``opinion`` that is left where a teacher contradicts the label: it never saw the simulated media."""
    smoothing: float = 0.02


@dataclass(frozen=True, slots=True)
class Variants:
    """How many ways each face is cut out and photographed before training, and how far the box strays."""

    count: int = 5
    box_scale: float = 0.08
    box_shift: float = 0.035
    region_px: int = 144
    """Longer side of the cut-out while it is photographed anew. At the picture's own resolution blur and noise would
    be averaged away again, and the network would learn the sharpness of the cameras at hand."""
    jitter: Jitter = field(default_factory=Jitter)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything a run needs besides the data; ``shares`` and ``provenance`` as in the face network's recipe."""

    model: Model = field(default_factory=Model)
    optimisation: Optimisation = field(default_factory=Optimisation)
    weights: Weights = field(default_factory=Weights)
    variants: Variants = field(default_factory=Variants)
    shares: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)

    def class_of(self, species: str | None) -> int:
        """Return the index of the class for a PAI species, or for None, bona fide; ConfigError when none fits."""
        if species is None:
            return self.model.classes.index("bona_fide")
        for index, name in enumerate(self.model.classes):
            if species.startswith(name):
                return index
        known = ", ".join(self.model.classes)
        raise ConfigError(f"train crop: species '{species}' belongs to none of the classes {known}; add one to [model]")


def read_recipe(path: Path) -> Recipe:
    """Return the recipe in the TOML file ``path``; ConfigError names the file and key where it is wrong."""
    recipe = parse_recipe(Recipe, path)
    if recipe.model.classes[:1] != ("bona_fide",) or len(recipe.model.classes) < 2:
        raise ConfigError(f"{path} [model] 'classes': expected 'bona_fide' first, then at least one kind of attack")
    return recipe
