"""What the link says, and that it goes on, where the other end is no good broker."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from livegate.config import Mqtt, Protocol, Terminal, Tls
from livegate.errors import LinkError
from livegate.report.link import Link
from livegate.report.session import Timing
from livegate_tools.demo.broker import EmbeddedBroker
from support.brokers import Embedded, Mosquitto, free_port
from support.streams import MemoryStream
from support.waiting import eventually

TERMINAL = Terminal("lab", "t1", Path("/nowhere"))
QUICK = Timing(keepalive_s=1, connect_s=1.0, answer_s=0.3, backoff_first_s=0.01, backoff_max_s=0.05)


@pytest.fixture
def link_to() -> Iterator[Callable[[Mqtt], Link]]:
    started: list[Link] = []

    def start(mqtt: Mqtt, timing: Timing = QUICK) -> Link:
        link = Link(mqtt, TERMINAL, MemoryStream(), boot_id="boot", timing=timing)
        link.start()
        started.append(link)
        return link

    yield start
    for link in started:
        link.stop(5)


class BadServer:
    """Accepts connections and does with each what it is told; keeps the first bytes each one sent."""

    def __init__(self, answer: Callable[[socket.socket], None]):
        self.received: list[bytes] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(2)
            self._open.append(connection)
            # Who is told to stop does not wait for us.
            with contextlib.suppress(OSError):
                self.received.append(connection.recv(4096))
                self._answer(connection)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            connection.close()

    def versions(self) -> set[int]:
        """Return the protocol levels of the CONNECTs that came, byte 6 of the variable header."""
        return {received[received.index(b"MQTT") + 4] for received in self.received if b"MQTT" in received}


def says(link: Link, *words: str) -> None:
    eventually(lambda: all(word in (link.state().last_error or "") for word in words), f"{words}: {link.state()}")
    assert not link.state().connected


def test_silent_server(link_to) -> None:
    server = BadServer(lambda _: None)
    says(link_to(Mqtt("127.0.0.1", server.port)), "did not answer")
    eventually(lambda: len(server.received) > 2)
    assert server.versions() == {5}
    server.close()


def test_server_that_closes_is_no_reason_for_an_older_version(link_to) -> None:
    server = BadServer(lambda connection: connection.close())
    says(link_to(Mqtt("127.0.0.1", server.port)), "before it answered MQTT 5", "protocol")
    eventually(lambda: len(server.received) > 5)
    assert server.versions() == {5}
    server.close()


def test_only_a_version_refusal_is(link_to) -> None:
    server = BadServer(lambda connection: connection.sendall(bytes((0x20, 2, 0, 1))))
    link = link_to(Mqtt("127.0.0.1", server.port))
    says(link, "not MQTT 3.1.1")
    assert server.versions() == {5, 4}
    server.close()


def test_configured_5_never_falls_back(link_to) -> None:
    server = BadServer(lambda connection: connection.sendall(bytes((0x20, 2, 0, 1))))
    says(link_to(Mqtt("127.0.0.1", server.port, protocol=Protocol.V5)), "does not speak MQTT 5")
    eventually(lambda: len(server.received) > 2)
    assert server.versions() == {5}
    server.close()


GARBAGE = {
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "overlong connack": b"\x20\x7f\x00\x00\xff\xff",
    "unknown reason": b"\x20\x03\x00\x7f\x00",
    "zeros": b"\x00" * 64,
    "short publish": b"\x32\x02\x00\x09",
    "endless length": b"\x20\xff\xff\xff\xff\xff",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_server_that_is_no_broker(link_to, garbage: bytes) -> None:
    server = BadServer(lambda connection: connection.sendall(garbage))
    link = link_to(Mqtt("127.0.0.1", server.port))
    eventually(lambda: len(server.received) > 2)
    says(link, f"broker 127.0.0.1:{server.port}")
    server.close()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("protocol", [Protocol.V5, Protocol.V311])
def test_endless_packet_is_refused_at_its_header(link_to, protocol: Protocol) -> None:
    """A PUBLISH that announces 256 MB, and begins to send them: over 3.1.1 nobody could tell the broker a bound."""
    accepted = bytes((0x20, 3, 0, 0, 0)) if protocol is Protocol.V5 else bytes((0x20, 2, 0, 0))

    def flood(connection: socket.socket) -> None:
        connection.sendall(accepted + b"\x30\xff\xff\xff\x7f")
        for _ in range(2000):
            connection.sendall(b"x" * 65536)

    before = resident_bytes()
    server = BadServer(flood)
    link = link_to(Mqtt("127.0.0.1", server.port, protocol))
    says(link, "sent a packet of 268435455 bytes, at most 262144 are taken")
    link.stop(5)
    server.close()
    assert resident_bytes() - before < 64 * 2**20


def test_half_open_connection_is_given_up_after_the_keepalive(link_to) -> None:
    accepted = bytes((0x20, 3, 0, 0, 0))
    server = BadServer(lambda connection: connection.sendall(accepted))
    link = link_to(Mqtt("127.0.0.1", server.port))
    eventually(lambda: link.state().reconnects)
    server.close()


def test_reason_of_a_disconnect_is_told(link_to) -> None:
    taken_over = bytes((0x20, 3, 0, 0, 0)) + bytes((0xE0, 1, 0x8E))
    server = BadServer(lambda connection: connection.sendall(taken_over))
    says(link_to(Mqtt("127.0.0.1", server.port)), "closed the connection: Session taken over")
    server.close()


def test_nothing_listening(link_to) -> None:
    says(link_to(Mqtt("127.0.0.1", free_port())), "nothing listens there")


def test_name_that_does_not_resolve(link_to) -> None:
    says(link_to(Mqtt("broker.invalid")), "cannot be resolved")


def test_link_goes_on_once_the_broker_is_there(link_to) -> None:
    port = free_port()
    link = link_to(Mqtt("127.0.0.1", port))
    says(link, "nothing listens there")
    with EmbeddedBroker(port):
        eventually(lambda: link.state().connected)
        assert link.state().last_error is None
        link.stop(5)


@pytest.mark.parametrize("kind", [pytest.param("mosquitto", marks=pytest.mark.broker), "embedded"])
def test_wrong_password(kind: str, link_to, tmp_path: Path) -> None:
    # mosquitto refuses everybody once nobody is anonymous and there is no password file.
    broker = Mosquitto(tmp_path, anonymous=False) if kind == "mosquitto" else Embedded({"t1": "right"})
    broker.start()
    password = tmp_path / "password"
    password.write_text("wrong\n")
    link = link_to(Mqtt("127.0.0.1", broker.port, username="t1", password_file=password))
    says(link, "refused the connection", "Not authorized", "password_file")
    link.stop(5)
    broker.kill()


def test_right_password(link_to, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("right\n")
    with EmbeddedBroker(users={"t1": "right"}) as broker:
        link = link_to(Mqtt("127.0.0.1", broker.port, username="t1", password_file=password))
        eventually(lambda: link.state().connected)
        link.stop(5)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"\nsecond"])
def test_password_file_that_is_none(link_to, tmp_path: Path, content: bytes | None) -> None:
    password = tmp_path / "password"
    if content is not None:
        password.write_bytes(content)
    says(link_to(Mqtt("127.0.0.1", free_port(), username="t1", password_file=password)), str(password))


def test_certificates_that_are_none(link_to, tmp_path: Path) -> None:
    says(link_to(Mqtt("127.0.0.1", free_port(), tls=Tls(tmp_path / "ca.pem"))), "ca.pem", "tls 'ca'")
    (tmp_path / "ca.pem").write_text("not PEM")
    says(link_to(Mqtt("127.0.0.1", free_port(), tls=Tls(tmp_path / "ca.pem"))), "ca.pem", "PEM")


def test_stop_does_not_wait_for_a_silent_server(link_to) -> None:
    server = BadServer(lambda _: None)
    link = link_to(Mqtt("127.0.0.1", server.port), Timing(answer_s=600))
    eventually(lambda: server.received)
    link.stop(5)
    assert not link.state().alive
    server.close()


def test_taken_port_is_said() -> None:
    with EmbeddedBroker() as broker, pytest.raises(LinkError, match=f"port {broker.port} on 127.0.0.1 is in use"):
        EmbeddedBroker(broker.port).start()
