"""One bench run: what is timed together, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from livegate import __version__
from livegate.clock import boot_id
from livegate.config import DecisionPolicy, Detector, GateMode, Limit, LimitKey, Runtime, StoreConfig
from livegate.cues.bank import ScoredCue
from livegate.cues.protocol import all_cues
from livegate.detect import detector as detect
from livegate.errors import AssetError
from livegate.events.cloudevents import Identity
from livegate.gate.facts import GatePolicy
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.judge import Judge
from livegate.scorers import trained_cues
from livegate.store import Store, open_store
from livegate.types import FrameSet, Role
from livegate_tools.bench.capture import frame_set_cpu_ms
from livegate_tools.bench.kernels import ROWS, kernel_bench
from livegate_tools.bench.material import rgb_only
from livegate_tools.bench.peers import peer_calls
from livegate_tools.bench.report import THREE_CAMERAS, Compared, Figures, ModelFacts, PeerTiming
from livegate_tools.bench.stages import Prepared, prepare, rgb_call, stage_calls, way_calls
from livegate_tools.bench.timing import Call, Samples, interleaved, ratio, timing

FRAME_TO_DECISION = "frame_to_decision"
FALLBACK = "fallback"
DETECT = "detect"
TWO_THREADS = "two_threads"
# They come in real time: this takes three seconds.
MOST_FRAME_SETS = 90
RGB = frozenset({Role.RGB})
NO_MODEL = "no model is in use, there is nothing to time; leave --runtime none out"
GROUPS = 4 + ROWS
"""How many rows of calls are timed, each on every frame."""
# With what of ours each peer is compared: the pair finds faces and judges them, the other two only find them.
OURS = {"yunet+minifasnet_pair": FRAME_TO_DECISION, "ultraface_rfb320": DETECT, "yunet": DETECT}

# A gate with nothing to count would look quicker than any that stands at a door.
POLICY = GatePolicy(
    GateMode.CREDENTIAL_LIVENESS,
    limits=(Limit(LimitKey.CREDENTIAL, "denied", max=1_000_000, window_s=60, lockout_s=60),),
)


@dataclass(frozen=True, slots=True)
class Bench:
    """What to time on how many frames.

    ``scratch`` is a folder on a disk, ``peers`` one of published models; ``shelf`` is where our models are taken from.
    """

    detector: Detector
    scratch: Path
    frames: int
    peers: Path | None = None
    shelf: Shelf = SHIPPED

    def measure(self, material: Sequence[FrameSet], on_frame: Callable[[], object] = lambda: None) -> Figures:
        """Time everything on the frames of ``material``; ``on_frame`` is called between frames, outside all times.

        Raises AssetError for a model or peer that is missing or damaged, or a model that finds no face.
        """
        if self.detector.runtime is Runtime.NONE:
            raise AssetError(NO_MODEL)
        whole = self._judge(frozenset(role for one in material for role in one.frames))
        prepared = prepare(whole, material)
        images = [frame_set.frames[Role.RGB].image for frame_set in prepared.frame_sets]
        # All are opened before anything is timed, so that a missing one is told before the work.
        rows = [self._row(prepared, images, threads) for threads in (1, 2)]
        cues = self._cues(whole, frozenset(role for one in material for role in one.frames))
        fallback = self._fallback(material)
        seen = [prepared.observation(index) for index in range(len(prepared.frame_sets))]
        kernels = kernel_bench(seen)
        time_all = partial(interleaved, frames=self.frames, on_frame=on_frame)
        with _bench_store(self.scratch) as store:
            stages = time_all(stage_calls(whole, cues, prepared, store, POLICY))
            variants = time_all(way_calls(whole, prepared, store, POLICY) | fallback)
        one, two = (time_all(row) for row in rows)
        variants |= {TWO_THREADS: two[FRAME_TO_DECISION]}
        variants |= {THREE_CAMERAS: frame_set_cpu_ms(min(self.frames, MOST_FRAME_SETS))}
        return Figures(
            model=_facts(whole),
            stages={name: timing(found) for name, found in stages.items()},
            frame_to_decision=timing(one[FRAME_TO_DECISION]),
            variants={name: timing(found) for name, found in variants.items()},
            peers={
                name: PeerTiming(_compared(one, name), _compared(two, name), OURS[name]) for name in one if name in OURS
            },
            kernels=kernels.measure(self.frames, on_frame),
        )

    def _row(self, prepared: Prepared, images: Sequence[NDArray[np.uint8]], threads: int) -> dict[str, Call]:
        """Return what is timed against each other: our way and our detector, and the peers, with ``threads`` each."""
        ours = _ours(self._judge(RGB, threads), prepared)
        return ours | (peer_calls(self.peers, images, threads) if self.peers else {})

    def _cues(self, judge: Judge, roles: frozenset[Role]) -> tuple[ScoredCue, ...]:
        """Return the cues of ``judge`` and those that stay off by default."""
        off = frozenset(name for name, _ in all_cues() if self.shelf.find(name) is not None)
        known = frozenset(cue.name for cue in judge.bank.cues)
        further = trained_cues(roles, self.detector, 1, self.shelf, without=known, further=off)
        return (*judge.bank.cues, *further)

    def _fallback(self, material: Sequence[FrameSet]) -> dict[str, Call]:
        """Return one rgb frame to decision without a network, on the frames in which our own finder finds a face."""
        if self.shelf.find("finder") is None:
            return {}
        judge = Judge.open(replace(self.detector, runtime=Runtime.NONE), DecisionPolicy(), RGB, shelf=self.shelf)
        kept = tuple(one for one in map(rgb_only, material) if judge.still(one)[1] is not None)
        return {FALLBACK: lambda index: judge.still(kept[index % len(kept)])} if kept else {}

    def _judge(self, roles: frozenset[Role], threads: int = 1) -> Judge:
        return Judge.open(self.detector, DecisionPolicy(), roles, threads, self.shelf)


def _ours(judge: Judge, prepared: Prepared) -> dict[str, Call]:
    return {
        FRAME_TO_DECISION: rgb_call(judge, prepared),
        DETECT: lambda index: _detector(judge).detect(prepared.pick(index).frames[Role.RGB].image),
    }


def _compared(row: Mapping[str, Samples], name: str) -> Compared:
    return Compared(timing(row[name]), ratio(row[OURS[name]], row[name]))


def _facts(judge: Judge) -> ModelFacts:
    opened = _detector(judge)
    model = opened.manifest.model
    return ModelFacts(model.name, str(opened.runtime_name), model.parameters, model.mmacs)


def _detector(judge: Judge) -> detect.Detector:
    if not isinstance(judge.detector, detect.Detector):
        raise AssetError(NO_MODEL)
    return judge.detector


@contextmanager
def _bench_store(scratch: Path) -> Iterator[Store]:
    identity = Identity("bench", "bench", __version__, boot_id(), "door")
    with (
        TemporaryDirectory(dir=scratch, prefix="store-") as folder,
        open_store(Path(folder), identity, StoreConfig()) as store,
    ):
        yield store
