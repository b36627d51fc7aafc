"""The real daemon as a process: what it says, how it ends, what it leaves behind."""

from __future__ import annotations

import json
import re
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from livegate.configfile import load
from livegate.daemon import Daemon
from livegate.events.cloudevents import StoredEvent
from livegate.pipeline import Snapshot
from livegate.store import StoreReader
from support.models import TINY_ONNX
from support.terminals import RunningTerminal, write_config
from support.waiting import eventually

TEXT_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00 (INFO|WARNING|ERROR) +[a-z_.]+: .+")


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def attempts(state_dir: Path) -> list[dict[str, object]]:
    with StoreReader(state_dir) as store:
        events: list[StoredEvent] = store.newest(100, "access.attempt")
    return [json.loads(event.body)["data"]["what"] for event in events]


def has_decided(state_dir: Path) -> bool:
    return (state_dir / "livegate.db").exists() and bool(attempts(state_dir))


def test_text_logs_are_lines_and_sigterm_is_an_orderly_end(tmp_path: Path) -> None:
    config = write_config(tmp_path, f'[mqtt]\nhost = "127.0.0.1"\nport = {free_port()}\n')
    with RunningTerminal(config) as terminal:
        terminal.says("ready")
        eventually(lambda: has_decided(tmp_path / "state"), "the card was answered", 60.0)
        assert terminal.terminate() == 0
        lines = terminal.text().splitlines()
    assert [line for line in lines if not TEXT_LINE.fullmatch(line)] == []
    assert "Traceback" not in "".join(lines)
    (attempt,) = attempts(tmp_path / "state")
    assert attempt["outcome"] != "granted"


def test_json_logs_are_one_object_a_line(tmp_path: Path) -> None:
    config = write_config(tmp_path, f'[mqtt]\nhost = "127.0.0.1"\nport = {free_port()}\n')
    with RunningTerminal(config, "--log-format", "json", "--log-level", "DEBUG") as terminal:
        terminal.says('"event": "ready"')
        assert terminal.terminate() == 0
        lines = [json.loads(line) for line in terminal.text().splitlines()]
    assert all({"time", "level", "room", "event"} <= set(line) for line in lines)
    (ready,) = [line for line in lines if line["event"] == "ready"]
    assert ready["terminal"] == "t1"


