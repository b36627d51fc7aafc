"""What comes down: done once, for whom it is meant, at its time, and nothing else changes anything."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from livegate.config import Gate
from livegate.errors import StoreFull
from livegate.events.cloudevents import timestamp
from livegate.store.commands import CommandOutcome, DoorVerb, Executed, door_locked, lock_door, take_pending
from livegate.store.labels import count_labels
from livegate.trust.envelope import EnvelopeType
from livegate.trust.keys import SigningKey
from livegate.trust.payload import KeyRole
from support.desks import CHALLENGE, Terminal1, config_in, send_list, work
from support.schemas import valid
from support.signing import Centre
from support.stores import IDENTITY, WALL_S, record


def test_keyset_is_trusted_and_kept(terminal: Terminal1, open_terminal: Callable[..., Terminal1]) -> None:
    terminal.hear("trust/keyset", terminal.centre.keyset())
    assert not terminal.refused()
    terminal.hear("trust/keyset", Centre(now_s=WALL_S).keyset(2))
    assert terminal.refused() == {"unknown_key": 1}
    terminal.close()
    assert open_terminal(centre=terminal.centre).desk.keyset.version == 1


def test_without_a_keyset_nobody_is_believed(open_terminal: Callable[..., Terminal1]) -> None:
    terminal = open_terminal()
    terminal.hear("twin/desired", terminal.centre.twin(1, {"log.level": "DEBUG"}))
    terminal.command("list.get")
    assert terminal.refused() == {"unknown_key": 2}
    assert not terminal.applied


def test_twin_is_applied_reported_and_in_force_after_a_restart(
    terminal: Terminal1, open_terminal: Callable[..., Terminal1]
) -> None:
    settings = {"decision.max_apcer": 0.01}
    terminal.said()
    terminal.hear("twin/desired", terminal.centre.twin(3, settings))
    (reported,) = terminal.said()["twin/reported"]
    assert (reported["version"], reported["applied"], reported["settings"]) == (3, True, settings)
    assert terminal.applied[-1].config.decision.max_apcer == 0.01
    (event,) = terminal.events("config.applied")
    assert (event["version"], event["settings"]) == (3, settings)
    terminal.close()
    again = open_terminal(centre=terminal.centre)
    assert again.applied[-1].config.decision.max_apcer == 0.01
    (reported,) = again.said()["twin/reported"]
    assert reported["in_force"] == 3


def test_twin_that_comes_again_is_no_refusal_and_an_older_one_is(terminal: Terminal1) -> None:
    body = terminal.centre.twin(3, {"log.level": "INFO"})
    for _ in range(3):
        terminal.hear("twin/desired", body)
    assert not terminal.refused()
    assert len(terminal.events("config.applied")) == 1
    terminal.hear("twin/desired", terminal.centre.twin(2, {}))
    terminal.hear("twin/desired", terminal.centre.twin(3, {}))
    assert terminal.refused() == {"version_back": 2}
    (reported,) = terminal.said()["twin/reported"]
    assert (reported["reason"], reported["in_force"], reported["applied"]) == ("version_back", 3, False)


def test_looser_twin_is_refused_whole_and_said_at_once(terminal: Terminal1) -> None:
    terminal.hear("twin/desired", terminal.centre.twin(1, {"log.level": "DEBUG", "decision.max_apcer": 0.5}))
    (reported,) = terminal.said()["twin/reported"]
    assert (reported["version"], reported["applied"], reported["in_force"]) == (1, False, None)
    assert reported["reason"] == "not_allowed"
    assert "max_apcer" in reported["text"]
    assert not terminal.applied
    (told,) = terminal.events("message.refused")
    assert (told["reason"], told["count"]) == ("not_allowed", 1)


def test_remembered_twin_that_the_file_no_longer_allows_is_not_applied(
    terminal: Terminal1, open_terminal: Callable[..., Terminal1], tmp_path: Path
) -> None:
    terminal.hear("twin/desired", terminal.centre.twin(1, {"gate.pairing_window_ms": 4000}))
    terminal.close()
    stricter = config_in(tmp_path, Gate(pairing_window_ms=1000))
    again = open_terminal(centre=terminal.centre, config=stricter)
    assert not again.applied
    (reported,) = again.said()["twin/reported"]
    assert (reported["applied"], reported["in_force"], reported["reason"]) == (False, None, "not_allowed")


def replies(terminal: Terminal1) -> list[tuple[str, str, str | None]]:
    return [(r["verb"], r["outcome"], r["reason"]) for r in terminal.said().get("replies", [])]


def test_command_is_done_told_and_answered(terminal: Terminal1) -> None:
    terminal.command("list.get", correlation="c-1")
    (reply,) = terminal.said()["replies"]
    assert (reply["outcome"], reply["correlation"], reply["result"]["local"]["credentials"]) == ("done", "c-1", 0)
    (event,) = terminal.events("command.executed")
    assert (event["verb"], event["outcome"], event["nonce"]) == ("list.get", "done", reply["nonce"])


def test_command_works_once(terminal: Terminal1) -> None:
    body = terminal.centre.command("list.get", IDENTITY.boot_id, CHALLENGE)
    terminal.hear("commands", body)
    terminal.hear("commands", body)
    assert terminal.refused() == {"replayed": 1}
    assert replies(terminal) == [("list.get", "done", None)]
    assert len(terminal.events("command.executed")) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"challenge": "of-an-earlier-connection"}, "wrong_challenge"),
        ({"boot_id": "an-earlier-boot"}, "wrong_boot"),
        ({"verb": "door.explode"}, "not_allowed"),
        ({"verb": "door.pulse", "arguments": {"ms": 60000}}, "malformed"),
        ({"verb": "log.level", "arguments": {"level": "LOUD"}}, "malformed"),
        ({"verb": "log.level", "arguments": {"levels": 1}}, "not_allowed"),
        ({"verb": "media.forget", "arguments": {}}, "malformed"),
        ({"verb": "media.forget", "arguments": {"all": "true"}}, "malformed"),
        ({"verb": "lockout.clear", "arguments": {"credential": "'; DROP TABLE event; --"}}, "malformed"),
        ({"verb": "presence.clear", "arguments": {"credential": "a" * 32, "all": True}}, "malformed"),
    ],
)
def test_authentic_command_that_is_wrong_is_answered_and_does_nothing(
    terminal: Terminal1, change: dict[str, Any], reason: str
) -> None:
    before = terminal.store.last()
    members = {"verb": "list.get"} | change
    boot_id, challenge = members.pop("boot_id", IDENTITY.boot_id), members.pop("challenge", CHALLENGE)
    verb = members.pop("verb")
    terminal.hear("commands", terminal.centre.command(verb, boot_id, challenge, **members))
    assert replies(terminal) == [(verb, "refused", reason)]
    assert terminal.refused() == {reason: 1}
    assert terminal.store.last().sequence == before.sequence + 1
    assert not terminal.nudges


def test_what_is_not_authentic_gets_no_answer(terminal: Terminal1) -> None:
    stranger = Centre(now_s=WALL_S)
    good = terminal.centre.command("list.get", IDENTITY.boot_id, CHALLENGE)
    envelope = json.loads(good)
    terminal.hear("commands", stranger.command("list.get", IDENTITY.boot_id, CHALLENGE))
    terminal.hear("commands", json.dumps(envelope | {"sig": "A" * 86 + "=="}).encode())
    terminal.hear("commands", terminal.centre.command("list.get", IDENTITY.boot_id, CHALLENGE, audience="lab/t2"))
    late = {"issued": timestamp(WALL_S - 500), "expires": timestamp(WALL_S - 1)}
    terminal.hear("commands", terminal.centre.command("list.get", IDENTITY.boot_id, CHALLENGE, **late))
    terminal.hear("commands", terminal.centre.twin(9, {}))
    terminal.hear("commands", b"x" * 9000)
    terminal.hear("commands/more", good)
    assert not replies(terminal)
    assert terminal.refused() == {
        "unknown_key": 1,
        "bad_signature": 1,
        "wrong_audience": 1,
        "expired": 1,
        "wrong_role": 1,
        "malformed": 2,
    }
    assert not terminal.events("command.executed")


def test_key_without_the_role_may_not(terminal: Terminal1) -> None:
    other = SigningKey.generate()
    body = terminal.centre.sealed(EnvelopeType.LABEL, KeyRole.LABELS, {"nonce": "n" * 20}, key=other)
    terminal.hear("labels", body)
    assert terminal.refused() == {"unknown_key": 1}


def test_door_command_waits_for_the_decision_thread_and_is_answered_when_it_is_done(terminal: Terminal1) -> None:
    terminal.command("door.pulse", correlation="let them in")
    assert terminal.nudges
    assert not replies(terminal)
    with terminal.store.transaction() as t:
        (pending,) = take_pending(t)
        assert not take_pending(t)
    assert pending.verb is DoorVerb.PULSE
    terminal.desk.executed(Executed(pending, CommandOutcome.DONE))
    (reply,) = terminal.said()["replies"]
    assert (reply["verb"], reply["outcome"], reply["correlation"]) == ("door.pulse", "done", "let them in")


def test_too_many_commands_for_the_door_are_refused(terminal: Terminal1) -> None:
    for _ in range(20):
        terminal.command("door.pulse")
    assert terminal.refused() == {"full": 4}
    with terminal.store.transaction() as t:
        assert len(take_pending(t)) == 16


def test_door_stays_locked_over_a_restart(terminal: Terminal1, open_terminal: Callable[..., Terminal1]) -> None:
    with terminal.store.transaction() as t:
        lock_door(t, "nonce", locked=True)
    terminal.close()
    again = open_terminal(centre=terminal.centre)
    with again.store.transaction() as t:
        assert door_locked(t.connection)
        lock_door(t, "nonce", locked=False)
        assert not door_locked(t.connection)


def test_self_test_is_done_beside(terminal: Terminal1) -> None:
    terminal.command("self_test")
    said: list[dict[str, Any]] = []
    for _ in range(3000):
        terminal.inbox.turn()
        said += terminal.said().get("replies", [])
        if said:
            break
        __import__("time").sleep(0.01)
    (reply,) = said
    assert {finding["check"] for finding in reply["result"]["findings"]} >= {"clock", "disk"}
    assert [event["verb"] for event in terminal.events("command.executed")] == ["self_test"]


def test_config_is_told_without_secrets(terminal: Terminal1) -> None:
    terminal.command("config.get")
    (reply,) = terminal.said()["replies"]
    assert reply["result"]["config"]["terminal"]["id"] == "t1"


def test_label_is_kept_once_an_attempt(terminal: Terminal1) -> None:
    terminal.hear("labels", terminal.centre.label("a1", "attack", "print_flat"))
    terminal.hear("labels", terminal.centre.label("a1", "bona_fide"))
    with terminal.store.transaction() as t:
        assert count_labels(t.connection) == 1
        assert t.connection.execute("SELECT label, pai_species FROM label").fetchall() == [("bona_fide", None)]
    terminal.hear("labels", terminal.centre.label("a1", "perhaps"))
    terminal.hear("labels", terminal.centre.label("../../etc/passwd", "attack"))
    terminal.hear("labels", terminal.centre.label("a2", "bona_fide", "print_flat"))
    assert terminal.refused() == {"malformed": 2, "not_allowed": 1}


def test_refusals_are_told_at_once_and_then_seldom(terminal: Terminal1) -> None:
    refusals = terminal.inbox.refusals
    for _ in range(50):
        terminal.hear("commands", b"{")
    assert [event["count"] for event in terminal.events("message.refused")] == [1]
    refusals.tell(float("inf"))
    assert [event["count"] for event in terminal.events("message.refused")] == [1, 49]
    assert refusals.counts["messages_refused_total"] == 50


def test_events_fit_their_schemas(terminal: Terminal1) -> None:
    terminal.command("list.get")
    terminal.hear("commands", b"{")
    terminal.hear("twin/desired", terminal.centre.twin(1, {"log.level": "INFO"}))
    for index, payload in enumerate(send_list(terminal, 7)):
        terminal.hear(f"lists/block/chunk/{index}", terminal.centre.chunk(payload))
    work(terminal)
    seen = set()
    for event in terminal.store.newest(1000):
        body = json.loads(event.body)
        kind = body["type"].removeprefix("io.livegate.").removesuffix(".v1")
        valid("event", body)
        valid(kind, body["data"])
        seen.add(kind)
    assert {"command.executed", "message.refused", "config.applied", "list.applied"} <= seen


def test_largest_events_stay_below_what_every_broker_takes(terminal: Terminal1) -> None:
    limits = [
        {"key": "credential", "event": "presentation_attack", "max": n + 1, "window_s": 1e7, "lockout_s": 1e7}
        for n in range(40)
    ]
    terminal.hear("twin/desired", terminal.centre.twin(1, {"gate.limit": limits}))
    terminal.command("list.get", correlation="\N{GRINNING FACE}" * 128)
    assert terminal.events("config.applied")
    assert max(len(event.body) for event in terminal.store.newest(1000)) < 16 * 1024


def test_desk_is_told_which_challenge_counts(terminal: Terminal1) -> None:
    terminal.inbox.opened("another", [])
    terminal.command("list.get")
    assert terminal.refused() == {"wrong_challenge": 1}
    assert replace(terminal.desk.effective).config == terminal.config


def test_what_the_store_did_not_take_is_asked_for_again(terminal: Terminal1) -> None:
    while True:
        try:
            record(terminal.store)
        except StoreFull:
            break
    now_s = time.monotonic()
    assert terminal.inbox.wants_again(now_s), "for there is a new keyset"
    terminal.hear("twin/desired", terminal.centre.twin(1, {"log.level": "DEBUG"}))
    assert not terminal.applied
    assert not terminal.inbox.wants_again(now_s + 50)
    assert terminal.inbox.wants_again(now_s + 70)
    assert not terminal.inbox.wants_again(now_s + 700)
