from __future__ import annotations

import pytest

from livegate.config import AntiPassBack, PassBack
from livegate.gate.facts import Presence
from livegate.gate.pass_back import is_inside, refuses

S = 1_000_000_000


@pytest.mark.parametrize(
    ("mode", "presence", "inside", "refused"),
    [
        (PassBack.OFF, Presence(True, 0), False, False),
        (PassBack.SOFT, Presence(True, 0), True, False),
        (PassBack.SOFT, Presence(False, 0), False, False),
        (PassBack.HARD, Presence(True, 10**18), True, True),
        (PassBack.HARD, Presence(False, 0), False, False),
        (PassBack.HARD, None, False, False),
        (PassBack.TIMED, Presence(True, 599 * S), True, True),
        (PassBack.TIMED, Presence(True, 600 * S), False, False),
        (PassBack.TIMED, Presence(False, 0), False, False),
        (PassBack.TIMED, None, False, False),
    ],
)
def test_who_is_inside(mode: PassBack, presence: Presence | None, inside: bool, refused: bool) -> None:
    rule = AntiPassBack(mode, 600.0)
    assert is_inside(rule, presence) is inside
    assert refuses(rule, presence) is refused
