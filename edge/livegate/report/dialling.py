"""How a connection to a broker begins: the client as configured, the way there, and what the first answer means."""

from __future__ import annotations

from dataclasses import dataclass

from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, MQTTv5, MQTTv311
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from livegate.config import Mqtt, Protocol
from livegate.errors import LinkError
from livegate.report.transport import expired, read_password, remedy, tls_context, why_unreachable
from livegate.report.wire import MAX_PACKET_BYTES, BoundedClient

SESSION_EXPIRY_S = 7 * 24 * 3600
RECEIVE_MAXIMUM = 32
LEAST_PACKET_BYTES = 24 * 1024
"""A broker that takes no more than less than this cannot carry the largest event."""

_UNSUPPORTED_VERSION = "Unsupported protocol version"


class VersionRefused(LinkError):
    """The broker answered that it does not speak this version of MQTT."""


@dataclass(frozen=True, slots=True)
class Dialling:
    """One try: which broker, in which version of MQTT, under which name, and with how much patience."""

    mqtt: Mqtt
    protocol: Protocol
    client_id: str
    lasting: bool
    """Whether the broker keeps our session while we are away."""
    keepalive_s: int
    connect_s: float

    @property
    def place(self) -> str:
        """The broker, as messages name it."""
        return f"broker {self.mqtt.host}:{self.mqtt.port}"

    def client(self) -> BoundedClient:
        """Return a client that may :meth:`call`; LinkError when password or certificates cannot be read."""
        v5 = self.protocol is Protocol.V5
        clean = None if v5 else not self.lasting
        client = BoundedClient(self.client_id, clean_session=clean, protocol=MQTTv5 if v5 else MQTTv311)
        client.connect_timeout = self.connect_s
        if self.mqtt.username is not None:
            client.username_pw_set(self.mqtt.username, read_password(self.mqtt))
        if self.mqtt.tls is not None:
            client.tls_set_context(tls_context(self.mqtt.tls))
        return client

    def call(self, client: BoundedClient) -> None:
        """Connect ``client`` and send CONNECT; raise LinkError saying what went wrong."""
        properties = None
        if self.protocol is Protocol.V5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_EXPIRY_S if self.lasting else 0
            properties.ReceiveMaximum = RECEIVE_MAXIMUM
            properties.MaximumPacketSize = MAX_PACKET_BYTES
        # Over MQTT 3.1.1 the clean flag was given to the constructor, and paho refuses any other value here.
        clean_start = not self.lasting if properties else MQTT_CLEAN_START_FIRST_ONLY
        try:
            client.connect(
                self.mqtt.host, self.mqtt.port, self.keepalive_s, clean_start=clean_start, properties=properties
            )
        except OSError as exc:
            why = why_unreachable(exc, self.connect_s)
            ours = expired(self.mqtt.tls)
            raise LinkError(f"{self.place}: {why}{f'; {ours}' if ours else ''}") from exc
        except ValueError as exc:
            raise LinkError(f"{self.place}: {exc}; check [mqtt] host and port") from exc

    def check_answer(self, answer: ReasonCode, max_packet_bytes: int) -> None:
        """Raise LinkError, VersionRefused where it is that, unless the broker's ``answer`` lets us go on."""
        if answer.is_failure:
            reason = str(answer)
            if reason == _UNSUPPORTED_VERSION:
                raise VersionRefused(f"{self.place}: does not speak MQTT {self.protocol}; set [mqtt] protocol")
            raise LinkError(f"{self.place}: refused the connection: {reason}{remedy(reason)}")
        if max_packet_bytes < LEAST_PACKET_BYTES:
            raise LinkError(
                f"{self.place}: takes packets of at most {max_packet_bytes} bytes, events need "
                f"{LEAST_PACKET_BYTES}; raise its maximum packet size (mosquitto: max_packet_size)"
            )

    def unanswered(self, error: LinkError) -> LinkError:
        """Return ``error``, which ended the connection before any answer, with what may be behind it."""
        hint = "; if it speaks only 3.1.1, set [mqtt] protocol" if self.protocol is Protocol.V5 else ""
        ours = expired(self.mqtt.tls)
        return LinkError(f"{error}, before it answered MQTT {self.protocol}{f'; {ours}' if ours else hint}")
