"""Brokers for tests: a real mosquitto and the embedded one, behind one face; both on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Protocol

from livegate_tools.demo.broker import EmbeddedBroker

START_S = 10.0


class TestBroker(Protocol):
    __test__ = False
    port: int

    def start(self) -> None: ...

    def kill(self) -> None: ...


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """A mosquitto process that keeps its sessions in ``folder``; ``extra`` lines end its configuration."""

    def __init__(self, folder: Path, extra: str = "", *, anonymous: bool = True):
        self.port = free_port()
        self.config = folder / "mosquitto.conf"
        self.config.write_text(
            f"user root\nlistener {self.port} 127.0.0.1\nallow_anonymous {str(anonymous).lower()}\n"
            f"persistence true\npersistence_location {folder}/\n{extra}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        found = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        assert found, "tests that use mosquitto are marked 'broker'"
        log = (self.config.parent / "mosquitto.log").open("ab")
        with log:
            self._process = subprocess.Popen([found, "-c", str(self.config)], stdout=log, stderr=log)
        deadline_s = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert time.monotonic() < deadline_s, (self.config.parent / "mosquitto.log").read_text()
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """SIGKILL: sessions and queues since the last save are lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Embedded:
    """The embedded broker on one port over its restarts; it forgets everything each time."""

    def __init__(self, users: dict[str, str] | None = None):
        self.port = free_port()
        self._users = users
        self._broker: EmbeddedBroker | None = None

    def start(self) -> None:
        self._broker = EmbeddedBroker(self.port, self._users)
        self._broker.start()

    def kill(self) -> None:
        if self._broker is not None:
            self._broker.stop()
            self._broker = None
