"""What comes from outside as a model, and is none, is refused before anything of it is kept or run."""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from livegate.errors import AssetError
from livegate.installed.installing import install
from livegate.installed.intake import MAX_FILE_BYTES, MAX_FILES, MAX_MANIFEST_BYTES, open_source, read_all
from livegate.installed.library import Library
from livegate.installed.onnx_guard import check_onnx
from support import onnx_files as onnx
from support.onnx_files import write_classifier

OUTPUT = onnx.value("output", (1, 3))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    state_dir = tmp_path / "state"
    state_dir.mkdir(mode=0o700)
    return Library.of(state_dir)


def refuses(library: Library, path: Path, text: str) -> None:
    with pytest.raises(AssetError, match=text):
        install(library, path)
    assert library.names() == ()
    assert [entry.name for entry in library.path.glob("*")] in ([], [".lock"])


def packed(folder: Path, path: Path, inside: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, inside + file.name)
    return path


def linked(folder: Path) -> str:
    (folder / "CARD.md").unlink()
    (folder / "CARD.md").symlink_to("/etc/hostname")
    return "no plain file"


def piped(folder: Path) -> str:
    (folder / "LICENSE").unlink()
    os.mkfifo(folder / "LICENSE")
    return "no plain file"


def nested(folder: Path) -> str:
    (folder / "more").mkdir()
    return "no plain file"


def hidden(folder: Path) -> str:
    (folder / ".profile").write_text("echo")
    return r"'\.profile', which is no plain name"


def unlisted(folder: Path) -> str:
    (folder / "weights.bin").write_bytes(b"0")
    return r"'weights\.bin', which manifest\.toml does not list"


def crowded(folder: Path) -> str:
    for number in range(MAX_FILES):
        (folder / f"README{number}").touch()
    return f"expected at most {MAX_FILES}"


def swapped(folder: Path) -> str:
    (folder / "net.onnx").write_bytes(onnx.classifier(2.0))
    return "is not the file manifest.toml names"


def gone(folder: Path) -> str:
    (folder / "net.onnx").unlink()
    return "lacks 'net.onnx'"


def endless(folder: Path) -> str:
    with (folder / "net.onnx").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    return f"longer than {MAX_FILE_BYTES} bytes"


def without_manifest(folder: Path) -> str:
    (folder / "manifest.toml").unlink()
    return "lacks manifest.toml"


def of_no_kind(folder: Path) -> str:
    change(folder, "crop_classifier", "oracle")
    return r"'kind' as one of ssd, crop_classifier"


def with_unknown_key(folder: Path) -> str:
    change(folder, "[crop]", "[crop]\nzoom = 2")
    return "unknown key 'zoom'"


def climbing(folder: Path) -> str:
    change(folder, '"net.onnx"', '"../net.onnx"')
    return "does not match"


def named_outside(folder: Path) -> str:
    change(folder, '"second"', '"../second"')
    return "is no name of a model"


def named_like_a_cue(folder: Path) -> str:
    change(folder, '"second"', '"near_infrared"')
    return "is a model of kind 'logistic' here"


def named_like_the_detector(folder: Path) -> str:
    change(folder, '"second"', '"detector"')
    return "is a cue of ours"


def change(folder: Path, old: str, new: str) -> None:
    text = (folder / "manifest.toml").read_text()
    assert old in text
    (folder / "manifest.toml").write_text(text.replace(old, new))


@pytest.mark.parametrize(
    "spoil",
    [
        linked,
        piped,
        nested,
        hidden,
        unlisted,
        crowded,
        swapped,
        gone,
        endless,
        without_manifest,
        of_no_kind,
        with_unknown_key,
        climbing,
        named_outside,
        named_like_a_cue,
        named_like_the_detector,
    ],
)
def test_a_folder_that_is_no_whole_model_is_refused(tmp_path: Path, library: Library, spoil: object) -> None:
    assert callable(spoil)
    folder = write_classifier(tmp_path / "given")
    refuses(library, folder, spoil(folder))


