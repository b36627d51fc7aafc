"""The page docs/access.md says what the code reads and does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from livegate.cli import main
from livegate.config import LimitKey, PassBack
from livegate.configfile import load
from livegate.media import MATCH_BITS
from livegate.types import Reason

PAGE = (Path(__file__).parents[2] / "docs" / "access.md").read_text()
SITE = (
    '[terminal]\nsite = "lab"\nid = "t1"\nstate_dir = "state"\n'
    '[[camera]]\nname = "c"\nrole = "rgb"\ndriver = "recording"\n'
    '[door]\ndriver = "simulated"\nzone = "lab"\n'
)


def test_every_example_is_a_configuration(tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "site.toml"
    path.write_text(SITE + "\n".join(examples))
    config = load(path)
    assert {limit.key for limit in config.gate.limit} == {LimitKey.CREDENTIAL, LimitKey.MEDIA}
    assert config.gate.anti_pass_back.mode is PassBack.HARD
    assert [schedule.name for schedule in config.gate.schedule] == ["office", "office", "night_shift"]
    assert config.gate.in_doubt.schedule == "deny"


def test_every_command_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = '[[gate.schedule]]\nname = "office"\n[[reader]]\ndriver = "simulated"\n'
    (tmp_path / "site.toml").write_text(SITE + schedule)
    (tmp_path / "pin").write_text("4711\n")
    monkeypatch.chdir(tmp_path)
    (commands,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    with (tmp_path / "pin").open() as pin:
        monkeypatch.setattr("sys.stdin", pin)
        for line in commands.splitlines():
            livegate, *words = shlex.split(line, comments=True)
            assert livegate == "livegate"
            assert main(words) == 0


def test_every_reason_of_the_gate_is_told() -> None:
    # These two have no place among the rules: the commit failed, and somebody left.
    told = {reason for reason in Reason if f"`{reason}`" in PAGE}
    assert set(Reason) - told == {Reason.STORE_FULL, Reason.LEFT}
    assert f"{MATCH_BITS} differing bits" in PAGE
