"""The console's verbs as commands: over TLS with a certificate of our own, serving lists, and who is not there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from livegate.config import Mqtt, Terminal, Tls
from livegate.report.link import Link
from livegate.report.session import Message
from livegate.report.topics import Topics
from livegate_tools.console.centre import Rules
from livegate_tools.console.console import Console
from livegate_tools.demo.broker import EmbeddedBroker
from support.brokers import Mosquitto
from support.certificates import Authority
from support.streams import MemoryStream
from support.waiting import eventually

T1 = Topics("lab", "t1")


def livegate(*words: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "livegate.cli", "console", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    done = livegate("keys", "init", str(tmp_path / "keys"))
    assert done.returncode == 0, done.stderr
    return tmp_path / "keys"


@pytest.mark.broker
def test_broker_that_wants_a_certificate_is_shown_ours(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    for name in ("broker", "terminal", "centre"):
        authority.issue(name)
    tls = f"cafile {tmp_path}/ca.pem\ncertfile {tmp_path}/broker.pem\nkeyfile {tmp_path}/broker.key\n"
    mosquitto = Mosquitto(tmp_path, f"{tls}require_certificate true")
    (tmp_path / "terminal.key").chmod(0o600)
    mosquitto.start()
    stream = MemoryStream()
    stream.commit(20)
    mqtt = Mqtt(
        "127.0.0.1",
        mosquitto.port,
        tls=Tls(tmp_path / "ca.pem", tmp_path / "terminal.pem", tmp_path / "terminal.key"),
    )
    link = Link(mqtt, Terminal("lab", "t1", tmp_path), stream, boot_id="boot")
    link.start()
    words = ["tail", "--port", str(mosquitto.port), "--ca", str(tmp_path / "ca.pem"), "--count", "20"]
    ours = ["--tls-certificate", str(tmp_path / "centre.pem"), "--tls-key", str(tmp_path / "centre.key")]
    done = livegate(*words, *ours)
    assert done.returncode == 0, done.stderr
    eventually(lambda: stream.acknowledged_through() == 20)
    link.stop(5)
    mosquitto.kill()


def test_tail_serves_a_list_to_who_asks(broker: EmbeddedBroker, keys: Path, tmp_path: Path) -> None:
    (tmp_path / "cards.jsonl").write_text('{"pseudonym": "0123456789abcdef0123456789abcdef"}\n')
    command = ["list", "make", "allow", str(tmp_path / "cards.jsonl"), "--version", "3", "--out", str(tmp_path / "v3")]
    done = livegate(*command, "--audience", "lab/*", "--key", str(keys / "lists.pem"))
    assert done.returncode == 0, done.stderr
    served = [sys.executable, "-m", "livegate.cli", "console", "tail", "--port", str(broker.port), "--no-ack"]
    terminal = Talker(broker.port)
    terminal.say("lists/allow/state", {"version": 0, "receiving": 3, "want": 0, "refused": None})
    with subprocess.Popen([*served, "--serve", str(tmp_path / "v3")]) as tail:
        eventually(lambda: "lists/allow/chunk/0" in terminal.told())
        tail.terminate()
    assert terminal.told()["lists/allow/chunk/0"] == (tmp_path / "v3" / "chunk-000000.json").read_bytes()
    assert terminal.told()["lists/allow/manifest"] == (tmp_path / "v3" / "manifest.json").read_bytes()
    terminal.close()


class Talker:
    """A terminal that only says what it is told to, and remembers what came down."""

    def __init__(self, port: int) -> None:
        stream = MemoryStream()
        self._link = Link(Mqtt("127.0.0.1", port), Terminal("lab", "t1", Path("/nowhere")), stream, boot_id="boot")
        self._link.start()
        self._other = Listener(Mqtt("127.0.0.1", port), lambda _: None, rules=Rules(T1, acknowledge=False))
        self._other.start()

    def say(self, name: str, members: object) -> None:
        self._other.publish(Message(T1.down(name), json.dumps(members).encode(), retain=True)).result(30)

    def told(self) -> dict[str, bytes]:
        return self._other.came_down

    def close(self) -> None:
        self._other.stop(5)
        self._link.stop(5)


class Listener(Console):
    """Hears what goes to terminals as well."""

    def __init__(self, *arguments: object, **more: object) -> None:
        self.came_down: dict[str, bytes] = {}
        super().__init__(*arguments, **more)

    def _make_centre(self, rules, sink, state_file):
        centre = super()._make_centre(rules, sink, state_file)
        opened, happened = centre.opened, centre.happened

        def open_wide(session) -> None:
            opened(session)
            session.subscribe(T1.down("lists/+/manifest"), T1.down("lists/+/chunk/+"))

        def happen(happening) -> None:
            topic = getattr(happening, "topic", "")
            if "/lists/" in topic and not topic.endswith("/state"):
                self.came_down[topic.removeprefix("livegate/v1/lab/t1/")] = happening.payload
            else:
                happened(happening)

        centre.opened, centre.happened = open_wide, happen
        return centre


def test_who_is_not_there_is_said(broker: EmbeddedBroker, keys: Path, tmp_path: Path) -> None:
    port = ["--port", str(broker.port)]
    key = ["--key", str(keys / "commands.pem")]
    done = livegate("command", "door.pulse", *key, "--site", "lab", "--terminal", "t1", *port)
    assert (done.returncode, done.stdout) == (1, "")
    assert "lab/t1: no status seen" in done.stderr
    (tmp_path / "settings.json").write_text("{}")
    done = livegate(
        "push", "twin", str(tmp_path / "settings.json"), "--key", str(keys / "twin.pem"), "--site", "lab", *port
    )
    assert done.returncode == 1
    assert "site lab: no terminal is heard of" in done.stderr
    named = ["--site", "lab", "--terminal", "t1", "--json"]
    done = livegate("push", "twin", str(tmp_path / "settings.json"), "--key", str(keys / "twin.pem"), *named, *port)
    assert done.returncode == 0
    assert json.loads(done.stdout)["pushed"] == "twin"


def test_broker_that_is_not_there_is_said(keys: Path) -> None:
    done = livegate(
        "command", "door.pulse", "--key", str(keys / "commands.pem"), "--site", "lab", "--terminal", "t1", "--port", "1"
    )
    assert done.returncode == 1
    assert "nothing listens there; check --host and --port" in done.stderr
    assert "Traceback" not in done.stderr


def test_tail_names_its_own_options() -> None:
    command = [sys.executable, "-m", "livegate.cli", "console", "tail", "--port", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tail:
        assert tail.stderr is not None
        assert "check --host and --port" in tail.stderr.readline()
        tail.terminate()
