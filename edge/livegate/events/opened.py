"""An event taken apart to be judged: strictly, for the bytes may be anybody's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from livegate.events.cloudevents import ChainHead, next_hash, unseal


@dataclass(frozen=True, slots=True)
class OpenedEvent:
    """An event taken apart: its chain hash, the exact bytes that were hashed, and its parsed members."""

    sequence: int
    chainhash: str
    unsealed: bytes
    members: Mapping[str, Any]

    @classmethod
    def of(cls, body: bytes) -> OpenedEvent:
        """Take ``body`` apart; ValueError unless it is one JSON object of our form, without a member twice."""
        unsealed, chainhash = unseal(body)
        try:
            members = json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
        except (ValueError, RecursionError) as exc:
            raise ValueError(f"event: is not JSON: {exc}") from exc
        if not isinstance(members, dict):
            raise ValueError("event: is not a JSON object")  # noqa: TRY004 - any bad body is a ValueError
        return cls(read_sequence(members.get("sequence")), chainhash, unsealed, members)

    @property
    def what(self) -> Mapping[str, Any]:
        """The kind's own part of its data, empty where there is none."""
        data = self.members.get("data")
        what = data.get("what") if isinstance(data, dict) else None
        return what if isinstance(what, dict) else {}

    def fits(self, head: ChainHead) -> bool:
        """Return whether this is what was recorded right after ``head``."""
        return self.sequence == head.sequence + 1 and next_hash(head.chainhash, self.unsealed) == self.chainhash


def read_sequence(text: object) -> int:
    """Return the sequence that ``text`` is, as events write it; ValueError for anything but 12 digits."""
    if not isinstance(text, str) or not (len(text) == 12 and text.isascii() and text.isdigit()):
        raise ValueError(f"event: a sequence is {str(text)[:80]!r}, expected 12 digits")
    return int(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice in one object")
    return members


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")
