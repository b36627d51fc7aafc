"""A terminal that judges by another model than at its last start says so, once, and why where nobody wished it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from livegate import assets
from livegate.config import WhenFull
from livegate.errors import StoreFull
from livegate.events.environment import MAX_REASON
from livegate.events.models import MODEL_ACTIVATED, model_activated
from livegate.installed.activating import activate, rollback
from livegate.installed.announcing import Judged, announce
from livegate.installed.installing import install
from livegate.installed.library import Library
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.store.models import told_models
from livegate.types import Step
from support.onnx_files import write_classifier
from support.schemas import valid
from support.stores import ENVIRONMENT, opened

NETWORK = Judged("face")
# The finder judges only where no network does.
SHIPPED_NAMES = sorted(SHIPPED.all().keys() - {"finder"})


def started(folder: Path, shelf: Shelf, judged: Judged = NETWORK) -> list[dict[str, Any]]:
    """Start with ``shelf`` and return what that told of models."""
    with opened(folder) as store:
        before = store.last().sequence
        announce(store, shelf, judged, ENVIRONMENT)
        bodies = [json.loads(event.body) for event in store.newest(100) if event.sequence > before]
    told = [body["data"] for body in bodies if body["type"] == f"io.livegate.{MODEL_ACTIVATED}.v1"]
    for data in told:
        valid(MODEL_ACTIVATED, data)
    return [data["what"] | {"severity": body["severity"]} for data, body in zip(told, bodies, strict=True)]


def second(library: Library, tmp_path: Path, version: str = "1") -> None:
    """Install a crop classifier under a name that ships nothing, and put it in force."""
    install(library, write_classifier(tmp_path / f"given-{version}", version=version))
    with library.changing():
        activate(library, "second", version)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    with opened(tmp_path / "state"):
        return Library.of(tmp_path / "state")


def test_what_ships_is_no_news_at_the_first_start_nor_later(tmp_path: Path) -> None:
    assert started(tmp_path, SHIPPED) == []
    assert started(tmp_path, SHIPPED) == []
    with opened(tmp_path) as store, store.transaction() as t:
        told = told_models(t.connection)
    assert sorted(told) == SHIPPED_NAMES
    assert {model.source for model in told.values()} == {"shipped"}


def test_an_installed_one_is_told_once_and_so_is_its_end(library: Library, tmp_path: Path) -> None:
    state = tmp_path / "state"
    second(library, tmp_path)
    (told,) = started(state, library.shelf())
    assert (told["action"], told["name"], told["previous"], told["reason"]) == ("activate", "second", None, None)
    assert told["model"]["source"] == "installed"
    assert told["severity"] == "notice"
    assert started(state, library.shelf()) == []
    second(library, tmp_path, "2")
    (told,) = started(state, library.shelf())
    assert (told["previous"]["version"], told["model"]["version"]) == ("1", "2")
    with library.changing():
        activate(library, "second", "shipped")
    (told,) = started(state, library.shelf())
    assert (told["action"], told["model"], told["previous"]["version"]) == ("deactivate", None, "2")
    with library.changing():
        rollback(library, "second")
    assert [told["action"] for told in started(state, library.shelf())] == ["activate"]


def test_a_damaged_one_is_told_with_its_fault(library: Library, tmp_path: Path) -> None:
    state = tmp_path / "state"
    started(state, SHIPPED)
    second(library, tmp_path)
    started(state, library.shelf())
    (network,) = library.path.rglob("net.onnx")
    network.write_bytes(b"another")
    (told,) = started(state, library.shelf())
    assert (told["action"], told["name"], told["model"]) == ("deactivate", "second", None)
    assert "is not the file its manifest names" in told["reason"]
    assert told["reason"].startswith("installed model 'second' is not used: models/second/")
    assert str(tmp_path) not in json.dumps(told)
    assert told["severity"] == "warning"
    assert started(state, library.shelf()) == []


def test_a_fault_that_quotes_a_damaged_file_at_length_is_told_in_short(library: Library, tmp_path: Path) -> None:
    second(library, tmp_path)
    started(tmp_path / "state", library.shelf())
    manifest = library.shelf().active["second"] / "manifest.toml"
    manifest.write_text(f"{manifest.read_text()}\n[{'k' * 60_000}]\n")
    shelf = library.shelf()
    assert len(shelf.faults["second"]) > 60_000
    (told,) = started(tmp_path / "state", shelf)
    assert len(told["reason"]) == MAX_REASON
    assert told["reason"].startswith("installed model 'second' is not used: ")


def test_in_place_of_a_damaged_one_what_ships_is_told(library: Library, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    text = (assets.model("near_infrared") / "manifest.toml").read_text()
    (given / "manifest.toml").write_text(text.replace('version = "1"', 'version = "own"', 1))
    install(library, given)
    with library.changing():
        activate(library, "near_infrared")
    (told,) = started(tmp_path / "state", library.shelf())
    assert told["model"]["version"] == "own"
    (manifest,) = library.path.rglob("manifest.toml")
    manifest.chmod(0o666)
    (told,) = started(tmp_path / "state", library.shelf())
    assert told["model"]["source"] == "shipped"
    assert "others may write to it" in told["reason"]


def test_another_detector_by_configuration_is_told(library: Library, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with opened(state) as store:
        announce(store, SHIPPED, Judged("/somewhere/else"), ENVIRONMENT)
        with store.transaction() as t:
            assert sorted(told_models(t.connection)) == [name for name in SHIPPED_NAMES if name != "face"]
    assert [told["name"] for told in started(state, SHIPPED)] == ["face"]


def test_networks_that_cannot_run_are_told_with_the_reason_and_so_is_their_return(tmp_path: Path) -> None:
    started(tmp_path, SHIPPED)
    damaged = Judged("face", Step.NONE, {"face": "face/face.onnx: is another", "finder": "finder: is missing"})
    told = {each["name"]: each for each in started(tmp_path, SHIPPED, damaged)}
    assert {name: each["action"] for name, each in told.items()} == {"crop": "deactivate", "face": "deactivate"}
    assert {each["reason"] for each in told.values()} == {"face/face.onnx: is another"}
    assert {each["severity"] for each in told.values()} == {"warning"}
    assert started(tmp_path, SHIPPED, damaged) == []
    told = {each["name"]: each for each in started(tmp_path, SHIPPED)}
    assert {name: (each["action"], each["reason"]) for name, each in told.items()} == {
        "crop": ("activate", None),
        "face": ("activate", None),
    }


def test_networks_that_nobody_wishes_are_no_warning(tmp_path: Path) -> None:
    started(tmp_path, SHIPPED)
    told = started(tmp_path, SHIPPED, Judged("face", Step.TEXTURE))
    assert {each["name"] for each in told if each["action"] == "deactivate"} == {"crop", "face"}
    assert {each["severity"] for each in told} == {"notice"}


@pytest.mark.parametrize("detector", ["face", "mine"])
def test_what_cannot_judge_is_news_at_the_first_start_and_only_then(detector: str, tmp_path: Path) -> None:
    damaged = Judged(detector, Step.NONE, {detector: "is another"})
    (told,) = started(tmp_path, SHIPPED, damaged)
    assert (told["name"], told["action"], told["previous"]) == (detector, "deactivate", None)
    assert started(tmp_path, SHIPPED, damaged) == []


def test_a_full_store_tells_at_a_later_start(
    library: Library, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    second(library, tmp_path)
    state = tmp_path / "state"
    with opened(state, history=100, when_full=WhenFull.DENY) as store:
        while True:
            try:
                with store.transaction() as t:
                    t.enqueue(model_activated("filler", None, None, None, t.opened, ENVIRONMENT))
            except StoreFull:
                break
        announce(store, library.shelf(), NETWORK, ENVIRONMENT)
        assert "change of models not recorded yet" in caplog.text
        with store.transaction() as t:
            assert told_models(t.connection) == {}
