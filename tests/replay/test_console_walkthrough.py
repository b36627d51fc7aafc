"""The walk-through of docs/console.md, block by block as it stands there, against the real daemon and a broker."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from livegate.store import StoreReader
from support.brokers import Embedded, Mosquitto, TestBroker
from support.terminals import write_config
from support.waiting import eventually

PAGE = Path(__file__).parents[2] / "docs" / "console.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(params=[pytest.param(Mosquitto, marks=pytest.mark.broker), Embedded])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TestBroker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    made: TestBroker = Mosquitto(folder) if request.param is Mosquitto else Embedded()
    made.start()
    yield made
    made.kill()


class Shell:
    """One shell in the terminal's folder, in which every block of the page is run, as a technician would."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self._port = port
        # What a block leaves behind in the background is ended with its group.
        self._shell = subprocess.Popen(
            ["bash", "-u"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        python = f"{shlex.quote(sys.executable)} -m livegate.cli"
        self._say(f'livegate() {{ command {python} "$@"; }}')

    def run(self, block: str) -> None:
        """Run ``block`` to its end; fail when its last command does."""
        # The page's broker is where one usually is; this one is not.
        on_port = re.sub(r"(console (?:tail|push \w+|command))", rf"\1 --port {self._port}", block)
        self._say(f"{on_port}\necho done $?")
        assert self._shell.stdout is not None
        said = []
        for line in self._shell.stdout:
            if line.startswith("done "):
                assert line == "done 0\n", f"{block}{''.join(said)}"
                return
            said.append(line)
        raise AssertionError(f"the shell ended in {block}")

    def close(self) -> None:
        os.killpg(self._shell.pid, 15)
        self._shell.communicate(timeout=30)

    def _say(self, text: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(text + "\n")
        self._shell.stdin.flush()


@pytest.fixture
def shell(broker: TestBroker, tmp_path: Path) -> Iterator[Shell]:
    opened = Shell(tmp_path, broker.port)
    yield opened
    opened.close()


def blocks() -> list[tuple[str, str]]:
    """Return the page's blocks, each with its language, but for the Python at its end."""
    return [(kind, text) for kind, text in _BLOCK.findall(PAGE.read_text()) if kind != "python"]


def events(folder: Path) -> list[dict[str, object]]:
    """Return what the console printed so far, the line it is writing left out."""
    path = folder / "events.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def test_every_block_of_the_page_does_what_it_says(shell: Shell, broker: TestBroker) -> None:
    folder = shell.folder
    for kind, text in blocks():
        if kind == "toml":
            write_config(folder, text.replace("1883", str(broker.port)))
            continue
        if "push label" in text:
            eventually(lambda: [event for event in events(folder) if event["type"] == "io.livegate.access.attempt.v1"])
        shell.run(text)
    kinds = {str(event["type"]).removeprefix("io.livegate.").removesuffix(".v1") for event in events(folder)}
    assert {"command.executed", "config.applied", "list.applied", "chain.checkpoint", "door.state"} <= kinds
    assert "message.refused" not in kinds
    with StoreReader(folder / "state") as store:
        eventually(lambda: store.acknowledged_through() == store.last().sequence)
