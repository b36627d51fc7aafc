"""Acknowledgements and other JSON from the network are hostile until parsed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.errors import LinkError
from livegate.report.acks import MAX_ACK_BYTES, Ack, format_ack, parse_ack
from livegate.report.status import MAX_STATUS_BYTES, Presence, Status, format_status, parse_status
from livegate.untrusted import parse_object

HASH = "0123456789abcdef" * 4
SEQUENCES = st.integers(0, 999_999_999_998)
ACKS = st.builds(
    Ack,
    stream=st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
    through=SEQUENCES,
    chainhash=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    consumer=st.text("abcdefghijklmnopqrstuvwxyz -_.", min_size=1, max_size=64),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(ACKS)
def test_what_is_written_is_read(ack: Ack) -> None:
    assert parse_ack(format_ack(ack)) == ack


@given(ACKS, st.integers(1, 999))
def test_want_travels(ack: Ack, ahead: int) -> None:
    want = min(ack.through + ahead, 999_999_999_999)
    asking = Ack(ack.stream, ack.through, ack.chainhash, ack.consumer, want)
    assert parse_ack(format_ack(asking)) == asking


@given(st.binary(max_size=2000))
def test_any_bytes_are_an_ack_or_a_link_error(payload: bytes) -> None:
    with pytest.raises(LinkError):
        parse_ack(payload)


@given(st.sampled_from(["stream", "through", "chainhash", "want", "consumer"]), JSON)
def test_any_value_in_a_member_is_an_ack_or_a_link_error(member: str, value: object) -> None:
    good = {"stream": "s", "through": "000000000005", "chainhash": HASH, "want": None, "consumer": "c"}
    payload = json.dumps(good | {member: value}).encode()
    try:
        ack = parse_ack(payload)
    except LinkError:
        return
    changed = getattr(ack, member)
    assert changed == value or (isinstance(value, str) and changed == int(value))


@given(JSON)
def test_any_json_as_status_is_a_status_or_a_link_error(value: object) -> None:
    with pytest.raises(LinkError):
        parse_status(json.dumps(value).encode())


BAD = {
    "too long": b" " * (MAX_ACK_BYTES + 1),
    "deep": b'{"stream":' + b"[" * 400 + b"]" * 400 + b"}",
    "deep behind a string with brackets": b'{"a":"]]]]]]","b":[[[1]]]}',
    "utf-16": '{"stream":"s"}'.encode("utf-16"),
    "lone surrogate": b'{"stream":"\\ud800"}',
    "nan": b'{"through":NaN}',
    "list": b"[]",
    "twice": b'{"stream":"a","stream":"b"}',
    "sequence as number": json.dumps({"stream": "s", "through": 5, "chainhash": HASH, "consumer": "c"}).encode(),
    "sequence in other digits": json.dumps(
        {"stream": "s", "through": "٠٠٠٠٠٠٠٠٠٠٠٥", "chainhash": HASH, "consumer": "c"}
    ).encode(),
    "want below through": format_ack(Ack("s", 5, HASH, "c", 5)),
    "upper case hash": format_ack(Ack("s", 5, HASH.upper(), "c")),
    "huge number": b'{"through":' + b"9" * 900 + b"}",
}


@pytest.mark.parametrize("payload", BAD.values(), ids=BAD.keys())
def test_refused(payload: bytes) -> None:
    with pytest.raises(LinkError):
        parse_ack(payload)


def test_members_the_contract_does_not_name_are_ignored() -> None:
    members = json.loads(format_ack(Ack("s", 5, HASH, "c"))) | {"countersignature": {"keyid": "k"}}
    assert parse_ack(json.dumps(members).encode()) == Ack("s", 5, HASH, "c")


def test_depth_is_counted_outside_strings_only() -> None:
    assert parse_object(b'{"a":"[[[[\\"[[[["}', max_bytes=100, max_depth=1) == {"a": '[[[["[[[['}
    assert parse_object(b'{"a":[[1]]}', max_bytes=100, max_depth=3) == {"a": [[1]]}
    with pytest.raises(LinkError, match="nested deeper than 2"):
        parse_object(b'{"a":[[1]]}', max_bytes=100, max_depth=2)


def test_status_is_what_the_contract_names() -> None:
    status = Status(Presence.ONLINE, "boot", "c" * 32, "2026-01-01T00:00:00.000Z", "1.0", "stream", 7)
    payload = format_status(status)
    assert list(json.loads(payload)) == ["state", "boot_id", "challenge", "since", "firmware", "stream", "sent_through"]
    assert json.loads(payload)["sent_through"] == "000000000007"
    assert parse_status(payload) == status
    assert len(payload) < MAX_STATUS_BYTES
