"""``livegate console push``: leave a keyset or settings at the broker, send a list or labels, hear the answer."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from livegate.errors import ConfigError, LinkError, TrustError
from livegate.progress import Progress
from livegate.report.down.twin import MAX_BYTES as TWIN_BYTES
from livegate.report.topics import Topics
from livegate.report.wire import MAX_PACKET_BYTES
from livegate.trust.envelope import EnvelopeType, parse_envelope
from livegate.trust.keys import PublicKey, SigningKey
from livegate.trust.payload import KeyRole
from livegate_tools.console.checking import check_keyset, check_signed
from livegate_tools.console.connecting import add_connection, add_terminals, scope_of, speaking, terminals
from livegate_tools.console.listening import Listener
from livegate_tools.console.listserving import ListFolder
from livegate_tools.console.payloads import ATTEMPT_ID, PAI_SPECIES, Signer, Verdict
from livegate_tools.console.placing import Place, checked, now
from livegate_tools.console.told import tell

HELP = "send a keyset, settings (twin), a list or labels to terminals"
_KEYSET = "trust/keyset"
# A terminal records a refusal at once, unless it told one of the same reason in the minute before.
_LABEL_S = 3.0
_DAY_S = 86_400.0
_MAX_FILE_BYTES = 64 * 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be pushed, and the options."""
    kinds = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    keyset = kinds.add_parser("keyset", help="which keys to trust, as console keys keyset made it")
    twin = kinds.add_parser("twin", help="desired settings: a JSON object, signed here")
    listed = kinds.add_parser("list", help="a folder console list make made; waits until it is in force")
    label = kinds.add_parser("label", help="verdicts on past attempts: JSON lines with attempt_id, label, pai_species")
    for kind in (keyset, twin, listed, label):
        kind.add_argument("file", type=Path, metavar="FILE", help="what is pushed")
        kind.add_argument("--timeout", type=float, default=60.0, metavar="S", help="wait so long (default 60 s)")
        kind.add_argument("--json", action="store_true", help="machine-readable, one line a terminal")
        add_terminals(kind, one=False)
        add_connection(kind)
    for kind in (keyset, twin, listed):
        kind.add_argument("--anyway", action="store_true", help="pass over what the broker keeps from before")
    keyset.add_argument("--root", type=Path, metavar="PEM", help="the root's public key: verify the signature with it")
    twin.add_argument("--version", type=int, metavar="N", help="higher than before (default: the time in seconds)")
    twin.add_argument("--days", type=float, default=30.0, help="take it up within so long (default and most 30)")
    for kind, role in ((twin, "twin"), (label, "labels")):
        kind.add_argument("--key", type=Path, required=True, metavar="PEM", help=f"a private key with the role {role}")


def run(arguments: argparse.Namespace) -> int:
    """Push; return 0, or 1 when it would be refused, or a terminal that is online refused it or did not answer."""
    pushed = _PUSHERS[arguments.what](arguments)
    with speaking(arguments) as console:
        return max([_pushed(arguments, pushed, console, topics) for topics in terminals(console, scope_of(arguments))])


def _pushed(arguments: argparse.Namespace, pushed: _Pusher, console: Listener, topics: Topics) -> int:
    """Push to one terminal, whatever became of the others."""
    try:
        return pushed.push(console, topics)
    except LinkError as exc:
        return _say(arguments, topics, 1, str(exc), {"pushed": arguments.what, "error": str(exc)})


