"""Write a trained finder as models/ holds it: weights, manifest, card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.detect.cascade import Trees
from livegate.detect.finder_manifest import Decision, Scan
from livegate.detect.network import MANIFEST
from livegate.weights import write_weights
from livegate_tools.train.finder.measure import Measured, share_interval

LICENCE = "Apache-2.0"
SIZES_PX = ((60.0, 80.0), (80.0, 120.0), (120.0, float("inf")))


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """Everything a finder consists of, and how it came about."""

    trees: Trees
    network: Mapping[str, NDArray[np.float16]]
    scan: Scan
    decision: Decision
    training: Mapping[str, Any]


def publish(trained: Trained, figures: Mapping[str, Measured], dev: Sequence[str], out: Path) -> Path:
    """Write the model into the folder ``out`` and return it; ``figures`` by set; ``dev`` fixed the threshold."""
    out.mkdir(parents=True, exist_ok=True)
    digest = write_weights(
        out,
        {
            "nodes": trained.trees.nodes.astype(np.int16),
            "leaves": trained.trees.leaves,
            "least": trained.trees.least,
            **trained.network,
        },
    )
    (out / MANIFEST).write_text(_manifest(trained, digest), "utf-8")
    (out / "CARD.md").write_text(_card(trained, figures, dev), "utf-8")
    return out


def _manifest(trained: Trained, digest: str) -> str:
    decision, scan = trained.decision, trained.scan
    lines = [
        "[model]",
        'name = "finder"',
        'version = "1"',
        'kind = "face_cascade"',
        f'licence = "{LICENCE}"',
        f'weights_sha256 = "{digest}"',
        "",
        "[scan]",
        f"smallest_px = {scan.smallest_px}",
        f"stride = {scan.stride}",
        "",
        "[decision]",
        f"confidence = {decision.confidence:.4f}",
        f"slope = {decision.slope:.4f}",
        f"offset = {decision.offset:.4f}",
        "",
        "[training]",
        *(f"{key} = {_toml(value)}" for key, value in trained.training.items()),
    ]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(each) for each in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _card(trained: Trained, figures: Mapping[str, Measured], dev: Sequence[str]) -> str:
    """Return the card: what it is, what it was trained on, what was measured and what that does not show."""
    parameters = sum(array.size for array in trained.network.values())
    training = trained.training
    times_ms = [measured.median_ms for measured in figures.values()]
    took = f"{np.median(times_ms):.1f} ms of one thread of the training machine" if times_ms else "not measured"
    rows = [_row(name, figures[name], trained.decision.least_odds, name in dev) for name in figures]
    return f"""# Face finder `finder`

Says where faces are, with no neural runtime and nothing of whether they live: {len(trained.trees.least)} trees that
compare pixels of 24x24 windows over scales and places, then a network of {parameters} weights run by our own kernels
over the few windows left (docs/finder.md). Trained by `livegate train finder` on {training["pictures"]}
pictures, seed {training["seed"]}: {", ".join(training["faces"])}; without faces: {", ".join(training["negatives"])}.

No person and no captured set below was trained on, nor a room of the sets marked dev. The threshold was fixed on those:
at most {training["false_per_frame"]:.3g} false faces a frame.
"Found": a box that overlaps the face's by an IoU of at least 0.5, by YuNet's convention; "px": the smaller side of the
face. A false face is any other box, in frames with faces and in frames without. Intervals: 95 %, as if frames were
independent, which frames of one recording are not.

| set | found, >= 60 px | 95 % | 60-80 px | 80-120 px | > 120 px | false faces | frames |
|---|---|---|---|---|---|---|---|
{chr(10).join(rows)}

Median time a picture: {took}.

What may not be concluded: most sets are simulated from portraits and rendered heads, the captured ones show three
people. Nothing follows for profiles, faces turned more than about 30 degrees or tilted more than about 20, children, or
masks that leave the eyes only. Faces whose smaller side is below 45 px in 640x480 are not looked for.
"""


def _row(name: str, measured: Measured, least_odds: float, dev: bool) -> str:
    found, count = measured.recall(least_odds, SIZES_PX[0][0])
    low, high = share_interval(found, count)
    sized = [measured.recall(least_odds, *limits) for limits in SIZES_PX]
    cells = " | ".join(f"{f / n:.3f} of {n}" if n else "none" for f, n in sized)
    share = f"{found / count:.3f} of {count} | {low:.3f} to {high:.3f}" if count else "none | "
    mark = " (dev)" if dev else ""
    return f"| {name}{mark} | {share} | {cells} | {measured.false_faces(least_odds)} | {measured.pictures} |"
