"""Central lists against plain dictionaries: whole lists, deltas, restarts and hostile chunks, in any order."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from livegate.lists import CentralLists, ListName, Progress, Receiver
from support.central_lists import NOW_S, Sent, edition, finished, hex_of, made

BLOCK = ListName.BLOCK
KEYS = [("credential", hex_of(number)) for number in range(30)] + [("media", hex_of(number)) for number in range(6)]
ACTIONS = ["deny", "lockout", "step_up", "review"]
entries = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(ACTIONS), max_size=20)
Model = dict[tuple[str, str], str]


class ListsMachine(RuleBasedStateMachine):
    """``model`` is what must be in force, ``coming`` what is being sent and what it would make of the model."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.model: Model = {}
        self.version = 0
        self.highest = 0
        self.coming: tuple[Sent, Model] | None = None
        self.earlier: list[bytes] = []

    @initialize()
    def start(self) -> None:
        self.lists = CentralLists.open(self.folder)
        self.receiver = Receiver(self.lists, spare_bytes=0)
        if self.coming is not None:
            self.offered(self.coming[0])

    def offered(self, sent: Sent) -> Progress:
        return self.receiver.offer(sent.manifest, floor=self.version, now_s=NOW_S)

    def send(self, base: int | None, rows: list[dict[str, Any]], result: Model) -> None:
        self.highest += 1
        sent = made(edition(version=self.highest, base=base), rows, chunk_bytes=1_500)
        if self.coming is not None:
            self.earlier = [*self.earlier, *self.coming[0].chunks][-20:]
        self.coming = (sent, result)
        progress = self.offered(sent)
        assert progress.receiving == self.highest
        assert progress.refused is None

    @rule(new=entries)
    def offer_whole(self, new: Model) -> None:
        self.send(None, [rows_of(key, action) for key, action in new.items()], dict(new))

    @precondition(lambda self: self.version > 0)
    @rule(new=entries, gone=st.sets(st.sampled_from(KEYS), max_size=10))
    def offer_delta(self, new: Model, gone: set[tuple[str, str]]) -> None:
        gone = gone - new.keys()
        rows = [rows_of(key, action) for key, action in new.items()]
        rows += [{"kind": kind, "value": value, "op": "delete"} for kind, value in gone]
        kept = {key: action for key, action in self.model.items() if key not in gone}
        self.send(self.version, rows, kept | new)

    @precondition(lambda self: self.coming is not None)
    @rule(count=st.integers(1, 3))
    def deliver(self, count: int) -> None:
        assert self.coming is not None
        sent, _ = self.coming
        for _ in range(count):
            want = self.receiver.progress(BLOCK).want
            if want is not None:
                self.receiver.chunk(BLOCK, want, sent.chunks[want])

    @rule(index=st.integers(0, 3), data=st.data())
    def replay(self, index: int, data: st.DataObject) -> None:
        """What was signed once for another version changes nothing."""
        if self.earlier:
            before = self.receiver.progress(BLOCK)
            assert self.receiver.chunk(BLOCK, index, data.draw(st.sampled_from(self.earlier))) == before

    @precondition(lambda self: self.version > 0)
    @rule(back=st.integers(0, 3), base=st.booleans())
    def offer_old(self, back: int, base: bool) -> None:
        before = self.receiver.progress(BLOCK)
        version = max(1, self.version - back)
        old = made(edition(version=version, base=version - 1 if base and version > 1 else None), [])
        after = self.offered(old)
        assert (after.applied, after.receiving, after.want) == (before.applied, before.receiving, before.want)

    @rule(payload=st.binary(max_size=200), index=st.integers(0, 2))
    def deliver_nonsense(self, payload: bytes, index: int) -> None:
        before = self.receiver.progress(BLOCK)
        after = self.receiver.chunk(BLOCK, index, payload)
        if before.want == index and self.coming is not None:
            assert after.refused is not None
            # The centre's retained manifest is seen again.
            self.offered(self.coming[0])
        else:
            assert after == before

    @precondition(lambda self: self.receiver.progress(BLOCK).complete)
    @rule()
    def work_a_little(self) -> None:
        self.note(self.receiver.work(BLOCK, now_s=NOW_S))

    @precondition(lambda self: self.receiver.progress(BLOCK).complete)
    @rule()
    def finish(self) -> None:
        self.note(finished(self.receiver, BLOCK, now_s=NOW_S))
        assert self.coming is None

    def note(self, progress: Progress) -> None:
        assert self.coming is not None
        # What was refused of another version may still be told.
        assert progress.refused is None or progress.refused.version != self.coming[0].manifest.version
        if not progress.complete:
            self.version, self.model = self.coming[0].manifest.version, self.coming[1]
            self.coming = None

    @rule(tidy=st.booleans())
    def restart(self, tidy: bool) -> None:
        """Untidily: from the files as they lie on the disk at this moment."""
        copy = Path(tempfile.mkdtemp())
        if not tidy:
            shutil.copytree(self.folder, copy, dirs_exist_ok=True)
        self.receiver.close()
        self.lists.close()
        if not tidy:
            shutil.rmtree(self.folder)
            self.folder, copy = copy, self.folder
        shutil.rmtree(copy, ignore_errors=True)
        self.start()

    @precondition(lambda self: self.version > 0)
    @rule()
    def lose_the_file(self) -> None:
        """The centre sends what was in force again, whole and under its old version."""
        self.receiver.close()
        self.lists.close()
        for path in self.folder.glob("lists.block.*"):
            path.unlink()
        self.coming = None
        self.start()
        again = made(edition(version=self.version), [rows_of(key, action) for key, action in self.model.items()])
        self.coming = (again, dict(self.model))
        self.offered(again)
        for index, chunk in enumerate(again.chunks):
            self.receiver.chunk(BLOCK, index, chunk)
        self.finish()

    @invariant()
    def what_is_in_force_is_what_was_sent(self) -> None:
        found = {(entry.kind, entry.value): entry.action for entry in self.lists.lookup_block(KEYS)}
        assert found == self.model
        applied = self.lists.versions().get(BLOCK)
        assert (applied.version if applied else 0) == self.version
        assert (applied.entries if applied else 0) == len(self.model)

    def teardown(self) -> None:
        self.receiver.close()
        self.lists.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def rows_of(key: tuple[str, str], action: str) -> dict[str, Any]:
    kind, value = key
    return {"kind": kind, "value": value, "action": action, "reason": "x" * 120}


ListsMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestListsModel = ListsMachine.TestCase
