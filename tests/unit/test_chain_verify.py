from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.audit.audit import Audit, Proof, Report
from livegate.audit.chain import MAX_HOLES, Verifier, verify_chain
from livegate.audit.lines import bounded_lines
from livegate.audit.receipts import Receipts
from livegate.audit.telling import as_json, as_lines
from livegate.audit.verdict import Fault, Start, Verdict
from livegate.events import kinds
from livegate.events.checkpoint import checkpoint, read_checkpoint
from livegate.events.cloudevents import ChainHead, StoredEvent, genesis, next_hash, seal, unseal
from livegate.events.opened import OpenedEvent
from livegate.trust.keys import SigningKey
from livegate.types import AccessEvent
from support.chains import KEY, NOW, STREAM, Chain, exported, signed_chain
from support.schemas import valid
from support.stores import ENVIRONMENT, IDENTITY, WALL_S, plain

PINNED = frozenset({KEY.public})


def judged(events: list[StoredEvent], verifier: Verifier | None = None) -> Verdict:
    verifier = verifier or Verifier(None, PINNED, must_be_signed=True)
    for event in events:
        verifier.take(event)
    return verifier.finish()


def read(export: bytes, receipts: Receipts | None = None) -> Report:
    audit = Audit(PINNED, receipts=receipts)
    for number, line in bounded_lines(BytesIO(export), 8_192):
        if line is None:
            audit.refuse("too long", number)
        else:
            audit.take(line, number)
    return audit.finish()


def first_bad(export: bytes, receipts: Receipts | None = None) -> int | None:
    """Return the first bad sequence of the first stream that has one."""
    findings = [stream.finding for stream in read(export, receipts).streams if stream.finding is not None]
    return findings[0].sequence if findings else None


def held(place: ChainHead) -> Receipts:
    return Receipts({STREAM: {place.sequence: place.chainhash}})


def test_what_a_sound_stream_proves() -> None:
    verdict = judged(signed_chain(3, 5).write(2).events)
    assert (verdict.first_bad, verdict.start) == (None, Start.GENESIS)
    assert (verdict.first, verdict.last, verdict.events) == (1, 20, 20)
    assert (verdict.checkpoints, verdict.signed_through, verdict.unsigned_tail) == (3, 17, 2)
    assert (verdict.stream, verdict.source) == (STREAM, "urn:livegate:lab:t1")
    assert verdict.keyids == (KEY.public.keyid,)


def test_a_stream_begins_at_any_checkpoint_and_nowhere_else() -> None:
    events = signed_chain(3, 5).events
    for start in range(1, 18):
        verdict = judged(events[start:])
        if start in (5, 11):
            assert (verdict.first_bad, verdict.start, verdict.first) == (None, Start.CHECKPOINT, start + 1)
        elif start == 17:
            assert (verdict.first_bad, verdict.signed_through) == (None, 17)
        else:
            assert verdict.finding is not None
            assert (verdict.first_bad, verdict.finding.fault) == (start + 1, Fault.UNANCHORED)
        assert verify_chain(events[start:], ChainHead(start, events[start - 1].chainhash)) is None


def test_the_checkpoint_keeps_its_schema_and_signs_what_the_contract_says() -> None:
    told = json.loads(signed_chain(1, 3).events[-1].body)
    valid("event", told)
    valid("chain.checkpoint", told["data"])
    said = read_checkpoint(told["data"]["what"])
    message = (
        b'io.livegate.chain.checkpoint.v1\x00{"chainhash":"%b","keyid":"%b","stream":"%b","through":"000000000003"}'
        % (said.head.chainhash.encode(), KEY.public.keyid.encode(), STREAM.encode())
    )
    KEY.public.verify(said.sig, message)


def spoil(chain: Chain, **changes: object) -> Chain:
    """Add a checkpoint that says something else than it should."""
    good = checkpoint(chain.key, chain.stream, chain.head, NOW, ENVIRONMENT)
    what = dict(good.data["what"]) | changes
    chain.add(AccessEvent(good.kind, dict(good.data) | {"what": what}, good.wall_s, good.monotonic_ns))
    return chain


