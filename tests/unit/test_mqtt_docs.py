"""The page docs/mqtt.md and its schemas say what the code says and reads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from livegate.events.cloudevents import timestamp
from livegate.report.acks import Ack, format_ack, parse_ack
from livegate.report.down.inbox import handlers
from livegate.report.down.verbs import HELPED, VERBS
from livegate.report.health import format_health, process_measures
from livegate.report.status import Presence, Status, format_status, new_challenge, parse_status
from livegate.store.commands import DoorVerb
from livegate.trust.envelope import EnvelopeType
from livegate.trust.payload import KeyRole
from support.desks import CHALLENGE, Terminal1

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = dict(re.findall(r"```json (mqtt-[\w-]+)\n(.*?)\n```", (DOCS / "mqtt.md").read_text(), re.DOTALL))
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


@pytest.mark.parametrize("name", ["mqtt-reply", "mqtt-twin-reported", "mqtt-list-state"])
def test_answers_have_examples_that_fit(name: str) -> None:
    validator(name).validate(json.loads(EXAMPLES[name]))


def test_what_a_terminal_answers_fits(tmp_path: Path) -> None:
    terminal = Terminal1(tmp_path).trusting()
    terminal.hear("twin/desired", terminal.centre.twin(1, {"decision.max_apcer": 0.5}))
    terminal.hear("twin/desired", b"{")
    terminal.command("list.get")
    terminal.command("nothing")
    terminal.hear("lists/block/manifest", terminal.centre.manifest("block", 1, "0" * 64, 1, 0))
    said = terminal.said()
    for topic, name in (("replies", "reply"), ("twin/reported", "twin-reported"), ("lists/block/state", "list-state")):
        for message in said[topic]:
            validator(f"mqtt-{name}").validate(message)
    terminal.close()


def test_examples_of_what_comes_down_are_taken(tmp_path: Path) -> None:
    terminal = Terminal1(tmp_path).trusting()
    now = {"issued": timestamp(terminal.centre.now_s - 1), "expires": timestamp(terminal.centre.now_s + 60)}
    twin = json.loads(EXAMPLES["mqtt-twin"]) | now
    terminal.hear("twin/desired", terminal.centre.sealed(EnvelopeType.TWIN, KeyRole.TWIN, twin))
    label = json.loads(EXAMPLES["mqtt-label"]) | now
    terminal.hear("labels", terminal.centre.sealed(EnvelopeType.LABEL, KeyRole.LABELS, label))
    command = json.loads(EXAMPLES["mqtt-command"]) | now | {"boot_id": "boot-1", "challenge": CHALLENGE}
    terminal.hear("commands", terminal.centre.sealed(EnvelopeType.COMMAND, KeyRole.COMMANDS, command))
    assert not terminal.refused()
    assert terminal.nudges
    assert terminal.applied[-1].config.decision.max_apcer == 0.02
    terminal.close()


def test_every_topic_and_verb_stands_on_the_page(tmp_path: Path) -> None:
    page = (DOCS / "mqtt.md").read_text()
    terminal = Terminal1(tmp_path)
    for verb in (*VERBS, *HELPED, *DoorVerb):
        assert f"`{verb}`" in page
    for handler in handlers(terminal.desk):
        for topic in handler.topics:
            assert f"topic read livegate/v1/lab/t1/{topic}\n" in page
    terminal.close()


def test_examples_are_read() -> None:
    assert parse_ack(EXAMPLES["mqtt-ack"].encode()).through == 42
    assert parse_status(EXAMPLES["mqtt-status"].encode()).state is Presence.ONLINE