class _Keyset:
    """A sealed keyset, left at the broker; the terminal's word on it is waited for."""

    def __init__(self, arguments: argparse.Namespace):
        self._arguments = arguments
        self._sealed = _content(arguments.file)
        self._root = PublicKey.of_pem(arguments.root) if arguments.root else None
        try:
            envelope = parse_envelope(self._sealed, MAX_PACKET_BYTES)
        except TrustError as exc:
            raise ConfigError(f"{arguments.file}: {exc}; make one with console keys keyset") from exc
        if envelope.type is not EnvelopeType.KEYSET:
            raise ConfigError(
                f"{arguments.file}: holds a '{envelope.type}', expected a keyset; see console keys keyset"
            )
        version = _object(arguments.file, envelope.payload).get("version")
        self._version = version if isinstance(version, int) else 0

    def push(self, console: Listener, topics: Topics) -> int:
        place = Place(console, topics, _KEYSET)
        pushed = {"pushed": "keyset", "version": self._version}
        checked(lambda kept: check_keyset(self._sealed, topics, self._root, kept, now()), place, self._arguments)
        place.put(self._sealed)
        if not console.heard.is_online(topics):
            text = "is offline; the keyset waits at the broker"
            return _say(self._arguments, topics, 0, text, pushed | {"applied": None})
        if place.former == self._sealed:
            text = "keyset is at the broker, as before; one that is in force is not told of again"
            return _say(self._arguments, topics, 0, text, pushed | {"applied": None})
        console.listen(lambda: self._answered(console, place), self._arguments.timeout)
        if console.has_keyset(topics, self._version):
            return _say(self._arguments, topics, 0, f"keyset {self._version} in force", pushed | {"applied": True})
        reason = place.refusal()
        if reason is not None:
            return _refused(self._arguments, place, f"keyset {self._version}", reason, pushed)
        text = (
            f"keyset {self._version} is at the broker, not confirmed within {self._arguments.timeout:g} s; a terminal "
            "whose events nobody acknowledges soon sends no more"
        )
        return _say(self._arguments, topics, 1, text, pushed | {"applied": None})

    def _answered(self, console: Listener, place: Place) -> bool:
        return console.has_keyset(place.topics, self._version) or place.refusal() is not None


class _Twin:
    """Settings, signed for each terminal, left at the broker; the terminal's word on them is waited for."""

    def __init__(self, arguments: argparse.Namespace):
        self._arguments = arguments
        self._settings = _object(arguments.file, _content(arguments.file))
        self._key = SigningKey.of_pem(arguments.key)
        self._version = int(time.time()) if arguments.version is None else arguments.version

    def push(self, console: Listener, topics: Topics) -> int:
        signer = Signer(self._key, f"{topics.site}/{topics.terminal}")
        sealed = signer.twin(self._settings, self._version, time.time(), self._arguments.days * _DAY_S)
        if len(sealed) > TWIN_BYTES:
            raise LinkError(f"settings: sealed they are {len(sealed)} bytes, and a terminal takes {TWIN_BYTES}")
        place = Place(console, topics, "twin/desired")
        checked(lambda kept: check_signed(sealed, KeyRole.TWIN, topics, kept, now()), place, self._arguments)
        before = console.heard.twins.get(topics)
        place.put(sealed)
        pushed = {"pushed": "twin", "version": self._version}
        if not console.heard.is_online(topics):
            return _say(self._arguments, topics, 0, "is offline; the settings wait at the broker", pushed)
        text = f"{topics.site}/{topics.terminal}: its word on settings {self._version}"
        console.wait(lambda: self._answered(place, before), self._arguments.timeout, text)
        said = console.heard.twins.get(topics, {})
        if said is not before and said.get("applied") is True and said.get("version") == self._version:
            members = pushed | {"applied": True, "reason": None, "text": None}
            return _say(self._arguments, topics, 0, f"settings {self._version} in force", members)
        told = said if said is not before else {}
        reason = told.get("reason") or place.refusal()
        members = pushed | {"text": told.get("text")}
        return _refused(self._arguments, place, f"settings {self._version}", reason, members)

    def _answered(self, place: Place, before: Mapping[str, Any] | None) -> bool:
        said = place.console.heard.twins.get(place.topics)
        if said is None or said is before:
            return place.refusal() is not None
        # A refusal of what it could not believe names no version.
        return said.get("version") == self._version or (said.get("version") is None and said.get("reason") is not None)


class _List:
    """A list: its manifest left at the broker, its chunks sent as the terminal asks for them."""

    def __init__(self, arguments: argparse.Namespace):
        self._arguments = arguments
        self._folder = ListFolder.open(arguments.file)

    def push(self, console: Listener, topics: Topics) -> int:
        manifest, sealed = self._folder.manifest, self._folder.envelope
        name, version = manifest.name.value, manifest.version
        place = Place(console, topics, f"lists/{name}/manifest")
        checked(lambda kept: check_signed(sealed, KeyRole.LISTS, topics, kept, now()), place, self._arguments)
        place.begin(sealed)
        console.taken(console.offer_list(topics, self._folder).result, place.topic)
        pushed = {"pushed": "list", "list": name, "version": version}
        if not console.heard.is_online(topics):
            text = "is offline; the manifest waits at the broker, its chunks need console tail --serve or this again"
            return _say(self._arguments, topics, 0, text, pushed)
        key, title = (topics, name), f"{topics.site}/{topics.terminal}: {name} list {version}"
        with Progress(title, manifest.chunks) as progress:
            self._wait(place, key, progress, title)
        state = console.heard.lists.get(key, {})
        if state.get("version") == version:
            members = pushed | {"applied": True, "reason": None}
            return _say(self._arguments, topics, 0, f"{name} list {version} in force", members)
        refused = state.get("refused")
        reason = refused.get("reason") if isinstance(refused, dict) and refused.get("version") == version else None
        return _refused(self._arguments, place, f"{name} list {version}", reason or place.refusal(), pushed)

    def _wait(self, place: Place, key: tuple[Topics, str], progress: Progress, title: str) -> None:
        heard, version = place.console.heard.lists, self._folder.manifest.version
        done, deadline_s = 0, time.monotonic() + self._arguments.timeout
        while not _settled(heard.get(key), version) and place.refusal() is None:
            want = heard.get(key, {}).get("want")
            if isinstance(want, int) and want > done:
                progress.advance(want - done)
                done, deadline_s = want, time.monotonic() + self._arguments.timeout
            if time.monotonic() >= deadline_s:
                raise LinkError(
                    f"{title}: no progress within {self._arguments.timeout:g} s, and no refusal was told; the manifest "
                    "stays at the broker"
                )
            time.sleep(0.02)


