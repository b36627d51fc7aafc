"""Signing and pruning: nothing goes that is not acknowledged and signed, whatever order things happen in."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from livegate.audit.audit import Audit, KeySource
from livegate.audit.chain import Verifier
from livegate.audit.stored import audit_store
from livegate.audit.verdict import Start
from livegate.config import StoreConfig, WhenFull
from livegate.errors import StoreError, StoreFull
from livegate.events.cloudevents import StoredEvent, kind_of
from livegate.events.opened import OpenedEvent
from livegate.store import Store, open_store
from livegate.store.export import export
from livegate.store.pruning import ROWS_AT_ONCE
from livegate.store.whole import whole_stream
from livegate.trust.keys import PublicKey, SigningKey
from support.chains import KEY
from support.stores import IDENTITY, StillClock, plain, policy, record, whole

HISTORY = 100
EVERY = HISTORY // 4


@dataclass
class Signer:
    """A device key that can fail."""

    key: SigningKey = field(default_factory=lambda: KEY)
    works: bool = True

    @property
    def public(self) -> PublicKey:
        return self.key.public

    def sign(self, message: bytes) -> bytes:
        if not self.works:
            raise StoreError("the key is gone")
        return self.key.sign(message)


def signed_store(
    folder: Path, signer: Signer | None, *, when_full: WhenFull = WhenFull.DENY, checkpoint_events: int = 500
) -> Store:
    limits = StoreConfig(HISTORY, when_full, checkpoint_events=checkpoint_events)
    return open_store(folder, IDENTITY, limits, StillClock(), signer=signer)


def kinds(events: list[StoredEvent]) -> list[str]:
    return [kind_of(OpenedEvent.of(event.body).members["type"]) for event in events]


def acknowledge(store: Store, through: int) -> None:
    chainhash = store.chainhash_at(through)
    assert chainhash is not None
    store.acknowledge(through, chainhash, "console")


def rows(folder: Path) -> int:
    with whole_stream(folder) as stream:
        return int(stream.connection.execute("SELECT count(*) FROM event").fetchone()[0])


def test_a_checkpoint_follows_in_time_and_at_the_end(tmp_path: Path) -> None:
    with signed_store(tmp_path, Signer(), checkpoint_events=10) as store:
        for number in range(10):
            record(store, number)
        assert [event.sequence for event in whole(store) if kinds([event]) == ["chain.checkpoint"]] == [11]
    with signed_store(tmp_path, Signer(), checkpoint_events=10) as store:
        told = kinds(whole(store))
        assert told[-3:] == ["access.attempt", "chain.checkpoint", "system.started"] or told[10] == "chain.checkpoint"
        last = store.last().sequence
    with signed_store(tmp_path, Signer(), checkpoint_events=10) as store:
        assert kinds(whole(store))[-2:] == ["chain.checkpoint", "system.started"]
        assert store.last().sequence == last + 2


def test_the_same_checkpoint_is_not_made_twice(tmp_path: Path) -> None:
    store = signed_store(tmp_path, Signer())
    store.close()
    store.close()
    with whole_stream(tmp_path) as stream:
        assert stream.last == 2


def test_a_transaction_of_many_events_is_signed_within(tmp_path: Path) -> None:
    with signed_store(tmp_path, Signer(), checkpoint_events=10) as store:
        with store.transaction() as t:
            for number in range(40):
                t.enqueue(plain(number))
        assert kinds(whole(store)).count("chain.checkpoint") == 4


def test_a_signer_that_fails_loses_nothing_and_is_asked_again(tmp_path: Path) -> None:
    signer = Signer(works=False)
    with signed_store(tmp_path, signer, checkpoint_events=10) as store:
        for number in range(20):
            record(store, number)
        assert store.last().sequence == 21
        signer.works = True
        record(store)
        assert kinds(whole(store))[-2:] == ["access.attempt", "chain.checkpoint"]


@pytest.mark.parametrize("signer", [None, Signer(works=False)])
def test_what_is_not_signed_is_not_pruned(tmp_path: Path, signer: Signer | None) -> None:
    with signed_store(tmp_path, signer) as store:
        for _ in range(3):
            for number in range(90):
                record(store, number)
            acknowledge(store, store.last().sequence)
        assert store.anchor().sequence == 0
        assert len(whole(store)) == store.last().sequence


def test_pruning_leaves_a_checkpoint_as_the_oldest_and_its_place_as_the_anchor(tmp_path: Path) -> None:
    with signed_store(tmp_path, Signer()) as store:
        for _ in range(5):
            for number in range(60):
                record(store, number)
            acknowledge(store, store.last().sequence)
        oldest = whole(store)[0]
        assert kinds([oldest]) == ["chain.checkpoint"]
        said = OpenedEvent.of(oldest.body).what
        assert (int(said["through"]), said["chainhash"]) == (store.anchor().sequence, store.anchor().chainhash)
        assert store.chainhash_at(store.anchor().sequence) == store.anchor().chainhash
        assert store.chainhash_at(store.anchor().sequence - 1) is None
        assert HISTORY <= len(whole(store)) <= HISTORY + EVERY + 2
        assert not store.unacknowledged(0, 10)


def test_deleting_is_bounded_and_goes_on_with_the_chores(tmp_path: Path) -> None:
    signer = Signer(works=False)
    with signed_store(tmp_path, signer) as store:
        for attempt in range(9):
            signer.works = attempt == 8
            for number in range(90):
                record(store, number)
            acknowledge(store, store.last().sequence)
        for number in range(90):
            record(store, number)
        before = rows(tmp_path)
        acknowledge(store, store.last().sequence)
        shown = len(whole(store))
        assert shown < before - ROWS_AT_ONCE
        assert rows(tmp_path) == before - ROWS_AT_ONCE
        for _ in range(5):
            store.tick(policy())
        assert rows(tmp_path) == shown
        assert len(whole(store)) == shown


def test_a_gap_event_that_is_dropped_itself_is_told_again(tmp_path: Path) -> None:
    with signed_store(tmp_path, None, when_full=WhenFull.DROP_OLDEST) as store:
        for number in range(30):
            record(store, number)
        acknowledge(store, 20)
        for number in range(90):
            record(store, number)
        acknowledge(store, store.counts().dropped + 20)
        for number in range(150):
            record(store, number)
        events = whole(store)
        verifier = Verifier(store.anchor())
        for event in events:
            verifier.take(event)
        verdict = verifier.finish()
        assert verdict.first_bad is None
        assert verdict.gaps[0].first == 21


def test_a_gap_event_is_signed_at_once_or_as_soon_as_the_key_works(tmp_path: Path) -> None:
    signer = Signer()
    with signed_store(tmp_path, signer, when_full=WhenFull.DROP_OLDEST) as store:
        for number in range(30):
            record(store, number)
        for works in (True, False):
            signer.works = works
            gaps = kinds(whole(store)).count("gap")
            while kinds(whole(store)).count("gap") == gaps:
                record(store)
            if not works:
                assert kinds(whole(store))[-2:] == ["gap", "access.attempt"]
                signer.works = True
                record(store)
            told = kinds(whole(store))
            assert told[-1] == "chain.checkpoint"
            assert "gap" in told[-4:]


def test_another_key_signs_at_once_what_names_the_one_before(tmp_path: Path) -> None:
    with signed_store(tmp_path, Signer()) as store:
        record(store)
    with signed_store(tmp_path, Signer(SigningKey.generate())) as store:
        assert kinds(whole(store))[-3:] == ["chain.checkpoint", "system.started", "chain.checkpoint"]


class PruningMachine(RuleBasedStateMachine):
    """``promised`` is every event whose commit returned; what is not acknowledged, dropped or pruned is still there."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.signer = Signer()
        self.promised: dict[int, StoredEvent] = {}
        self.exports = 0
        self.store: Store | None = None
        self.failed_through = 0

    @initialize(when_full=st.sampled_from(WhenFull), every=st.sampled_from([10, 17, 500]))
    def begin(self, when_full: WhenFull, every: int) -> None:
        self.when_full, self.every = when_full, every
        self.open()

    def open(self) -> None:
        self.store = signed_store(self.folder, self.signer, when_full=self.when_full, checkpoint_events=self.every)
        self.note()

    def note(self) -> None:
        assert self.store is not None
        for event in whole(self.store):
            assert self.promised.setdefault(event.sequence, event) == event

    @rule(number=st.integers(1, 60), kind=st.sampled_from(["access.attempt", "door.state"]), grouped=st.booleans())
    def write(self, number: int, kind: str, grouped: bool) -> None:
        assert self.store is not None
        with suppress(StoreFull):
            if grouped:
                with self.store.transaction() as t:
                    for index in range(number):
                        t.enqueue(plain(index, kind))
            else:
                for index in range(number):
                    record(self.store, index, kind)
        self.note()

    @rule()
    def write_and_give_up(self) -> None:
        assert self.store is not None
        with suppress(StoreFull, KeyError), self.store.transaction() as t:
            for index in range(EVERY + 1):
                t.enqueue(plain(index))
            raise KeyError("the caller failed")

    @rule(share=st.floats(0.5, 1))
    def acknowledge(self, share: float) -> None:
        assert self.store is not None
        through = round(share * self.store.last().sequence)
        if self.store.chainhash_at(through) is not None:
            acknowledge(self.store, through)
        self.note()

    @rule()
    def do_the_chores(self) -> None:
        assert self.store is not None
        self.store.tick(policy())
        self.note()

    @rule(works=st.booleans())
    def the_key_comes_and_goes(self, works: bool) -> None:
        self.turn_key(works)

    def turn_key(self, works: bool) -> None:
        assert self.store is not None
        if not self.signer.works:
            self.failed_through = self.store.last().sequence
        self.signer.works = works

    @rule(tidy=st.booleans())
    def crash_and_reopen(self, tidy: bool) -> None:
        assert self.store is not None
        if tidy:
            self.store.close()
        else:
            copy = Path(tempfile.mkdtemp())
            for path in self.folder.iterdir():
                if path.is_file():
                    shutil.copy2(path, copy / path.name)
            self.turn_key(True)
            self.store.close()
            shutil.rmtree(self.folder)
            self.folder = copy
        self.open()

    @invariant()
    def what_is_gone_was_acknowledged_and_signed(self) -> None:
        if self.store is None:
            return
        kept = whole(self.store)
        anchor = self.store.anchor()
        assert anchor.sequence <= self.store.acknowledged_through()
        if anchor.sequence:
            assert self.promised[anchor.sequence].chainhash == anchor.chainhash
            assert kinds(kept[:1]) == ["chain.checkpoint"]
            assert kept[0].sequence == anchor.sequence + 1
            # Dropped events were history too.
            assert self.store.last().sequence - anchor.sequence >= HISTORY
        first_waiting = self.store.acknowledged_through() + self.store.counts().dropped + 1
        waiting = set(range(first_waiting, self.store.last().sequence + 1))
        assert waiting <= {event.sequence for event in kept}

    @invariant()
    def the_store_and_any_export_verify(self) -> None:
        if self.store is None:
            return
        audit = Audit(frozenset({KEY.public}), KeySource.STORE)
        with whole_stream(self.folder) as stream:
            audit_store(stream, audit)
            self.exports += 1
            out = self.folder / f"export-{self.exports}"
            export(stream, 0, stream.last, out)
        report = audit.finish()
        assert report.ok or self.has_unsigned_gap(), report
        verifier = Verifier(None, frozenset({KEY.public}))
        for body in out.read_bytes().splitlines():
            verifier.take_opened(OpenedEvent.of(body))
        out.unlink()
        verdict = verifier.finish()
        assert verdict.finding is None or self.has_unsigned_gap(), verdict
        assert verdict.start in (Start.GENESIS, Start.CHECKPOINT, Start.GAP)

    def has_unsigned_gap(self) -> bool:
        """Return whether the key failed since something was dropped, and nothing was recorded since it works again.

        Nobody could tell that from a forgery.
        """
        assert self.store is not None
        if self.signer.works and self.store.last().sequence != self.failed_through:
            return False
        told = kinds(whole(self.store))
        return "gap" in told[max((i for i, k in enumerate(told) if k == "chain.checkpoint"), default=0) :]

    def teardown(self) -> None:
        if self.store is not None:
            self.store.close()
        shutil.rmtree(self.folder, ignore_errors=True)


PruningMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
TestPruning = PruningMachine.TestCase
