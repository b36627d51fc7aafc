"""Central lists as a centre sends them: made by the console's own maker, handed over without envelopes."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from livegate.gate.facts import ListEntry
from livegate.lists import CentralLists, ListName, Manifest, Progress, Receiver, parse_manifest
from livegate_tools.console.edition import CHUNK_BYTES, Edition, ListMaker

NOW_S = 1_795_000_000.0
DAY_S = 86_400.0


@dataclass(frozen=True)
class Sent:
    """A list ready to be sent."""

    manifest: Manifest
    chunks: tuple[bytes, ...]


def edition(name: ListName = ListName.BLOCK, version: int = 1, base: int | None = None) -> Edition:
    return Edition(name, version, "lab/*", NOW_S - DAY_S, NOW_S + DAY_S, base)


def made(of: Edition, entries: Iterable[Mapping[str, Any]], chunk_bytes: int = CHUNK_BYTES) -> Sent:
    maker = ListMaker(of, chunk_bytes)
    chunks = tuple(maker.chunks(entries))
    return Sent(parse_manifest(maker.manifest()), chunks)


def finished(receiver: Receiver, name: ListName, *, now_s: float = NOW_S) -> Progress:
    """Do all the work of putting a complete list together."""
    progress = receiver.work(name, now_s=now_s)
    while progress.complete:
        progress = receiver.work(name, now_s=now_s)
    return progress


def received(receiver: Receiver, sent: Sent, *, floor: int = 0, now_s: float = NOW_S) -> Progress:
    """Hand over a list from the chunk that is wanted on, and put it together; return how it stands then."""
    progress = receiver.offer(sent.manifest, floor=floor, now_s=now_s)
    while progress.receiving == sent.manifest.version and progress.want is not None:
        progress = receiver.chunk(sent.manifest.name, progress.want, sent.chunks[progress.want])
    return finished(receiver, sent.manifest.name, now_s=now_s)


def hex_of(number: int) -> str:
    """Return a pseudonym that looks like one."""
    return f"{random.Random(number).getrandbits(128):032x}"


def blocked(number: int, **more: Any) -> dict[str, Any]:
    return {"kind": "credential", "value": hex_of(number), **more}


def blocked_many(count: int, *, version: int = 1) -> Iterator[dict[str, Any]]:
    """Yield block entries whose reason says which version they belong to."""
    for number in range(count):
        yield blocked(number, action="deny", reason=f"version {version}", until="2027-06-01T00:00:00Z")


def found(lists: CentralLists, number: int) -> ListEntry | None:
    entries = lists.lookup_block([("credential", hex_of(number))])
    return entries[0] if entries else None
