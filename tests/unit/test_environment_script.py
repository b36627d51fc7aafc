"""tools/environment, which `make` sets up Python with: what it says where something is missing, and that it recovers.

The interpreter is a script that knows of venv, pip and Livegate what the set-up asks of them; nothing is downloaded.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
INTERPRETER = """#!/bin/sh
case "$*" in
"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
"-m livegate model warm") ;;
"-m pip "*) test ! -e no-network || { echo "no network" >&2; exit 1; } ;;
*) exec "%s" "$@" ;;
esac
"""


@dataclass(frozen=True)
class Checkout:
    """A checkout of nothing but the script, with an interpreter beside it."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "python"

    @property
    def venv(self) -> Path:
        return self.folder / ".venv"

    def set_up(self, python: Path | str | None = None, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess[str]:
        environment = {"PATH": path, "HOME": str(self.folder / "home"), "PYTHON": str(python or self.python)}
        command = [self.folder / "tools" / "environment", ".venv", "current", VERSION]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=60
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    (tmp_path / "tools").mkdir()
    (tmp_path / "home").mkdir()
    shutil.copy(ROOT / "tools" / "environment", tmp_path / "tools")
    made = Checkout(tmp_path)
    made.python.write_text(INTERPRETER % sys.executable)
    made.python.chmod(0o755)
    return made


def test_a_fresh_checkout_is_set_up(checkout: Checkout) -> None:
    done = checkout.set_up()
    assert (done.returncode, done.stderr) == (0, "")
    assert "Setting up .venv" in done.stdout
    assert (checkout.venv / "ready").exists()
    assert not (checkout.venv / "unfinished").exists()
    assert list((checkout.folder / "home").iterdir()) == []


def test_what_is_there_is_brought_up_to_date(checkout: Checkout) -> None:
    checkout.set_up()
    (checkout.venv / "torch").touch()
    done = checkout.set_up()
    assert done.returncode == 0
    assert "up to date" in done.stdout
    assert (checkout.venv / "torch").exists()


def test_an_interrupted_set_up_is_begun_anew(checkout: Checkout) -> None:
    (checkout.folder / "no-network").touch()
    failed = checkout.set_up()
    assert failed.returncode == 1
    assert "tools/locks/current.txt could not be installed; see above, then run make again" in failed.stderr
    assert not (checkout.venv / "ready").exists()
    (checkout.venv / "half").touch()
    (checkout.folder / "no-network").unlink()
    done = checkout.set_up()
    assert done.returncode == 0
    assert "making it anew" in done.stdout
    assert not (checkout.venv / "half").exists()
    assert (checkout.venv / "ready").exists()


def test_an_environment_whose_python_is_gone_is_made_anew(checkout: Checkout) -> None:
    checkout.set_up()
    (checkout.venv / "bin" / "python").unlink()
    assert checkout.set_up().returncode == 0
    assert (checkout.venv / "bin" / "python").exists()


def test_an_interpreter_that_is_not_there_is_named(checkout: Checkout) -> None:
    done = checkout.set_up("/nowhere/python3")
    assert done.returncode == 1
    assert f"needs Python {VERSION} for .venv, found none as /nowhere/python3" in done.stderr
    assert "make PYTHON=" in done.stderr
    assert not checkout.venv.exists()


def test_an_interpreter_of_another_version_is_refused(checkout: Checkout) -> None:
    checkout.python.write_text("#!/bin/sh\nexit 1\n")
    assert "found none" in checkout.set_up().stderr


def test_an_interpreter_without_venv_is_told_what_to_install(checkout: Checkout) -> None:
    # Like Debian's python3 before python3-venv: everything but ensurepip.
    checkout.python.write_text(f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; esac\nexec "{sys.executable}" "$@"\n')
    done = checkout.set_up()
    assert done.returncode == 1
    assert f"{checkout.python} lacks the module venv; install it (Debian: apt install python3-venv)" in done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_passes_arguments_on(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "tools/locks/current.txt", ".venv/bin/livegate", ".venv/bin/python", ".venv/ready"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
        (tmp_path / name).chmod(0o755)
    outer = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    for target, words, told in (
        ("demo", "--visits 8 --no-page", "demo|--visits|8|--no-page|"),
        ("test", "-k 'a or b'", "-m|pytest|-n|3|--dist|loadfile|-k|a or b|"),
        ("demo", "", "demo|"),
    ):
        command = ["make", "-s", target, f"ARGS={words}"]
        done = subprocess.run(command, cwd=tmp_path, env=outer, capture_output=True, text=True, check=True)
        assert done.stdout == told
