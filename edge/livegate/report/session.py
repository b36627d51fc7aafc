"""One connection to a broker, from CONNECT to its end, over paho-mqtt.

All of it runs in the thread that opened it: paho's own thread is not used, because the thread that publishes must
also be the one that reads the store, resends, and decides when a silent broker is dead. What paho and the operating
system raise is translated here, once, into LinkError with a sentence.

``auto`` tries MQTT 5 on every connect and 3.1.1 only when the broker answers with an unsupported-version CONNACK.
A connection that is merely closed or not answered proves nothing about versions, and somebody in the path could close
it at will, so then the error says what to configure instead.
"""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from paho.mqtt.client import (
    Client,
    ConnectFlags,
    DisconnectFlags,
    MQTTMessage,
)
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import MQTTException, Properties  # type: ignore[attr-defined]  # 2.1 has its own there
from paho.mqtt.reasoncodes import ReasonCode

from livegate.config import Mqtt, Protocol
from livegate.errors import LinkError
from livegate.report.dialling import RECEIVE_MAXIMUM, Dialling, VersionRefused
from livegate.report.waker import Waker
from livegate.report.wire import MAX_PACKET_BYTES, BoundedClient, PacketTooLong, packed

MAX_IN_FLIGHT = 128
_READS_A_PUMP = 256

# What paho raises while it reads bytes that are not MQTT.
_NOT_MQTT = (MQTTException, ValueError, IndexError, KeyError, TypeError, AttributeError, struct.error)


@dataclass(frozen=True, slots=True)
class Timing:
    """Bounds on every wait of a connection, in seconds."""

    keepalive_s: int = 20
    connect_s: float = 5.0
    answer_s: float = 10.0
    backoff_first_s: float = 0.5
    backoff_max_s: float = 60.0
    proven_s: float = 10.0
    """A connection that lasted this long resets the backoff."""


@dataclass(frozen=True, slots=True)
class Who:
    """Under which client id, and whether the broker keeps a session for it while it is away."""

    client_id: str
    lasting: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    """Something to publish at QoS 1; ``content_type`` and ``correlation`` travel only in MQTT 5."""

    topic: str
    payload: bytes
    retain: bool = False
    content_type: str | None = None
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message from the broker; nothing in it is trusted."""

    topic: str
    payload: bytes
    correlation: bytes | None = None
    """MQTT 5's correlation data."""


