"""``livegate console list make``: a signed list, or what changed since the one before, from a table of entries."""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from livegate.errors import ConfigError
from livegate.lists.values import BlockKind, ListName
from livegate.store.pseudonyms import Pseudonyms
from livegate.trust.envelope import EnvelopeType, seal
from livegate.trust.keys import SigningKey
from livegate_tools.console.edition import Edition, ListMaker
from livegate_tools.console.listserving import MANIFEST, ListFolder
from livegate_tools.console.pseudonym import site_pseudonyms
from livegate_tools.console.told import tell

HELP = "make a signed list, or what changed since the one before, from a table of entries"
ENTRIES = "entries.jsonl"
_DAY_S = 86_400.0
_MAX_LINE = 16_384

Entry = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the step and its options."""
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    make = steps.add_parser("make", help=HELP)
    make.add_argument("list", choices=[str(name) for name in ListName], help="which list")
    make.add_argument("file", type=Path, metavar="FILE", help="entries: .csv with a header, or JSON lines")
    make.add_argument("--out", type=Path, required=True, metavar="DIR", help="made anew")
    make.add_argument("--audience", required=True, metavar="SITE/TERMINAL", help='whom it is for, such as "lab/*"')
    make.add_argument("--key", type=Path, required=True, metavar="PEM", help="a private key with the role lists")
    make.add_argument("--site-key", type=Path, metavar="FILE", help="makes pseudonyms of 'value'; not of 'pseudonym'")
    make.add_argument("--version", type=int, metavar="N", help="higher than before (default: the time in seconds)")
    make.add_argument("--since", type=Path, metavar="DIR", help="only what changed since the version in DIR")
    make.add_argument("--days", type=float, default=7.0, help="hold for so long (default 7, at most 30)")
    make.add_argument("--json", action="store_true", help="machine-readable")


def run(arguments: argparse.Namespace) -> int:
    """Make the folder; return 0. ConfigError names the entry that is wrong."""
    since = ListFolder.open(arguments.since) if arguments.since else None
    key = SigningKey.of_pem(arguments.key)
    edition = _edition(arguments, since)
    pseudonyms = site_pseudonyms(arguments.site_key) if arguments.site_key else None
    entries = (whole_entry(edition.name, row, where, pseudonyms) for row, where in _rows(arguments.file))
    folder: Path = arguments.out
    with _anew(folder) as unfinished:
        _keep(unfinished, entries)
        changed = _kept(unfinished) if since is None else changes_since(_kept(since.path), _kept(unfinished))
        maker = ListMaker(edition)
        for index, payload in enumerate(maker.chunks(changed)):
            _write(unfinished / f"chunk-{index:06d}.json", seal(key, EnvelopeType.LIST_CHUNK, payload))
        _write(unfinished / MANIFEST, seal(key, EnvelopeType.LIST_MANIFEST, maker.manifest()))
    made = ListFolder.open(folder).manifest
    what = "entries" if made.base is None else f"changes since {made.base}"
    members = {"folder": str(folder), "list": made.name, "version": made.version, "base": made.base}
    text = f"{folder}: {made.name} list {made.version}, {made.entries} {what} in {made.chunks} chunks"
    tell(arguments, text, {**members, "entries": made.entries, "chunks": made.chunks, "sha256": made.sha256})
    return 0


@contextlib.contextmanager
def _anew(folder: Path) -> Iterator[Path]:
    """Yield a folder that becomes ``folder`` when all goes well, and else is gone."""
    if folder.exists():
        raise ConfigError(f"{folder}: is there already; name a folder to be made")
    try:
        unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    except OSError as exc:
        raise ConfigError(f"{folder}: cannot be made ({exc.strerror}); name a place this user may write") from exc
    try:
        yield unfinished
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _edition(arguments: argparse.Namespace, since: ListFolder | None) -> Edition:
    now_s = time.time()
    version = int(now_s) if arguments.version is None else arguments.version
    name = ListName(arguments.list)
    if since is not None and since.manifest.name is not name:
        raise ConfigError(f"--since {arguments.since}: holds the {since.manifest.name} list, expected {name}")
    base = None if since is None else since.manifest.version
    return Edition(name, version, arguments.audience, now_s, now_s + arguments.days * _DAY_S, base)


def whole_entry(name: ListName, row: Mapping[str, Any], where: str, pseudonyms: Pseudonyms | None) -> Entry:
    """Return a row as the entry of a list: empty cells left out, a raw credential by its pseudonym.

    Raises ConfigError, with ``where``, when there is no value or no key to make its pseudonym with.
    """
    entry = {column: _cell(column, cell) for column, cell in row.items() if cell not in ("", None)}
    entry.setdefault("kind", "credential" if name is ListName.BLOCK else "card")
    given, raw = entry.pop("pseudonym", None), entry.pop("value", None)
    if (given is None) == (raw is None):
        raise ConfigError(f"{where}: expected one of 'value' and 'pseudonym'")
    if given is not None:
        return entry | {"value": given}
    if entry["kind"] in (BlockKind.MEDIA, BlockKind.TERMINAL):
        return entry | {"value": raw}
    if pseudonyms is None:
        raise ConfigError(f"{where}: 'value' is a card's own number; give --site-key, or its 'pseudonym'")
    return entry | {"value": pseudonyms.of(str(raw))}


def changes_since(before: Iterable[Entry], now: Iterable[Entry]) -> Iterator[Entry]:
    """Yield what makes ``before`` into ``now``: entries to set, and those to delete."""
    old = {_key(entry): _digest(entry) for entry in before}
    for entry in now:
        if old.pop(_key(entry), None) != _digest(entry):
            yield entry
    for kind, value in old:
        yield {"kind": kind, "value": value, "op": "delete"}


def _cell(column: str, cell: Any) -> Any:
    if column == "zones" and isinstance(cell, str):
        return cell.replace(";", " ").split()
    if column == "duress" and isinstance(cell, str):
        return cell.strip().lower() in ("true", "yes", "1")
    return cell


def _key(entry: Entry) -> tuple[str, str]:
    return str(entry["kind"]), str(entry["value"])


def _digest(entry: Entry) -> bytes:
    return hashlib.blake2b(json.dumps(entry, sort_keys=True).encode(), digest_size=16).digest()


def _rows(path: Path) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield each row with the words that say where it stands."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, strict=True) if path.suffix == ".csv" else _json_lines(path, file)
            for number, row in enumerate(rows, 2 if path.suffix == ".csv" else 1):
                if None in row:
                    raise ConfigError(f"{path}: line {number}: has more cells than the header")
                yield row, f"{path}: line {number}"
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror})") from exc
    except (UnicodeDecodeError, csv.Error) as exc:
        raise ConfigError(f"{path}: is no table in UTF-8 ({exc})") from exc


def _json_lines(path: Path, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line) if len(line) <= _MAX_LINE else None
        except (ValueError, RecursionError) as exc:
            raise ConfigError(f"{path}: line {number}: is not JSON") from exc
        if not isinstance(row, dict):
            raise ConfigError(f"{path}: line {number}: expected a JSON object of at most {_MAX_LINE} characters")
        yield row


def _keep(folder: Path, entries: Iterable[Entry]) -> None:
    """Write the whole list as it now is; the next version's changes are taken against it."""
    with (folder / ENTRIES).open("x", encoding="utf-8") as file:
        for entry in entries:
            file.write(json.dumps(entry) + "\n")


def _kept(folder: Path) -> Iterator[Entry]:
    path = folder / ENTRIES
    try:
        with path.open(encoding="utf-8") as file:
            yield from _json_lines(path, file)
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror}); without it no changes can be told") from exc


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be written ({exc.strerror}); check the disk") from exc
