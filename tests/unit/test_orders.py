"""What the centre orders at the door is told before it is done, and done once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from livegate.config import StoreConfig
from livegate.errors import StoreFull
from livegate.gate.door import DoorState
from livegate.store.commands import PENDING_MAX_NS, CommandOutcome, DoorVerb, Pending, submit, take_pending
from livegate.store.lost import note_lost
from livegate.types import AccessEvent, Outcome, Reason
from support.pipelines import ALIVE, MS, Terminal, opened
from support.schemas import valid


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    yield from opened(tmp_path)


def order(terminal: Terminal, verb: DoorVerb, nonce: str = "n" * 16, age_ns: int = 0) -> None:
    pending = Pending(verb, nonce, "ab" * 8, "c1", round(terminal.now_ms * MS) - age_ns)
    with terminal.store.transaction() as t:
        assert submit(t, pending)
    terminal.pipeline.nudge()


def fill(terminal: Terminal) -> None:
    """Record events until there is no room for another, the reserve included."""
    with suppress(StoreFull):
        while True:
            with terminal.store.transaction() as t:
                t.enqueue(AccessEvent("sensor.state", {}, 0.0, 0))


def outcomes(terminal: Terminal) -> list[tuple[str, str, str | None]]:
    events = terminal.events("command.executed")
    for event in events:
        valid("command.executed", event["data"])
    whats: list[dict[str, Any]] = [event["data"]["what"] for event in events]
    return [(what["verb"], what["outcome"], what["reason"]) for what in whats]


def test_a_pulse_opens_the_door_once_and_names_its_cause(terminal: Terminal) -> None:
    terminal.turn()
    order(terminal, DoorVerb.PULSE)
    assert terminal.turn().door is DoorState.UNLOCKED
    (event,) = terminal.events("command.executed")
    moved = terminal.events("door.state")[-1]["data"]["what"]
    assert (moved["state"], moved["cause"]) == ("unlocked", event["sequence"])
    assert [executed.outcome for executed in terminal.executed] == [CommandOutcome.DONE]
    assert terminal.woken
    for _ in range(5):
        terminal.turn()
    terminal.pipeline.nudge()
    terminal.turn()
    assert outcomes(terminal) == [("door.pulse", "done", None)]


def test_a_locked_door_denies_everybody_until_it_is_released(terminal: Terminal) -> None:
    order(terminal, DoorVerb.LOCK, "a" * 16)
    order(terminal, DoorVerb.PULSE, "b" * 16)
    decision = terminal.decided(ALIVE, card="good")
    assert decision is not None
    assert (decision.outcome, decision.reason) == (Outcome.DENIED, Reason.DOOR_LOCKED)
    assert terminal.door.state() is DoorState.LOCKED
    terminal.rest()
    order(terminal, DoorVerb.RELEASE, "c" * 16)
    decision = terminal.decided(ALIVE, card="good")
    assert decision is not None
    assert decision.outcome is Outcome.GRANTED
    assert outcomes(terminal) == [
        ("door.lock", "done", None),
        ("door.pulse", "refused", "door_locked"),
        ("door.release", "done", None),
    ]


def test_after_memory_was_lost_only_a_release_lets_the_door_open(terminal: Terminal) -> None:
    with terminal.store.transaction() as t:
        note_lost(t.connection, ["list_entry"])
    order(terminal, DoorVerb.PULSE, "b" * 16)
    decision = terminal.decided(ALIVE, card="good")
    assert decision is not None
    assert (decision.outcome, decision.reason) == (Outcome.DENIED, Reason.MEMORY_LOST)
    assert terminal.door.state() is DoorState.LOCKED
    terminal.rest()
    order(terminal, DoorVerb.RELEASE, "c" * 16)
    decision = terminal.decided(ALIVE, card="good")
    assert decision is not None
    assert decision.outcome is Outcome.GRANTED
    (told,) = terminal.events("tamper")
    valid("tamper", told["data"])
    assert (told["data"]["what"]["action"], told["data"]["what"]["place"]) == ("accept", "list_entry")
    assert outcomes(terminal) == [("door.pulse", "refused", "memory_lost"), ("door.release", "done", None)]


def test_what_waited_too_long_is_dropped_and_told(terminal: Terminal) -> None:
    order(terminal, DoorVerb.PULSE, age_ns=PENDING_MAX_NS)
    assert terminal.turn().door is DoorState.LOCKED
    assert outcomes(terminal) == [("door.pulse", "dropped", "late")]
    assert [executed.reason for executed in terminal.executed] == ["late"]


def test_without_a_nudge_no_turn_looks_and_nothing_is_lost(terminal: Terminal) -> None:
    pending = Pending(DoorVerb.PULSE, "n" * 16, "ab" * 8, None, round(terminal.now_ms * MS))
    with terminal.store.transaction() as t:
        submit(t, pending)
    assert terminal.turn().door is DoorState.LOCKED
    terminal.pipeline.nudge()
    assert terminal.turn().door is DoorState.UNLOCKED


def test_a_door_that_does_not_answer_is_told_as_failed(terminal: Terminal) -> None:
    terminal.turn()
    terminal.door.__exit__(None, None, None)
    order(terminal, DoorVerb.PULSE)
    terminal.turn()
    assert outcomes(terminal) == [("door.pulse", "done", None), ("door.pulse", "failed", "door_lost")]
    assert [executed.outcome for executed in terminal.executed] == [CommandOutcome.FAILED]


def test_an_order_that_cannot_be_told_moves_nothing(tmp_path: Path) -> None:
    for terminal in opened(tmp_path, StoreConfig(history_events=100)):
        order(terminal, DoorVerb.PULSE)
        fill(terminal)
        terminal.turn()
        assert terminal.door.state() is DoorState.LOCKED
        assert terminal.executed == []


def test_a_crash_between_commit_and_door_repeats_nothing(terminal: Terminal) -> None:
    order(terminal, DoorVerb.PULSE)
    with terminal.store.transaction() as t:
        (taken,) = take_pending(t)
    assert taken.verb is DoorVerb.PULSE
    terminal.turn()
    assert terminal.door.state() is DoorState.LOCKED


def test_an_order_that_came_after_the_turn_read_its_clock_is_not_late(terminal: Terminal) -> None:
    terminal.turn()
    order(terminal, DoorVerb.PULSE, age_ns=-5 * 1_000_000_000)
    assert terminal.turn().door is DoorState.UNLOCKED
    assert outcomes(terminal) == [("door.pulse", "done", None)]