def test_what_is_neither_folder_nor_zip_is_refused(tmp_path: Path, library: Library) -> None:
    refuses(library, tmp_path / "nothing", "neither a folder nor a ZIP file")
    (tmp_path / "text").write_text("no model")
    refuses(library, tmp_path / "text", "no plain ZIP file")
    (tmp_path / "end").write_bytes(b"PK\x05\x06" + bytes(18))
    refuses(library, tmp_path / "end", r"lacks manifest\.toml")


def test_a_zip_is_read_with_and_without_a_folder_around(tmp_path: Path) -> None:
    folder = write_classifier(tmp_path / "given")
    for inside in ("", "second-1/"):
        source = open_source(packed(folder, tmp_path / "model.zip", inside))
        found = read_all(source, ["net.onnx"])
        assert found == {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../../escape", "no plain name"),
        ("/etc/escape", "no plain name"),
        ("a/b/c", "no plain name"),
        ("..\\escape", "no plain name"),
        ("bad\nname", "no plain name"),
        ("manifest.toml", "there twice"),
        ("LICENSE", "there twice"),
        ("License", "holds a name twice"),
    ],
)
def test_a_zip_with_strange_names_is_refused(tmp_path: Path, library: Library, name: str, said: str) -> None:
    path = packed(write_classifier(tmp_path / "given"), tmp_path / "model.zip")
    with zipfile.ZipFile(path, "a") as archive, pytest.MonkeyPatch.context() as patch:
        # Python warns of a second member of a name; that is what is tried here.
        patch.setattr(archive, "NameToInfo", {})
        archive.writestr(name, "x")
    refuses(library, path, said)


def test_a_zip_with_a_link_is_refused(tmp_path: Path, library: Library) -> None:
    path = packed(write_classifier(tmp_path / "given"), tmp_path / "model.zip")
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("NOTICE")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/hostname")
    refuses(library, path, "is a link")


def test_a_zip_that_unpacks_without_end_is_refused(tmp_path: Path, library: Library) -> None:
    folder = write_classifier(tmp_path / "given")
    with (folder / "README").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    path = packed(folder, tmp_path / "model.zip")
    assert path.stat().st_size < MAX_FILE_BYTES / 100
    refuses(library, path, f"longer than {MAX_MANIFEST_BYTES} bytes")
    source = open_source(path)
    with pytest.raises(AssetError, match=f"longer than {MAX_FILE_BYTES} bytes"):
        source.read("README", MAX_FILE_BYTES)


def test_a_zip_with_a_member_without_a_name_is_refused(tmp_path: Path, library: Library) -> None:
    path = packed(write_classifier(tmp_path / "given"), tmp_path / "model.zip")
    nameless = bytearray(path.read_bytes())
    # What Python cuts a name at.
    nameless[nameless.rindex(b"net.onnx")] = 0
    path.write_bytes(nameless)
    refuses(library, path, "no plain name")


def test_a_manifest_whose_keys_would_take_days_to_parse_is_refused(tmp_path: Path, library: Library) -> None:
    folder = write_classifier(tmp_path / "given")
    text = (folder / "manifest.toml").read_text()
    for long in (".".join(["a"] * 20_000), ' . "a"' * 20_000):
        (folder / "manifest.toml").write_text(f"{text}\n[training.x.{long.lstrip(' .')}]\n")
        refuses(library, folder, "more than 64 dots")


def test_a_zip_whose_list_of_members_is_long_is_not_read(tmp_path: Path, library: Library) -> None:
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(1_000):
            archive.writestr(f"README{number}", "")
    refuses(library, path, "holds too much for a model")


