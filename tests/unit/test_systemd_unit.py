"""The service unit: systemd knows every directive, Livegate every option, and what the daemon needs is allowed."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from livegate import assets
from livegate.daemon import STUCK_S
from livegate.verbs import run

UNIT = Path(__file__).parents[2] / "systemd" / "livegate.service"


def values(key: str) -> list[str]:
    """Return every value of a directive, in order."""
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)


def verified(folder: Path, text: str) -> str:
    """Return what systemd finds wrong with a unit whose program and user exist on this machine."""
    for key, value in (("ExecStart", "/bin/true"), ("User", "root"), ("Group", "root"), ("SupplementaryGroups", "")):
        text = re.sub(rf"^{key}=.*$", f"{key}={value}", text, flags=re.MULTILINE)
    unit = folder / "livegate.service"
    unit.write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    # Its status is 0 for a directive it does not know.
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def allowed_calls() -> set[str]:
    """Return the system calls the unit allows, by systemd's rules: the first line founds a list, others change it."""
    allowed: set[str] = set()
    for line in values("SystemCallFilter"):
        calls = {call for name in line.removeprefix("~").split() for call in calls_of(name)}
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    return allowed


def calls_of(name: str) -> set[str]:
    if not name.startswith("@"):
        return {name}
    command = ["systemd-analyze", "syscall-filter", "--no-pager", name]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    words = {line.strip() for line in listed if line.strip() and not line.strip().startswith("#")}
    return {call for word in words for call in calls_of(word)}


def test_the_service_cannot_change_the_program_it_runs() -> None:
    assert values("ProtectSystem") == ["strict"]
    assert values("ReadWritePaths") == []
    assert values("User") == ["livegate"]
    assert values("ExecStart")[0].startswith("/opt/")


@pytest.mark.systemd
def test_systemd_knows_every_directive(tmp_path: Path) -> None:
    text = UNIT.read_text()
    assert verified(tmp_path, text) == ""
    assert "WatchdogSek" in verified(tmp_path, text.replace("WatchdogSec", "WatchdogSek"))


@pytest.mark.systemd
def test_the_clock_may_be_asked_but_not_set() -> None:
    calls = allowed_calls()
    assert {"adjtimex", "clock_adjtime", "openat", "fsync", "sendto", "ioctl"} <= calls
    assert not {"settimeofday", "clock_settime", "setuid", "mount", "init_module"} & calls
    # It would forbid adjtimex on top of the filter.
    assert values("ProtectClock") == []
    assert values("CapabilityBoundingSet") == [""]


def test_livegate_knows_every_option() -> None:
    (command,) = values("ExecStart")
    program, verb, *options = shlex.split(command)
    assert (Path(program).name, verb) == ("livegate", "run")
    parser = argparse.ArgumentParser(exit_on_error=False)
    run.add_arguments(parser)
    parsed = parser.parse_args(options)
    assert str(parsed.log_format) == "json"
    assert parsed.config.is_absolute()


def test_a_stuck_decision_is_noticed_before_systemd_acts() -> None:
    (watchdog_s,) = map(float, values("WatchdogSec"))
    assert watchdog_s > 2 * STUCK_S
    assert values("Type") == ["notify"]


def test_the_profiles_keep_their_state_where_the_unit_lets_them() -> None:
    profiles = [path for path in assets.folder("configs").glob("*.toml") if path.stem != "demo"]
    terminals = [table for path in profiles if "terminal" in (table := tomllib.loads(path.read_text()))]
    assert terminals
    assert {table["terminal"]["state_dir"] for table in terminals} == {f"/var/lib/{values('StateDirectory')[0]}"}
