"""The manifest of a list: read strictly, whoever signed it."""

from __future__ import annotations

from livegate.errors import LinkError, Refusal, TrustError
from livegate.events.canonical import MAX_SAFE_INTEGER
from livegate.lists import fields
from livegate.lists.values import MAX_CHUNKS, MAX_ENTRIES, ListName, Manifest
from livegate.untrusted import parse_object

MAX_MANIFEST_BYTES = 4_096
_MEMBERS = frozenset(
    {"audience", "role", "list", "version", "base", "sha256", "chunks", "entries", "issued", "expires"}
)


def parse_manifest(payload: bytes) -> Manifest:
    """Return the manifest in an authenticated payload; audience and role are whoever's who opened the envelope.

    Raises TrustError (malformed), saying which member is wrong.
    """
    try:
        members = parse_object(payload, MAX_MANIFEST_BYTES, max_depth=1)
    except LinkError as exc:
        raise TrustError(Refusal.MALFORMED, f"manifest: {exc}") from exc
    fields.only(members, _MEMBERS, "manifest")
    name = members.get("list")
    if name not in list(ListName):
        fields.malformed("'list': expected block or allow")
    version = fields.integer(members, "version", 1, MAX_SAFE_INTEGER)
    base = None if members.get("base") is None else fields.integer(members, "base", 1, version - 1)
    manifest = Manifest(
        ListName(name),
        version,
        base,
        fields.sha256(members.get("sha256"), "sha256"),
        fields.integer(members, "chunks", 0, MAX_CHUNKS),
        fields.integer(members, "entries", 0, MAX_ENTRIES),
        fields.moment(members.get("issued"), "issued"),
        fields.moment(members.get("expires"), "expires"),
    )
    if manifest.expires_s <= manifest.issued_s:
        fields.malformed("'expires': is not after 'issued'")
    return manifest
