"""Holes in a stream: what gap events explain, and what nobody can forge into one."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations

import pytest

from livegate.audit.chain import Verifier
from livegate.audit.verdict import Fault, Start
from livegate.events.cloudevents import StoredEvent
from livegate.types import AccessEvent
from support.chains import Chain, signed_chain
from support.stores import WALL_S
from support.verifying import judged


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
