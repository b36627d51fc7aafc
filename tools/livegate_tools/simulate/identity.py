"""Who a head is: all of shape, skin, hair and clothes drawn from one seed, and the shape targets that make it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livegate_tools.simulate.held_out import Split
from livegate_tools.simulate.makehuman import Assets, Skin

_ANCESTRIES = ("african", "asian", "caucasian")
_OPPOSITES = ("decr", "incr"), ("down", "up"), ("in", "out"), ("backward", "forward"), ("concave", "convex")
_LOCAL_GROUPS = {
    "head": 0.16, "forehead": 0.25, "eyebrows": 0.3, "eyes": 0.25, "nose": 0.28,
    "mouth": 0.28, "ears": 0.35, "chin": 0.25, "cheek": 0.3, "neck": 0.2,
}  # fmt: skip
_HAIR_BY_GENDER = {
    "female": ("bob01", "bob02", "braid01", "long01", "ponytail01", "short03", "short01", "afro01", "short02"),
    "male": ("short01", "short02", "short03", "short04", "afro01", "ponytail01"),
}
_HAIR_COLOURS = (
    (0.10, 0.09, 0.09), (0.25, 0.18, 0.14), (0.55, 0.36, 0.24), (0.85, 0.62, 0.40),
    (1.10, 0.92, 0.66), (0.75, 0.75, 0.76), (0.70, 0.33, 0.18), (0.04, 0.04, 0.045),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identity:
    """Everything that stays the same about one simulated person.

    ``weights``: shape target -> weight (macro, local and asymmetry). ``hair`` is None for a shaved head; colours are
    linear R, G, B multipliers. ``skin_tint`` multiplies the skin's texture.
    """

    name: str
    seed: int
    split: Split
    skin: Skin
    weights: tuple[tuple[str, float], ...]
    ancestry: str
    hair: str | None
    hair_colour: tuple[float, float, float]
    brows: str
    lashes: str
    iris: str
    skin_tint: tuple[float, float, float]
    cloth_colour: tuple[float, float, float]
    cloth_pattern: int
    glasses: bool


def draw_identity(assets: Assets, split: Split, number: int) -> Identity:
    """Return the person ``number`` of a split; the same numbers give the same person on every machine.

    Skins and hair meshes are disjoint between splits, and so are all random draws, since the split enters the seed.
    """
    rng = np.random.default_rng([73, list(Split).index(split), number])
    skins = assets.skins(split)
    skin = skins[int(rng.integers(len(skins)))]
    fitting = [name for name in assets.hair(split) if name in _HAIR_BY_GENDER[skin.gender]]
    bald = rng.random() < (0.22 if skin.gender == "male" else 0.03)
    colour = _HAIR_COLOURS[int(rng.integers(len(_HAIR_COLOURS)))]
    if skin.ancestry != "caucasian" and rng.random() < 0.85:
        colour = _HAIR_COLOURS[(0, 7)[int(rng.integers(2))]]
    return Identity(
        name=f"{split}-{number}",
        seed=number,
        split=split,
        skin=skin,
        weights=tuple(_weights(assets, skin, rng).items()),
        ancestry=skin.ancestry,
        hair=None if bald or not fitting else fitting[int(rng.integers(len(fitting)))],
        hair_colour=(colour[0], colour[1], colour[2]),
        brows=_pick(assets.names("eyebrows"), rng),
        lashes=_pick(assets.names("eyelashes"), rng),
        iris=_iris(assets, skin, rng),
        skin_tint=_skin_tint(skin, rng),
        cloth_colour=_cloth(rng),
        cloth_pattern=int(rng.integers(4)),
        glasses=bool(rng.random() < 0.2),
    )


def _skin_tint(skin: Skin, rng: np.random.Generator) -> tuple[float, float, float]:
    shade = rng.uniform(0.8, 1.15)
    red, blue = rng.uniform(0.95, 1.05), rng.uniform(0.93, 1.07)
    if skin.ancestry == "african":
        # These textures are redder and darker than skin is under white light.
        shade, red, blue = shade * rng.uniform(1.0, 1.8), red * rng.uniform(0.7, 0.85), blue * rng.uniform(1.1, 1.3)
    return float(shade * red), float(shade), float(shade * blue)


def _pick(names: list[str], rng: np.random.Generator) -> str:
    return names[int(rng.integers(len(names)))]


def _iris(assets: Assets, skin: Skin, rng: np.random.Generator) -> str:
    names = assets.names("eyes/textures")
    if skin.ancestry != "caucasian":
        names = [name for name in names if name.startswith("brown")]
    return _pick(names, rng)


def _cloth(rng: np.random.Generator) -> tuple[float, float, float]:
    grey = float(rng.uniform(0.02, 0.7))
    colour = np.clip(grey * rng.uniform(0.4, 1.5, 3), 0.02, 0.85)
    return float(colour[0]), float(colour[1]), float(colour[2])


def _weights(assets: Assets, skin: Skin, rng: np.random.Generator) -> dict[str, float]:
    weights = _macro_weights(skin, rng)
    for group, spread in _LOCAL_GROUPS.items():
        weights.update(_local_weights(assets.target_names(group), spread, rng))
    for name in assets.target_names("asym"):
        if rng.random() < 0.15:
            weights[name] = float(rng.uniform(0.1, 0.4))
    return weights


def _macro_weights(skin: Skin, rng: np.random.Generator) -> dict[str, float]:
    """Mix ancestry, gender, age, muscle and weight; each weight is the product of its parts (README of the assets)."""
    purity = rng.uniform(0.7, 1.0)
    ancestry = {name: (purity if name == skin.ancestry else (1 - purity) / 2) for name in _ANCESTRIES}
    male = rng.uniform(0.75, 1.0) if skin.gender == "male" else rng.uniform(0.0, 0.25)
    old = {"young": rng.uniform(0, 0.25), "middleage": rng.uniform(0.25, 0.6), "old": rng.uniform(0.6, 1.0)}[skin.age]
    gender, age = {"male": male, "female": 1 - male}, {"old": old, "young": 1 - old}
    muscle, weight = _three_way(rng.uniform(0.2, 0.8), "muscle"), _three_way(rng.uniform(0.1, 0.9), "weight")
    weights: dict[str, float] = {}
    for g, wg in gender.items():
        for a, wa in age.items():
            weights.update({f"macrodetails/{n}-{g}-{a}": w * wg * wa for n, w in ancestry.items()})
            for m, wm in muscle.items():
                for k, wk in weight.items():
                    weights[f"macrodetails/universal-{g}-{a}-{m}-{k}"] = wg * wa * wm * wk
    return weights


def _three_way(value: float, noun: str) -> dict[str, float]:
    low, high = max(0.0, 1 - 2 * value), max(0.0, 2 * value - 1)
    return {f"min{noun}": low, f"average{noun}": 1 - low - high, f"max{noun}": high}


def _local_weights(names: list[str], spread: float, rng: np.random.Generator) -> dict[str, float]:
    """Draw one weight per pair of opposite targets; left and right of the face get nearly the same."""
    weights: dict[str, float] = {}
    drawn: dict[str, float] = {}
    for name in names:
        group, _, leaf = name.partition("/")
        stem, _, ending = leaf.rpartition("-")
        pair = next((p for p in _OPPOSITES if ending in p), None)
        side = stem[2:] if stem[:2] in ("l-", "r-") else stem
        if side not in drawn:
            drawn[side] = float(np.clip(rng.normal(0, spread), -1, 1)) if rng.random() < 0.7 else 0.0
        value = drawn[side] * rng.uniform(0.85, 1.15)
        if pair is None:
            if rng.random() < 0.12:
                weights[f"{group}/{leaf}"] = float(rng.uniform(0, 0.2))
        elif (value > 0) == (ending == pair[1]):
            weights[f"{group}/{leaf}"] = abs(value)
    return weights
