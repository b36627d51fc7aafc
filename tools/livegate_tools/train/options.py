"""Which options each part of ``livegate train`` reads: one that would change nothing is refused, not swallowed."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from livegate.errors import ConfigError

NETWORK = ""
"""Stands for the face network, which no word names."""
_PICTURES = frozenset({"data", "simulated"})
READ: Mapping[str, frozenset[str]] = {
    NETWORK: _PICTURES | {"config", "resume", "start_from", "export_only", "leave_out", "seeds", "teacher"},
    "crop": _PICTURES | {"config", "teachers", "leave_out", "seeds", "jobs", "export_only"},
    "cue": frozenset({"simulated", "dev", "seed", "jobs"}),
    "fusion": frozenset({"dev", "jobs", "cache"}),
    "ablation": frozenset({"dev", "jobs", "cache"}),
    "quality": _PICTURES,
    "finder": frozenset({"faces", "negatives", "dev", "report", "seed"}),
    "teach": _PICTURES | {"teachers"},
    "convert": frozenset({"calibration", "dev"}),
    "import": frozenset({"every", "boxes", "protocol", "dev_share", "most"}),
}


def refuse_unread(arguments: argparse.Namespace, declare: Callable[[argparse.ArgumentParser], None]) -> None:
    """Raise ConfigError for an option that the part asked for does not read; ``declare`` declares all of them.

    A part nobody knows is left to who says so.
    """
    part = arguments.what[0] if arguments.what else NETWORK
    if part not in READ:
        return
    parser = argparse.ArgumentParser()
    declare(parser)
    usual = vars(parser.parse_args(["--out", ""]))
    given = vars(arguments)
    for name in usual.keys() - {"what", "out"} - READ[part]:
        if given[name] != usual[name]:
            whom = "the face network" if part == NETWORK else part
            option = name.replace("_", "-")
            readers = ", ".join(other or "the face network" for other, names in READ.items() if name in names)
            raise ConfigError(f"train --{option}: is not for {whom}, only for {readers}; leave it away")
