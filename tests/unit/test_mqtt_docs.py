"""The page docs/mqtt.md and its schemas say what the code says and reads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from livegate.report.acks import Ack, format_ack, parse_ack
from livegate.report.health import format_health, process_measures
from livegate.report.status import Presence, Status, format_status, new_challenge, parse_status

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = dict(re.findall(r"```json (mqtt-\w+)\n(.*?)\n```", (DOCS / "mqtt.md").read_text(), re.DOTALL))
HASH = "0123456789abcdef" * 4
SAID = {
    "mqtt-status": format_status(
        Status(Presence.OFFLINE, "b", new_challenge(), "2026-01-01T00:00:00.000Z", "1", "s", 0)
    ),
    "mqtt-ack": format_ack(Ack("stream", 0, HASH, "console", want=1)),
    "mqtt-health": format_health("boot", process_measures()),
}


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((DOCS / "schemas" / f"{name}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_fits_its_schema(name: str) -> None:
    validator(name).validate(json.loads(SAID[name]))


@pytest.mark.parametrize("name", SAID)
def test_every_message_has_an_example_that_fits(name: str) -> None:
    validator(name).validate(json.loads(EXAMPLES[name]))


def test_examples_are_read() -> None:
    assert parse_ack(EXAMPLES["mqtt-ack"].encode()).through == 42
    assert parse_status(EXAMPLES["mqtt-status"].encode()).state is Presence.ONLINE
