"""``livegate console open-evidence``: open what a terminal sealed, at the centre, with the centre's private key."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from livegate.audit.proving import read_key
from livegate.errors import EvidenceError
from livegate.evidence.bundle import MANIFEST
from livegate.evidence.seal import Opened, load_private, open_sealed
from livegate.terminal_text import printable
from livegate.trust.keys import PublicKey

HELP = "open sealed pictures of attacks with the centre's private key"
MAX_FILE_BYTES = 64 * 2**20
# Whoever has the public key can seal anything: nothing but these names is written, and no more than this.
_NAMES = re.compile(r"evidence\.json|[0-9]{2}-(rgb|nir|depth)\.png")
_MAX_ENTRIES = 100
_BOUND = ("attempt_id", "terminal", "time")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="sealed files (.lge)")
    parser.add_argument("--key", type=Path, required=True, metavar="PEM", help="the centre's private key (X25519)")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="existing folder; one is made a file")
    parser.add_argument("--device-key", metavar="KEY",
                        help="the terminal's public key, a PEM file or base64 as its system.started event tells it: "
                             "open only what that terminal signed")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print what was opened, one line a file")


def run(arguments: argparse.Namespace) -> int:
    """Open every file into a folder of its attempt's id; return 0, or raise at the first that does not open."""
    private = load_private(arguments.key)
    device = None if arguments.device_key is None else read_key(arguments.device_key, "--device-key")
    for path in arguments.files:
        opened = _opened(path, private, device)
        folder = write_opened(opened, arguments.to)
        if arguments.json:
            text = json.dumps({**opened.header, "proven": opened.proven, "folder": str(folder)})
        else:
            proof = "signed by the terminal" if opened.proven else "origin not proven"
            text = printable(f"{folder}  {opened.header['terminal']}  {opened.header['time']}  {proof}")
        sys.stdout.write(f"{text}\n")
    return 0


def write_opened(opened: Opened, target: Path) -> Path:
    """Write the pictures of a file into ``target``/<attempt_id>, made here (0700), and return that folder.

    Raises EvidenceError when the content is not what a terminal seals, or cannot be written.
    """
    entries = dict(_entries(opened))
    folder = target / str(opened.header["attempt_id"])
    try:
        folder.mkdir(mode=0o700, parents=True)
        for name, content in entries.items():
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
    except OSError as exc:
        raise EvidenceError(f"{folder}: cannot be made and filled ({exc.strerror}); name another --to") from exc
    return folder


def _entries(opened: Opened) -> Iterator[tuple[str, bytes]]:
    """Yield the entries of the bundle; a stored ZIP cannot be larger than the file it came in."""
    try:
        with zipfile.ZipFile(io.BytesIO(opened.content)) as archive:
            parts = archive.infolist()
            if len(parts) > _MAX_ENTRIES or len({part.filename for part in parts}) != len(parts):
                raise EvidenceError("evidence: entries twice or too many; no terminal of ours sealed this")
            for part in parts:
                if not _NAMES.fullmatch(part.filename) or part.compress_type != zipfile.ZIP_STORED:
                    raise EvidenceError(f"evidence: entry {part.filename[:80]!r}; no terminal of ours sealed this")
                yield part.filename, archive.read(part)
            about = json.loads(archive.read(MANIFEST))
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError, NotImplementedError, RuntimeError) as exc:
        raise EvidenceError(f"evidence: opens, but holds no bundle ({exc})") from exc
    if not isinstance(about, dict) or any(about.get(name) != opened.header[name] for name in _BOUND):
        raise EvidenceError("evidence: its header and its content name different attempts")


def _opened(path: Path, private: X25519PrivateKey, device: PublicKey | None) -> Opened:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise EvidenceError(f"{path}: cannot be read ({exc.strerror}); name a sealed file") from exc
    if len(content) > MAX_FILE_BYTES:
        raise EvidenceError(f"{path}: more than {MAX_FILE_BYTES // 2**20} MiB; no terminal of ours sealed this")
    try:
        return open_sealed(content, private, device)
    except EvidenceError as exc:
        raise EvidenceError(f"{path}: {exc}") from exc
