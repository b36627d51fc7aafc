"""What every cue measures of dev captures: judged once, in several processes, and remembered by what it depends on."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import cv2

import livegate.cues
import livegate.kernels
from livegate import assets, config
from livegate.cues import detector as detector_cue
from livegate.cues.crop import CropCue
from livegate.cues.protocol import Cue, all_cues
from livegate.detect.classifier import CropClassifier, open_classifier
from livegate.detect.detector import open_detector
from livegate.detect.network import Kind
from livegate.errors import AssetError, ConfigError, PadError
from livegate.filesystem import replace_whole
from livegate.installed.shelf import SHIPPED
from livegate.progress import Progress
from livegate.quality_manifest import open_quality
from livegate.samples.manifest import Sample, read_manifest
from livegate.samples.measuring import Measured, Measurer, Rows
from livegate.scorers import DETECTOR, fingerprint

QUALITY = "quality"
_INDEXES = ("manifest.jsonl", "samples.jsonl")


def open_measurer() -> Measurer:
    """Return what measures with the shipped detector and every shipped cue, crop classifiers without scorer too."""
    detector = open_detector(config.Detector())
    if detector is None:
        raise AssetError("train fusion: the shipped detector does not run here; install onnxruntime")
    cues: dict[str, Cue] = {DETECTOR: cast(Cue, detector_cue)}
    cues |= {name: cue for name, cue in all_cues() if SHIPPED.find(name) is not None}
    for name, folder in SHIPPED.of_kind(Kind.CROP_CLASSIFIER).items():
        classifier = open_classifier(folder, config.Detector())
        if classifier is not None:
            cues[name] = CropCue(classifier)
    return Measurer(detector, open_quality(config.QualityConfig(), SHIPPED), cues, narrow=True)


def samples_of(place: Path) -> list[Sample]:
    """Return the dev samples of a manifest, or of a folder with one; where lines name a split, only those of "dev"."""
    found = [place, *(place / name for name in _INDEXES)]
    path = next((path for path in found if path.is_file()), None)
    if path is None:
        raise ConfigError(f"--dev {place}: expected a manifest, or a folder with {' or '.join(_INDEXES)}")
    samples = [entry for entry in read_manifest(path, split="dev") if isinstance(entry, Sample)]
    samples = samples or [entry for entry in read_manifest(path) if isinstance(entry, Sample)]
    if not samples:
        raise ConfigError(f"{path}: holds no samples; write one a line, see docs/evaluation.md")
    return samples


def measure_all(samples: Sequence[Sample], measurer: Measurer, jobs: int, cache: Path | None) -> list[Measured]:
    """Return what could be measured of ``samples``, in their order; read from ``cache`` where it was measured before.

    What was measured is remembered by sample and by everything the numbers depend on: another model is another key.
    """
    key = _key(measurer)
    file = None if cache is None else cache / f"{key}.jsonl"
    known = _read(file)
    lacking = [sample for sample in samples if _id(sample) not in known]
    with Progress("measure", len(lacking)) as progress:
        for sample, seen in zip(lacking, _measure(lacking, measurer, jobs), strict=True):
            known[_id(sample)] = seen
            progress.advance()
    if file is not None and lacking:
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps([name, None if seen is None else dataclasses.asdict(seen)]) for name, seen in known.items()]
        replace_whole(file, ("\n".join(lines) + "\n").encode())
    return [seen for sample in samples if (seen := known[_id(sample)]) is not None]


def _key(measurer: Measurer) -> str:
    """Return a hash over all that the numbers depend on."""
    gate = SHIPPED.find(QUALITY)
    parts: list[Any] = [fingerprint(assets.model("face")), None if gate is None else fingerprint(gate)]
    parts += [[name, _cue_key(cue)] for name, cue in sorted(measurer.cues.items())]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:32]


def _cue_key(cue: Cue) -> Any:
    if isinstance(cue, CropCue):
        classifier: CropClassifier = cue.classifier
        m = classifier.manifest
        return [m.model.sha256, *(dataclasses.asdict(table) for table in (m.input, m.crop, m.output))]
    return inspect.getsource(cast(ModuleType, cue)), _shared_source()


def _shared_source() -> list[str]:
    """What cues call: another line there may be another number."""
    folders = [Path(package.__path__[0]) for package in (livegate.cues, livegate.kernels)]
    return [path.read_text() for folder in folders for path in sorted(folder.glob("*.py"))]


def _id(sample: Sample) -> str:
    paths = [str(path.resolve()) for moment in sample.moments for path in moment.paths.values()]
    label = [sample.pai_species, sample.source, sample.subject]
    return hashlib.sha256(json.dumps([paths, label]).encode()).hexdigest()[:32]


def _read(file: Path | None) -> dict[str, Measured | None]:
    if file is None or not file.is_file():
        return {}
    known: dict[str, Measured | None] = {}
    for line in file.read_text().splitlines():
        name, seen = json.loads(line)
        if seen is not None:
            narrower = {sensors: _rows(rows) for sensors, rows in seen["narrower"].items()}
            labels = seen["species"], seen["source"], seen["subject"]
            known[name] = Measured(*labels, _rows(seen["rows"]), narrower)
        else:
            known[name] = None
    return known


def _rows(read: dict[str, list[list[float]]]) -> dict[str, Rows]:
    return {cue: tuple(tuple(row) for row in rows) for cue, rows in read.items()}


def _measure(samples: Sequence[Sample], measurer: Measurer, jobs: int) -> Iterator[Measured | None]:
    if jobs == 1 or not samples:
        yield from map(measurer.measure, samples)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_start) as pool:
        yield from pool.map(_measure_one, samples, chunksize=16)


_measurer: Measurer | None = None


def _start() -> None:
    global _measurer  # noqa: PLW0603 - a worker process has no other place to keep it between tasks
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    _measurer = open_measurer()


def _measure_one(sample: Sample) -> Measured | None:
    if _measurer is None:
        raise PadError("this worker process was never started; this is a fault of livegate train")
    return _measurer.measure(sample)
