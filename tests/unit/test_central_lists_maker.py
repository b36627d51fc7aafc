"""The console's maker of lists: what it makes terminals take, and what they would refuse it refuses first."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from livegate.errors import ConfigError
from livegate.lists import ListName, parse_chunk, parse_manifest
from livegate.lists.chunks import MAX_CHUNK_BYTES
from livegate.trust.envelope import EnvelopeType, seal
from livegate.trust.keys import SigningKey
from livegate_tools.console.edition import CHUNK_BYTES, ListMaker
from support.central_lists import DAY_S, NOW_S, blocked, blocked_many, edition, hex_of, made


def test_chunks_are_bounded_in_order_and_sorted() -> None:
    sent = made(edition(), blocked_many(5_000))
    chunks = [parse_chunk(payload) for payload in sent.chunks]
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert all(len(payload) <= CHUNK_BYTES < MAX_CHUNK_BYTES for payload in sent.chunks)
    values = [entry["value"] for chunk in chunks for entry in chunk.entries]
    assert values == sorted(hex_of(number) for number in range(5_000))
    assert (sent.manifest.chunks, sent.manifest.entries) == (len(chunks), 5_000)


def test_a_signed_chunk_stays_below_128_kilobytes() -> None:
    sent = made(edition(), (blocked(number, reason="ü" * 128) for number in range(1_000)))
    key = SigningKey.generate()
    assert all(len(seal(key, EnvelopeType.LIST_CHUNK, payload)) <= 128_000 for payload in sent.chunks)


def test_whole_and_delta_say_what_they_are() -> None:
    maker = ListMaker(edition(ListName.ALLOW, version=8, base=7))
    (payload,) = maker.chunks([{"kind": "card", "value": hex_of(1), "op": "delete"}])
    manifest, members = parse_manifest(maker.manifest()), json.loads(maker.manifest())
    assert (manifest.name, manifest.version, manifest.base) == (ListName.ALLOW, 8, 7)
    assert (members["audience"], members["role"]) == ("lab/*", "lists")
    assert json.loads(payload)["audience"] == "lab/*"


def test_manifest_comes_after_the_chunks() -> None:
    maker = ListMaker(edition())
    with pytest.raises(ConfigError, match="when all chunks are"):
        maker.manifest()
    next(maker.chunks(blocked_many(10)))
    with pytest.raises(ConfigError, match="when all chunks are"):
        maker.manifest()


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([blocked(1), blocked(2), blocked(1)], "entry 3 stands there before"),
        ([blocked(1), blocked(2, action="open")], "entry 2: 'action'"),
        ([blocked(1, op="delete")], "entry 1: 'op'"),
        ([blocked(1, until=float("nan"))], "entry 1: "),
        ([blocked(1, reason=object())], "entry 1: "),
        ([{"kind": "card", "value": hex_of(1)}], "entry 1: 'kind'"),
    ],
)
def test_what_terminals_would_refuse_is_refused(entries: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        made(edition(), entries)


@pytest.mark.parametrize(
    "change",
    [{"version": 0}, {"base": 1}, {"expires_s": NOW_S - 2 * DAY_S}, {"expires_s": NOW_S + 40 * DAY_S}],
)
def test_edition_must_be_one(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        ListMaker(replace(edition(), **change))
