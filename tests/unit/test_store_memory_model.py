"""What the store remembers against a model of it: attacks, passages, waiting, restarts and boots in any order."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from livegate.config import Limit, LimitKey
from livegate.gate.facts import Presence
from livegate.gate.policy import decide
from livegate.store import Store
from livegate.types import CredentialRead, Direction
from support.stores import ATTACK, StillClock, attempt, opened, policy, record, rows, seen_as

WINDOW_S, LOCKOUT_S, GROWTH, LONGEST_S, MOST = 30, 20, 2, 100, 2
RULES = policy(Limit(LimitKey.CREDENTIAL, "presentation_attack", MOST, WINDOW_S, LOCKOUT_S, GROWTH, LONGEST_S))
CARDS = [CredentialRead("card", f"card {number}") for number in range(3)]
MEDIA = ["00" * 16, "ff" * 16, "0f" * 16]
BITS = 18

card = st.integers(0, len(CARDS) - 1)


@dataclass
class Key:
    """What one card did, in running seconds."""

    attacks_s: list[float] = field(default_factory=list)
    until_s: float = 0.0
    length_s: float = 0.0
    forget_s: float = 0.0

    def attack(self, now_s: float) -> None:
        self.attacks_s = [*(at_s for at_s in self.attacks_s if at_s > now_s - WINDOW_S), now_s][-(MOST + 1) :]
        known = now_s < self.forget_s
        if len(self.attacks_s) < MOST:
            # Remembered a sixteenth longer than asked for, so that not every attempt writes it down.
            later_s = now_s + LONGEST_S * 17 / 16 if self.forget_s < now_s + LONGEST_S else self.forget_s
            self.forget_s = later_s if known else 0.0
            return
        if not known:
            self.length_s = LOCKOUT_S
        elif now_s >= self.until_s:
            self.length_s = min(self.length_s * GROWTH, LONGEST_S)
        self.until_s = max(self.until_s, now_s + self.length_s)
        self.forget_s = max(self.forget_s, now_s + self.length_s + LONGEST_S)


class MemoryMachine(RuleBasedStateMachine):
    """Times are whole seconds of running time; a boot goes on from the last one that reached the disk."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = StillClock()
        self.keys = [Key() for _ in CARDS]
        self.inside: dict[int, tuple[bool, float]] = {}
        self.media: set[int] = set()
        self.now_s = self.saved_s = 0.0
        self.boots = 0
        self.store: Store | None = None

    @initialize()
    def begin(self) -> None:
        self.open()

    def open(self) -> Store:
        self.store = opened(self.folder, self.clock, boot=f"boot-{self.boots}", history=100_000)
        self.store.match_media(BITS)
        self.saved_s = self.now_s
        return self.store

    @rule(number=card)
    def attack(self, number: int) -> None:
        assert self.store is not None
        attempt(self.store, ATTACK, RULES, self.clock(), CARDS[number])
        self.keys[number].attack(self.now_s)
        self.saved_s = self.now_s

    @rule(number=card, direction=st.sampled_from(Direction))
    def passage(self, number: int, direction: Direction) -> None:
        assert self.store is not None
        with self.store.transaction() as t:
            t.note_passage(t.context.pseudonyms.of(CARDS[number].value), direction, self.clock())
        record(self.store)
        self.inside[number] = (direction is Direction.IN, self.now_s)
        self.saved_s = self.now_s

    @rule(number=st.integers(0, len(MEDIA) - 1), flips=st.sets(st.integers(0, 127), max_size=BITS))
    def show(self, number: int, flips: set[int]) -> None:
        """A medium whose first sighting is the signature itself; later ones differ in some bits."""
        assert self.store is not None
        changed = flips if number in self.media else set()
        shown = f"{int(MEDIA[number], 16) ^ sum(1 << bit for bit in changed):032x}"
        with self.store.transaction() as t:
            facts = t.facts(None, RULES, self.clock(), media=shown)
            assert facts.media == MEDIA[number]
            t.count(decide(seen_as(ATTACK, shown), facts, RULES, attempt_id="a"), RULES, self.clock())
        self.media.add(number)

    @rule(seconds=st.integers(1, 150))
    def wait(self, seconds: int) -> None:
        self.clock.go(seconds)
        self.now_s += seconds

    @rule()
    def tick(self) -> None:
        assert self.store is not None
        self.store.tick(RULES)
        self.saved_s = self.now_s

    @rule()
    def restart(self) -> None:
        assert self.store is not None
        self.store.close()
        self.open()

    @rule(off_s=st.sampled_from([0.0, 1e6, -1e6]))
    def boot(self, off_s: float) -> None:
        assert self.store is not None
        self.store.close()
        self.boots += 1
        self.clock.reboot(off_s)
        self.now_s = self.saved_s
        self.open()

    @invariant()
    def everything_is_remembered(self) -> None:
        if self.store is None:
            return
        for number, key in enumerate(self.keys):
            with self.store.transaction() as t:
                facts = t.facts(CARDS[number], RULES, self.clock())
            (state,) = facts.limits
            assert state.count == sum(at_s > self.now_s - WINDOW_S for at_s in key.attacks_s)
            assert state.locked_ns == max(0, key.until_s - self.now_s) * 10**9
            if number in self.inside:
                inside, at_s = self.inside[number]
                assert facts.presence == Presence(inside, int((self.now_s - at_s) * 10**9))
            else:
                assert facts.presence is None
        assert rows(self.store, "media") == len(self.media)
        assert rows(self.store, "window") <= len(CARDS)

    def teardown(self) -> None:
        if self.store is not None:
            self.store.close()
        shutil.rmtree(self.folder, ignore_errors=True)


MemoryMachine.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
TestStoreMemoryModel = MemoryMachine.TestCase
