"""The DET curve: what turning fewer people away costs in attacks let through, species by species."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from livegate_tools.evaluate.charts.canvas import (
    DISTINCT,
    FAINT,
    GREY,
    Align,
    Canvas,
    Point,
    shortened,
)
from livegate_tools.evaluate.metrics import Scores, error_curve
from livegate_tools.evaluate.report import Group

_TICKS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99)
_LOWEST, _HIGHEST = _TICKS[0], _TICKS[-1]
_SIDE, _LEFT, _TOP, _BOTTOM, _LEGEND = 400, 46, 58, 50, 218


def det_points(bona_fide: Scores, attack: Scores) -> tuple[Scores, Scores]:
    """Return (APCER, BPCER + BPNRR) at every threshold, as :func:`metrics.error_curve`, by the standard's own counting.

    Both are scores with -inf where there was no response (:attr:`outcomes.Outcomes.answered_score`): such an attack is
    accepted at no threshold, and such a person is turned away at every threshold.
    """
    accepted, refused = error_curve(bona_fide, attack)
    # The lowest threshold would let those without a response pass, too.
    first = int(np.isneginf(bona_fide).any() or np.isneginf(attack).any())
    return accepted[first:], refused[first:]


def det_chart(group: Group) -> bytes | None:
    """Return the PNG of ``group``'s curves, or None where bona fide presentations or attacks are missing.

    Axes are normal deviates (Martin et al., The DET curve in assessment of detection task performance, Eurospeech
    1997); a rate below 0.1 % lies on the edge. A dot is the terminal's own operating point.
    """
    people, species = group.outcomes.bona_fide, group.outcomes.species_names
    if not len(people) or not species:
        return None
    canvas = Canvas(_LEFT + _SIDE + _LEGEND, _TOP + _SIDE + _BOTTOM)
    _axes(canvas, group.name)
    for number, name in enumerate(species):
        colour = DISTINCT[number % len(DISTINCT)]
        accepted, refused = det_points(people.answered_score, group.outcomes.of_species(name).answered_score)
        canvas.line(_steps(accepted, refused), colour, 2)
        row = _TOP + 12 + 20 * number
        if row < _TOP + _SIDE - 40:
            canvas.line([(_LEFT + _SIDE + 14, row - 4), (_LEFT + _SIDE + 34, row - 4)], colour, 3)
            canvas.text((_LEFT + _SIDE + 40, row), shortened(name, 24))
    for number, name in enumerate(species):
        at = _place(group.figures[f"apcer/{name}"], group.figures["bpcer_plus_bpnrr"])
        canvas.dot(at, DISTINCT[number % len(DISTINCT)], 5)
    canvas.dot((_LEFT + _SIDE + 24, _TOP + _SIDE - 18), GREY, 5)
    canvas.text((_LEFT + _SIDE + 40, _TOP + _SIDE - 14), "the terminal's decision", colour=GREY)
    return canvas.png()


def _axes(canvas: Canvas, title: str) -> None:
    right, bottom = _LEFT + _SIDE, _TOP + _SIDE
    canvas.text((10, _TOP - 36), shortened(title, 50), 14)
    canvas.text((10, _TOP - 14), "people turned away: BPCER + BPNRR, %", 12, GREY)
    for tick in _TICKS:
        x, y = _place(tick, tick)
        canvas.line([(x, _TOP), (x, bottom)], FAINT)
        canvas.line([(_LEFT, y), (right, y)], FAINT)
        label = f"{tick * 100:g}"
        canvas.text((x, bottom + 16), label, 10, GREY, Align.MIDDLE)
        canvas.text((_LEFT - 6, y + 4), label, 10, GREY, Align.RIGHT)
    canvas.line([_place(_LOWEST, _LOWEST), _place(_HIGHEST, _HIGHEST)], GREY, 0.5)
    canvas.line([(_LEFT, _TOP), (_LEFT, bottom), (right, bottom)], GREY)
    canvas.text((_LEFT + _SIDE / 2, bottom + 38), "attacks let through: APCER, %", 12, GREY, Align.MIDDLE)


def _steps(accepted: Scores, refused: Scores) -> list[Point]:
    """Return the corners of the curve: between two thresholds nothing changes, so it goes in steps."""
    corners: list[Point] = []
    for index, (apcer, bpcer) in enumerate(zip(accepted, refused, strict=True)):
        if index:
            corners.append(_place(float(accepted[index]), float(refused[index - 1])))
        corners.append(_place(float(apcer), float(bpcer)))
    return corners


def _place(apcer: float, bpcer: float) -> Point:
    return _LEFT + _along(apcer) * _SIDE, _TOP + (1 - _along(bpcer)) * _SIDE


def _along(rate: float) -> float:
    normal = NormalDist()
    low, high = normal.inv_cdf(_LOWEST), normal.inv_cdf(_HIGHEST)
    return (normal.inv_cdf(min(max(rate, _LOWEST), _HIGHEST)) - low) / (high - low)
