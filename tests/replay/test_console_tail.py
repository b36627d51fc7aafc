"""The real store, the link, and the console as a command."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from livegate import cli
from livegate.audit.chain import verify_chain
from livegate.config import Mqtt, StoreConfig, Terminal
from livegate.events.cloudevents import Identity, genesis
from livegate.report.link import Link
from livegate.store import Store, open_store
from livegate.types import AccessEvent
from livegate_tools.console.console import Console
from livegate_tools.demo.broker import EmbeddedBroker
from support.chains import stored
from support.waiting import eventually

IDENTITY = Identity(site="lab", terminal="t1", firmware="0", boot_id="boot", door="door")


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "state", IDENTITY, StoreConfig()) as opened:
        yield opened


@pytest.fixture
def link(broker: EmbeddedBroker, store: Store, tmp_path: Path) -> Iterator[Link]:
    started = Link(Mqtt("127.0.0.1", broker.port), Terminal("lab", "t1", tmp_path), store, boot_id="boot")
    started.start()
    yield started
    started.stop(5)


def record(store: Store, count: int) -> None:
    for number in range(count):
        what = {"what": {"outcome": "denied", "reason": "\x1b[2Jlisted", "number": number}}
        with store.transaction() as t:
            t.enqueue(AccessEvent("access.attempt", what, 1.7e9 + number, number))


def tail(broker: EmbeddedBroker, *arguments: str) -> list[str]:
    command = [sys.executable, "-m", "livegate.cli", "console", "tail", "--port", str(broker.port), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_tail_shows_proves_and_releases_what_the_store_holds(broker: EmbeddedBroker, store: Store, link: Link) -> None:
    record(store, 30)
    link.wake()
    last = store.last()
    lines = tail(broker, "--json", "--count", str(last.sequence))
    shown = [stored(line.encode()) for line in lines]
    assert [event.sequence for event in shown] == list(range(1, last.sequence + 1))
    assert verify_chain(shown, genesis(store.stream)) is None
    eventually(lambda: store.acknowledged_through() == last.sequence)
    assert link.state().acks_refused == 0


def test_file_holds_each_event_once_over_restarts(
    broker: EmbeddedBroker, store: Store, link: Link, tmp_path: Path
) -> None:
    out, first_words = tmp_path / "events.jsonl", ["--out", str(tmp_path / "events.jsonl")]
    words = [*first_words, "--state", str(tmp_path / "console.json")]
    record(store, 8)
    link.wake()
    first = store.last().sequence
    assert tail(broker, *words, "--count", str(first)) == []
    with out.open("ab") as file:
        file.write(b'{"torn":')
    (tmp_path / "console.json").unlink()
    record(store, 8)
    link.wake()
    last = store.last().sequence
    assert tail(broker, *words, "--count", str(last - first)) == []
    shown = [stored(line) for line in out.read_bytes().splitlines()]
    assert [event.sequence for event in shown] == list(range(1, last + 1))
    assert verify_chain(shown, genesis(store.stream)) is None
    eventually(lambda: store.acknowledged_through() == last)


def test_restarted_tail_goes_on_from_its_state(
    broker: EmbeddedBroker, store: Store, link: Link, tmp_path: Path
) -> None:
    record(store, 5)
    link.wake()
    state = str(tmp_path / "console.json")
    first = store.last().sequence
    tail(broker, "--state", state, "--count", str(first))
    record(store, 5)
    link.wake()
    lines = tail(broker, "--state", state, "--json", "--count", "5")
    assert [int(json.loads(line)["sequence"]) for line in lines] == list(range(first + 1, first + 6))


def test_looking_on_releases_nothing_and_prints_no_control_characters(
    broker: EmbeddedBroker, store: Store, link: Link
) -> None:
    record(store, 3)
    link.wake()
    eventually(lambda: link.state().sent_through == store.last().sequence)
    command = [sys.executable, "-m", "livegate.cli", "console", "tail", "--no-ack", "--count", "2"]
    watcher = subprocess.Popen([*command, "--port", str(broker.port)], stdout=subprocess.PIPE, text=True)
    while watcher.poll() is None:
        record(store, 1)
        link.wake()
        try:
            watcher.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            continue
    with watcher:
        assert watcher.stdout is not None
        lines = watcher.stdout.read().splitlines()
    assert len(lines) >= 2
    assert all("denied ?[2Jlisted" in line and "\x1b" not in line for line in lines)
    assert store.acknowledged_through() == 0


def test_console_as_a_library(broker: EmbeddedBroker, store: Store, link: Link) -> None:
    seen = []
    console = Console(Mqtt("127.0.0.1", broker.port), seen.append)
    console.start()
    record(store, 10)
    link.wake()
    eventually(lambda: store.acknowledged_through() == store.last().sequence)
    (state,) = console.streams()
    assert (state.topics.terminal, state.through) == ("t1", store.last().sequence)
    assert console.link().connected
    console.stop(5)


def test_wrong_usage_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["console", "tail", "--port", "0"]) == 2
    assert "--port 0: expected 1 to 65535" in capsys.readouterr().err
    assert cli.main(["console", "tail", "--state", "."]) == 1
    assert "cannot be read" in capsys.readouterr().err
