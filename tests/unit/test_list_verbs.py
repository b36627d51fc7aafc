"""The verbs ``list`` and ``events`` through the real command line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from livegate.audit.chain import verify_chain
from livegate.cli import main
from livegate.clock import boot_id
from livegate.config import StoreConfig
from livegate.configfile import load
from livegate.events.environment import Environment
from livegate.gate.facts import ListEntry
from livegate.gate.policy import decide
from livegate.lists import CentralLists, ListName, Receiver
from livegate.store import lists, open_store
from livegate.store.commands import lock_door
from livegate.store.lost import note_lost
from livegate.types import CredentialRead, Reason, Step
from livegate_tools.console.edition import Edition
from support.central_lists import made, received
from support.schemas import valid
from support.stores import (
    ATTACK,
    BONA_FIDE,
    CARD,
    IDENTITY,
    StillClock,
    attempt,
    opened,
    policy,
    record,
    whole,
)

RULES = policy()
SEEN = "5e" * 16
SITE = (
    '[terminal]\nsite = "lab"\nid = "t1"\nstate_dir = "state"\n'
    '[[camera]]\nname = "c"\nrole = "rgb"\ndriver = "recording"\n[[reader]]\ndriver = "simulated"\n'
    '[door]\nname = "front"\nzone = "lab"\ndriver = "simulated"\n'
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    opened(folder).close()
    return folder


def said(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    assert main(words) == status
    captured = capsys.readouterr()
    return captured.out if status == 0 else captured.err


def lists_of(capsys: pytest.CaptureFixture[str], state: Path) -> dict[str, list[dict[str, Any]]]:
    shown = json.loads(said(capsys, "list", "show", "--state-dir", str(state), "--json"))
    return {name: shown[name] for name in ("allow", "block")}


def test_a_card_added_beside_the_running_daemon_opens_the_door_at_once(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = StillClock()
    # The command line and the daemon run in one boot.
    with opened(state, clock, boot=boot_id()) as store:
        assert attempt(store, BONA_FIDE, RULES, clock()).reason is Reason.UNKNOWN_CREDENTIAL
        out = said(capsys, "list", "add", "allow", CARD.value, "--state-dir", str(state), "--json")
        assert attempt(store, BONA_FIDE, RULES, clock()).reason is Reason.BONA_FIDE
        said(capsys, "list", "add", "block", CARD.value, "--state-dir", str(state), "--reason", "lost")
        assert attempt(store, BONA_FIDE, RULES, clock()).reason is Reason.LISTED
        said(capsys, "list", "remove", "block", CARD.value, "--state-dir", str(state))
        said(capsys, "list", "remove", "allow", "--pseudonym", json.loads(out)["credential"], "--state-dir", str(state))
        assert attempt(store, BONA_FIDE, RULES, clock()).reason is Reason.UNKNOWN_CREDENTIAL
        assert verify_chain(whole(store), store.anchor()) is None
        told = [json.loads(event.body) for event in whole(store)]
    kinds = [event["type"].split(".", 2)[2] for event in told if "attempt" not in event["type"]]
    assert kinds[2:] == ["credential.changed.v1", "list.applied.v1", "list.applied.v1", "credential.changed.v1"]
    assert CARD.value not in json.dumps(told)


def test_a_value_from_standard_input_stays_out_of_the_shell(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("5555\r\n"))
    out = said(capsys, "list", "add", "allow", "-", "--kind", "pin", "--label", "Ms K.", "--state-dir", str(state))
    assert "5555" not in out
    (entry,) = lists_of(capsys, state)["allow"]
    assert entry["pseudonym"] in out
    assert (entry["kind"], entry["label"]) == ("pin", "Ms K.")
    clock = StillClock()
    with opened(state, clock) as store:
        assert attempt(store, BONA_FIDE, RULES, clock(), CredentialRead("pin", "5555")).reason is Reason.BONA_FIDE


def test_validity_and_change(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--state-dir", str(state))
    said(capsys, "list", "add", "allow", "1", "--from", "2026-01-01T00:00:00+00:00", *where)
    said(capsys, "list", "add", "allow", "1", "--until", "2099-01-01T01:00:00+01:00", "--reason", "renewed", *where)
    (entry,) = lists_of(capsys, state)["allow"]
    assert (entry["valid_from"], entry["valid_until"]) == (None, "2099-01-01T00:00:00.000Z")
    out = said(capsys, "events", "list", *where, "--json", "--kind", "credential.changed")
    changes = [json.loads(text)["data"]["what"] for text in out.splitlines()]
    assert [(change["action"], change["reason"]) for change in changes] == [("added", ""), ("changed", "renewed")]


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["add", "allow"], 2, "give either VALUE"),
        (["add", "allow", "1", "--pseudonym", "ab" * 16], 2, "give either VALUE"),
        (["add", "allow", "--pseudonym", "xyz"], 2, "expected 32 hexadecimal digits"),
        (["add", "allow", ""], 2, "expected 1 to 4096 characters"),
        (["add", "allow", "1" * 5000], 2, "VALUE: expected at most 4096 characters"),
        (["add", "block", "\udcff", "--kind", "media"], 2, "VALUE: is not text"),
        (["add", "block", "1", "--reason", "\udcff"], 2, "--reason: is not text"),
        (["add", "block", "1", "--reason", "x" * 257], 2, "--reason: expected at most 256 characters"),
        (["add", "allow", "1", "--label", "\udcff"], 2, "--label: is not text"),
        (["add", "allow", "1", "--kind", "media"], 2, "the allow list takes card, qr, pin"),
        (["add", "allow", "1", "--until", "tomorrow"], 2, "expected a time such as"),
        (["add", "allow", "1", "--from", "2099-01-01", "--until", "2098-01-01"], 2, "is not after --from"),
        (["add", "allow", "1", "--until", "2020-01-01"], 2, "--until 2020-01-01: is past"),
        (["add", "block", "1", "--until", "2020-01-01"], 2, "--until 2020-01-01: is past"),
        (["add", "allow", "1", "--action", "deny"], 2, "--action is for the block list"),
        (["add", "allow", "AB\033\nCD"], 2, "VALUE: holds a control"),
        (["add", "block", "AB\tCD", "--kind", "media"], 2, "VALUE: holds a control"),
        (["add", "block", "1", "--from", "2027-01-01"], 2, "are for the allow list"),
        (["add", "block", "1", "--duress"], 2, "are for the allow list"),
        (["add", "block", "1", "--zone", "lab"], 2, "are for the allow list"),
        (["add", "allow", "1", "--schedule", "no such/name"], 2, "--schedule: expected 1 to 64 letters"),
        (["add", "allow", "1", "--zone", ""], 2, "--zone: expected 1 to 64 letters"),
        (["add", "allow", "1", *(f"--zone=z{n}" for n in range(17))], 2, "--zone: expected at most 16 zones, found 17"),
        (["add", "block", "sig", "--kind", "media"], 2, "expected a medium's signature"),
        (["remove", "allow", "1"], 1, "is not on the list"),
        (["remove", "block", "t9", "--kind", "terminal"], 1, "no local entry for this terminal"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    state: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, sentence: str
) -> None:
    assert sentence in said(capsys, "list", *words, "--state-dir", str(state), status=status)
    assert lists_of(capsys, state) == {"allow": [], "block": []}


def test_a_value_that_is_refused_is_not_repeated(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "5678" not in said(capsys, "list", "add", "allow", "5678\033", "--state-dir", str(state), status=2)


def test_other_block_entries(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--state-dir", str(state))
    said(capsys, "list", "add", "block", "t1", "--kind", "terminal", "--reason", "under\x1b[31m repair", *where)
    (entry,) = lists_of(capsys, state)["block"]
    assert (entry["kind"], entry["value"], entry["action"]) == ("terminal", "t1", "deny")
    assert "\x1b" not in said(capsys, "list", "show", *where)
    clock = StillClock()
    with opened(state, clock) as store:
        decision = attempt(store, BONA_FIDE, RULES, clock())
        assert (decision.reason, decision.matched_rule) == (Reason.LISTED, "block.terminal")
        with store.transaction() as t:
            lists.block(t, ListEntry("media", SEEN, until_s=clock().wall_s + 10), clock())
            assert [e.kind for e in t.facts(None, RULES, clock(), media=SEEN).entries] == ["terminal", "media"]
            assert [e.kind for e in t.facts(None, RULES, clock.go(10), media=SEEN).entries] == ["terminal"]


def test_block_entries_act_as_they_say(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where, clock = ("--state-dir", str(state)), StillClock()
    said(capsys, "list", "add", "allow", CARD.value, *where)
    said(capsys, "list", "add", "block", SEEN, "--kind", "media", "--reason", "the print of May", *where)
    ended = {}
    for action in ("deny", "lockout", "step_up", "review"):
        said(capsys, "list", "add", "block", CARD.value, "--action", action, *where)
        with opened(state, clock) as store:
            ended[action] = attempt(store, replace(BONA_FIDE, step=Step.FEWER), RULES, clock()).reason
            with store.transaction() as t:
                attacked = decide(ATTACK, t.facts(CARD, RULES, clock(), media=SEEN), RULES, attempt_id="a2")
    assert ended == {
        "deny": Reason.LISTED,
        "lockout": Reason.LOCKED_OUT,
        "step_up": Reason.STEP_UP,
        "review": Reason.BONA_FIDE,
    }
    assert attacked.matched_rule == "block.media"
    out = said(capsys, "events", "list", *where, "--json", "--kind", "list.applied")
    told = [json.loads(line)["data"]["what"]["entry"]["action"] for line in out.splitlines()]
    assert told == ["deny", "deny", "lockout", "step_up", "review"]


def test_a_credential_with_conditions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "site.toml"
    config.write_text(SITE + '[[gate.schedule]]\nname = "work"\ndays = ["mon"]\n')
    conditions = ("--zone", "lab", "--zone", "hall", "--schedule", "work", "--duress")
    said(capsys, "list", "add", "allow", "1234", "--kind", "pin", *conditions, "--config", str(config))
    (entry,) = lists_of(capsys, tmp_path / "state")["allow"]
    assert (entry["zones"], entry["schedule"], entry["duress"]) == (["hall", "lab"], "work", True)
    assert "zones hall,lab  duress yes" in said(capsys, "list", "show", "--config", str(config))
    (line,) = said(
        capsys, "events", "list", "--config", str(config), "--json", "--kind", "credential.changed"
    ).splitlines()
    event = json.loads(line)
    valid("credential.changed", event["data"])
    what = event["data"]["what"]
    assert (what["zones"], what["schedule"], what["duress"]) == (["hall", "lab"], "work", True)
    assert event["data"]["to_whom"] == {"door": "front", "zone": "lab"}
    assert event["data"]["environment"]["config_version"] == load(config).version


def test_a_schedule_that_is_not_there_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "site.toml"
    config.write_text(SITE)
    assert main(("list", "add", "allow", "1", "--schedule", "work", "--config", str(config))) == 0
    assert "has no [[gate.schedule]] 'work'" in capsys.readouterr().err


def test_without_a_configuration_events_name_the_circumstances_last_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Environment(IDENTITY, "lab", config_version="c0ffee")
    open_store(tmp_path / "state", IDENTITY, StoreConfig(), StillClock(), environment=told).close()
    where = ("--state-dir", str(tmp_path / "state"))
    said(capsys, "list", "add", "allow", "1", *where)
    (line,) = said(capsys, "events", "list", *where, "--json", "--kind", "credential.changed").splitlines()
    data = json.loads(line)["data"]
    assert (data["to_whom"]["zone"], data["environment"]["config_version"]) == ("lab", "c0ffee")


def test_central_lists_are_shown_apart(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--state-dir", str(state))
    said(capsys, "list", "add", "allow", "mine", *where)
    until = "2099-01-01T00:00:00.000Z"
    blocks = [
        {"kind": "credential", "value": "ab" * 16, "action": "review", "reason": "seen twice"},
        {"kind": "terminal", "value": "t9", "action": "deny", "reason": "", "until": until},
    ]
    allows = [{"kind": "qr", "value": "cd" * 16, "zones": ["lab"], "duress": True}]
    central = CentralLists.open(state)
    receiver = Receiver(central)
    for name, entries in ((ListName.BLOCK, blocks), (ListName.ALLOW, allows)):
        now_s = time.time()
        of = Edition(name, 1, "lab/*", now_s - 60, now_s + 3_600)
        received(receiver, made(of, entries), now_s=now_s)
    receiver.close()
    central.close()
    shown = json.loads(said(capsys, "list", "show", *where, "--json"))
    assert len(shown["allow"]) == 1
    assert shown["block"] == []
    assert shown["central"]["block"] | {"expires": ""} == {"version": 1, "entries": 2, "expires": "", "expired": False}
    assert shown["central"]["allow"]["entries"] == 1
    assert shown["media"] == {"remembered": 0}
    lines = [json.loads(line) for line in said(capsys, "list", "show", *where, "--json", "--all").splitlines()]
    assert [(line["list"], line["source"]) for line in lines] == [
        ("allow", "local"),
        ("allow", "central"),
        ("block", "central"),
        ("block", "central"),
    ]
    assert (lines[1]["pseudonym"], lines[1]["kind"], lines[1]["duress"]) == ("cd" * 16, "qr", True)
    assert (lines[2]["value"], lines[2]["action"], lines[2]["until"]) == ("ab" * 16, "review", None)
    assert (lines[3]["value"], lines[3]["until"]) == ("t9", until)
    text = said(capsys, "list", "show", *where, "--all")
    assert "block, central: 2 (version 1, until" in text
    assert "\x1b" not in text
    assert "review" not in said(capsys, "list", "show", *where)


def test_lists_can_be_made_before_the_first_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "site.toml"
    config.write_text(SITE)
    said(capsys, "list", "add", "allow", CARD.value, "--config", str(config))
    clock = StillClock()
    with opened(tmp_path / "state", clock) as store:
        assert attempt(store, BONA_FIDE, RULES, clock()).reason is Reason.BONA_FIDE
        assert [event.sequence for event in whole(store)] == [1, 2, 3]
        assert verify_chain(whole(store), store.anchor()) is None


def test_the_door_is_released_by_hand_after_memory_was_lost(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(state) as store, store.transaction() as t:
        note_lost(t.connection, ["list_entry", "door_lock"])
        lock_door(t, "n" * 16, locked=True)
    told = said(capsys, "list", "release", "--state-dir", str(state))
    assert told == "the door may open again although these were lost: door_lock, list_entry\n"
    with opened(state) as store:
        assert whole(store)[-2].body.count(b'"accept"') == 1
        # What the centre locked stays locked.
        assert attempt(store, BONA_FIDE, RULES, StillClock()()).reason is Reason.DOOR_LOCKED
    assert main(["list", "release", "--state-dir", str(state)]) != 0
    assert "nothing the store lost keeps the door shut" in capsys.readouterr().err


def test_events_as_lines_and_as_json(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clock, where = StillClock(), ("--state-dir", str(state))
    with opened(state, clock) as store:
        attempt(store, ATTACK, RULES, clock())
        stored = whole(store)
    text = said(capsys, "events", "list", *where)
    assert "access.attempt      denied: presentation_attack  card " in text
    rows = said(capsys, "events", "list", *where, "--json").splitlines()
    assert [row.encode() for row in rows] == [event.body for event in stored]
    after = said(capsys, "events", "list", *where, "--json", "--after", "1", "--limit", "1")
    assert after.strip().encode() == stored[1].body
    assert said(capsys, "events", "list", *where, "--kind", "nonsense") == ""
    assert "--after" in said(capsys, "events", "list", *where, "--after", str(10**30), status=2)
    assert "expected 0 to" in said(capsys, "events", "list", *where, "--limit", "-1", status=2)


def test_a_store_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in (["events", "list"], ["list", "show"], ["list", "add", "allow", "1"]):
        assert "there is no store here" in said(capsys, *verb, "--state-dir", str(tmp_path), status=1)
    assert list(tmp_path.iterdir()) == []


def test_tail_follows(state: Path) -> None:
    command = [sys.executable, "-m", "livegate.cli", "events", "tail", "--json", "--state-dir", str(state)]
    with (
        opened(state) as store,
        subprocess.Popen(command, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        first = [int(json.loads(process.stdout.readline())["sequence"]) for _ in range(2)]
        record(store)
        assert int(json.loads(process.stdout.readline())["sequence"]) == first[-1] + 1
        process.kill()


def test_tail_ends_when_nobody_reads_it_any_more(state: Path) -> None:
    command = [sys.executable, "-m", "livegate.cli", "events", "tail", "--state-dir", str(state)]
    with (
        opened(state),
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        # No event comes that it could fail to write.
        assert process.wait(30) == 0
        assert process.stderr.read() == b""
