"""Commands that wait for their replies. Any thread may ask; replies come in the MQTT thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from livegate.errors import LinkError
from livegate.report.session import Message
from livegate.report.status import Presence, Status
from livegate.report.topics import Topics
from livegate.untrusted import parse_object
from livegate_tools.console.payloads import Order, Signer

_MAX_PENDING = 256
_MAX_REPLY_BYTES = 131_072
_MAX_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a command: ``outcome`` is "done", "refused" or "failed", ``reason`` why; not signed."""

    verb: str
    outcome: str
    reason: str | None
    result: Mapping[str, Any]


class Commands:
    """Seals commands for the connection a terminal has now, and gives each reply to who asked for it."""

    def __init__(self) -> None:
        self._pending: dict[tuple[Topics, str], Future[Reply]] = {}
        self._lock = threading.Lock()

    def ask(self, signer: Signer, topics: Topics, status: Status | None, order: Order) -> tuple[Message, Future[Reply]]:
        """Return the message to publish and the future of its reply; LinkError when nobody is there to obey."""
        if status is None:
            raise LinkError(
                f"{topics.site}/{topics.terminal}: no status seen; is the terminal's name right, and its link up?"
            )
        if status.state is not Presence.ONLINE:
            raise LinkError(
                f"{topics.site}/{topics.terminal}: is offline since {status.since}; commands are not kept for later"
            )
        reply: Future[Reply] = Future()
        with self._lock:
            if len(self._pending) >= _MAX_PENDING:
                raise LinkError(f"{_MAX_PENDING} commands wait for a reply already")
            self._pending[topics, order.nonce] = reply
        reply.add_done_callback(lambda _: self._forget(topics, order.nonce))
        return Message(topics.down("commands"), signer.command(order, status, time.time())), reply

    def take_reply(self, topics: Topics, payload: bytes) -> None:
        """Give a reply to who waits for it; LinkError when it is not one. One nobody waits for is ignored."""
        members = parse_object(payload, _MAX_REPLY_BYTES, _MAX_DEPTH)
        nonce, verb, outcome = (members.get(name) for name in ("nonce", "verb", "outcome"))
        reason, result = members.get("reason"), members.get("result", {})
        if not (isinstance(nonce, str) and isinstance(verb, str) and isinstance(outcome, str)):
            raise LinkError("reply lacks 'nonce', 'verb' or 'outcome'")
        if not isinstance(result, dict) or not isinstance(reason, str | None):
            raise LinkError("reply: 'result' is no object, or 'reason' no string")
        with self._lock:
            waiting = self._pending.pop((topics, nonce), None)
        if waiting is not None and waiting.set_running_or_notify_cancel():
            waiting.set_result(Reply(verb, outcome, reason, result))

    def _forget(self, topics: Topics, nonce: str) -> None:
        with self._lock:
            self._pending.pop((topics, nonce), None)
