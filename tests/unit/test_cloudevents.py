from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from livegate.audit.chain import verify_chain
from livegate.errors import StoreError
from livegate.events import integrity, kinds
from livegate.events.canonical import canonical
from livegate.events.checkpoint import checkpoint
from livegate.events.cloudevents import MAX_SEQUENCE, ChainHead, StoredEvent, genesis, seal, timestamp
from livegate.events.environment import ModelInUse
from livegate.events.integrity import Damage, Fill, Shortage
from livegate.events.models import ModelInForce, model_activated
from livegate.events.opened import OpenedEvent
from livegate.gate.door import DoorState
from livegate.gate.facts import ListEntry
from livegate.trust.keys import SigningKey
from livegate.types import (
    AccessEvent,
    Credential,
    CueScore,
    Decision,
    Outcome,
    PadDecision,
    PadResult,
    Reason,
    SensorFault,
    Step,
)
from livegate.verbs.events import line
from support.schemas import SCHEMAS, valid
from support.stores import ATTACK, BONA_FIDE, ENVIRONMENT, IDENTITY, WALL_S, StillClock, plain

STREAM = "0123456789abcdef"
NOW = StillClock().now


def chain(number: int, head: ChainHead | None = None) -> list[StoredEvent]:
    head, made = head or genesis(STREAM), []
    for index in range(number):
        made.append(seal(plain(index), IDENTITY, STREAM, head, WALL_S))
        head = ChainHead(made[-1].sequence, made[-1].chainhash)
    return made


def test_the_envelope() -> None:
    event = json.loads(seal(plain(), IDENTITY, STREAM, genesis(STREAM), WALL_S + 1).body)
    chainhash, data = event.pop("chainhash"), event.pop("data")
    assert event == {
        "specversion": "1.0",
        "id": f"t1/{STREAM}/000000000001",
        "source": "urn:livegate:lab:t1",
        "type": "io.livegate.access.attempt.v1",
        "datacontenttype": "application/json",
        "dataschema": "urn:livegate:schema:access.attempt:v1",
        "subject": "front",
        "time": "2023-11-14T22:13:20.000Z",
        "stream": STREAM,
        "sequence": "000000000001",
        "recordedtime": "2023-11-14T22:13:21.000Z",
        "bootid": "boot-1",
        "severity": "info",
    }
    assert data == {"number": 0}
    assert len(chainhash) == 64


def test_the_hash_is_what_the_contract_says() -> None:
    first = seal(plain(), IDENTITY, STREAM, genesis(STREAM), WALL_S)
    unsealed = json.loads(first.body)
    del unsealed["chainhash"]
    before = hashlib.sha256(STREAM.encode()).digest()
    assert first.chainhash == hashlib.sha256(before + canonical(unsealed)).hexdigest()
    assert json.loads(first.body)["chainhash"] == first.chainhash
    assert first.body == canonical(json.loads(first.body))


def test_a_used_up_stream_is_refused() -> None:
    with pytest.raises(StoreError, match="used up"):
        seal(plain(), IDENTITY, STREAM, ChainHead(MAX_SEQUENCE, "00" * 32), WALL_S)


@pytest.mark.parametrize("wall_s", [float("nan"), float("inf"), 1e18, -1e18])
def test_a_clock_gone_mad_still_gives_a_timestamp(wall_s: float) -> None:
    assert timestamp(wall_s) == "1970-01-01T00:00:00.000Z"


def test_a_chain_verifies_from_its_beginning_and_from_any_anchor() -> None:
    events_ = chain(5)
    assert verify_chain(events_, genesis(STREAM)) is None
    assert verify_chain(events_[2:], ChainHead(2, events_[1].chainhash)) is None
    assert verify_chain([], genesis(STREAM)) is None


@given(st.integers(0, 4), st.data())
def test_any_changed_byte_is_found_at_its_sequence(which: int, data: st.DataObject) -> None:
    events_ = chain(5)
    body = bytearray(events_[which].body)
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    events_[which] = replace(events_[which], body=bytes(body))
    assert verify_chain(events_, genesis(STREAM)) == which + 1


def test_missing_doubled_swapped_and_foreign_events_are_found() -> None:
    events_ = chain(5)
    assert verify_chain(events_[1:], genesis(STREAM)) == 1
    assert verify_chain([*events_[:2], *events_[3:]], genesis(STREAM)) == 3
    assert verify_chain([*events_[:2], events_[1], *events_[2:]], genesis(STREAM)) == 3
    assert verify_chain([events_[1], events_[0]], genesis(STREAM)) == 1
    assert verify_chain(events_, genesis("another")) == 1
    assert verify_chain([replace(events_[0], chainhash="00" * 32)], genesis(STREAM)) == 1


