"""Every reader on a miniature tree laid out as its set documents it, and on trees laid out otherwise."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.cli import main
from livegate.errors import AssetError, ConfigError, LivegateError
from livegate.samples.manifest import Sample, read_manifest
from livegate.types import Box, Face, Role
from livegate_tools.train import samples
from livegate_tools.train.readers import all_readers, find_reader
from livegate_tools.train.readers.shared.boxes import BoxTable, box_of_eyes, box_of_size
from livegate_tools.train.readers.shared.importer import BoxesFrom, Imported, Wanted, recordings_of, write_manifest
from livegate_tools.train.samples import Split
from support import datasets

FOUND = Box(1.0, 2.0, 30.0, 40.0)
TREES: dict[str, Callable[[Path], Path]] = {name: getattr(datasets, name) for name in all_readers()}
EYES = box_of_eyes(40, 20, 60, 20)


class OneFace:
    """Finds a small face and a larger one in every picture."""

    def __init__(self) -> None:
        self.seen = 0

    def detect(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        self.seen += 1
        return Face(Box(0, 0, 5, 5), 0.9, 0.1), Face(FOUND, 0.5, 0.4)


def imported(name: str, folder: Path, out: Path, wanted: Wanted | None = None) -> tuple[list[dict[str, Any]], Imported]:
    wanted = wanted or Wanted(every=2)
    source, reader = find_reader(name)
    result = write_manifest(source, recordings_of(reader, folder, wanted), out, wanted, OneFace)
    return [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()], result


def by_recording(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {line["recording"]: line for line in lines}


@pytest.mark.parametrize("name", TREES)
def test_what_is_written_trains_and_evaluates(name: str, tmp_path: Path) -> None:
    lines, result = imported(name, TREES[name](tmp_path / "set"), tmp_path / "out")
    assert result.failures == ()
    assert sum(result.counts.values()) == len(lines)
    manifest = tmp_path / "out" / "manifest.jsonl"
    entries = list(read_manifest(manifest))
    for entry, line in zip(entries, lines, strict=True):
        assert isinstance(entry, Sample)
        assert entry.moments[0].paths[Role.RGB].is_file()
        assert all(path.is_file() for path in entry.moments[0].paths.values())
        assert (entry.pai_species is None) == (line["label"] == "bona_fide")
        assert entry.source == name
    learnt = samples.read_manifest(manifest)
    assert len(learnt) == len(lines)
    assert {sample.split for sample in learnt} >= {Split.TRAIN, Split.DEV}
    by_subject: dict[str, set[Split]] = {}
    for sample in learnt:
        by_subject.setdefault(sample.subject, set()).add(sample.split)
    assert all(len(splits) == 1 for subject, splits in by_subject.items() if "unnamed" not in subject)
    samples.require_both_classes(samples.of_split(learnt, Split.TRAIN), "split train")


def test_oulu_npu(tmp_path: Path) -> None:
    lines, _ = imported("OULU-NPU", datasets.oulu_npu(tmp_path / "set"), tmp_path / "out")
    assert len(lines) == 30
    found = by_recording(lines)
    assert {name: line["split"] for name, line in found.items() if name.endswith("_1")} == {
        "1_2_01_1": "train",
        "1_2_21_1": "dev",
        "1_2_36_1": "test",
    }
    species = [found[f"1_2_01_{file}"]["pai_species"] for file in range(1, 6)]
    assert species == [None, "print_flat", "print_flat", "replay_monitor", "replay_monitor"]
    first, second = (line for line in lines if line["recording"] == "1_2_01_5")
    assert (first["id"], second["frame"]) == ("oulu_npu/1_2_01_5/00000", 2)
    assert (first["subject"], first["notes"]["phone"], first["notes"]["session"], first["notes"]["instrument"]) == (
        "01",
        "1",
        "2",
        "display_2",
    )
    assert EYES is not None
    assert first["box"] == [round(side, 1) for side in (EYES.x, EYES.y, EYES.w, EYES.h)]
    assert second["box"][0] == pytest.approx(first["box"][0] + 2)
    assert first["box_source"] == "set"
    frame = cv2.imread(str(tmp_path / "out" / second["rgb"]))
    assert frame is not None
    assert abs(float(frame.mean()) - 80) < 3


def test_a_protocol_names_what_is_taken(tmp_path: Path) -> None:
    folder = datasets.oulu_npu(tmp_path / "set")
    lines, _ = imported("oulu_npu", folder, tmp_path / "out", Wanted(every=9, protocol="1"))
    assert set(by_recording(lines)) == {"1_2_01_1", "1_2_01_4", "1_2_21_1", "1_2_36_5"}
    with pytest.raises(AssetError, match="Protocol_3"):
        imported("oulu_npu", folder, tmp_path / "out", Wanted(protocol="3_1"))
    with pytest.raises(ConfigError, match="leave it out"):
        imported("siw", datasets.siw(tmp_path / "siw"), tmp_path / "out", Wanted(protocol="1"))


def test_siw(tmp_path: Path) -> None:
    lines, _ = imported("SiW", datasets.siw(tmp_path / "set"), tmp_path / "out", Wanted(every=1, dev_share=0.5))
    found = by_recording(lines)
    assert found["003-1-2-2-1"]["pai_species"] == "print"
    assert found["003-1-3-4-1"]["pai_species"] == "replay"
    assert found["003-1-3-4-1"]["notes"]["medium"] == "4"
    assert {found[f"{subject}-1-1-1-1"]["split"] for subject in ("003", "004")} == {"train", "dev"}
    assert found["090-1-1-1-1"]["split"] == "test"
    live = [line for line in lines if line["recording"] == "003-1-1-1-1"]
    assert [line["box"] for line in live] == [[10, 5, 30, 40], [1, 2, 30, 40], [12, 5, 30, 40], [1, 2, 30, 40]]
    assert [line["box_source"] for line in live] == ["set", "livegate", "set", "livegate"]


def test_replay_attack(tmp_path: Path) -> None:
    lines, _ = imported("Replay-Attack", datasets.replay_attack(tmp_path / "set"), tmp_path / "out", Wanted(every=9))
    found = by_recording(lines)
    assert len(found) == 12
    name = "train/attack/hand/attack_mobile_client001_session01_mobile_video_controlled"
    line = found[name]
    assert (line["pai_species"], line["subject"], line["split"]) == ("replay_phone", "001", "train")
    assert (line["notes"]["support"], line["notes"]["shown"], line["notes"]["light"]) == ("hand", "video", "controlled")
    assert line["box"] == [10, 5, 30, 40]
    assert found["devel/real/client003_session01_webcam_authenticate_adverse_1"]["split"] == "dev"
    assert found["devel/real/client003_session01_webcam_authenticate_adverse_1"]["notes"]["light"] == "adverse"
    species = {line["pai_species"] for line in lines}
    assert species == {None, "print_flat", "replay_phone", "replay_tablet"}


def test_casia_fasd(tmp_path: Path) -> None:
    lines, _ = imported("CASIA-FASD", datasets.casia_fasd(tmp_path / "set"), tmp_path / "out", Wanted(every=9))
    found = by_recording(lines)
    assert [found[f"test_release/1/{stem}"]["pai_species"] for stem in ("HR_1", "3", "6", "HR_4")] == [
        None,
        "print_bent",
        "cutout_mask",
        "replay_tablet",
    ]
    assert [found[f"test_release/1/{stem}"]["notes"]["quality"] for stem in ("1", "2", "HR_1")] == [
        "normal",
        "low",
        "high",
    ]
    assert found["test_release/1/1"]["subject"] != found["train_release/1/1"]["subject"]
    assert found["test_release/1/1"]["box"] == [1, 2, 30, 40]


def test_msu_mfsd(tmp_path: Path) -> None:
    lines, _ = imported("MSU-MFSD", datasets.msu_mfsd(tmp_path / "set"), tmp_path / "out")
    found = by_recording(lines)
    assert not any("client055" in name for name in found)
    line = found["attack_client002_laptop_SD_ipad_video_scene01"]
    assert (line["pai_species"], line["subject"], line["notes"]["camera"]) == ("replay_tablet", "002", "laptop")
    assert line["box"] == [12, 5, 30, 40]
    assert found["real_client001_android_SD_scene01"]["split"] == "test"


def test_celeba_spoof(tmp_path: Path) -> None:
    folder = datasets.celeba_spoof(tmp_path / "set")
    lines, _ = imported("CelebA-Spoof", folder, tmp_path / "out")
    assert len(lines) == 12
    found = by_recording(lines)
    assert [found[f"Data/test/20/spoof/00000{number}"]["pai_species"] for number in (2, 3, 4)] == [
        "print_flat",
        "cutout_mask",
        "replay_phone",
    ]
    line = found["Data/train/11/live/000001"]
    assert line["rgb"] == str((folder / "Data/train/11/live/000001.jpg").resolve())
    assert line["box"] == [24, 8, 48, 40]
    assert line["subject"] == "11"


def test_casia_surf(tmp_path: Path) -> None:
    lines, _ = imported("CASIA-SURF", datasets.casia_surf(tmp_path / "set"), tmp_path / "out")
    living, attack, unnamed = lines
    assert (living["label"], living["subject"], living["split"]) == ("bona_fide", "CLKJ_AS0005", "train")
    assert living["nir"].endswith("Training/real_part/CLKJ_AS0005/real.rssdk/ir/101.jpg")
    assert (attack["pai_species"], attack["notes"]["instrument"]) == ("cutout_mask", "04_en_b")
    assert (unnamed["subject"], unnamed["split"]) == (None, "dev")
    left, top, width, height = living["box"]
    assert abs(left - 16) <= 2
    assert abs(top - 8) <= 2
    assert abs(width - 32) <= 4
    assert abs(height - 32) <= 4
    assert living["depth"] is None


def test_wmca(tmp_path: Path) -> None:
    lines, _ = imported("WMCA", datasets.wmca(tmp_path / "set"), tmp_path / "out")
    found = by_recording(lines)
    assert {name: line["pai_species"] for name, line in found.items() if "_0_" not in name} == {
        "530_03_001_2_18": "mask_flexible",
        "531_03_001_2_19": "mask_3d",
        "532_03_001_2_20": "mask_flexible",
        "018_02_000_3_10": "mask_flexible",
    }
    line = found["035_01_000_0_00"]
    assert (line["subject"], line["split"], line["frame"]) == ("035", "train", 2)
    assert found["037_01_000_0_00"]["split"] == "test"
    frame = cv2.imread(str(tmp_path / "out" / line["rgb"]))
    assert frame is not None
    blue, _, red = (float(plane.mean()) for plane in cv2.split(frame))
    assert blue > red
    nir = cv2.imread(str(tmp_path / "out" / line["nir"]), cv2.IMREAD_UNCHANGED)
    assert nir is not None
    assert (nir.ndim, int(nir[0, 0])) == (2, 82)


def test_wmca_raw(tmp_path: Path) -> None:
    frames = [(f"data/sr300/color/09_35_58_99{n}", datasets.grey(40 * n)) for n in range(3)]
    datasets.hdf5(tmp_path / "face-station/31.01.18/018_02_000_3_10.hdf5", frames)
    datasets.text(tmp_path / "PROTOCOL-grandtest.csv", "31.01.18/018_02_000_3_10.hdf5,3,train")
    (first, second), _ = imported("wmca", tmp_path, tmp_path / "out")
    assert (first["pai_species"], second["frame"], second["nir"]) == ("print_flat", 2, None)


@pytest.mark.parametrize("hostile", ["bomb", "outside", "link", "group"])
def test_an_hdf5_file_made_to_do_harm_is_left_out_and_named(tmp_path: Path, hostile: str) -> None:
    name, place = tmp_path / "set/31.01.18/018_02_000_3_10.hdf5", "data/sr300/color/1"
    (tmp_path / "secret").write_bytes(bytes(300))
    datasets.hdf5(tmp_path / "other.hdf5", [("color/1", datasets.grey(3))])
    name.parent.mkdir(parents=True)
    with h5py.File(name, "w") as file:
        if hostile == "bomb":
            file.create_dataset(place, shape=(60_000, 60_000, 3), dtype="u1", chunks=(100, 100, 3))
        elif hostile == "outside":
            file.create_dataset(place, shape=(10, 10, 3), dtype="u1", external=[(str(tmp_path / "secret"), 0, 300)])
        elif hostile == "link":
            file["data/sr300/color"] = h5py.ExternalLink(str(tmp_path / "other.hdf5"), "/color")
        else:
            file.create_group(place)
    datasets.text(tmp_path / "set/PROTOCOL-grandtest.csv", "31.01.18/018_02_000_3_10.hdf5,3,train")
    lines, found = imported("wmca", tmp_path / "set", tmp_path / "out")
    assert lines == []
    (failure,) = found.failures
    assert failure.startswith(f"{name}: ")


@pytest.mark.parametrize("name", ["../x/1/live/a.png", "/x/1/live/a.png", "Data/../1/live/a.png"])
def test_a_list_names_no_picture_outside_its_set(tmp_path: Path, name: str) -> None:
    labels = json.dumps({name: [0] * 44})
    datasets.text(tmp_path / "celeba/metas/intra_test/train_label.json", labels)
    datasets.text(tmp_path / "surf/train_list.txt", f"{name[:-5]}/color/a.jpg b/depth/a.jpg c/ir/a.jpg 1")
    for reader, folder in (("CelebA-Spoof", "celeba"), ("CASIA-SURF", "surf")):
        with pytest.raises(AssetError, match=r"outside the set|has the annotation"):
            recordings_of(find_reader(reader)[1], tmp_path / folder, Wanted())


def test_hq_wmca(tmp_path: Path) -> None:
    lines, _ = imported("HQ-WMCA", datasets.hq_wmca(tmp_path / "set"), tmp_path / "out")
    found = by_recording(lines)
    attack = found["1_01_0002_0003_05_01_007-aa"]
    assert (attack["pai_species"], attack["subject"], attack["split"]) == ("type_05", "0002", "dev")
    assert (attack["notes"]["presenter"], attack["notes"]["subtype"], attack["notes"]["instrument"]) == (
        "0003",
        "01",
        "007",
    )
    living = found["1_01_0001_0000_00_00_000-241b2419"]
    assert living["label"] == "bona_fide"
    frame = cv2.imread(str(tmp_path / "out" / living["rgb"]))
    assert frame is not None
    blue, _, red = (float(plane.mean()) for plane in cv2.split(frame))
    assert red > blue


def test_3dmad(tmp_path: Path) -> None:
    lines, _ = imported("3DMAD", datasets.mad_3d(tmp_path / "set"), tmp_path / "out")
    found = by_recording(lines)
    assert {name: line["split"] for name, line in found.items() if "_01_" in name[2:]} == {
        "01_01_05": "train",
        "09_01_05": "dev",
        "17_01_05": "test",
    }
    assert [found[f"01_{session}_05"]["pai_species"] for session in ("01", "02", "03")] == [None, None, "mask_3d"]
    assert EYES is not None
    assert found["01_01_05"]["box"][2] == pytest.approx(EYES.w, abs=0.05)


@pytest.mark.parametrize("name", TREES)
def test_another_layout_says_what_was_expected_and_found(name: str, tmp_path: Path) -> None:
    _, reader = find_reader(name)
    (tmp_path / "something").mkdir()
    with pytest.raises(AssetError, match=r"expected .*; found something/") as caught:
        recordings_of(reader, tmp_path, Wanted())
    assert str(tmp_path) in str(caught.value)
    with pytest.raises(AssetError, match="found no such folder"):
        recordings_of(reader, tmp_path / "nowhere", Wanted())


@pytest.mark.parametrize(
    ("name", "file", "word"),
    [
        ("oulu_npu", "Train_files/1_2_3.avi", "PHONE_SESSION_USER_FILE"),
        ("oulu_npu", "Train_files/1_2_03_9.avi", "file number '9'"),
        ("siw", "Train/live/001/001-1-1.mov", "SUBJECT-SENSOR"),
        ("siw", "Train/live/001/001_1_7_1_1.mov", "type '7'"),
        ("replay_attack", "train/real/somebody.mov", "clientNNN"),
        ("replay_attack", "train/attack/attack_mask_client001_session01_x_y_z.mov", "instrument 'mask'"),
        ("casia_fasd", "train_release/1/9.avi", "video '9'"),
        ("mad_3d", "session01/Data/a_01_05.hdf5", "SUBJECT_SESSION_SHOT"),
    ],
)
def test_a_file_of_another_name_is_named(name: str, file: str, word: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    with pytest.raises(AssetError, match=word) as caught:
        recordings_of(find_reader(name)[1], tmp_path, Wanted())
    assert file in str(caught.value)


def test_lists_with_wrong_lines_are_named(tmp_path: Path) -> None:
    folder = datasets.msu_mfsd(tmp_path / "msu")
    datasets.text(folder / "test_sub_list.txt", "one")
    with pytest.raises(AssetError, match="'one'"):
        recordings_of(find_reader("msu_mfsd")[1], folder, Wanted())
    folder = datasets.casia_surf(tmp_path / "surf")
    datasets.text(folder / "train_list.txt", "a b c")
    with pytest.raises(AssetError, match="line 1 is 'a b c'"):
        recordings_of(find_reader("casia_surf")[1], folder, Wanted())
    folder = datasets.wmca(tmp_path / "wmca")
    datasets.text(folder / "PROTOCOL-grandtest.csv", "31.01.18/035_01_000_0_00,train", "x,y")
    with pytest.raises(AssetError, match="row 2 ends in 'y'"):
        recordings_of(find_reader("wmca")[1], folder, Wanted())
    folder = datasets.celeba_spoof(tmp_path / "celeba")
    datasets.text(folder / "metas/intra_test/train_label.json", json.dumps({"Data/train/1/live/1.jpg": [0] * 3}))
    with pytest.raises(AssetError, match="41 numbers"):
        recordings_of(find_reader("celeba_spoof")[1], folder, Wanted())
    datasets.text(folder / "metas/intra_test/train_label.json", "{")
    with pytest.raises(AssetError, match="is not JSON"):
        recordings_of(find_reader("celeba_spoof")[1], folder, Wanted())


def test_a_damaged_recording_is_told_and_the_rest_is_done(tmp_path: Path) -> None:
    folder = datasets.oulu_npu(tmp_path / "set")
    (folder / "Train_files" / "1_2_01_1.avi").write_bytes(b"no video")
    (folder / "Train_files" / "1_2_01_2.txt").write_text("x,y\n")
    lines, result = imported("oulu_npu", folder, tmp_path / "out")
    assert len(result.failures) == 2
    assert "1_2_01_1.avi: no frame can be decoded" in result.failures[0]
    assert "1_2_01_2.txt: line 1 is 'x,y'" in result.failures[1]
    assert set(by_recording(lines)) >= {"1_2_01_3", "1_2_36_5"}


def test_a_name_that_is_no_text_is_told(tmp_path: Path) -> None:
    folder = datasets.replay_attack(tmp_path / "set")
    odd = os.fsdecode(b"client\xff02_session01_webcam_authenticate_adverse_1.mov")
    datasets.video(tmp_path / "written.avi").replace(folder / "train" / "real" / odd)
    _, result = imported("replay_attack", folder, tmp_path / "out")
    assert len(result.failures) == 1
    assert "no text in UTF-8" in result.failures[0]


def test_whose_boxes(tmp_path: Path) -> None:
    folder = datasets.casia_fasd(tmp_path / "set")
    lines, result = imported("casia_fasd", folder, tmp_path / "a", Wanted(every=9, boxes=BoxesFrom.SET))
    assert {line["box_source"] for line in lines} == {None}
    assert result.without_box == len(lines)
    lines, _ = imported("oulu_npu", datasets.oulu_npu(tmp_path / "o"), tmp_path / "b", Wanted(1, BoxesFrom.DETECTOR))
    assert {line["box_source"] for line in lines} == {"livegate"}


def test_no_dev_share_leaves_the_sets_own_division(tmp_path: Path) -> None:
    lines, _ = imported("siw", datasets.siw(tmp_path / "set"), tmp_path / "out", Wanted(every=9, dev_share=0))
    assert {line["split"] for line in lines} == {"train", "test"}


def test_at_most_so_many_recordings_and_everyone_first(tmp_path: Path) -> None:
    folder = datasets.casia_fasd(tmp_path / "set")
    lines, _ = imported("casia_fasd", folder, tmp_path / "a", Wanted(every=9, dev_share=0.5, most=4))
    again, _ = imported("casia_fasd", folder, tmp_path / "b", Wanted(every=9, dev_share=0.5, most=4))
    assert lines == again
    for split in Split:
        taken = [line for line in lines if line["split"] == split]
        # Four species of one person: one recording of each, though there are three living ones.
        assert sorted(str(line["pai_species"]) for line in taken) == [
            "None",
            "cutout_mask",
            "print_bent",
            "replay_tablet",
        ]


def test_box_tables(tmp_path: Path) -> None:
    table = BoxTable(datasets.text(tmp_path / "a.face", "", "[1 2 3 4]", " 5,6, 7,8"), box_of_size, numbered=False)
    image = datasets.grey(0)
    assert [table(number, image) for number in range(3)] == [Box(1, 2, 3, 4), Box(5, 6, 7, 8), None]
    assert BoxTable(tmp_path / "none", box_of_size, numbered=False)(0, image) is None
    assert box_of_eyes(3, 3, 3, 3) is None


def test_a_missing_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = datasets.mad_3d(tmp_path / "set")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(LivegateError, match=r"pip install 'livegate\[datasets\]'"):
        imported("3dmad", folder, tmp_path / "out")


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = datasets.msu_mfsd(tmp_path / "set"), tmp_path / "out"
    (folder / "scene01/real/real_client002_android_SD_scene01.mov").write_bytes(b"")
    more = ["--out", str(out), "--boxes", "set", "--every", "2", "--dev-share", "0.5"]
    assert main(["train", "import", "MSU-MFSD", str(folder), *more]) == 1
    said = capsys.readouterr()
    assert "manifest.jsonl: 22 samples of 12 recordings" in said.out
    assert "test: 2 bona_fide, 2 print_flat" in said.out
    assert "no frame can be decoded" in said.err
    assert (out / "manifest.jsonl").is_file()
    assert main(["train", "import", "MSU-MFSD", "--out", str(out)]) == 2
    assert main(["train", "import", "none", str(folder), "--out", str(out)]) == 2
    assert "there are CASIA-FASD" in capsys.readouterr().err
    assert main(["train", "import", "SiW", str(folder), "--out", str(out), "--every", "0"]) == 2
    assert main(["train", "import", "SiW", str(folder), "--out", str(out), "--dev-share", "1"]) == 2
    assert main(["train", "import", "SiW", str(folder), "--out", str(out), "--most", "0"]) == 2
    assert main(["train", "import", "SiW", str(folder), "--out", str(out)]) == 1
    assert "expected Train/ or Test/" in capsys.readouterr().err
