"""Error rates by set of sensors as rows of dots, and over the strength of a disturbance as curves."""

from __future__ import annotations

import math
from collections.abc import Sequence

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
)
from livegate_tools.evaluate.comparison import Standing
from livegate_tools.evaluate.disturb.catalogue import DISTURBANCES

_TICKS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_SIDE, _HEIGHT, _LEFT, _TOP, _BOTTOM, _LEGEND = 360, 240, 54, 58, 48, 200
_ROW, _NAMES = 26, 170
_PEOPLE = "people turned away"


def subset_chart(rows: Sequence[Standing]) -> bytes:
    """Return a PNG with a row for each set of sensors: a dot for each species' APCER, a bar for people turned away.

    The axis is logarithmic; a rate below 0.1 % lies on its left edge.
    """
    species = list(rows[0].attacks)
    height = max(_ROW * len(rows), 20 * (len(species) + 1))
    canvas = Canvas(_NAMES + _SIDE + _LEGEND, _TOP + height + _BOTTOM)
    canvas.text((10, _TOP - 34), "by sensors: error rates, %", 14)
    for tick in _TICKS:
        x = _NAMES + _along(tick) * _SIDE
        canvas.line([(x, _TOP), (x, _TOP + height)], FAINT)
        canvas.text((x, _TOP - 8), f"{tick * 100:g}", 10, GREY, Align.MIDDLE)
    for number, one in enumerate(rows):
        y = _TOP + _ROW * (number + 0.5)
        canvas.text((_NAMES - 10, y + 4), shortened(one.variant.sensors, 26), 11, align=Align.RIGHT)
        canvas.line([(_NAMES, y), (_NAMES + _SIDE, y)], FAINT)
        if not math.isnan(one.turned_away):
            canvas.line([(_NAMES, y), (_NAMES + _along(one.turned_away) * _SIDE, y)], BLUE, 5)
        for place, name in enumerate(species):
            canvas.dot((_NAMES + _along(one.apcer(name)) * _SIDE, y), DISTINCT[place % len(DISTINCT)], 5)
    _legend(canvas, species, _NAMES + _SIDE + 16)
    canvas.text((_NAMES, _TOP + height + 24), "left edge: 0.1 % or less", 10, GREY)
    return canvas.png()


def curve_chart(curve: Sequence[Standing]) -> bytes:
    """Return a PNG of the error rates over a disturbance's strength: a line for each species, one for people.

    Rates are logarithmic; one below 0.1 % lies on the lower edge.
    """
    about = DISTURBANCES[curve[0].variant.disturbance or ""]
    species, strongest = list(curve[0].attacks), curve[-1].variant.strength
    canvas = Canvas(_LEFT + _SIDE + _LEGEND, _TOP + _HEIGHT + _BOTTOM)
    canvas.text((10, _TOP - 36), shortened(about.title, 50), 14)
    canvas.text((10, _TOP - 14), "error rates, %", 12, GREY)

    def at(strength: float, rate: float) -> Point:
        return _LEFT + strength / strongest * _SIDE, _TOP + (1 - _along(rate)) * _HEIGHT

    for tick in _TICKS:
        canvas.line([at(0, tick), at(strongest, tick)], FAINT)
        canvas.text((_LEFT - 6, at(0, tick)[1] + 4), f"{tick * 100:g}", 10, GREY, Align.RIGHT)
    for one in curve:
        x, y = at(one.variant.strength, _TICKS[0])
        canvas.line([(x, y), (x, y + 4)], GREY)
        canvas.text((x, y + 16), f"{one.variant.strength:g}", 10, GREY, Align.MIDDLE)
    canvas.text((_LEFT + _SIDE / 2, _TOP + _HEIGHT + 38), about.unit, 12, GREY, Align.MIDDLE)
    for place, name in enumerate(species):
        points = [at(one.variant.strength, one.apcer(name)) for one in curve]
        _curve(canvas, points, DISTINCT[place % len(DISTINCT)], 2)
    if not math.isnan(curve[0].turned_away):
        _curve(canvas, [at(one.variant.strength, one.turned_away) for one in curve], BLUE, 4)
    _legend(canvas, species, _LEFT + _SIDE + 16)
    return canvas.png()


def _curve(canvas: Canvas, points: Sequence[Point], colour: Colour, width: float) -> None:
    canvas.line(points, colour, width)
    for point in points:
        canvas.dot(point, colour, 3)


def _legend(canvas: Canvas, species: Sequence[str], left: float) -> None:
    colours = [BLUE, *(DISTINCT[place % len(DISTINCT)] for place in range(len(species)))]
    for number, (name, colour) in enumerate(zip([_PEOPLE, *species], colours, strict=True)):
        row = _TOP + 12 + 20 * number
        canvas.line([(left, row - 4), (left + 20, row - 4)], colour, 4 if name == _PEOPLE else 3)
        canvas.text((left + 26, row), shortened(name, 24))


def _along(rate: float) -> float:
    low, high = math.log(_TICKS[0]), math.log(_TICKS[-1])
    return (math.log(min(max(rate, _TICKS[0]), 1.0)) - low) / (high - low)
