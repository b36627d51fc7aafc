"""Hostile messages on every topic a terminal reads: whatever they are, nothing changes but that they are counted."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livegate.report.down.inbox import handlers, matches
from support.desks import CHALLENGE, Terminal1
from support.signing import Centre
from support.stores import IDENTITY, WALL_S

NAMES = (
    "trust/keyset",
    "commands",
    "twin/desired",
    "labels",
    "lists/block/manifest",
    "lists/allow/manifest",
    "lists/block/chunk/0",
    "lists/allow/chunk/7",
)
# Refusals are recorded; all else a message may change lies in these.
TABLES = ("keyset", "revoked_key", "nonce", "pending_command", "door_lock", "twin", "label", "list_floor", "presence")


@pytest.fixture(scope="module")
def terminal() -> Terminal1:
    with tempfile.TemporaryDirectory() as folder:
        made = Terminal1(Path(folder), Centre(now_s=WALL_S)).trusting()
        yield made
        made.close()


def everything(terminal: Terminal1) -> list[object]:
    with terminal.store.transaction() as t:
        rows = [t.connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES]
    return [*rows, terminal.desk.keyset, list(terminal.applied), terminal.central.versions(), len(terminal.nudges)]


def well_signed(centre: Centre) -> list[bytes]:
    """Return a right message for every topic, to be spoilt."""
    payload = centre.chunk_payload("block", 1, 0, [])
    return [
        centre.keyset(2),
        centre.command("door.pulse", IDENTITY.boot_id, CHALLENGE),
        centre.twin(1, {"log.level": "INFO"}),
        centre.label("a1", "attack"),
        centre.manifest("block", 1, "0" * 64, 1, 0),
        centre.chunk(payload),
    ]


SAMPLES = well_signed(Centre(now_s=WALL_S))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
ENVELOPE = st.fixed_dictionaries(
    {},
    optional={
        "payload": json_values | st.just("e30="),
        "type": st.sampled_from(["livegate.command.v1", "livegate.twin.v1", "livegate.keyset.v1", "x"]) | json_values,
        "keyid": st.sampled_from(["0" * 16, "../../etc/pass"]) | json_values,
        "sig": st.just("A" * 86 + "==") | json_values,
    },
)
hostile = (
    st.binary(max_size=400)
    | json_values.map(lambda value: json.dumps(value).encode())
    | ENVELOPE.map(lambda value: json.dumps(value).encode())
    | st.sampled_from(
        [b"[" * 5000, b'{"payload":' * 900, b"{}" * 30_000, b"\xff\xfe{}", b'{"a":NaN}', b'{"a":1,"a":2}']
    )
    | st.builds(
        lambda body, at, junk: body[: at % len(body)] + junk + body[at % len(body) + len(junk) :],
        st.sampled_from(SAMPLES),
        st.integers(0, 5000),
        st.binary(min_size=1, max_size=4),
    )
    | st.sampled_from(SAMPLES)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(name=st.sampled_from(NAMES), body=hostile)
def test_nothing_changes_and_it_is_counted(terminal: Terminal1, name: str, body: bytes) -> None:
    before = everything(terminal)
    counted = terminal.inbox.refusals.counts["messages_refused_total"]
    terminal.hear(name, body)
    terminal.inbox.turn()
    assert everything(terminal) == before
    assert terminal.inbox.refusals.counts["messages_refused_total"] == counted + 1
    assert not terminal.said().get("replies")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(name=st.text(max_size=40) | st.sampled_from(["commands/", "lists/x/chunk/1", "lists//manifest", "events/ack/x"]))
def test_no_topic_but_ours_is_read(terminal: Terminal1, name: str) -> None:
    if any(matches(pattern, name) for handler in handlers(terminal.desk) for pattern in handler.topics):
        return
    before = everything(terminal)
    terminal.hear(name, SAMPLES[0])
    assert everything(terminal) == before


@pytest.mark.parametrize("sample", range(len(SAMPLES)))
@pytest.mark.parametrize("name", NAMES)
def test_right_message_on_the_wrong_topic_is_refused(terminal: Terminal1, name: str, sample: int) -> None:
    body = well_signed(terminal.centre)[sample]
    right = (
        ("trust/keyset",),
        ("commands",),
        ("twin/desired",),
        ("labels",),
        ("lists/block/manifest",),
        ("lists/block/chunk/0",),
    )[sample]
    if name in right:
        return
    before = everything(terminal)
    terminal.hear(name, body)
    assert everything(terminal) == before