def test_a_broker_that_is_not_there_is_said_and_stops_nothing(tmp_path: Path) -> None:
    port = free_port()
    config = write_config(tmp_path, f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n')
    with RunningTerminal(config) as terminal:
        terminal.says("nothing listens there")
        eventually(lambda: has_decided(tmp_path / "state"), "the card was answered", 60.0)
        assert terminal.terminate() == 0
        assert "127.0.0.1" in terminal.text()


def test_interrupt_is_an_orderly_end_too(tmp_path: Path) -> None:
    with RunningTerminal(write_config(tmp_path)) as terminal:
        terminal.says("ready")
        assert terminal.terminate(signal.SIGINT) == 0


def test_the_store_is_whole_after_every_end(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    for _ in range(2):
        with RunningTerminal(config) as terminal:
            terminal.says("ready")
            assert terminal.terminate() == 0
    with StoreReader(tmp_path / "state") as store:
        events = store.newest(1000)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert [json.loads(event.body)["type"] for event in events].count("io.livegate.system.started.v1") == 2


def test_a_second_daemon_on_the_same_state_is_refused(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with RunningTerminal(config) as first:
        first.says("ready")
        with RunningTerminal(config) as second:
            assert second.ended() == 1
            sentence = second.text().splitlines()[-1]
        assert sentence.startswith("livegate run: ")
        assert str(tmp_path / "state") in sentence
        assert first.terminate() == 0


@pytest.mark.parametrize("runtime", ["onnxruntime", "auto"])
def test_a_wrong_model_keeps_the_door_shut_and_says_so(tmp_path: Path, runtime: str) -> None:
    config = write_config(tmp_path, runtime=runtime)
    (tmp_path / "model" / "tiny.onnx").write_bytes(TINY_ONNX + b"\0")
    (tmp_path / "model" / "tiny.tflite").write_bytes(b"\0")
    with RunningTerminal(config) as terminal:
        terminal.says("ready")
        assert "model not usable" in terminal.text()
        eventually(lambda: has_decided(tmp_path / "state"), "the card was answered", 60.0)
        assert terminal.terminate() == 0
    assert {attempt["outcome"] for attempt in attempts(tmp_path / "state")} <= {"denied", "inconclusive"}


@pytest.mark.parametrize(
    ("spoil", "status", "words"),
    [
        (lambda config: config.unlink(), 2, "cannot be read"),
        (lambda config: config.write_text("["), 2, "is not TOML"),
        (lambda config: config.write_text(config.read_text().replace("fps", "fsp")), 2, "did you mean 'fps'"),
        (lambda config: config.write_text(config.read_text().replace('"fake"', '"fakir"')), 2, "no driver 'fakir'"),
        # Even root may make nothing there.
        (lambda config: config.write_text(config.read_text().replace('"state"', '"/proc/livegate"')), 1, "/proc"),
        (lambda config: config.write_text(config.read_text().replace('"state"', '"terminal.toml"')), 1, "terminal"),
    ],
    ids=["missing", "no TOML", "misspelt", "driver", "read-only", "file"],
)
def test_what_cannot_run_ends_in_a_sentence(tmp_path: Path, spoil: object, status: int, words: str) -> None:
    config = write_config(tmp_path)
    assert callable(spoil)
    spoil(config)
    with RunningTerminal(config) as terminal:
        assert terminal.ended() == status
        last = terminal.text().splitlines()[-1]
    assert last.startswith("livegate run: ")
    assert words in last


class Manager:
    """A service manager that listens, at an address of the file system or an abstract one."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.settimeout(0.05)
        self.heard: list[str] = []

    def close(self) -> None:
        self._socket.close()

    def listen(self) -> list[str]:
        """Return everything heard so far."""
        while True:
            try:
                self.heard.append(self._socket.recv(100).decode())
            except TimeoutError:
                return self.heard


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_hears_ready_alive_stopping(tmp_path: Path, abstract: bool) -> None:
    address = f"@livegate-{tmp_path}" if abstract else str(tmp_path / "notify")
    manager = Manager(address)
    with RunningTerminal(write_config(tmp_path), environment={"NOTIFY_SOCKET": address}) as terminal:
        eventually(lambda: "WATCHDOG=1" in manager.listen(), "the watchdog was fed", 60.0)
        assert terminal.terminate() == 0
    heard = manager.listen()
    manager.close()
    assert (heard[0], heard[-1]) == ("READY=1", "STOPPING=1")
    assert set(heard) == {"READY=1", "WATCHDOG=1", "STOPPING=1"}


def test_a_manager_that_does_not_listen_stops_nothing(tmp_path: Path) -> None:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "nobody")}
    with RunningTerminal(write_config(tmp_path), environment=environment) as terminal:
        terminal.says("ready")
        assert terminal.terminate() == 0


def test_the_watchdog_is_fed_only_while_turns_happen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = str(tmp_path / "notify")
    manager = Manager(address)
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    going, stop = threading.Event(), threading.Event()
    going.set()

    def observer(_: Snapshot) -> None:
        going.wait()

    with Daemon(load(write_config(tmp_path)), observer) as daemon:
        supervisor = threading.Thread(target=daemon.run, args=(stop,))
        supervisor.start()
        eventually(lambda: "WATCHDOG=1" in manager.listen(), "the watchdog was fed")
        going.clear()
        eventually(lambda: _falls_silent(manager), "the watchdog went hungry")
        going.set()
        fed = len(manager.listen())
        eventually(lambda: len(manager.listen()) > fed, "the watchdog was fed again")
        stop.set()
        supervisor.join()
    manager.close()


def _falls_silent(manager: Manager) -> bool:
    """Return whether nothing is heard for the time of several feedings."""
    before = len(manager.listen())
    time.sleep(2.0)
    return len(manager.listen()) == before
