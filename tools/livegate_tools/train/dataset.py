"""Batches for the network, a pure function of the step: draw, recapture, frame, photograph, match."""

from __future__ import annotations

import math
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
from livegate_tools.train.auxiliary import PIXEL_STRIDE, SPECTRUM, inside, is_flat, pseudo_depth, spectrum
from livegate_tools.train.cache import Picture, PictureCache
from livegate_tools.train.matching import Matches, centred, match
from livegate_tools.train.recapture import hang, recapture
from livegate_tools.train.recipe import Recipe
from livegate_tools.train.samples import Presentation
from livegate_tools.train.sampling import BalancedSampler, Draw
from livegate_tools.train.teacher import NO_TEACHER, TeacherScores, name_of

UNLABELLED = -1
_INTERPOLATIONS = (cv2.INTER_AREA, cv2.INTER_LINEAR)


@dataclass(frozen=True, slots=True)
class Batch:
    """B pictures and what the network shall say of them.

    ``images`` (B, H, W, 3) uint8 B, G, R; ``state`` (B, N) int8 and ``offsets`` (B, N, 4) float32 as in ``Matches``;
    ``liveness`` (B,) int8: 1 bona fide, 0 attack, UNLABELLED; ``teacher`` (B,) float32: a teacher's probability of
    bona fide, NaN where it was not asked. ``pixels`` (B, H/8, W/8) bool: inside the labelled face; ``depth``
    (B, H/8, W/8) float32 in 0..1, its pseudo-depth, NaN where it is not known; ``spectrum`` (B, 10, 10) float32 in
    0..1 of the labelled face's crop.
    """

    images: NDArray[np.uint8]
    state: NDArray[np.int8]
    offsets: NDArray[np.float32]
    liveness: NDArray[np.int8]
    teacher: NDArray[np.float32]
    pixels: NDArray[np.bool_]
    depth: NDArray[np.float32]
    spectrum: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Item:
    """One picture of a batch; fields as there, without the first axis."""

    image: NDArray[np.uint8]
    matches: Matches
    liveness: int
    teacher: float
    pixels: NDArray[np.bool_]
    depth: NDArray[np.float32]
    spectrum: NDArray[np.float32]


class BatchMaker:
    """Makes the batch of any step from cached pictures."""

    def __init__(self, cache: PictureCache, recipe: Recipe, teacher: TeacherScores = NO_TEACHER) -> None:
        self._teacher = [teacher.scores.get(name_of(sample), math.nan) for sample in cache.samples]
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
        return Batch(
            images=np.stack([item.image for item in items]),
            state=np.stack([item.matches.state for item in items]),
            offsets=np.stack([item.matches.offsets for item in items]),
            liveness=np.array([item.liveness for item in items], np.int8),
            teacher=np.array([item.teacher for item in items], np.float32),
            pixels=np.stack([item.pixels for item in items]),
            depth=np.stack([item.depth for item in items]),
            spectrum=np.stack([item.spectrum for item in items]),
        )

    def _item(self, draw: Draw, rng: np.random.Generator) -> _Item:
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
        image = photograph(rng, framed.image, jitter)
        face = framed.faces[0] if label != UNLABELLED else None
        return _Item(
            image=image,
            matches=matches,
            liveness=label,
            # A teacher saw the picture as it lies in its file, not shown again on a medium.
            teacher=math.nan if draw.recaptured or len(framed.faces) != 1 else self._teacher[draw.index],
            pixels=np.zeros(_cells(size), np.bool_) if face is None else inside(face, size),
            depth=self._depth(draw, label, face, size),
            spectrum=np.zeros((SPECTRUM, SPECTRUM), np.float32) if face is None else spectrum(image, face),
        )

    def _depth(self, draw: Draw, label: int, face: Box | None, size: tuple[int, int]) -> NDArray[np.float32]:
        known = label or draw.recaptured or is_flat(self._cache.samples[draw.index].species)
        if face is None or not known:
            return np.full(_cells(size), np.nan, dtype=np.float32)
        return pseudo_depth(face, size) if label else np.zeros(_cells(size), dtype=np.float32)

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


def _cells(size: tuple[int, int]) -> tuple[int, int]:
    return size[1] // PIXEL_STRIDE, size[0] // PIXEL_STRIDE


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
