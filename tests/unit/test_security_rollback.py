"""Attempts to roll back or loosen what holds: by a broken file, a laxer limit, used-up nonces, a bad packet."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from livegate.config import (
    CameraConfig,
    Config,
    DoorConfig,
    DriverChoice,
    Gate,
    Limit,
    LimitKey,
    Mqtt,
    Protocol,
    ReaderConfig,
    Terminal,
)
from livegate.errors import ConfigError, LinkError, Refusal, TrustError
from livegate.events.cloudevents import timestamp
from livegate.report.session import Session, Timing, Who, open_session
from livegate.report.waker import Waker
from livegate.settings import merge
from livegate.store import trusted
from livegate.store.files import DATABASE
from livegate.store.labels import Label, Verdict, count_labels, keep_label
from livegate.store.list_floor import list_floors, raise_list_floor
from livegate.store.twin import Twin, keep_twin, load_twin
from livegate.types import Role
from support.authority import NOW_S
from support.stores import opened

TWIN = Twin(7, "0" * 16, b"d" * 32, {"gate.pairing_window_ms": 1000})
CONNACK = bytes([0x20, 3, 0, 0, 0])
# A PUBLISH whose user property announces more text than there is.
BAD_PROPERTY = bytes([0x30, 9, 0, 1, ord("t"), 5, 0x26, 0xFF, 0xFF, ord("a"), ord("b")])


def test_what_the_centre_set_outlives_a_broken_file(tmp_path: Path) -> None:
    with opened(tmp_path) as store, store.transaction() as t:
        keep_twin(t, TWIN)
        raise_list_floor(t, "block", 9)
        keep_label(t, Label("a1", Verdict.ATTACK, None, "0" * 16))
    damage(tmp_path / DATABASE)
    with opened(tmp_path) as store, store.transaction() as t:
        assert any(tmp_path.glob(f"{DATABASE}.broken-*"))
        assert load_twin(t.connection) == TWIN
        assert list_floors(t.connection) == {"block": 9}
        assert count_labels(t.connection) == 1


def damage(path: Path) -> None:
    """Have the events begin on the page of another table, as a worn card may."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'event'")
        connection.commit()


def test_no_limit_of_the_centre_shares_the_counters_of_a_local_one() -> None:
    driver = DriverChoice("fake", {}, "here", Path())
    local = Config(
        path=Path("site.toml"),
        version="v",
        terminal=Terminal("lab", "t1", Path("/nowhere")),
        camera=(CameraConfig("eye", Role.RGB, driver),),
        door=DoorConfig(driver),
        reader=(ReaderConfig(driver),),
        gate=Gate(limit=(Limit(LimitKey.CREDENTIAL, "denied", 3, 60.0, 300.0),)),
    )
    laxer = {"key": "credential", "event": "denied", "max": 1, "window_s": 60, "lockout_s": 1, "lockout_max_s": 0}
    with pytest.raises(ConfigError, match=r"credential\.denied\.60s.*is the local file's"):
        merge(local, {"gate.limit": [laxer]})
    assert len(merge(local, {"gate.limit": [laxer | {"window_s": 61}]}).config.gate.limit) == 2


def test_labels_leave_room_for_the_nonces_of_commands(tmp_path: Path) -> None:
    times = {"issued": timestamp(NOW_S), "expires": timestamp(NOW_S + 60)}
    with opened(tmp_path) as store:
        with store.transaction() as t:
            used = ((f"{n:016}", NOW_S + 86_400) for n in range(90_000))
            t.connection.executemany("INSERT INTO nonce VALUES (?, ?)", used)
        with pytest.raises(TrustError) as caught, store.transaction() as t:
            trusted.take_message(t, {"role": "labels", "nonce": "l" * 16, **times})
        assert caught.value.reason is Refusal.FULL
        with store.transaction() as t:
            trusted.take_message(t, {"role": "commands", "nonce": "c" * 16, **times})


def test_a_packet_with_a_torn_property_ends_the_connection_and_nothing_else() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server, closing(Waker()) as waker:
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        mqtt = Mqtt("127.0.0.1", server.getsockname()[1], Protocol.V5)
        session = open_session(mqtt, Who("lab-t1"), None, Timing(), waker, lambda: False)
        with pytest.raises(LinkError, match="not MQTT"):
            pumped(session)
        session.drop()
        thread.join()


def pumped(session: Session) -> None:
    end_s = time.monotonic() + 10.0
    while time.monotonic() < end_s:
        session.pump(1.0)


def answer(server: socket.socket) -> None:
    client, _ = server.accept()
    with client:
        client.recv(4096)
        client.sendall(CONNACK)
        client.sendall(BAD_PROPERTY)
        client.recv(4096)
