"""What comes down to a mortal terminal: keysets, twins, lists, labels, orders of a centre whose keys never change."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from livegate.lists.lookup import CentralLists
from livegate.lists.receiver import Receiver
from livegate.report.down.desk import Desk
from livegate.report.down.inbox import Inbox
from livegate.report.session import Arrival
from livegate.settings import Effective
from livegate.store.commands import drop_stale
from livegate.store.files import DATABASE
from livegate.store.trusted import floor_s, load_keyset
from livegate.store.twin import load_twin
from livegate.trust.clockfloor import FloorKeeper
from livegate.trust.keys import SigningKey
from support.desks import CHALLENGE, TOPICS, config_in
from support.mortal import IDENTITY, Mortal, Say, alive
from support.signing import Centre

ROOT, DAILY = (SigningKey(Ed25519PrivateKey.from_private_bytes(name.ljust(32))) for name in (b"root", b"daily"))
_VERBS = ("door.pulse", "door.pulse", "door.lock", "door.release", "presence.clear", "lockout.clear")


class Obedient:
    """The receiving side of a mortal terminal; says what it was told to do once that is in force."""

    def __init__(self, mortal: Mortal, folder: Path, central: CentralLists, seed: int) -> None:
        self.mortal, self.say, self.seed = mortal, mortal.say, seed
        self.centre = Centre(now_s=time.time())
        self.centre.root, self.centre.key = ROOT, DAILY
        store, config = mortal.store, config_in(folder)
        with store.transaction() as t:
            keyset = load_keyset(t, ROOT.public)
            floor = FloorKeeper(lambda: mortal.clock(), floor_s(t.connection))
            # As the daemon does at its start: orders given to a process that died are not carried out.
            drop_stale(t)
        self.desk = Desk(
            config=config,
            effective=Effective(config),
            identity=IDENTITY,
            topics=TOPICS,
            store=store,
            floor=floor,
            keyset=keyset,
            lists=Receiver(central),
            central=central,
            applied=lambda _: None,
            nudge=mortal.pipeline.nudge,
        )
        self.inbox = Inbox(self.desk)
        self.inbox.opened(CHALLENGE, [])
        self._orders = 0
        self.hear("trust/keyset", self.centre.keyset(version()))
        self.say(f"version keyset {self.desk.keyset.version}")

    def hear(self, topic: str, content: bytes) -> None:
        self.inbox.take(Arrival(TOPICS.down(topic), content))

    def one(self) -> None:
        """Hear one message more, and do what it asks."""
        self.mortal.chance.choice((self.order, self.order, self.twin, self.keyset, self.list, self.label))()
        while self.inbox.turn():
            pass
        while self.inbox.next_message() is not None:
            pass

    def order(self) -> None:
        """A new order, or one given in an earlier life under the same nonce, which must not work twice."""
        self._orders += 1
        life = self.mortal.chance.choice((self.seed, self.seed, self.seed - 1))
        nonce = f"life-{life:08d}-{self._orders:06d}"
        verb = self.mortal.chance.choice(_VERBS)
        more: dict[str, Any] = {"arguments": {"credential": "a" * 32}} if verb.endswith(".clear") else {}
        self.hear("commands", self.centre.command(verb, IDENTITY.boot_id, CHALLENGE, nonce=nonce, **more))

    def twin(self) -> None:
        self.hear("twin/desired", self.centre.twin(version(), {"mqtt.resend_after_s": 30}))
        with self.mortal.store.transaction() as t:
            kept = load_twin(t.connection)
        # A full store takes none.
        if kept is not None:
            self.say(f"version twin {kept.version}")

    def keyset(self) -> None:
        self.hear("trust/keyset", self.centre.keyset(version()))
        self.say(f"version keyset {self.desk.keyset.version}")

    def list(self) -> None:
        number = version()
        blocked = {"kind": "credential", "action": "deny", "reason": "", "until": None}
        entries = [blocked | {"value": f"{self.seed:016x}{n:016x}"} for n in range(5)]
        payload = self.centre.chunk_payload("block", number, 0, entries)
        digest = hashlib.sha256(payload).hexdigest()
        self.hear("lists/block/manifest", self.centre.manifest("block", number, digest, 1, len(entries)))
        self.hear("lists/block/chunk/0", self.centre.chunk(payload))
        while self.inbox.turn():
            pass
        for name, applied in self.desk.central.versions().items():
            self.say(f"version list_{name} {applied.version}")

    def label(self) -> None:
        self.hear("labels", self.centre.label(f"a{version()}", "attack"))


def version() -> int:
    """Return a number above every earlier one, over all lives."""
    time.sleep(0.001)
    return int(time.time() * 1_000)


@contextmanager
def obeying(folder: Path, say: Say, seed: int) -> Iterator[Obedient]:
    """Start a terminal on ``folder`` that listens to its centre."""
    with alive(folder, say, seed) as mortal, contextlib.closing(CentralLists.open(folder)) as central:
        mortal.store.use_lists(central)
        obedient = Obedient(mortal, folder, central, seed)
        yield obedient
        obedient.desk.lists.close()


def versions(folder: Path) -> dict[str, int]:
    """Return what a store and its lists hold: the version of each thing that came down."""
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as connection:
        found = {
            name: row[0]
            for name in ("keyset", "twin")
            if (row := connection.execute(f"SELECT version FROM {name}").fetchone()) is not None
        }
    with contextlib.closing(CentralLists.open(folder)) as central:
        return found | {f"list_{name}": applied.version for name, applied in central.versions().items()}
