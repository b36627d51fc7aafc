"""A running terminal takes up a calibration that is made beside it, names it from then on, and survives a kill."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from livegate.acceptance.file import keep, load
from livegate.building import open_shelf
from livegate.cli import main
from livegate.configfile import load as load_config
from livegate.judging import open_judge
from livegate.store import StoreReader
from support.calibrations import shifting
from support.terminals import RunningTerminal, write_config
from support.waiting import eventually


def told(state_dir: Path) -> list[dict[str, Any]]:
    with StoreReader(state_dir) as store:
        events = store.newest(100, "calibration.applied")
    return [json.loads(event.body)["data"]["what"] for event in events]


def calibration_named(state_dir: Path) -> str | None:
    """Return the calibration that the newest event names."""
    with StoreReader(state_dir) as store:
        (newest,) = store.newest(1)
    named: str | None = json.loads(newest.body)["data"]["environment"]["calibration_sha256"]
    return named


def test_a_running_terminal_goes_by_it_and_takes_it_back(tmp_path: Path) -> None:
    path, state_dir = write_config(tmp_path), tmp_path / "state"
    config = load_config(path)
    judge = open_judge(config, open_shelf(config)).judge
    tables = replace(shifting(0.25, "detector"), models=judge.models)
    with RunningTerminal(path) as terminal:
        terminal.says("ready")
        kept = keep(state_dir, tables)
        eventually(lambda: bool(told(state_dir)), "the calibration was told", 30.0)
        assert calibration_named(state_dir) == kept.sha256
    # The process was killed: the next one goes by the file, and tells nothing twice.
    with RunningTerminal(path) as terminal:
        terminal.says("ready")
        assert [each["action"] for each in told(state_dir)] == ["apply"]
        assert told(state_dir)[0]["sha256"] == kept.sha256
        assert main(["calibrate", "decision", "--config", str(path), "--undo"]) == 0
        eventually(lambda: len(told(state_dir)) == 2, "taking back was told", 30.0)
        assert load(state_dir) is None
        assert calibration_named(state_dir) is None
    assert told(state_dir)[-1]["action"] == "remove"
