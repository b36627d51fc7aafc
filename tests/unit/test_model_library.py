"""Installed models stay whole or are not used: versions, the pointer to one, and who may touch them."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from livegate import assets
from livegate.errors import AssetError
from livegate.installed import library as library_module
from livegate.installed.activating import activate, remove, rollback
from livegate.installed.installing import MAX_VERSIONS, install
from livegate.installed.library import Library
from livegate.installed.overview import overview
from livegate.installed.pointer import Pointer, read_pointer, write_pointer
from livegate.installed.shelf import SHIPPED, Shelf
from livegate.scorers import fingerprint
from support.onnx_files import write_classifier

CUE = "near_infrared"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    state_dir = tmp_path / "state"
    state_dir.mkdir(mode=0o700)
    return Library.of(state_dir)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with an active classifier: to be copied, since trying a network takes a process."""
    folder = tmp_path_factory.mktemp("once")
    library = Library.of(folder)
    install(library, write_classifier(folder / "given"))
    with library.changing():
        activate(library, "second")
    return folder


@pytest.fixture
def second(library: Library, once: Path) -> Path:
    """The folder of a classifier that is installed and active."""
    shutil.copytree(once / "models", library.path)
    return library.shelf().active["second"]


def scorer(folder: Path, version: str) -> Path:
    """Write the shipped scorer of a cue under another version: a model that needs no runtime to be tried in."""
    folder.mkdir(parents=True)
    text = (assets.model(CUE) / "manifest.toml").read_text()
    (folder / "manifest.toml").write_text(text.replace('version = "1"', f'version = "{version}"', 1))
    return folder


def put(library: Library, tmp_path: Path, version: str) -> str:
    return install(library, scorer(tmp_path / f"given-{version}", version)).description.sha256


def version_of(library: Library) -> str:
    found = library.shelf().model(CUE) / "manifest.toml"
    (version,) = re.findall('version = "(.*)"', found.read_text())
    return str(version)


def switch(library: Library, version: str | None) -> None:
    with library.changing():
        activate(library, CUE, version)


def unfused(folder: Path) -> Path:
    """Write a classifier with a scorer and no [fusion]."""
    path = write_classifier(folder) / "manifest.toml"
    text = path.read_text()
    start, end = text.index("[fusion]"), text.index("[calibration]")
    path.write_text(text[:start] + text[end:])
    return folder


def points_naming(folder: Path, digest: str) -> Path:
    """Write operating points that were fixed with the classifier "second"."""
    folder.mkdir()
    (folder / "manifest.toml").write_text(
        '[model]\nname = "fusion"\nversion = "9"\nkind = "operating_points"\nlicence = "Apache-2.0"\n'
        f'[models]\ndetector = "{"0" * 64}"\nsecond = "{digest}"\n'
        '[[point]]\ncues = ["detector", "second"]\nweights = [1.0, 1.0]\noffset = 0.0\nthreshold_llr = 1.0\n'
    )
    return folder


def test_a_classifier_that_nobody_weighed_beside_the_others_is_not_activated(library: Library, tmp_path: Path) -> None:
    done = install(library, unfused(tmp_path / "given")).description
    with library.changing(), pytest.raises(AssetError, match=r"lacks \[fusion\]"):
        activate(library, "second")
    assert "second" not in library.shelf().active
    install(library, points_naming(tmp_path / "points", fingerprint(done.folder)))
    with library.changing():
        activate(library, "fusion")
        assert activate(library, "second") is not None


def test_what_is_installed_is_not_in_force_until_it_is_activated(library: Library, tmp_path: Path) -> None:
    put(library, tmp_path, "2")
    assert library.shelf() == SHIPPED
    assert version_of(library) == "1"
    switch(library, None)
    assert version_of(library) == "2"


def test_rollback_goes_to_the_one_before_and_back(library: Library, tmp_path: Path) -> None:
    first, second = (put(library, tmp_path, version) for version in ("2", "3"))
    switch(library, "2")
    switch(library, second[:12])
    assert library.pointer(CUE) == Pointer(second, first, changed=True)
    seen = []
    for _ in range(3):
        with library.changing():
            rollback(library, CUE)
        seen.append(version_of(library))
    assert seen == ["2", "3", "2"]


def test_rollback_of_the_first_one_takes_what_ships(library: Library, tmp_path: Path) -> None:
    put(library, tmp_path, "2")
    with library.changing(), pytest.raises(AssetError, match="none to go back to"):
        rollback(library, CUE)
    switch(library, None)
    with library.changing():
        assert rollback(library, CUE) is None
    assert version_of(library) == "1"
    switch(library, "2")
    switch(library, "2")
    assert library.pointer(CUE).previous is None
    switch(library, "shipped")
    assert version_of(library) == "1"


