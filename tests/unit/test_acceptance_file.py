from __future__ import annotations

from pathlib import Path

import pytest

from livegate.acceptance.file import BEFORE, FILE, Kept, check_models, keep, load, undo
from livegate.errors import CalibrationError, StoreError
from support.calibrations import MODELS, TABLES, shifting


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    return state


def test_what_is_kept_is_read_again(folder: Path) -> None:
    assert load(folder) is None
    kept = keep(folder, TABLES)
    assert load(folder) == kept
    assert kept.tables == TABLES
    assert (folder / FILE).stat().st_mode & 0o077 == 0
    assert kept.recalibration.shift(frozenset({"detector", "near_infrared"})) == 0.25
    assert kept.recalibration.shift(frozenset({"detector"})) == 0.0


def test_undo_brings_back_what_was_before_and_then_nothing(folder: Path) -> None:
    first = keep(folder, TABLES)
    keep(folder, shifting(-0.5))
    assert undo(folder) == first == load(folder)
    assert undo(folder) is None
    assert load(folder) is None
    with pytest.raises(CalibrationError, match="nothing to take back"):
        undo(folder)


def test_a_power_cut_between_the_two_writes_changes_nothing(folder: Path) -> None:
    first = keep(folder, TABLES)
    # As keep() leaves it before the file itself is replaced.
    (folder / BEFORE).write_bytes((folder / FILE).read_bytes())
    assert load(folder) == first
    assert undo(folder) == first


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[recalibration]\n",
        b"a = [" * 5000,
        b"#" * 100_000,
    ],
)
def test_a_damaged_file_is_refused_by_name_and_can_be_taken_away(folder: Path, content: bytes) -> None:
    keep(folder, TABLES)
    (folder / FILE).write_bytes(content)
    with pytest.raises(CalibrationError, match=FILE):
        load(folder)
    keep(folder, shifting(0.1))
    assert undo(folder) is None


@pytest.mark.parametrize("wrong", ["shift_llr = 2.5", "shift_llr = nan", "shift_llr = -inf", 'shift_llr = "1"'])
def test_no_file_moves_beyond_the_bound(folder: Path, wrong: str) -> None:
    keep(folder, TABLES)
    path = folder / FILE
    path.write_text(path.read_text().replace("shift_llr = 0.25", wrong))
    with pytest.raises(CalibrationError, match="damaged"):
        load(folder)


def test_a_file_that_others_may_touch_is_not_used(folder: Path) -> None:
    keep(folder, TABLES)
    (folder / FILE).chmod(0o644)
    with pytest.raises(CalibrationError, match="chmod 600"):
        load(folder)


def test_no_link_is_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("x")
    (folder / FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CalibrationError, match="plain file"):
        load(folder)


def test_nothing_is_written_where_others_may_write(folder: Path) -> None:
    folder.chmod(0o777)
    with pytest.raises(StoreError, match="others may write"):
        keep(folder, TABLES)


@pytest.mark.parametrize(
    ("models", "named"),
    [
        (MODELS | {"detector": "9" * 64}, "detector"),
        ({"detector": "a" * 64, "fusion": "b" * 64}, "own.net"),
        (MODELS | {"another": "e" * 64}, "another"),
    ],
)
def test_a_calibration_of_other_models_is_refused_and_names_one(
    folder: Path, models: dict[str, str], named: str
) -> None:
    kept: Kept = keep(folder, TABLES)
    check_models(kept, MODELS)
    with pytest.raises(CalibrationError, match=named):
        check_models(kept, models)
