"""What a console says: bounded, sent again after a lost connection, answered where an answer is due."""

from __future__ import annotations

import json
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path

import pytest

from livegate.errors import LinkError
from livegate.report.session import Message, Puback
from livegate.report.status import Presence, Status
from livegate.report.topics import Topics
from livegate.trust.clockfloor import TrustedNow
from livegate.trust.envelope import EnvelopeType, parse_envelope, seal
from livegate.trust.keys import SigningKey
from livegate.trust.keyset import Keyset, TrustedKey, keyset_payload, open_keyset
from livegate.trust.opened import open_payload
from livegate.trust.payload import KeyRole
from livegate_tools.console.commanding import Commands
from livegate_tools.console.heard import Heard, check_terminal
from livegate_tools.console.listserving import AHEAD, RESEND_AFTER_S, ListFolder, ListServer
from livegate_tools.console.payloads import Order, Signer, Verdict
from livegate_tools.console.posting import Postbox
from livegate_tools.console.problems import Problems

T1 = Topics("lab", "t1")
STATUS = Status(Presence.ONLINE, "boot", "challenge", "2026-11-21T22:13:28.000Z", "0", "stream-a", 0)
NOW_S = 1_795_000_000.0


class Broker:
    """Takes as many messages as it was told to and remembers them."""

    def __init__(self, receive_maximum: int = 4) -> None:
        self.receive_maximum = receive_maximum
        self.taken: list[Message] = []

    def publish(self, message: Message) -> int:
        self.taken.append(message)
        return len(self.taken)


def test_postbox_sends_in_order_and_no_more_than_the_broker_takes() -> None:
    box, broker = Postbox(), Broker()
    letters = [box.post(Message(f"t/{number}", b"")) for number in range(6)]
    box.send(broker)
    assert [message.topic for message in broker.taken] == ["t/0", "t/1", "t/2", "t/3"]
    box.answered(Puback(1, None))
    box.answered(Puback(2, "Not authorized"))
    box.answered(Puback(99, None))
    assert letters[0].result(0) is None
    with pytest.raises(LinkError, match="t/1: Not authorized; check its access list"):
        letters[1].result(0)
    box.send(broker)
    assert len(broker.taken) == 6


def test_postbox_sends_again_first_what_a_lost_connection_left_open() -> None:
    box, broker = Postbox(), Broker(2)
    for number in range(3):
        box.post(Message(f"t/{number}", b""))
    box.send(broker)
    box.answered(Puback(1, None))
    box.reconnected()
    again = Broker(9)
    box.send(again)
    assert [message.topic for message in again.taken] == ["t/1", "t/2"]


def test_postbox_is_bounded_and_forgets_who_no_longer_waits() -> None:
    box, broker = Postbox(), Broker()
    first = box.post(Message("t", b""))
    for _ in range(1_023):
        box.post(Message("t", b""))
    with pytest.raises(LinkError, match="wait for the broker"):
        box.post(Message("t", b""))
    first.cancel()
    box.send(broker)
    box.answered(Puback(1, None))
    with pytest.raises(CancelledError):
        first.result(0)


def test_problems_are_told_once_and_then_now_and_again() -> None:
    told, now_s = list[str](), [0.0]
    problems = Problems(told.append, every_s=60, now=lambda: now_s[0])
    for _ in range(5):
        problems.report("a", "first")
    problems.report("b", "other")
    now_s[0] = 61.0
    problems.report("a", "again")
    problems.report("a", "again")
    assert told == ["first", "other", "again (and 4 more like it)"]


def test_inventing_kinds_of_problems_gains_nothing() -> None:
    told, now_s = list[str](), [0.0]
    problems = Problems(told.append, every_s=60, now=lambda: now_s[0])
    for number in range(5_000):
        problems.report(number, "flood")
    assert len(told) == 60
    now_s[0] = 60.0
    problems.report(4_999, "flood")
    assert told[60:] == ["flood (and 1 more like it)"]


def trusted() -> tuple[SigningKey, Keyset]:
    root, key = SigningKey.generate(), SigningKey.generate()
    roles = frozenset(KeyRole) - {KeyRole.KEYSET}
    allowed = TrustedKey(key.public, roles, NOW_S - 60, NOW_S + 60)
    payload = keyset_payload("lab/*", 1, [allowed], NOW_S - 60, NOW_S + 3_600)
    sealed = parse_envelope(seal(root, EnvelopeType.KEYSET, payload), 100_000)
    return key, open_keyset(sealed, Keyset.pinned(root.public), T1, TrustedNow(NOW_S))


