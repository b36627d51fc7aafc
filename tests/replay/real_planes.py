"""Judge real depth pictures of boards and walls by the cue depth_shape: every one must be called flat.

Not a test that is collected, for the data is not part of the project:

    python tests/replay/real_planes.py FOLDER [--model DIR]

FOLDER holds samples.jsonl, calibration.json and depth/ (16-bit PNG in tenths of a millimetre), as the public set of
TrueDepth cameras has them. Face-sized boxes lie at nine places of each picture, as far as these are on the plane and
not on the frame of another board. Status 1 where one is called a face.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.cues import depth_shape
from livegate.installed.shelf import SHIPPED
from livegate.scorers import read_scored
from livegate.types import Box, Face, Frame, FrameSet, Intrinsics, Observation, Role

Picture = NDArray[np.float64]

UNITS_PER_MM = 10
NEAR_MM, MOST_OFF_SHARE = 10.0, 0.05
# A face nearer than this does not fit into the picture; then the box is as wide as most that a detector would find.
MOST_WIDTH_SHARE = 0.45
SHOWN = ("log_plane_mm", "log_core_over_noise", "bulge_least_mm", "nose_mm", "sheet_share")


def observations(depth_mm: Picture, camera: Intrinsics) -> Iterator[Observation]:
    """Yield the plane with a face-sized box at each of nine places, those left out that lie off it."""
    off_mm = _off_plane(depth_mm)
    frame = Frame(Role.DEPTH, np.round(depth_mm).astype(np.uint16), 0, intrinsics=camera)
    w = min(140 * camera.fx / float(np.median(depth_mm[depth_mm > 0])), MOST_WIDTH_SHARE * camera.width)
    for x in (0.3, 0.5, 0.7):
        for y in (0.4, 0.5, 0.6):
            box = Box(x * camera.width - w / 2, y * camera.height - 0.68 * w, w, 1.36 * w)
            inside = off_mm[max(int(box.y), 0) : int(box.y + box.h), max(int(box.x), 0) : int(box.x + box.w)]
            if np.mean(inside > NEAR_MM) < MOST_OFF_SHARE:
                yield Observation(FrameSet({Role.DEPTH: frame}, {}, 0), Face(box, 0.5, 0.5))


def _off_plane(depth_mm: Picture) -> Picture:
    """Return how far each pixel lies off the plane of most of the picture, 0 where nothing returned."""
    v, u = np.mgrid[0 : depth_mm.shape[0], 0 : depth_mm.shape[1]]
    known = depth_mm > 0
    design = np.stack([np.ones_like(u), u, v], axis=-1)[known].astype(np.float64)
    inverse, kept = 1.0 / depth_mm[known], np.ones(int(known.sum()), np.bool_)
    for _ in range(10):
        plane = np.linalg.lstsq(design[kept][::17], inverse[kept][::17], rcond=None)[0]
        off = np.abs(1.0 / (design @ plane) - depth_mm[known])
        kept = off <= np.quantile(off, 0.75)
    out = np.zeros(depth_mm.shape)
    out[known] = off
    return out


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, help="the folder of another scorer than the shipped one")
    arguments = parser.parse_args()
    scorer = read_scored("depth_shape", depth_shape, arguments.model or SHIPPED.model("depth_shape")).scorer
    calibration = json.loads((arguments.folder / "calibration.json").read_text())
    worst = []
    for text in (arguments.folder / "samples.jsonl").read_text().splitlines():
        line = json.loads(text)
        raw = cv2.imread(str(arguments.folder / line["depth"]), cv2.IMREAD_UNCHANGED)
        (fx, _, cx), (_, fy, cy), _ = calibration[line["device"]]["calibrated_camera_matrix"]
        camera = Intrinsics(fx, fy, cx, cy, raw.shape[1], raw.shape[0])
        measured = [depth_shape.measure(seen) for seen in observations(raw / UNITS_PER_MM, camera)]
        rows = [row for row in measured if row is not None]
        llrs = [scorer.llr(row) for row in rows]
        worst.append(max(llrs))
        most = dict(zip(depth_shape.FEATURES, rows[int(np.argmax(llrs))].tolist(), strict=True))
        shown = "  ".join(f"{name} {most[name]:6.2f}" for name in SHOWN)
        place = f"{line['id']:32} tilt {line['plane_tilt_deg']:5.1f}  {len(rows)} places"
        say(f"{place}  llr at most {max(llrs):6.2f}  {shown}")
    wrong = sum(llr >= 0 for llr in worst)
    say(f"{len(worst)} pictures, {wrong} called a face; highest llr {max(worst):.2f}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
