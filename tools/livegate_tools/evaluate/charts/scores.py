"""Where the scores lie: a row for bona fide presentations and one for each species."""

from __future__ import annotations

import math

import numpy as np

from livegate_tools.evaluate.charts.canvas import (
    BLUE,
    DISTINCT,
    FAINT,
    GREY,
    Align,
    Canvas,
    Colour,
    Point,
    shortened,
    tint,
)
from livegate_tools.evaluate.metrics import Scores
from livegate_tools.evaluate.report import Group

_TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
# Ten thousand to one either way; what lies beyond is counted in the outermost bars.
_FURTHEST = math.log(10_000)
_BINS = 48
_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM, _ROW, _BAR = 460, 168, 20, 34, 46, 58, 46


def histogram(scores: Scores) -> Scores:
    """Return the share of ``scores`` (N,), 0..1 or +-inf where missing, in each of 48 equal parts of the log-odds.

    Missing ones are in no part, so the shares sum to less than 1 where there are some.
    """
    known = scores[np.isfinite(scores)]
    if not known.size:
        return np.zeros(_BINS)
    edge = 1 / (1 + math.exp(_FURTHEST))
    inside = np.clip(known, edge, 1 - edge)
    odds = np.clip(np.log(inside / (1 - inside)), -_FURTHEST, _FURTHEST)
    counts, _ = np.histogram(odds, _BINS, (-_FURTHEST, _FURTHEST))
    return np.asarray(counts / scores.size, dtype=np.float64)


def score_chart(group: Group) -> bytes | None:
    """Return the PNG of ``group``'s scores on a log-odds axis, or None where there is no presentation."""
    outcomes = group.outcomes
    rows: list[tuple[str, Scores, Colour]] = []
    if len(outcomes.bona_fide):
        rows.append(("bona fide", outcomes.bona_fide.score, BLUE))
    for number, name in enumerate(outcomes.species_names):
        rows.append((name, outcomes.of_species(name).score, DISTINCT[number % len(DISTINCT)]))
    if not rows:
        return None
    canvas = Canvas(_LEFT + _WIDTH + _RIGHT, _TOP + _ROW * len(rows) + _BOTTOM)
    bottom = _TOP + _ROW * len(rows)
    _axis(canvas, group.name, bottom)
    for number, (name, scores, colour) in enumerate(rows):
        _row(canvas, _TOP + _ROW * (number + 1), name, scores, colour)
    return canvas.png()


def _axis(canvas: Canvas, title: str, bottom: float) -> None:
    canvas.text((10, _TOP - 14), shortened(title, 50), 14)
    for tick in _TICKS:
        x = _LEFT + _along(math.log(tick / (1 - tick))) * _WIDTH
        canvas.line([(x, _TOP), (x, bottom)], FAINT)
        canvas.text((x, bottom + 16), f"{tick:g}", 10, GREY, Align.MIDDLE)
    canvas.text((_LEFT + _WIDTH / 2, bottom + 36), "score: higher is more bona fide", 12, GREY, Align.MIDDLE)


def _row(canvas: Canvas, base: float, name: str, scores: Scores, colour: Colour) -> None:
    shares = histogram(scores)
    highest = shares.max()
    missing = int(scores.size - np.isfinite(scores).sum())
    canvas.text((_LEFT - 12, base - 20), shortened(name, 20), 12, align=Align.RIGHT)
    count = f"{scores.size}" if not missing else f"{scores.size}, {missing} without score"
    canvas.text((_LEFT - 12, base - 5), count, 10, GREY, Align.RIGHT)
    canvas.line([(_LEFT, base), (_LEFT + _WIDTH, base)], GREY, 0.75)
    if highest == 0:
        return
    outline: list[Point] = [(_LEFT, base)]
    for number, share in enumerate(shares):
        y = base - share / highest * _BAR
        outline += [(_LEFT + number / _BINS * _WIDTH, y), (_LEFT + (number + 1) / _BINS * _WIDTH, y)]
    outline.append((_LEFT + _WIDTH, base))
    canvas.area(outline, tint(colour, 0.35))
    canvas.line(outline[1:-1], colour, 1.25)


def _along(log_odds: float) -> float:
    return (log_odds + _FURTHEST) / (2 * _FURTHEST)
