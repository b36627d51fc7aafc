"""The topics of one terminal, as the contract names them."""

from __future__ import annotations

from dataclasses import dataclass

from livegate.config import Terminal

ROOT = "livegate/v1"


@dataclass(frozen=True, slots=True)
class Topics:
    """Every topic of one terminal; ``+`` as site or terminal makes a subscription filter of them."""

    site: str
    terminal: str

    @classmethod
    def of(cls, terminal: Terminal) -> Topics:
        """Return the topics of a configured terminal."""
        return cls(terminal.site, terminal.id)

    @property
    def status(self) -> str:
        """Retained up: who is online, and the challenge of this connection."""
        return self._under("status")

    @property
    def events(self) -> str:
        """Up: the event stream."""
        return self._under("events")

    @property
    def ack(self) -> str:
        """Down: what the console holds, and what it misses."""
        return self._under("events/ack")

    @property
    def health(self) -> str:
        """Up: gauges and counters."""
        return self._under("health")

    @property
    def replies(self) -> str:
        """Up: what became of commands."""
        return self._under("replies")

    @property
    def twin_reported(self) -> str:
        """Retained up: the settings in force, or why the desired ones are not."""
        return self._under("twin/reported")

    def list_state(self, name: str) -> str:
        """Retained up: which version of the list ``name`` is applied, and which chunk is wanted."""
        return self._under(f"lists/{name}/state")

    def down(self, name: str) -> str:
        """Return the whole topic, or filter, of a message that comes down: "trust/keyset", "lists/+/chunk/+"."""
        return self._under(name)

    def _under(self, name: str) -> str:
        return f"{ROOT}/{self.site}/{self.terminal}/{name}"


def split(topic: str) -> tuple[Topics, str] | None:
    """Return whose topic this is and the name under its prefix ("events/ack"), or None for a topic not ours."""
    parts = topic.split("/", 4)
    if len(parts) != 5 or "/".join(parts[:2]) != ROOT or not all(parts):
        return None
    return Topics(parts[2], parts[3]), parts[4]
