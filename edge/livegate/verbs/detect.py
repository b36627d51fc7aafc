"""``livegate detect``: faces, confidences and verdicts on pictures and folders, one by one."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from livegate import config
from livegate.config import Runtime
from livegate.decide.calibration import Calibration, detector_llr
from livegate.detect.detector import Detector, open_detector
from livegate.errors import ConfigError, PadError, PictureError
from livegate.judge import FaceDetector
from livegate.pictures.annotate import annotate, write_copy
from livegate.pictures.files import Found, find_pictures
from livegate.pictures.reading import read_picture
from livegate.progress import Progress
from livegate.quality.gate import Quality, QualityGate
from livegate.quality.sentences import ENGLISH
from livegate.quality_manifest import open_quality
from livegate.terminal_text import printable
from livegate.types import Face, PadDecision

HELP = "find faces in pictures or folders, and say what the detector alone takes them for (all cues: evaluate)"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in one picture; ``latency_ms`` is the detector's time, without reading the file."""

    width: int
    height: int
    verdicts: tuple[tuple[Face, PadDecision | None], ...]
    latency_ms: float
    qualities: tuple[Quality, ...] = ()
    """What the quality gate makes of each face, where there is a gate."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    defaults = config.Detector()
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="a picture, or a folder of them")
    parser.add_argument("--json", action="store_true", help="print one JSON line a picture")
    parser.add_argument("--draw", type=Path, metavar="DIR", help="write annotated copies there; replaces no file")
    parser.add_argument("--model", default=defaults.model, help="name of a model, or a folder with a manifest.toml")
    parser.add_argument(
        "--runtime",
        type=Runtime,
        default=defaults.runtime,
        choices=list(Runtime),
        help="what runs it; none: the terminal's own finder, which knows nothing of liveness",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the verb; 1 when any picture could not be judged, 0 otherwise."""
    cv2.setNumThreads(1)
    _refuse_drawing_among(arguments.images, arguments.draw)
    if not any(map(os.path.exists, arguments.images)):
        return _nothing_there(arguments)
    detector = open_detector(config.Detector(arguments.model, arguments.runtime))
    return detect_all(arguments, detector or _finder(), open_quality(config.QualityConfig()))


def _finder() -> FaceDetector:
    from livegate.detect.finder import open_finder

    return open_finder()


def detect_all(arguments: argparse.Namespace, detector: FaceDetector, gate: QualityGate | None = None) -> int:
    """Do what the command line says with ``detector`` and ``gate``; return the status."""
    failed = 0
    with Progress("detect") as progress:
        for found in find_pictures(arguments.images, leave_out=arguments.draw):
            try:
                seen = _judged(found, detector, gate, arguments.draw)
            except (PictureError, PadError) as exc:
                failed += 1
                outcome: Seen | Exception = exc
            else:
                outcome = seen
            progress.clear()
            _tell(found.path, outcome, as_json=arguments.json)
            progress.advance()
    return 1 if failed else 0


def look(image: Any, detector: FaceDetector, gate: QualityGate | None = None) -> Seen:
    """Return what ``detector`` makes of ``image`` (H, W, 3) uint8 BGR, with the verdicts of its manifest.

    What is no network gives none: it finds faces and knows nothing of liveness. A verdict on a face that ``gate``
    refuses is worth nothing: a terminal would not conclude anything from it.
    """
    started_ns = time.perf_counter_ns()
    faces = detector.detect(image)
    latency_ms = (time.perf_counter_ns() - started_ns) / 1e6
    calibration = detector.manifest.calibration if isinstance(detector, Detector) else None
    verdicts = tuple((face, None if calibration is None else _verdict(face, calibration)) for face in faces)
    qualities = () if gate is None else tuple(gate.look(image, face.box) for face in faces)
    return Seen(image.shape[1], image.shape[0], verdicts, latency_ms, qualities)


def _verdict(face: Face, calibration: Calibration) -> PadDecision:
    llr = detector_llr(face.p_bona_fide, face.p_attack, calibration)
    return PadDecision.BONA_FIDE if llr >= calibration.threshold_llr else PadDecision.ATTACK


