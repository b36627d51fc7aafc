"""``livegate evidence``: what this terminal keeps of attacks, sealed for the centre; collect it, delete it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from livegate.errors import ConfigError, EvidenceError
from livegate.evidence.folder import ENDING, EvidenceFolder, Kept
from livegate.terminal_text import printable
from livegate.trust.keyfiles import write_private
from livegate.verbs.events import add_store_arguments, state_dir

HELP = "list, export and delete sealed pictures of attacks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add_store_arguments(actions.add_parser("list", help="print what there is, oldest first"))
    exported = actions.add_parser("export", help="copy sealed files to a folder; only the centre opens them")
    exported.add_argument("--to", type=Path, required=True, metavar="DIR", help="an existing folder")
    deleted = actions.add_parser("delete", help="delete sealed files for good")
    deleted.add_argument("--all", action="store_true", help="delete all of them")
    for action in (exported, deleted):
        action.add_argument("attempt_id", nargs="*", metavar="ID", help="attempts (export: all when none is named)")
        add_store_arguments(action)


def run(arguments: argparse.Namespace) -> int:
    """List, export or delete; return 0."""
    folder = EvidenceFolder.of(state_dir(arguments))
    kept = folder.kept()
    if arguments.action == "list":
        _tell(kept, as_json=arguments.json)
        return 0
    if arguments.action == "delete" and bool(arguments.attempt_id) == arguments.all:
        raise ConfigError("evidence delete: name attempts, or --all, not both")
    chosen = _chosen(folder, kept, arguments.attempt_id)
    if arguments.action == "export":
        _export(folder, chosen, arguments.to)
    else:
        _delete(folder, chosen)
    _tell(chosen, as_json=arguments.json)
    return 0


def _chosen(folder: EvidenceFolder, kept: list[Kept], ids: list[str]) -> list[Kept]:
    found = {one.attempt_id: one for one in kept}
    missing = [name for name in ids if name not in found]
    if missing:
        raise EvidenceError(f"{folder.path}: holds nothing of attempt {missing[0]!r}; see livegate evidence list")
    return [found[name] for name in ids] if ids else kept


def _export(folder: EvidenceFolder, chosen: list[Kept], target: Path) -> None:
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise EvidenceError(f"{target}: cannot be made ({exc.strerror}); name another --to") from exc
    for one in chosen:
        path = target / f"{one.attempt_id}{ENDING}"
        content = folder.read(one.attempt_id)
        try:
            made = write_private(path, content)
            if not made and path.read_bytes() != content:
                raise EvidenceError(f"{path}: is there already and differs; name another folder")
        except OSError as exc:
            raise EvidenceError(f"{path}: cannot be written ({exc.strerror}); name a folder with room") from exc


def _delete(folder: EvidenceFolder, chosen: list[Kept]) -> None:
    for one in chosen:
        try:
            folder.delete(one.attempt_id)
        except OSError as exc:
            raise EvidenceError(f"{folder.path}: {one.attempt_id} cannot be deleted ({exc.strerror})") from exc


def _tell(kept: list[Kept], *, as_json: bool) -> None:
    for one in kept:
        if as_json:
            print(json.dumps({"attempt_id": one.attempt_id, "time": one.time or None, "bytes": one.bytes}))
        else:
            print(printable(f"{one.attempt_id}  {one.time or 'no date':<24}  {one.bytes} bytes"))
