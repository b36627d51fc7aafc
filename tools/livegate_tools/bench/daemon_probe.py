"""Start the real daemon, as a process of its own, to see how soon it is ready and how much memory it needs."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from livegate.config import Runtime
from livegate.errors import LivegateError

READY = "ready"
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
# Long enough to judge visitors, so that everything the daemon loads late is loaded.
WORK_S = 4.0
# The first start fills the caches of disk and kernels; what is asked for is a warm start.
STARTS = 3
_POLL_S = 0.005


@dataclass(frozen=True, slots=True)
class Startup:
    """Median time from starting the process to its line "ready", and the most memory it ever held."""

    start_to_ready_s: float
    rss_mb: float


def measure_daemon(
    config: Path, scratch: Path, starts: int = STARTS, work_s: float = WORK_S, *, fallback: bool = False
) -> Startup:
    """Start ``livegate run`` with the settings of ``config`` but state of its own below ``scratch`` and no broker.

    With ``fallback`` it runs no network. The median of ``starts`` starts, each left at work for ``work_s``. Raises
    LivegateError with the daemon's last words when it does not become ready.
    """
    found = [_start_once(config, scratch, work_s, fallback) for _ in range(starts)]
    ready_s = statistics.median(one.start_to_ready_s for one in found)
    return Startup(round(ready_s, 3), max(one.rss_mb for one in found))


def without_broker(config: Path, state_dir: Path) -> str:
    """Return the text of a shipped configuration with another state folder, absolute paths and no [mqtt] table."""
    text = config.read_text("utf-8")
    text = _without_table(text, "mqtt")
    text = re.sub(r"(?m)^state_dir = .*$", lambda _: f"state_dir = {json.dumps(str(state_dir))}", text)
    return re.sub(r'(?m)^path = "([^"]*)"$', lambda found: f"path = {_absolute(config.parent, found[1])}", text)


def without_network(text: str) -> str:
    """Return the text of a configuration with which no network runs."""
    return f'{_without_table(text, "detector")}\n[detector]\nruntime = "{Runtime.NONE}"\n'


def _without_table(text: str, name: str) -> str:
    return re.sub(rf"(?ms)^\[{name}\].*?(?=^\[|\Z)", "", text)


def _absolute(base: Path, name: str) -> str:
    return json.dumps(str((base / name).resolve()))


def _start_once(config: Path, scratch: Path, work_s: float, fallback: bool) -> Startup:
    with tempfile.TemporaryDirectory(dir=scratch, prefix="daemon-") as name:
        folder = Path(name)
        file, log = folder / "bench.toml", folder / "stderr"
        text = without_broker(config, folder / "state")
        file.write_text(without_network(text) if fallback else text, "utf-8")
        command = [sys.executable, "-m", "livegate.cli", "run", "--config", str(file), "--log-format", "json"]
        with log.open("wb") as stderr:
            started_s = time.monotonic()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
            try:
                ready_s = _wait_until_ready(process, log) - started_s
                _work(process, log, work_s)
                rss_mb = _most_memory_mb(process.pid)
            finally:
                _stop(process)
    return Startup(ready_s, rss_mb)


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> float:
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline_s:
        if _has_said_ready(log):
            return time.monotonic()
        if process.poll() is not None:
            raise _failure(f"ended with status {process.returncode} before it was ready", log)
        time.sleep(_POLL_S)
    raise _failure(f"was not ready within {READY_TIMEOUT_S:g} s", log)


def _work(process: subprocess.Popen[bytes], log: Path, work_s: float) -> None:
    try:
        status = process.wait(work_s)
    except subprocess.TimeoutExpired:
        return
    raise _failure(f"ended by itself with status {status}", log)


def _has_said_ready(log: Path) -> bool:
    # The last piece may be a line still being written.
    whole, _, _ = log.read_text("utf-8", errors="replace").rpartition("\n")
    return any(_event(line) == READY for line in whole.splitlines())


def _event(line: str) -> str | None:
    try:
        fields = json.loads(line)
    except json.JSONDecodeError:
        return None
    return fields.get("event") if isinstance(fields, dict) else None


def _most_memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    raise LivegateError(f"/proc/{pid}/status: names no VmHWM; `livegate bench` measures memory on Linux only")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _failure(what: str, log: Path) -> LivegateError:
    last = log.read_text("utf-8", errors="replace").strip().splitlines()[-3:]
    return LivegateError(f"livegate run: {what}; it said last: {' | '.join(last) or 'nothing'}")