@pytest.mark.parametrize(
    "changes",
    [
        {"through": "000000000004"},
        {"through": "x"},
        {"through": None},
        {"chainhash": "00" * 32},
        {"chainhash": "nonsense"},
        {"stream": "f" * 16},
        {"keyid": "0" * 16},
        {"key": "AAAA"},
        {"key": "A" * 43 + "="},
        {"key": 7},
        {"sig": "A" * 86 + "=="},
        {"sig": "not base64"},
    ],
)
def test_a_checkpoint_that_says_something_else_is_named(changes: dict[str, object]) -> None:
    verdict = judged(spoil(Chain().write(5), **changes).write(3).events)
    assert verdict.finding is not None
    assert (verdict.first_bad, verdict.finding.fault) == (6, Fault.UNSIGNED)


def test_another_key_does_not_count() -> None:
    forged = Chain(key=SigningKey.generate()).write(5).sign()
    assert judged(forged.events).first_bad == 6
    assert judged(forged.events, Verifier()).first_bad is None
    forged.key = KEY
    assert judged(forged.write(2).sign().events, Verifier()).first_bad == 9


def test_history_rewritten_without_the_key_is_found_where_it_was_signed() -> None:
    honest = signed_chain(2, 5).events
    forged = Chain()
    for event in honest[:11]:
        body = json.loads(event.body)
        data = {"number": -1} if event.sequence == 3 else body["data"]
        kind = body["type"].removeprefix("io.livegate.").removesuffix(".v1")
        forged.add(AccessEvent(kind, data, WALL_S, 0))
    assert verify_chain([e for e in forged.events if e.sequence < 6], genesis(STREAM)) is None
    assert judged(forged.events).first_bad == 6


def test_a_stream_stripped_of_its_signatures_is_none_that_was_asked_for() -> None:
    unsigned = Chain().write(9).events
    verdict = judged(unsigned)
    assert verdict.finding is not None
    assert (verdict.first_bad, verdict.finding.fault) == (1, Fault.UNSIGNED)
    assert judged(unsigned, Verifier(None, PINNED)).first_bad is None
    assert judged([]).first_bad is None


def test_what_contradicts_itself_is_found_though_its_hash_fits() -> None:
    for spoiled in (
        {"id": f"t2/{STREAM}/000000000003"},
        {"id": f"t1/{STREAM}/000000000004"},
        {"source": "urn:livegate:lab:t2"},
        {"stream": "f" * 16},
        {"sequence": "000000000004"},
        {"sequence": 3},
        {"bootid": ""},
        {"bootid": 7},
    ):
        chain = Chain().write(2)
        members = json.loads(seal(plain(), IDENTITY, STREAM, chain.head, WALL_S).body) | spoiled
        assert judged([*chain.events, resealed(members, chain.head)], Verifier()).first_bad == 3, spoiled


def resealed(members: dict[str, object], head: ChainHead, *, raw: bytes | None = None) -> StoredEvent:
    """Write an event as no terminal would, with a hash that fits all the same."""
    del members["chainhash"]
    unsealed = raw or json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    chainhash = next_hash(head.chainhash, unsealed)
    before, comma, after = unsealed.partition(b',"data"')
    return StoredEvent(
        head.sequence + 1, chainhash, before + b',"chainhash":"' + chainhash.encode() + b'"' + comma + after
    )


def test_a_member_twice_is_refused_though_its_hash_fits() -> None:
    chain = Chain().write(2)
    body = seal(plain(), IDENTITY, STREAM, chain.head, WALL_S).body
    unsealed, _ = unseal(body)
    for twice in (b'{"number":0,"number":1}', b'{"number":0},"data":{"number":1}'):
        event = resealed(json.loads(body), chain.head, raw=unsealed.replace(b'{"number":0}', twice))
        assert next_hash(chain.head.chainhash, unseal(event.body)[0]) == event.chainhash
        with pytest.raises(ValueError, match="twice"):
            OpenedEvent.of(event.body)
        assert judged([*chain.events, event], Verifier()).first_bad == 3


