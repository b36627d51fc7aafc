"""The store against a model of it, through any order of writing, acknowledging, crashing and reopening."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from livegate.audit.chain import verify_chain
from livegate.config import WhenFull
from livegate.errors import LinkError, StoreFull
from livegate.events.cloudevents import StoredEvent
from livegate.store import Store
from support.stores import StillClock, opened, plain, whole

HISTORY = 100


class StoreMachine(RuleBasedStateMachine):
    """``promised`` is every event whose commit returned, ``released`` the highest that was acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = StillClock()
        self.promised: dict[int, StoredEvent] = {}
        self.released = 0
        self.boots = 0
        self.store: Store | None = None

    @initialize(when_full=st.sampled_from(WhenFull))
    def begin(self, when_full: WhenFull) -> None:
        self.when_full = when_full
        self.open()

    def open(self) -> None:
        self.boots += 1
        self.store = opened(
            self.folder, self.clock, boot=f"boot-{self.boots // 2}", history=HISTORY, when_full=self.when_full
        )
        self.note()

    def note(self) -> None:
        """Take into the model what the store wrote of itself: starts, capacity, gaps."""
        assert self.store is not None
        for event in whole(self.store):
            assert self.promised.setdefault(event.sequence, event) == event

    @rule(number=st.integers(1, 40), kind=st.sampled_from(["access.attempt", "door.state"]))
    def write(self, number: int, kind: str) -> None:
        assert self.store is not None
        for index in range(number):
            with suppress(StoreFull), self.store.transaction() as t:
                t.enqueue(plain(index, kind))
        self.note()

    @rule()
    def write_and_give_up(self) -> None:
        assert self.store is not None
        with suppress(StoreFull, KeyError), self.store.transaction() as t:
            t.enqueue(plain())
            raise KeyError("the caller failed")

    @rule(share=st.floats(0, 1))
    def acknowledge(self, share: float) -> None:
        assert self.store is not None
        through = round(share * self.store.last().sequence)
        if through > 0:
            self.store.acknowledge(through, self.promised[through].chainhash, "console")
            self.released = max(self.released, self.store.acknowledged_through())
            assert self.store.acknowledged_through() in (self.released, through)

    @rule(ahead=st.integers(1, 3))
    def acknowledge_what_cannot_be(self, ahead: int) -> None:
        assert self.store is not None
        last = self.store.last()
        for through, chainhash in ((last.sequence + ahead, last.chainhash), (last.sequence, "00" * 32)):
            with suppress(LinkError):
                self.store.acknowledge(through, chainhash, "console")
        assert self.store.acknowledged_through() == self.released

    @rule(tidy=st.booleans())
    def crash_and_reopen(self, tidy: bool) -> None:
        """Untidily: the files as they lie on the disk at this moment are copied away from under the running store."""
        assert self.store is not None
        if tidy:
            self.store.close()
        else:
            copy = Path(tempfile.mkdtemp())
            for path in self.folder.iterdir():
                shutil.copy2(path, copy / path.name)
            self.store.close()
            shutil.rmtree(self.folder)
            self.folder = copy
        self.open()

    @invariant()
    def nothing_is_lost_silently(self) -> None:
        if self.store is None:
            return
        kept = whole(self.store)
        assert verify_chain(kept, self.store.anchor()) is None
        assert self.store.acknowledged_through() == self.released
        assert self.store.last().sequence == max(self.promised)
        waiting = self.store.unacknowledged(0, 10_000)
        assert all(event.sequence > self.released for event in waiting)
        counts = self.store.counts()
        assert len(waiting) == counts.unacknowledged == max(self.promised) - self.released - counts.dropped
        if self.when_full is WhenFull.DENY:
            assert counts.dropped == 0

    def teardown(self) -> None:
        if self.store is not None:
            self.store.close()
        shutil.rmtree(self.folder, ignore_errors=True)


StoreMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestStoreModel = StoreMachine.TestCase
