"""Portraits shown on phones and tablets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate_tools.simulate.identity import Identity
from livegate_tools.simulate.materials import Kind, Material
from livegate_tools.simulate.parts import Part
from livegate_tools.simulate.portrait import Portrait, take_portrait, with_alpha
from livegate_tools.simulate.presented import Presentation, Stage
from livegate_tools.simulate.sheets import holding, rigid
from livegate_tools.simulate.surfaces import Sheet, slab
from livegate_tools.simulate.textures import TextureBank

Array = NDArray[Any]


def screen(stage: Stage, identity: Identity, rng: np.random.Generator, tablet: bool) -> Presentation:
    """Return a portrait on a phone or tablet held in the hand."""
    portrait = take_portrait(stage.assets, identity, stage.surroundings, rng)
    bank = TextureBank()
    width = float(rng.uniform(140, 215) if tablet else rng.uniform(60, 73))
    height = width * float(rng.uniform(1.25, 1.6) if tablet else rng.uniform(1.7, 2.15))
    picture, uvs = _fitted(portrait, height / width, rng)
    scale = float(np.linalg.norm((uvs[4] - uvs[5]) * (width, height)) / 130.0)
    sheet = Sheet(width, height)
    glass = Material(
        Kind.SCREEN, bank.add(with_alpha(picture, None)), tint=_white_point(rng), nir_base=rng.uniform(0.01, 0.03),
        emission=float(np.exp(rng.uniform(np.log(0.35), np.log(1.8)))), gloss=rng.uniform(0.01, 0.05),
        shininess=rng.uniform(800, 4000), nir_gloss=rng.uniform(0.008, 0.03), mirror=rng.uniform(0.6, 1.2),
    )  # fmt: skip
    edge = float(rng.uniform(6, 18) if tablet else rng.uniform(2.5, 8))
    brow = edge + float(rng.uniform(0, 8) if rng.random() < 0.5 else 0)
    case = slab(width + 2 * edge, height + 2 * brow, float(rng.uniform(6, 10)), float(rng.uniform(4, 9)))
    tone = float(rng.choice([0.012, 0.02, 0.05, 0.7]))
    shell = Material(Kind.CASE, tint=(tone, tone, tone), nir_base=0.02 + 0.3 * tone, gloss=0.03, shininess=400,
                     nir_gloss=0.03, mirror=0.8, two_sided=True)  # fmt: skip
    behind = case.placed(np.eye(3), np.array([0, 0, -0.6]))
    parts = [Part(sheet.mesh(), glass), Part(behind, shell)]
    if rng.random() < stage.habits.held:
        parts += holding(stage, identity, rng, bank, Sheet(width + 2 * edge, height + 2 * brow), 14.0)
    return rigid(tuple(parts), sheet.surface(uvs), bank, scale)


def _white_point(rng: np.random.Generator) -> tuple[float, float, float]:
    return float(rng.uniform(0.85, 1.05)), float(rng.uniform(0.95, 1.0)), float(rng.uniform(0.95, 1.2))


def _fitted(portrait: Portrait, aspect: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the portrait cropped or barred to a screen's height over width, and the landmarks in it."""
    height, width = portrait.rgb.shape[:2]
    if rng.random() < 0.6:
        new_height, new_width = height, round(height / aspect)
    else:
        new_height, new_width = round(width * aspect), width
    picture = np.zeros((new_height, new_width, 3), np.uint8)
    dx, dy = (new_width - width) // 2, (new_height - height) // 2
    x0, y0 = max(dx, 0), max(dy, 0)
    source = portrait.rgb[max(-dy, 0) : max(-dy, 0) + min(height, new_height)]
    source = source[:, max(-dx, 0) : max(-dx, 0) + min(width, new_width)]
    picture[y0 : y0 + source.shape[0], x0 : x0 + source.shape[1]] = source
    uvs = np.stack([(portrait.landmarks[:, 0] * width + dx) / new_width,
                    1 - ((1 - portrait.landmarks[:, 1]) * height + dy) / new_height], axis=1)  # fmt: skip
    return picture, uvs
