"""What the world saw of a terminal over many lives, and whether its store still agrees."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from livegate.audit.chain import verify_chain
from livegate.events.cloudevents import StoredEvent
from livegate.store import StoreReader
from livegate.store.files import DATABASE


@dataclass
class Witness:
    """Collects what a terminal said; ``judge`` compares it with a store and raises AssertionError where they differ."""

    told: dict[int, str] = field(default_factory=dict)
    acknowledged: int = 0
    pulses: list[int] = field(default_factory=list)
    executed: dict[str, int] = field(default_factory=dict)
    """Orders that were done: the sequence of the event by nonce."""
    versions: dict[str, int] = field(default_factory=dict)
    """The highest version of each thing that was said to be in force."""
    seen: Counter[str] = field(default_factory=Counter)

    def hear(self, lines: Iterable[str]) -> None:
        """Take what one life said; a line cut short by the kill was not said."""
        for line in lines:
            words = line.split()
            if not line.endswith("\n"):
                continue
            self.seen[words[0]] += 1
            if words[0] == "told":
                sequence = int(words[1])
                assert self.told.setdefault(sequence, words[2]) == words[2], f"event {sequence} told in two versions"
            elif words[0] == "acknowledged":
                self.acknowledged = max(self.acknowledged, int(words[1]))
            elif words[0] == "version":
                self.versions[words[1]] = max(self.versions.get(words[1], 0), int(words[2]))
            elif words[0] == "pulse":
                assert int(words[1]) not in self.pulses, f"the door moved twice for event {words[1]}"
                self.pulses.append(int(words[1]))

    def judge(self, folder: Path) -> int:
        """Return the newest sequence in the store; nothing told or acknowledged is lost, no door moved for nothing."""
        if not self.told and not _is_begun(folder):
            return 0
        with StoreReader(folder) as store:
            anchor, last = store.anchor(), store.last().sequence
            kept = {event.sequence: event for event in store.events(0, 1_000_000)}
            acknowledged = store.acknowledged_through()
        assert sorted(kept) == list(range(anchor.sequence + 1, last + 1)), "a hole"
        assert verify_chain(kept.values(), anchor) is None, "the chain is broken"
        assert acknowledged >= self.acknowledged, "an acknowledgement was forgotten"
        assert anchor.sequence <= acknowledged, "pruned what nobody acknowledged"
        for sequence, chainhash in self.told.items():
            if sequence > anchor.sequence:
                assert sequence in kept, f"event {sequence} was told and is lost"
                assert kept[sequence].chainhash == chainhash, f"event {sequence} is another than was told"
        for sequence in self.pulses:
            if sequence > anchor.sequence:
                assert sequence in kept, f"the door moved for event {sequence}, which was not committed"
                assert json.loads(kept[sequence].body)["data"]["what"]["outcome"] in ("granted", "done")
        self._judge_orders(kept.values())
        return last

    def judge_versions(self, found: Mapping[str, int]) -> None:
        """Nothing that was in force went back; ``found`` is what is in force now."""
        for name, version in self.versions.items():
            assert found.get(name, 0) >= version, f"{name} went back from {version} to {found.get(name)}"

    def _judge_orders(self, kept: Iterable[StoredEvent]) -> None:
        for event in kept:
            if b'"io.livegate.command.executed.v1"' not in event.body:
                continue
            what = json.loads(event.body)["data"]["what"]
            if what["outcome"] == "done":
                first = self.executed.setdefault(what["nonce"], event.sequence)
                assert first == event.sequence, f"order {what['nonce']} was done twice"


def _is_begun(folder: Path) -> bool:
    """Return whether the stream has begun: a store killed before that holds nothing yet."""
    if not (folder / DATABASE).exists():
        return False
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as connection:
        made = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'stream'").fetchone() is not None
        return made and connection.execute("SELECT 1 FROM stream").fetchone() is not None
