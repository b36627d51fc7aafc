"""``livegate detect`` on folders of good and bad pictures, with a network that behaves."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.cli import main
from livegate.errors import ConfigError
from livegate.pictures.files import find_pictures, natural
from livegate.pictures.reading import read_picture
from livegate.progress import Progress
from livegate.types import Box, Face
from livegate.verbs import detect
from support.models import bright_detector, write_tiny


def _picture(colour: tuple[int, int, int] = (0, 255, 0)) -> NDArray[np.uint8]:
    image = np.zeros((240, 320, 3), dtype=np.uint8)
    image[60:160, 100:175] = colour
    return image


def _save(path: Path, image: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    return path


def _run(tmp_path: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    detect.add_arguments(parser)
    return detect.detect_all(parser.parse_args(words), bright_detector(tmp_path / "model"))


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    out, err = capsys.readouterr()
    assert err == ""
    return [json.loads(line) for line in out.splitlines()]


def test_one_json_line_a_picture_with_the_verdict_of_each_face(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live = _save(tmp_path / "live.png", _picture())
    attack = _save(tmp_path / "attack.png", _picture((0, 0, 255)))
    nobody = _save(tmp_path / "nobody.png", np.zeros((7, 9, 3), np.uint8))
    assert _run(tmp_path, "--json", str(live), str(attack), str(nobody)) == 0
    first, second, third = _lines(capsys)
    assert set(first) == {"path", "width", "height", "faces", "latency_ms"}
    assert (first["path"], first["width"], first["height"]) == (str(live), 320, 240)
    assert first["faces"] == [
        {"box": pytest.approx([100, 60, 75, 100], abs=1), "p_bona_fide": 0.9, "p_attack": 0.08, "verdict": "bona_fide"}
    ]
    assert second["faces"][0]["verdict"] == "attack"
    assert third["faces"] == []


class _OneFace:
    """Finds a face and knows no more of it, as what needs no network."""

    def detect(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        return (Face(Box(100.0, 60.0, 75.0, 100.0), 0.45, 0.45),)


def test_what_is_no_network_says_nothing_of_liveness(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    detect.add_arguments(parser)
    path = str(_save(tmp_path / "live.png", _picture()))
    words = [path, "--json", "--draw", str(tmp_path / "drawn")]
    assert detect.detect_all(parser.parse_args(words), _OneFace()) == 0
    (line,) = _lines(capsys)
    assert line["faces"] == [
        {"box": [100, 60, 75, 100], "p_bona_fide": None, "p_attack": None, "verdict": None, "confidence": 0.9}
    ]
    assert list((tmp_path / "drawn").iterdir())
    assert detect.detect_all(parser.parse_args([path]), _OneFace()) == 0
    assert "living or not the finder cannot tell" in capsys.readouterr().out


def test_bad_pictures_are_reported_and_the_rest_still_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "pictures"
    _save(folder / "frame10.png", _picture())
    _save(folder / "frame9.png", _picture())
    _save(folder / "deeper" / "one.png", _picture())
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "notes.txt").write_text("not a picture and not called one")
    assert _run(tmp_path, "--json", str(folder), str(tmp_path / "missing.png")) == 1
    lines = _lines(capsys)
    assert [Path(line["path"]).name for line in lines] == [
        "broken.jpg", "one.png", "frame9.png", "frame10.png", "missing.png",
    ]  # fmt: skip
    assert ["error" in line for line in lines] == [True, False, False, False, True]
    assert "cut short" in lines[0]["error"]


def test_text_for_people_and_errors_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    live = _save(tmp_path / "live.png", _picture())
    assert _run(tmp_path, str(live), str(tmp_path / "gone.png")) == 1
    out, err = capsys.readouterr()
    assert "live.png: bona_fide (bona fide 0.900, attack 0.080) at 100,60 75x100 (" in out
    assert err.startswith(f"{tmp_path / 'gone.png'}: cannot be read")
    assert "\r" not in err


def test_names_that_are_no_text_are_printed_all_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = _save(tmp_path / "odd\udcff\n\x1b[31m.png", _picture())
    assert _run(tmp_path, str(odd)) == 0
    assert _run(tmp_path, "--json", str(odd)) == 0
    plain, as_json = capsys.readouterr().out.splitlines()
    assert plain.isprintable()
    assert json.loads(as_json)["path"] == str(odd)


def test_an_empty_folder_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert _run(tmp_path, "--json", str(tmp_path / "empty")) == 1
    assert "no picture" in _lines(capsys)[0]["error"]


def test_drawn_copies_replace_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "pictures"
    original = _save(folder / "deeper" / "one.png", _picture())
    before = original.read_bytes()
    for _ in range(2):
        assert _run(tmp_path, str(folder), "--draw", str(folder / "drawn")) == 0
    drawn = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert [str(path) for path in drawn] == [
        "deeper/one.png", "drawn/deeper/one.png.faces-2.jpg", "drawn/deeper/one.png.faces.jpg",
    ]  # fmt: skip
    assert original.read_bytes() == before
    copy = read_picture(folder / drawn[1])
    assert copy.shape == (240, 320, 3)
    assert np.abs(copy.astype(int) - _picture()).max() > 100
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_drawing_into_what_is_read_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    _save(folder / "one.png", _picture())
    for target in (folder, tmp_path):
        words = argparse.Namespace(images=[folder], draw=target, model="face", runtime="auto", json=False)
        with pytest.raises(ConfigError, match="choose another folder"):
            detect.run(words)


def test_a_copy_that_cannot_be_written_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    live = _save(tmp_path / "live.png", _picture())
    assert _run(tmp_path, "--json", str(live), "--draw", "/proc/nothing") == 1
    assert "cannot be written" in _lines(capsys)[0]["error"]


def test_the_whole_command_runs_a_real_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_tiny(tmp_path / "tiny")
    live = _save(tmp_path / "live.png", _picture())
    assert main(["detect", "--json", "--model", str(model), str(live)]) == 0
    assert _lines(capsys)[0]["faces"]


def test_a_full_disk_behind_the_output_is_a_sentence(tmp_path: Path) -> None:
    words = ["--model", str(write_tiny(tmp_path / "tiny")), str(_save(tmp_path / "live.png", _picture()))]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "livegate.cli", "detect", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = _save(tmp_path / "x.png", _picture())
    assert main(["detect", "--model", str(tmp_path / "none"), str(picture)]) == 1
    assert "manifest.toml" in capsys.readouterr().err


def test_folders_are_walked_one_at_a_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        _save(tmp_path / name / "x.png", _picture())
    found = find_pictures([tmp_path])
    assert next(found).below == Path("a/x.png")
    # Had the whole tree been listed at the start, this one would be missing.
    _save(tmp_path / "b" / "y.png", _picture())
    assert [str(each.below) for each in found] == ["b/x.png", "b/y.png"]


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    _save(tmp_path / "x.png", _picture())
    (tmp_path / "round").symlink_to(tmp_path)
    assert [str(found.below) for found in find_pictures([tmp_path])] == ["x.png"]


def test_names_sort_the_way_people_count() -> None:
    names = ["frame10", "Frame9", "frame009b", "2", "10", "", "frame"]
    assert sorted(names, key=natural) == ["", "2", "10", "frame", "Frame9", "frame009b", "frame10"]


class _Terminal:
    """A stream that says it is a terminal."""

    def __init__(self) -> None:
        self.written = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.written += text
        return len(text)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize(("total", "shown"), [(None, "detect 3"), (6, "] 3 of 6")])
def test_progress_is_drawn_on_a_terminal_and_taken_away(total: int | None, shown: str) -> None:
    stream: Any = _Terminal()
    with Progress("detect", total, stream) as progress:
        progress.advance(3)
        assert stream.written.endswith(shown)
    assert stream.written.endswith("\r\x1b[K")


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_pictures_that_are_not_there_are_told_whatever_the_model(
    form: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", str(tmp_path / "nope.png"), *form, "--model", str(tmp_path / "no model")]) == 1
    told = capsys.readouterr()
    assert "nope.png" in told.out + told.err
    assert "no model" not in told.out + told.err
