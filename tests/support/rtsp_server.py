"""A small RTSP camera: RTSP 1.0 (RFC 2326) with RTP interleaved over TCP, pictures as JPEG (RFC 2435)."""

from __future__ import annotations

import base64
import socket
import struct
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

import cv2
import numpy as np

RUNNING: set[RtspCameraServer] = set()
_PACKET_BYTES = 1200
_SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:track1\r\n"


class RtspCameraServer:
    """Serves a moving picture at ``fps`` to anybody, or to who knows ``login`` ("user:password").

    With ``only`` it sends so many pictures at once and is silent then, until it is stopped.
    """

    def __init__(self, fps: float = 25.0, login: str | None = None, only: int | None = None) -> None:
        self._fps = fps
        self._only = only
        self._login = login
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/live"

    def __enter__(self) -> Self:
        self._thread.start()
        RUNNING.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Cut everybody off."""
        RUNNING.discard(self)
        self._stopping.set()
        self._thread.join(5)
        self._listener.close()

    def _serve(self) -> None:
        viewers = []
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                connection, _ = self._listener.accept()
                viewers.append(threading.Thread(target=self._attend, args=(connection,), daemon=True))
                viewers[-1].start()
        for viewer in viewers:
            viewer.join(5)

    def _attend(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(5)
            while not self._stopping.is_set():
                lines = _request(connection)
                if not lines:
                    return
                method = lines[0].split(" ")[0]
                headers = dict(line.split(": ", 1) for line in lines[1:])
                connection.sendall(self._answer(method, headers))
                if method == "PLAY":
                    self._play(connection)
                    return

    def _answer(self, method: str, headers: dict[str, str]) -> bytes:
        sequence = headers["CSeq"]
        if self._login and method != "OPTIONS":
            known = "Basic " + base64.b64encode(self._login.encode()).decode()
            if headers.get("Authorization") != known:
                asked = 'WWW-Authenticate: Basic realm="cam"'
                return f"RTSP/1.0 401 Unauthorized\r\nCSeq: {sequence}\r\n{asked}\r\n\r\n".encode()
        extra = {
            "OPTIONS": "Public: OPTIONS, DESCRIBE, SETUP, PLAY\r\n\r\n",
            "DESCRIBE": f"Content-Type: application/sdp\r\nContent-Length: {len(_SDP)}\r\n\r\n{_SDP}",
            "SETUP": "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n\r\n",
        }.get(method, "Session: 1\r\n\r\n")
        return f"RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\n{extra}".encode()

    def _play(self, connection: socket.socket) -> None:
        began_s, number, sequence = time.monotonic(), 0, 0
        while not self._stopping.is_set():
            if number == self._only:
                self._stopping.wait()
                return
            for packet in _packets(_jpeg(number), round(number / self._fps * 90_000), sequence):
                connection.sendall(b"$\x00" + struct.pack(">H", len(packet)) + packet)
                sequence += 1
            number += 1
            if self._only is None:
                self._stopping.wait(max(0.0, began_s + number / self._fps - time.monotonic()))


def _request(connection: socket.socket) -> list[str]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(4096)
        if not more:
            return []
        data += more
    return data.decode().split("\r\n\r\n")[0].split("\r\n")


def _jpeg(number: int) -> bytes:
    ramp = np.tile(np.arange(320, dtype=np.uint8)[None, :, None], (240, 1, 3))
    _, data = cv2.imencode(".jpg", np.roll(ramp, 5 * number, axis=1), [cv2.IMWRITE_JPEG_QUALITY, 60])
    return bytes(data)


def _packets(jpeg: bytes, timestamp: int, sequence: int) -> list[bytes]:
    tables, at = b"", 2
    while jpeg[at + 1] != 0xDA:
        length = struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        if jpeg[at + 1] == 0xDB:
            segment = jpeg[at + 4 : at + 2 + length]
            tables += b"".join(segment[i + 1 : i + 65] for i in range(0, len(segment), 65))
        at += 2 + length
    scan = jpeg[at + 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0] :]
    packets = []
    for offset in range(0, len(scan), _PACKET_BYTES):
        last = offset + _PACKET_BYTES >= len(scan)
        header = struct.pack(">BBHII", 0x80, 26 | last << 7, (sequence + len(packets)) % 65536, timestamp, 7)
        header += struct.pack(">I", offset) + bytes((1, 255, 320 // 8, 240 // 8))
        if offset == 0:
            header += struct.pack(">BBH", 0, 0, len(tables)) + tables
        packets.append(header + scan[offset : offset + _PACKET_BYTES])
    return packets
