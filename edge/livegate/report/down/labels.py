"""``labels``: an operator's verdict on a past attempt, kept for calibration."""

from __future__ import annotations

import re

from livegate.errors import Refusal, TrustError
from livegate.report.down.desk import Desk
from livegate.report.session import Arrival
from livegate.store.labels import Label, Verdict, keep_label
from livegate.store.trusted import take_message
from livegate.trust.envelope import EnvelopeType
from livegate.trust.payload import KeyRole, malformed, text_of

MAX_BYTES = 4 * 1024
_ATTEMPT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SPECIES = re.compile(r"[a-z0-9_]{1,64}")


class LabelHandler:
    """A Handler."""

    topics = ("labels",)
    max_bytes = MAX_BYTES

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def take(self, arrival: Arrival, name: str) -> None:  # noqa: ARG002 - it has one topic
        """Keep the verdict."""
        desk = self._desk
        opened = desk.open(arrival, MAX_BYTES, EnvelopeType.LABEL, KeyRole.LABELS)
        members = opened.members
        attempt_id, verdict, species = text_of(members, "attempt_id"), members.get("label"), members.get("pai_species")
        if not _ATTEMPT.fullmatch(attempt_id) or verdict not in list(Verdict):
            raise malformed("'attempt_id' or 'label' is none; expected an id, and bona_fide or attack")
        if species is not None and not (isinstance(species, str) and _SPECIES.fullmatch(species)):
            raise malformed("'pai_species' is not a name of a-z 0-9 _")
        if species is not None and verdict != Verdict.ATTACK:
            raise TrustError(Refusal.NOT_ALLOWED, "label: a bona fide presentation has no 'pai_species'")
        label = Label(attempt_id, Verdict(verdict), species, opened.envelope.keyid)
        with desk.store.transaction() as t:
            floor_s = take_message(t, members)
            keep_label(t, label)
        desk.floor.raise_to(floor_s)
        desk.counts["labels_kept_total"] += 1

    def opened(self) -> None:
        """Nothing depends on the connection."""

    def turn(self) -> bool:
        """Nothing is ever due."""
        return False


def handler(desk: Desk) -> LabelHandler:
    """Return the handler of labels."""
    return LabelHandler(desk)
