"""What the centre orders at the door: taken out of the store and told of in one transaction, and only then done.

So a crash at any point loses an order, and never repeats one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from livegate.errors import DeviceLost, StoreError
from livegate.events import central
from livegate.gate.door import Door
from livegate.gate.facts import Clock
from livegate.notices import Notices
from livegate.seldom import Seldom
from livegate.store.commands import (
    CommandOutcome,
    DoorVerb,
    Executed,
    Pending,
    door_locked,
    lock_door,
    take_pending,
)
from livegate.store.lost import accept_loss, memory_lost
from livegate.store.store import Store
from livegate.store.transaction import Transaction

log = logging.getLogger(__name__)


class Orders:
    """Carries out what waits for the door. Only the decision thread calls it, but for ``nudge``."""

    def __init__(self, store: Store, door: Door, notices: Notices, executed: Callable[[Executed], None]) -> None:
        """``executed`` is told what became of each order, after the door; it must not block."""
        self._store = store
        self._door = door
        self._notices = notices
        self._executed = executed
        self._waiting = threading.Event()
        self._seldom = Seldom()

    def nudge(self) -> None:
        """Say that an order was committed; from any thread. Without it no turn looks into the store."""
        self._waiting.set()

    def carry_out(self, now: Clock, pulse_ms: int) -> bool:
        """Do what waits; return whether anything was committed. What cannot be committed is not done, and tried again.

        An order that waited too long meanwhile is dropped: whoever it was for has gone.
        """
        if not self._waiting.is_set():
            return False
        self._waiting.clear()
        try:
            with self._store.transaction() as transaction:
                told = [self._told(transaction, order, now) for order in take_pending(transaction)]
        except StoreError as exc:
            if times := self._seldom.due(type(exc).__name__, now.monotonic_ns):
                log.error("orders for the door not committed", extra={"error": str(exc), "times": times})  # noqa: TRY400
            self._waiting.set()
            return False
        for executed, sequence in told:
            self._executed(self._moved(executed, sequence, now, pulse_ms))
        return bool(told)

    def _told(self, transaction: Transaction, order: Pending, now: Clock) -> tuple[Executed, int]:
        executed = _judged(transaction, order, now)
        if executed.outcome is CommandOutcome.DONE and order.verb is not DoorVerb.PULSE:
            lock_door(transaction, order.nonce, locked=order.verb is DoorVerb.LOCK)
        if executed.outcome is CommandOutcome.DONE and order.verb is DoorVerb.RELEASE:
            accept_loss(transaction)
        return executed, self._tell(transaction, executed, now)

    def _moved(self, executed: Executed, sequence: int, now: Clock, pulse_ms: int) -> Executed:
        """Move the door where that was ordered; return what became of the order."""
        log.info(
            "order",
            extra={"verb": str(executed.command.verb), "outcome": str(executed.outcome), "sequence": sequence},
        )
        if executed.outcome is not CommandOutcome.DONE or executed.command.verb is not DoorVerb.PULSE:
            return executed
        self._notices.opening(sequence)
        try:
            self._door.pulse(pulse_ms)
        except DeviceLost as exc:
            log.error("door did not answer, supposed locked", extra={"error": str(exc)})  # noqa: TRY400
            return self._failed(replace(executed, outcome=CommandOutcome.FAILED, reason="door_lost"), now)
        return executed

    def _failed(self, executed: Executed, now: Clock) -> Executed:
        """Tell that what was told as done did not happen."""
        try:
            with self._store.transaction() as transaction:
                self._tell(transaction, executed, now)
        except StoreError as exc:
            log.error("event not stored", extra={"error": str(exc)})  # noqa: TRY400
        return executed

    def _tell(self, transaction: Transaction, executed: Executed, now: Clock) -> int:
        event = central.command_executed(
            executed.command, executed.outcome, now, self._notices.environment, reason=executed.reason
        )
        return transaction.enqueue(event).sequence


def _judged(transaction: Transaction, order: Pending, now: Clock) -> Executed:
    if order.overdue(now.monotonic_ns):
        return Executed(order, CommandOutcome.DROPPED, "late")
    if order.verb is DoorVerb.PULSE and door_locked(transaction.connection):
        return Executed(order, CommandOutcome.REFUSED, "door_locked")
    if order.verb is DoorVerb.PULSE and memory_lost(transaction.connection):
        return Executed(order, CommandOutcome.REFUSED, "memory_lost")
    return Executed(order, CommandOutcome.DONE)
