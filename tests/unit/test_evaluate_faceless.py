"""False faces: views cut from pictures of nobody, and the share of them in which a face is found."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from livegate.cli import main
from livegate.errors import ConfigError
from livegate.types import Box, Face
from livegate_tools.evaluate import verb
from livegate_tools.evaluate.faceless import FalseFaces, Searched, lines, search
from livegate_tools.evaluate.views import HEIGHT, WIDTH, View, by_picture, cut, plan


class FindsRed:
    """Finds a face where the view is red."""

    def __init__(self) -> None:
        self.seen: list[NDArray[np.uint8]] = []

    def detect(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        self.seen.append(image)
        blue, _, red = image.reshape(-1, 3).mean(axis=0)
        return (Face(Box(0, 0, 50, 50), 0.5, 0.25),) if red > blue + 50 else ()


def paint(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (80, 60)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((size[1], size[0], 3), colour, dtype=np.uint8))


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    return parser.parse_args(given)


@given(st.integers(1, 40), st.integers(1, 300))
def test_every_picture_has_its_share_of_the_views(pictures: int, views: int) -> None:
    planned = list(plan(pictures, views))
    assert len(planned) == views
    assert len({view.number for view in planned}) == views
    counts = [len(cuts) for cuts in by_picture(planned).values()]
    assert max(counts) - min(counts) <= 1
    assert by_picture(planned).get(0, [View(0, 0)])[0] == View(0, 0)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 5))
def test_views_are_of_one_size_and_inside(width: int, height: int, number: int) -> None:
    image = np.full((height, width, 3), 77, dtype=np.uint8)
    view = cut(image, number)
    assert view.shape == (HEIGHT, WIDTH, 3)
    assert (view == 77).all()
    assert (view == cut(image, number)).all()


def test_views_differ_by_number_and_look_into_a_sphere() -> None:
    across = np.tile(np.linspace(0, 255, 512).astype(np.uint8)[None, :, None], (256, 1, 3))
    views = [cut(across, number) for number in range(12)]
    assert len({view.tobytes() for view in views}) == 12
    # The poles, above and below, stay out of view.
    sphere = np.zeros((256, 512, 3), dtype=np.uint8)
    sphere[:40], sphere[-40:] = 255, 255
    assert max(int(cut(sphere, number).max()) for number in range(30)) == 0
    # A window of a photograph keeps straight lines straight: columns of one colour stay so.
    flat = np.tile(np.linspace(0, 255, 400).astype(np.uint8)[None, :, None], (300, 1, 3))
    view = cut(flat, 3)
    assert int(np.ptp(view.astype(int), axis=0).max()) <= 1


def test_what_is_found_is_counted_by_picture(tmp_path: Path) -> None:
    for number in range(5):
        paint(tmp_path / "photos" / f"{number}.png", (200, 60, 60))
    paint(tmp_path / "red.png", (0, 0, 200))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    finder = FindsRed()
    found = search(tmp_path, 30, finder)
    assert (found.views, found.found, len(finder.seen)) == (30, 5, 30)
    assert [(str(picture.path), picture.found) for picture in found.pictures if picture.found] == [("red.png", 5)]
    assert found.pictures[-1].surest == 0.75
    assert len(found.problems) == 1
    assert "broken.jpg" in found.problems[0]
    first, second = lines(found)
    assert first.startswith("30 views of 6 pictures without people: a face found in 5, 16.7 % (95 % over pictures: ")
    assert second == "  red.png: 5 of 5, surest 0.75"
    interval = found.interval()
    assert interval is not None
    low, high = interval
    assert low == 0.0
    assert 1 / 6 < high <= 1.0


def test_no_face_proves_a_bound_and_few_pictures_nothing() -> None:
    none = FalseFaces(tuple(Searched(Path(f"{n}"), 10, 0, 0.0) for n in range(20)), ())
    assert none.interval() == (0.0, pytest.approx(1 - 0.05 ** (1 / 20)))
    few = FalseFaces((Searched(Path("a"), 10, 1, 0.5),), ())
    assert few.interval() is None
    assert "too few pictures" in next(lines(few))


def test_fewer_views_than_pictures(tmp_path: Path) -> None:
    for number in range(7):
        paint(tmp_path / f"{number}.png", (9, 9, 9))
    assert search(tmp_path, 3, FindsRed()).views == 3


def test_nothing_to_search(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(ConfigError, match="no picture in it can be read"):
        search(tmp_path, 10, FindsRed())


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(6):
        paint(tmp_path / "in" / f"{number}.png", (0, 0, 200) if number == 3 else (200, 0, 0))
    report = tmp_path / "r.json"
    given = arguments("--faceless", str(tmp_path / "in"), "--views", "12", "--report", str(report))
    assert verb.count_false_faces(given, FindsRed(), {"name": "tiny"}) == 0
    assert "12 views of 6 pictures" in capsys.readouterr().out
    said = json.loads(report.read_text())
    assert (said["views"], said["found"], said["share"]) == (12, 2, pytest.approx(1 / 6))
    assert said["by_picture"] == {"3.png": {"views": 2, "found": 2, "surest": 0.75}}
    paint(tmp_path / "in" / "none.png", (0, 0, 0))
    (tmp_path / "in" / "none.png").write_bytes(b"")
    assert verb.count_false_faces(given, FindsRed(), {"name": "tiny"}) == 1
    assert "none.png: is empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [(), ("--manifest", "m"), ("--predictions-out", "p"), ("--faceless", "d", "--manifest", "m")]
)
def test_usage(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", *words]) == 2
    assert "--faceless" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        arguments("--faceless", "d", "--views", "0")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--manifest", "m"), "needs --predictions-out P.jsonl, or"),
        (("--predictions-out", "p"), "needs --manifest M.jsonl, or"),
        ((), "needs --manifest M.jsonl and --predictions-out P.jsonl, or"),
        (("--manifest", "nope", "--predictions-out", "p"), "nope: is not there"),
        (("--faceless", "nope"), "nope: is no folder"),
    ],
)
def test_paths_are_looked_at_before_models(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *words, "--model", str(tmp_path / "no model")]) == 2
    assert said in capsys.readouterr().err
