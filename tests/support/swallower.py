"""A broker that answers for what it then forgets: a proxy that confirms publications (PUBACK) and drops them."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Callable

_PUBLISH, _QOS1, _PUBACK = 3, 1, 0x40


class Swallower:
    """Passes loopback connections on to ``target_port``, packet by packet.

    Of the publications with QoS 1 whose topic ``hungry`` agrees to, it confirms and drops the share ``appetite``.
    """

    def __init__(self, target_port: int, hungry: Callable[[str], bool], seed: int = 0):
        self.appetite = 0.0
        self.swallowed = 0
        self._hungry = hungry
        self._chance = random.Random(seed)
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._open:
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target_port), timeout=2)
            except OSError:
                return
            far.settimeout(None)
            self._open += [near, far]
            # Both directions may write to the terminal.
            lock = threading.Lock()
            threading.Thread(target=self._carry, args=(near, far, lock, True), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, lock, False), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, lock: threading.Lock, up: bool) -> None:
        try:
            with source.makefile("rb") as stream:
                while packet := _packet(stream.read):
                    answer = self._confirmed(packet) if up else None
                    if answer is not None:
                        with lock:
                            source.sendall(answer)
                    elif up:
                        sink.sendall(packet)
                    else:
                        with lock:
                            sink.sendall(packet)
        except (OSError, ValueError):
            pass
        source.close()
        sink.close()

    def _confirmed(self, packet: bytes) -> bytes | None:
        """Return the PUBACK of a publication that goes no further, None for a packet that does."""
        if packet[0] >> 4 != _PUBLISH or packet[0] >> 1 & 3 != _QOS1:
            return None
        start = next(at for at in range(1, 5) if not packet[at] & 0x80) + 1
        (length,) = struct.unpack_from(">H", packet, start)
        topic = packet[start + 2 : start + 2 + length].decode()
        if not self._hungry(topic) or self._chance.random() >= self.appetite:
            return None
        self.swallowed += 1
        return bytes([_PUBACK, 2]) + packet[start + 2 + length : start + 4 + length]


def _packet(read: Callable[[int], bytes]) -> bytes:
    """Return the next whole MQTT packet, nothing at the end."""
    head = read(1)
    length = shift = 0
    while head and (byte := read(1)):
        head += byte
        length |= (byte[0] & 0x7F) << shift
        shift += 7
        if not byte[0] & 0x80:
            return head + read(length)
    return b""
