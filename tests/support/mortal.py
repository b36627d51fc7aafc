"""A whole terminal after the cameras (real judge, gate, store, chain) that says what the world could see of it.

It lives in a process that may be killed at any instruction. What it says is written before or after the fact such that
the word is always safe: an event is said once it was committed, a pulse right before the door moves.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from livegate.clock import boot_id
from livegate.config import DecisionPolicy, GateMode, Limit, LimitKey, StoreConfig
from livegate.cues import detector as detector_cue
from livegate.cues.bank import ScoredCue
from livegate.decide.calibration import Calibration
from livegate.decide.fusion import OperatingPoints, Point
from livegate.errors import StoreError
from livegate.events.cloudevents import Identity
from livegate.events.environment import Environment
from livegate.gate.door import DoorState
from livegate.gate.facts import BlockAction, Clock, GatePolicy, ListEntry
from livegate.judge import Judge
from livegate.pipeline import Pipeline
from livegate.rules import Rules
from livegate.store import Store, lists, open_store
from livegate.trust.keys import SigningKey
from livegate.types import NS_PER_MS, Credential, CredentialRead, Face, Role
from support.sights import face, frame_set

ALIVE, ATTACK, NOBODY = face(p_bona_fide=0.97, p_attack=0.01), face(p_bona_fide=0.01, p_attack=0.97), None
IDENTITY = Identity("lab", "t1", "0", boot_id(), "door")
# Every life has the same: the key outlives them on the disk.
SIGNER = SigningKey(Ed25519PrivateKey.from_private_bytes(b"key of a mortal".ljust(32)))
LIMITS = (
    Limit(LimitKey.CREDENTIAL, "unknown_credential", 3, 60.0, 5.0),
    Limit(LimitKey.TERMINAL, "presentation_attack", 500, 3600.0, 0.0),
)
POLICY = GatePolicy(GateMode.CREDENTIAL_LIVENESS, limits=LIMITS)
# Small, so that pruning, checkpoints of the chain and of the log fall among few events.
ROOM = StoreConfig(history_events=100, checkpoint_events=10)
_FRAME_MS = 40.0
_MOVING = (b'"io.livegate.access.attempt.v1"', b'"io.livegate.command.executed.v1"')

Say = Callable[[str], None]


class Eyes:
    """A detector that sees what it is told."""

    def __init__(self) -> None:
        self.seen: Face | None = NOBODY

    def detect(self, image: np.ndarray) -> tuple[Face, ...]:
        return () if self.seen is None else (self.seen,)


@dataclass
class SayingDoor:
    """A door that says which event moves it before it does."""

    say: Say
    store: Store

    def pulse(self, duration_ms: int) -> None:
        # A checkpoint of the chain may have been recorded with the attempt.
        causes = [event for event in self.store.newest(3) if any(kind in event.body for kind in _MOVING)]
        self.say(f"pulse {causes[-1].sequence}")

    def state(self) -> DoorState:
        return DoorState.LOCKED


@dataclass
class Mortal:
    """A terminal in operation; ``live`` one visit after the other."""

    store: Store
    pipeline: Pipeline
    eyes: Eyes
    say: Say
    chance: random.Random
    now_ms: float
    told: int
    failed: int = 0
    cards: list[str] = field(default_factory=lambda: [f"card{n}" for n in range(4)])

    def visit(self) -> None:
        """One person comes, is judged, and goes; then what is new is told."""
        self.eyes.seen = self.chance.choice((ALIVE, ALIVE, ATTACK, NOBODY))
        card = self.chance.choice((*self.cards, "stranger", None))
        for turn in range(4):
            self._turn(card if turn == 0 else None)
        self.eyes.seen = NOBODY
        self.now_ms += 600.0
        self._turn(None)
        self.tell()

    def chore(self) -> None:
        """One of the things that happen beside visits."""
        chores = (self.acknowledge, self.tidy, self.edit)
        try:
            self.chance.choice(chores)()
        except StoreError:
            self.failed += 1

    def acknowledge(self) -> None:
        through = self.chance.randint(self.store.acknowledged_through(), self.told)
        chainhash = self.store.chainhash_at(through)
        if through and chainhash:
            self.store.acknowledge(through, chainhash, "console")
            self.say(f"acknowledged {through}")

    def tidy(self) -> None:
        self.store.tick(POLICY)

    def edit(self) -> None:
        now = self.clock()
        with self.store.transaction() as t:
            if self.chance.random() < 0.5:
                lists.allow(t, Credential(t.context.pseudonyms.of(self.chance.choice(self.cards)), "card", True), now)
            else:
                value = t.context.pseudonyms.of(f"blocked{self.chance.randrange(50)}")
                lists.block(t, ListEntry("credential", value, BlockAction.DENY, "", None), now)

    def tell(self) -> None:
        """Say what is new, as the link would: what was told once must never be otherwise."""
        for event in self.store.unacknowledged(self.told, 1_000):
            self.say(f"told {event.sequence} {event.chainhash}")
            self.told = event.sequence

    def _turn(self, card: str | None) -> None:
        self.now_ms += _FRAME_MS
        now = self.clock()
        reads = () if card is None else (CredentialRead("card", card, now.monotonic_ns),)
        snapshot = self.pipeline.turn(frame_set(self.now_ms), reads, now)
        if snapshot.decision is not None and snapshot.sequence is None:
            self.failed += 1

    def clock(self) -> Clock:
        return Clock(time.time(), round(self.now_ms * NS_PER_MS), synchronised=True)


def judge(eyes: Eyes) -> Judge:
    scorer = detector_cue.scorer(Calibration(1.0, 0.0, 1.0, 6.0), frame_correlation=0.9)
    return Judge(
        eyes,
        (ScoredCue("detector", detector_cue, scorer),),
        OperatingPoints({frozenset({"detector"}): Point({"detector": 1.0}, 0.0, 1.0)}),
        frozenset({Role.RGB}),
        DecisionPolicy(max_bpcer=0.25, timeout_ms=2000),
    )


@contextmanager
def alive(folder: Path, say: Say, seed: int) -> Iterator[Mortal]:
    """Start a terminal on ``folder``, as after any crash."""
    # What a full disk makes it say is no news here.
    logging.disable(logging.CRITICAL)
    eyes = Eyes()
    rules = Rules(POLICY, pairing_window_ms=100, pulse_ms=100, environment=Environment(IDENTITY))
    with open_store(folder, IDENTITY, ROOM, signer=SIGNER) as store:
        pipeline = Pipeline(judge(eyes), store, SayingDoor(say, store), lambda: rules, lambda: None)
        now_ms = time.monotonic_ns() / NS_PER_MS
        mortal = Mortal(store, pipeline, eyes, say, random.Random(seed), now_ms, store.acknowledged_through())
        if store.last().sequence < 5:
            for _ in range(4):
                mortal.edit()
        say("ready")
        yield mortal


def live_for_ever(folder: Path, descriptor: int, seed: int) -> None:
    """Live until killed; what is said goes to ``descriptor``, a line at a time."""

    def say(line: str) -> None:
        os.write(descriptor, f"{line}\n".encode())

    with alive(folder, say, seed) as mortal:
        while True:
            mortal.visit()
            mortal.chore()
