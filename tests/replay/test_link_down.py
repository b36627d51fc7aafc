"""What a centre says through a real broker, and what the terminal answers: trust, settings, commands, lists."""

from __future__ import annotations

import hashlib
import json
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from livegate.config import Mqtt, Protocol, Terminal
from livegate.report.link import Link
from livegate.report.session import Timing
from livegate.report.topics import Topics
from livegate.store.commands import CommandOutcome, Executed, take_pending
from support.brokers import Embedded, Mosquitto, TestBroker
from support.desks import Terminal1
from support.signing import Centre
from support.waiting import eventually

TOPICS = Topics("lab", "t1")
QUICK = Timing(backoff_first_s=0.02, backoff_max_s=0.1)


class Voice:
    """A plain client that publishes for the centre and keeps the newest of what the terminal says."""

    def __init__(self, port: int, version: int):
        self.newest: dict[str, dict[str, Any]] = {}
        self.replies: queue.SimpleQueue[paho.MQTTMessage] = queue.SimpleQueue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
        self._client.on_message = self._heard
        self._client.on_connect = lambda client, *_: client.subscribe("livegate/v1/lab/t1/#", 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def say(self, name: str, body: bytes, *, retain: bool = False) -> None:
        self._client.publish(TOPICS.down(name), body, 1, retain).wait_for_publish(10)

    def challenge(self) -> str:
        eventually(lambda: self.newest.get("status", {}).get("state") == "online", "the terminal is online")
        return str(self.newest["status"]["challenge"])

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _heard(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        name = message.topic.split("/", 4)[4]
        if name == "replies":
            self.replies.put(message)
        elif message.payload and name in ("status", "twin/reported", "lists/block/state"):
            self.newest[name] = json.loads(message.payload)


@pytest.fixture(params=[pytest.param("mosquitto", marks=pytest.mark.broker), "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TestBroker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    made = Mosquitto(folder) if request.param == "mosquitto" else Embedded()
    made.start()
    yield made
    made.kill()


class Site:
    """One terminal with a store, linked to the broker, and its centre."""

    def __init__(self, broker: TestBroker, folder: Path):
        self.five = isinstance(broker, Mosquitto)
        self.centre = Centre()
        self.terminal = Terminal1(folder, self.centre)
        self.terminal.clock.go(self.centre.now_s - self.terminal.clock.now.wall_s)
        protocol = Protocol.AUTO
        where = Terminal("lab", "t1", folder)
        self.link = Link(
            Mqtt("127.0.0.1", broker.port, protocol), where, self.terminal.store, boot_id="boot-1", timing=QUICK
        )
        self.link.listen(self.terminal.inbox)
        self.voice = Voice(broker.port, paho.MQTTv5 if self.five else paho.MQTTv311)
        self.link.start()
        self.voice.say("trust/keyset", self.centre.keyset(), retain=True)
        eventually(lambda: self.terminal.desk.keyset.version == 1, "the keyset is trusted")

    def ask(self, verb: str, **more: Any) -> tuple[dict[str, Any], paho.MQTTMessage]:
        self.voice.say("commands", self.centre.command(verb, "boot-1", self.voice.challenge(), **more))
        message = self.voice.replies.get(timeout=20)
        return json.loads(message.payload), message

    def close(self) -> None:
        self.link.stop(5)
        self.voice.close()
        self.terminal.close()


@pytest.fixture
def site(broker: TestBroker, tmp_path: Path) -> Iterator[Site]:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    made = Site(broker, folder)
    yield made
    made.close()


def test_command_is_answered_with_its_correlation(site: Site) -> None:
    reply, message = site.ask("list.get", correlation="c-17")
    assert (reply["outcome"], reply["correlation"]) == ("done", "c-17")
    if site.five:
        assert message.properties.CorrelationData == b"c-17"


def test_command_for_the_door_is_answered_once_it_moved(site: Site) -> None:
    site.voice.say("commands", site.centre.command("door.pulse", "boot-1", site.voice.challenge()))
    eventually(lambda: site.terminal.nudges, "the decision thread is told")
    with site.terminal.store.transaction() as t:
        (pending,) = take_pending(t)
    assert site.voice.replies.empty()
    site.terminal.desk.executed(Executed(pending, CommandOutcome.DONE))
    site.link.wake()
    assert json.loads(site.voice.replies.get(timeout=20).payload)["verb"] == "door.pulse"


def test_challenge_of_an_earlier_connection_does_nothing(site: Site, broker: TestBroker) -> None:
    old = site.voice.challenge()
    broker.kill()
    eventually(lambda: not site.link.state().connected)
    broker.start()
    eventually(lambda: site.link.state().connected and site.voice.newest["status"]["challenge"] != old, "a new one")
    site.voice.say("commands", site.centre.command("list.get", "boot-1", old))
    reply = json.loads(site.voice.replies.get(timeout=20).payload)
    assert (reply["outcome"], reply["reason"]) == ("refused", "wrong_challenge")
    assert site.ask("list.get")[0]["outcome"] == "done"


def test_twin_is_reported_and_retained(site: Site) -> None:
    site.voice.say("twin/desired", site.centre.twin(4, {"decision.max_apcer": 0.02}), retain=True)
    eventually(lambda: site.voice.newest.get("twin/reported", {}).get("in_force") == 4, "it is in force")
    site.voice.say("twin/desired", site.centre.twin(5, {"decision.max_apcer": 0.4}), retain=True)
    eventually(lambda: site.voice.newest["twin/reported"]["reason"] == "not_allowed", "it is refused")
    assert site.voice.newest["twin/reported"]["in_force"] == 4
    assert site.terminal.applied[-1].config.decision.max_apcer == 0.02


def test_what_came_before_its_key_is_asked_for_again(broker: TestBroker, tmp_path: Path) -> None:
    """Brokers send what is retained in an order of their own."""
    folder = tmp_path / "fresh"
    folder.mkdir(mode=0o700)
    voice, centre = Voice(broker.port, paho.MQTTv5 if isinstance(broker, Mosquitto) else paho.MQTTv311), Centre()
    voice.say("twin/desired", centre.twin(1, {"log.level": "INFO"}), retain=True)
    terminal = Terminal1(folder, centre)
    terminal.clock.go(centre.now_s - terminal.clock.now.wall_s)
    where = Terminal("lab", "t1", folder)
    link = Link(Mqtt("127.0.0.1", broker.port), where, terminal.store, boot_id="boot-1", timing=QUICK)
    link.listen(terminal.inbox)
    link.start()
    eventually(lambda: terminal.refused().get("unknown_key"), "nobody knows the key yet")
    voice.say("trust/keyset", centre.keyset(), retain=True)
    eventually(lambda: voice.newest.get("twin/reported", {}).get("in_force") == 1, "it is in force")
    link.stop(5)
    voice.close()
    terminal.close()


def test_list_comes_in_chunks_as_they_are_wanted(site: Site) -> None:
    payloads = [
        site.centre.chunk_payload(
            "block", 3, index, [{"kind": "credential", "value": f"{index * 100 + n:032x}"} for n in range(100)]
        )
        for index in range(20)
    ]
    digest = hashlib.sha256(b"".join(payloads)).hexdigest()
    site.voice.say("lists/block/manifest", site.centre.manifest("block", 3, digest, 20, 2000), retain=True)
    eventually(lambda: site.voice.newest.get("lists/block/state", {}).get("want") == 0, "the first is wanted")
    for index, payload in enumerate(payloads):
        site.voice.say(f"lists/block/chunk/{index}", site.centre.chunk(payload))
    eventually(lambda: site.voice.newest["lists/block/state"]["version"] == 3, "it is in force")
    assert site.terminal.central.lookup_block([("credential", f"{1999:032x}")])
    eventually(lambda: site.terminal.events("list.applied"), "it is told")
