"""Entries, chunks and manifests that are signed and hostile all the same change nothing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from livegate.errors import TrustError
from livegate.lists import CentralLists, ListName, ListRefusal, Receiver, parse_manifest
from support.central_lists import NOW_S, blocked, blocked_many, edition, finished, hex_of, made, received

BLOCK, ALLOW = ListName.BLOCK, ListName.ALLOW


HOSTILE_ENTRIES = [
    [1],
    ["x"],
    [blocked(1, action="open")],
    [blocked(1, action=["deny"])],
    [blocked(1, reason="x" * 129)],
    [blocked(1, reason="a\x00b")],
    [blocked(1, reason="\x1b[31m")],
    [blocked(1, reason="\ud800")],
    [blocked(1, until="tomorrow")],
    [blocked(1, until="2026-13-01T00:00:00Z")],
    [blocked(1, until=5)],
    [blocked(1, extra=1)],
    [blocked(1, op="delete")],
    [blocked(1, op="drop")],
    [blocked(1, op=["set"])],
    [{"kind": "credential", "value": "'; DROP TABLE entry; --"}],
    [{"kind": "credential", "value": "F" * 32}],
    [{"kind": "credential", "value": 5}],
    [{"kind": "credential"}],
    [{"kind": ["media"], "value": hex_of(1)}],
    [{"kind": "card", "value": hex_of(1)}],
    [{"kind": "terminal", "value": "../../etc/passwd"}],
    [blocked(1), blocked(1)],
]


def chunk_of(entries: Any, **more: Any) -> bytes:
    members = edition().common() | {"index": 0, "entries": entries} | more
    return json.dumps(members).encode()


@pytest.mark.parametrize("entries", HOSTILE_ENTRIES)
def test_hostile_entries_change_nothing(lists: CentralLists, receiver: Receiver, entries: list[Any]) -> None:
    sent = made(edition(), [])
    payload = chunk_of(entries)
    manifest = replace(sent.manifest, chunks=1, entries=len(entries), sha256=_sha256(payload))
    receiver.offer(manifest, floor=0, now_s=NOW_S)
    receiver.chunk(BLOCK, 0, payload)
    progress = finished(receiver, BLOCK, now_s=NOW_S)
    assert progress.refused is not None
    assert progress.refused.reason is ListRefusal.MALFORMED
    assert (progress.receiving, lists.versions()) == (None, {})


HOSTILE_CHUNKS = [
    b"",
    b"{}",
    b"[]",
    b"\xff",
    chunk_of([], version=True),
    chunk_of([], index=0.0),
    chunk_of([], list="grey"),
    chunk_of([], extra=1),
    chunk_of({}),
    chunk_of([{}] * 5_000),
    chunk_of([[[[[1]]]]]),
    chunk_of([float("nan")]),
    chunk_of([blocked(1, reason="x" * 140_000)]),
    chunk_of([]).replace(b'"index"', b'"index": 0, "index"'),
]


@pytest.mark.parametrize("payload", HOSTILE_CHUNKS)
def test_hostile_chunk_ends_the_receiving(lists: CentralLists, receiver: Receiver, payload: bytes) -> None:
    sent = made(edition(), blocked_many(5))
    receiver.offer(sent.manifest, floor=0, now_s=NOW_S)
    progress = receiver.chunk(BLOCK, 0, payload)
    assert progress.refused is not None
    assert progress.refused.reason is ListRefusal.MALFORMED
    assert received(receiver, sent).applied is not None


MANIFEST = {
    **edition().common(),
    "base": None,
    "sha256": "0" * 64,
    "chunks": 1,
    "entries": 1,
}


@pytest.mark.parametrize(
    "change",
    [
        {"list": "grey"},
        {"list": ["block"]},
        {"version": 0},
        {"version": True},
        {"version": 1.5},
        {"version": 2**63},
        {"version": "1"},
        {"base": 1},
        {"base": "0"},
        {"sha256": "0" * 63},
        {"sha256": "A" * 64},
        {"sha256": None},
        {"chunks": -1},
        {"chunks": 1_000_000},
        {"entries": 1_000_001},
        {"entries": None},
        {"issued": "2026-11-22"},
        {"expires": MANIFEST["issued"]},
        {"expires": 1e400},
        {"expires": "2026-11-22T08:00:00+01:00"},
        {"expires": "٢٠٢٦-11-22T08:00:00Z"},
        {"unknown": 1},
        {"sha256": "0" * 5_000},
    ],
)
def test_hostile_manifest_is_refused(change: dict[str, Any]) -> None:
    assert parse_manifest(json.dumps(MANIFEST).encode()).version == 1
    with pytest.raises(TrustError):
        parse_manifest(json.dumps(MANIFEST | change).encode())


def _sha256(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()
