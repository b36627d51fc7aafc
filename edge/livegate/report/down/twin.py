"""``twin/desired``: settings the centre adds to the local file's, whole or not at all; ``twin/reported`` answers."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

from livegate.errors import ConfigError, LinkError, Refusal, TrustError
from livegate.events import central
from livegate.report.down.desk import Desk, Opened
from livegate.report.down.refusals import reason_of
from livegate.report.session import Arrival, Message
from livegate.settings import merge
from livegate.store.trusted import take_message
from livegate.store.twin import Twin, keep_twin, load_twin
from livegate.trust.envelope import EnvelopeType
from livegate.trust.payload import KeyRole, malformed

log = logging.getLogger(__name__)

MAX_BYTES = 16 * 1024
MAX_SETTINGS_BYTES = 6 * 1024
"""As JSON: they stand in an event, which has a bound."""
_MAX_TEXT = 300


class TwinHandler:
    """A Handler; also puts the remembered settings in force at start."""

    topics = ("twin/desired",)
    max_bytes = MAX_BYTES

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        with desk.store.transaction() as t:
            self._twin = load_twin(t.connection)
        self._in_force: Twin | None = None
        self._start()

    def take(self, arrival: Arrival, name: str) -> None:  # noqa: ARG002 - it has one topic
        """Put newer settings in force when none of them is looser than the local file; report either way."""
        try:
            opened = self._desk.open(arrival, MAX_BYTES, EnvelopeType.TWIN, KeyRole.TWIN)
        except LinkError as exc:
            self._report(None, reason_of(exc), str(exc))
            raise
        try:
            self._take(opened)
        except LinkError as exc:
            self._report(opened.members["version"], reason_of(exc), str(exc))
            raise

    def opened(self) -> None:
        """Nothing depends on the connection."""

    def turn(self) -> bool:
        """Nothing is ever due."""
        return False

    def _take(self, opened: Opened) -> None:
        desk, version = self._desk, opened.members["version"]
        digest = hashlib.sha256(opened.envelope.payload).digest()
        if self._twin is not None and digest == self._twin.digest:
            # Retained, so it comes with every connection; the answer is as retained.
            self._start()
            return
        if self._twin is not None and version <= self._twin.version:
            raise TrustError(Refusal.VERSION_BACK, f"twin: {version} is not newer than {self._twin.version}")
        settings = _settings(opened.members)
        try:
            effective = merge(desk.config, settings)
        except ConfigError as exc:
            raise TrustError(Refusal.NOT_ALLOWED, str(exc)) from exc
        twin = Twin(version, opened.envelope.keyid, digest, settings)
        with desk.store.transaction() as t:
            floor_s = take_message(t, opened.members)
            keep_twin(t, twin)
            t.enqueue(central.config_applied(version, twin.keyid, settings, t.opened, t.context.environment))
        desk.floor.raise_to(floor_s)
        desk.apply(effective)
        self._twin = self._in_force = twin
        self._report(version, None, None)

    def _start(self) -> None:
        """Put what is remembered in force; the local file may have changed since, and then it may be too loose."""
        if self._twin is None:
            self._report(None, None, None)
            return
        try:
            self._desk.apply(merge(self._desk.config, self._twin.settings))
        except ConfigError as exc:
            log.warning("remembered settings do not suit the configuration", extra={"error": str(exc)})
            self._report(self._twin.version, Refusal.NOT_ALLOWED, str(exc))
            return
        self._in_force = self._twin
        self._report(self._twin.version, None, None)

    def _report(self, version: int | None, reason: Refusal | None, text: str | None) -> None:
        """Say what became of ``version``, and what is in force."""
        now = self._in_force
        members = {
            "version": version,
            "applied": reason is None and now is not None,
            "reason": reason,
            "text": text and text[:_MAX_TEXT],
            "in_force": None if now is None else now.version,
            "settings": {} if now is None else now.settings,
            "config_version": self._desk.config.version,
            "lists": {str(name): applied.version for name, applied in self._desk.central.versions().items()},
        }
        body = json.dumps(members, separators=(",", ":")).encode()
        self._desk.outbox.state(Message(self._desk.topics.twin_reported, body, retain=True))


def _settings(members: Mapping[str, Any]) -> dict[str, Any]:
    settings = members.get("settings")
    if not isinstance(settings, dict):
        raise malformed("lacks 'settings', an object")
    if len(json.dumps(settings)) > MAX_SETTINGS_BYTES:
        raise TrustError(Refusal.NOT_ALLOWED, f"twin: 'settings' of more than {MAX_SETTINGS_BYTES} bytes")
    return settings


def handler(desk: Desk) -> TwinHandler:
    """Return the handler of desired settings."""
    return TwinHandler(desk)
