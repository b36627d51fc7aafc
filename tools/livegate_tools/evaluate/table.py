"""The figures of an evaluation as text for people."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from livegate_tools.evaluate.outcomes import WORST
from livegate_tools.evaluate.report import Group
from livegate_tools.evaluate.tries import TRIES, Tries
from livegate_tools.evaluate.tries import rows as tries_rows

_PLAIN = (
    ("auc", "AUC"),
    ("eer", "EER"),
    ("bpcer_at_apcer_5", "BPCER at APCER 5 %"),
    ("bpcer_at_apcer_1", "BPCER at APCER 1 %"),
)


def table(groups: Sequence[Group]) -> str:
    """Return a block for each group; the block of all is left out where there is only one source."""
    shown = groups[:-1] if len(groups) == 2 else groups
    return "\n\n".join("\n".join(_block(group)) for group in shown)


def trait_table(trait: str, values: Sequence[Group]) -> str:
    """Return a line for each value of a trait: who is turned away, and what gets through, there."""
    head = f"  {'':<22} {'n':>6} {'people':>7}  {'BPCER + BPNRR':>13}  {'95 % interval':<18} {'worst APCER':>11}"
    return "\n".join([f"by {trait}:", head, *(_trait_line(group) for group in values)])


def _trait_line(group: Group) -> str:
    figures, people = group.figures, group.intervals["bpcer_plus_bpnrr"].subjects
    return (
        f"  {group.name[:22]:<22} {len(group.outcomes):>6} {people:>7}  {_percent(figures['bpcer_plus_bpnrr']):>13}  "
        f"{interval_text(group, 'bpcer_plus_bpnrr'):<18} {_percent(figures[f'apcer/{WORST}']):>11}"
    ).rstrip()


@dataclass(frozen=True, slots=True)
class Row:
    """One figure in words: its value, its interval or bound, errors of presentations, and people it rests on."""

    title: str
    value: str
    interval: str = ""
    errors: str = ""
    people: str = ""


def heading(group: Group) -> str:
    """Return what a group holds."""
    outcomes = group.outcomes
    return f"{len(outcomes)} presentations, {len(outcomes.bona_fide)} bona fide, {len(outcomes.attacks)} attacks"


def rows(group: Group) -> Iterator[Row]:
    """Yield every figure of a group, in the order to read them in."""
    species = group.outcomes.species_names
    worst = group.worst_species("apcer")
    for kind, title in (("apcer", "APCER"), ("apnrr", "APNRR")):
        for name in species:
            mark = " (worst)" if kind == "apcer" and name == worst and len(species) > 1 else ""
            yield _rate(group, f"{kind}/{name}", f"{title} {name}{mark}")
    yield _rate(group, "bpcer", "BPCER")
    yield _rate(group, "bpcer_inconclusive", "  of it inconclusive")
    yield _rate(group, "bpnrr", "BPNRR")
    yield _row(group, "bpcer_plus_bpnrr", "BPCER + BPNRR", "")
    for figure, title in _PLAIN:
        yield _row(group, figure, title, "")
    found = group.recall
    yield Row("faces found (IoU 0.5)", _percent(found.value), errors=f"{found.found} of {found.n}")
    if group.second.n:
        second = group.second
        yield Row("second opinion asked", _percent(second.share), errors=f"{second.asked} of {second.n}")
    yield Row("latency p50", _ms(group.latency_p50_ms))
    yield Row("latency p95", _ms(group.latency_p95_ms))


def _block(group: Group) -> Iterator[str]:
    yield f"{group.name}: {heading(group)}"
    yield f"  {'':<30} {'value':>8}  {'95 % interval':<18} {'errors':>13}  {'people':>6}"
    for row in rows(group):
        line = f"  {row.title:<30} {row.value:>8}  {row.interval:<18} {row.errors:>13}  {row.people:>6}"
        yield line.rstrip()
    yield from _tries_block(group.tries)


def tries_head(count: int) -> str:
    """Return the head of the column of so many tries."""
    return "after 1 try" if count == 1 else f"after {count} tries"


def _tries_block(tries: Tries) -> Iterator[str]:
    lines = list(tries_rows(tries))
    width = max(len(cell) for _, cells in lines for cell in (*cells[:-1], tries_head(TRIES[-1])))
    for title, cells in (("", (*map(tries_head, TRIES), "cases")), *lines):
        line = f"  {title[:21]:<21}" + "".join(f"  {cell:>{width}}" for cell in cells[:-1])
        yield f"{line}  {cells[-1]}"


def _rate(group: Group, figure: str, title: str) -> Row:
    counted = group.counted(figure)
    flags = {
        "apcer": counted.accepted,
        "apnrr": counted.unanswered,
        "bpcer": counted.refused,
        "bpcer_inconclusive": counted.inconclusive,
        "bpnrr": counted.unanswered,
    }[figure.partition("/")[0]]
    return _row(group, figure, title, f"{np.count_nonzero(flags)} of {len(counted)}")


def _row(group: Group, figure: str, title: str, errors: str) -> Row:
    value = f"{group.figures[figure]:.3f}" if figure == "auc" else _percent(group.figures[figure])
    if math.isnan(group.figures[figure]):
        value = "-"
    return Row(title, value, interval_text(group, figure), errors, str(group.intervals[figure].subjects))


def interval_text(group: Group, figure: str) -> str:
    """Return the interval; where no error was seen, the bound that this proves if each *person* is one trial."""
    interval, bound = group.intervals[figure], group.bounds.get(figure)
    if bound is not None:
        return f"<= {bound.by_subject:.1%}".replace("%", " %") if interval.subjects else "-"
    if interval.low is None or interval.high is None:
        return "-"
    if figure == "auc":
        return f"{interval.low:.3f} .. {interval.high:.3f}"
    return f"{interval.low * 100:.1f} .. {interval.high * 100:.1f} %"


def _percent(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value * 100:.1f} %"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"
