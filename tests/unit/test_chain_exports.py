"""Any change, loss or mixture of an exported stream is named, and nothing however strange stops the proof."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.audit.audit import Proof
from livegate.audit.lines import bounded_lines
from livegate.audit.receipts import Receipts
from livegate.audit.telling import as_json, as_lines
from livegate.audit.verdict import Fault
from livegate.events.cloudevents import ChainHead, seal
from livegate.types import AccessEvent
from support.chains import STREAM, Chain, exported, signed_chain
from support.stores import IDENTITY, WALL_S, plain
from support.verifying import first_bad, held, read, resealed

EXPORT_CHAIN = signed_chain(3, 4).write(2)
EXPORT = exported(EXPORT_CHAIN.events)
LINES = EXPORT.splitlines(keepends=True)
COUNT = len(LINES)


@given(st.integers(0, len(EXPORT) - 2), st.integers(1, 255))
@settings(max_examples=300)
def test_any_changed_byte_of_an_export_is_named(at: int, change: int) -> None:
    spoiled = bytearray(EXPORT)
    spoiled[at] ^= change
    assert first_bad(bytes(spoiled)) == EXPORT[:at].count(b"\n") + 1


@given(st.integers(0, COUNT - 1))
def test_any_line_that_is_gone_is_named(which: int) -> None:
    spoiled = b"".join(LINES[:which] + LINES[which + 1 :])
    expected = {0: 2, COUNT - 1: None}.get(which, which + 1)
    assert first_bad(spoiled) == expected
    assert first_bad(spoiled, held(EXPORT_CHAIN.head)) == (expected or COUNT)


@given(st.integers(0, COUNT - 1), st.integers(0, COUNT - 1))
def test_any_two_lines_that_changed_places_are_named(one: int, other: int) -> None:
    first, second = sorted((one, other))
    lines = list(LINES)
    lines[first], lines[second] = lines[second], lines[first]
    if first == second:
        assert first_bad(b"".join(lines)) is None
    elif first == 0:
        # Nothing tells where the stream is to begin; at the latest the line out of its place is found.
        assert first_bad(b"".join(lines)) in (second + 1, second + 2)
    else:
        assert first_bad(b"".join(lines)) == first + 1


@given(st.integers(0, COUNT - 1), st.integers(1, COUNT))
def test_any_line_that_comes_again_passes_just_as_it_was_and_behind_the_first(which: int, place: int) -> None:
    spoiled = b"".join([*LINES[:place], LINES[which], *LINES[place:]])
    assert first_bad(spoiled) == (place + 1 if which > place else None)
    if which <= place:
        assert [stream.repeated for stream in read(spoiled).streams] == [1]


@given(st.integers(0, COUNT - 1), st.data())
def test_any_line_that_comes_again_otherwise_is_named(which: int, data: st.DataObject) -> None:
    line = bytearray(LINES[which])
    line[data.draw(st.integers(0, len(line) - 2))] ^= data.draw(st.integers(1, 255))
    place = data.draw(st.integers(which + 1, COUNT))
    assert not read(b"".join([*LINES[:place], bytes(line), *LINES[place:]])).ok


def test_a_line_that_comes_again_with_other_bytes_is_misplaced() -> None:
    again = LINES[3].replace(b'"number":3}', b'"number": 3}')
    assert again != LINES[3]
    assert first_bad(b"".join([*LINES[:7], again, *LINES[7:]])) == 8


def other_terminal() -> list[bytes]:
    """Return the lines of another terminal's stream that happens to have the same name."""
    chain = Chain()
    for number in range(6):
        sealed = seal(plain(number), replace(IDENTITY, terminal="t2"), STREAM, chain.head, WALL_S)
        chain.events.append(sealed)
        chain.head = ChainHead(sealed.sequence, sealed.chainhash)
    return exported(chain.events).splitlines(keepends=True)


@given(st.randoms(use_true_random=False))
def test_terminals_and_streams_in_any_mixture_are_sorted_out(random: Random) -> None:
    second = Chain("f" * 16).write(4).sign()
    waiting = [list(LINES), other_terminal(), exported(second.events).splitlines(keepends=True)]
    mixed = []
    while any(waiting):
        mixed.append(random.choice([lines for lines in waiting if lines]).pop(0))
    report = read(b"".join(mixed))
    assert report.ok
    assert sorted(stream.verdict.events for stream in report.streams) == [5, 6, COUNT]
    assert {(stream.verdict.events, stream.proof) for stream in report.streams} == {
        (5, Proof.UNPINNED),
        (6, Proof.UNSIGNED),
        (COUNT, Proof.UNPINNED),
    }


@given(st.binary(min_size=1, max_size=40), st.integers(0, COUNT))
def test_any_line_that_is_none_is_named(garbage: bytes, place: int) -> None:
    inserted = garbage.replace(b"\n", b"?").replace(b"\r", b"?") + b"\n"
    assert first_bad(b"".join([*LINES[:place], inserted, *LINES[place:]])) == place + 1


