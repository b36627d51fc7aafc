"""A small MQTT 3.1.1 broker in this process, on loopback, for the demonstration and for tests; never for a real door.

amqtt does the work. Three things it does not do are done here. It delivers what it queued for an absent subscriber only
to sessions it does not call anonymous, so a plugin of ours lets people in without that mark. And where a CONNECT of
another MQTT version carries a last will it says nothing at all, where the standard (MQTT 3.1.1, section 3.1.2.2) asks
for a CONNACK with return code 1; so a doorman reads the version before amqtt does. And where a client comes back
before its former connection was noticed to be dead, the end of that one makes amqtt think that the client is away; so
the doorman ends it first.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Self

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

from livegate.errors import LinkError

LOOPBACK = "127.0.0.1"

_LISTENER = "loopback"
_MQTT_311 = 4
_FIRST_PACKET_S = 10.0
_END_S = 5.0
_SETTLE_S = 0.02
_MAX_CONNECT_BYTES = 65_536
_UNACCEPTABLE_VERSION = bytes((0x20, 2, 0, 1))


class EmbeddedBroker:
    """A broker on 127.0.0.1, running between ``with`` and its end. ``port`` 0 takes a free one.

    ``users`` maps names to passwords; empty lets everybody on this machine in. What it holds is lost when it stops.
    """

    def __init__(self, port: int = 0, users: dict[str, str] | None = None):
        self._port = port
        self._users = users or {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._broker: Broker | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: dict[bytes, tuple[asyncio.Task[None], asyncio.StreamWriter]] = {}

    @property
    def port(self) -> int:
        """The port it listens on; the one that was found once started."""
        return self._port

    def start(self) -> None:
        """Listen; raise LinkError when the port is taken."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="broker", daemon=True)
        self._thread.start()
        try:
            self._call(self._start())
        except OSError as exc:
            self._end_loop()
            taken = "is in use" if exc.errno == errno.EADDRINUSE else f"cannot be used ({exc.strerror})"
            raise LinkError(
                f"port {self._port} on {LOOPBACK} {taken}; stop what listens there, or choose another"
            ) from exc

    def stop(self) -> None:
        """End it and every connection. This method is idempotent."""
        if self._loop is None:
            return
        self._call(self._stop())
        self._end_loop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _start(self) -> None:
        for noisy in ("amqtt", "transitions"):
            # They log every connection, and every task that our stop cancels as an error.
            logging.getLogger(noisy).setLevel(logging.CRITICAL)
        plugin = f"{Doorkeeper.__module__}.{Doorkeeper.__qualname__}"
        config = {
            "listeners": {"default": {"type": "external"}, _LISTENER: {"type": "external"}},
            "plugins": {plugin: {"users": self._users}},
        }
        self._server = await asyncio.start_server(self._connected, LOOPBACK, self._port, start_serving=False)
        self._port = self._server.sockets[0].getsockname()[1]
        self._broker = Broker(config, loop=self._loop)
        await self._broker.start()
        await self._server.start_serving()

    async def _stop(self) -> None:
        # amqtt's own shutdown waits for subscribers to take what is queued, which one that is gone never does. All it
        # holds is in this loop, so ending the loop's tasks ends it.
        assert self._server is not None  # noqa: S101 - set before start returned
        self._server.close()
        # asyncio may be in the middle of an accept, and would leave the socket of one that is cancelled open.
        await asyncio.sleep(_SETTLE_S)
        for writer in self._writers:
            writer.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), _END_S)
        await asyncio.sleep(_SETTLE_S)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Noted before any task runs: one that is cancelled before its first step would never close its socket.
        self._writers.add(writer)
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._let_in(reader, writer)
        except (asyncio.CancelledError, TimeoutError, OSError, EOFError):
            pass  # We are stopping, or whoever knocked has gone or says nothing; the others are not disturbed.
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            self._writers.discard(writer)

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None and self._broker is not None  # noqa: S101, PT018 - it starts before anybody is let in
        first = await asyncio.wait_for(_read_connect(reader), _FIRST_PACKET_S)
        version, client_id = _version_and_client(first)
        if version != _MQTT_311:
            writer.write(_UNACCEPTABLE_VERSION)
            await writer.drain()
            return
        former = self._clients.get(client_id)
        self._clients[client_id] = (task, writer)
        if former is not None and not former[0].done():
            former[1].transport.abort()
            await asyncio.wait({former[0]}, timeout=_END_S)
        await self._broker.external_connected(_Replay(reader, first), StreamWriterAdapter(writer), _LISTENER)

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None  # noqa: S101 - only called between start and stop
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    def _end_loop(self) -> None:
        assert self._loop is not None and self._thread is not None  # noqa: S101, PT018 - only called once started
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()
        self._loop = self._thread = None


async def _read_connect(reader: asyncio.StreamReader) -> bytes:
    """Return the whole first packet; raise EOFError when it cannot be a CONNECT of ours."""
    read = await reader.readexactly(2)
    length, shift = read[1] & 0x7F, 7
    while read[-1] & 0x80 and len(read) < 5:
        read += await reader.readexactly(1)
        length |= (read[-1] & 0x7F) << shift
        shift += 7
    if length > _MAX_CONNECT_BYTES:
        raise EOFError
    return read + await reader.readexactly(length)


def _version_and_client(connect: bytes) -> tuple[int, bytes]:
    """Return the protocol version of a CONNECT and its client id, as far as it holds them."""
    at = next((i + 1 for i in range(1, 5) if not connect[i] & 0x80), 5)
    at += 2 + int.from_bytes(connect[at : at + 2])
    version = int.from_bytes(connect[at : at + 1])
    at += 4  # the version, the flags, the keepalive
    return version, connect[at + 2 : at + 2 + int.from_bytes(connect[at : at + 2])]


class _Replay(StreamReaderAdapter):  # type: ignore[misc]  # amqtt ships no types
    """A reader that gives out again what was read ahead."""

    def __init__(self, reader: asyncio.StreamReader, ahead: bytes):
        super().__init__(reader)
        self._ahead = ahead

    async def read(self, n: int = -1) -> bytes:
        given, self._ahead = (self._ahead, b"") if n < 0 else (self._ahead[:n], self._ahead[n:])
        if n < 0 or len(given) < n:
            rest: bytes = await super().read(n if n < 0 else n - len(given))
            given += rest
        return given


class Doorkeeper(BaseAuthPlugin):  # type: ignore[misc]  # amqtt ships no types
    """Lets in those who know a password, or everybody where there are no users, and calls none of them anonymous."""

    async def authenticate(self, *, session: Session) -> bool:
        """Return whether ``session`` may come in."""
        users: dict[str, str] = self._get_config_option("users", {})
        return not users or (session.username in users and users[session.username] == session.password)

    @dataclass
    class Config:
        """What the plugin is configured with."""

        users: dict[str, str] = field(default_factory=dict)
