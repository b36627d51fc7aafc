"""Anti-pass-back: a credential that is in comes in again only after it has left.

It stops one card from being handed back through a window to let a second person in. What is not known counts as out: a
credential never seen, or forgotten since, comes in.
"""

from __future__ import annotations

from livegate.config import AntiPassBack, PassBack
from livegate.gate.facts import Presence

_NS_PER_S = 1_000_000_000


def is_inside(rule: AntiPassBack, presence: Presence | None) -> bool:
    """Return whether ``rule`` still takes the credential for inside; ``timed`` forgets after ``reset_s``."""
    if rule.mode is PassBack.OFF or presence is None or not presence.inside:
        return False
    return rule.mode is not PassBack.TIMED or presence.age_ns < rule.reset_s * _NS_PER_S


def refuses(rule: AntiPassBack, presence: Presence | None) -> bool:
    """Return whether ``rule`` keeps the credential out; ``soft`` only has it told."""
    return rule.mode is not PassBack.SOFT and is_inside(rule, presence)