def test_the_same_event_written_differently_is_not_the_same() -> None:
    (event,) = chain(1)
    spaced = json.dumps(json.loads(event.body)).encode()
    assert verify_chain([replace(event, body=spaced)], genesis(STREAM)) == 1
    doubled = event.body.replace(b'{"bootid":"boot-1"', b'{"bootid":"x","bootid":"boot-1"')
    assert verify_chain([replace(event, body=doubled)], genesis(STREAM)) == 1


def with_gap(first: int, last: int) -> list[StoredEvent]:
    """Six events, of which ``first`` to ``last`` were dropped, and the gap event that says so as the seventh."""
    events_ = chain(6)
    places = [genesis(STREAM), *(ChainHead(event.sequence, event.chainhash) for event in events_)]
    gap = kinds.gap(places[first - 1], places[last], {"access.attempt": last - first + 1}, NOW, ENVIRONMENT)
    events_.append(seal(gap, IDENTITY, STREAM, places[-1], WALL_S))
    return [event for event in events_ if not first <= event.sequence <= last]


def test_a_hole_is_allowed_only_where_a_gap_event_owns_up_to_it() -> None:
    assert verify_chain(with_gap(1, 3), genesis(STREAM)) is None
    assert verify_chain(with_gap(3, 4), genesis(STREAM)) is None
    assert verify_chain(with_gap(3, 4)[:-1], genesis(STREAM)) == 3
    kept = with_gap(3, 4)
    assert verify_chain([kept[0], *kept[2:]], genesis(STREAM)) == 2
    assert verify_chain([*kept[:2], *kept[3:]], genesis(STREAM)) == 5


def test_a_reader_who_already_had_part_of_the_dropped_events_goes_on() -> None:
    had = chain(6)[:4]
    assert verify_chain([*had, *with_gap(1, 5)], genesis(STREAM)) is None


def test_a_gap_that_names_other_hashes_is_found() -> None:
    events_ = chain(6)
    wrong = kinds.gap(ChainHead(2, "11" * 32), ChainHead(4, events_[3].chainhash), {}, NOW, ENVIRONMENT)
    last = ChainHead(6, events_[-1].chainhash)
    told = [*events_[:2], *events_[4:], seal(wrong, IDENTITY, STREAM, last, WALL_S)]
    assert verify_chain(told, genesis(STREAM)) == 3


# As far as the chain hash every body begins.
START = b'{"bootid":"b","chainhash":"' + b"0" * 64 + b'",'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"nonsense",
        b"\xff\xfe",
        b'{"chainhash":"00","sequence":"000000000001"}',
        START,
        START + b'"sequence":1}',
        START + '"sequence":"١٢٣٤٥٦٧٨٩٠١٢"}'.encode(),
        START + b'"data":{}}',
        START + b'"sequence":NaN}',
        START + b'"sequence":"000000000001","a":"\xff"}',
        START + b'"a":' + b'{"a":' * 100_000,
        START + b'"sequence":"000000000001x"}',
    ],
)
def test_what_is_no_event_cannot_be_parsed(body: bytes) -> None:
    with pytest.raises(ValueError, match="event"):
        OpenedEvent.of(body)
    assert verify_chain([StoredEvent(1, "00" * 32, body)], genesis(STREAM)) == 1


def test_parsing_gives_the_event_back() -> None:
    (event,) = chain(1)
    opened = OpenedEvent.of(event.body)
    assert (opened.sequence, opened.chainhash) == (event.sequence, event.chainhash)
    assert opened.fits(genesis(STREAM))


CREDENTIAL = Credential("ab" * 16, "card", True, WALL_S, None)
FULL = replace(
    ENVIRONMENT,
    zone="lobby",
    model=ModelInUse("face", "cd" * 32, 0.5),
    calibration_sha256="ef" * 32,
    config_version="01" * 32,
    list_versions={"block": 7},
    sensors={"rgb": "ok", "depth": "stale"},
    step=Step.FEWER,
)
SPOOF = replace(ATTACK, cues=(CueScore("network", 0.1, -3.5),), pai_species="print_flat", missing=("near_infrared",))


def decision(pad: PadResult, outcome: Outcome, reason: Reason, credential: Credential | None) -> Decision:
    return Decision(
        "a1", outcome, reason, "credential+liveness", pad, credential, "r", {"r": 2}, ("block.media",), 12.5
    )


