"""What only a full MQTT 5 broker shows: properties, sessions that last, access lists, TLS."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import paho.mqtt.client as paho
import pytest
from jsonschema import Draft202012Validator
from paho.mqtt.enums import CallbackAPIVersion

from livegate.config import Mqtt, Protocol, Terminal, Tls
from livegate.report.link import Link
from livegate.report.outflow import CONTENT_TYPE
from livegate.report.session import Timing
from livegate.report.topics import Topics
from livegate.report.transport import certificate_measures
from support.brokers import Mosquitto
from support.certificates import Authority
from support.streams import MemoryStream
from support.waiting import eventually

pytestmark = pytest.mark.broker

TOPICS = Topics("lab", "t1")
TERMINAL = Terminal("lab", "t1", Path("/nowhere"))
QUICK = Timing(backoff_first_s=0.02, backoff_max_s=0.1)


@pytest.fixture
def start_broker(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    started: list[Mosquitto] = []

    def start(extra: str = "", *, anonymous: bool = True) -> Mosquitto:
        broker = Mosquitto(tmp_path, extra, anonymous=anonymous)
        broker.start()
        started.append(broker)
        return broker

    yield start
    for broker in started:
        broker.kill()


@pytest.fixture
def start_link() -> Iterator[Callable[..., Link]]:
    started: list[Link] = []

    def start(mqtt: Mqtt, stream: MemoryStream) -> Link:
        link = Link(mqtt, TERMINAL, stream, boot_id="boot", timing=QUICK)
        link.start()
        started.append(link)
        return link

    yield start
    for link in started:
        link.stop(5)


def listen(port: int, version: int) -> tuple[paho.Client, SimpleQueue]:
    """Return a client of another make's defaults that queues what it hears."""
    heard: SimpleQueue = SimpleQueue()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
    client.on_message = lambda _client, _data, message: heard.put(message)
    ready: SimpleQueue = SimpleQueue()
    client.on_subscribe = lambda *_: ready.put(None)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe("livegate/v1/#", 1)
    ready.get(timeout=10)
    return client, heard


def test_event_carries_its_content_type_and_the_stored_bytes(start_broker, start_link) -> None:
    broker = start_broker()
    client, heard = listen(broker.port, paho.MQTTv5)
    stream = MemoryStream()
    stream.commit()
    link = start_link(Mqtt("127.0.0.1", broker.port), stream)
    messages = {message.topic: message for message in (heard.get(timeout=10) for _ in range(3))}
    event = messages[TOPICS.events]
    assert event.properties.ContentType == CONTENT_TYPE
    assert event.payload == stream.unacknowledged(0, 1)[0].body
    assert (event.qos, messages[TOPICS.status].qos, messages[TOPICS.health].qos) == (1, 1, 1)
    assert link.state().protocol is Protocol.V5
    client.disconnect()
    client.loop_stop()


def test_configured_311_is_what_is_spoken(start_broker, start_link) -> None:
    broker = start_broker()
    stream = MemoryStream()
    stream.commit(3)
    link = start_link(Mqtt("127.0.0.1", broker.port, protocol=Protocol.V311), stream)
    eventually(lambda: link.state().sent_through == 3)
    assert link.state().protocol is Protocol.V311


def test_health_names_units(start_broker, start_link) -> None:
    broker = start_broker()
    client, heard = listen(broker.port, paho.MQTTv311)
    start_link(Mqtt("127.0.0.1", broker.port), MemoryStream())
    messages = [heard.get(timeout=10) for _ in range(2)]
    (health,) = [json.loads(m.payload) for m in messages if m.topic == TOPICS.health]
    numbers = {"type": "object", "additionalProperties": {"type": "number"}}
    required = {"time": {"type": "string"}, "boot_id": {"const": "boot"}, "gauges": numbers, "counters": numbers}
    Draft202012Validator({"properties": required, "required": list(required)}).validate(health)
    assert health["gauges"]["process_resident_bytes"] > 1_000_000
    assert all(name.endswith("_total") for name in health["counters"])
    client.disconnect()
    client.loop_stop()


