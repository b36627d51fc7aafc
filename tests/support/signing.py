"""A centre's keys in a test: a root, and one key for every role, as a terminal would be sent them."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from livegate.events.cloudevents import timestamp
from livegate.trust.envelope import EnvelopeType, seal
from livegate.trust.keys import SigningKey
from livegate.trust.keyset import TrustedKey, keyset_payload
from livegate.trust.payload import KeyRole

DAY_S = 86_400.0
ROLES = frozenset(role for role in KeyRole if role is not KeyRole.KEYSET)


class Centre:
    """Signs whatever it is told to; ``now_s`` is its clock, Unix seconds."""

    def __init__(self, audience: str = "lab/t1", now_s: float | None = None) -> None:
        self.audience = audience
        self.now_s = time.time() if now_s is None else now_s
        self.root = SigningKey.generate()
        self.key = SigningKey.generate()

    def keyset(self, version: int = 1, **more: Any) -> bytes:
        trusted = TrustedKey(self.key.public, ROLES, self.now_s - DAY_S, self.now_s + DAY_S)
        payload = keyset_payload(self.audience, version, [trusted], self.now_s - 60, self.now_s + DAY_S, **more)
        return seal(self.root, EnvelopeType.KEYSET, payload)

    def sealed(
        self, type_: EnvelopeType, role: KeyRole, members: Mapping[str, Any], *, key: SigningKey | None = None
    ) -> bytes:
        common = {
            "audience": self.audience,
            "role": role,
            "issued": timestamp(self.now_s - 1),
            "expires": timestamp(self.now_s + 300),
        }
        return seal(key or self.key, type_, json.dumps(common | dict(members)).encode())

    def twin(self, version: int, settings: object, **more: Any) -> bytes:
        members = {"version": version, "settings": settings, **more}
        return self.sealed(EnvelopeType.TWIN, KeyRole.TWIN, members)

    def command(self, verb: str, boot_id: str, challenge: str, **more: Any) -> bytes:
        members = {
            "nonce": secrets.token_urlsafe(16),
            "boot_id": boot_id,
            "challenge": challenge,
            "verb": verb,
            "arguments": {},
            "correlation": None,
        }
        return self.sealed(EnvelopeType.COMMAND, KeyRole.COMMANDS, members | more)

    def label(self, attempt_id: str, label: str, pai_species: str | None = None, **more: Any) -> bytes:
        members = {
            "nonce": secrets.token_urlsafe(16),
            "attempt_id": attempt_id,
            "label": label,
            "pai_species": pai_species,
        }
        return self.sealed(EnvelopeType.LABEL, KeyRole.LABELS, members | more)

    def manifest(self, name: str, version: int, sha256: str, chunks: int, entries: int, **more: Any) -> bytes:
        members = {
            "list": name,
            "version": version,
            "base": None,
            "sha256": sha256,
            "chunks": chunks,
            "entries": entries,
        }
        return self.sealed(EnvelopeType.LIST_MANIFEST, KeyRole.LISTS, members | more)

    def chunk_payload(self, name: str, version: int, index: int, entries: list[dict[str, Any]]) -> bytes:
        members = {
            "audience": self.audience,
            "role": KeyRole.LISTS,
            "issued": timestamp(self.now_s - 1),
            "expires": timestamp(self.now_s + 300),
            "list": name,
            "version": version,
            "index": index,
            "entries": entries,
        }
        return json.dumps(members).encode()

    def chunk(self, payload: bytes) -> bytes:
        return seal(self.key, EnvelopeType.LIST_CHUNK, payload)
