"""``commands``: what an operator asks of this terminal now, and the reply to each.

A command names this boot and this connection's challenge, so that one that lay somewhere does nothing, and its nonce
works once. What is not authentic gets no reply. Its effect, the memory of its nonce and its event are one transaction;
the door is moved by the decision thread, which tells of it in a transaction of its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from livegate.errors import LinkError, Refusal, StoreError, TrustError
from livegate.events import central
from livegate.report.down.desk import Desk, Opened
from livegate.report.down.refusals import reason_of
from livegate.report.down.verbs import HELPED, VERBS, Done, Result
from livegate.report.helper import Helper
from livegate.report.session import Arrival, Message
from livegate.store.commands import CommandOutcome, DoorVerb, Executed, Pending, submit
from livegate.store.transaction import Transaction
from livegate.store.trusted import take_message
from livegate.trust.challenge import check_challenge
from livegate.trust.envelope import EnvelopeType
from livegate.trust.payload import KeyRole, malformed, text_of

MAX_BYTES = 8 * 1024
MAX_CORRELATION = 128
_MAX_REPLY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Command:
    """An authentic command."""

    verb: str
    nonce: str
    keyid: str
    correlation: str | None
    arguments: Mapping[str, Any]


class CommandHandler:
    """A Handler."""

    topics = ("commands",)
    max_bytes = MAX_BYTES

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._helper: Helper[Command, Result] = Helper("command")
        desk.executed = self.executed

    def take(self, arrival: Arrival, name: str) -> None:  # noqa: ARG002 - it has one topic
        """Carry out the command, or give it to the thread that can, and reply."""
        opened = self._desk.open(arrival, MAX_BYTES, EnvelopeType.COMMAND, KeyRole.COMMANDS)
        command = _command(opened)
        try:
            check_challenge(opened.members, self._desk.identity.boot_id, self._desk.challenge)
            self._carry_out(command, opened)
        except LinkError as exc:
            if reason_of(exc) is not Refusal.REPLAYED:
                self._reply(command, CommandOutcome.REFUSED, reason_of(exc), {"text": str(exc)})
            raise
        except StoreError as exc:
            self._reply(command, CommandOutcome.FAILED, "store", {"text": str(exc)})
            raise

    def opened(self) -> None:
        """The challenge is the desk's."""

    def turn(self) -> bool:
        """Tell of what a helper has finished."""
        for command, result in self._helper.finished():
            with self._desk.store.transaction() as t:
                self._record(t, command, CommandOutcome.DONE)
            self._reply(command, CommandOutcome.DONE, None, result)
        return False

    def executed(self, executed: Executed) -> None:
        """Reply to a command for the door, which the decision thread has told of; from any thread."""
        self._reply(executed.command, executed.outcome, executed.reason, {})

    def _carry_out(self, command: Command, opened: Opened) -> None:
        if command.verb in list(DoorVerb):
            self._submit(command, opened)
        elif command.verb in HELPED:
            self._begin(command, opened)
        elif command.verb in VERBS:
            self._do(command, opened)
        else:
            raise TrustError(Refusal.NOT_ALLOWED, f"command: no verb '{command.verb[:40]}' is known")

    def _submit(self, command: Command, opened: Opened) -> None:
        verb = DoorVerb(command.verb)
        pending = Pending(verb, command.nonce, command.keyid, command.correlation, time.monotonic_ns())
        if command.arguments:
            raise malformed(f"'{verb}' takes no arguments")
        with self._desk.store.transaction() as t:
            floor_s = take_message(t, opened.members)
            if not submit(t, pending):
                raise TrustError(Refusal.FULL, "command: too many wait for the door already")
        self._desk.floor.raise_to(floor_s)
        self._desk.nudge()

    def _begin(self, command: Command, opened: Opened) -> None:
        task = HELPED[command.verb](self._desk, command.arguments)
        if self._helper.busy():
            raise TrustError(Refusal.FULL, f"command: '{command.verb}' waits for the one before to end")
        with self._desk.store.transaction() as t:
            floor_s = take_message(t, opened.members)
        self._desk.floor.raise_to(floor_s)
        self._helper.begin(command, task)

    def _do(self, command: Command, opened: Opened) -> None:
        with self._desk.store.transaction() as t:
            floor_s = take_message(t, opened.members)
            done: Done = VERBS[command.verb](self._desk, t, command.arguments)
            self._record(t, command, CommandOutcome.DONE)
        self._desk.floor.raise_to(floor_s)
        if done.after is not None:
            done.after()
        self._reply(command, CommandOutcome.DONE, None, done.result)

    @staticmethod
    def _record(t: Transaction, command: Command, outcome: CommandOutcome) -> None:
        t.enqueue(central.command_executed(command, outcome, t.opened, t.context.environment))

    def _reply(
        self, command: central.Ordered, outcome: CommandOutcome, reason: str | None, result: Mapping[str, Any]
    ) -> None:
        self._desk.counts[f"commands_{outcome}_total"] += 1
        members = {
            "correlation": command.correlation,
            "nonce": command.nonce,
            "verb": command.verb[:40],
            "outcome": outcome,
            "reason": reason,
            "result": result,
        }
        body = json.dumps(members, separators=(",", ":"), default=str).encode()
        if len(body) > _MAX_REPLY_BYTES:
            body = json.dumps(members | {"result": {"text": "too long to send"}}, separators=(",", ":")).encode()
        correlation = None if command.correlation is None else command.correlation.encode()
        self._desk.outbox.reply(Message(self._desk.topics.replies, body, correlation=correlation))


def _command(opened: Opened) -> Command:
    members = opened.members
    verb, correlation, arguments = text_of(members, "verb"), members.get("correlation"), members.get("arguments", {})
    if correlation is not None and not (
        isinstance(correlation, str) and len(correlation) <= MAX_CORRELATION and correlation.isprintable()
    ):
        raise malformed(f"'correlation' is not a printable string of at most {MAX_CORRELATION} characters")
    if not isinstance(arguments, dict):
        raise malformed("'arguments' is not an object")
    return Command(verb, members["nonce"], opened.envelope.keyid, correlation, arguments)


def handler(desk: Desk) -> CommandHandler:
    """Return the handler of commands."""
    return CommandHandler(desk)
