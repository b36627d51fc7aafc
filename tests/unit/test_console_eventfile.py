"""Events kept in files: each once, whole lines only, whatever came between writing and acknowledging."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from livegate.errors import ConfigError, LinkError
from livegate.events.cloudevents import ChainHead, Identity, genesis, seal
from livegate.report.topics import Topics
from livegate_tools.console.eventfile import EventFiles
from livegate_tools.console.reading import Seen, read_event
from support.stores import WALL_S, plain

T1, T2 = Topics("lab", "t1"), Topics("lab", "t2")


def events(count: int, topics: Topics = T1, stream: str = "stream-a") -> list[Seen]:
    identity = Identity(site=topics.site, terminal=topics.terminal, firmware="0", boot_id="boot", door="door")
    head, made = genesis(stream), []
    for number in range(count):
        event = seal(plain(number), identity, stream, head, WALL_S)
        head = ChainHead(event.sequence, event.chainhash)
        made.append(read_event(topics, event.body))
    return made


def keep(files: EventFiles, seen: list[Seen]) -> None:
    for one in seen:
        files.keep(one)
    files.settle()


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def bodies(seen: list[Seen]) -> list[bytes]:
    return [one.event.body + b"\n" for one in seen]


def test_restart_repeats_nothing_and_cuts_a_torn_line(tmp_path: Path) -> None:
    path, seen = tmp_path / "events.jsonl", events(9) + events(4, T2, "stream-b")
    first = EventFiles(path)
    keep(first, seen[:5])
    keep(first, seen[9:11])
    first.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open("ab") as file:
        file.write(seen[5].event.body[:40])
    again = EventFiles(path)
    # What was not acknowledged comes again.
    keep(again, seen[2:9])
    keep(again, seen[9:])
    again.close()
    assert sorted(lines(path)) == sorted(bodies(seen))


def test_folder_has_a_file_for_each_stream(tmp_path: Path) -> None:
    one, other, strange = events(3), events(2, T2, "stream-b"), events(1, T2, "../x\n")
    files = EventFiles(tmp_path)
    keep(files, one + other + strange)
    assert lines(tmp_path / "lab.t1.stream-a.jsonl") == bodies(one)
    assert lines(tmp_path / "lab.t2.stream-b.jsonl") == bodies(other)
    assert len(list(tmp_path.iterdir())) == 3
    with pytest.raises(ConfigError, match="another console writes it"):
        EventFiles(tmp_path)
    files.close()


def test_nothing_is_settled_that_was_not_written(tmp_path: Path) -> None:
    path, seen = tmp_path / "events.jsonl", events(6)
    files = EventFiles(path)
    keep(files, seen[:2])
    path.chmod(0o400)
    path.rename(tmp_path / "moved")
    path.mkdir()
    files.keep(seen[2])
    with pytest.raises(LinkError, match="nothing is acknowledged"):
        files.settle()
    path.rmdir()
    (tmp_path / "moved").rename(path)
    path.chmod(0o600)
    keep(files, seen[3:])
    assert lines(path) == bodies(seen)
    path.write_bytes(b"")
    files.keep(events(7)[6])
    with pytest.raises(LinkError, match="shorter than it was"):
        files.settle()
    files.close()


def test_file_that_lacks_what_the_state_holds_is_said(tmp_path: Path) -> None:
    path, seen = tmp_path / "events.jsonl", events(6)
    files = EventFiles(path)
    keep(files, seen[:4])
    source = "urn:livegate:lab:t1"
    files.lacks(source, "stream-a", 4)
    files.lacks(source, "stream-a", 3)
    with pytest.raises(ConfigError, match="ends with event 4"):
        files.lacks(source, "stream-a", 5)
    files.close()


def test_other_event_in_the_same_place_is_not_taken(tmp_path: Path) -> None:
    path, seen = tmp_path / "events.jsonl", events(3)
    files = EventFiles(path)
    keep(files, seen)
    body = seen[2].event.body.replace(seen[2].event.chainhash.encode(), b"0" * 64)
    with pytest.raises(LinkError, match="another event 3"):
        files.keep(read_event(T1, body))
    files.close()


def test_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"my notes\n")
    with pytest.raises(ConfigError, match="line 1 is no event"):
        EventFiles(path)
    assert path.read_bytes() == b"my notes\n"