class _Labels:
    """Verdicts on attempts; a terminal keeps them without a word, and only tells what it refuses."""

    def __init__(self, arguments: argparse.Namespace):
        self._arguments = arguments
        self._key = SigningKey.of_pem(arguments.key)
        lines = [line for line in _content(arguments.file).splitlines() if line.strip()]
        self._verdicts = [_verdict(arguments.file, number, line) for number, line in enumerate(lines, 1)]

    def push(self, console: Listener, topics: Topics) -> int:
        signer, asked_s = Signer(self._key, f"{topics.site}/{topics.terminal}"), time.time()
        for verdict in self._verdicts:
            console.leave(topics, "labels", signer.label(verdict, time.time()), retain=False)
        listen_s = min(_LABEL_S, self._arguments.timeout)
        console.listen(lambda: console.refusal(topics, "labels", asked_s) is not None, listen_s)
        reason, count = console.refusal(topics, "labels", asked_s), len(self._verdicts)
        members = {"pushed": "label", "labels": count, "refused": reason}
        if reason is not None:
            text = f"{count} labels sent; the terminal refused some or all: {reason}"
            return _say(self._arguments, topics, 1, text, members)
        return _say(self._arguments, topics, 0, f"{count} labels sent, not confirmed", members)


_Pusher = _Keyset | _Twin | _List | _Labels
_PUSHERS: Mapping[str, type[_Pusher]] = {
    "keyset": _Keyset,
    "twin": _Twin,
    "list": _List,
    "label": _Labels,
}


def _refused(arguments: argparse.Namespace, place: Place, what: str, reason: object, members: Mapping[str, Any]) -> int:
    """Put back what was there, and say so."""
    words = f"{what} refused: {reason}; {place.put_back()}"
    return _say(arguments, place.topics, 1, words, {**members, "applied": False, "reason": reason})


def _say(arguments: argparse.Namespace, topics: Topics, status: int, words: str, members: Mapping[str, Any]) -> int:
    whose = {"site": topics.site, "terminal": topics.terminal}
    tell(arguments, f"{topics.site}/{topics.terminal}  {words}", {**whose, **members})
    return status


def _settled(state: Mapping[str, Any] | None, version: int) -> bool:
    if state is None:
        return False
    refused = state.get("refused")
    return state.get("version") == version or (isinstance(refused, dict) and refused.get("version") == version)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_FILE_BYTES)
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror})") from exc


def _object(where: object, content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise ConfigError(f"{where}: is not JSON ({exc})") from exc
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: expected a JSON object, found {type(value).__name__}")
    return value


def _verdict(path: Path, number: int, line: bytes) -> Verdict:
    members = _object(f"{path}: line {number}", line)
    attempt, label, species = (members.get(name) for name in ("attempt_id", "label", "pai_species"))
    if not isinstance(attempt, str) or label not in ("bona_fide", "attack") or not isinstance(species, str | None):
        raise ConfigError(f"{path}: line {number}: expected attempt_id, label (bona_fide or attack), pai_species")
    if not ATTEMPT_ID.fullmatch(attempt) or (species is not None and not PAI_SPECIES.fullmatch(species)):
        raise ConfigError(f"{path}: line {number}: 'attempt_id' or 'pai_species' is not as events write them")
    if species is not None and label != "attack":
        raise ConfigError(f"{path}: line {number}: only an attack has a 'pai_species'")
    return Verdict(attempt, label, species)
