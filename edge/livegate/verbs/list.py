"""``livegate list``: who may come in and what is refused, kept by hand at this terminal.

Credentials are hashed before they are stored: only pseudonyms can be shown. Changes hold from the next attempt on,
whether or not the daemon runs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from datetime import datetime
from typing import Any

from livegate import __version__
from livegate.clock import boot_id
from livegate.configfile import load
from livegate.errors import ConfigError, StoreError
from livegate.events.cloudevents import Identity
from livegate.events.environment import Environment
from livegate.gate.facts import BlockAction, ListEntry
from livegate.listing import show
from livegate.lists.chunks import MAX_ZONES
from livegate.near import is_signature
from livegate.store import Store, StoreReader, lists, open_for_edit
from livegate.store.lost import accept_loss
from livegate.store.transaction import Transaction
from livegate.terminal_text import printable
from livegate.trust.site import site_keys
from livegate.types import Credential
from livegate.verbs.events import add_store_arguments, state_dir

HELP = "show or change local credentials and block entries"
_KINDS = (*lists.CREDENTIAL_KINDS, *lists.BLOCK_KINDS)
MAX_VALUE_CHARACTERS = 4_096
# They travel in events, which brokers and the console take up to a size only.
MAX_NOTE_CHARACTERS = 256
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    show = actions.add_parser("show", help="print both lists, credentials by pseudonym; central ones counted")
    show.add_argument("--all", action="store_true", help="central entries too; with --json one object a line")
    add_store_arguments(show)
    add = actions.add_parser("add", help="add an entry, or change the one there is")
    remove = actions.add_parser("remove", help="remove an entry")
    for action in (add, remove):
        action.add_argument("list", choices=["allow", "block"], help="which list")
        action.add_argument(
            "value", nargs="?", metavar="VALUE", help="the card number or other value; - reads it from stdin"
        )
        action.add_argument(
            "--pseudonym", metavar="HEX", help="a credential as `list show` prints it, in place of VALUE"
        )
        action.add_argument(
            "--kind",
            choices=_KINDS,
            help="allow: card (default), qr, pin; block: credential (default), media, terminal",
        )
        action.add_argument("--reason", default="", metavar="TEXT", help="stands in the event")
        add_store_arguments(action)
    release = actions.add_parser("release", help="let the door open again after the store lost what it remembered")
    add_store_arguments(release)
    add.add_argument("--from", dest="valid_from", metavar="ISO", help="allow: valid from this time on")
    add.add_argument(
        "--until", metavar="ISO", help="until this time; without an offset it is the terminal's local time"
    )
    add.add_argument(
        "--action",
        dest="entry_action",
        choices=[str(action) for action in BlockAction],
        help="block: deny (default), lockout, step_up (only with all sensors), review (opens and says so)",
    )
    add.add_argument("--schedule", metavar="NAME", help="allow: only at the times of this [[gate.schedule]]")
    add.add_argument(
        "--zone", action="append", metavar="NAME", help="allow: only at doors into this zone; again for another one"
    )
    add.add_argument("--duress", action="store_true", help="allow: shown under threat; opens, and tells the centre")
    add.add_argument("--label", metavar="TEXT", help="allow: a note that stays on this terminal and in no event")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; status 1 when an entry to be removed is not there."""
    if arguments.action == "show":
        with StoreReader(state_dir(arguments)) as reader:
            show(reader, state_dir(arguments), as_json=arguments.json, whole=arguments.all)
        return 0
    if arguments.action == "release":
        return _release(arguments)
    _check(arguments)
    value = _value(arguments)
    with _open(arguments) as store, store.transaction() as t:
        changed = _allow_list(arguments, value, t) if arguments.list == "allow" else _block_list(arguments, value, t)
    _confirm(changed, arguments)
    return 0


