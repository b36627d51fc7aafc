"""Prove a model: every byte is what its manifest names, and it runs."""

from __future__ import annotations

from dataclasses import dataclass

from livegate.errors import AssetError
from livegate.installed.library import check_content
from livegate.installed.overview import Listed
from livegate.installed.trial import Ran, trial


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of it: ``fault`` is None where nothing is wrong, ``ran`` is empty for a model without a network."""

    listed: Listed
    fault: str | None
    ran: tuple[Ran, ...] = ()


def prove(listed: Listed) -> Proof:
    """Check the hashes of a model's files, then run it once in a process of its own."""
    if listed.description is None:
        return Proof(listed, listed.fault)
    try:
        for name, digest in listed.description.files.items():
            check_content(listed.folder / name, digest)
        return Proof(listed, None, trial(listed.folder) if listed.description.network else ())
    except AssetError as exc:
        return Proof(listed, str(exc))