def _judged(found: Found, detector: FaceDetector, gate: QualityGate | None, draw: Path | None) -> Seen:
    if found.problem is not None:
        raise found.problem
    image = read_picture(found.path)
    try:
        seen = look(image, detector, gate)
    except PadError as exc:
        raise PadError(f"{found.path}: {exc}") from exc
    if draw is not None:
        write_copy(annotate(image, seen.verdicts), draw, found.below)
    return seen


def _tell(path: Path, outcome: Seen | Exception, *, as_json: bool) -> None:
    """Print one picture's line at once: whoever reads the pipe wants it while it is new."""
    if as_json:
        line = {"error": str(outcome)} if isinstance(outcome, Exception) else _fields(outcome)
        print(json.dumps({"path": str(path)} | line), flush=True)
    elif isinstance(outcome, Exception):
        print(printable(str(outcome)), file=sys.stderr)
    else:
        print(f"{printable(str(path))}: {_sentence(outcome)}", flush=True)


def _fields(seen: Seen) -> dict[str, Any]:
    faces: list[dict[str, Any]] = [
        {
            "box": [round(side, 1) for side in (face.box.x, face.box.y, face.box.w, face.box.h)],
            **_liveness(face, verdict),
        }
        for face, verdict in seen.verdicts
    ]
    for fields, quality in zip(faces, seen.qualities, strict=False):
        fields["quality"] = _quality(quality)
    return {"width": seen.width, "height": seen.height, "faces": faces, "latency_ms": round(seen.latency_ms, 3)}


def _liveness(face: Face, verdict: PadDecision | None) -> dict[str, Any]:
    if verdict is None:
        return {"p_bona_fide": None, "p_attack": None, "verdict": None, "confidence": round(face.confidence, 6)}
    return {
        "p_bona_fide": round(face.p_bona_fide, 6),
        "p_attack": round(face.p_attack, 6),
        "verdict": str(verdict),
    }


def _quality(quality: Quality) -> dict[str, Any]:
    measures = {name: round(value, 4) for name, value in dataclasses.asdict(quality.measures).items()}
    return {"refused": quality.refused, "guidance": quality.guidance, "measures": measures}


def _sentence(seen: Seen) -> str:
    if not seen.verdicts:
        return f"no face ({seen.latency_ms:.1f} ms)"
    faces = "; ".join(
        f"{_words(face, verdict)} at {face.box.x:.0f},{face.box.y:.0f} {face.box.w:.0f}x{face.box.h:.0f}"
        for face, verdict in seen.verdicts
    )
    advice = [
        f"; {quality.refused or 'advice'}: {ENGLISH[quality.guidance]}"
        for quality in seen.qualities
        if quality.guidance
    ]
    return f"{faces}{''.join(advice)} ({seen.latency_ms:.1f} ms)"


def _words(face: Face, verdict: PadDecision | None) -> str:
    if verdict is None:
        return f"a face ({face.confidence:.3f}; living or not the finder cannot tell)"
    return f"{verdict} (bona fide {face.p_bona_fide:.3f}, attack {face.p_attack:.3f})"


def _nothing_there(arguments: argparse.Namespace) -> int:
    """Say so of every path: what may be wrong with a model does not matter then, and would hide it."""
    for path in arguments.images:
        try:
            read_picture(path)
        except PictureError as exc:
            _tell(path, exc, as_json=arguments.json)
    return 1


def _refuse_drawing_among(images: list[Path], draw: Path | None) -> None:
    """Copies in a folder that is being read would be read in turn."""
    if draw is None:
        return
    if draw.exists() and not draw.is_dir():
        raise ConfigError(f"--draw {draw}: is not a folder; name a folder")
    target = draw.resolve()
    for image in images:
        if image.is_dir() and image.resolve().is_relative_to(target):
            raise ConfigError(f"--draw {draw}: holds {image}, whose pictures are read; choose another folder")
