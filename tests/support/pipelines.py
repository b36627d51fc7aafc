"""A whole terminal after the cameras: real judge, gate, store and door, moved by hand through time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from livegate.clock import boot_id, read_clock
from livegate.config import DecisionPolicy, GateMode, Limit, LimitKey, StoreConfig
from livegate.cues import detector as detector_cue
from livegate.cues.bank import ScoredCue
from livegate.decide.calibration import Calibration
from livegate.decide.fusion import OperatingPoints, Point
from livegate.errors import PadError
from livegate.events.cloudevents import Identity
from livegate.events.environment import Environment
from livegate.gate.facts import Clock, GatePolicy
from livegate.judge import Judge
from livegate.media import MATCH_BITS, MediaSigner
from livegate.pipeline import Pipeline, Snapshot
from livegate.quality.gate import QualityGate
from livegate.rules import Rules
from livegate.store import Store, open_store
from livegate.store.commands import Executed
from livegate.store.lists import allow
from livegate.types import Credential, CredentialRead, Decision, Direction, Face, Role
from livegate_drivers.doors import simulated
from support.sights import face, frame_set

MS = 1_000_000
ALIVE, ATTACK, UNSURE = (face(p_bona_fide=p, p_attack=q) for p, q in ((0.95, 0.03), (0.03, 0.95), (0.5, 0.45)))
IDENTITY = Identity("hq", "t1", "0", boot_id(), "door")
OWN_LIMIT = Limit(LimitKey.CREDENTIAL, "presentation_attack", 2, 60.0, 600.0)


class Scripted:
    """A detector that sees what the test says, or fails as the test says."""

    def __init__(self) -> None:
        self.seen: tuple[Face, ...] | PadError = ()

    def detect(self, image: np.ndarray) -> tuple[Face, ...]:
        if isinstance(self.seen, PadError):
            raise self.seen
        return self.seen


@dataclass
class Terminal:
    """One terminal; the last of ``rules`` is in force from the next turn on."""

    store: Store
    pipeline: Pipeline
    detector: Scripted
    door: simulated.SimulatedDoor
    rules: list[Rules]
    now_ms: float = 1000.0
    woken: list[int] = field(default_factory=list)
    executed: list[Executed] = field(default_factory=list)
    picture: np.ndarray | None = None

    def now(self) -> Clock:
        return Clock(1.8e9, round(self.now_ms * MS), synchronised=True)

    def turn(
        self, *faces: Face, card: str | None = None, blind: bool = False, way: Direction = Direction.IN
    ) -> Snapshot:
        self.now_ms += 100
        now = self.now()
        self.detector.seen = faces
        reads = () if card is None else (CredentialRead("card", card, now.monotonic_ns, way),)
        seen = None if blind else frame_set(self.now_ms, rgb=self.picture)
        return self.pipeline.turn(seen, reads, now)

    def rest(self) -> None:
        """Let whoever stands there go, and the door close."""
        for _ in range(20):
            self.turn()

    def allow(self, value: str, **conditions: Any) -> str:
        """Let a card in from now on; return its pseudonym."""
        with self.store.transaction() as t:
            credential = Credential(t.context.pseudonyms.of(value), "card", known=True, **conditions)
            allow(t, credential, read_clock())
        return credential.pseudonym

    def decided(self, *faces: Face, turns: int = 40, card: str | None = None) -> Decision | None:
        """Present ``faces`` (and a card at first) until a decision falls."""
        for number in range(turns):
            snapshot = self.turn(*faces, card=card if number == 0 else None)
            if snapshot.decision is not None:
                return snapshot.decision
        return None

    def events(self, kind: str) -> list[dict[str, Any]]:
        bodies = [json.loads(event.body) for event in self.store.unacknowledged(0, 10_000)]
        return [body for body in bodies if body["type"] == f"io.livegate.{kind}.v1"]


def rules_of(policy: GatePolicy) -> Rules:
    """Return rules of a card terminal that pulses its door for a second."""
    judged = DecisionPolicy(max_bpcer=0.02, timeout_ms=2000)
    return Rules(policy, pairing_window_ms=1500, pulse_ms=1000, environment=Environment(IDENTITY), decision=judged)


def opened(
    folder: Path,
    store_config: StoreConfig | None = None,
    policy: GatePolicy | None = None,
    quality: QualityGate | None = None,
) -> Iterator[Terminal]:
    """Yield a terminal that knows the card "good"; only with ``quality`` it minds what its pictures look like."""
    detector = Scripted()
    scorer = detector_cue.scorer(Calibration(1.0, 0.0, 1.0, 6.0), frame_correlation=0.9)
    rules = rules_of(policy or GatePolicy(GateMode.CREDENTIAL_LIVENESS, limits=(OWN_LIMIT,)))
    judge = Judge(
        detector,
        (ScoredCue("detector", detector_cue, scorer),),
        OperatingPoints({frozenset({"detector"}): Point({"detector": 1.0}, 0.0, 1.0)}),
        frozenset({Role.RGB}),
        rules.decision,
    )
    judge.inspect(quality)
    judge.sign_media(MediaSigner(bytes(32)))
    moving: list[Terminal] = []
    with (
        simulated.SimulatedDoor(simulated.Options(), lambda: moving[0].now().monotonic_ns if moving else 0) as door,
        open_store(folder / "state", IDENTITY, store_config or StoreConfig()) as store,
    ):
        store.match_media(MATCH_BITS)
        woken: list[int] = []
        executed: list[Executed] = []
        in_force = [rules]
        pipeline = Pipeline(judge, store, door, lambda: in_force[-1], lambda: woken.append(1), executed=executed.append)
        terminal = Terminal(store, pipeline, detector, door, in_force, woken=woken, executed=executed)
        moving.append(terminal)
        terminal.allow("good")
        yield terminal
