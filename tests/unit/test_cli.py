"""The command ``livegate`` itself: finding verbs, statuses, sentences."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from livegate import __version__
from livegate.cli import main
from livegate.known_verbs import known_verbs

VERBS = ("bench", "check", "config", "console", "demo", "detect", "evaluate", "events", "list", "run", "simulate",
         "texture", "train")  # fmt: skip

# Verbs of another package, as an integrator would install them.
JOINED = {
    "fails": "from livegate.errors import LivegateError\ndef run(a): raise LivegateError('door 7: is gone; mend it')",
    "escapes": "from livegate.errors import LivegateError\ndef run(a): raise LivegateError('door \\x1b[31m7\\n8')",
    "misused": "from livegate.errors import ConfigError\ndef run(a): raise ConfigError('a.toml: lacks x; add it')",
    "interrupted": "def run(a): raise KeyboardInterrupt",
    "chatty": "import sys\ndef run(a):\n    for number in range(100_000): print(number)\n    return 0",
    "accented": "def run(a):\n    print('caf\\u00e9')\n    return 0",
    "needy": "import a_package_nobody_has",
    "garbled": "def run(:",
    "config": "def run(a): return 0",
}


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a package `acme` with the verbs of JOINED, and one that is no verb, into a folder on the path."""
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "__init__.py").touch()
    lines = ["[livegate.verbs]", "hollow = acme", "100% = acme.fails"]
    for name, source in JOINED.items():
        (tmp_path / "acme" / f"{name}.py").write_text(f"HELP = 'x'\ndef add_arguments(p): pass\n{source}\n")
        lines.append(f"{name} = acme.{name}")
    info = tmp_path / "acme_doors-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-doors\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _forget_the_plugin() -> Iterator[None]:
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "acme"]:
        del sys.modules[name]


def command(*words: str, cwd: Path | None = None, **streams: object) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, with the plugin where ``cwd`` is its folder; output is buffered."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    script = [sys.executable, "-m", "livegate.cli", *words]
    return subprocess.run(script, cwd=cwd, env=environment, text=True, check=False, timeout=60, **given)  # type: ignore[call-overload, no-any-return]


def test_every_verb_is_known() -> None:
    assert set(VERBS) <= set(known_verbs())


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("    ")}
    assert set(VERBS) <= listed


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: livegate {verb} ")
    assert "--debug" in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"livegate {__version__}\n"


def test_no_verb_is_wrong_usage_and_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "verbs:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "remedy"), [("detct", "did you mean 'detect'?"), ("zzz", "there are bench, calibrate, check")]
)
def test_unknown_verb_is_wrong_usage(word: str, remedy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word, "x"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"livegate {word}: is no verb; ")
    assert remedy in err


def test_unknown_option_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", "--confog", "x"])
    assert ended.value.code == 2
    assert "--config" in capsys.readouterr().err


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("verb", "status", "sentence"),
    [
        ("fails", 1, "livegate fails: door 7: is gone; mend it\n"),
        ("misused", 2, "livegate misused: a.toml: lacks x; add it\n"),
        ("interrupted", 130, ""),
    ],
)
def test_what_ends_a_verb_becomes_a_status(
    verb: str, status: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb]) == status
    assert capsys.readouterr().err == sentence


@pytest.mark.parametrize("words", [["fails"], ["--help"]])
def test_an_interrupt_while_a_verb_is_imported_is_a_status(plugin: Path, words: list[str]) -> None:
    (plugin / "acme" / "fails.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = command(*words, cwd=plugin)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


INTERRUPTED = """
import signal, sys
from livegate.cli import main
class Finder:
    def find_spec(self, name, *rest):
        if name == {module!r}: signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Finder())
sys.exit(main(["check", "--config", "/nowhere.toml"]))
"""


@pytest.mark.parametrize("module", ["importlib.metadata", "livegate.known_verbs", "livegate.checks", "numpy"])
def test_an_interrupt_while_anything_is_imported_is_a_status(module: str) -> None:
    script = INTERRUPTED.format(module=module)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.usefixtures("plugin")
def test_an_error_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["escapes"]) == 1
    assert capsys.readouterr().err.rstrip("\n").isprintable()


def test_traceback_only_with_debug_wherever_it_stands(plugin: Path) -> None:
    assert "Traceback" not in command("fails", cwd=plugin).stderr
    for words in (("--debug", "fails"), ("fails", "--debug")):
        done = command(*words, cwd=plugin)
        assert done.returncode == 1
        assert "Traceback" in done.stderr
        assert "door 7: is gone; mend it" in done.stderr


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("needy", ["'acme-doors'", "a_package_nobody_has", "install"]),
        ("garbled", ["'acme-doors'", "cannot be imported"]),
        ("hollow", ["'acme-doors'", "lacks HELP, add_arguments, run"]),
        ("config", ["provided by livegate and acme-doors", "uninstall"]),
    ],
)
def test_a_broken_verb_names_its_package(verb: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb]) == 1
    err = capsys.readouterr().err
    assert all(word in err for word in words)


@pytest.mark.usefixtures("plugin")
def test_broken_verbs_do_not_hide_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert "[not usable:" in out
    assert "100%" in out
    assert "run the terminal" in out


def test_a_reader_that_goes_away_is_no_error(plugin: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        done = command("chatty", cwd=plugin, stdout=pipe)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("words", [["--help"], ["--version"], [], ["check", "--help"], ["chatty"], ["accented"]])
def test_a_full_disk_is_a_sentence(words: list[str], plugin: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = command(*words, cwd=plugin, stdout=full)
    assert done.returncode == 1
    assert "standard output: cannot be written (No space left on device)" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_full_disk_is_a_sentence_where_a_verb_prints_itself() -> None:
    with Path("/dev/full").open("w") as full:
        done = command("config", "schema", stdout=full)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


def test_output_that_knows_few_letters(plugin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = command("accented", cwd=plugin)
    assert (done.returncode, done.stdout) == (0, "caf\\xe9\n")


def test_closed_output(plugin: Path) -> None:
    script = 'exec "$0" -m livegate.cli accented >&-'
    done = subprocess.run(["sh", "-c", script, sys.executable], cwd=plugin, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_output_without_a_descriptor(plugin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert main(["fails"]) == 1


IMPORTED = """
import sys
from livegate.cli import main
status = main([{verb!r}, "--config", "/nowhere.toml"])
assert status == 2, status
print(" ".join(sorted({{name.split(".")[0] for name in sys.modules}})))
"""


@pytest.mark.parametrize("verb", ["run", "check"])
def test_the_terminal_loads_no_tools_and_no_compiler(verb: str) -> None:
    script = IMPORTED.format(verb=verb)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "livegate" in done.stdout.split()
    assert not {"livegate_tools", "numba", "llvmlite", "amqtt", "torch"} & set(done.stdout.split())
