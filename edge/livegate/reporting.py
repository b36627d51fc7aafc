"""What a terminal with a broker or a centre has besides: the link, and the desk that takes in the centre's words.

Imported where there is one: a start without it is quicker by what speaks MQTT and TLS.
"""

from __future__ import annotations

from contextlib import ExitStack

from livegate import __version__
from livegate.clock import boot_id
from livegate.config import Config, Mqtt
from livegate.lists.lookup import CentralLists
from livegate.lists.receiver import Receiver
from livegate.report.down.desk import Desk
from livegate.report.down.inbox import Inbox
from livegate.report.health import Measures
from livegate.report.home_assistant import announcements, withdrawals
from livegate.report.link import Link
from livegate.report.topics import Topics
from livegate.settings import Effective, Settings
from livegate.store import Store
from livegate.store.announced import announced, remember_announced
from livegate.store.trusted import load_keyset
from livegate.trust.clockfloor import FloorKeeper
from livegate.trust.keys import PublicKey


def make_link(config: Config, mqtt: Mqtt, store: Store, measures: Measures) -> Link:
    """Return the link to the broker, not yet started."""
    link = Link(mqtt, config.terminal, store, boot_id=boot_id(), measures=measures)
    _announce(config, mqtt.home_assistant, store, link)
    return link


def _announce(config: Config, wished: bool, store: Store, link: Link) -> None:
    """Tell Home Assistant of the terminal, or take back what an earlier run told it."""
    roles = tuple(str(camera.role) for camera in config.camera)
    messages = tuple(announcements(Topics.of(config.terminal), __version__, roles)) if wished else ()
    with store.transaction() as t:
        before = announced(t.connection)
        topics = tuple(message.topic for message in messages)
        remember_announced(t, {*before, *topics})
    gone = tuple(withdrawals(sorted({*before} - {*topics})))

    def told() -> None:
        with store.transaction() as t:
            remember_announced(t, topics)

    if messages or gone:
        link.announce((*gone, *messages), told)


def make_desk(
    settings: Settings,
    store: Store,
    floor: FloorKeeper,
    central: CentralLists,
    root: PublicKey,
    link: Link | None,
    stack: ExitStack,
) -> Desk:
    """Make what takes in the centre's words; settings it sent before are in force again when this returns."""
    config = settings.effective.config
    receiver = Receiver(central)
    stack.callback(receiver.close)

    def apply(effective: Effective) -> None:
        settings.adopt(effective)
        if link is not None and effective.config.mqtt is not None:
            link.adjust(effective.config.mqtt.resend_after_s, effective.health_s)

    with store.transaction() as t:
        keyset = load_keyset(t, root)
    desk = Desk(
        config=config,
        effective=settings.effective,
        identity=settings.rules.environment.identity,
        topics=Topics.of(config.terminal),
        store=store,
        floor=floor,
        keyset=keyset,
        lists=receiver,
        central=central,
        applied=apply,
        nudge=_nobody,
    )
    inbox = Inbox(desk)
    if link is not None:
        link.listen(inbox)
    return desk


def _nobody() -> None:
    """Stand in for who is to be woken, where there is nobody yet."""
