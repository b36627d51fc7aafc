"""Show who may come in and what is refused: local entries and central lists, each told apart."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from livegate.events.cloudevents import timestamp
from livegate.lists import AppliedList, CentralLists, ListName
from livegate.lists.showing import entries
from livegate.store import StoreReader, media
from livegate.terminal_text import printable

_TABLES = {ListName.ALLOW: "credential", ListName.BLOCK: "list_entry"}
_PLAIN = frozenset({"pseudonym", "kind", "value"})


def show(store: StoreReader, state_dir: Path, *, as_json: bool, whole: bool) -> None:
    """Print the local entries, and of each central list its version and size.

    With ``whole`` also its entries; as JSON that is one object a line, for a list may hold a million.
    """
    central = CentralLists.open(state_dir)
    try:
        if whole and as_json:
            _lines(store, central)
        elif as_json:
            sys.stdout.write(json.dumps(_summary(store, central), indent=2) + "\n")
        else:
            _text(store, central, whole=whole)
    finally:
        central.close()


def _summary(store: StoreReader, central: CentralLists) -> dict[str, Any]:
    local = {str(name): [_shown(row) for row in store.rows(table)] for name, table in _TABLES.items()}
    return local | {"central": _central(central), "media": {"remembered": _media(store)}}


def _lines(store: StoreReader, central: CentralLists) -> None:
    for name, table in _TABLES.items():
        for row in store.rows(table):
            sys.stdout.write(json.dumps({"list": str(name), "source": "local"} | _shown(row)) + "\n")
        for row in _entries(central, name):
            sys.stdout.write(json.dumps({"list": str(name), "source": "central"} | _shown(row)) + "\n")


def _text(store: StoreReader, central: CentralLists, *, whole: bool) -> None:
    told = _central(central)
    for name, table in _TABLES.items():
        rows = store.rows(table)
        sys.stdout.write(f"{name}: {len(rows) or 'nothing'}\n")
        for row in rows:
            sys.stdout.write(_line(row))
        of = told[str(name)]
        if of is not None:
            stale = ", past its end" if of["expired"] else ""
            sys.stdout.write(
                f"{name}, central: {of['entries']} (version {of['version']}, until {of['expires']}{stale})\n"
            )
        for row in _entries(central, name) if whole else ():
            sys.stdout.write(_line(row))
    sys.stdout.write(f"spoof media remembered: {_media(store)}\n")


def _central(central: CentralLists) -> dict[str, dict[str, Any] | None]:
    versions: Mapping[ListName, AppliedList] = central.versions()
    return {str(name): _applied(versions[name]) if name in versions else None for name in _TABLES}


def _applied(applied: AppliedList) -> dict[str, Any]:
    return {
        "version": applied.version,
        "entries": applied.entries,
        "expires": timestamp(applied.expires_s),
        "expired": applied.expires_s <= time.time(),
    }


def _entries(central: CentralLists, name: ListName) -> Iterator[dict[str, Any]]:
    path = central.path(name)
    return iter(()) if path is None else entries(path, name)


def _media(store: StoreReader) -> int:
    with store.reading() as connection:
        return media.count(connection)


def _line(row: Mapping[str, Any]) -> str:
    shown = _shown(row)
    words = [str(value) if key in _PLAIN else f"{key} {_words(value)}" for key, value in shown.items() if value]
    return "  " + printable("  ".join(words)) + "\n"


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return "yes" if value is True else str(value)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as people read it: moments written out, no checksum."""
    shown = {
        key.removesuffix("_s"): timestamp(value) if key.endswith("_s") and value is not None else value
        for key, value in row.items()
        if key != "row_check"
    }
    if isinstance(shown.get("zones"), str):
        shown["zones"] = json.loads(shown["zones"])
    if "duress" in shown:
        shown["duress"] = bool(shown["duress"])
    return shown