def test_what_is_signed_is_what_a_terminal_opens() -> None:
    key, keyset = trusted()
    signer = Signer(key, "lab/t1")
    order = Order("log.level", {"level": "debug"})
    for sealed, type_, role, expected in (
        (signer.command(order, STATUS, NOW_S), EnvelopeType.COMMAND, KeyRole.COMMANDS, {"nonce": order.nonce}),
        (signer.twin({"log.level": "info"}, 3, NOW_S), EnvelopeType.TWIN, KeyRole.TWIN, {"version": 3}),
        (signer.label(Verdict("a1", "attack"), NOW_S), EnvelopeType.LABEL, KeyRole.LABELS, {"pai_species": None}),
    ):
        members = open_payload(parse_envelope(sealed, 100_000), keyset, type_, role, T1, TrustedNow(NOW_S))
        assert expected.items() <= members.items()
    members = json.loads(parse_envelope(signer.command(order, STATUS, NOW_S), 9_999).payload)
    assert (members["boot_id"], members["challenge"], members["verb"]) == ("boot", "challenge", "log.level")
    assert members["arguments"] == {"level": "debug"}


def reply(order: Order, **more: object) -> bytes:
    return json.dumps({"nonce": order.nonce, "verb": order.verb, "outcome": "done", "result": {}} | more).encode()


def test_reply_reaches_who_asked_this_terminal_and_nobody_else() -> None:
    commands, signer, order = Commands(), Signer(SigningKey.generate(), "lab/t1"), Order("door.pulse")
    message, answer = commands.ask(signer, T1, STATUS, order)
    assert message.topic == "livegate/v1/lab/t1/commands"
    assert not message.retain
    commands.take_reply(Topics("lab", "t2"), reply(order))
    commands.take_reply(T1, reply(Order("door.pulse")))
    assert not answer.done()
    commands.take_reply(T1, reply(order, outcome="refused", reason="expired"))
    assert (answer.result(0).outcome, answer.result(0).reason) == ("refused", "expired")
    commands.take_reply(T1, reply(order))


@pytest.mark.parametrize("more", [{"nonce": 7}, {"outcome": None}, {"result": []}, {"reason": 1}])
def test_reply_of_another_form_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(LinkError, match="reply"):
        Commands().take_reply(T1, reply(Order("door.pulse"), **more))


def test_nobody_commands_a_terminal_that_is_not_there() -> None:
    commands, signer = Commands(), Signer(SigningKey.generate(), "lab/t1")
    with pytest.raises(LinkError, match="no status seen"):
        commands.ask(signer, T1, None, Order("door.pulse"))
    with pytest.raises(LinkError, match="offline since"):
        commands.ask(signer, T1, replace(STATUS, state=Presence.OFFLINE), Order("door.pulse"))


def test_commands_that_nobody_answers_are_bounded() -> None:
    commands, signer = Commands(), Signer(SigningKey.generate(), "lab/t1")
    answers = [commands.ask(signer, T1, STATUS, Order("door.pulse"))[1] for _ in range(256)]
    with pytest.raises(LinkError, match="256 commands"):
        commands.ask(signer, T1, STATUS, Order("door.pulse"))
    answers[0].cancel()
    commands.ask(signer, T1, STATUS, Order("door.pulse"))


def folder_with(path: Path, version: int, chunks: int) -> ListFolder:
    """Write a list folder whose chunks say which they are."""
    members = {
        "audience": "lab/*",
        "role": "lists",
        "list": "block",
        "version": version,
        "base": None,
        "sha256": "0" * 64,
    }
    members |= {"chunks": chunks, "entries": 0, "issued": "2026-11-21T22:00:00Z", "expires": "2026-11-22T22:00:00Z"}
    path.mkdir()
    envelope = seal(SigningKey.generate(), EnvelopeType.LIST_MANIFEST, json.dumps(members).encode())
    (path / "manifest.json").write_bytes(envelope)
    for index in range(chunks):
        (path / f"chunk-{index:06d}.json").write_bytes(b"%d" % index)
    return ListFolder.open(path)


def numbers(messages: list[Message]) -> list[int]:
    return [int(message.topic.rpartition("/")[2]) for message in messages]


def sent(server: ListServer) -> list[Message]:
    return list(iter(server.next_message, None))


def wanted(server: ListServer, want: int) -> list[Message]:
    server.hear(T1, "block", {"receiving": 7, "want": want})
    return sent(server)


