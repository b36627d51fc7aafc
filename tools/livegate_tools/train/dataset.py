"""Batches for the network, a pure function of the step: draw, recapture, frame, photograph, match."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.detect.priors import prior_boxes
from livegate.types import Box
from livegate_tools.train.augment import draw_framing, frame, occlude, photograph
from livegate_tools.train.cache import Picture, PictureCache
from livegate_tools.train.matching import centred, match
from livegate_tools.train.recapture import hang, recapture
from livegate_tools.train.recipe import Recipe
from livegate_tools.train.samples import Presentation
from livegate_tools.train.sampling import BalancedSampler, Draw

UNLABELLED = -1
PIXEL_STRIDE = 8
_INTERPOLATIONS = (cv2.INTER_AREA, cv2.INTER_LINEAR)


@dataclass(frozen=True, slots=True)
class Batch:
    """B pictures and what the network shall say of them.

    ``images`` (B, H, W, 3) uint8 B, G, R; ``state`` (B, N) int8 and ``offsets`` (B, N, 4) float32 as in ``Matches``;
    ``liveness`` (B,) int8: 1 bona fide, 0 attack, UNLABELLED; ``pixels`` (B, H/8, W/8) bool: inside the labelled face.
    """

    images: NDArray[np.uint8]
    state: NDArray[np.int8]
    offsets: NDArray[np.float32]
    liveness: NDArray[np.int8]
    pixels: NDArray[np.bool_]


class BatchMaker:
    """Makes the batch of any step from cached pictures."""

    def __init__(self, cache: PictureCache, recipe: Recipe) -> None:
        self._cache = cache
        self._recipe = recipe
        self._sampler = BalancedSampler(cache.samples, recipe.shares, recipe.optimisation.seed)
        self._priors = prior_boxes(recipe.model.priors())
        kinds = [sample.presentation for sample in cache.samples]
        self._backgrounds = [i for i, kind in enumerate(kinds) if kind is Presentation.BACKGROUND]

    def batch(self, step: int) -> Batch:
        """Return the batch of ``step``: the same recipe, samples and step always give the same bytes."""
        draws = self._sampler.draws(step, self._recipe.optimisation.batch)
        items = [
            self._item(draw, np.random.default_rng((self._recipe.optimisation.seed, 2, step, n)))
            for n, draw in enumerate(draws)
        ]
        images, states, offsets, liveness, pixels = zip(*items, strict=True)
        return Batch(
            np.stack(images), np.stack(states), np.stack(offsets), np.array(liveness, np.int8), np.stack(pixels)
        )

    def _item(
        self, draw: Draw, rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.int8], NDArray[np.float32], int, NDArray[np.bool_]]:
        model, jitter, weights = self._recipe.model, self._recipe.jitter, self._recipe.weights
        size = (model.width, model.height)
        picture = self._picture(draw, rng)
        framing = draw_framing(rng, picture, size, jitter)
        interpolation = _INTERPOLATIONS[int(rng.integers(2))] if framing.factor < 1 else cv2.INTER_LINEAR
        framed = frame(picture, framing, size, model.mean, interpolation)
        if rng.random() < jitter.occlusion:
            framed = occlude(rng, framed)
        matches = match(
            self._priors,
            centred(framed.faces, *size),
            centred(framed.unsure, *size),
            weights.match_iou,
            weights.ignore_iou,
        )
        label = self._label(draw, framed)
        inside = _ellipse(framed.faces[0], size) if label != UNLABELLED else _ellipse(None, size)
        return photograph(rng, framed.image, jitter), matches.state, matches.offsets, label, inside

    def _picture(self, draw: Draw, rng: np.random.Generator) -> Picture:
        picture = self._cache[draw.index]
        if draw.recaptured:
            picture = recapture(rng, picture, self._scene(draw.index, rng))
        if self._backgrounds and rng.random() < self._recipe.jitter.distractor:
            ornament = self._cache[self._backgrounds[rng.integers(len(self._backgrounds))]]
            picture = hang(rng, ornament.image, picture)
        return picture

    def _scene(self, index: int, rng: np.random.Generator) -> Picture:
        # The same frame's room two times in three: then only the medium tells the attack from the bona fide frame.
        if self._backgrounds and rng.random() < 0.33:
            return self._cache[self._backgrounds[rng.integers(len(self._backgrounds))]]
        return self._cache[index]

    def _label(self, draw: Draw, framed: Picture) -> int:
        kind = self._cache.samples[draw.index].presentation
        # Several faces: an accomplice beside a print would carry the wrong class.
        if len(framed.faces) != 1 or kind not in (Presentation.BONA_FIDE, Presentation.ATTACK):
            return UNLABELLED
        return int(kind is Presentation.BONA_FIDE and not draw.recaptured)


def _ellipse(face: Box | None, size: tuple[int, int]) -> NDArray[np.bool_]:
    columns, rows = size[0] // PIXEL_STRIDE, size[1] // PIXEL_STRIDE
    if face is None:
        return np.zeros((rows, columns), dtype=np.bool_)
    x = ((np.arange(columns) + 0.5) * PIXEL_STRIDE - face.x - face.w / 2) / (face.w / 2)
    y = ((np.arange(rows) + 0.5) * PIXEL_STRIDE - face.y - face.h / 2) / (face.h / 2)
    return np.asarray(x[None, :] ** 2 + y[:, None] ** 2 <= 1.0)


def prefetch(maker: BatchMaker, first: int, last: int, ahead: int = 3) -> Iterator[Batch]:
    """Yield the batches of the steps from ``first`` to before ``last``, made ``ahead`` in a thread of their own."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting: deque[Future[Batch]] = deque()
        for step in range(first, last):
            waiting.append(pool.submit(maker.batch, step))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
