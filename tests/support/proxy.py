"""A TCP proxy that treats a connection as networks do: slow, cut in the middle of a packet, silent, or reset."""

from __future__ import annotations

import enum
import random
import selectors
import socket
import struct
import threading
import time


class Weather(enum.Enum):
    """What becomes of the bytes."""

    FAIR = "fair"
    SLOW = "slow"
    """In pieces of at most 7 bytes, 1 ms apart."""
    SILENT = "silent"
    """Nothing passes in either direction, and nothing says so."""


_PIECE_BYTES = 7
_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Passes loopback connections on to ``target_port``; ``weather`` may be changed while it runs."""

    def __init__(self, target_port: int):
        self.weather = Weather.FAIR
        self.connections = 0
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self, after_bytes: int = 0) -> None:
        """End every connection with a TCP reset; ``after_bytes`` of what comes next from the broker still pass."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for near, far in pairs:
            if after_bytes:
                _pass_some(far, near, after_bytes)
            for end in (near, far):
                _reset(end)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target_port), timeout=2)
            except OSError:
                near.close()
                continue
            self.connections += 1
            with self._lock:
                self._pairs.append((near, far))
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            try:
                while self._carry_once(selector):
                    pass
            except (OSError, ValueError):
                pass
        # One end is gone; a half of a connection helps nobody.
        near.close()
        far.close()

    def _carry_once(self, selector: selectors.BaseSelector) -> bool:
        if self.weather is Weather.SILENT:
            time.sleep(0.01)
            return True
        for key, _ in selector.select(0.05):
            source, sink = key.fileobj, key.data
            assert isinstance(source, socket.socket)
            data = source.recv(_PIECE_BYTES if self.weather is Weather.SLOW else 65536)
            if not data:
                return False
            sink.sendall(data)
            if self.weather is Weather.SLOW:
                time.sleep(0.001)
        return True


def _pass_some(far: socket.socket, near: socket.socket, count: int) -> None:
    try:
        far.settimeout(0.05)
        near.sendall(far.recv(random.randint(1, count)))
    except OSError:
        pass


def _reset(end: socket.socket) -> None:
    try:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        end.shutdown(socket.SHUT_RD)
        end.close()
    except OSError:
        pass
