"""Write simulated samples as an evaluation manifest with pictures; resumable, the same bytes for the same arguments."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
from numpy.typing import NDArray

from livegate.errors import LivegateError
from livegate.progress import Progress
from livegate_tools.simulate.held_out import Split
from livegate_tools.simulate.mixture import ANY, Mixture
from livegate_tools.whole import write_whole

_JPEG_QUALITY = 93
# Every picture of a sample by its field in the manifest, which is its folder, too.
_SUFFIXES = {"rgb": "jpg", "rgb_right": "jpg", "nir": "jpg", "nir_unlit": "jpg", "depth": "png"}


class Frame(Protocol):
    """The pictures of one sample: rgb (H, W, 3) B, G, R uint8; nir (H, W) uint8 and depth (H, W) uint16, or None."""

    @property
    def rgb(self) -> NDArray[Any]:
        """Colour picture."""

    @property
    def nir(self) -> NDArray[Any] | None:
        """Near-infrared picture."""

    @property
    def depth(self) -> NDArray[Any] | None:
        """Depth in mm, 0 = no return."""

    @property
    def rgb_right(self) -> NDArray[Any] | None:
        """Colour picture of the second camera, (H, W, 3)."""

    @property
    def nir_unlit(self) -> NDArray[Any] | None:
        """Near-infrared picture with the lamp dark, (H, W)."""


class Simulator(Protocol):
    """One half of the simulator: a picklable object that draws sample ``index`` of a seed and a split."""

    def render(self, index: int, seed: int, split: Split, mixture: Mixture = ANY) -> tuple[Frame, dict[str, Any]]:
        """Return the pictures and the manifest fields except the paths; equal arguments give equal results."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to write where: ``count`` samples from index 0 of a seed and a split into ``folder``."""

    simulator: Simulator
    folder: Path
    count: int
    seed: int
    split: Split
    mixture: Mixture = ANY


def write_dataset(job: Job, jobs: int) -> int:
    """Draw what is missing with ``jobs`` processes, write manifest.jsonl in order of index, return how many were drawn.

    A sample counts as there when its record under parts/ is, which is written after its pictures. Raise LivegateError
    when the folder cannot be written or belongs to another simulator, seed, split or mixture.
    """
    for name in (*_SUFFIXES, "parts"):
        _make(job.folder / name)
    _claim(job)
    missing = [index for index in range(job.count) if not _part(job, index).exists()]
    with Progress("simulate", len(missing)) as progress:
        for _ in _drawn(job, missing, jobs):
            progress.advance()
    lines = [_part(job, index).read_text() for index in range(job.count)]
    write_whole(job.folder / "manifest.jsonl", "".join(lines))
    return len(missing)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise LivegateError(f"{folder}: cannot be made ({exc}); give a writable folder with --out") from exc


def _claim(job: Job) -> None:
    """Refuse to mix two simulators, seeds, splits or mixtures in one folder; older folders say no simulator."""
    stamp = job.folder / "parts" / "seed.json"
    wanted = {"simulator": type(job.simulator).__name__, "seed": job.seed, "split": str(job.split), **job.mixture.stamp}
    if not stamp.exists():
        write_whole(stamp, json.dumps(wanted))
    held = json.loads(stamp.read_text())
    if {"simulator": wanted["simulator"]} | held != wanted:
        raise LivegateError(f"{job.folder}: holds samples of {held}, not of {wanted}; give another --out")


def _part(job: Job, index: int) -> Path:
    return job.folder / "parts" / f"{index:06d}.json"


def _drawn(job: Job, missing: list[int], jobs: int) -> Iterator[int]:
    if jobs <= 1 or len(missing) < 2:
        for index in missing:
            _write(job, index)
            yield index
        return
    # Threads of OpenCV do not survive a fork, and two processes with two threads each would fight over two cores.
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, initializer=_start, initargs=(job,)) as pool:
        yield from pool.imap_unordered(_write_mine, missing, chunksize=4)


_JOB: list[Job] = []


def _start(job: Job) -> None:
    cv2.setNumThreads(1)
    _JOB[:] = [job]


def _write_mine(index: int) -> int:
    _write(_JOB[0], index)
    return index


def _write(job: Job, index: int) -> None:
    frame, sample = job.simulator.render(index, job.seed, job.split, job.mixture)
    for role, suffix in _SUFFIXES.items():
        picture = getattr(frame, role)
        sample[role] = None if picture is None else f"{role}/{index:06d}.{suffix}"
        if picture is not None:
            _save(job.folder / sample[role], picture)
    write_whole(_part(job, index), json.dumps(sample) + "\n")


def _save(path: Path, picture: NDArray[Any]) -> None:
    how = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if path.suffix == ".jpg" else []
    written = cv2.imwrite(str(path), picture, how)
    if not written:
        raise LivegateError(f"{path}: cannot be written; is the disk full?")
