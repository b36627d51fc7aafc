"""Every option of ``livegate train`` is read by somebody, and refused where nobody would."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from livegate.cli import main
from livegate.errors import ConfigError
from livegate_tools.train.options import READ, refuse_unread
from livegate_tools.train.verb import add_arguments


def _asked(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args([*words, "--out", "out"])


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("crop", "--resume"), "--resume: is not for crop, only for the face network"),
        (("--teachers", "DIR"), "--teachers: is not for the face network, only for crop, teach"),
        (("--jobs", "3"), "--jobs: is not for the face network"),
        (("fusion", "--dev", "DIR", "--every", "3"), "--every: is not for fusion, only for import"),
        (("convert", "DIR", "--simulated", "DIR"), "--simulated: is not for convert"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(words: tuple[str, ...], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        refuse_unread(_asked(*words), add_arguments)


@pytest.mark.parametrize(
    "words",
    [
        ("--config", "F", "--data", "D", "--resume", "--teacher", "T"),
        ("crop", "--config", "F", "--simulated", "A", "B", "--teachers", "T", "--jobs", "1"),
        ("fusion", "--dev", "A", "--cache", "C", "--jobs", "1"),
        ("import", "SiW", "DIR", "--every", "5", "--boxes", "set"),
        ("nobody", "--resume"),
    ],
)
def test_what_is_read_passes(words: tuple[str, ...]) -> None:
    refuse_unread(_asked(*words), add_arguments)


def test_every_option_has_a_reader() -> None:
    read = frozenset[str]().union(*READ.values())
    assert vars(_asked()).keys() - {"what", "out"} == read


def test_the_verb_refuses_before_it_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "crop", "--resume", "--out", str(tmp_path / "out")]) == 2
    assert "--resume" in capsys.readouterr().err
