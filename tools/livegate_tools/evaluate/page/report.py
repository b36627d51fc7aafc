"""Writes the page: the summary first, then every source with its curves, figures and the samples that failed.

All that comes from the manifest is escaped, and a content policy keeps the page from fetching or running anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from livegate.samples.manifest import Sample
from livegate_tools.evaluate.charts.det import det_chart
from livegate_tools.evaluate.charts.scores import score_chart
from livegate_tools.evaluate.comparison import NOTHING, Comparison
from livegate_tools.evaluate.failures import Failures, failures
from livegate_tools.evaluate.page.comparison import comparison_section
from livegate_tools.evaluate.page.picture import picture, write_picture
from livegate_tools.evaluate.predictions import Prediction
from livegate_tools.evaluate.report import Group
from livegate_tools.evaluate.table import heading, interval_text, rows, tries_head
from livegate_tools.evaluate.tries import TRIES, Tries
from livegate_tools.evaluate.tries import rows as tries_rows
from livegate_tools.whole import write_whole

PAGE = "report.html"
# A page of more is not read; the predictions hold all of them.
_MOST_NAMED = 200
_CHARTS = (("det", det_chart, "DET curves"), ("scores", score_chart, "score histograms"))
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_CAUTIONS = (
    "Look at the people first: frames of one recording are one case seen many times, however small the rate.",
    "A threshold that was set on these samples proves nothing on these samples; EER and BPCER at APCER move it to "
    "where it is best here.",
    "Nothing follows for an instrument, camera, distance or light that is not among them; simulated samples speak of "
    "simulated samples.",
    "Stills are not a door: people and attackers try again, and a terminal judges several frames.",
)


@dataclass(frozen=True, slots=True)
class _Section:
    group: Group
    charts: Mapping[str, bytes]
    failed: Sequence[Failures]
    pooled: bool = False


def write_report(
    folder: Path,
    found: Sequence[Group],
    judged: Sequence[tuple[Sample, Prediction]],
    about: Mapping[str, Any],
    by: Mapping[str, Sequence[Group]] | None = None,
    comparison: Comparison = NOTHING,
) -> Path:
    """Write ``report.html`` and the charts as PNG into ``folder``; LivegateError where that fails.

    ``found`` is from :func:`report.groups` of ``judged``, ``by`` from :func:`report.by_traits`, ``about`` what the JSON
    report says beside the figures, ``comparison`` how terminals with other sensors or disturbed ones compare.
    """
    *sources, everything = found
    sections = [
        _Section(group, _charts(folder, number, group), failures([p for p in judged if p[0].source == group.name]))
        for number, group in enumerate(sources)
    ]
    # The pooled figures of one source are its own.
    if len(sources) != 1:
        sections.append(_Section(everything, _charts(folder, len(sources), everything), (), pooled=True))
    page = folder / PAGE
    beside = list(comparison_section(folder, comparison))
    write_whole(page, "\n".join(_page(sections, about, by or {}, beside)) + "\n")
    return page


def _charts(folder: Path, number: int, group: Group) -> Mapping[str, bytes]:
    """Draw and write the charts of a group; a source's name may be no file name, so its number goes before it."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in group.name)[:40]
    drawn: dict[str, bytes] = {}
    for kind, draw, _ in _CHARTS:
        png = draw(group)
        if png is None:
            continue
        drawn[kind] = png
        write_picture(folder / f"{kind}_{number:02d}_{plain}.png", png)
    return drawn


def _page(
    sections: Sequence[_Section], about: Mapping[str, Any], by: Mapping[str, Sequence[Group]], beside: Sequence[str]
) -> Iterator[str]:
    title = f"Evaluation of {about['manifest']}"
    css = files(__package__).joinpath("report.css").read_text("utf-8")
    yield '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(title)}</title>\n<style>\n{css}</style>\n<h1>{escape(title)}</h1>"
    yield from _about(about)
    yield from _bad_lines(about)
    compared = [section.group for section in sections if not section.pooled]
    yield from _summary("By source", [section.group for section in sections], compared)
    for trait, values in by.items():
        yield from _summary(f"By {trait}", values, values)
    yield from beside
    for section in sections:
        yield f"<h2>{escape(section.group.name)}</h2>\n<p class=faint>{heading(section.group)}</p>"
        yield from _pictures(section.group.name, section.charts)
        yield from _figures(section.group)
        yield from _tries(section.group.tries)
        yield from _failed(section.failed)
    yield '<div class="note"><b>What may not be concluded</b><ul>'
    yield from (f"<li>{escape(caution)}</li>" for caution in _CAUTIONS)
    yield "</ul></div>\n</html>"