def test_a_version_must_be_the_only_one_that_is_meant(library: Library, tmp_path: Path) -> None:
    for name in ("a", "b"):
        given = scorer(tmp_path / name, "2")
        (given / "manifest.toml").write_text((given / "manifest.toml").read_text() + f"# {name}\n")
        install(library, given)
    for version, said in (("2", "which of"), (None, "which of"), ("9", "no such version"), ("ab", "no such version")):
        with library.changing(), pytest.raises(AssetError, match=said):
            activate(library, CUE, version)
    with library.changing(), pytest.raises(AssetError, match="is not installed"):
        activate(library, "depth_shape", None)


def test_a_classifier_without_calibration_is_kept_and_not_activated(library: Library, tmp_path: Path) -> None:
    done = install(library, write_classifier(tmp_path / "given", calibrated=False))
    assert done.description.calibration is None
    assert {ran.runtime for ran in done.ran} >= {"onnxruntime", "opencv_dnn"}
    with library.changing(), pytest.raises(AssetError, match=r"install it again with .*--samples"):
        activate(library, "second", None)
    assert install(library, tmp_path / "given").known


def test_samples_calibrate_what_is_installed(library: Library, tmp_path: Path) -> None:
    given = write_classifier(tmp_path / "given", calibrated=False)
    seen = []

    def calibrate(folder: Path) -> str:
        seen.append(sorted(path.name for path in folder.iterdir()))
        text = write_classifier(tmp_path / "calibrated").joinpath("manifest.toml").read_text()
        return text[text.index("[scorer]") :]

    done = install(library, given, calibrate)
    assert seen == [["CARD.md", "LICENSE", "manifest.toml", "net.onnx"]]
    assert done.description.calibration == {"date": "2026-11-22", "bona_fide": 20, "attack": 30}
    with library.changing():
        activate(library, "second")
    assert library.shelf().of_kind("crop_classifier")["second"] == done.description.folder
    with pytest.raises(AssetError, match="holds a \\[scorer\\] already"):
        install(library, tmp_path / "calibrated", calibrate)
    with pytest.raises(AssetError, match="calibrates a crop classifier"):
        install(library, scorer(tmp_path / "cue", "2"), calibrate)


