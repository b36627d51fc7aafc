"""The page's sections on other sets of sensors and on disturbances."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from livegate_tools.evaluate.charts.comparison import curve_chart, subset_chart
from livegate_tools.evaluate.comparison import Comparison, Standing, cells
from livegate_tools.evaluate.disturb.catalogue import DISTURBANCES
from livegate_tools.evaluate.page.picture import picture, write_picture


def comparison_section(folder: Path, comparison: Comparison) -> Iterator[str]:
    """Yield the lines of the page; the charts are written into ``folder``, too."""
    if comparison.subsets:
        chart = subset_chart(comparison.subsets)
        write_picture(folder / "subsets.png", chart)
        yield "<h2>By sensors</h2>\n<p class=faint>The same presentations at terminals that have fewer sensors.</p>"
        yield f'<div class="charts">{picture(chart, "error rates by set of sensors")}</div>'
        yield from _table(comparison.subsets, [one.variant.sensors for one in comparison.subsets], "sensors")
    if comparison.curves:
        yield "<h2>Under disturbances</h2>\n<p class=faint>Put into the pictures; 0 is as they are.</p>"
    for name, curve in (comparison.curves or {}).items():
        about, chart = DISTURBANCES[name], curve_chart(curve)
        write_picture(folder / f"disturbed_{name}.png", chart)
        yield f'<h3>{escape(about.title)}</h3>\n<div class="charts">{picture(chart, about.title)}</div>'
        yield from _table(curve, [f"{one.variant.strength:g}" for one in curve], about.unit)


def _table(rows: Sequence[Standing], names: Sequence[str], what: str) -> Iterator[str]:
    heads, texts = cells(rows)
    yield '<div class="wide"><table>\n<tr>' + "".join(f"<th>{escape(head)}" for head in (what, *heads)) + "</tr>"
    for name, text in zip(names, texts, strict=True):
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in (name, *text)) + "</tr>"
    yield "</table></div>"
