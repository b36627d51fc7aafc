"""The page: what the terminal sees and decides, served on loopback; nothing comes from elsewhere."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.pipeline import Snapshot
from livegate.types import Role
from livegate_tools.demo.stage import Stage
from livegate_tools.demo.state import page_state

HOST = "127.0.0.1"
PORT = 8470
EVENTS_KEPT = 12
# A page that was told of a picture asks for it a moment later; so long it must still be there.
SNAPSHOTS_KEPT = 20
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
# Depth is shown from a hand's breadth to a room's length.
_NEAR_MM, _FAR_MM = 200, 1300


class Page:
    """Collects what there is to show, and serves it between ``__enter__`` and ``__exit__``."""

    def __init__(self) -> None:
        self._snapshots: deque[Snapshot] = deque(maxlen=SNAPSHOTS_KEPT)
        self._decided: tuple[Snapshot, int] | None = None
        self._events: deque[Mapping[str, Any]] = deque(maxlen=EVENTS_KEPT)
        self._stage: Stage | None = None
        self._server: ThreadingHTTPServer | None = None
        self.address = ""

    def observe(self, snapshot: Snapshot) -> None:
        """Take a turn of the daemon; called in its decision thread."""
        if snapshot.sight is not None or not self._snapshots:
            self._snapshots.append(snapshot)
        if snapshot.decision is not None:
            self._decided = (snapshot, time.monotonic_ns())

    def received(self, event: Mapping[str, Any]) -> None:
        """Take an event that reached the console."""
        self._events.appendleft(event)

    def show(self, stage: Stage) -> None:
        """Say whose state is shown."""
        self._stage = stage

    def __enter__(self) -> Self:
        """Serve, on the usual port if it is free and on any other if not."""
        handler = type("Handler", (_Handler,), {"page": self})
        try:
            self._server = ThreadingHTTPServer((HOST, PORT), handler)
        except OSError:
            self._server = ThreadingHTTPServer((HOST, 0), handler)
        self._server.daemon_threads = True
        self.address = f"http://{HOST}:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, name="page", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def state(self) -> dict[str, Any]:
        """Return all the page shows, as JSON values."""
        newest = self._snapshots[-1] if self._snapshots else None
        return page_state(self._stage, newest, self._decided, tuple(self._events))

    def picture(self, role: Role, captured_ns: int) -> bytes | None:
        """Return the picture of a sensor at that moment as JPEG, or None when there is none, or none any more."""
        sights = [snapshot.sight for snapshot in tuple(self._snapshots) if snapshot.sight is not None]
        found = [sight.frame_set for sight in sights if sight.frame_set.captured_ns == captured_ns]
        image = found[0].image(role) if found else None
        if image is None:
            return None
        shown = _tinted(image) if role is Role.DEPTH else image
        done, encoded = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, 85])
        return encoded.tobytes() if done else None


def _tinted(depth_mm: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Return depth as colours, near to far; black where nothing returned."""
    share = np.clip((depth_mm.astype(np.float32) - _NEAR_MM) / (_FAR_MM - _NEAR_MM), 0, 1)
    near = (255 - share * 255).astype(np.uint8)
    colours = np.asarray(cv2.applyColorMap(near, cv2.COLORMAP_TURBO), dtype=np.uint8)
    colours[depth_mm == 0] = 0
    return colours


class _Handler(BaseHTTPRequestHandler):
    """Answers GET for the three files, the state, and the pictures."""

    page: Page
    timeout = 10

    def do_GET(self) -> None:
        """Serve one request."""
        # A page elsewhere that points a name of its own at this machine sends that name.
        if self.headers.get("Host", "").partition(":")[0] not in (HOST, "localhost"):
            self._send(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"ask for 127.0.0.1\n")
            return
        url = urlsplit(self.path)
        if url.path in _FILES:
            name, kind = _FILES[url.path]
            self._send(HTTPStatus.OK, kind, files("livegate_tools.demo").joinpath("page", name).read_bytes())
        elif url.path == "/state.json":
            self._send(HTTPStatus.OK, "application/json", json.dumps(self.page.state()).encode())
        elif url.path == "/picture.jpg":
            asked = parse_qs(url.query)
            self._picture(asked.get("role", [""])[0], asked.get("t", [""])[0])
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"nothing here; begin at /\n")

    def _picture(self, name: str, captured_ns: str) -> None:
        known = name in list(Role) and captured_ns.isdecimal() and len(captured_ns) < 20
        picture = self.page.picture(Role(name), int(captured_ns)) if known else None
        if picture is None:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"no picture\n")
        else:
            self._send(HTTPStatus.OK, "image/jpeg", picture)

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the terminal's own lines are what people read."""
