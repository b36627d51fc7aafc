"""How well a single plain number tells bona fide from attack: what a network could learn in place of liveness.

``python -m livegate_tools.simulate.shortcuts MANIFEST [MANIFEST ...]`` prints the area under the ROC curve of each
number for each manifest: 0.5 tells nothing, 0 and 1 everything. A simulated set should not be much further from 0.5
than captured ones are, but for what is physics (lifted blacks, lost contrast).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from livegate.errors import LivegateError
from livegate_tools.evaluate.metrics import auc
from livegate_tools.simulate.geometry import BoxPx, Pixels

_MOST = 1500


def numbers(picture: Pixels, box: BoxPx) -> dict[str, float]:
    """Return the plain numbers of a picture (H, W, 3) uint8 B, G, R and the face at ``box`` in it, part of it in view.

    Brightness, contrast, black and white (2nd and 98th percentile) and saturation of the face on 0..255; sharpness as
    the mean Laplacian against the contrast; the face's width and the distance of its middle from the frame's; the
    frame's brightness; the height of the steps at JPEG's 8-pixel blocks; how red it is against blue (log).
    """
    height, width = picture.shape[:2]
    x, y, w, h = box
    face = picture[max(int(y), 0) : min(int(y + h), height), max(int(x), 0) : min(int(x + w), width)]
    grey, frame = cv2.cvtColor(face, cv2.COLOR_BGR2GRAY), cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    contrast = float(grey.std())
    steps = np.abs(np.diff(frame, axis=1))
    blue, _, red = face.reshape(-1, 3).mean(axis=0) + 1
    low, high = np.percentile(grey, (2, 98))
    return {
        "face brightness": float(grey.mean()),
        "face contrast": contrast,
        "face black": float(low),
        "face white": float(high),
        "face saturation": float(cv2.cvtColor(face, cv2.COLOR_BGR2HSV)[..., 1].mean()),
        "face red to blue": float(np.log(red / blue)),
        "sharpness": float(np.abs(cv2.Laplacian(grey.astype(np.float32), cv2.CV_32F)).mean()) / max(contrast, 3.0),
        "face width": w / width,
        "face off the middle": abs(x + w / 2 - width / 2) / width,
        "face height in frame": (y + h / 2) / height,
        "frame brightness": float(frame.mean()),
        "JPEG blocks": float(steps[:, 7::8].mean() - steps[:, 3::8].mean()),
    }


def shortcuts(manifest: Path) -> dict[str, float]:
    """Return for every number how often (0..1) an attack's exceeds a bona fide's, over 1500 samples of a manifest.

    Raises:
        LivegateError: the manifest cannot be read or lacks one of the classes.
    """
    found: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    for sample, picture in _samples(manifest):
        box = sample.get("yunet_box") or sample["box"]
        if box[0] + box[2] > 1 and box[1] + box[3] > 1 and box[0] < picture.shape[1] - 1 and box[1] < picture.shape[0]:
            found[sample["label"] == "attack"].append(numbers(picture, box))
    if not found[True] or not found[False]:
        raise LivegateError(f"{manifest}: expected bona fide and attack samples with boxes, found one class only")
    return {
        name: auc(*(np.array([s[name] for s in found[is_attack]], np.float64) for is_attack in (True, False)))
        for name in found[True][0]
    }


def _samples(manifest: Path) -> Iterator[tuple[dict[str, Any], Pixels]]:
    try:
        lines = [json.loads(line) for line in manifest.read_text().splitlines() if line.strip()]
    except (OSError, json.JSONDecodeError) as exc:
        raise LivegateError(f"{manifest}: not a readable manifest ({exc}); give a manifest.jsonl") from exc
    usable = [s for s in lines if s["label"] in ("bona_fide", "attack") and (s.get("yunet_box") or s.get("box"))]
    for at in np.random.default_rng(0).permutation(len(usable))[:_MOST]:
        picture = cv2.imread(str(manifest.parent / usable[at]["rgb"]), cv2.IMREAD_COLOR)
        if picture is not None:
            yield usable[at], picture


def main() -> None:
    """Print the table for the manifests given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifests", nargs="+", type=Path, metavar="MANIFEST")
    columns = [shortcuts(manifest) for manifest in parser.parse_args().manifests]
    for name in columns[0]:
        sys.stdout.write(f"| {name} | " + " | ".join(f"{column[name]:.2f}" for column in columns) + " |\n")


if __name__ == "__main__":
    main()
