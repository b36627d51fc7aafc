"""One bench run: what is timed together, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from livegate import __version__
from livegate.clock import boot_id
from livegate.config import DecisionPolicy, Detector, GateMode, Limit, LimitKey, StoreConfig
from livegate.detect import detector as detect
from livegate.errors import AssetError
from livegate.events.cloudevents import Identity
from livegate.gate.facts import GatePolicy
from livegate.judge import Judge
from livegate.store import Store, open_store
from livegate.types import FrameSet, Role
from livegate_tools.bench.peers import peer_calls
from livegate_tools.bench.report import Figures, ModelFacts, PeerTiming
from livegate_tools.bench.stages import Prepared, prepare, rgb_call, stage_calls, way_calls
from livegate_tools.bench.timing import Call, Samples, interleaved, ratio, timing

FRAME_TO_DECISION = "frame_to_decision"
DETECT = "detect"
RGB = frozenset({Role.RGB})
GROUPS = 4
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
    """What to time on how many frames; ``scratch`` is a folder on a disk, ``peers`` one of published models."""

    detector: Detector
    scratch: Path
    frames: int
    peers: Path | None = None

    def measure(self, material: Sequence[FrameSet], on_frame: Callable[[], object] = lambda: None) -> Figures:
        """Time everything on the frames of ``material``; ``on_frame`` is called between frames, outside all times.

        Raises AssetError for a model or peer that is missing or damaged, or a model that finds no face.
        """
        whole = self._judge(frozenset(role for one in material for role in one.frames))
        prepared = prepare(whole, material)
        images = [frame_set.frames[Role.RGB].image for frame_set in prepared.frame_sets]
        others = peer_calls(self.peers, images) if self.peers else {}
        time_all = partial(interleaved, frames=self.frames, on_frame=on_frame)
        with _bench_store(self.scratch) as store:
            stages = time_all(stage_calls(whole, prepared, store, POLICY))
            variants = time_all(way_calls(whole, prepared, store, POLICY))
        main = time_all(_ours(self._judge(RGB), prepared) | others)
        # Apart from the others: its second thread waits for work by spinning, and would slow down whoever comes next.
        variants |= time_all({"two_threads": rgb_call(self._judge(RGB, threads=2), prepared)})
        return Figures(
            model=_facts(whole),
            stages={name: timing(found) for name, found in stages.items()},
            frame_to_decision=timing(main[FRAME_TO_DECISION]),
            variants={name: timing(found) for name, found in variants.items()},
            peers={name: _compared(main, name) for name in others},
        )

    def _judge(self, roles: frozenset[Role], threads: int = 1) -> Judge:
        return Judge.open(self.detector, DecisionPolicy(), roles, threads)


def _ours(judge: Judge, prepared: Prepared) -> dict[str, Call]:
    return {
        FRAME_TO_DECISION: rgb_call(judge, prepared),
        DETECT: lambda index: _detector(judge).detect(prepared.pick(index).frames[Role.RGB].image),
    }


def _compared(main: Mapping[str, Samples], name: str) -> PeerTiming:
    return PeerTiming(timing(main[name]), ratio(main[OURS[name]], main[name]), OURS[name])


def _facts(judge: Judge) -> ModelFacts:
    opened = _detector(judge)
    model = opened.manifest.model
    return ModelFacts(model.name, str(opened.runtime_name), model.parameters, model.mmacs)


def _detector(judge: Judge) -> detect.Detector:
    if not isinstance(judge.detector, detect.Detector):
        raise AssetError("no model is in use, there is nothing to time; leave --runtime none out")
    return judge.detector


@contextmanager
def _bench_store(scratch: Path) -> Iterator[Store]:
    identity = Identity("bench", "bench", __version__, boot_id(), "door")
    with (
        TemporaryDirectory(dir=scratch, prefix="store-") as folder,
        open_store(Path(folder), identity, StoreConfig()) as store,
    ):
        yield store
