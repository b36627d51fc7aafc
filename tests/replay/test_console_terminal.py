"""The console as a library against the real daemon: keyset, settings, lists, commands, labels, receipts."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from livegate import cli
from livegate.audit.receipts import Receipts as AuditedReceipts
from livegate.config import Mqtt
from livegate.errors import LinkError
from livegate.report.session import Message
from livegate.report.topics import Topics
from livegate.trust.keys import SigningKey
from livegate_tools.console.centre import Rules, Seen
from livegate_tools.console.console import Console
from livegate_tools.console.listserving import ListFolder
from livegate_tools.console.payloads import Order, Signer, Verdict
from livegate_tools.console.receipts import Receipts
from livegate_tools.demo.broker import EmbeddedBroker
from support.terminals import RunningTerminal, write_config
from support.waiting import eventually

T1 = Topics("lab", "t1")
WAIT_S = 30.0


@dataclass
class Centre:
    """A centre in ``folder``: its keys, a console that keeps everything, and what it was told."""

    folder: Path
    port: int
    told: list[Mapping[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = self.folder / "keys"
        assert cli.main(["console", "keys", "init", str(self.keys)]) == 0
        command = ["console", "keys", "keyset", str(self.keys), "--version", "1", "--audience", "lab/*"]
        assert cli.main([*command, "--out", str(self.folder / "keyset.json")]) == 0
        self.console = self.open()

    def open(self) -> Console:
        """Start a console that goes on where the one before was."""
        receipts = Receipts(self.folder / "receipts.jsonl", self.key("receipts"), "console")
        rules = Rules(T1, ack_every=5)
        state = self.folder / "console.json"
        mqtt = Mqtt("127.0.0.1", self.port)
        self.console = Console(mqtt, self._heard, rules=rules, state_file=state, receipts=receipts)
        self.console.start()
        return self.console

    def key(self, role: str) -> SigningKey:
        return SigningKey.of_pem(self.keys / f"{role}.pem")

    def of_kind(self, kind: str) -> list[Mapping[str, Any]]:
        """Return ``data.what`` of the events of one kind."""
        return [event["data"]["what"] for event in list(self.told) if event["type"] == f"io.livegate.{kind}.v1"]

    def trusted(self) -> None:
        """Push the keyset and wait until a command signed by one of its keys is obeyed."""
        self.console.wait(lambda: self.console.heard.is_online(T1), WAIT_S, "online")
        self.console.retain(T1, "trust/keyset", (self.folder / "keyset.json").read_bytes()).result(WAIT_S)
        assert self.command("list.get").outcome == "done"

    def command(self, verb: str, **arguments: object) -> Any:
        return self.console.command(self.key("commands"), T1, Order(verb, arguments), WAIT_S)

    def make_list(self, name: str, count: int, version: int, *more: str) -> ListFolder:
        """Make an allow list of the cards below ``count``."""
        rows, out = self.folder / f"{name}.jsonl", self.folder / name
        rows.write_text("".join(json.dumps({"value": f"CARD{number:06d}"}) + "\n" for number in range(count)))
        command = ["console", "list", "make", "allow", str(rows), "--out", str(out), "--audience", "lab/*", *more]
        command += ["--version", str(version), "--key", str(self.keys / "lists.pem")]
        assert cli.main([*command, "--site-key", str(self.keys / "site.key")]) == 0
        return ListFolder.open(out)

    def push_list(self, folder: ListFolder) -> None:
        self.console.offer_list(T1, folder).result(WAIT_S)
        self.console.wait(lambda: self.list_version() == folder.manifest.version, WAIT_S, "list in force")

    def list_version(self) -> object:
        return self.console.heard.lists.get((T1, "allow"), {}).get("version")

    def _heard(self, seen: Seen) -> None:
        self.told.append(seen.members)


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture
def centre(broker: EmbeddedBroker, tmp_path: Path) -> Iterator[Centre]:
    made = Centre(tmp_path, broker.port)
    yield made
    made.console.stop(5)


@pytest.fixture
def config(centre: Centre, tmp_path: Path) -> Path:
    more = (
        f'[mqtt]\nhost = "127.0.0.1"\nport = {centre.port}\n[store]\ncheckpoint_events = 10\n'
        '[trust]\nroot_key_file = "keys/root.pub"\nsite_key_file = "keys/site.key"\n'
    )
    return write_config(tmp_path, more)


def test_all_that_comes_down_is_done_and_accounted_for(centre: Centre, config: Path) -> None:
    with RunningTerminal(config) as terminal:
        centre.trusted()
        signer = Signer(centre.key("twin"), "lab/t1")
        centre.console.retain(T1, "twin/desired", signer.twin({"gate.pairing_window_ms": 300}, 1, time.time()))
        eventually(lambda: centre.console.heard.twins[T1].get("version") == 1)
        assert centre.console.heard.twins[T1]["applied"] is True

        whole = centre.make_list("whole", 2_000, 1)
        assert whole.manifest.chunks >= 2
        centre.push_list(whole)
        delta = centre.make_list("delta", 1_990, 2, "--since", str(whole.path))
        assert (delta.manifest.base, delta.manifest.entries) == (1, 10)
        centre.push_list(delta)
        assert centre.command("list.get").result["central"]["allow"]["entries"] == 1_990

        assert centre.command("door.pulse").outcome == "done"
        eventually(lambda: [what for what in centre.of_kind("door.state") if what["state"] == "unlocked"])

        eventually(lambda: centre.of_kind("access.attempt"))
        attempt = centre.of_kind("access.attempt")[0]["attempt_id"]
        label = Signer(centre.key("labels"), "lab/t1").label(Verdict(attempt, "attack", "print_flat"), time.time())
        centre.console.publish(Message(T1.down("labels"), label)).result(WAIT_S)
        database = config.parent / "state" / "livegate.db"
        eventually(lambda: labels(database) == [(attempt, "attack", "print_flat")])

        eventually(lambda: receipts(centre))
        assert terminal.terminate() == 0
    assert centre.of_kind("message.refused") == []
    assert [what["version"] for what in centre.of_kind("list.applied") if what["source"] == "central"] == [1, 2]
    (state,) = centre.console.streams()
    assert (state.altered, state.holes) == (None, ())


def labels(database: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT attempt_id, label, pai_species FROM label").fetchall()


def receipts(centre: Centre) -> dict[str, dict[int, str]]:
    """Return the receipts so far, each verified by the centre's public key."""
    lines = (centre.folder / "receipts.jsonl").read_bytes().splitlines()
    return AuditedReceipts.read(lines, centre.key("receipts").public, "receipts.jsonl").held


