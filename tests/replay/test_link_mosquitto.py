"""What only a full MQTT 5 broker shows: properties, sessions that last, access lists, TLS."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import paho.mqtt.client as paho
import pytest
from jsonschema import Draft202012Validator
from paho.mqtt.enums import CallbackAPIVersion

from livegate.config import Mqtt, Protocol, Terminal, Tls
from livegate.report.link import Link
from livegate.report.sender import CONTENT_TYPE
from livegate.report.session import Timing
from livegate.report.topics import Topics
from support.brokers import Mosquitto
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


def make_certificates(folder: Path) -> None:
    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    ec = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *ec, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=authority")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl("req", *ec, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signing)
    openssl("req", "-x509", *ec, "-keyout", "other.key", "-out", "other.pem", "-days", "2", "-subj", "/CN=other")


def test_tls_with_client_certificates(start_broker, start_link, tmp_path: Path) -> None:
    make_certificates(tmp_path)
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
