"""Load and run a model in a process of its own, with bounds: what comes from outside may be made to do harm.

A model's file is a program to its runtime. What crashes it, fills the memory or never ends does so there.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.detect.classifier import CropClassifier
from livegate.detect.crop_manifest import read_crop_manifest
from livegate.detect.detector import Detector
from livegate.detect.manifest import read_manifest
from livegate.detect.network import Kind
from livegate.detect.runtime import FORMATS, Opened, open_runtime
from livegate.errors import AssetError, ConfigError, LinkError, LivegateError, PadError
from livegate.installed.description import describe
from livegate.types import Box
from livegate.untrusted import parse_object

Picture = NDArray[np.uint8]

MEMORY_BYTES = 512 << 20
CPU_S = 60
TIMEOUT_S = 120.0
# A network this slow would leave no attempt its three pictures.
SLOWEST_RUN_MS = 1_000.0
_MAX_ANSWER_BYTES = 1 << 20
_READ_BYTES = 1 << 16
_RUNS = 3


@dataclass(frozen=True, slots=True)
class Ran:
    """One file of a model in one runtime; ``ms`` is the quickest of a few runs. ``ms`` None: no such runtime here."""

    file: str
    runtime: str
    ms: float | None


def trial(folder: Path) -> tuple[Ran, ...]:
    """Run every file of the model in ``folder`` in every runtime there is for it; empty for a model without network.

    Raises AssetError when one cannot be loaded, gives another output than its manifest says, or breaks a bound, and
    when there is no runtime for any.
    """
    command = [sys.executable, "-I", "-m", __name__, str(folder.resolve())]
    try:
        done = _bounded_run(command)
    except subprocess.TimeoutExpired as exc:
        raise AssetError(f"{folder}: the model took more than {TIMEOUT_S:g} s to run; it is not installed") from exc
    except OSError as exc:
        raise AssetError(f"{folder}: no process to try the model in can be started ({exc.strerror})") from exc
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise AssetError(
            f"{folder}: the model ended its runtime ({name}; it may use {MEMORY_BYTES >> 20} MiB and {CPU_S} s)"
        )
    return _answer(folder, done.stdout, done.stderr)


def _bounded_run(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    """Run ``command`` like subprocess.run, but keep only so much of what it says; one that never stops is ended."""
    pipe, until_s = subprocess.PIPE, time.monotonic() + TIMEOUT_S
    said: dict[str, bytes] = {"stdout": b"", "stderr": b""}
    with (
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, cwd="/") as process,
        selectors.DefaultSelector() as streams,
    ):
        for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
            if stream is not None:
                streams.register(stream, selectors.EVENT_READ, name)
        while streams.get_map():
            ready = streams.select(max(until_s - time.monotonic(), 0.0))
            if not ready:
                process.kill()
                raise subprocess.TimeoutExpired(command, TIMEOUT_S)
            for key, _ in ready:
                part = os.read(key.fd, _READ_BYTES)
                if not part:
                    streams.unregister(key.fileobj)
                # Of an answer that is too long the first byte too many is kept: so it is refused.
                kept = said[key.data] + part
                said[key.data] = kept[: _MAX_ANSWER_BYTES + 1] if key.data == "stdout" else kept[-_READ_BYTES:]
        try:
            process.wait(max(until_s - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, said["stdout"], said["stderr"])


def _answer(folder: Path, answer: bytes, said: bytes) -> tuple[Ran, ...]:
    try:
        members = parse_object(answer, _MAX_ANSWER_BYTES, max_depth=3)
        if "error" in members:
            raise AssetError(str(members["error"]))
        return tuple(Ran(**ran) for ran in members["ran"])
    except (LinkError, KeyError, TypeError) as exc:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise AssetError(f"{folder}: the model broke the process it was tried in ({last[:200]})") from exc


def main(folder: Path) -> int:
    """Be the process: print what ran, or the error, as JSON."""
    # What a runtime's own code prints shall not stand in the answer.
    answer = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _bound()
    said: dict[str, Any]
    try:
        said = {"ran": [asdict(ran) for ran in _run_all(folder)]}
    except PadError as exc:
        said = {"error": f"{folder}: the model fails on a black, white, grey or noisy picture: {exc}"}
    except LivegateError as exc:
        said = {"error": str(exc)}
    except MemoryError:
        said = {"error": f"{folder}: the model needs more than {MEMORY_BYTES >> 20} MiB"}
    os.write(answer, json.dumps(said).encode())
    # Not by way of destructors: what a runtime made of a broken model may fail once more.
    os._exit(0)


def _bound() -> None:
    """Bound memory, time, files and importance of this process."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    os.nice(10)
    # Where memory runs out all the same, it is us who go, not the terminal.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _run_all(folder: Path) -> list[Ran]:
    model = describe(folder)
    if model.network is None:
        return []
    ran: list[Ran] = []
    for file in model.network.files:
        for runtime in (name for name, form in FORMATS.items() if form is file.form):
            try:
                opened = open_runtime(runtime, model.network, file.precision)
            except ConfigError:
                ran.append(Ran(file.name, runtime, None))
                continue
            if opened is not None:
                ran.append(Ran(file.name, runtime, _quickest_ms(_ready(folder, model.kind, opened))))
    if all(each.ms is None for each in ran):
        raise AssetError(f"{folder}: no runtime for any file of the model is installed; install onnxruntime")
    slow = [each for each in ran if each.ms is not None and each.ms > SLOWEST_RUN_MS]
    if slow:
        raise AssetError(
            f"{folder}: {slow[0].file} takes {slow[0].ms:.0f} ms in {slow[0].runtime}; expected at most "
            f"{SLOWEST_RUN_MS:.0f} ms: nobody waits that long at a door"
        )
    return ran


def _ready(folder: Path, kind: Kind, opened: Opened) -> Callable[[Picture], object]:
    """Return what runs the opened model once on a picture, its outputs checked."""
    if kind is Kind.SSD:
        detector = Detector(read_manifest(folder), opened.runtime, opened.name, opened.file.precision)
        return detector.detect
    if kind is Kind.CROP_CLASSIFIER:
        classifier = CropClassifier(read_crop_manifest(folder), opened.runtime)
        return lambda picture: classifier.probabilities(picture, Box(120.0, 80.0, 80.0, 100.0))
    raise AssetError(f"{folder}: a model of kind '{kind}' has no network")


def _pictures() -> list[Picture]:
    """Return pictures that cameras give when something is wrong, and on which a network must not fail either."""
    shape = (240, 320, 3)
    flat = [np.full(shape, value, np.uint8) for value in (0, 255, 128)]
    return [np.random.default_rng(0).integers(0, 256, shape, np.uint8), *flat]


def _quickest_ms(run: Callable[[Picture], object]) -> float:
    for picture in _pictures():
        run(picture)
    times_s = []
    for _ in range(_RUNS):
        began_s = time.perf_counter()
        run(picture)
        times_s.append(time.perf_counter() - began_s)
    return round(min(times_s) * 1e3, 3)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
