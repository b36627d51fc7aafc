"""The whole daemon and a centre: a door opened by command, settings and lists that outlive a restart."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from livegate.configfile import load
from livegate.daemon import Daemon
from livegate.report.topics import Topics
from livegate.store import StoreReader
from support.brokers import Embedded
from support.signing import Centre
from support.terminals import write_config
from support.waiting import eventually

TOPICS = Topics("lab", "t1")


class Voice:
    """The centre's client; keeps everything the terminal says, by topic."""

    def __init__(self, port: int):
        self.said: dict[str, list[dict[str, Any]]] = {}
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        self._client.on_message = lambda _client, _data, message: self._heard(message)
        self._client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def say(self, name: str, body: bytes, *, retain: bool = False) -> None:
        self._client.publish(TOPICS.down(name), body, 1, retain).wait_for_publish(10)

    def newest(self, topic: str) -> dict[str, Any]:
        eventually(lambda: topic in self.said, topic)
        return self.said[topic][-1]

    def online(self) -> dict[str, Any]:
        eventually(lambda: self.newest(TOPICS.status)["state"] == "online", "online")
        return self.newest(TOPICS.status)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _heard(self, message: paho.MQTTMessage) -> None:
        if message.topic.startswith(("livegate/", "homeassistant/")) and message.payload[:1] == b"{":
            self.said.setdefault(message.topic, []).append(json.loads(message.payload))
        elif not message.payload:
            self.said.setdefault(message.topic, []).append({})


@pytest.fixture
def broker() -> Iterator[Embedded]:
    made = Embedded()
    made.start()
    yield made
    made.kill()


@pytest.fixture
def voice(broker: Embedded) -> Iterator[Voice]:
    made = Voice(broker.port)
    yield made
    made.close()


@contextmanager
def running(folder: Path, centre: Centre, port: int, more: str = "") -> Iterator[Daemon]:
    """Run a terminal that trusts ``centre``; ``more`` ends its [mqtt] table."""
    root = folder / "root.pem"
    root.write_bytes(centre.root.public.pem)
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\nprotocol = "3.1.1"\n{more}\n[trust]\nroot_key_file = "{root}"\n'
    stop = threading.Event()
    with Daemon(load(write_config(folder, mqtt))) as daemon:
        runner = threading.Thread(target=daemon.run, args=(stop,))
        runner.start()
        yield daemon
        stop.set()
        runner.join()


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    with StoreReader(folder / "state") as store:
        return [json.loads(event.body) for event in store.newest(1000, kind)]


def ask(voice: Voice, centre: Centre, verb: str) -> dict[str, Any]:
    status = voice.online()
    body = centre.command(verb, status["boot_id"], status["challenge"], correlation=verb)
    before = len(voice.said.get(TOPICS.replies, []))
    voice.say("commands", body)
    eventually(lambda: len(voice.said.get(TOPICS.replies, [])) > before, f"a reply to {verb}")
    return voice.newest(TOPICS.replies)


def test_centre_moves_the_door_and_what_it_set_outlives_a_restart(
    tmp_path: Path, broker: Embedded, voice: Voice
) -> None:
    centre = Centre()
    with running(tmp_path, centre, broker.port) as daemon:
        voice.online()
        voice.say("trust/keyset", centre.keyset(), retain=True)
        voice.say("twin/desired", centre.twin(1, {"gate.pairing_window_ms": 300}), retain=True)
        eventually(lambda: voice.newest(TOPICS.twin_reported)["in_force"] == 1, "the settings are in force")
        eventually(lambda: daemon.store.last().sequence > 1, "told")
        assert ask(voice, centre, "door.pulse")["outcome"] == "done"
        (executed,) = events(tmp_path, "command.executed")
        eventually(
            lambda: executed["sequence"] in [e["data"]["what"]["cause"] for e in events(tmp_path, "door.state")],
            "the door says which command moved it",
        )
        assert ask(voice, centre, "door.lock")["outcome"] == "done"
        refused = ask(voice, centre, "door.pulse")
        assert (refused["outcome"], refused["reason"]) == ("refused", "door_locked")
    with running(tmp_path, centre, broker.port):
        eventually(lambda: voice.said[TOPICS.status][-1]["state"] == "online", "online again")
        refused = ask(voice, centre, "door.pulse")
        assert (refused["outcome"], refused["reason"]) == ("refused", "door_locked")
        assert ask(voice, centre, "door.release")["outcome"] == "done"
        assert ask(voice, centre, "door.pulse")["outcome"] == "done"
        assert voice.newest(TOPICS.twin_reported)["in_force"] == 1
    assert [e["data"]["what"]["settings"] for e in events(tmp_path, "config.applied")] == [
        {"gate.pairing_window_ms": 300}
    ]


def test_command_that_waited_over_a_restart_is_dropped_and_told(tmp_path: Path, broker: Embedded) -> None:
    centre = Centre()
    with running(tmp_path, centre, broker.port) as daemon:
        pass
    with StoreReader(tmp_path / "state") as store:
        last = store.last().sequence
    assert daemon.state().alive is False
    with sqlite3.connect(tmp_path / "state" / "livegate.db") as connection:
        connection.execute(
            "INSERT INTO pending_command (nonce, verb, keyid, correlation, accepted_ns)"
            " VALUES ('nonce-of-before-x', 'door.pulse', '0123456789abcdef', NULL, 0)"
        )
    connection.close()
    with running(tmp_path, centre, broker.port):
        pass
    (dropped,) = events(tmp_path, "command.executed")
    assert int(dropped["sequence"]) > last
    assert (dropped["data"]["what"]["outcome"], dropped["data"]["what"]["reason"]) == ("dropped", "restart")


def test_home_assistant_is_told_and_told_again_when_it_is_switched_off(
    tmp_path: Path, broker: Embedded, voice: Voice
) -> None:
    centre = Centre()
    topic = "homeassistant/sensor/livegate_lab_t1/door/config"
    with running(tmp_path, centre, broker.port, "home_assistant = true"):
        assert voice.newest(topic)["state_topic"] == TOPICS.events
    with running(tmp_path, centre, broker.port):
        eventually(lambda: voice.newest(topic) == {}, "it is taken back")
    with running(tmp_path, centre, broker.port):
        voice.online()
