"""A desk over a real store, with a centre that signs for it: what comes down, without a broker."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from livegate.config import CameraConfig, Config, DoorConfig, DriverChoice, Gate, ReaderConfig, Terminal
from livegate.lists.lookup import CentralLists
from livegate.lists.receiver import Receiver
from livegate.report.down.desk import Desk
from livegate.report.down.inbox import Inbox
from livegate.report.session import Arrival
from livegate.report.topics import Topics
from livegate.settings import Effective
from livegate.store.trusted import floor_s, load_keyset
from livegate.trust.clockfloor import FloorKeeper
from livegate.types import Role
from support.signing import Centre
from support.stores import IDENTITY, WALL_S, StillClock, opened

TOPICS = Topics("lab", "t1")
CHALLENGE = "challenge-of-now"
_DRIVER = DriverChoice("fake", {}, "here", Path())


def config_in(folder: Path, gate: Gate | None = None) -> Config:
    return Config(
        path=folder / "site.toml",
        version="v",
        terminal=Terminal("lab", "t1", folder),
        camera=(CameraConfig("eye", Role.RGB, _DRIVER),),
        door=DoorConfig(_DRIVER),
        reader=(ReaderConfig(_DRIVER),),
        gate=gate or Gate(),
    )


class Terminal1:
    """The receiving side of terminal lab/t1 in ``folder``; may be opened again there, as after a restart."""

    def __init__(self, folder: Path, centre: Centre | None = None, config: Config | None = None) -> None:
        self.centre = centre or Centre(now_s=WALL_S)
        self.clock = StillClock()
        self.config = config or config_in(folder)
        self.store = opened(folder, self.clock)
        with self.store.transaction() as t:
            keyset = load_keyset(t, self.centre.root.public)
            floor = FloorKeeper(self.clock, floor_s(t.connection))
        self.applied: list[Effective] = []
        self.nudges: list[None] = []
        self.central = CentralLists.open(folder)
        self.desk = Desk(
            config=self.config,
            effective=Effective(self.config),
            identity=IDENTITY,
            topics=TOPICS,
            store=self.store,
            floor=floor,
            keyset=keyset,
            lists=Receiver(self.central),
            central=self.central,
            applied=self.applied.append,
            nudge=lambda: self.nudges.append(None),
        )
        self.inbox = Inbox(self.desk)
        self.inbox.opened(CHALLENGE, [])

    def trusting(self) -> Terminal1:
        """Hand in the centre's first keyset."""
        self.hear("trust/keyset", self.centre.keyset())
        assert self.desk.keyset.version == 1
        return self

    def hear(self, name: str, payload: bytes) -> None:
        self.inbox.take(Arrival(TOPICS.down(name), payload))

    def said(self) -> dict[str, list[dict[str, Any]]]:
        """Return and forget what it has to say, by topic below the prefix."""
        found: dict[str, list[dict[str, Any]]] = {}
        while (message := self.inbox.next_message()) is not None:
            found.setdefault(message.topic.split("/", 4)[4], []).append(json.loads(message.payload))
        return found

    def command(self, verb: str, **more: Any) -> None:
        self.hear("commands", self.centre.command(verb, IDENTITY.boot_id, CHALLENGE, **more))

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return what the events of ``kind`` say."""
        bodies = [json.loads(event.body) for event in self.store.newest(1000)]
        return [body["data"]["what"] for body in bodies if body["type"] == f"io.livegate.{kind}.v1"]

    def refused(self) -> dict[str, int]:
        """Return how many messages were refused, by reason."""
        counts = self.inbox.refusals.counts
        return {
            name.removeprefix("messages_refused_").removesuffix("_total"): count
            for name, count in counts.items()
            if name != "messages_refused_total"
        }

    def close(self) -> None:
        self.desk.lists.close()
        self.central.close()
        self.store.close()


ENTRIES = [{"kind": "credential", "value": f"{n:032x}", "action": "deny", "reason": "lost"} for n in range(6)]


def send_list(terminal: Terminal1, version: int, per_chunk: int = 2) -> list[bytes]:
    payloads = [
        terminal.centre.chunk_payload("block", version, index, ENTRIES[first : first + per_chunk])
        for index, first in enumerate(range(0, len(ENTRIES), per_chunk))
    ]
    digest = hashlib.sha256(b"".join(payloads)).hexdigest()
    body = terminal.centre.manifest("block", version, digest, len(payloads), len(ENTRIES))
    terminal.hear("lists/block/manifest", body)
    return payloads


def work(terminal: Terminal1) -> None:
    while terminal.inbox.turn():
        pass
