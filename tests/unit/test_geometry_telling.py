"""What a terminal says of its cameras' calibration: at the start, once, and in every event's environment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from livegate.acceptance.file import keep
from livegate.acceptance.following import Following
from livegate.cameras_told import CamerasTold
from livegate.config import Config
from livegate.configfile import load
from livegate.errors import StoreFull
from livegate.events.calibration import calibration_sha256
from livegate.events.environment import Environment
from livegate.geometry.file import write
from livegate.geometry.opening import Geometry, open_geometry
from livegate.settings import Settings
from livegate.store import Store
from support.calibrations import MODELS, TABLES
from support.rigs import camera, rig
from support.schemas import valid
from support.stores import IDENTITY, opened
from support.terminals import write_config

RIG = rig(camera(device="C1"), depth=camera(device=None))


class Full:
    """A store without room."""

    def __init__(self, store: Store) -> None:
        self.newest = store.newest

    @contextmanager
    def transaction(self) -> Iterator[None]:
        raise StoreFull("no room; let the console acknowledge what it holds")
        yield


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path / "state") as store:
        yield store


def configured(folder: Path) -> Config:
    return load(write_config(folder, '[sensors]\ncalibration_file = "cameras.toml"\n'))


def start(config: Config, store: Store) -> tuple[Geometry, Settings]:
    geometry = open_geometry(config)
    settings = Settings(config, Environment(IDENTITY, calibration_sha256=geometry.sha256))
    CamerasTold(geometry).look(settings, store)
    return geometry, settings


def told(store: Store) -> list[dict[str, Any]]:
    bodies = [json.loads(event.body) for event in store.newest(100, "calibration.applied")]
    for body in bodies:
        valid("event", body)
        valid("calibration.applied", body["data"])
    return [body["data"]["what"] | {"now": body["data"]["environment"]["calibration_sha256"]} for body in bodies]


def test_without_a_file_nothing_is_told(tmp_path: Path, store: Store) -> None:
    geometry, _ = start(load(write_config(tmp_path)), store)
    assert geometry.file is None
    assert geometry.refused is None
    assert told(store) == []


def test_it_is_told_once_and_again_when_another_lies_there(tmp_path: Path, store: Store) -> None:
    config = configured(tmp_path)
    first = write(tmp_path / "cameras.toml", RIG)
    for _ in range(2):
        geometry, settings = start(config, store)
        assert geometry.devices == {"rgb": "C1"}
        assert settings.rules.environment.calibration_sha256 == first.sha256
    second = write(tmp_path / "cameras.toml", rig())
    start(config, store)
    assert [(what["calibrated"], what["action"], what["sha256"], what["now"]) for what in told(store)] == [
        ("cameras", "apply", first.sha256, first.sha256),
        ("cameras", "apply", second.sha256, second.sha256),
    ]
    assert told(store)[0]["cameras"] == {"rgb": "C1", "depth": None}


@pytest.mark.parametrize("damaged", [True, False])
def test_a_file_that_cannot_be_used_is_refused_and_the_terminal_starts(
    tmp_path: Path, store: Store, damaged: bool
) -> None:
    config = configured(tmp_path)
    if damaged:
        (tmp_path / "cameras.toml").write_text("made = 3\n")
    geometry, settings = start(config, store)
    assert geometry.refused is not None
    assert settings.rules.environment.calibration_sha256 is None
    (what,) = told(store)
    assert what["action"] == "refuse"
    assert what["reason"].startswith("cameras.toml: ")
    assert str(tmp_path) not in what["reason"]


def test_what_cannot_be_recorded_is_tried_again(tmp_path: Path, store: Store) -> None:
    write(tmp_path / "cameras.toml", RIG)
    geometry = open_geometry(configured(tmp_path))
    settings = Settings(configured(tmp_path), Environment(IDENTITY, calibration_sha256=geometry.sha256))
    telling = CamerasTold(geometry)
    telling.look(settings, cast(Store, Full(store)))
    assert told(store) == []
    for _ in range(2):
        telling.look(settings, store)
    assert len(told(store)) == 1


def test_both_calibrations_are_told_apart_and_both_stand_in_the_environment(tmp_path: Path, store: Store) -> None:
    cameras = write(tmp_path / "cameras.toml", RIG)
    decision = keep(tmp_path / "state", TABLES)
    for _ in range(2):
        _, settings = start(configured(tmp_path), store)
        Following(tmp_path / "state", MODELS).look(settings, store)
    both = hashlib.sha256((cameras.sha256 + decision.sha256).encode()).hexdigest()
    assert settings.rules.environment.calibration_sha256 == both
    assert [(what["calibrated"], what["sha256"], what["now"]) for what in told(store)] == [
        ("cameras", cameras.sha256, cameras.sha256),
        ("decision", decision.sha256, both),
    ]


def test_one_calibration_stands_for_itself() -> None:
    assert calibration_sha256(None, None) is None
    assert calibration_sha256("a", None) == "a"
    assert calibration_sha256(None, "b") == "b"
    assert calibration_sha256("a", "b") not in ("a", "b", calibration_sha256("b", "a"))
