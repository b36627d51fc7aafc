from __future__ import annotations

from pathlib import Path

import pytest

from livegate.errors import LivegateError
from livegate_tools.whole import write_whole


def test_a_file_is_replaced_and_nothing_else_left(tmp_path: Path) -> None:
    write_whole(tmp_path / "part.json", "old")
    write_whole(tmp_path / "part.json", "ñew\n")
    assert [path.name for path in tmp_path.iterdir()] == ["part.json"]
    assert (tmp_path / "part.json").read_text("utf-8") == "ñew\n"


def test_what_could_not_be_written_whole_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "part.json.new").symlink_to("/dev/full")
    with pytest.raises(LivegateError, match=r"part\.json: cannot be written"):
        write_whole(tmp_path / "part.json", "text")
    assert not (tmp_path / "part.json").exists()
