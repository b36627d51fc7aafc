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
from livegate.report.session import Message
from livegate.report.topics import Topics
from livegate.report.wire import MAX_PACKET_BYTES
from livegate.trust.envelope import EnvelopeType, parse_envelope
from livegate.trust.keys import SigningKey
from livegate_tools.console.connecting import add_connection, add_terminals, scope_of, speaking, terminals
from livegate_tools.console.console import Console
from livegate_tools.console.listserving import ListFolder
from livegate_tools.console.payloads import Signer, Verdict
from livegate_tools.console.told import tell

HELP = "send a keyset, settings (twin), a list or labels to terminals"
_BROKER_S = 15.0
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
    twin.add_argument("--version", type=int, metavar="N", help="higher than before (default: the time in seconds)")
    twin.add_argument("--days", type=float, default=30.0, help="take it up within so long (default and most 30)")
    for kind, role in ((twin, "twin"), (label, "labels")):
        kind.add_argument("--key", type=Path, required=True, metavar="PEM", help=f"a private key with the role {role}")


def run(arguments: argparse.Namespace) -> int:
    """Push; return 0, or 1 when a terminal that is online refused it or did not answer."""
    pushed = _PUSHERS[arguments.what](arguments)
    with speaking(arguments) as console:
        targets = terminals(console, scope_of(arguments))
        return max([pushed.push(console, topics) for topics in targets])


class _Keyset:
    """A sealed keyset, left at the broker."""

    def __init__(self, arguments: argparse.Namespace):
        self._arguments = arguments
        self._sealed = _content(arguments.file)
        try:
            found = parse_envelope(self._sealed, MAX_PACKET_BYTES).type
        except TrustError as exc:
            raise ConfigError(f"{arguments.file}: {exc}; make one with console keys keyset") from exc
        if found is not EnvelopeType.KEYSET:
            raise ConfigError(f"{arguments.file}: holds a '{found}', expected a keyset; see console keys keyset")

    def push(self, console: Console, topics: Topics) -> int:
        _left(console, Message(topics.down("trust/keyset"), self._sealed, retain=True))
        return _say(self._arguments, topics, 0, "keyset is at the broker", {"pushed": "keyset"})


class _Twin:
    """Settings, signed for each terminal, left at the broker; the terminal's word on them is waited for."""

    def __init__(self, arguments: argparse.Namespace):
        self._arguments = arguments
        self._settings = _object(arguments.file, _content(arguments.file))
        self._key = SigningKey.of_pem(arguments.key)
        self._version = int(time.time()) if arguments.version is None else arguments.version

    def push(self, console: Console, topics: Topics) -> int:
        signer = Signer(self._key, f"{topics.site}/{topics.terminal}")
        sealed = signer.twin(self._settings, self._version, time.time(), self._arguments.days * _DAY_S)
        before = console.heard.twins.get(topics)
        _left(console, Message(topics.down("twin/desired"), sealed, retain=True))
        pushed = {"pushed": "twin", "version": self._version}
        if not console.heard.is_online(topics):
            return _say(self._arguments, topics, 0, "is offline; the settings wait at the broker", pushed)
        text = f"{topics.site}/{topics.terminal}: its word on settings {self._version}"
        console.wait(lambda: self._answered(console, topics, before), self._arguments.timeout, text)
        said = console.heard.twins[topics]
        applied = said.get("applied") is True and said.get("version") == self._version
        words = f"settings {self._version} in force" if applied else f"refused: {said.get('reason')} {said.get('text')}"
        members = pushed | {"applied": applied, "reason": said.get("reason"), "text": said.get("text")}
        return _say(self._arguments, topics, 0 if applied else 1, words, members)

    def _answered(self, console: Console, topics: Topics, before: Mapping[str, Any] | None) -> bool:
        said = console.heard.twins.get(topics)
        if said is None or said is before:
            return False
        # A refusal of what it could not believe names no version.
        return said.get("version") == self._version or (said.get("version") is None and said.get("reason") is not None)


