"""The central lists: whether each file can be read to its end, and how long it holds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from livegate.checks.finding import Finding
from livegate.errors import StoreError
from livegate.events.cloudevents import timestamp
from livegate.lists import CentralLists, ListName


def list_findings(state_dir: Path) -> Iterator[Finding]:
    """Yield what is found of each list there is; reads them whole, which takes seconds for a large one."""
    try:
        central = CentralLists.open(state_dir)
    except StoreError as exc:
        yield Finding("lists", ok=False, text=str(exc))
        return
    try:
        for name in ListName:
            if name in central.broken or name in central.versions():
                yield _list(central, name)
    finally:
        central.close()


def _list(central: CentralLists, name: ListName) -> Finding:
    check = f"{name} list"
    if name in central.broken:
        return Finding(check, ok=False, text="is damaged; the daemon asks the centre for it again")
    if not central.check(name):
        place = central.path(name)
        return Finding(
            check, ok=False, text=f"{place}: is damaged; remove it and restart the daemon, which asks for it"
        )
    applied = central.versions()[name]
    text = f"version {applied.version}, {applied.entries} entries"
    if applied.expires_s <= time.time():
        return Finding(check, None, f"{text}, expired at {timestamp(applied.expires_s)}: a newer one must come")
    return Finding(check, ok=True, text=f"{text}, until {timestamp(applied.expires_s)}")
