"""A chunk of a list: a bounded number of entries, each checked before it becomes a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from livegate.errors import LinkError, Refusal, TrustError
from livegate.events.canonical import MAX_SAFE_INTEGER
from livegate.gate.facts import BlockAction
from livegate.lists import fields
from livegate.lists.values import MAX_CHUNKS, BlockKind, CredentialKind, ListName
from livegate.untrusted import parse_object

MAX_CHUNK_BYTES = 128 * 1_024
MAX_CHUNK_ENTRIES = 4_096
MAX_REASON_CHARACTERS = 128
MAX_ZONES = 16

_MEMBERS = frozenset({"audience", "role", "list", "version", "index", "issued", "expires", "entries"})
_DELETE = frozenset({"kind", "value", "op"})
_BLOCK = _DELETE | {"action", "reason", "until"}
_ALLOW = _DELETE | {"from", "until", "schedule", "zones", "duress"}
_HEX = re.compile(r"[0-9a-f]{32}")
_ID = re.compile(r"[a-z0-9-]{1,22}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)

# These stand in files: a code never changes its meaning, new ones go to the end.
KIND_CODES: dict[str, int] = {
    BlockKind.CREDENTIAL.value: 0,
    BlockKind.MEDIA.value: 1,
    BlockKind.TERMINAL.value: 2,
    CredentialKind.CARD.value: 0,
    CredentialKind.QR.value: 1,
    CredentialKind.PIN.value: 2,
}
ACTIONS = (BlockAction.DENY, BlockAction.LOCKOUT, BlockAction.STEP_UP, BlockAction.REVIEW)
_ACTION_CODES: dict[str, int] = {action.value: code for code, action in enumerate(ACTIONS)}
_BLOCK_KINDS = frozenset(kind.value for kind in BlockKind)
_ALLOW_KINDS = frozenset(kind.value for kind in CredentialKind)

Key = tuple[int, bytes]
Row = tuple[int | float | str | bytes | None, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Chunk ``index`` (from 0) of a version; its entries are not checked yet."""

    name: ListName
    version: int
    index: int
    entries: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One entry: the row's key (code of the kind, value), and what else the row holds, None to delete it."""

    key: Key
    rest: Row | None


def parse_chunk(payload: bytes) -> Chunk:
    """Return the chunk in an authenticated payload, its entries not looked at; raises TrustError (malformed)."""
    try:
        members = parse_object(payload, MAX_CHUNK_BYTES, max_depth=4)
    except LinkError as exc:
        raise TrustError(Refusal.MALFORMED, f"chunk: {exc}") from exc
    fields.only(members, _MEMBERS, "chunk")
    name, entries = members.get("list"), members.get("entries")
    if name not in list(ListName):
        fields.malformed("'list': expected block or allow")
    if not isinstance(entries, list) or len(entries) > MAX_CHUNK_ENTRIES:
        fields.malformed(f"'entries': expected a list of at most {MAX_CHUNK_ENTRIES}")
    version = fields.integer(members, "version", 1, MAX_SAFE_INTEGER)
    return Chunk(ListName(name), version, fields.integer(members, "index", 0, MAX_CHUNKS - 1), tuple(entries))


def changes(chunk: Chunk, *, whole: bool) -> Iterator[Change]:
    """Yield what the entries of a chunk ask for, in order; a whole list can delete nothing. TrustError (malformed)."""
    block = chunk.name is ListName.BLOCK
    for entry in chunk.entries:
        if not isinstance(entry, dict):
            fields.malformed("an entry is no object")
        op = entry.get("op", "set")
        if op == "delete" and not whole:
            fields.only(entry, _DELETE, "entry to delete")
            yield Change(_key(entry, block=block), None)
        elif op == "set":
            yield Change(_key(entry, block=block), _block_rest(entry) if block else _allow_rest(entry))
        else:
            fields.malformed("'op': expected set, or delete in a delta")


def key_of(kind: str, value: str) -> Key | None:
    """Return the key a row of ``kind`` and ``value`` has, None where no list can hold such a row."""
    if kind == BlockKind.TERMINAL:
        return (KIND_CODES[kind], value.encode()) if _ID.fullmatch(value) else None
    if kind in KIND_CODES and _HEX.fullmatch(value):
        return KIND_CODES[kind], bytes.fromhex(value)
    return None


def _key(entry: dict[str, Any], *, block: bool) -> Key:
    kind, value = entry.get("kind"), entry.get("value")
    kinds = _BLOCK_KINDS if block else _ALLOW_KINDS
    if not isinstance(kind, str) or kind not in kinds:
        fields.malformed(f"'kind': expected one of {', '.join(sorted(kinds))}")
    key = key_of(kind, value) if isinstance(value, str) else None
    if key is None:
        fields.malformed(f"'value': expected {'a terminal id' if kind == 'terminal' else '32 hexadecimal digits'}")
    return key


def _block_rest(entry: dict[str, Any]) -> Row:
    fields.only(entry, _BLOCK, "block entry")
    action = entry.get("action", BlockAction.DENY.value)
    if not isinstance(action, str) or action not in _ACTION_CODES:
        fields.malformed(f"'action': expected one of {', '.join(_ACTION_CODES)}")
    reason = fields.text(entry.get("reason", ""), "reason", MAX_REASON_CHARACTERS)
    return _ACTION_CODES[action], reason, fields.moment_or_none(entry.get("until"), "until")


def _allow_rest(entry: dict[str, Any]) -> Row:
    fields.only(entry, _ALLOW, "allow entry")
    begin_s = fields.moment_or_none(entry.get("from"), "from")
    end_s = fields.moment_or_none(entry.get("until"), "until")
    if begin_s is not None and end_s is not None and end_s <= begin_s:
        fields.malformed("'until': is not after 'from'")
    schedule = entry.get("schedule")
    if schedule is not None:
        fields.matching(schedule, "schedule", _NAME, "the name of a schedule")
    duress = entry.get("duress", False)
    if not isinstance(duress, bool):
        fields.malformed("'duress': expected true or false")
    return begin_s, end_s, schedule, _zones(entry.get("zones", [])), int(duress)


def _zones(zones: Any) -> str:
    """Return the zones in one text, a blank between: no name of one holds a blank."""
    if not isinstance(zones, list) or len(zones) > MAX_ZONES:
        fields.malformed(f"'zones': expected a list of at most {MAX_ZONES} names")
    return " ".join(sorted({fields.matching(zone, "zones", _NAME, "names of zones") for zone in zones}))
