"""Prove a model: every byte is what its manifest names, and it runs."""

from __future__ import annotations

import time
from dataclasses import dataclass

from livegate.errors import AssetError, PadError
from livegate.installed.description import Description
from livegate.installed.kernel_models import KERNELS, ready
from livegate.installed.library import check_content
from livegate.installed.overview import Listed
from livegate.installed.trial import Ran, trial


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of it: ``fault`` is None where nothing is wrong, ``ran`` is empty for a model of mere numbers."""

    listed: Listed
    fault: str | None
    ran: tuple[Ran, ...] = ()


def prove(listed: Listed) -> Proof:
    """Check the hashes of a model's files, then run it once, a network in a process of its own."""
    model = listed.description
    if model is None:
        return Proof(listed, listed.fault)
    try:
        for name, digest in model.files.items():
            check_content(listed.folder / name, digest)
        return Proof(listed, None, trial(listed.folder) if model.network else _by_kernels(model))
    except (AssetError, PadError) as exc:
        return Proof(listed, str(exc))


def _by_kernels(model: Description) -> tuple[Ran, ...]:
    run = ready(model.name, model.kind, model.folder)
    if run is None:
        return ()
    run()
    began_s = time.perf_counter()
    run()
    ms = round((time.perf_counter() - began_s) * 1e3, 3)
    return tuple(Ran(file, KERNELS, ms) for file in model.files)