def test_a_zip_that_is_damaged_is_refused(tmp_path: Path, library: Library) -> None:
    path = packed(write_classifier(tmp_path / "given"), tmp_path / "model.zip")
    whole = path.read_bytes()
    for cut in range(0, len(whole), 97):
        path.write_bytes(whole[:cut])
        refuses(library, path, "ZIP file")
    at = whole.index(b"net.onnx") + len("net.onnx")
    path.write_bytes(whole[:at] + b"\xff" * 16 + whole[at + 16 :])
    refuses(library, path, "cannot be unpacked|is not the file")
    directory = whole.index(b"PK\x01\x02")
    encrypted = bytearray(whole)
    encrypted[directory + 8 : directory + 10] = struct.pack("<H", 1)
    path.write_bytes(encrypted)
    refuses(library, path, "encrypted")


def external() -> bytes:
    location = onnx.blob(1, "location") + onnx.blob(2, "../../../etc/passwd")
    outside = onnx.tensor("weight", np.ones(1, np.float32), onnx.blob(13, location) + onnx.number(14, 1))
    scaled = onnx.node("Mul", ["pooled", "weight"], "scaled")
    flat = onnx.node("Flatten", ["scaled"], "output")
    return onnx.model(onnx.graph([onnx.POOL, scaled, flat], OUTPUT, initializers=[outside]))


def external_constant() -> bytes:
    outside = onnx.tensor("", np.ones(1, np.float32), onnx.number(14, 1))
    constant = onnx.node("Constant", [], "weight", onnx.blob(1, "value") + onnx.blob(5, outside))
    return onnx.model(onnx.graph([onnx.POOL, constant, onnx.FLAT], OUTPUT))


def external_by_wide_tags() -> bytes:
    """Hide the fields behind a 33rd bit of their tags, which protobuf's own parser drops."""
    above = 1 << 29
    location = onnx.blob(1, "location") + onnx.blob(2, "secret")
    outside = onnx.tensor(
        "weight", np.ones(1, np.float32), onnx.blob(above | 13, location) + onnx.number(above | 14, 1)
    )
    scaled = onnx.node("Mul", ["pooled", "weight"], "scaled")
    flat = onnx.node("Flatten", ["scaled"], "output")
    return onnx.model(onnx.graph([onnx.POOL, scaled, flat], OUTPUT, initializers=[outside]))


def custom() -> bytes:
    own = onnx.node("Evil", ["pooled"], "done", domain="com.example")
    return onnx.model(onnx.graph([onnx.POOL, own, onnx.FLAT], OUTPUT))


def looping() -> bytes:
    body = onnx.graph([onnx.POOL], OUTPUT)
    loop = onnx.node("Loop", ["pooled"], "done", onnx.graph_attribute("body", body))
    return onnx.model(onnx.graph([onnx.POOL, loop, onnx.FLAT], OUTPUT))


def with_functions() -> bytes:
    return onnx.model(onnx.graph([onnx.POOL, onnx.FLAT], OUTPUT), onnx.blob(25, onnx.blob(1, "f")))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (external(), "keeps weights in another file"),
        (external_constant(), "keeps weights in another file"),
        (external_by_wide_tags(), "number is too long"),
        (custom(), r"'com\.example'\.'Evil', which is not of the ONNX standard"),
        (looping(), "holds a graph"),
        (with_functions(), "functions or training"),
        (b"", "0 graphs"),
        (b"\x0a", "is no ONNX file"),
        (b"\x3b", "is no ONNX file"),
        (b"\xff" * 12, "is no ONNX file"),
        (onnx.blob(7, b""), "0 operators"),
        (onnx.number(7, 1), "is no ONNX file"),
        (onnx.classifier()[:-20], "is no ONNX file"),
    ],
)
def test_an_onnx_file_that_reaches_out_is_refused(tmp_path: Path, library: Library, content: bytes, said: str) -> None:
    refuses(library, write_classifier(tmp_path / "given", content), said)


def test_every_damage_of_an_onnx_file_is_refused_or_passed_on_in_bounds() -> None:
    whole = onnx.classifier()
    check_onnx(whole, "net.onnx")
    for at in range(len(whole)):
        for byte in (0x00, 0x7F, 0xFF):
            with contextlib.suppress(AssetError):
                check_onnx(whole[:at] + bytes([byte]) + whole[at + 1 :], "net.onnx")
