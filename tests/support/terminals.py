"""A terminal small enough to run in a test: its configuration, and the real `livegate` in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from support.models import write_tiny
from support.waiting import eventually

CONFIG = """
[terminal]
site = "lab"
id = "t1"
state_dir = "{state_dir}"

[[camera]]
name = "eye"
role = "rgb"
driver = "fake"
width = 64
height = 48
fps = 30

[door]
driver = "simulated"

[[reader]]
driver = "scripted"
present = [{{ value = "04A1", after_ms = 200 }}]

[gate]
pairing_window_ms = 400

[detector]
model = "{model}"
runtime = "{runtime}"
"""


def write_config(folder: Path, more: str = "", *, state_dir: str = "state", runtime: str = "onnxruntime") -> Path:
    """Write a terminal with a fake camera, a card shown once, a tiny network, and ``more`` into ``folder``."""
    model = write_tiny(folder / "model")
    path = folder / "terminal.toml"
    path.write_text(CONFIG.format(state_dir=state_dir, model=model, runtime=runtime) + more)
    return path


class RunningTerminal:
    """`livegate run` between ``__enter__`` and ``__exit__``, which kills what has not ended by then."""

    def __init__(self, config: Path, *options: str, environment: Mapping[str, str] | None = None) -> None:
        self._command = [sys.executable, "-m", "livegate.cli", "run", "--config", str(config), *options]
        self._environment = os.environ | (environment or {})
        self._errors: IO[bytes]
        self._process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(self._command, stderr=self._errors, env=self._environment)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def text(self) -> str:
        """Return what it has written on standard error so far."""
        return os.pread(self._errors.fileno(), 1 << 24, 0).decode()

    def says(self, words: str) -> None:
        """Wait until it has written ``words``."""
        eventually(lambda: words in self.text() or self._process.poll() is not None, words, 60.0)
        assert words in self.text(), self.text()

    def terminate(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, as systemd would, and return its status."""
        self._process.send_signal(how)
        return self.ended()

    def ended(self) -> int:
        """Wait for its end and return its status."""
        return self._process.wait(60.0)