@dataclass(frozen=True, slots=True)
class Puback:
    """The broker answered message ``mid``; ``refusal`` says why it did not take it, None when it did."""

    mid: int
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The broker answered a subscription; ``refusal`` says why it did not grant it."""

    refusal: str | None


Happening = Arrival | Puback | Subscribed


def open_session(
    mqtt: Mqtt, who: Who, will: Message | None, timing: Timing, waker: Waker, stopping: Callable[[], bool]
) -> Session:
    """Connect as the configuration says and return the session; raise LinkError when that cannot be done.

    Blocks for at most connect_s (name, TCP and TLS) and then answer_s; ``stopping`` ends the second wait early.
    """
    versions = (Protocol.V5, Protocol.V311) if mqtt.protocol is Protocol.AUTO else (mqtt.protocol,)
    for version in versions[:-1]:
        try:
            return _opened(Session(mqtt, version, who, will, timing, waker), stopping)
        except VersionRefused:
            continue
    return _opened(Session(mqtt, versions[-1], who, will, timing, waker), stopping)


def _opened(session: Session, stopping: Callable[[], bool]) -> Session:
    try:
        session.connect(stopping)
    except BaseException:
        session.drop()
        raise
    return session


class Session:
    """One connection. Not thread-safe; every method belongs to the thread that called :meth:`connect`."""

    def __init__(self, mqtt: Mqtt, version: Protocol, who: Who, will: Message | None, timing: Timing, waker: Waker):
        self.protocol = version
        self.remembered = False
        """The broker still had this client's session: its subscriptions, and what it had taken."""
        self.receive_maximum = RECEIVE_MAXIMUM
        self.max_packet_bytes = MAX_PACKET_BYTES
        """The longest packet the broker takes."""
        self._dialling = Dialling(
            mqtt, version, who.client_id, who.lasting, keepalive_s=timing.keepalive_s, connect_s=timing.connect_s
        )
        self._place = self._dialling.place
        self._timing = timing
        self._waker = waker
        self._happened: deque[Happening] = deque()
        self._answer: ReasonCode | None = None
        self._ended: str | None = None
        self._client = self._make_client(will)
        self._selector = selectors.DefaultSelector()

    def connect(self, stopping: Callable[[], bool]) -> None:
        """Connect and wait for the broker's answer; raise LinkError saying what went wrong."""
        self._dialling.call(self._client)
        self._selector.register(self._require_socket(), selectors.EVENT_READ)
        self._selector.register(self._waker, selectors.EVENT_READ)
        self._await_answer(stopping)

    def publish(self, message: Message) -> int:
        """Send ``message`` at QoS 1 with the next pump and return its number, which its Puback will carry."""
        properties = packed(message.content_type, message.correlation)
        return self._client.add(message.topic, message.payload, properties, retain=message.retain)

    def subscribe(self, *topics: str) -> None:
        """Ask for ``topics`` at QoS 1; a Subscribed follows."""
        rc, _ = self._client.subscribe([(topic, 1) for topic in topics])
        self._check(rc)

    def pump(self, timeout_s: float) -> list[Happening]:
        """Move bytes both ways for at most ``timeout_s``, return what happened; raise LinkError once it has ended.

        Returns early when anything arrives or the waker is called.
        """
        sock = self._require_socket()
        self._check(self._client.send())
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._client.want_write() else 0)
        if self._selector.get_key(sock).events != wanted:
            self._selector.modify(sock, wanted)
        buffered = self._client.has_bytes()
        ready = {key.fileobj: mask for key, mask in self._selector.select(0 if buffered else max(0.0, timeout_s))}
        self._waker.clear()
        mask = ready.get(sock, 0)
        try:
            if buffered or mask & selectors.EVENT_READ:
                self._read()
            if mask & selectors.EVENT_WRITE:
                self._check(self._client.loop_write())
            self._check(self._client.loop_misc())
        except PacketTooLong as exc:
            raise LinkError(f"{self._place}: {exc}") from exc
        except _NOT_MQTT as exc:
            raise LinkError(f"{self._place}: sent bytes that are not MQTT ({exc}); is it a broker?") from exc
        happened: list[Happening] = [Puback(*puback) for puback in self._client.pubacks()]
        happened += self._happened
        self._happened.clear()
        return happened

    def close(self) -> None:
        """Say goodbye, so that the last will is not published; wait at most a second for what is still unsent."""
        deadline_s = time.monotonic() + 1.0
        try:
            self._check(self._client.send())
            while self._client.want_write() and time.monotonic() < deadline_s:
                self.pump(0.1)
            self._client.disconnect()
            while self._client.socket() is not None and time.monotonic() < deadline_s:
                self.pump(0.1)
        except LinkError:
            pass  # It has ended, which is what was wanted.
        self.drop()

    def drop(self) -> None:
        """Let go of the socket without a word. This method is idempotent."""
        self._selector.close()
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _make_client(self, will: Message | None) -> BoundedClient:
        client = self._dialling.client()
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        if will is not None:
            client.will_set(will.topic, will.payload, 1, will.retain)
        return client

    def _await_answer(self, stopping: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + self._timing.answer_s
        while self._answer is None:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise LinkError(f"{self._place}: took the connection but did not answer in {self._timing.answer_s:g} s")
            if stopping():
                raise LinkError(f"{self._place}: stopped before it answered")
            self._pump_before_answer(min(left_s, 0.5))
        self._dialling.check_answer(self._answer, self.max_packet_bytes)

    def _pump_before_answer(self, timeout_s: float) -> None:
        try:
            self.pump(timeout_s)
        except LinkError as exc:
            # A refusal closes the connection right behind the answer.
            if self._answer is None:
                raise self._dialling.unanswered(exc) from exc

    def _read(self) -> None:
        """Read while that brings anything, for paho reads one packet at a time."""
        self._client.begin_turn()
        for _ in range(_READS_A_PUMP):
            self._check(self._client.loop_read())
            if not self._client.has_bytes():
                return

    def _require_socket(self) -> socket.socket:
        sock = self._client.socket()
        if sock is None:
            raise LinkError(f"{self._place}: {self._ended or 'connection lost'}")
        assert isinstance(sock, socket.socket)  # noqa: S101 - websockets are not configured
        return sock

    def _check(self, rc: MQTTErrorCode) -> None:
        if rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkError(f"{self._place}: {self._ended or 'connection lost'}")

    def _on_connect(
        self, _: Client, __: object, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self._answer = reason
        self.remembered = flags.session_present
        most = MAX_IN_FLIGHT if self.protocol is Protocol.V5 else RECEIVE_MAXIMUM
        self.receive_maximum = max(1, min(most, getattr(properties, "ReceiveMaximum", most)))
        self.max_packet_bytes = min(MAX_PACKET_BYTES, getattr(properties, "MaximumPacketSize", MAX_PACKET_BYTES))

    def _on_disconnect(self, _: Client, __: object, flags: DisconnectFlags, reason: ReasonCode, ___: object) -> None:
        if flags.is_disconnect_packet_from_server:
            self._ended = f"closed the connection: {reason}"
        elif str(reason) == "Keep alive timeout":
            self._ended = f"silent for longer than the keepalive of {self._timing.keepalive_s} s"
        elif str(reason) == "Protocol error":
            self._ended = f"answered with something that is not MQTT {self.protocol}"

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        correlation = getattr(message.properties, "CorrelationData", None)
        self._happened.append(Arrival(topic, bytes(message.payload), correlation))

    def _on_subscribe(self, _: Client, __: object, ___: int, reasons: list[ReasonCode], ____: object) -> None:
        refusals = [str(reason) for reason in reasons if reason.is_failure]
        self._happened.append(Subscribed(refusals[0] if refusals else None))