def _release(arguments: argparse.Namespace) -> int:
    """Accept what the store lost. The centre's lock of the door, where it is known, holds all the same."""
    with _open(arguments) as store, store.transaction() as t:
        lost = accept_loss(t)
    if not lost:
        raise StoreError("list release: nothing the store lost keeps the door shut; see `livegate check`")
    if arguments.json:
        sys.stdout.write(json.dumps({"action": "release", "lost": lost}) + "\n")
    else:
        sys.stdout.write(f"the door may open again although these were lost: {', '.join(lost)}\n")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    allow = arguments.list == "allow"
    kinds = lists.CREDENTIAL_KINDS if allow else (*lists.BLOCK_KINDS, *lists.CREDENTIAL_KINDS)
    if (arguments.value is None) == (arguments.pseudonym is None):
        raise ConfigError("give either VALUE (or - to read it from stdin) or --pseudonym")
    if arguments.kind is not None and arguments.kind not in kinds:
        raise ConfigError(f"--kind {arguments.kind}: the {arguments.list} list takes {', '.join(kinds)}")
    _check_text("--reason", arguments.reason, MAX_NOTE_CHARACTERS)
    if arguments.action == "add":
        _check_added(arguments, allow=allow)
    if arguments.pseudonym is not None and not is_signature(arguments.pseudonym):
        raise ConfigError("--pseudonym: expected 32 hexadecimal digits as `livegate list show` prints them")


def _check_added(arguments: argparse.Namespace, *, allow: bool) -> None:
    conditions = (arguments.valid_from, arguments.label, arguments.schedule, arguments.zone, arguments.duress)
    if not allow and any(conditions):
        raise ConfigError(
            "--from, --label, --schedule, --zone and --duress are for the allow list; a block entry holds from now on"
        )
    if allow and arguments.entry_action is not None:
        raise ConfigError("--action is for the block list; leave it out, or use `livegate list add block`")
    _check_text("--label", arguments.label or "", MAX_NOTE_CHARACTERS)
    names = [("--schedule", arguments.schedule)] if arguments.schedule is not None else []
    names += [("--zone", zone) for zone in arguments.zone or ()]
    for option, name in names:
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{option}: expected 1 to 64 letters, digits and '-', '_' or '.', as names in the file")
    if len(arguments.zone or ()) > MAX_ZONES:
        raise ConfigError(f"--zone: expected at most {MAX_ZONES} zones, found {len(arguments.zone)}")


def _value(arguments: argparse.Namespace) -> str:
    value: str = arguments.pseudonym or arguments.value
    if value == "-":
        value = sys.stdin.readline(MAX_VALUE_CHARACTERS + 2).rstrip("\r\n")
    if not value:
        raise ConfigError(f"VALUE: expected 1 to {MAX_VALUE_CHARACTERS} characters, found none")
    _check_text("VALUE", value, MAX_VALUE_CHARACTERS)
    # An entry of an older version must still go away.
    if arguments.action == "add" and not value.isprintable():
        raise ConfigError("VALUE: holds a control or other character that is not printable; give it as the reader does")
    return value


def _check_text(option: str, text: str, most: int) -> None:
    if len(text) > most:
        raise ConfigError(f"{option}: expected at most {most} characters, found {len(text)}")
    # Bytes of a command line that are no UTF-8 arrive as lone surrogates, which neither SQLite nor JSON can hold.
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ConfigError(f"{option}: is not text; write it in UTF-8")


def _open(arguments: argparse.Namespace) -> Store:
    if arguments.config is None:
        with StoreReader(arguments.state_dir) as store:
            identity = store.identity(boot_id())
            return open_for_edit(arguments.state_dir, identity, store.limits(), environment=_told(store, identity))
    config = load(arguments.config)
    terminal = config.terminal
    identity = Identity(terminal.site, terminal.id, __version__, boot_id(), config.door.name)
    named = getattr(arguments, "schedule", None)
    if named is not None and all(schedule.name != named for schedule in config.gate.schedule):
        sys.stderr.write(
            f"warning: {arguments.config}: has no [[gate.schedule]] '{named}'; without it the card opens nothing\n"
        )
    environment = Environment(identity, config.door.zone, config_version=config.version)
    site = site_keys(config.trust)
    return open_for_edit(terminal.state_dir, identity, config.store, site=site, environment=environment)


