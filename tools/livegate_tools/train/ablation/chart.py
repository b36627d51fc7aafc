"""The ablation as a picture: a row for each arm, what gets through and who is refused, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from livegate_tools.evaluate.charts.canvas import BLUE, DISTINCT, FAINT, GREY, INK, Align, Canvas, shortened
from livegate_tools.train.ablation.cost import Costs
from livegate_tools.train.ablation.standing import Compared, Standing

_TICKS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_NAMES, _SIDE, _GAP, _COST = 330, 240, 24, 70
_ROW, _HEAD, _TOP, _LEGEND = 22, 54, 44, 56
_WIDTH = _NAMES + 2 * _SIDE + _GAP + _COST


def ablation_chart(measured: Sequence[tuple[Compared, Costs]]) -> bytes:
    """Return a PNG with a row for every arm: a dot for each species' APCER, a bar for BPCER, and what it costs a face.

    Thresholds were fixed on other people (left), and on other sources (right). The axis is logarithmic; a rate below
    0.3 % lies on its left edge.
    """
    rows = sum(len(compared.people) for compared, _ in measured)
    canvas = Canvas(_WIDTH, _TOP + _HEAD * len(measured) + _ROW * rows + _LEGEND)
    canvas.text((10, 26), "what each cue adds and costs: error rates of what no fit has seen, %", 14)
    species = list(dict.fromkeys(name for compared, _ in measured for name in compared.attacks))
    top = float(_TOP)
    for compared, costs in measured:
        top = _group(canvas, compared, costs, species, top)
    _legend(canvas, species, top + 18)
    return canvas.png()


def _group(canvas: Canvas, compared: Compared, costs: Costs, species: Sequence[str], top: float) -> float:
    """Draw a group below ``top`` and return where it ends."""
    canvas.text((10, top + 20), compared.group.title, 13)
    first, bottom = top + _HEAD, top + _HEAD + _ROW * len(compared.people)
    for left, title in ((_NAMES, "other people"), (_NAMES + _SIDE + _GAP, "other sources")):
        canvas.text((left + _SIDE / 2, top + 20), title, 11, GREY, Align.MIDDLE)
        for tick in _TICKS:
            x = left + _along(tick) * _SIDE
            canvas.line([(x, first - 6), (x, bottom)], FAINT)
            canvas.text((x, first - 12), f"{tick * 100:g}", 9, GREY, Align.MIDDLE)
    canvas.text((_WIDTH - 12, top + 20), "ms a face", 11, GREY, Align.RIGHT)
    for number, (people, sources) in enumerate(zip(compared.people, compared.sources, strict=True)):
        y = first + _ROW * (number + 0.5)
        canvas.text((_NAMES - 10, y + 4), shortened(people.arm.title, 50), 10, align=Align.RIGHT)
        _row(canvas, people, species, _NAMES, y)
        _row(canvas, sources, species, _NAMES + _SIDE + _GAP, y)
        cost = costs.of(people.arm, people.asked)
        canvas.text((_WIDTH - 12, y + 4), "-" if math.isnan(cost) else f"{cost:.1f}", 10, INK, Align.RIGHT)
    return bottom


def _row(canvas: Canvas, one: Standing, species: Sequence[str], left: float, y: float) -> None:
    canvas.line([(left, y), (left + _SIDE, y)], FAINT)
    canvas.line([(left, y), (left + _along(one.bpcer.value) * _SIDE, y)], BLUE, 4)
    for place, name in enumerate(species):
        if name in one.apcer:
            canvas.dot((left + _along(one.apcer[name].value) * _SIDE, y), _colour(place), 4)


def _legend(canvas: Canvas, species: Sequence[str], top: float) -> None:
    canvas.line([(10, top), (28, top)], BLUE, 4)
    canvas.text((34, top + 4), "BPCER; dots, APCER:", 11)
    left = 176.0
    for place, name in enumerate(species):
        canvas.dot((left, top), _colour(place), 4)
        canvas.text((left + 10, top + 4), shortened(name, 16), 11)
        left += 24 + 6.6 * min(len(name), 16)


def _colour(place: int) -> tuple[int, int, int]:
    colours = (*DISTINCT, GREY)
    return colours[place % len(colours)]


def _along(rate: float) -> float:
    low, high = math.log(_TICKS[0]), math.log(_TICKS[-1])
    return (math.log(min(max(rate, _TICKS[0]), 1.0)) - low) / (high - low)
