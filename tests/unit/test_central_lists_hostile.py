"""Whatever JSON stands in a signed manifest or chunk, it is refused with a reason or becomes rows a table can hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.errors import TrustError
from livegate.gate.facts import BlockAction
from livegate.lists import ListName, Manifest, file, parse_chunk, parse_manifest
from livegate.lists.chunks import ACTIONS, KIND_CODES, changes
from livegate.lists.values import BlockKind, CredentialKind
from support.central_lists import edition, hex_of

words = st.sampled_from(["deny", "media", "credential", "card", "delete", hex_of(1), "2026-12-31T18:00:00Z", "a-1", ""])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | words
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=6
)
MANIFEST: dict[str, Any] = edition().common() | {"base": None, "sha256": "0" * 64, "chunks": 1, "entries": 1}
CHUNK: dict[str, Any] = edition().common() | {"index": 0, "entries": []}
MEMBERS = ["kind", "value", "op", "action", "reason", "until", "from", "schedule", "zones", "duress"]
VALID = {
    ListName.BLOCK: {"kind": "credential", "value": hex_of(1)},
    ListName.ALLOW: {"kind": "card", "value": hex_of(1)},
}


@given(changed=st.dictionaries(st.sampled_from([*MANIFEST, "more"]), anything, min_size=1, max_size=3))
def test_any_manifest(changed: dict[str, Any]) -> None:
    try:
        manifest = parse_manifest(json.dumps(MANIFEST | changed).encode())
    except TrustError:
        return
    assert isinstance(manifest, Manifest)
    assert manifest.version > (manifest.base or 0)
    assert manifest.expires_s > manifest.issued_s


@given(payload=st.binary(max_size=300))
def test_any_bytes(payload: bytes) -> None:
    for parse in (parse_manifest, parse_chunk):
        try:
            parse(payload)
        except TrustError:
            continue
        raise AssertionError("no bytes at random are a message")


@settings(max_examples=200)
@given(
    name=st.sampled_from(ListName),
    changed=st.dictionaries(st.sampled_from(MEMBERS), anything, max_size=2),
    whole=st.booleans(),
)
def test_any_entry(tmp_path_factory: Any, name: ListName, changed: dict[str, Any], whole: bool) -> None:
    entry = VALID[name] | changed
    payload = json.dumps(CHUNK | {"list": name.value, "entries": [entry]}).encode()
    try:
        (change,) = changes(parse_chunk(payload), whole=whole)
    except TrustError:
        return
    path = Path(tmp_path_factory.mktemp("any")) / "list.db"
    connection = file.create(path, name)
    if change.rest is not None:
        row = (*change.key, *change.rest)
        connection.execute(f"INSERT INTO entry VALUES ({', '.join('?' * len(row))})", row)
        assert connection.execute("SELECT * FROM entry").fetchone() == row
    connection.close()


def test_everything_has_a_code_of_its_own() -> None:
    """The codes stand in files of terminals that are updated."""
    assert dict(enumerate(ACTIONS)) == {0: "deny", 1: "lockout", 2: "step_up", 3: "review"}
    assert set(ACTIONS) == set(BlockAction)
    assert {kind: KIND_CODES[kind] for kind in BlockKind} == {"credential": 0, "media": 1, "terminal": 2}
    assert {kind: KIND_CODES[kind] for kind in CredentialKind} == {"card": 0, "qr": 1, "pin": 2}
