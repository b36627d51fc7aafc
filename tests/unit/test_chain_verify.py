from __future__ import annotations

import json
from dataclasses import replace

import pytest

from livegate.audit.chain import MAX_HOLES, Verifier, verify_chain
from livegate.audit.verdict import Fault, Start
from livegate.events import kinds
from livegate.events.checkpoint import checkpoint, read_checkpoint
from livegate.events.cloudevents import ChainHead, genesis, next_hash, seal, unseal
from livegate.events.opened import OpenedEvent
from livegate.trust.keys import SigningKey
from livegate.types import AccessEvent
from support.chains import KEY, NOW, STREAM, Chain, signed_chain
from support.schemas import valid
from support.stores import ENVIRONMENT, IDENTITY, WALL_S, plain
from support.verifying import PINNED, judged, resealed


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
