"""Installing, activating and going back are killed at every step they take: what is there after is old or new."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from livegate import assets
from livegate.filesystem import UNFINISHED
from livegate.installed.activating import activate, remove, rollback
from livegate.installed.installing import install
from livegate.installed.library import Library
from livegate.installed.shelf import Shelf

CUE = "near_infrared"
# Python tells of each call that touches the disk before it is made.
STEPS = ("open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.scandir", "os.listdir", "shutil.", "tempfile.")
MOST_STEPS = 300

# Threads of libraries do not come along into a fork, and nothing there waits for them.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

Work = Callable[[Library], object]


def scorer(folder: Path, version: str) -> Path:
    folder.mkdir()
    text = (assets.model(CUE) / "manifest.toml").read_text()
    (folder / "manifest.toml").write_text(text.replace('version = "1"', f'version = "{version}"', 1))
    return folder


def killed_at(step: int, work: Work, library: Library) -> bool:
    """Do ``work`` in a process of its own that is killed before its ``step``; return whether it got as far as that."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        left = step

        def hook(name: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if name.startswith(STEPS):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(hook)
            work(library)
            os._exit(0)
        except BaseException:  # noqa: BLE001 - whatever it is, the parent shall read it
            os.write(writing, traceback.format_exc().encode())
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as said:
        failure = said.read()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, failure
    return os.WIFSIGNALED(status)


def changed(library: Library, change: Work) -> None:
    with library.changing():
        change(library)


def judged_by(library: Library) -> Shelf:
    """Return where models are taken from; nothing may be damaged, and nothing unfinished be taken for a model."""
    shelf = library.shelf()
    assert not shelf.faults
    assert all(not name.startswith(UNFINISHED) for name in library.names())
    return shelf


def at_every_step(work: Work, library: Library, back: Work) -> list[Shelf]:
    """Kill ``work`` at each of its steps; return what judged after each. ``back`` undoes what was done by then."""
    seen = []
    for step in range(MOST_STEPS):
        killed = killed_at(step, work, library)
        seen.append(judged_by(library))
        if not killed:
            assert step > 5
            return seen
        back(library)
    raise AssertionError(f"not done after {MOST_STEPS} steps")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    state_dir = tmp_path / "state"
    state_dir.mkdir(mode=0o700)
    return Library.of(state_dir)


def test_an_installation_that_is_killed_leaves_all_or_nothing(library: Library, tmp_path: Path) -> None:
    given = [scorer(tmp_path / version, version) for version in ("2", "3")]
    install(library, given[0])
    changed(library, lambda library: activate(library, CUE, "2"))
    active = library.shelf()

    def again(library: Library) -> None:
        there = library.versions(CUE)
        assert [library.whole(CUE, version).version for version in there].count("2") == 1
        for version in there:
            if library.whole(CUE, version).version == "3":
                changed(library, lambda library: remove(library, CUE, "3"))

    for seen in at_every_step(lambda library: install(library, given[1]), library, again):
        assert seen == active
    assert len(library.versions(CUE)) == 2


def test_a_first_installation_that_is_killed_can_be_done_again(library: Library, tmp_path: Path) -> None:
    given = scorer(tmp_path / "given", "2")

    def again(library: Library) -> None:
        if library.versions(CUE):
            changed(library, lambda library: remove(library, CUE, "2"))
        # As on a terminal where nothing was ever installed.
        with library.changing():
            (library.folder(CUE) / "active.json").unlink(missing_ok=True)
            if library.folder(CUE).exists():
                library.folder(CUE).rmdir()

    for seen in at_every_step(lambda library: install(library, given), library, again):
        assert not seen.active
    assert len(library.versions(CUE)) == 1


def test_activating_and_going_back_are_done_or_not(library: Library, tmp_path: Path) -> None:
    folders = {}
    for version in ("2", "3"):
        folders[version] = install(library, scorer(tmp_path / version, version)).description.folder
    changed(library, lambda library: activate(library, CUE, "2"))

    def activated(library: Library) -> None:
        changed(library, lambda library: activate(library, CUE, "3"))

    def first(library: Library) -> None:
        changed(library, lambda library: activate(library, CUE, "2"))

    def rolled(library: Library) -> None:
        changed(library, lambda library: rollback(library, CUE))

    states = [shelf.active[CUE] for shelf in at_every_step(activated, library, first)]
    assert states[0] == folders["2"]
    assert states[-1] == folders["3"]
    assert set(states) == set(folders.values())
    states = [shelf.active[CUE] for shelf in at_every_step(rolled, library, activated)]
    assert states[0] == folders["3"]
    assert states[-1] == folders["2"]


def test_removing_is_done_or_not(library: Library, tmp_path: Path) -> None:
    given = {version: scorer(tmp_path / version, version) for version in ("2", "3")}
    for folder in given.values():
        install(library, folder)
    changed(library, lambda library: activate(library, CUE, "2"))
    changed(library, lambda library: activate(library, CUE, "3"))
    active = library.shelf()

    def removed(library: Library) -> None:
        changed(library, lambda library: remove(library, CUE, "2"))

    def again(library: Library) -> None:
        if len(library.versions(CUE)) == 1:
            install(library, given["2"])

    for seen in at_every_step(removed, library, again):
        assert seen == active
    assert len(library.versions(CUE)) == 1
