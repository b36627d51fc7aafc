"""Miniature trees laid out as the licensed sets document it, with pictures of nobody."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 96, 64


def grey(level: int) -> NDArray[np.uint8]:
    return np.full((HEIGHT, WIDTH, 3), level, dtype=np.uint8)


def video(path: Path, frames: int = 4) -> Path:
    """Write a video whose frame ``n`` is the grey ``40 * n``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (WIDTH, HEIGHT))
    assert writer.isOpened()
    for number in range(frames):
        writer.write(grey(40 * number))
    writer.release()
    return path


def quicktime(path: Path, frames: int = 4) -> Path:
    """Write the same under a name the writer does not know."""
    written = video(path.with_suffix(".avi"), frames)
    return written.replace(path)


def text(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def picture(path: Path, image: NDArray[np.uint8] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), grey(120) if image is None else image)
    return path


def oulu_npu(root: Path) -> Path:
    for name, user in (("Train", "01"), ("Dev", "21"), ("Test", "36")):
        for file in range(1, 6):
            path = video(root / f"{name}_files" / f"1_2_{user}_{file}.avi")
            text(path.with_suffix(".txt"), "0,40,20,60,20", "1,0,0,0,0", "2,42,20,62,20")
    text(root / "Protocols/Protocol_1/Train.txt", "+1,1_2_01_1", "-1,1_2_01_4")
    text(root / "Protocols/Protocol_1/Dev.txt", "+1,1_2_21_1")
    text(root / "Protocols/Protocol_1/Test.txt", "-2,1_2_36_5")
    return root


def siw(root: Path) -> Path:
    for split, subject in (("Train", "003"), ("Train", "004"), ("Test", "090")):
        for folder, kind, medium in (("live", 1, 1), ("spoof", 2, 2), ("spoof", 3, 4)):
            path = quicktime(root / split / folder / subject / f"{subject}-1-{kind}-{medium}-1.mov")
            text(path.with_suffix(".face"), "10 5 40 45", "0 0 0 0", "12 5 42 45")
    return root


def replay_attack(root: Path) -> Path:
    for split, client in (("train", "001"), ("devel", "003"), ("test", "009")):
        names = [
            f"real/client{client}_session01_webcam_authenticate_adverse_1",
            f"attack/fixed/attack_print_client{client}_session01_highdef_photo_adverse",
            f"attack/hand/attack_mobile_client{client}_session01_mobile_video_controlled",
            f"attack/hand/attack_highdef_client{client}_session01_highdef_video_controlled",
        ]
        for name in names:
            quicktime(root / split / f"{name}.mov")
            text(root / "face-locations" / split / f"{name}.face", "0 10 5 30 40", "1 0 0 0 0")
    return root


def casia_fasd(root: Path) -> Path:
    for folder, subjects in (("train_release", (1, 2)), ("test_release", (1,))):
        for subject in subjects:
            for stem in ("1", "2", "HR_1", "3", "HR_2", "6", "HR_4"):
                video(root / folder / str(subject) / f"{stem}.avi")
    return root


def msu_mfsd(root: Path) -> Path:
    text(root / "train_sub_list.txt", "02", "03")
    text(root / "test_sub_list.txt", "01")
    for client in ("001", "002", "003", "055"):
        for name in (
            f"real/real_client{client}_android_SD_scene01",
            f"attack/attack_client{client}_laptop_SD_printed_photo_scene01",
            f"attack/attack_client{client}_laptop_SD_ipad_video_scene01",
            f"attack/attack_client{client}_laptop_SD_iphone_video_scene01",
        ):
            path = quicktime(root / "scene01" / f"{name}.mov")
            text(path.with_suffix(".face"), "0, 10, 5, 40, 45, 20, 20, 30, 20", "2, 12, 5, 42, 45, 22, 20, 32, 20")
    return root


def celeba_spoof(root: Path) -> Path:
    for split, subject in (("train", "11"), ("train", "12"), ("test", "20")):
        labels = {}
        for presented, number, kind in (("live", 1, 0), ("spoof", 2, 3), ("spoof", 3, 6), ("spoof", 4, 9)):
            name = f"Data/{split}/{subject}/{presented}/00000{number}.jpg"
            path = picture(root / name)
            path.with_name(f"{path.stem}_BB.txt").write_text("56 28 112 140 0.99\n")
            labels[name] = [*([1] * 40), kind, 1, 2, int(kind > 0)]
        place = root / "metas" / "intra_test" / f"{split}_label.json"
        known = json.loads(place.read_text()) if place.exists() else {}
        text(place, json.dumps(known | labels))
    return root


