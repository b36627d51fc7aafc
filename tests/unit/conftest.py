"""Parts of a terminal that several files of tests begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from livegate.lists import CentralLists, Receiver
from support.desks import Terminal1


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
