"""Home Assistant is told of the terminal in the published form, can ask it for nothing, and is told when it is off."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from livegate.report.home_assistant import announcements, withdrawals
from livegate.report.topics import Topics

TOPICS = Topics("lab", "t1")
TEXT = {"type": "string", "minLength": 1}
# Home Assistant, "MQTT", "Discovery payload", "Sensor" and "Binary sensor": the members used here.
SHAPE = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "unique_id": TEXT,
        "qos": {"enum": [0, 1, 2]},
        "state_topic": TEXT,
        "value_template": TEXT,
        "payload_on": TEXT,
        "payload_off": TEXT,
        "device_class": {"enum": ["connectivity", "door"]},
        "entity_category": {"enum": ["diagnostic"]},
        "state_class": {"enum": ["measurement"]},
        "unit_of_measurement": TEXT,
        "availability": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "topic": TEXT,
                    "value_template": TEXT,
                    "payload_available": TEXT,
                    "payload_not_available": TEXT,
                },
                "required": ["topic"],
                "additionalProperties": False,
            },
        },
        "device": {
            "type": "object",
            "properties": {
                "identifiers": {"type": "array", "items": TEXT, "minItems": 1},
                "name": TEXT,
                "manufacturer": TEXT,
                "model": TEXT,
                "sw_version": TEXT,
            },
            "required": ["identifiers"],
            "additionalProperties": False,
        },
        "origin": {
            "type": "object",
            "properties": {"name": TEXT, "sw_version": TEXT},
            "required": ["name"],
            "additionalProperties": False,
        },
    },
    "required": ["name", "unique_id", "state_topic", "value_template", "device", "origin"],
    "additionalProperties": False,
}


def told() -> dict[str, dict[str, Any]]:
    return {m.topic: json.loads(m.payload) for m in announcements(TOPICS, "1.0", ("rgb", "nir"))}


def test_messages_have_the_published_shape_and_command_nothing() -> None:
    messages = told()
    for topic, config in messages.items():
        Draft202012Validator(SHAPE).validate(config)
        prefix, component, node, key, last = topic.split("/")
        assert (prefix, node, last) == ("homeassistant", "livegate_lab_t1", "config")
        assert component in ("sensor", "binary_sensor")
        assert config["unique_id"].endswith(key)
        assert not [member for member in config if "command" in member]
    assert len({config["unique_id"] for config in messages.values()}) == len(messages)
    assert all(message.retain for message in announcements(TOPICS, "1.0", ()))


def test_what_was_announced_can_be_taken_back() -> None:
    gone = list(withdrawals(told()))
    assert {message.topic for message in gone} == set(told())
    assert all(message.payload == b"" and message.retain for message in gone)