def test_keyset_and_manifest_wait_for_a_terminal_and_outlast_the_console(centre: Centre, config: Path) -> None:
    centre.console.retain(T1, "trust/keyset", (centre.folder / "keyset.json").read_bytes()).result(WAIT_S)
    folder = centre.make_list("whole", 50, 1)
    centre.console.offer_list(T1, folder).result(WAIT_S)
    centre.console.stop(5)
    with RunningTerminal(config) as terminal:
        terminal.says("keyset accepted")
        centre.open()
        centre.console.wait(lambda: centre.console.heard.lists.get((T1, "allow"), {}).get("want") == 0, WAIT_S, "want")
        centre.push_list(folder)
        assert centre.command("door.lock").outcome == "done"
        assert terminal.terminate() == 0
    with RunningTerminal(config) as terminal:
        terminal.says("ready")
        eventually(lambda: centre.console.heard.is_online(T1))
        assert centre.command("door.release").outcome == "done"
        assert centre.list_version() == 1
        assert terminal.terminate() == 0


def test_who_is_not_in_the_keyset_is_not_obeyed_nor_answered(centre: Centre, config: Path) -> None:
    with RunningTerminal(config) as terminal:
        centre.trusted()
        with pytest.raises(LinkError, match="no reply to door"):
            centre.console.command(SigningKey.generate(), T1, Order("door.pulse"), 1.0)
        with pytest.raises(LinkError, match="no reply to door"):
            centre.console.command(centre.key("lists"), T1, Order("door.pulse"), 1.0)
        eventually(
            lambda: {"unknown_key", "wrong_role"} <= {what["reason"] for what in centre.of_kind("message.refused")}
        )
        reply = centre.command("door.explode")
        assert (reply.outcome, reply.reason) == ("refused", "not_allowed")
        assert terminal.terminate() == 0
    assert [what["state"] for what in centre.of_kind("door.state")].count("unlocked") == 0
