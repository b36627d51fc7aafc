"""A terminal judges by what was installed and put in force, says so, and goes on without what was tampered with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from livegate.building import open_shelf
from livegate.configfile import load
from livegate.installed.activating import activate
from livegate.installed.installing import install
from livegate.installed.library import Library
from livegate.judging import open_judge
from livegate.store import StoreReader
from livegate.store.files import prepare_folder
from support.onnx_files import classifier, write_classifier
from support.terminals import RunningTerminal, write_config
from support.waiting import eventually


def with_second_opinion(folder: Path) -> Path:
    """Write a terminal with an active crop classifier; return its configuration."""
    config = write_config(folder)
    prepare_folder(folder / "state")
    library = Library.of(folder / "state")
    install(library, write_classifier(folder / "given"))
    with library.changing():
        activate(library, "second")
    return config


def tamper(folder: Path) -> None:
    (network,) = (folder / "state").rglob("net.onnx")
    network.write_bytes(classifier(5.0))


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    if not (folder / "state" / "livegate.db").exists():
        return []
    with StoreReader(folder / "state") as store:
        return [json.loads(event.body)["data"]["what"] for event in store.newest(100, kind)]


def lived(config: Path) -> str:
    """Run the terminal until it has answered a card once more; return its log."""
    before = len(events(config.parent, "access.attempt"))
    with RunningTerminal(config) as terminal:
        terminal.says("ready")
        eventually(lambda: len(events(config.parent, "access.attempt")) > before, "a card was answered", 60.0)
        assert terminal.terminate() == 0
        return terminal.text()


def test_the_judge_hears_an_active_classifier(tmp_path: Path) -> None:
    config = load(with_second_opinion(tmp_path))
    judging = open_judge(config, open_shelf(config))
    judge = judging.judge
    assert judging.model is not None
    assert [cue.name for cue in judge.bank.cues] == ["detector", "colour_texture", "crop", "distortion", "second"]


def test_the_judge_misses_a_classifier_that_is_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = load(with_second_opinion(tmp_path))
    tamper(tmp_path)
    judging = open_judge(config, open_shelf(config))
    judge = judging.judge
    assert judging.model is not None
    assert [cue.name for cue in judge.bank.cues] == ["detector", "colour_texture", "crop", "distortion"]
    (said,) = [record for record in caplog.records if record.message == "installed model damaged"]
    assert vars(said)["model"] == "second"
    assert vars(said)["serves"] == "nothing"


def test_a_terminal_tells_what_it_judges_by_and_what_it_lost(tmp_path: Path) -> None:
    config = with_second_opinion(tmp_path)
    lived(config)
    (told,) = events(tmp_path, "model.activated")
    assert (told["action"], told["name"], told["reason"]) == ("activate", "second", None)
    assert "second" not in events(tmp_path, "access.attempt")[-1]["pad"]["missing"]
    tamper(tmp_path)
    assert "installed model damaged" in lived(config)
    told = events(tmp_path, "model.activated")[-1]
    assert (told["action"], told["name"]) == ("deactivate", "second")
    assert "is not the file its manifest names" in told["reason"]
    assert "second" in events(tmp_path, "access.attempt")[-1]["pad"]["missing"]
    assert {attempt["outcome"] for attempt in events(tmp_path, "access.attempt")} <= {"denied", "inconclusive"}
