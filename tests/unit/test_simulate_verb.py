"""The options of ``livegate simulate``."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from livegate.errors import ConfigError
from livegate_tools.simulate import verb


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    return parser.parse_args(["--out", "out", "--seed", "1", *words])


def test_assets_are_asked_for() -> None:
    with pytest.raises(ConfigError, match="--assets"):
        verb.run(parsed())


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone"):
        verb.run(parsed("--assets", str(tmp_path), "--backgrounds", str(tmp_path / "gone")))


def test_pictures_and_heads_are_two_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--pictures"):
        verb.run(parsed("--pictures", str(tmp_path), "--assets", str(tmp_path)))


@pytest.mark.parametrize("words", [("--count", "0"), ("--jobs", "0"), ("--seed", "-1")])
def test_counts_are_bounded(tmp_path: Path, words: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match="at least"):
        verb.run(parsed("--assets", str(tmp_path), "--backgrounds", str(tmp_path), *words))


def test_only_photographed_people_are_lifted(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--lifted"):
        verb.run(parsed("--assets", str(tmp_path), "--backgrounds", str(tmp_path), "--lifted"))