def test_a_boot_that_had_ended_does_not_come_back() -> None:
    chain = Chain()
    for boot in ("a", "a", "b", "b", "a"):
        sealed = seal(plain(), replace(IDENTITY, boot_id=boot), STREAM, chain.head, WALL_S)
        chain.events.append(sealed)
        chain.head = ChainHead(sealed.sequence, sealed.chainhash)
    verdict = judged(chain.events, Verifier())
    assert verdict.finding is not None
    assert (verdict.first_bad, verdict.finding.fault) == (5, Fault.BOOT)


def test_holes_are_explained_by_later_gap_events_only() -> None:
    chain = Chain().write(10).own_up(3, 4).write(3).own_up(7, 8).sign()
    assert judged(chain.without((3, 4), (7, 8))).gaps[1].first == 7
    assert judged(chain.without((3, 4), (7, 8))).first_bad is None
    assert judged(chain.without((3, 4), (7, 9))).first_bad == 9
    assert judged(chain.without((3, 4), (6, 8))).first_bad == 6
    assert judged(chain.without((2, 4))).first_bad == 2
    assert judged(chain.without((7, 8), (11, 11))).first_bad == 11


def test_a_hole_that_several_gap_events_tell_of_in_parts() -> None:
    told = [(3, 5), (6, 8), (9, 9)]
    for order in permutations(told):
        chain = Chain().write(12)
        for part in order:
            chain.own_up(*part)
        assert [gap.last for gap in judged(chain.without((3, 9)), Verifier()).gaps] == [9]
        assert judged(chain.without((3, 10)), Verifier()).first_bad == 10
        for index in range(3):
            lying = Chain().write(12)
            for part in order[:index] + order[index + 1 :]:
                lying.own_up(*part)
            assert judged(lying.without((3, 9)), Verifier()).first_bad == order[index][0]
    chain = Chain().write(12).own_up(3, 5).own_up(3, 7).own_up(3, 9)
    assert [(gap.first, gap.last) for gap in judged(chain.without((3, 9)), Verifier()).gaps] == [(3, 9)]


def test_a_stream_whose_beginning_was_dropped_begins_behind_it() -> None:
    chain = Chain().write(10).own_up(1, 4).sign()
    verdict = judged(chain.without((1, 4)))
    assert (verdict.first_bad, verdict.first, verdict.start) == (None, 5, Start.GAP)
    liar = Chain().write(10)
    liar.add(replace_what(liar, chainhash_before="00" * 32))
    assert judged(liar.without((1, 4)), Verifier()).first_bad == 5


def replace_what(chain: Chain, **changes: object) -> AccessEvent:
    told = Chain()
    told.events, told.head = list(chain.events), chain.head
    body = json.loads(told.own_up(1, 4).events[-1].body)
    data = body["data"] | {"what": body["data"]["what"] | changes}
    return AccessEvent("gap", data, WALL_S, 0)


@pytest.mark.parametrize("value", [None, 5, "x", "9" * 5_000, [], {}, "-1"])
@pytest.mark.parametrize("member", ["from", "to", "chainhash_before", "chainhash_after"])
def test_a_gap_event_that_says_nonsense_explains_nothing(member: str, value: object) -> None:
    chain = Chain().write(10)
    chain.add(replace_what(chain, **{member: value}))
    assert judged(chain.without((1, 4)), Verifier()).first_bad == 5


def test_an_early_hole_is_named_even_if_something_later_breaks_first() -> None:
    chain = Chain().write(10).own_up(3, 4)
    events = chain.without((3, 4))
    events[-2] = replace(events[-2], body=events[-2].body.replace(b'"number":9', b'"number":8'))
    assert judged(events, Verifier()).first_bad == 10
    assert judged(events[:-1], Verifier()).first_bad == 3


def forge(chain: Chain, first: int, last: int) -> list[StoredEvent]:
    """Delete events and append what owns up to them, as whoever holds the file but no key can."""
    return chain.write().own_up(first, last).write().without((first, last))


