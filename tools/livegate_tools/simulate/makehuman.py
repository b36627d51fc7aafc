"""The MakeHuman CC0 assets as a folder on disk: base mesh, shape targets, proxies and textures, loaded when first used.

Formats and weights: README.md of the makehuman_cc0 folder. Units here are millimetres, y up, the face looks towards +z.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import AssetError
from livegate_tools.simulate.held_out import Split
from livegate_tools.simulate.meshes import Proxy, Topology, read_obj, read_proxy, read_target

Array = NDArray[Any]

DECIMETRE_MM = 100.0
_WAIST_DM = 0.0

_SKINS = {
    Split.TEST: (
        "middleage_lightskinned_male_diffuse2",
        "young_darkskinned_female_diffuse",
        "young_lightskinned_female_diffuse3",
        "old_lightskinned_male_diffuse",
    ),
    Split.DEV: (
        "middleage_darkskinned_male_diffuse",
        "young_lightskinned_male_diffuse3",
        "middleage_lightskinned_female_diffuse",
    ),
}
_HAIR = {Split.TEST: ("short02", "ponytail01"), Split.DEV: ("bob02", "short03")}


@dataclass(frozen=True, slots=True)
class Skin:
    """One diffuse skin and whom it fits."""

    name: str
    age: str
    ancestry: str
    gender: str


@dataclass(slots=True)
class Assets:
    """The asset folder; everything is read once and kept. Raise AssetError where a file is missing.

    ``base`` (P, 3) are positions in decimetres, ``topology`` all faces, ``body`` those of the skin above the waist.
    """

    folder: Path
    base: Array = field(init=False)
    topology: Topology = field(init=False)
    body: Topology = field(init=False)
    _targets: dict[str, tuple[Array, Array]] = field(default_factory=dict)
    _proxies: dict[str, Proxy] = field(default_factory=dict)
    _textures: dict[str, Array] = field(default_factory=dict)
    _colours: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the base mesh, which every head needs."""
        self.base, self.topology = read_obj(self.folder / "base" / "base.obj")
        height = self.base[self.topology.source[self.topology.triangles]].mean(axis=1)[:, 1]
        self.body = self.topology.part(self.topology.in_group("body") & (height > _WAIST_DM))

    def target(self, name: str) -> tuple[Array, Array]:
        """Return moved vertices and offsets (decimetres) of ``targets/<name>.target.gz``."""
        if name not in self._targets:
            self._targets[name] = read_target(self.folder / "targets" / f"{name}.target.gz")
        return self._targets[name]

    def target_names(self, group: str) -> list[str]:
        """Return the names of all targets under ``targets/<group>``, sorted."""
        root = self.folder / "targets"
        return sorted(f"{group}/{path.name.removesuffix('.target.gz')}" for path in (root / group).glob("*.target.gz"))

    def shape(self, weights: dict[str, float]) -> Array:
        """Return the base positions (P, 3) in decimetres moved by the weighted targets."""
        positions = self.base.copy()
        for name, weight in weights.items():
            if abs(weight) > 1e-4:
                moved, offsets = self.target(name)
                positions[moved] += np.float32(weight) * offsets
        return positions

    def proxy(self, name: str) -> Proxy:
        """Return the proxy in ``<name>``, for example "hair/short01"."""
        if name not in self._proxies:
            self._proxies[name] = read_proxy(self.folder / name)
        return self._proxies[name]

    def texture(self, name: str) -> Array:
        """Return a texture (H, W, 4) uint8 in R, G, B, alpha order; ``name`` is a path or a folder with one picture."""
        if name not in self._textures:
            path = self.folder / name
            if path.is_dir():
                path = next(iter(sorted(path.glob("*.png"))), path / "*.png")
            self._textures[name] = read_rgba(path)
        return self._textures[name]

    def mean_colour(self, name: str) -> Array:
        """Return the mean linear R, G, B of a texture's opaque texels."""
        if name not in self._colours:
            texture = self.texture(name)
            seen = texture[texture[..., 3] > 128][:, :3] / 255.0
            self._colours[name] = np.asarray((seen**2.2).mean(axis=0))
        return self._colours[name]

    def joint(self, name: str, shape: Array) -> Array:
        """Return the middle (3,) of a joint's cube in positions (P, 3)."""
        chosen = self.topology.triangles[self.topology.in_group(name)]
        return np.asarray(shape[np.unique(self.topology.source[chosen])].mean(axis=0))

    def names(self, folder: str) -> list[str]:
        """Return the sorted names of the proxies or pictures in a folder of the assets."""
        return sorted(path.stem if path.is_file() else path.name for path in (self.folder / folder).iterdir())

    def skins(self, split: Split) -> list[Skin]:
        """Return the skins that ``split`` may use; no skin is shared between splits."""
        try:
            entries = json.loads((self.folder / "skins.json").read_text())
        except (OSError, ValueError) as exc:
            raise AssetError(f"{self.folder}/skins.json: expected the list of skins ({exc}); check --assets") from exc
        skins = [Skin(Path(e["file"]).stem, e["age"], e["ethnicity"], e["gender"]) for e in entries]
        return [skin for skin in skins if _owner(skin.name, _SKINS) is split]

    def hair(self, split: Split) -> list[str]:
        """Return the hair proxies that ``split`` may use; none is shared between splits."""
        return [name for name in self.names("hair") if _owner(name, _HAIR) is split]


def _owner(name: str, held_out: Mapping[Split, tuple[str, ...]]) -> Split:
    return next((split for split, names in held_out.items() if name in names), Split.TRAIN)


def read_rgba(path: Path) -> Array:
    """Return a picture (H, W, 4) uint8 as R, G, B, alpha; opaque where it has no alpha."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise AssetError(f"{path}: expected a picture; give the makehuman_cc0 folder with --assets DIR")
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    code = cv2.COLOR_BGRA2RGBA if picture.shape[2] == 4 else cv2.COLOR_BGR2RGBA
    return np.ascontiguousarray(cv2.cvtColor(picture, code))
