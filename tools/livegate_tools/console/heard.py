"""What terminals last said beside their events: who is online, how they fare, what they applied. Bounded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from livegate.errors import LinkError
from livegate.report.status import Presence, Status, parse_status
from livegate.report.topics import Topics
from livegate.untrusted import parse_object

MAX_TERMINALS = 10_000
_MAX_BYTES = 32_768
_MAX_STATE_BYTES = 4_096
_MAX_DEPTH = 8
_NAME = re.compile(r"[a-z0-9-]{1,22}")

Said = Mapping[str, Any]


def check_terminal(topics: Topics) -> None:
    """Raise LinkError for a site or terminal that cannot be one."""
    if not (_NAME.fullmatch(topics.site) and _NAME.fullmatch(topics.terminal)):
        raise LinkError("topic names a site or terminal that cannot be one")


class Heard:
    """The newest word of every terminal on each topic; what it says is checked in form and not believed."""

    def __init__(self) -> None:
        self.statuses: dict[Topics, Status] = {}
        self.health: dict[Topics, Said] = {}
        self.twins: dict[Topics, Said] = {}
        self.lists: dict[tuple[Topics, str], Said] = {}

    def is_online(self, topics: Topics) -> bool:
        """Return whether a terminal's newest status says it is connected."""
        status = self.statuses.get(topics)
        return status is not None and status.state is Presence.ONLINE

    def take_status(self, topics: Topics, payload: bytes) -> Status:
        """Keep and return a status; LinkError when it is none."""
        status = parse_status(payload)
        _keep(self.statuses, topics, status)
        return status

    def take_health(self, topics: Topics, payload: bytes) -> Said:
        """Keep and return a health message; LinkError when it is none."""
        said = parse_object(payload, _MAX_BYTES, _MAX_DEPTH)
        _keep(self.health, topics, said)
        return said

    def take_twin(self, topics: Topics, payload: bytes) -> None:
        """Keep what settings a terminal says are in force; LinkError when it does not."""
        _keep(self.twins, topics, parse_object(payload, _MAX_BYTES, _MAX_DEPTH))

    def take_list(self, topics: Topics, name: str, payload: bytes) -> Said:
        """Keep and return how far a terminal says it is with a list; LinkError when it does not."""
        said = parse_object(payload, _MAX_STATE_BYTES, _MAX_DEPTH)
        _keep(self.lists, (topics, name), said)
        return said


def _keep(place: dict[Any, Any], key: object, value: object) -> None:
    if key not in place and len(place) >= MAX_TERMINALS:
        raise LinkError(f"more than {MAX_TERMINALS} terminals speak; this one is not listened to")
    place[key] = value
