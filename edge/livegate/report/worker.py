"""The one MQTT thread: keeps one session alive, and lets a conversation use it."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace
from typing import Protocol as Interface

from livegate.config import Mqtt, Protocol
from livegate.errors import LivegateError
from livegate.priority import step_back
from livegate.report.backoff import Backoff
from livegate.report.session import Happening, Message, Session, Timing, Who, open_session
from livegate.report.waker import Waker

log = logging.getLogger(__name__)

_IDLE_S = 1.0


class Conversation(Interface):
    """What is said over a session; every method is called in the MQTT thread and may raise LivegateError to end it."""

    def will(self) -> Message | None:
        """Return the last will for the next connection; called before each."""

    def opened(self, session: Session) -> None:
        """Begin on a new connection."""

    def happened(self, happening: Happening) -> None:
        """Take what the broker sent."""

    def turn(self, session: Session) -> float:
        """Do what is due, without blocking; return in how many seconds to be called again at the latest."""

    def closing(self, session: Session) -> None:
        """Say what there is to say before an orderly end."""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """Whether there is a session, which MQTT it speaks, what was wrong last, how often it was lost and made again."""

    connected: bool = False
    protocol: Protocol | None = None
    last_error: str | None = None
    reconnects: int = 0
    alive: bool = False
    """The thread runs."""


class Worker:
    """A thread that connects, converses, and after any failure waits and connects again until it is stopped.

    A problem is logged when it changes, not on every try.
    """

    def __init__(self, name: str, mqtt: Mqtt, who: Who, conversation: Conversation, timing: Timing | None = None):
        self._mqtt = mqtt
        self._who = who
        self._conversation = conversation
        self._timing = timing or Timing()
        self._backoff = Backoff(self._timing.backoff_first_s, self._timing.backoff_max_s)
        self._waker = Waker()
        self._stop = threading.Event()
        self._state = WorkerState()
        self._opened_before = False
        self._reported: str | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread; returns at once."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Say goodbye and end; wait at most ``timeout_s``. This method is idempotent."""
        self._stop.set()
        self._waker.wake()
        if self._thread.ident is None:
            self._waker.close()
            return
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.warning("mqtt thread still busy after stop", extra={"timeout_s": timeout_s})

    def wake(self) -> None:
        """Let the conversation take its turn now; never blocks, from any thread."""
        self._waker.wake()

    def state(self) -> WorkerState:
        """Return the newest state."""
        return replace(self._state, alive=self._thread.is_alive())

    def problem(self, text: str) -> None:
        """Report ``text`` unless it is what was reported last; for the MQTT thread only."""
        if text != self._reported:
            log.warning("mqtt: %s", text)
        self._reported = text
        self._set(last_error=text)

    def _run(self) -> None:
        # Reporting may wait, who stands at the door may not.
        step_back()
        try:
            while not self._stop.is_set():
                self._connect_and_serve()
        finally:
            self._set(connected=False)
            self._waker.close()

    def _connect_and_serve(self) -> None:
        try:
            session = open_session(
                self._mqtt, self._who, self._conversation.will(), self._timing, self._waker, self._stop.is_set
            )
        except LivegateError as exc:
            if not self._stop.is_set():
                self.problem(str(exc))
                self._stop.wait(self._backoff.next_s())
            return
        opened_s = time.monotonic()
        self._note_opened(session)
        try:
            self._serve(session)
        except LivegateError as exc:
            self._set(connected=False)
            if time.monotonic() - opened_s >= self._timing.proven_s:
                self._backoff.reset()
                self._reported = None
            self.problem(str(exc))
        finally:
            session.drop()
        self._stop.wait(self._backoff.next_s())

    def _serve(self, session: Session) -> None:
        self._conversation.opened(session)
        while not self._stop.is_set():
            wait_s = self._conversation.turn(session)
            for happening in session.pump(min(wait_s, _IDLE_S)):
                self._conversation.happened(happening)
        self._conversation.closing(session)
        session.close()

    def _note_opened(self, session: Session) -> None:
        log.info("mqtt: connected", extra={"protocol": str(session.protocol), "remembered": session.remembered})
        reconnects = self._state.reconnects + (1 if self._opened_before else 0)
        self._opened_before = True
        self._set(connected=True, protocol=session.protocol, last_error=None, reconnects=reconnects)

    def _set(self, **changes: object) -> None:
        self._state = replace(self._state, **changes)  # type: ignore[arg-type]  # each caller names fields above