@given(st.integers(1, len(EXPORT) - 1))
def test_a_cut_end_is_named_inside_a_line_and_by_a_receipt_anywhere(length: int) -> None:
    cut = EXPORT[:length]
    whole_lines = cut.count(b"\n")
    missing = whole_lines + 1
    ends_at_a_line = cut.endswith((b"\n", b"}")) and cut.count(b"}") and length in line_ends()
    assert first_bad(cut) == (None if ends_at_a_line else missing)
    # The last line whole, but for its end.
    held_lines = whole_lines + (0 if cut.endswith(b"\n") or not ends_at_a_line else 1)
    assert first_bad(cut, held(EXPORT_CHAIN.head)) == (None if held_lines == COUNT else held_lines + 1)


def line_ends() -> set[int]:
    ends, at = set(), 0
    for text in LINES:
        at += len(text)
        ends |= {at, at - 1}
    return ends


def test_line_ends_and_blank_lines_of_other_systems_do_no_harm() -> None:
    assert first_bad(EXPORT.replace(b"\n", b"\r\n")) is None
    assert first_bad(EXPORT + b"\n\r\n\n") is None
    assert first_bad(EXPORT + b"garbage") == COUNT + 1
    assert first_bad(EXPORT + b"\x00" * 100) == COUNT + 1
    assert first_bad(b"\xef\xbb\xbf" + EXPORT) == 1


def test_huge_lines_are_never_held() -> None:
    assert first_bad(LINES[0] + b"a" * 100_000 + b"\n" + EXPORT[len(LINES[0]) :]) == 2
    assert list(bounded_lines(BytesIO(b"a" * 50 + b"\nb\n" + b"c" * 50), 10)) == [(1, None), (2, b"b"), (3, None)]
    assert list(bounded_lines(BytesIO(b"a" * 10 + b"\n"), 10)) == [(1, b"a" * 10)]


def test_several_streams_in_a_row_and_the_link_between_them() -> None:
    later = Chain("f" * 16)
    said = {"stream": STREAM, "sequence": EXPORT_CHAIN.head.sequence, "chainhash": EXPORT_CHAIN.head.chainhash}
    later.add(AccessEvent("system.started", {"what": {"predecessor": said}}, WALL_S, 0))
    later.write(3).sign()
    report = read(EXPORT + exported(later.events))
    assert report.ok
    assert [stream.verdict.stream for stream in report.streams] == [STREAM, "f" * 16]
    cut = read(b"".join(LINES[:-1]) + exported(later.events))
    assert cut.streams[0].finding is not None
    assert (cut.streams[0].finding.sequence, cut.streams[0].finding.fault) == (COUNT, Fault.MISSING)
    back = read(EXPORT + exported(later.events) + LINES[3])
    assert back.ok
    assert [stream.repeated for stream in back.streams] == [1, 0]
    mixed = read(b"".join(LINES[:5]) + exported(later.events[2:3]) + b"".join(LINES[5:]))
    assert mixed.streams[0].finding is None
    assert mixed.streams[1].finding is not None
    assert (mixed.streams[1].finding.sequence, mixed.streams[1].finding.fault) == (3, Fault.UNANCHORED)


def test_a_receipt_for_another_history_is_named() -> None:
    other = held(ChainHead(7, "00" * 32))
    assert first_bad(EXPORT, other) == 7
    assert first_bad(EXPORT, held(EXPORT_CHAIN.place(7))) is None
    report = read(EXPORT, Receipts({STREAM: {}, "e" * 16: {3: "00" * 32}}))
    assert report.ok
    assert report.unmatched == ("e" * 16,)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters())
    | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
TOP = ("stream", "source", "id", "type", "bootid", "sequence", "data", "chainhash")
WHATS = ("from", "to", "chainhash_before", "chainhash_after", "through", "key", "sig", "keyid", "stream", "predecessor")


@given(st.sampled_from(["gap", "chain.checkpoint", "system.started", "door.state"]), st.data())
@settings(max_examples=200)
def test_no_event_however_strange_stops_the_proof(kind: str, data: st.DataObject) -> None:
    """A forger can make hashes fit: every member may be of any type and still be looked at."""
    base = Chain().write(6).own_up(3, 4) if kind == "gap" else Chain().write(6).sign()
    last = base.events.pop()
    head = base.place(6)
    members = json.loads(last.body)
    members["type"] = f"io.livegate.{kind}.v1"
    if data.draw(st.booleans()):
        members[data.draw(st.sampled_from(TOP))] = data.draw(ANYTHING)
    elif isinstance(members["data"], dict):
        members["data"]["what"][data.draw(st.sampled_from(WHATS))] = data.draw(ANYTHING)
    members.setdefault("chainhash", "")
    first = members.pop("bootid")
    strange = resealed({"bootid": first} | members, head)
    events = base.without((3, 4)) if kind == "gap" else base.events
    for export in (exported([*events, strange]), exported([strange, *events]), exported([strange])):
        report = read(export)
        as_json(report)
        list(as_lines(report))
