"""paho's client with bounds on what it takes from the network, and a quick way out for many messages.

paho allocates what a packet's header announces, up to 256 MB, takes three reads for the smallest of packets, and spends
more on a message's properties than the rest of sending it costs. All three are settled where it meets its socket; its
own queue of messages is not used, since the sender keeps one.
"""

from __future__ import annotations

import ssl
import struct
from typing import Literal

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MessageType, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from livegate.errors import LinkError

MAX_PACKET_BYTES = 256 * 1024
# What one turn takes before the rest of the thread's work has its own: a few milliseconds.
TURN_BYTES = 512 * 1024

_READ_BYTES = 16 * 1024
_QOS_1 = 0x02
_RETAIN = 0x01
_CONTENT_TYPE = 0x03
_CORRELATION = 0x09
_FAILURE = 0x80


class PacketTooLong(LinkError):
    """The broker announced a packet longer than we take."""


class BoundedClient(Client):
    """Ends the connection at the header of a packet longer than MAX_PACKET_BYTES, before any of it is kept."""

    def __init__(self, client_id: str, *, clean_session: bool | None, protocol: MQTTProtocolVersion) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=clean_session,
            protocol=protocol,
            reconnect_on_failure=False,
        )
        self._taken, self._at = b"", 0
        self._left = TURN_BYTES
        self._batch = bytearray()
        self._pubacks: list[tuple[int, str | None]] = []

    def begin_turn(self) -> None:
        """Allow another TURN_BYTES to be read."""
        self._left = TURN_BYTES

    def has_bytes(self) -> bool:
        """Return whether bytes wait here that no longer make the socket readable."""
        sock = self.socket()
        return self._at < len(self._taken) or (isinstance(sock, ssl.SSLSocket) and sock.pending() > 0)

    def pubacks(self) -> list[tuple[int, str | None]]:
        """Return and forget the messages the broker answered, each with why it did not take it, None when it did."""
        found, self._pubacks = self._pubacks, []
        return found

    def add(self, topic: str, payload: bytes, properties: bytes, *, retain: bool) -> int:
        """Put a message of QoS 1 behind those waiting for :meth:`send` and return its number.

        ``properties`` are MQTT 5's as :func:`packed` makes them; 3.1.1 has none.
        """
        mid = self._mid_generate()
        name = topic.encode()
        head = struct.pack("!H", len(name)) + name + struct.pack("!H", mid)
        if self._protocol == MQTTProtocolVersion.MQTTv5:
            head += properties
        self._batch.append(MessageType.PUBLISH | _QOS_1 | (_RETAIN if retain else 0))
        self._batch += _varint(len(head) + len(payload)) + head
        self._batch += payload
        return mid

    def send(self) -> MQTTErrorCode:
        """Give the operating system what was added, or as much of it as it takes now."""
        if not self._batch:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        batch, self._batch = self._batch, bytearray()
        return self._packet_queue(MessageType.PUBLISH, batch, 0, 1)

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        if cmd != "PUBACK" or len(packet) < 2:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        (mid,) = struct.unpack_from("!H", packet)
        code = packet[2] if len(packet) > 2 else 0
        refusal = str(ReasonCode(PacketTypes.PUBACK, identifier=code)) if code >= _FAILURE else None
        self._pubacks.append((mid, refusal))
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > MAX_PACKET_BYTES:
            raise PacketTooLong(f"sent a packet of {bufsize} bytes, at most {MAX_PACKET_BYTES} are taken")
        if self._left <= 0:
            raise BlockingIOError
        if self._at >= len(self._taken):
            self._taken, self._at = super()._sock_recv(_READ_BYTES), 0
        part = self._taken[self._at : self._at + bufsize]
        self._at += len(part)
        self._left -= len(part)
        return part


def packed(content_type: str | None, correlation: bytes | None) -> bytes:
    """Return the properties of a message as MQTT 5 writes them (section 2.2.2)."""
    properties = b""
    if content_type is not None:
        text = content_type.encode()
        properties += struct.pack("!BH", _CONTENT_TYPE, len(text)) + text
    if correlation is not None:
        properties += struct.pack("!BH", _CORRELATION, len(correlation)) + correlation
    return _varint(len(properties)) + properties


def _varint(number: int) -> bytes:
    """Return ``number`` as a variable byte integer (MQTT 5, section 1.5.5)."""
    encoded = bytearray()
    while True:
        number, low = divmod(number, 128)
        encoded.append(low | (0x80 if number else 0))
        if not number:
            return bytes(encoded)
