"""Hostile messages on every subscribed topic: refused with a reason, counted, told, and nothing changed."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livegate.events.cloudevents import timestamp
from livegate.store.files import DATABASE
from livegate.trust.envelope import EnvelopeType, seal
from livegate.trust.keys import SigningKey
from livegate.trust.payload import KeyRole
from support.desks import CHALLENGE, Terminal1
from support.records import record, times
from support.signing import DAY_S, Centre
from support.stores import IDENTITY

EXAMPLES = settings(max_examples=times(60, 1_000), suppress_health_check=[HealthCheck.function_scoped_fixture])
# What is recorded of a refusal, and how long the terminal has been running.
OF_REFUSALS = {"event", "running", "boot", "stream"}
TOPICS = {
    "trust/keyset": EnvelopeType.KEYSET,
    "twin/desired": EnvelopeType.TWIN,
    "commands": EnvelopeType.COMMAND,
    "labels": EnvelopeType.LABEL,
    "lists/block/manifest": EnvelopeType.LIST_MANIFEST,
    "lists/block/chunk/0": EnvelopeType.LIST_CHUNK,
}
BLOCKED = [{"kind": "credential", "value": "a" * 32, "action": "deny", "reason": "lost", "until": None}]

ORDER = {
    "nonce": "n" * 20,
    "boot_id": IDENTITY.boot_id,
    "challenge": CHALLENGE,
    "verb": "door.pulse",
    "arguments": {},
    "correlation": None,
}

pytestmark = pytest.mark.timeout(1_800)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal1]:
    """A terminal that waits for a chunk, so that every topic has something to lose."""
    made = Terminal1(tmp_path).trusting()
    made.hear("lists/block/manifest", genuine(made.centre, "lists/block/manifest"))
    yield made
    made.close()


def chunk_of(centre: Centre) -> bytes:
    return centre.chunk_payload("block", 1, 0, BLOCKED)


def genuine(centre: Centre, topic: str, number: int = 2) -> bytes:
    """Return a message the terminal takes on ``topic``; a higher ``number`` is a newer one."""
    if topic == "trust/keyset":
        return centre.keyset(number)
    if topic == "twin/desired":
        return centre.twin(number, {"decision.max_apcer": 0.01 / number})
    if topic == "commands":
        return centre.command("door.pulse", IDENTITY.boot_id, CHALLENGE)
    if topic == "labels":
        return centre.label(f"a{number}", "attack", "print_flat")
    payload = chunk_of(centre)
    if topic == "lists/block/manifest":
        return centre.manifest("block", 1, hashlib.sha256(payload).hexdigest(), 1, 1)
    return centre.chunk(payload)


def condition(terminal: Terminal1) -> tuple[object, ...]:
    """Return all that a message could change for the worse."""
    with contextlib.closing(sqlite3.connect(terminal.config.terminal.state_dir / DATABASE)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}
    kept = {name: content for name, content in rows.items() if name not in OF_REFUSALS}
    desk = terminal.desk
    return kept, desk.keyset, desk.effective, dict(desk.central.versions()), len(terminal.nudges), len(terminal.applied)


def refuses(terminal: Terminal1, topic: str, content: bytes, *, authentic: bool = False) -> None:
    before, counted = condition(terminal), terminal.inbox.refusals.counts["messages_refused_total"]
    terminal.hear(topic, content)
    terminal.inbox.turn()
    assert condition(terminal) == before
    assert terminal.inbox.refusals.counts["messages_refused_total"] == counted + 1
    replies = terminal.said().get("replies", [])
    assert [reply["outcome"] for reply in replies] == ["refused"] * authentic, "a stranger gets no reply"


def says_the_same(content: bytes, envelope: bytes) -> bool:
    """Return whether the two differ in white space alone, which nobody signed."""
    try:
        return bool(json.loads(content) == json.loads(envelope))
    except (ValueError, RecursionError):
        return False


def changed(envelope: bytes, **members: Any) -> bytes:
    """Return the envelope with another payload under the same signature."""
    outer = json.loads(envelope)
    inner = json.loads(base64.b64decode(outer["payload"])) | members
    return json.dumps(outer | {"payload": base64.b64encode(json.dumps(inner).encode()).decode()}).encode()


@pytest.mark.parametrize("topic", TOPICS)
def test_genuine_messages_are_taken(topic: str, terminal: Terminal1) -> None:
    """Otherwise refusing all the others would prove nothing."""
    terminal.hear(topic, genuine(terminal.centre, topic))
    assert not terminal.refused()


@pytest.mark.parametrize("topic", TOPICS)
def test_noise(topic: str, terminal: Terminal1) -> None:
    good = genuine(terminal.centre, topic)
    pieces = st.lists(st.sampled_from([good, b"[" * 5_000, b'{"a":' * 50, b'"payload"', b"NaN", b"\xff"]) | st.binary())

    @EXAMPLES
    @given(pieces.map(b"".join).filter(lambda content: not says_the_same(content, good)))
    def hear(content: bytes) -> None:
        refuses(terminal, topic, content)

    hear()
    counts = terminal.inbox.refusals.counts["messages_refused_total"]
    told = terminal.events("message.refused")
    assert told
    assert len(told) < 10, "however many there are, few are told"
    record(f"noise on {topic}", f"{counts:,} messages", remarks=f"all refused, {len(told)} events tell of them")


@pytest.mark.parametrize("topic", TOPICS)
def test_bits_changed_on_the_way(topic: str, terminal: Terminal1) -> None:
    good = genuine(terminal.centre, topic)

    @EXAMPLES
    @given(st.integers(0, len(good) - 1), st.integers(1, 255))
    def hear(at: int, flip: int) -> None:
        broken = bytearray(good)
        broken[at] ^= flip
        if not says_the_same(bytes(broken), good):
            refuses(terminal, topic, bytes(broken))

    hear()


@pytest.mark.parametrize("topic", TOPICS)
def test_forgeries(topic: str, terminal: Terminal1) -> None:
    centre = terminal.centre
    good = genuine(centre, topic)
    outer = json.loads(good)
    payload = base64.b64decode(outer["payload"])
    stranger, other_site = Centre(now_s=centre.now_s), Centre("lab/t2", centre.now_s)
    other_site.root, other_site.key = centre.root, centre.key
    late = Centre(now_s=centre.now_s - 40 * DAY_S)
    late.root, late.key = centre.root, centre.key
    others = [type_ for type_ in EnvelopeType if type_ is not TOPICS[topic]]
    signer = centre.root if topic == "trust/keyset" else centre.key
    forged = {
        "signed by a stranger": genuine(stranger, topic),
        "a stranger under our key's name": json.dumps(
            json.loads(genuine(stranger, topic)) | {"keyid": outer["keyid"]}
        ).encode(),
        "signature over other bytes": changed(good, audience="lab/*"),
        "for another terminal": genuine(other_site, topic),
        "expired": genuine(late, topic),
        **{f"signed as {type_}": seal(signer, type_, payload) for type_ in others},
        "by the wrong key": seal(centre.key if topic == "trust/keyset" else centre.root, TOPICS[topic], payload),
        **{f"meant for {name}": genuine(centre, name) for name in TOPICS if name != topic},
    }
    for content in forged.values():
        refuses(terminal, topic, content)
    record(f"forgeries on {topic}", f"{len(forged)} kinds", remarks="all refused, nothing changed")


@pytest.mark.parametrize("topic", ["twin/desired", "commands", "labels", "trust/keyset"])
def test_replays_and_versions_that_go_back(topic: str, terminal: Terminal1) -> None:
    centre = terminal.centre
    old, new = genuine(centre, topic, 2), genuine(centre, topic, 3)
    terminal.hear(topic, old)
    terminal.hear(topic, new)
    terminal.inbox.turn()
    terminal.said()
    assert not terminal.refused()
    refuses(terminal, topic, old)


@pytest.mark.parametrize("members", [{"boot_id": "boot-0"}, {"challenge": "yesterday"}, {"expires": timestamp(2e9)}])
def test_orders_of_another_day(members: dict[str, Any], terminal: Terminal1) -> None:
    order = terminal.centre.sealed(EnvelopeType.COMMAND, KeyRole.COMMANDS, ORDER | {"nonce": "m" * 20})
    refuses(
        terminal,
        "commands",
        terminal.centre.sealed(EnvelopeType.COMMAND, KeyRole.COMMANDS, ORDER | members),
        authentic="expires" not in members,
    )
    terminal.hear("commands", order)
    assert terminal.nudges, "today's is taken"


def test_a_key_that_was_revoked_opens_no_door(terminal: Terminal1) -> None:
    centre = terminal.centre
    revoked = centre.key
    centre.key = SigningKey.generate()
    terminal.hear("trust/keyset", centre.keyset(2, revoked=[revoked.public.keyid]))
    centre.key = revoked
    refuses(terminal, "commands", genuine(centre, "commands"))