def test_access_list_that_forbids_publishing_is_reported(start_broker, start_link, tmp_path: Path) -> None:
    (tmp_path / "acl").write_text(f"topic readwrite {TOPICS.status}\ntopic read {TOPICS.ack}\n")
    broker = start_broker(f"acl_file {tmp_path / 'acl'}")
    stream = MemoryStream()
    stream.commit()
    link = start_link(Mqtt("127.0.0.1", broker.port), stream)
    eventually(lambda: "does not take livegate/v1/lab/t1/" in (link.state().last_error or ""))
    assert stream.acknowledged_through() == 0


def test_tls_with_client_certificates(start_broker, start_link, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    for name in ("server", "client"):
        authority.issue(name)
    Authority(tmp_path, "other")
    files = f"cafile {tmp_path}/ca.pem\ncertfile {tmp_path}/server.pem\nkeyfile {tmp_path}/server.key\n"
    broker = start_broker(f"{files}require_certificate true\n")
    stream = MemoryStream()
    stream.commit(400)

    def said(host: str, tls: Tls) -> Callable[[], str]:
        link = start_link(Mqtt(host, broker.port, tls=tls), MemoryStream())
        return lambda: link.state().last_error or ""

    whole = Tls(tmp_path / "ca.pem", tmp_path / "client.pem", tmp_path / "client.key")
    stranger = said("127.0.0.1", Tls(tmp_path / "other.pem"))
    eventually(lambda: "its certificate is not accepted" in stranger(), "another authority")
    misnamed = said("localhost", whole)
    eventually(lambda: "its certificate is not accepted" in misnamed(), "another name")
    bare = said("127.0.0.1", Tls(tmp_path / "ca.pem"))
    eventually(bare, "no certificate of our own")
    good = start_link(Mqtt("127.0.0.1", broker.port, tls=whole), stream)
    eventually(lambda: good.state().sent_through == 400)


def tls_broker(
    folder: Path, start_broker: Callable[..., Mosquitto], *, server: int = 2, client: int = 2, more=""
) -> Mqtt:
    """Start a broker with certificates that end in so many days; return how to reach it with the client's."""
    authority = Authority(folder)
    authority.issue("server", days=server)
    authority.issue("client", days=client)
    files = f"cafile {folder}/ca.pem\ncertfile {folder}/server.pem\nkeyfile {folder}/server.key\n"
    broker = start_broker(f"{files}require_certificate true\n{more}\n")
    return Mqtt("127.0.0.1", broker.port, tls=Tls(folder / "ca.pem", folder / "client.pem", folder / "client.key"))


def says(link: Link, *words: str) -> None:
    eventually(lambda: all(word in (link.state().last_error or "") for word in words), f"{words}: {link.state()}")


def test_expired_certificate_of_the_broker_is_named(start_broker, start_link, tmp_path: Path) -> None:
    says(start_link(tls_broker(tmp_path, start_broker, server=-1), MemoryStream()), "its certificate has expired")


def test_expired_certificate_of_ours_is_named(start_broker, start_link, tmp_path: Path) -> None:
    says(start_link(tls_broker(tmp_path, start_broker, client=-1), MemoryStream()), "client.pem expired on")


def test_broker_with_older_tls_is_refused(start_link, tmp_path: Path) -> None:
    Authority(tmp_path).issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                    context.wrap_socket(connection, server_side=True).close()
                except ssl.SSLError:
                    connection.close()
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        for protocol in (Protocol.V311, Protocol.AUTO):
            mqtt = Mqtt("127.0.0.1", listener.getsockname()[1], protocol, tls=Tls(tmp_path / "ca.pem"))
            link = start_link(mqtt, MemoryStream())
            says(link, "speaks no TLS 1.3")
            link.stop(5)
        listener.shutdown(socket.SHUT_RDWR)


def test_broker_that_takes_only_small_packets_is_told_apart(start_broker, start_link) -> None:
    broker = start_broker("max_packet_size 2000\n")
    says(start_link(Mqtt("127.0.0.1", broker.port), MemoryStream()), "at most 2000 bytes", "max_packet_size")


def test_certificates_are_measured(tmp_path: Path) -> None:
    Authority(tmp_path).issue("client", days=1)
    (first_s,) = certificate_measures(Tls(tmp_path / "ca.pem", tmp_path / "client.pem")).values()
    assert 0 < first_s <= 86_400
    Authority(tmp_path).issue("client", days=-1)
    (first_s,) = certificate_measures(Tls(tmp_path / "ca.pem", tmp_path / "client.pem")).values()
    assert first_s < 0
    assert certificate_measures(Tls(tmp_path / "nowhere.pem")) == {}
