"""``livegate train teach``: asks published networks what they think of the training pictures.

Each is run by the rule of the card that lies beside it, on the boxes of the samples: on portraits too, whose liveness
nobody labelled. None of the teachers' weights ship.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np

from livegate.detect.crop_rule import crop
from livegate.errors import AssetError
from livegate.progress import Progress
from livegate_tools.train.crop.teachers import Teacher, open_teachers
from livegate_tools.train.reading import read_picture
from livegate_tools.train.samples import Presentation, Sample
from livegate_tools.train.teacher import TeacherModel, TeacherScores, name_of

OPEN_LICENCES = ("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT")
_BATCH = 16


def teach(samples: Iterable[Sample], folder: Path, out: Path) -> int:
    """Write what the networks of ``folder`` say of every sample with a face to ``out``, whole or not at all.

    A line's ``log_odds`` are ln p(bona fide) − ln p(attack) of each network, ``p_bona_fide`` the logistic function of
    their mean. Return the number of samples. AssetError and PictureError name a network or a picture that cannot be
    used, AssetError also a network whose licence is not known to allow learning from its outputs.
    """
    asked = list({name_of(sample): sample for sample in samples if sample.faces}.values())
    networks = open_teachers(folder, threads=1)
    for network in networks:
        if network.licence not in OPEN_LICENCES:
            raise AssetError(
                f"{folder}: {network.name} has the licence {network.licence}; expected one of "
                f"{', '.join(OPEN_LICENCES)} to learn from its outputs"
            )
    # The networks run in one thread; OpenCV's would only fight it for the cores.
    cv2.setNumThreads(1)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(out.name + ".part")
    with partial.open("w", encoding="utf-8") as file, Progress("teaching", len(asked)) as bar:
        who = [asdict(TeacherModel(network.name, network.licence)) for network in networks]
        file.write(json.dumps({"teachers": who}) + "\n")
        for start in range(0, len(asked), _BATCH):
            part = asked[start : start + _BATCH]
            for sample, log_odds in zip(part, _ask(networks, part), strict=True):
                file.write(json.dumps(_line(sample, log_odds)) + "\n")
                bar.advance()
    partial.replace(out)
    return len(asked)


def _ask(networks: Sequence[Teacher], samples: Sequence[Sample]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return log-odds (B, networks) of bona fide."""
    pictures = [read_picture(sample.path) for sample in samples]
    columns = []
    for network in networks:
        cuts = [
            crop(picture, sample.faces[0], network.crop, network.size, network.size)
            for picture, sample in zip(pictures, samples, strict=True)
        ]
        columns.append(network.ask(np.stack(cuts))[0].astype(np.float64))
    return np.stack(columns, axis=1)


def _line(sample: Sample, log_odds: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, object]:
    return {
        "source": sample.source,
        "id": sample.identifier,
        "p_bona_fide": round(float(1 / (1 + np.exp(-log_odds.mean()))), 6),
        "log_odds": [round(float(value), 4) for value in log_odds],
    }


def agreement(samples: Iterable[Sample], teacher: TeacherScores) -> dict[str, tuple[int, int]]:
    """Return by source of how many labelled samples the teacher is right at one half, and how many it was asked."""
    counts: dict[str, tuple[int, int]] = {}
    for sample in samples:
        score = teacher.scores.get(name_of(sample))
        if score is not None and sample.presentation in (Presentation.BONA_FIDE, Presentation.ATTACK):
            right, asked = counts.get(sample.source, (0, 0))
            alive = sample.presentation is Presentation.BONA_FIDE
            counts[sample.source] = (right + int((score >= 0.5) == alive), asked + 1)
    return counts
