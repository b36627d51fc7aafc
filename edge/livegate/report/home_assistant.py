"""Home Assistant, opt-in: retained discovery messages that make it show the terminal. It can ask for nothing.

Form: Home Assistant's MQTT discovery, https://www.home-assistant.io/integrations/mqtt/ ("Discovery messages"), one
message an entity below ``homeassistant/``. Every state comes from the terminal's own topics by a template; no entity
has a command topic. Written to the published form and not tried with a Home Assistant.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from livegate.report.session import Message
from livegate.report.topics import Topics

PREFIX = "homeassistant"


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing shown: what kind it is to Home Assistant, its name, and its own members of the discovery message."""

    component: str
    name: str
    key: str
    members: Mapping[str, Any]


def announcements(topics: Topics, firmware: str, sensors: Iterable[str]) -> Iterator[Message]:
    """Yield the discovery messages of a terminal whose ``sensors`` are roles ("rgb", "nir", ...)."""
    for entity in _entities(topics, sensors):
        yield Message(_topic(topics, entity), json.dumps(_config(topics, firmware, entity)).encode(), retain=True)


def withdrawals(announced: Iterable[str]) -> Iterator[Message]:
    """Yield what removes the entities announced on these topics: an empty retained message in the place of each."""
    for topic in announced:
        yield Message(topic, b"", retain=True)


def _entities(topics: Topics, sensors: Iterable[str]) -> Iterator[Entity]:
    events = {"state_topic": topics.events}
    yield Entity(
        "binary_sensor",
        "Connection",
        "connection",
        {
            "state_topic": topics.status,
            "value_template": "{{ value_json.state }}",
            "payload_on": "online",
            "payload_off": "offline",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
        },
    )
    yield Entity("sensor", "Door", "door", events | {"value_template": _of("door.state", "value_json.data.what.state")})
    outcome = _of("access.attempt", "value_json.data.what.outcome")
    yield Entity("sensor", "Last attempt", "last_attempt", events | {"value_template": outcome})
    reason = _of("access.attempt", "value_json.data.what.reason")
    yield Entity("sensor", "Last reason", "last_reason", events | {"value_template": reason})
    outbox = {
        "state_topic": topics.health,
        "value_template": "{{ value_json.gauges.outbox_unacknowledged_events }}",
        "state_class": "measurement",
        "unit_of_measurement": "events",
        "entity_category": "diagnostic",
    }
    yield Entity("sensor", "Events waiting", "outbox", outbox)
    for role in sensors:
        state = _of("sensor.state", "value_json.data.what.state", f" and value_json.data.what.role == '{role}'")
        members = events | {"value_template": state, "entity_category": "diagnostic"}
        yield Entity("sensor", f"Camera {role}", f"camera_{role}", members)


def _of(kind: str, value: str, more: str = "") -> str:
    """Return a template for one kind of event; any other leaves the state as it is."""
    condition = f"value_json.type == 'io.livegate.{kind}.v1'{more}"
    return f"{{% if {condition} %}}{{{{ {value} }}}}{{% else %}}{{{{ this.state }}}}{{% endif %}}"


def _config(topics: Topics, firmware: str, entity: Entity) -> dict[str, Any]:
    name = f"livegate_{topics.site}_{topics.terminal}"
    device = {
        "identifiers": [name],
        "name": f"Livegate {topics.site} {topics.terminal}",
        "manufacturer": "Livegate",
        "model": "Face access terminal",
        "sw_version": firmware,
    }
    common = {"name": entity.name, "unique_id": f"{name}_{entity.key}", "qos": 1, "device": device}
    if entity.key != "connection":
        common["availability"] = [
            {
                "topic": topics.status,
                "value_template": "{{ value_json.state }}",
                "payload_available": "online",
                "payload_not_available": "offline",
            }
        ]
    return common | {"origin": {"name": "Livegate", "sw_version": firmware}, **entity.members}


def _topic(topics: Topics, entity: Entity) -> str:
    return f"{PREFIX}/{entity.component}/livegate_{topics.site}_{topics.terminal}/{entity.key}/config"
