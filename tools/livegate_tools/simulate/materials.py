"""What surfaces are made of, in visible light and near infrared, as one row of numbers the shading kernel reads.

Reflectances follow SCIENCE.md ("Reflectance for simulation"): skin tones come together in near infrared, dye inks turn
transparent, carbon toner stays dark, screens emit nothing and reflect 4-8 %, mostly specular.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray


class Kind(enum.IntEnum):
    """Which surface a pixel shows; the material id of a rendered frame."""

    BACKGROUND = 0
    SKIN = 1
    EYE = 2
    HAIR = 3
    CLOTH = 4
    PAPER = 5
    SCREEN = 6
    CASE = 7
    MASK = 8


@dataclass(frozen=True, slots=True)
class Material:
    """One material.

    ``layer`` is the texture's index, -1 for none; ``tint`` multiplies it (linear R, G, B). Near-infrared albedo is
    ``nir_base + nir_luma * sqrt(luminance) + nir_max * max(R, G, B)`` of the tinted texture. ``emission`` is the light
    a screen adds, in units of white paper under the key light. ``gloss`` scales a Blinn-Phong lobe of exponent
    ``shininess``, ``nir_gloss`` the same under the illuminator; ``mirror`` scales the reflected surroundings.
    ``wrap`` lets light creep round the edge as under skin; ``detail`` is the relative amplitude of fine albedo noise
    with ``detail_scale`` cells per unit of texture coordinate, ``bump`` how much it tilts normals.
    """

    kind: Kind
    layer: int = -1
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    nir_base: float = 0.0
    nir_luma: float = 0.0
    nir_max: float = 0.0
    emission: float = 0.0
    gloss: float = 0.0
    shininess: float = 20.0
    nir_gloss: float = 0.0
    mirror: float = 0.0
    wrap: float = 0.0
    detail: float = 0.0
    detail_scale: float = 400.0
    bump: float = 0.0
    alpha: bool = False
    two_sided: bool = False

    def row(self) -> NDArray[np.float32]:
        """Return the material as the shading kernel's row of float32 numbers, in the order of the C_ columns."""
        values: list[float] = []
        for name in (f.name for f in fields(self)):
            value = getattr(self, name)
            values.extend(value if isinstance(value, tuple) else (float(value),))
        return np.array(values, dtype=np.float32)


def skin(layer: int, tint: tuple[float, float, float], rng: np.random.Generator) -> Material:
    """Return living skin: 850-940 nm albedo .3-.65 whatever the visible tone."""
    return Material(
        Kind.SKIN, layer, tint,
        nir_base=rng.uniform(0.27, 0.33), nir_luma=rng.uniform(0.30, 0.38),
        gloss=rng.uniform(0.02, 0.10), shininess=rng.uniform(8, 26), nir_gloss=rng.uniform(0.01, 0.05),
        wrap=0.3, detail=rng.uniform(0.03, 0.10), detail_scale=rng.uniform(330, 620), bump=rng.uniform(0.05, 0.25),
    )  # fmt: skip


def hair(layer: int, tint: tuple[float, float, float], rng: np.random.Generator) -> Material:
    """Return hair, lashes or brows: melanin absorbs less in near infrared, so dark hair is brighter there."""
    return Material(
        Kind.HAIR, layer, tint, nir_base=rng.uniform(0.06, 0.22), nir_luma=rng.uniform(0.25, 0.45),
        gloss=rng.uniform(0.02, 0.12),
        shininess=14, nir_gloss=0.03, wrap=0.2, alpha=True, two_sided=True,
    )  # fmt: skip


def eye(layer: int) -> Material:
    """Return the eyeball: wet, so it glints; the iris is brighter in near infrared than in visible light."""
    return Material(Kind.EYE, layer, (0.85, 0.82, 0.82), nir_luma=0.55, gloss=0.04, shininess=400, nir_gloss=0.03,
                    mirror=0.6, alpha=True)  # fmt: skip


def cloth(layer: int, tint: tuple[float, float, float], rng: np.random.Generator) -> Material:
    """Return a garment; most dyes of cloth turn bright in near infrared."""
    return Material(
        Kind.CLOTH, layer, tint, nir_base=rng.uniform(0.05, 0.45), nir_luma=rng.uniform(0.1, 0.5), wrap=0.2,
        detail=0.15, detail_scale=rng.uniform(60, 250), bump=0.12, alpha=True, two_sided=True,
    )  # fmt: skip
