"""Error rates of presentation-attack detection, as pure functions of arrays.

The names are those of ISO/IEC 30107-3, clauses "Classification metrics" and "Non-response metrics". Every rate counts
*all* presentations of its kind in the denominator, those without a response included, because the standard defines
APCER and BPCER over presentations and non-response by rates of its own; so BPCER + BPNRR is the share of living people
who are turned away, and no sample can improve a rate by not being answered except where the standard says so.

Scores are float arrays (N,), higher is more bona fide; missing ones are +inf for attacks and -inf for bona fide
presentations (see :func:`ranked`). A presentation is accepted where its score is at or above the threshold.
A figure of nothing is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Flags = NDArray[np.bool_]


def apcer(accepted: Flags) -> float:
    """Attack presentation classification error rate: share of one species' attacks (N,) classified as bona fide."""
    return _share(accepted)


def bpcer(refused: Flags) -> float:
    """Bona fide presentation classification error rate: share of bona fide presentations (N,) classified as attack."""
    return _share(refused)


def non_response_rate(unanswered: Flags) -> float:
    """APNRR of the attacks of one species, or BPNRR of bona fide presentations (N,): share without a response."""
    return _share(unanswered)


def ranked(scores: Scores, is_attack: Flags) -> Scores:
    """Return ``scores`` with every NaN where it ranks as an error: attacks at +inf, bona fide presentations at -inf."""
    return np.where(np.isnan(scores), np.where(is_attack, np.inf, -np.inf), scores)


def error_curve(bona_fide: Scores, attack: Scores) -> tuple[Scores, Scores]:
    """Return (APCER, BPCER) at every threshold that tells two scores apart, ascending, refusing everyone last.

    All attacks are taken as one species here. Both arrays are (K,), from (1, 0) to (0, 1). Neither input may be empty.
    """
    thresholds = np.unique(np.concatenate([bona_fide, attack]))
    attacks_below = np.searchsorted(np.sort(attack), thresholds, side="left")
    bona_fide_below = np.searchsorted(np.sort(bona_fide), thresholds, side="left")
    return (
        np.append(1.0 - attacks_below / attack.size, 0.0),
        np.append(bona_fide_below / bona_fide.size, 1.0),
    )


def auc(bona_fide: Scores, attack: Scores) -> float:
    """Area under the ROC curve: the chance that a bona fide presentation outscores an attack, ties counted half.

    Source: Hanley and McNeil, Radiology 143, 1982 (the Mann-Whitney statistic).
    """
    if not bona_fide.size or not attack.size:
        return math.nan
    ordered = np.sort(attack)
    below = np.searchsorted(ordered, bona_fide, side="left")
    not_above = np.searchsorted(ordered, bona_fide, side="right")
    return float((below + not_above).mean() / 2 / attack.size)


def eer(bona_fide: Scores, attack: Scores) -> float:
    """Equal error rate: where APCER and BPCER cross, linear between neighbouring operating points, 0..1."""
    if not bona_fide.size or not attack.size:
        return math.nan
    accepted, refused = error_curve(bona_fide, attack)
    gap = accepted - refused
    after = int(np.argmax(gap <= 0))
    share = gap[after - 1] / (gap[after - 1] - gap[after])
    return float(refused[after - 1] + share * (refused[after] - refused[after - 1]))


def bpcer_at_apcer(bona_fide: Scores, attacks: Sequence[Scores], target: float) -> float:
    """Least BPCER at a threshold where no species' APCER exceeds ``target`` (0..1).

    ``attacks`` holds one array a species. By the standard's definitions an attack without a score is accepted at no
    threshold; a person without one is turned away at every threshold and counts here, too. Refusing everyone is always
    possible, so the worst value is 1.
    """
    species = [np.where(np.isposinf(scores), -np.inf, scores) for scores in attacks if scores.size]
    if not bona_fide.size or not species:
        return math.nan
    # The threshold lies just above the best attack that is one too many, in the species where that is highest.
    highest = max(_one_too_many(scores, target) for scores in species)
    return float((bona_fide <= highest).mean())


def zero_error_bound(n: int) -> float:
    """Upper 95 % bound of an error rate after no error in ``n`` independent trials: 1 - 0.05^(1/n), about 3/n.

    Source: Hanley and Lippman-Hand, JAMA 249, 1983 ("rule of three"), in its exact form.
    """
    return 1.0 - 0.05 ** (1.0 / n) if n else 1.0


def _one_too_many(scores: Scores, target: float) -> float:
    # 0.05 * 60 must allow three, whatever binary fractions say.
    allowed = math.floor(target * scores.size + 1e-9)
    return -math.inf if allowed >= scores.size else float(np.sort(scores)[scores.size - 1 - allowed])


def _share(flags: Flags) -> float:
    return float(flags.mean()) if flags.size else math.nan
