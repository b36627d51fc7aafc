"""paho's client with bounds on what it takes from the network: a packet, and how much in one turn.

paho allocates what a packet's header announces, up to 256 MB, and takes three reads for the smallest of packets. Both
are settled where it reads its socket.
"""

from __future__ import annotations

import ssl

from paho.mqtt.client import Client

from livegate.errors import LinkError

MAX_PACKET_BYTES = 256 * 1024
# What one turn takes before the rest of the thread's work has its own: a few milliseconds.
TURN_BYTES = 512 * 1024

_READ_BYTES = 16 * 1024


class PacketTooLong(LinkError):
    """The broker announced a packet longer than we take."""


class BoundedClient(Client):
    """Ends the connection at the header of a packet longer than MAX_PACKET_BYTES, before any of it is kept."""

    _taken = b""
    _at = 0
    _left = TURN_BYTES

    def begin_turn(self) -> None:
        """Allow another TURN_BYTES to be read."""
        self._left = TURN_BYTES

    def has_bytes(self) -> bool:
        """Return whether bytes wait here that no longer make the socket readable."""
        sock = self.socket()
        return self._at < len(self._taken) or (isinstance(sock, ssl.SSLSocket) and sock.pending() > 0)

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
