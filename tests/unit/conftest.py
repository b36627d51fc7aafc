"""Parts of a terminal that several files of tests begin with."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from livegate.lists import CentralLists, Receiver
from support.desks import Terminal1
from support.memory import MEMORY, keeps_stores


@pytest.fixture(autouse=True)
def temporary(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what tests of stores make by themselves lie in memory."""
    if keeps_stores(request.module):
        monkeypatch.setattr(tempfile, "tempdir", str(MEMORY))


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Return a folder of the test's own; in memory where a store lies in it."""
    if not keeps_stores(request.module):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="livegate-test-") as name:
        yield Path(name)


@pytest.fixture
def lists(tmp_path: Path) -> Iterator[CentralLists]:
    opened = CentralLists.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def receiver(lists: CentralLists) -> Iterator[Receiver]:
    begun = Receiver(lists, spare_bytes=0)
    yield begun
    begun.close()


@pytest.fixture
def open_terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal1]]:
    opened: list[Terminal1] = []

    def open_one(**how: Any) -> Terminal1:
        opened.append(Terminal1(tmp_path, **how))
        return opened[-1]

    yield open_one
    for terminal in opened:
        terminal.close()


@pytest.fixture
def terminal(open_terminal: Callable[..., Terminal1]) -> Terminal1:
    return open_terminal().trusting()
