"""``livegate console keys``: make the keys a centre signs with, and the keyset that vouches for them."""

from __future__ import annotations

import argparse
import os
import re
import secrets
import time
from collections.abc import Iterable
from pathlib import Path

from livegate.errors import ConfigError, TrustError
from livegate.trust.envelope import EnvelopeType, seal
from livegate.trust.keyfiles import write_private
from livegate.trust.keys import PublicKey, SigningKey
from livegate.trust.keyset import TrustedKey, keyset_payload, restore_keyset
from livegate.trust.payload import KeyRole
from livegate_tools.console.keysetbook import KeysetBook
from livegate_tools.console.told import tell

HELP = "make keys, and the keyset that tells terminals which of them to trust"
ROOT, NEXT_ROOT, RECEIPTS, SITE = "root", "next-root", "receipts", "site.key"
ROLES = tuple(role for role in KeyRole if role is not KeyRole.KEYSET)
_NAME = re.compile(r"[a-z0-9-]{1,32}")
_DAY_S = 86_400.0
# A clock a little ahead of a terminal's must not make a fresh key look as if it were of tomorrow.
_LEEWAY_S = 3_600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the steps and their options."""
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    init = steps.add_parser("init", help="make a root, a key for each role, a receipts key and a site key")
    init.add_argument("folder", type=Path, metavar="DIR", help="made, or empty of keys")
    named = steps.add_parser("id", help="print the id of a key, as keysets and events name it")
    named.add_argument("file", type=Path, metavar="PEM", help="a public key")
    another = steps.add_parser("add", help="make another key for a role, to take over from one that is to end")
    another.add_argument("folder", type=Path, metavar="DIR", help="the folder keys init made")
    another.add_argument("role", choices=ROLES, help="what it may sign")
    another.add_argument("name", metavar="NAME", help="what tells it apart: the file is ROLE-NAME.pem")
    keyset = steps.add_parser("keyset", help="sign which keys terminals trust")
    keyset.add_argument("folder", type=Path, metavar="DIR", help="the folder keys init made")
    keyset.add_argument("--version", type=int, required=True, metavar="N", help="higher than the keyset made before")
    keyset.add_argument("--audience", required=True, metavar="SITE/TERMINAL", help='whom it is for, such as "lab/*"')
    keyset.add_argument(
        "--revoke",
        action="append",
        default=[],
        metavar="ID",
        help="never trust this key id again; DIR remembers it for all keysets to come",
    )
    keyset.add_argument("--next-root", action="store_true", help="also name the root to come, made if it is not there")
    keyset.add_argument("--root", type=Path, metavar="PEM", help="the root's private key (default DIR/root.pem)")
    keyset.add_argument("--days", type=float, default=365.0, help="hold for so long (default 365)")
    keyset.add_argument("--out", type=Path, required=True, metavar="FILE", help="written, for console push keyset")
    for step in (init, named, another, keyset):
        step.add_argument("--json", action="store_true", help="machine-readable")


def run(arguments: argparse.Namespace) -> int:
    """Do the step that was asked for; return 0."""
    if arguments.step == "init":
        _init(arguments)
    elif arguments.step == "id":
        keyid = PublicKey.of_pem(arguments.file).keyid
        tell(arguments, keyid, {"keyid": keyid})
    elif arguments.step == "add":
        _add(arguments)
    else:
        _keyset(arguments)
    return 0


def _init(arguments: argparse.Namespace) -> None:
    folder: Path = arguments.folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        there = sorted(path.name for path in folder.iterdir() if path.suffix in (".pem", ".key", ".pub"))
    except OSError as exc:
        raise ConfigError(f"{folder}: cannot be made or read ({exc.strerror})") from exc
    if there:
        raise ConfigError(f"{folder}: holds keys already ({', '.join(there[:3])}); they are never overwritten")
    made = {name: _make(folder, name) for name in (ROOT, *ROLES, RECEIPTS)}
    if not write_private(folder / SITE, secrets.token_hex(32).encode() + b"\n"):
        raise ConfigError(f"{folder / SITE}: is there already, and keys are never overwritten")
    public = _public_file(folder, ROOT)
    text = (
        f"keys made in {folder}, for their owner only. Keep {ROOT}.pem off-line: it is needed for keysets alone.\n"
        f"On each terminal: copy {public} and {folder / SITE} (0600), and name them in its configuration:\n"
        f'  [trust]\n  root_key_file = "{public.name}"\n  site_key_file = "{SITE}"\n'
        f"Then: livegate console keys keyset {folder} --version 1 --audience 'SITE/*' --out {folder / 'keyset-1.json'}"
    )
    keys = {name: key.keyid for name, key in made.items()}
    _tell_lines(arguments, text, {"folder": str(folder), "root_public": str(public), "keys": keys})


def _add(arguments: argparse.Namespace) -> None:
    if not _NAME.fullmatch(arguments.name):
        raise ConfigError(f"NAME {arguments.name}: expected letters a-z, digits and -")
    name = f"{arguments.role}-{arguments.name}"
    key = _make(arguments.folder, name)
    members = {"file": str(_private_file(arguments.folder, name)), "keyid": key.keyid, "role": arguments.role}
    tell(arguments, f"{members['file']}  {key.keyid}; the next keyset vouches for it", members)


def _keyset(arguments: argparse.Namespace) -> None:
    folder: Path = arguments.folder
    book = KeysetBook.read(folder).next(arguments.version, arguments.revoke)
    revoked = sorted(book.revoked)
    if arguments.out.exists():
        raise _there(arguments.out)
    root = SigningKey.of_pem(arguments.root or _private_file(folder, ROOT))
    now_s = time.time()
    expires_s = now_s + arguments.days * _DAY_S
    keys = tuple(_trusted(folder, book.revoked, now_s, expires_s))
    coming = _next_root(folder) if arguments.next_root else None
    payload = keyset_payload(
        arguments.audience, arguments.version, keys, now_s, expires_s, revoked=revoked, next_root=coming
    )
    try:
        restore_keyset(payload, arguments.version, root.public, ())
    except TrustError as exc:
        raise ConfigError(f"keyset {arguments.version}: terminals would not take it: {exc}") from exc
    # First: a keyset that went out unremembered would be followed by one that trusts again what it revoked.
    book.write(folder)
    _write(arguments.out, seal(root, EnvelopeType.KEYSET, payload))
    named = {trusted.key.keyid: sorted(trusted.roles) for trusted in keys}
    lines = [f"{arguments.out}: keyset {arguments.version} for {arguments.audience}"]
    lines += [f"  {keyid}  {', '.join(roles)}" for keyid, roles in named.items()]
    lines += [f"  {keyid}  revoked" for keyid in revoked]
    members = {"file": str(arguments.out), "version": arguments.version, "keys": named, "revoked": revoked}
    _tell_lines(arguments, "\n".join(lines), {**members, "next_root": coming and coming.keyid})


def _trusted(folder: Path, revoked: Iterable[str], now_s: float, expires_s: float) -> Iterable[TrustedKey]:
    """Yield the key of each role that has one: `<role>.pub`, and `<role>-<anything>.pub` beside it."""
    for role in ROLES:
        for path in sorted([*folder.glob(f"{role}.pub"), *folder.glob(f"{role}-*.pub")]):
            key = PublicKey.of_pem(path)
            if key.keyid not in revoked:
                yield TrustedKey(key, frozenset({role}), now_s - _LEEWAY_S, expires_s)


def _next_root(folder: Path) -> PublicKey:
    path = _public_file(folder, NEXT_ROOT)
    return PublicKey.of_pem(path) if path.exists() else _make(folder, NEXT_ROOT)


def _make(folder: Path, name: str) -> PublicKey:
    key = SigningKey.generate()
    key.save(_private_file(folder, name))
    _write(_public_file(folder, name), key.public.pem)
    return key.public


def _private_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.pem"


def _public_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.pub"


def _write(path: Path, content: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except FileExistsError as exc:
        raise _there(path) from exc
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be made ({exc.strerror}); name a place this user may write") from exc


def _there(path: Path) -> ConfigError:
    return ConfigError(f"{path}: is there already and is not overwritten; name another file")


def _tell_lines(arguments: argparse.Namespace, text: str, members: dict[str, object]) -> None:
    if arguments.json:
        tell(arguments, "", members)
    else:
        for line in text.split("\n"):
            tell(arguments, line, members)