def _told(store: StoreReader, identity: Identity) -> Environment:
    """Return the circumstances as the newest event tells them: without a configuration nobody else knows."""
    newest = store.newest(1)
    if not newest:
        return Environment(identity)
    data = json.loads(newest[0].body)["data"]
    zone, version = data.get("to_whom", {}).get("zone", ""), data.get("environment", {}).get("config_version")
    return Environment(identity, zone, config_version=version)


def _allow_list(arguments: argparse.Namespace, value: str, t: Transaction) -> dict[str, Any]:
    pseudonym = _pseudonym(arguments, value, t)
    if arguments.action == "remove":
        removed = lists.disallow(t, pseudonym, t.opened, reason=arguments.reason)
        if not removed:
            raise StoreError("list remove allow: this credential is not on the list; see `livegate list show`")
        return {"credential": pseudonym}
    valid_from_s, valid_until_s = _moment("--from", arguments.valid_from), _until(arguments, t.opened.wall_s)
    if valid_from_s is not None and valid_until_s is not None and valid_until_s <= valid_from_s:
        raise ConfigError("--until: is not after --from")
    credential = Credential(
        pseudonym,
        arguments.kind or "card",
        True,
        valid_from_s,
        valid_until_s,
        arguments.schedule,
        frozenset(arguments.zone or ()),
        arguments.duress,
    )
    lists.allow(t, credential, t.opened, reason=arguments.reason, label=arguments.label)
    return {"credential": pseudonym, "kind": credential.kind}


def _block_list(arguments: argparse.Namespace, value: str, t: Transaction) -> dict[str, Any]:
    kind = arguments.kind or "credential"
    # A block entry holds for a credential however it is presented.
    kind = "credential" if kind in lists.CREDENTIAL_KINDS else kind
    named = _pseudonym(arguments, value, t) if kind == "credential" else value
    if kind == "media" and arguments.action == "add" and not is_signature(named):
        raise ConfigError(
            "VALUE: expected a medium's signature, the 32 hexadecimal digits that an attack's event names"
        )
    if arguments.action == "remove":
        if not lists.unblock(t, kind, named, t.opened):
            raise StoreError(f"list remove block: no local entry for this {kind}; see `livegate list show`")
    else:
        until_s = _until(arguments, t.opened.wall_s)
        action = arguments.entry_action or "deny"
        lists.block(t, ListEntry(kind, named, action, arguments.reason, until_s), t.opened)
    return {"kind": kind, "value": named}


def _pseudonym(arguments: argparse.Namespace, value: str, t: Transaction) -> str:
    return value if arguments.pseudonym is not None else t.context.pseudonyms.of(value)


def _moment(option: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.timestamp()
    except (ValueError, OverflowError) as exc:
        raise ConfigError(f"{option} {text}: expected a time such as 2026-12-31 or 2026-12-31T18:00:00+01:00") from exc


def _until(arguments: argparse.Namespace, now_s: float) -> float | None:
    until_s = _moment("--until", arguments.until)
    if until_s is not None and until_s <= now_s:
        raise ConfigError(
            f"--until {arguments.until}: is past, the entry would never hold; give a later time, or use `list remove`"
        )
    return until_s


def _confirm(changed: dict[str, Any], arguments: argparse.Namespace) -> None:
    done = {"list": arguments.list, "action": arguments.action} | changed
    if arguments.json:
        sys.stdout.write(json.dumps(done) + "\n")
    else:
        verb = {"add": "added to", "remove": "removed from"}[arguments.action]
        named = changed.get("credential") or changed["value"]
        sys.stdout.write(printable(f"{named} {verb} the {arguments.list} list") + "\n")
