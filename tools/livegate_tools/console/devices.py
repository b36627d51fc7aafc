"""Which key each terminal signs its checkpoints with: the first one seen is remembered, another one is trouble."""

from __future__ import annotations

from collections.abc import Mapping

from livegate.errors import LinkError
from livegate.events.checkpoint import CHECKPOINT, read_checkpoint
from livegate.events.cloudevents import ChainHead, type_of
from livegate.report.topics import Topics
from livegate.trust.keys import PublicKey
from livegate_tools.console.reading import Seen

_CHECKPOINT = type_of(CHECKPOINT)


class Devices:
    """The terminals' device keys, trusted on first use; give ``known`` those enrolled before."""

    def __init__(self, known: Mapping[Topics, PublicKey]) -> None:
        self.keys = dict(known)

    def check(self, seen: Seen) -> ChainHead | None:
        """Return the place a checkpoint vouches for when it is the terminal's, None for any other event.

        ``seen`` fits the chain. Raises LinkError, saying it loud, for a checkpoint that is not about the place it
        stands at, that its key did not sign, or whose key is not the one the terminal showed first.
        """
        if seen.members.get("type") != _CHECKPOINT:
            return None
        where = f"{seen.topics.site}/{seen.topics.terminal}"
        try:
            said = read_checkpoint(seen.opened.what)
        except ValueError as exc:
            raise LinkError(f"{where}: {exc}") from exc
        before = said.head
        if said.stream != seen.stream or not seen.opened.fits(before):
            raise LinkError(f"{where}: checkpoint {seen.event.sequence} is not about the place it stands at")
        if not said.is_genuine():
            raise LinkError(f"{where}: checkpoint {seen.event.sequence} is not signed by its key {said.key.keyid}")
        first = self.keys.setdefault(seen.topics, said.key)
        if first != said.key:
            raise LinkError(
                f"{where}: signs with device key {said.key.keyid}, and it was {first.keyid}: another device speaks "
                "in its name, or its state folder was replaced. Nothing it signs is countersigned; if that was you, "
                "take its key out of the console's state file"
            )
        return before

    def proves(self, seen: Seen, first: bool) -> ChainHead | None:
        """Return the place an event vouches for that is not in its place yet; None when it vouches for none.

        It must be signed by the key the terminal showed first; any key does when ``first`` and none was shown.
        """
        if seen.members.get("type") != _CHECKPOINT:
            return None
        try:
            said = read_checkpoint(seen.opened.what)
        except ValueError:
            return None
        known = self.keys.get(seen.topics)
        ours = known == said.key or (first and known is None)
        whole = said.stream == seen.stream and seen.opened.fits(said.head)
        return said.head if ours and whole and said.is_genuine() else None