def casia_surf(root: Path) -> Path:
    cut_out = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    cut_out[8:40, 16:48] = 200

    def line(folder: str, name: str, label: int) -> str:
        streams = [f"{folder}/{stream}/{name}" for stream in ("color", "depth", "ir")]
        for stream in streams:
            picture(root / stream, cut_out)
        return f"{' '.join(streams)} {label}"

    text(
        root / "train_list.txt",
        line("Training/real_part/CLKJ_AS0005/real.rssdk", "101.jpg", 1),
        line("Training/fake_part/CLKJ_AS0005/04_en_b.rssdk", "101.jpg", 0),
    )
    names = [f"Val/0000/000000-{stream}.jpg" for stream in ("color", "depth", "ir")]
    for name in names:
        picture(root / name, cut_out)
    text(root / "val_private_list.txt", f"{' '.join(names)} 0")
    return root


def hdf5(path: Path, arrays: Iterable[tuple[str, NDArray[np.generic]]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, values in arrays:
            file[name] = values
    return path


def _planes(count: int, *, frames: int = 4) -> NDArray[np.uint8]:
    """Return (frames, count, H, W): plane ``c`` of frame ``n`` is 40 n + c."""
    planes = np.zeros((frames, count, HEIGHT, WIDTH), dtype=np.uint8)
    for number in range(frames):
        for plane in range(count):
            planes[number, plane] = 40 * number + plane
    return planes


def wmca(root: Path) -> Path:
    recordings = (
        ("035_01_000_0_00", "train"),
        ("530_03_001_2_18", "train"),
        ("531_03_001_2_19", "train"),
        ("036_01_000_0_00", "dev"),
        ("018_02_000_3_10", "dev"),
        ("037_01_000_0_00", "eval"),
        ("532_03_001_2_20", "eval"),
    )
    colour, other = _planes(3), _planes(4)
    for name, _ in recordings:
        day = f"face-station/31.01.18/{name}.hdf5"
        frames = [(f"Frame_{number}/array", colour[number]) for number in range(4)]
        hdf5(root / "WMCA_preprocessed_RGB/WMCA" / day, frames)
        frames = [(f"Frame_{number}/array", other[number]) for number in range(4)]
        hdf5(root / "WMCA_preprocessed_CDIT/WMCA" / day, frames)
    rows = [f"31.01.18/{name},{int(name.split('_')[3] != '0')},0,{group}" for name, group in recordings]
    text(root / "PROTOCOL-grandtest.csv", "path,label,type,group", *rows)
    flexible = [row for row in rows if "530_" not in row and "532_" not in row and "018_" not in row]
    text(root / "PROTOCOL-LOO_flexiblemask.csv", *flexible, "31.01.18/532_03_001_2_20,1,0,eval")
    rigid = [row for row in rows if "531_" not in row and "532_" not in row]
    text(root / "PROTOCOL-LOO_rigidmask.csv", *rigid)
    return root


def hq_wmca(root: Path) -> Path:
    recordings = (
        ("1_01_0001_0000_00_00_000-241b2419", "train"),
        ("1_02_0004_0003_03_01_001-bb", "train"),
        ("1_01_0002_0003_05_01_007-aa", "validation"),
    )
    for name, _ in recordings:
        hdf5(root / "01.03.19" / f"{name}.h5", [("BASLER_BGR", _planes(3))])
    rows = [f"01.03.19/{name},{group}" for name, group in recordings]
    text(root / "PROTOCOL-grand_test.csv", *rows)
    return root


def mad_3d(root: Path) -> Path:
    eyes = np.array([[40, 20, 60, 20]] * 4, dtype=np.float64)
    for subject in ("01", "09", "17"):
        for session in ("01", "02", "03"):
            path = root / f"session{session}" / "Data" / f"{subject}_{session}_05.hdf5"
            depth = np.zeros((4, 1, HEIGHT, WIDTH), dtype=np.uint16)
            hdf5(path, [("Color_Data", _planes(3)), ("Depth_Data", depth), ("Eye_Pos", eyes)])
    return root