class _List:
    """A list: its manifest left at the broker, its chunks sent as the terminal asks for them."""

    def __init__(self, arguments: argparse.Namespace):
        self._arguments = arguments
        self._folder = ListFolder.open(arguments.file)

    def push(self, console: Console, topics: Topics) -> int:
        manifest = self._folder.manifest
        name, version = manifest.name.value, manifest.version
        console.offer_list(topics, self._folder).result(_BROKER_S)
        pushed = {"pushed": "list", "list": name, "version": version}
        if not console.heard.is_online(topics):
            text = "is offline; the manifest waits at the broker, its chunks need console tail --serve or this again"
            return _say(self._arguments, topics, 0, text, pushed)
        key, title = (topics, name), f"{topics.site}/{topics.terminal}: {name} list {version}"
        with Progress(title, manifest.chunks) as progress:
            self._wait(console, key, progress, title)
        state = console.heard.lists[key]
        applied, refused = _version(state) == version, state.get("refused")
        reason = refused.get("reason") if isinstance(refused, dict) else None
        words = f"{name} list {version} in force" if applied else f"{name} list {version} refused: {reason}"
        members = pushed | {"applied": applied, "reason": None if applied else reason}
        return _say(self._arguments, topics, 0 if applied else 1, words, members)

    def _wait(self, console: Console, key: tuple[Topics, str], progress: Progress, title: str) -> None:
        version, done, deadline_s = self._folder.manifest.version, 0, time.monotonic() + self._arguments.timeout
        while not _settled(console.heard.lists.get(key), version):
            want = console.heard.lists.get(key, {}).get("want")
            if isinstance(want, int) and want > done:
                progress.advance(want - done)
                done, deadline_s = want, time.monotonic() + self._arguments.timeout
            if time.monotonic() >= deadline_s:
                raise LinkError(
                    f"{title}: no progress within {self._arguments.timeout:g} s; a manifest it does not believe "
                    "is told of in its events (message.refused)"
                )
            time.sleep(0.02)


class _Labels:
    """Verdicts on attempts; a terminal keeps them without a word."""

    def __init__(self, arguments: argparse.Namespace):
        self._arguments = arguments
        self._key = SigningKey.of_pem(arguments.key)
        lines = [line for line in _content(arguments.file).splitlines() if line.strip()]
        self._verdicts = [_verdict(arguments.file, number, line) for number, line in enumerate(lines, 1)]

    def push(self, console: Console, topics: Topics) -> int:
        signer = Signer(self._key, f"{topics.site}/{topics.terminal}")
        for verdict in self._verdicts:
            _left(console, Message(topics.down("labels"), signer.label(verdict, time.time())))
        count = len(self._verdicts)
        return _say(self._arguments, topics, 0, f"{count} labels sent", {"pushed": "label", "labels": count})


_Pusher = _Keyset | _Twin | _List | _Labels
_PUSHERS: Mapping[str, type[_Pusher]] = {
    "keyset": _Keyset,
    "twin": _Twin,
    "list": _List,
    "label": _Labels,
}


def _left(console: Console, message: Message) -> None:
    try:
        console.publish(message).result(_BROKER_S)
    except TimeoutError as exc:
        raise LinkError(f"{message.topic}: the broker did not take it within {_BROKER_S:g} s") from exc


def _say(arguments: argparse.Namespace, topics: Topics, status: int, words: str, members: Mapping[str, Any]) -> int:
    whose = {"site": topics.site, "terminal": topics.terminal}
    tell(arguments, f"{topics.site}/{topics.terminal}  {words}", {**whose, **members})
    return status


def _version(state: Mapping[str, Any]) -> object:
    return state.get("version")


def _settled(state: Mapping[str, Any] | None, version: int) -> bool:
    if state is None:
        return False
    refused = state.get("refused")
    return _version(state) == version or (isinstance(refused, dict) and refused.get("version") == version)


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
    return Verdict(attempt, label, species)