def test_a_forged_gap_event_hides_nothing_that_was_signed() -> None:
    verdict = judged(forge(signed_chain(3, 5), 7, 9))
    assert verdict.finding is not None
    assert (verdict.finding.sequence, verdict.finding.fault) == (7, Fault.UNPROVEN)
    assert "missing 7–9, explained only by an unsigned event (20)" in verdict.finding.why
    assert [(gap.first, gap.last, gap.is_signed) for gap in verdict.gaps] == [(7, 9, False)]
    for first, last in ((18, 18), (12, 18), (1, 16), (16, 17)):
        bad = judged(forge(signed_chain(3, 5), first, last)).finding
        assert bad is not None
        assert (bad.sequence, bad.fault) == (first, Fault.UNPROVEN)


def test_once_a_checkpoint_signs_the_gap_event_too_all_is_well() -> None:
    chain = signed_chain(3, 5)
    forge(chain, 7, 9)
    verdict = judged(chain.sign().without((7, 9)))
    assert verdict.finding is None
    assert [gap.is_signed for gap in verdict.gaps] == [True]


def test_a_forged_gap_event_widens_no_honest_hole() -> None:
    chain = Chain().write(12).own_up(3, 5).sign()
    for told in ((6, 8), (3, 8), (1, 8)):
        lying = Chain()
        lying.events, lying.head = list(chain.events), chain.head
        verdict = judged(lying.own_up(*told).without((3, 8)))
        assert verdict.finding is not None
        assert (verdict.finding.sequence, verdict.finding.fault) == (6, Fault.UNPROVEN), told
        assert "missing 6–8," in verdict.finding.why


def test_a_forged_beginning_is_no_beginning() -> None:
    verdict = judged(signed_chain(2, 5).own_up(1, 8).without((1, 8)))
    assert verdict.finding is not None
    assert (verdict.finding.sequence, verdict.finding.fault) == (1, Fault.UNPROVEN)


def test_who_takes_the_checkpoints_away_too_gains_nothing() -> None:
    chain = signed_chain(3, 5).write(5)
    chain.own_up(7, 9).own_up(12, 12).own_up(18, 18)
    bad = judged(chain.without((7, 9), (12, 12), (18, 18))).finding
    assert bad is not None
    assert (bad.sequence, bad.fault) == (7, Fault.UNPROVEN)


def test_a_hole_in_a_stream_that_nobody_signs_is_told_as_unproven() -> None:
    verdict = judged(Chain().write(15).own_up(8, 10).without((8, 10)), Verifier())
    assert verdict.finding is None
    assert [gap.is_signed for gap in verdict.gaps] == [False]


NEW = SigningKey.generate()


def replaced(*, told: bool = True, vouched: bool = True) -> Chain:
    """Return a stream in which ``KEY`` signed until it was replaced by ``NEW``."""
    chain = Chain()
    started(chain, KEY if told else NEW)
    chain.write(3).sign()
    chain.key = NEW
    started(chain, NEW)
    return chain.write(2).sign() if vouched else chain.write(2)


def started(chain: Chain, key: SigningKey) -> None:
    chain.add(kinds.system_started(NOW, ENVIRONMENT, first_of_boot=False, predecessor=None, device=key.public))


def test_an_earlier_key_that_the_signed_chain_names_passes() -> None:
    pinned = frozenset({NEW.public})
    verdict = judged(replaced().events, Verifier(None, pinned, must_be_signed=True))
    assert verdict.finding is None
    assert [(s.keyid, s.through, s.earlier) for s in verdict.signatures] == [
        (KEY.public.keyid, 4, True),
        (NEW.public.keyid, 8, False),
    ]
    assert judged(replaced().events[4:], Verifier(None, pinned)).finding is None
    for chain in (replaced(told=False), replaced(vouched=False)):
        bad = judged(chain.events, Verifier(None, pinned)).finding
        assert bad is not None
        assert (bad.sequence, bad.fault) == (5, Fault.UNSIGNED)
    assert judged(replaced().events).first_bad == 9


def test_more_holes_than_a_stream_can_have_are_not_remembered() -> None:
    chain = Chain().write(2 * MAX_HOLES + 10)
    assert judged(chain.events[::2], Verifier(genesis(STREAM))).first_bad == 2


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
