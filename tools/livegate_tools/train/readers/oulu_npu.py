"""OULU-NPU (Boulkenafet et al., FG 2017): 55 people, six phones, three rooms; prints and displays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from livegate.errors import AssetError
from livegate_tools.train.readers.shared.boxes import BoxTable, box_of_eyes
from livegate_tools.train.readers.shared.layout import files_of, folders_of, known, misfit, parts_of, text_lines
from livegate_tools.train.readers.shared.recording import Reader, Recording
from livegate_tools.train.readers.shared.sources import Video
from livegate_tools.train.samples import Split

_SPLITS = {"Train": Split.TRAIN, "Dev": Split.DEV, "Test": Split.TEST}
_EXPECTED = "Train_files/, Dev_files/ or Test_files/ with videos PHONE_SESSION_USER_FILE.avi"
# Two printers on A3 glossy paper, then a 19-inch monitor and a 13-inch notebook.
_SPECIES: dict[str, str | None] = {
    "1": None,
    "2": "print_flat",
    "3": "print_flat",
    "4": "replay_monitor",
    "5": "replay_monitor",
}
_INSTRUMENTS: dict[str, str | None] = {
    "1": None,
    "2": "printer_1",
    "3": "printer_2",
    "4": "display_1",
    "5": "display_2",
}


def find(folder: Path, protocol: str | None) -> Iterator[Recording]:
    """Yield the videos of the three folders, or those that the lists of ``protocol`` name (1, 2, 3_1 ... 4_6)."""
    for place in folders_of(folder, (f"{name}_files" for name in _SPLITS), _EXPECTED):
        name = place.name.removesuffix("_files")
        listed = None if protocol is None else _listed(folder, protocol, name)
        for path in files_of(place, (".avi",), _EXPECTED):
            if listed is None or path.stem in listed:
                yield _recording(path, _SPLITS[name])


def _listed(folder: Path, protocol: str, name: str) -> set[str]:
    number, _, fold = protocol.partition("_")
    place = folder / "Protocols" / f"Protocol_{number}"
    if not place.is_dir():
        raise misfit(folder, f"Protocols/Protocol_{number}/ for the protocol '{protocol}' (1, 2, 3_1 ... 4_6)")
    path = place / (f"{name}_{fold}.txt" if fold else f"{name}.txt")
    lines = list(text_lines(path, f"the list of protocol {protocol}"))
    wrong = next((line for line in lines if line.count(",") != 1), None)
    if wrong is not None:
        raise AssetError(f"{path}: '{wrong[:40]}'; expected a label, a comma and a video's name")
    return {line.split(",")[1].strip() for line in lines}


def _recording(path: Path, split: Split) -> Recording:
    phone, session, user, file = parts_of(path, "_", "PHONE_SESSION_USER_FILE")
    return Recording(
        path.stem,
        known(file, _SPECIES, path, "file number"),
        user,
        split,
        Video(path),
        BoxTable(path.with_suffix(".txt"), box_of_eyes, numbered=True),
        {"phone": phone, "session": session, "instrument": _INSTRUMENTS[file]},
    )


READER = Reader("OULU-NPU", find, "1, 2, 3_1 ... 3_6, 4_1 ... 4_6")
