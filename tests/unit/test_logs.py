"""Logs are one line an event, whatever happens and whoever writes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SCRIPT = """
import logging, sys, threading, warnings
from livegate.logs import LogFormat, log_strays, start_logging
start_logging(LogFormat(sys.argv[1]))
log_strays()
log = logging.getLogger("livegate.door")
log.info("opened", extra={"door": "a\\nb", "age_ns": 3, "where": threading})
log.warning("broker says %s", "no\\n2026-01-01 INFO forged: line \\x1b[31m")
log.debug("too quiet")
try:
    raise ValueError("two\\nlines")
except ValueError:
    log.exception("failed")
warnings.warn("a warning\\nof two lines")
def fails():
    raise RuntimeError("in a thread")
thread = threading.Thread(target=fails, name="camera eye")
thread.start()
thread.join()
raise KeyError("at the end")
"""


def logged(style: str) -> list[str]:
    command = [sys.executable, "-c", SCRIPT, style]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr.splitlines()


def test_json() -> None:
    opened, broker, failed, warned, thread, end = map(json.loads, logged("json"))
    assert opened["event"] == "opened"
    assert (opened["level"], opened["room"], opened["door"], opened["age_ns"]) == ("info", "livegate.door", "a\nb", 3)
    assert opened["time"].endswith("+00:00")
    assert broker["event"].startswith("broker says no\n")
    assert failed["traceback"].endswith("ValueError: two\nlines")
    assert "a warning" in warned["event"]
    assert (thread["level"], thread["in_thread"]) == ("critical", "camera eye")
    assert "in a thread" in thread["traceback"]
    assert "KeyError" in end["traceback"]


def test_text() -> None:
    lines = logged("text")
    assert len(lines) == 6
    assert 'livegate.door: opened door="a\\nb" age_ns=3 where="<module' in lines[0]
    assert all(line.isprintable() for line in lines)
    assert "no�2026-01-01 INFO forged" in lines[1]


@pytest.mark.parametrize("style", ["text", "json"])
def test_nothing_is_said_below_the_level(style: str) -> None:
    assert not [line for line in logged(style) if "too quiet" in line]
