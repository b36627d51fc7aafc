"""Central lists come down over the inbox: applied, told, refused, and told again after a crash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from livegate.lists.values import ListName
from support.central_lists import finished
from support.desks import ENTRIES, Terminal1, send_list, work
from support.stores import WALL_S


def test_list_is_applied_told_and_stands_in_the_state(
    terminal: Terminal1, open_terminal: Callable[..., Terminal1]
) -> None:
    payloads = send_list(terminal, 7)
    (state,) = terminal.said()["lists/block/state"]
    assert (state["version"], state["receiving"], state["want"]) == (0, 7, 0)
    for index, payload in enumerate(payloads):
        terminal.hear(f"lists/block/chunk/{index}", terminal.centre.chunk(payload))
    work(terminal)
    (state,) = terminal.said()["lists/block/state"]
    assert (state["version"], state["receiving"], state["refused"]) == (7, None, None)
    (event,) = terminal.events("list.applied")
    assert (event["version"], event["entries"], event["source"]) == (7, 6, "central")
    assert event["keyid"] == terminal.centre.key.public.keyid
    assert terminal.central.lookup_block([("credential", f"{3:032x}")])
    assert not terminal.refused()
    terminal.close()
    again = open_terminal(centre=terminal.centre)
    again.inbox.turn()
    assert len(again.events("list.applied")) == 1


def test_older_list_is_refused_even_when_its_file_is_gone(
    terminal: Terminal1, open_terminal: Callable[..., Terminal1], tmp_path: Path
) -> None:
    for index, payload in enumerate(send_list(terminal, 7)):
        terminal.hear(f"lists/block/chunk/{index}", terminal.centre.chunk(payload))
    work(terminal)
    terminal.close()
    for path in tmp_path.glob("lists*"):
        path.unlink()
    again = open_terminal(centre=terminal.centre)
    send_list(again, 6)
    assert again.refused() == {"version_back": 1}
    (state,) = again.said()["lists/block/state"]
    assert state["refused"] == {"version": 6, "reason": "version_back"}


def test_list_that_came_into_force_just_before_a_crash_is_told_after_it(
    terminal: Terminal1, open_terminal: Callable[..., Terminal1]
) -> None:
    for index, payload in enumerate(send_list(terminal, 7)):
        terminal.hear(f"lists/block/chunk/{index}", terminal.centre.chunk(payload))
    finished(terminal.desk.lists, ListName.BLOCK, now_s=WALL_S)
    assert not terminal.events("list.applied")
    terminal.close()
    again = open_terminal(centre=terminal.centre)
    again.inbox.turn()
    assert [event["version"] for event in again.events("list.applied")] == [7]


def test_chunk_on_the_topic_of_another_is_refused(terminal: Terminal1) -> None:
    payloads = send_list(terminal, 7)
    terminal.hear("lists/block/chunk/1", terminal.centre.chunk(payloads[0]))
    terminal.hear("lists/allow/chunk/0", terminal.centre.chunk(payloads[0]))
    terminal.hear("lists/block/chunk/-1", terminal.centre.chunk(payloads[0]))
    terminal.hear("lists/other/chunk/0", terminal.centre.chunk(payloads[0]))
    assert terminal.refused() == {"malformed": 4}


def test_refused_manifest_does_not_take_the_place_of_the_one_that_is_arriving(terminal: Terminal1) -> None:
    payloads = send_list(terminal, 7)
    terminal.hear("lists/block/manifest", terminal.centre.manifest("block", 6, "0" * 64, 1, len(ENTRIES)))
    assert terminal.refused() == {"version_back": 1}
    for index, payload in enumerate(payloads):
        terminal.hear(f"lists/block/chunk/{index}", terminal.centre.chunk(payload))
    work(terminal)
    (event,) = terminal.events("list.applied")
    assert (event["version"], event["keyid"]) == (7, terminal.centre.key.public.keyid)
