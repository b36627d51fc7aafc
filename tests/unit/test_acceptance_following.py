"""A calibration comes into force: told first, once, at the start and on change, by the one path of all settings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from livegate.acceptance.file import FILE, keep, undo
from livegate.acceptance.following import Following
from livegate.config import DecisionPolicy
from livegate.configfile import load
from livegate.decide.recalibration import Recalibration
from livegate.errors import StoreFull
from livegate.events.environment import MAX_REASON, Environment
from livegate.settings import Effective, Settings
from livegate.store import Store, Transaction
from support.calibrations import MODELS, TABLES, shifting
from support.pipelines import ALIVE, UNSURE, Terminal
from support.pipelines import opened as terminal_opened
from support.schemas import valid
from support.stores import IDENTITY, opened
from support.terminals import write_config


@dataclass
class Place:
    """A state folder, its store, and the settings in force."""

    folder: Path
    store: Store
    settings: Settings

    def following(self, models: dict[str, str] = MODELS) -> Following:
        return Following(self.folder, models)

    def told(self) -> list[dict[str, Any]]:
        bodies = [json.loads(event.body) for event in self.store.newest(100, "calibration.applied")]
        for body in bodies:
            valid("event", body)
            valid("calibration.applied", body["data"])
        return [body["data"]["what"] | {"now": body["data"]["environment"]["calibration_sha256"]} for body in bodies]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    config = load(write_config(tmp_path))
    with opened(tmp_path / "state") as store:
        yield Place(tmp_path / "state", store, Settings(config, Environment(IDENTITY)))


def test_without_a_calibration_nothing_is_told_and_nothing_changes(place: Place) -> None:
    before = place.settings.rules
    place.following().look(place.settings, place.store)
    assert place.told() == []
    assert place.settings.rules == before
    assert place.settings.rules.recalibration is None


def test_at_the_start_it_is_told_once_and_put_in_force(place: Place) -> None:
    kept = keep(place.folder, TABLES)
    for _ in range(2):
        following = place.following()
        following.look(place.settings, place.store)
        following.look(place.settings, place.store)
    (told,) = place.told()
    assert told["action"] == "apply"
    assert told["sha256"] == told["now"] == kept.sha256
    assert told["samples"] == {"bona_fide": 12, "attack": 0}
    assert place.settings.rules.recalibration == kept.recalibration
    assert place.settings.rules.environment.calibration_sha256 == kept.sha256


def test_what_changes_while_it_runs_is_put_in_force_and_taken_back(place: Place) -> None:
    following = place.following()
    following.look(place.settings, place.store)
    first = keep(place.folder, TABLES)
    following.look(place.settings, place.store)
    second = keep(place.folder, shifting(-0.5))
    following.look(place.settings, place.store)
    assert place.settings.rules.recalibration == second.recalibration
    undo(place.folder)
    following.look(place.settings, place.store)
    assert place.settings.rules.recalibration == first.recalibration
    undo(place.folder)
    following.look(place.settings, place.store)
    assert place.settings.rules.recalibration is None
    assert place.settings.rules.environment.calibration_sha256 is None
    actions = [(told["action"], told["sha256"]) for told in place.told()]
    assert actions == [
        ("apply", first.sha256),
        ("apply", second.sha256),
        ("apply", first.sha256),
        ("remove", None),
    ]


def test_what_the_centre_wishes_and_the_calibration_do_not_undo_each_other(place: Place) -> None:
    kept = keep(place.folder, TABLES)
    place.following().look(place.settings, place.store)
    config = place.settings.effective.config
    place.settings.adopt(Effective(replace(config, decision=DecisionPolicy(max_apcer=0.01))))
    assert place.settings.rules.recalibration == kept.recalibration
    assert place.settings.rules.environment.calibration_sha256 == kept.sha256
    place.settings.recalibrate(None, None)
    assert place.settings.rules.decision.max_apcer == 0.01


def test_a_calibration_of_other_models_is_refused_by_name_and_the_thresholds_of_the_models_hold(place: Place) -> None:
    keep(place.folder, TABLES)
    place.following().look(place.settings, place.store)
    place.following(MODELS | {"detector": "9" * 64}).look(place.settings, place.store)
    assert place.settings.rules.recalibration is None
    told = place.told()[-1]
    assert told["action"] == "refuse"
    assert "'detector'" in told["reason"]
    assert told["now"] is None


def test_a_damaged_file_is_refused_while_it_runs(place: Place) -> None:
    following = place.following()
    keep(place.folder, TABLES)
    following.look(place.settings, place.store)
    (place.folder / FILE).write_bytes(b"shift = 99")
    following.look(place.settings, place.store)
    assert place.settings.rules.recalibration is None
    assert place.told()[-1]["action"] == "refuse"
    assert str(place.folder) not in json.dumps(place.told())


def test_a_refusal_that_quotes_the_file_at_length_is_told_in_short_and_once(place: Place) -> None:
    keep(place.folder, TABLES)
    following = place.following()
    following.look(place.settings, place.store)
    path = place.folder / FILE
    path.write_text(f"{path.read_text()}\n[{'k' * 60_000}]\n")
    for each in (following, following, place.following()):
        each.look(place.settings, place.store)
    assert [told["action"] for told in place.told()] == ["apply", "refuse"]
    assert len(place.told()[1]["reason"]) == MAX_REASON
    assert place.settings.rules.recalibration is None


def test_a_crash_between_the_event_and_the_change_tells_nothing_twice(place: Place) -> None:
    kept = keep(place.folder, TABLES)
    place.following().look(place.settings, place.store)
    # The process ended right after the commit: the next one finds file and event, and goes by it.
    settings = Settings(place.settings.effective.config, Environment(IDENTITY))
    place.following().look(settings, place.store)
    assert settings.rules.recalibration == kept.recalibration
    assert len(place.told()) == 1


class FullStore:
    """A store without room for another event."""

    def __init__(self, store: Store) -> None:
        self.newest = store.newest

    def transaction(self) -> AbstractContextManager[Transaction]:
        raise StoreFull("no room; let the console acknowledge what it holds")


def test_what_cannot_be_recorded_is_not_in_force_and_tried_again(place: Place) -> None:
    following = place.following()
    following.look(place.settings, place.store)
    kept = keep(place.folder, TABLES)
    following.look(place.settings, cast(Store, FullStore(place.store)))
    assert place.settings.rules.recalibration is None
    following.look(place.settings, place.store)
    assert place.settings.rules.recalibration == kept.recalibration
    assert len(place.told()) == 1


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    yield from terminal_opened(tmp_path)


def test_the_next_attempt_is_judged_by_it(terminal: Terminal) -> None:
    """The face's evidence lies just below the threshold of the models, and above even odds."""
    almost = replace(ALIVE, p_bona_fide=0.65, p_attack=0.33)
    decision = terminal.decided(almost, card="good")
    assert decision is not None
    assert decision.outcome != "granted"
    terminal.rest()
    shift = Recalibration(frozenset({"detector"}), 0.7)
    terminal.rules.append(replace(terminal.rules[-1], recalibration=shift))
    decision = terminal.decided(almost, card="good")
    assert decision is not None
    assert decision.outcome == "granted"
    assert decision.pad.llr is not None
    assert decision.pad.llr == pytest.approx(0.7 + sum(cue.llr for cue in decision.pad.cues))


def test_evidence_for_an_attack_is_never_accepted_by_it(terminal: Terminal) -> None:
    leaning = replace(UNSURE, p_bona_fide=0.45, p_attack=0.5)
    shift = Recalibration(frozenset({"detector"}), 2.0)
    terminal.rules.append(replace(terminal.rules[-1], recalibration=shift))
    decision = terminal.decided(leaning, card="good")
    assert decision is not None
    assert decision.outcome != "granted"
