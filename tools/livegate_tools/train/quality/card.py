"""The card of the quality gate: what it was fixed on, how many good pictures it refuses, what it catches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from livegate.quality.gate import QualityGate
from livegate.quality.limits import failing, judge
from livegate.quality.measures import QualityMeasures
from livegate.types import Reason
from livegate_tools.evaluate import metrics
from livegate_tools.train.quality.fit import ADVISED_TAIL, CRITERIA, HALF_A_FACE, REFUSED_TAIL, Fixed
from livegate_tools.train.quality.portraits import Portrait
from livegate_tools.train.quality.spoil import KINDS, TURNED

# The nose this far aside is a head that nobody calls frontal, and so far one that everybody does: where the two are
# told apart the proxy is good.
CLEARLY_TURNED, NEARLY_FRONTAL = 0.55, 0.3
_LEAST_FOR_AUC = 5


def card_text(
    gate: QualityGate,
    fixed: Sequence[Fixed],
    portraits: Sequence[Portrait],
    measures: Sequence[QualityMeasures],
    spoilt: Mapping[str, tuple[Reason, tuple[QualityMeasures, ...]]],
) -> str:
    """Return CARD.md; ``portraits`` and ``measures`` go together one by one."""
    lines = [
        "# Quality gate",
        "",
        "Refuses pictures of a face that nothing could be concluded from, and says why; `docs/quality.md` tells how.",
        "All figures are by `livegate train quality`; boxes are those of the data, in YuNet's convention.",
        "",
        "## Limits",
        "",
        f"Each limit lies midway between the tail of good pictures ({REFUSED_TAIL:.1%} of the worst source) and the",
        "median of unusable ones, and at the tail where the two overlap. Simulated pictures are only reported on, and",
        f"for `max_turn` heads whose nose lies beyond {HALF_A_FACE:g} are no good pictures. Advice begins midway",
        f"between a tail of {ADVISED_TAIL:.0%} and the limit: such a face counts, and the person is advised while",
        "nothing is concluded.",
        "",
        "| limit | reason | worst source | its tail | unusable | limit | advice |",
        "|---|---|---|---|---|---|---|",
        *(_limit_row(gate, one) for one in fixed),
        "",
        "## Good pictures refused",
        "",
        *_refused(gate, portraits, measures),
        "",
        "## Pictures made unusable",
        "",
        "| made | should be | N | refused | for that reason |",
        "|---|---|---|---|---|",
        *_caught(gate, spoilt),
        "",
        "## Turn of the head",
        "",
        *_turns(portraits, measures),
        "",
        "## What may not be claimed",
        "",
        "- Sources are few rooms and cameras, portraits of a studio, drawn portraits and simulated pictures: the",
        "  shares refused say nothing about another door.",
        "- Unusable is defined by what the tool does to a picture, not by what a judge of pictures would say.",
        "- The turn is learnt from landmarks that a detector found, most of them of drawn portraits, and hardly any",
        "  of a profile: it tells turned from frontal, not how far.",
        "- Up and down (pitch), closed eyes, hats, hands and masks before the face are not measured.",
    ]
    return "\n".join(lines) + "\n"


def _limit_row(gate: QualityGate, one: Fixed) -> str:
    field = one.criterion.field
    limit, advice = (getattr(limits, field) for limits in (gate.limits, gate.advice))
    return (
        f"| `{field}` | {one.criterion.reason} | {one.worst_source} | {one.good:.3g} | {one.unusable:.3g} |"
        f" {limit:g} | {advice:g} |"
    )


def _refused(gate: QualityGate, portraits: Sequence[Portrait], measures: Sequence[QualityMeasures]) -> Iterator[str]:
    reasons = [criterion.reason for criterion in CRITERIA]
    yield "| source | pictures | people | refused | " + " | ".join(reasons) + " | advised |"
    yield "|---|---|---|---|" + "---|" * (len(reasons) + 1)
    for source in sorted({portrait.source for portrait in portraits}):
        pairs = [(p, m) for p, m in zip(portraits, measures, strict=True) if p.source == source]
        found = [judge(m, gate.limits) for _, m in pairs]
        advised = sum(judge(m, gate.advice) is not None for _, m in pairs) - sum(reason is not None for reason in found)
        counts = " | ".join(str(found.count(reason)) for reason in reasons)
        refused = len(found) - found.count(None)
        people = len({p.subject for p, _ in pairs})
        yield (
            f"| {source} | {len(pairs)} | {people} | {refused} ({refused / len(pairs):.2%}) | {counts} |"
            f" {advised / len(pairs):.1%} |"
        )


def _caught(gate: QualityGate, spoilt: Mapping[str, tuple[Reason, tuple[QualityMeasures, ...]]]) -> Iterator[str]:
    for kind in KINDS:
        reason, measures = spoilt[kind.name]
        found = [tuple(failing(one, gate.limits)) for one in measures]
        yield (
            f"| {kind.name} | {reason} | {len(found)} | {sum(map(bool, found)) / len(found):.1%} |"
            f" {sum(reason in reasons for reasons in found) / len(found):.1%} |"
        )


def _turns(portraits: Sequence[Portrait], measures: Sequence[QualityMeasures]) -> Iterator[str]:
    yield "Truth is where the landmarks put the nose. Correlation and mean error over all pictures; AUC tells those"
    yield f"beyond {CLEARLY_TURNED:g} from those within {NEARLY_FRONTAL:g}, where {_LEAST_FOR_AUC} or more are beyond."
    yield ""
    yield f"| pictures | N | correlation | mean error | beyond {CLEARLY_TURNED:g} | AUC | beyond {TURNED:g} |"
    yield "|---|---|---|---|---|---|---|"
    with_turn = [(p, m) for p, m in zip(portraits, measures, strict=True) if p.turn is not None]
    for source, held_out in sorted({(p.source, p.held_out) for p, _ in with_turn}):
        pairs = [(p.turn or 0.0, m.turn) for p, m in with_turn if (p.source, p.held_out) == (source, held_out)]
        truth, guess = np.array(pairs).T
        turned, frontal = np.abs(guess)[np.abs(truth) > CLEARLY_TURNED], np.abs(guess)[np.abs(truth) < NEARLY_FRONTAL]
        auc = f"{metrics.auc(turned, frontal):.3f}" if turned.size >= _LEAST_FOR_AUC and frontal.size else "–"
        name = f"{source}, {'held out' if held_out else 'learnt from'}"
        yield (
            f"| {name} | {len(pairs)} | {np.corrcoef(truth, guess)[0, 1]:.2f} |"
            f" {np.mean(np.abs(np.clip(truth, -1.5, 1.5) - guess)):.3f} | {turned.size} | {auc} |"
            f" {np.count_nonzero(np.abs(truth) >= TURNED)} |"
        )