def test_only_the_owner_may_look_and_write(library: Library, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        given = write_classifier(tmp_path / "given")
        for path in (given, *given.iterdir()):
            path.chmod(0o777)
        install(library, given)
    finally:
        os.umask(before)
    for path in (library.path, *library.path.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def other_bytes(folder: Path) -> None:
    content = bytearray((folder / "net.onnx").read_bytes())
    content[-1] ^= 1
    (folder / "net.onnx").write_bytes(content)


def other_manifest(folder: Path) -> None:
    text = (folder / "manifest.toml").read_text()
    (folder / "manifest.toml").write_text(text.replace("max_llr = 3.0", "max_llr = 30.0"))


def no_file(folder: Path) -> None:
    (folder / "net.onnx").unlink()


def no_folder(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def linked(folder: Path) -> None:
    (folder / "net.onnx").rename(folder.parent / "net")
    (folder / "net.onnx").symlink_to(folder.parent / "net")


def one_more(folder: Path) -> None:
    (folder / "more.onnx").touch(0o600)


def for_all(folder: Path) -> None:
    (folder / "net.onnx").chmod(0o666)


def open_folder(folder: Path) -> None:
    folder.chmod(0o777)


def no_pointer(folder: Path) -> None:
    (folder.parent / "active.json").unlink()


def flipped_pointer(folder: Path) -> None:
    path = folder.parent / "active.json"
    path.write_text(path.read_text().replace("true", "false"))


def empty_pointer(folder: Path) -> None:
    (folder.parent / "active.json").write_bytes(b"")


def pointer_outside(folder: Path) -> None:
    path = folder.parent / "active.json"
    members = json.loads(path.read_text()) | {"active": "../../.."}
    path.write_text(json.dumps(members))


@pytest.mark.parametrize(
    "damage",
    [
        other_bytes,
        other_manifest,
        no_file,
        no_folder,
        linked,
        one_more,
        for_all,
        open_folder,
        no_pointer,
        flipped_pointer,
        empty_pointer,
        pointer_outside,
    ],
)
def test_what_was_touched_is_not_used_and_said(library: Library, second: Path, damage: object) -> None:
    assert callable(damage)
    damage(second)
    shelf = library.shelf()
    assert not shelf.active
    assert "installed model 'second' is not used" in shelf.faults["second"]
    with pytest.raises(AssetError, match="'second' is not used"):
        shelf.model("second")
    assert shelf.find("second") is None
    if damage is not no_folder:
        assert any(listed.fault for listed in overview(library, shelf))


@pytest.mark.parametrize("damage", [other_bytes, one_more])
def test_what_was_touched_is_mended_by_installing_it_again(
    library: Library, second: Path, tmp_path: Path, damage: object
) -> None:
    assert callable(damage)
    damage(second)
    assert not install(library, write_classifier(tmp_path / "given")).known
    assert library.shelf() == Shelf({"second": second})


def test_a_lost_pointer_still_shows_when_another_version_comes(library: Library, tmp_path: Path) -> None:
    put(library, tmp_path, "2")
    switch(library, None)
    (library.folder(CUE) / "active.json").unlink()
    put(library, tmp_path, "3")
    assert CUE in library.shelf().faults


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_library_of_somebody_else_is_a_fault(library: Library) -> None:
    library.path.mkdir(mode=0)
    assert "cannot be read" in library.shelf().faults["models"]


def test_what_ships_can_be_installed(library: Library, tmp_path: Path) -> None:
    for folder in SHIPPED.all().values():
        installed = install(library, folder).description
        with library.changing():
            activate(library, installed.name)
    assert library.shelf().active.keys() == SHIPPED.all().keys()


def test_a_damaged_quality_gate_is_a_fault_like_any_other(library: Library) -> None:
    install(library, assets.folder("models") / "quality")
    with library.changing():
        activate(library, "quality")
    manifest = library.shelf().active["quality"] / "manifest.toml"
    text = manifest.read_text()
    for wrong in (text.replace("max_blur", "most_blur"), "x = " + "[" * 5000):
        manifest.write_text(wrong)
        assert "is not used" in library.shelf().faults["quality"]
        assert library.shelf().model("quality") == assets.folder("models") / "quality"


def test_in_place_of_a_damaged_one_serves_what_ships(library: Library, tmp_path: Path) -> None:
    version = put(library, tmp_path, "2")
    switch(library, None)
    (library.folder(CUE) / version / "manifest.toml").write_bytes(b"")
    shelf = library.shelf()
    assert shelf.model(CUE) == assets.model(CUE)
    assert CUE in shelf.faults


def test_a_damaged_pointer_is_mended_by_activating(library: Library, tmp_path: Path) -> None:
    put(library, tmp_path, "2")
    (library.folder(CUE) / "active.json").write_bytes(b"{}")
    with library.changing(), pytest.raises(AssetError, match="is damaged"):
        rollback(library, CUE)
    switch(library, "2")
    assert version_of(library) == "2"


def test_a_pointer_is_read_as_it_was_written(tmp_path: Path) -> None:
    pointer = Pointer("a" * 64, None, changed=True)
    write_pointer(tmp_path, pointer)
    assert read_pointer(tmp_path) == pointer
    whole = (tmp_path / "active.json").read_bytes()
    for at in range(len(whole) - 1):
        (tmp_path / "active.json").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(AssetError, match="damaged"):
            read_pointer(tmp_path)


def test_the_active_version_cannot_be_removed(library: Library, tmp_path: Path) -> None:
    first, second = (put(library, tmp_path, version) for version in ("2", "3"))
    switch(library, "2")
    switch(library, "3")
    with library.changing(), pytest.raises(AssetError, match="is active"):
        remove(library, CUE, "3")
    with library.changing():
        assert remove(library, CUE, "2") == first
    assert library.versions(CUE) == (second,)
    assert library.pointer(CUE) == Pointer(second, None, changed=True)


def test_versions_are_bounded(library: Library, tmp_path: Path) -> None:
    for number in range(MAX_VERSIONS):
        put(library, tmp_path, f"v{number}")
    with pytest.raises(AssetError, match="livegate model remove"):
        put(library, tmp_path, "one more")


def test_another_that_changes_the_library_is_waited_for_in_bounds(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "LOCK_TIMEOUT_S", 0.1)
    with library.changing(), pytest.raises(AssetError, match="another command changes the models"):
        install(library, scorer(tmp_path / "given", "2"))
    with (library.path / ".lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(AssetError, match="another command changes the models"), library.changing():
            pass


def test_several_installations_at_once_all_succeed(library: Library, tmp_path: Path) -> None:
    given = [scorer(tmp_path / f"given{number}", f"v{number}") for number in range(4)]
    code = (
        "import sys; from pathlib import Path; from livegate.installed.installing import install;"
        "from livegate.installed.library import Library; install(Library(Path(sys.argv[1])), Path(sys.argv[2]))"
    )
    # The same one twice, too.
    commands = [[sys.executable, "-c", code, str(library.path), str(folder)] for folder in (*given, given[0])]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    for process in running:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert len(library.versions(CUE)) == len(given)
    assert all(library.whole(CUE, version) for version in library.versions(CUE))


def test_a_library_that_cannot_be_read_is_a_fault(library: Library) -> None:
    library.path.write_text("no folder")
    assert "cannot be read" in library.shelf().faults["models"]