def _about(about: Mapping[str, Any]) -> Iterator[str]:
    model = about["model"]
    named = " ".join(str(model[key]) for key in ("name", "version") if key in model)
    facts = {
        "Model": f"{named}, SHA-256 {model['sha256']}" if "sha256" in model else named,
        "Runtime": ", ".join(model[key] for key in ("runtime", "precision") if key in model) or None,
        "Installed models": ", ".join(model.get("installed", ())) or None,
        "Cues left out": ", ".join(model.get("without", ())) or None,
        "Split": about["split"],
        "Sensors": ", ".join(about["modalities"]) if about["modalities"] else "each sample's own",
        "Could not be judged": about["unreadable"] or None,
    }
    yield "<dl>"
    for term, value in facts.items():
        if value is not None:
            yield f"<dt>{term}</dt><dd>{escape(str(value))}</dd>"
    yield "</dl>"


def _bad_lines(about: Mapping[str, Any]) -> Iterator[str]:
    bad = about["bad_lines"]
    if bad:
        yield f'<div class="bad"><b>Lines of the manifest that are no samples, and in no figure: {len(bad)}</b><ul>'
        for line in bad[:_MOST_NAMED]:
            yield f"<li>line {line['line']}: {escape(line['problem'])}</li>"
        yield f"</ul>{_more(len(bad))}</div>"


def _summary(title: str, shown: Sequence[Group], compared: Sequence[Group]) -> Iterator[str]:
    comparable = [group for group in compared if not math.isnan(group.figures["eer"])]
    worst = max(comparable, key=lambda group: group.figures["eer"], default=None)
    yield f'<h3>{escape(title)}</h3>\n<div class="wide"><table>\n<tr><th><th>presentations<th>people'
    yield "<th>worst APCER<th>95 %<th>species<th>BPCER + BPNRR<th>95 %<th>AUC<th>EER<th>faces found</tr>"
    for group in shown:
        values = {row.title: row.value for row in rows(group)}
        apcer = group.worst_species("apcer")
        rate = group.figures["apcer/worst"]
        cells = (
            group.name,
            str(len(group.outcomes)),
            str(len({int(person) for person in group.outcomes.subject if person >= 0})),
            "-" if apcer is None else f"{rate * 100:.1f} %",
            "-" if apcer is None else interval_text(group, f"apcer/{apcer}"),
            apcer or "-",
            values["BPCER + BPNRR"],
            interval_text(group, "bpcer_plus_bpnrr"),
            values["AUC"],
            values["EER"],
            values["faces found (IoU 0.5)"],
        )
        mark = ' class="worst"' if group is worst and len(comparable) > 1 else ""
        yield f"<tr{mark}>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
    yield "</table></div>"
    if len(comparable) > 1:
        yield "<p class=faint>The row with the highest EER is marked: a model is as good as it is there.</p>"


def _pictures(name: str, charts: Mapping[str, bytes]) -> Iterator[str]:
    yield '<div class="charts">'
    for kind, _, title in _CHARTS:
        if kind in charts:
            yield picture(charts[kind], f"{title} of {name}")
    yield "</div>"


def _figures(group: Group) -> Iterator[str]:
    yield '<div class="wide"><table>\n<tr><th><th>value<th>95 % interval<th>errors<th>people</tr>'
    for row in rows(group):
        part = ' class="part"' if row.title.startswith(" ") else ""
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in (row.value, row.interval, row.errors, row.people))
        yield f"<tr><td{part}>{escape(row.title.strip())}</td>{cells}</tr>"
    yield "</table></div>"


def _tries(tries: Tries) -> Iterator[str]:
    yield "<h3>Who tries again</h3>\n<p class=faint>Attackers let in at least once, people turned away every time; of"
    yield " so many cases, each one person with one kind of instrument.</p>"
    heads = "".join(f"<th>{head}" for head in (*map(tries_head, TRIES), "cases"))
    yield f'<div class="wide"><table>\n<tr><th>{heads}</tr>'
    for title, words in tries_rows(tries):
        yield f"<tr><td>{escape(title)}</td>" + "".join(f"<td>{escape(cell)}</td>" for cell in words) + "</tr>"
    yield "</table></div>"


def _failed(kinds: Sequence[Failures]) -> Iterator[str]:
    if kinds:
        yield "<h3>Which samples failed</h3>"
    for kind in kinds:
        yield f"<details><summary><b>{len(kind.samples)}</b> {escape(kind.title)}</summary><ul class=ids>"
        for sample, prediction in kind.samples[:_MOST_NAMED]:
            score = "no score" if prediction.score is None else f"score {prediction.score:.3f}"
            yield f"<li>{escape(sample.id)} <span class=faint>{score}, {escape(prediction.reason)}</span></li>"
        yield f"</ul>{_more(len(kind.samples))}</details>"


def _more(count: int) -> str:
    more = count - _MOST_NAMED
    return f"<p class=faint>and {more} more, in the predictions</p>" if more > 0 else ""