KINDS = {
    "granted": kinds.access_attempt(
        decision(BONA_FIDE, Outcome.GRANTED, Reason.BONA_FIDE, CREDENTIAL), NOW, ENVIRONMENT
    ),
    "attack": kinds.access_attempt(decision(SPOOF, Outcome.DENIED, Reason.PRESENTATION_ATTACK, None), NOW, FULL),
    "no answer": kinds.access_attempt(
        decision(
            PadResult(PadDecision.NON_RESPONSE, Reason.NO_FACE, None, None, None, 0, Step.NONE),
            Outcome.INCONCLUSIVE,
            Reason.NO_FACE,
            CREDENTIAL,
        ),
        NOW,
        FULL,
    ),
    "sensor": kinds.sensor_state("nir", "missing", "ok", NOW, FULL),
    "start": kinds.system_started(NOW, FULL, first_of_boot=True, predecessor=None),
    "new stream": kinds.system_started(
        NOW,
        FULL,
        first_of_boot=False,
        predecessor={
            "stream": None,
            "sequence": None,
            "chainhash": None,
            "reason": "malformed",
            "file": "f",
            "lost": ["lockout"],
        },
    ),
    "capacity": integrity.capacity(90, Shortage.EVENTS, Fill(90, 100, 5, 1_000, "deny"), NOW, FULL),
    "damage": integrity.damaged(Damage.EVENT, "000000000007", NOW, FULL),
    "checkpoint": checkpoint(SigningKey.generate(), STREAM, genesis(STREAM), NOW, FULL),
    "gap": kinds.gap(ChainHead(0, "00" * 32), ChainHead(5, "11" * 32), {"access.attempt": 5}, NOW, FULL),
    "credential": kinds.credential_changed("added", CREDENTIAL, "new badge", NOW, FULL),
    "model": model_activated("second", None, ModelInForce("ssd", "2", "a" * 64, "installed"), None, NOW, FULL),
    "no model": model_activated("second", ModelInForce("ssd", "2", "a" * 64, "shipped"), None, "gone", NOW, FULL),
    "list": kinds.list_applied("removed", ListEntry("media", "m", until_s=WALL_S), NOW, FULL),
} | {f"door {state}": kinds.door_state(state, NOW, FULL, 7) for state in DoorState}


@pytest.mark.parametrize("event", KINDS.values(), ids=KINDS.keys())
def test_every_event_keeps_its_schema(event: AccessEvent) -> None:
    told = json.loads(seal(event, IDENTITY, STREAM, genesis(STREAM), WALL_S).body)
    valid("event", told)
    valid(event.kind, told["data"])
    assert told["dataschema"] == SCHEMAS[event.kind]["$id"]
    assert f"  {event.kind} " in line(told)


def test_a_line_of_an_attempt_tells_a_step_below_all() -> None:
    def said(step: Step | None) -> str:
        environment = replace(FULL, step=step)
        event = kinds.access_attempt(decision(SPOOF, Outcome.DENIED, Reason.STEP_TOO_LOW, None), NOW, environment)
        return line(json.loads(seal(event, IDENTITY, STREAM, genesis(STREAM), WALL_S).body))

    assert "denied: step_too_low (r)  step texture  [" in said(Step.TEXTURE)
    assert "(r)  step none" in said(Step.NONE)
    assert "  step " not in said(Step.ALL) + said(None)


def test_a_line_tells_what_is_wrong_and_how_badly() -> None:
    def said(event: AccessEvent) -> str:
        return line(json.loads(seal(event, IDENTITY, STREAM, genesis(STREAM), WALL_S).body))

    faults = (SensorFault.REPEATED, SensorFault.MISDATED)
    fed = said(kinds.sensor_state("rgb", "ok", "ok", NOW, FULL, faults))
    assert fed.endswith("  action=sensor before=ok role=rgb state=ok faults=misdated,repeated  [alert]")
    assert said(KINDS["sensor"]).endswith("  action=sensor before=ok role=nir state=missing  [warning]")
    well = said(kinds.sensor_state("rgb", "ok", None, NOW, FULL))
    assert well.endswith("sensor.state        action=sensor role=rgb state=ok")


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_every_schema_is_one(schema: dict[str, object]) -> None:
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    ("outcome", "reason", "credential", "topic", "onvif_reason"),
    [
        (Outcome.GRANTED, Reason.BONA_FIDE, CREDENTIAL, "AccessGranted/Credential", None),
        (Outcome.GRANTED, Reason.BONA_FIDE, None, "AccessGranted/Anonymous", None),
        (Outcome.DENIED, Reason.PRESENTATION_ATTACK, CREDENTIAL, "Denied/Credential", "livegate:SpoofDetected"),
        (Outcome.DENIED, Reason.UNKNOWN_CREDENTIAL, CREDENTIAL, "Denied/CredentialNotFound/Card", None),
        (Outcome.DENIED, Reason.CREDENTIAL_EXPIRED, CREDENTIAL, "Denied/Credential", "CredentialExpired"),
        (Outcome.INCONCLUSIVE, Reason.INCONCLUSIVE, None, "Denied/Anonymous", "Other"),
    ],
)
def test_onvif_names(
    outcome: Outcome, reason: Reason, credential: Credential | None, topic: str, onvif_reason: str | None
) -> None:
    event = kinds.access_attempt(decision(BONA_FIDE, outcome, reason, credential), NOW, ENVIRONMENT)
    what = event.data["what"]
    assert what["onvif_topic"] == f"tns1:AccessControl/{topic}"
    assert what["onvif_reason"] == onvif_reason