def test_chunks_are_sent_from_what_is_wanted_and_not_far_ahead(tmp_path: Path) -> None:
    now_s = [0.0]
    server = ListServer(lambda: now_s[0])
    folder = folder_with(tmp_path / "a", 7, 100)
    manifest = server.offer(T1, folder)
    assert (manifest.topic, manifest.retain) == ("livegate/v1/lab/t1/lists/block/manifest", True)
    first = wanted(server, 0)
    assert numbers(first) == list(range(AHEAD))
    assert [message.payload for message in first[:2]] == [b"0", b"1"]
    assert numbers(wanted(server, 10)) == list(range(32, 42))
    assert wanted(server, 10) == []
    now_s[0] = RESEND_AFTER_S
    server.turn({}, lambda _: False)
    assert sent(server) == []
    server.turn({}, lambda _: True)
    assert numbers(sent(server)) == list(range(10, 42))
    assert numbers(wanted(server, 99)) == [99]
    assert numbers(wanted(server, 3)) == list(range(3, 35))
    server.hear(T1, "block", {"receiving": None, "want": None, "version": 7})
    now_s[0] *= 3
    server.turn({}, lambda _: True)
    assert sent(server) == []


def test_terminals_take_turns(tmp_path: Path) -> None:
    server, folder = ListServer(), folder_with(tmp_path / "a", 7, 3)
    for name in ("t1", "t2"):
        server.offer(Topics("lab", name), folder)
        server.hear(Topics("lab", name), "block", {"receiving": 7, "want": 0})
    assert [message.topic.split("/")[3] for message in sent(server)] == ["t1", "t2"] * 3


def test_list_whose_chunk_is_gone_is_given_up(tmp_path: Path) -> None:
    server, folder = ListServer(), folder_with(tmp_path / "a", 7, 3)
    server.offer(T1, folder)
    folder.file(0).unlink()
    server.hear(T1, "block", {"receiving": 7, "want": 0})
    with pytest.raises(LinkError, match="chunk-000000"):
        server.next_message()
    assert sent(server) == []


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"receiving": 8, "want": 0},
        {"receiving": 7, "want": 3},
        {"receiving": 7, "want": -1},
        {"receiving": 7, "want": True},
        {"receiving": [], "want": "0"},
    ],
)
def test_nothing_is_sent_for_a_state_that_asks_for_nothing_we_have(tmp_path: Path, state: dict[str, object]) -> None:
    server = ListServer()
    server.offer(T1, folder_with(tmp_path / "a", 7, 3))
    server.hear(T1, "block", state)
    server.hear(Topics("lab", "t2"), "block", {"receiving": 7, "want": 0})
    assert sent(server) == []


def test_list_offered_after_a_terminal_asked_is_sent_all_the_same(tmp_path: Path) -> None:
    server, states = ListServer(), {(T1, "block"): {"receiving": 7, "want": 1}}
    server.hear(T1, "block", states[T1, "block"])
    assert sent(server) == []
    server.offer(T1, folder_with(tmp_path / "a", 7, 3))
    server.turn(states, lambda _: True)
    assert numbers(sent(server)) == [1, 2]


def test_versions_before_the_newest_are_served_while_they_arrive(tmp_path: Path) -> None:
    server = ListServer()
    for version in range(1, 7):
        server.offer(T1, folder_with(tmp_path / str(version), version, 1))
    server.hear(T1, "block", {"receiving": 3, "want": 0})
    assert len(sent(server)) == 1
    server.hear(T1, "block", {"receiving": 2, "want": 0})
    assert sent(server) == []


def test_folder_that_lacks_a_chunk_is_no_list(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "a", 7, 3)
    folder.file(1).unlink()
    with pytest.raises(LinkError, match=r"chunk-000001\.json: is missing"):
        ListFolder.open(tmp_path / "a")
    with pytest.raises(LinkError, match="cannot be read"):
        ListFolder.open(tmp_path / "b")


def test_only_so_many_terminals_are_listened_to() -> None:
    heard = Heard()
    for number in range(10_000):
        heard.take_health(Topics("lab", f"t{number}"), b"{}")
    with pytest.raises(LinkError, match="10000 terminals"):
        heard.take_health(Topics("lab", "one-more"), b"{}")
    heard.take_health(Topics("lab", "t0"), b'{"gauges":{}}')


@pytest.mark.parametrize("name", ["", "T1", "t/1", "t" * 23, "ä", "t1\n"])
def test_name_that_no_terminal_has_is_refused(name: str) -> None:
    with pytest.raises(LinkError, match="cannot be one"):
        check_terminal(Topics("lab", name))
