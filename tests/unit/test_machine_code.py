"""Kernels as kept machine code: the same answers as compiled in memory, and refused unless it is to be trusted."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from livegate.checks.kernels import findings_of
from livegate.installed.warming import compile_kernels, kept_in, kernel_sources
from livegate.kernels.compiled import in_memory, kernels_of
from livegate.machine_code import store
from livegate.machine_code.building import NotKept, build
from livegate.machine_code.elf import needed_symbols
from livegate.machine_code.machine import this_machine
from livegate.machine_code.packing import Entry, Packed, pack, unpack
from livegate.machine_code.store import SourceChanged, State, find, folder_of, keep
from livegate.machine_code.trust import NotTrusted

NOBODY = 65534
SOURCE = '''
import math

import numpy as np

from livegate.kernels.compiled import kernel


@kernel()
def _squared(value):
    return value * value


@kernel("f8(f8[::1], i8, f4, b1)")
def length(values, most, factor, rooted):
    """Say how long."""
    total = 0.0
    for i in range(min(most, values.size)):
        total += _squared(values[i])
    return factor * (math.sqrt(total) if rooted else total)


@kernel("void(u1[:, ::1], u2[:, :, ::1])")
def spread(grey, out):
    for v in range(grey.shape[0]):
        for u in range(grey.shape[1]):
            for c in range(out.shape[2]):
                out[v, u, c] = np.uint16(grey[v, u]) * np.uint16(c + 1)


@kernel("b1(i4[:, :, :, ::1])")
def any_below(values):
    for i in range(values.shape[0]):
        for k in range(values.shape[3]):
            if values[i, 0, 0, k] < 0:
                return True
    return False
'''
ALLOCATES = """
import numpy as np

from livegate.kernels.compiled import kernel


@kernel("f8(i8)")
def made(count):
    return np.zeros(count).sum() + np.sort(np.ones(count))[0]
"""


def imported(source: Path) -> ModuleType:
    name = f"machine_code_of_{source.parent.name.replace('-', '_')}"
    spec = importlib.util.spec_from_file_location(name, source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def entries_of(module: ModuleType) -> list[Entry]:
    return [entry for name, made in kernels_of(module).items() for entry in build(name, made.dispatcher)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a module of kernels with its machine code; tests take copies."""
    source = tmp_path_factory.mktemp("made") / "tried.py"
    source.write_text(SOURCE)
    keep(source, entries_of(imported(source)))
    return source


@pytest.fixture
def source(made: Path, tmp_path: Path) -> Path:
    folder = tmp_path / f"copy-{tmp_path.name}"
    shutil.copytree(made.parent, folder)
    return folder / made.name


def kept_file(source: Path) -> Path:
    (path,) = folder_of(source).iterdir()
    return path


def answers(module: ModuleType) -> tuple[object, ...]:
    rng = np.random.default_rng(5)
    values, grey = rng.normal(size=40), rng.integers(0, 256, (7, 9), np.uint8)
    out = np.zeros((7, 9, 3), np.uint16)
    module.spread(grey, out)
    cells = rng.integers(0, 9, (2, 3, 4, 5)).astype(np.int32)
    lengths = [module.length(values, most, np.float32(1.5), rooted) for most in (0, 7, 99) for rooted in (True, False)]
    return (lengths, out.tolist(), module.any_below(cells), module.any_below(cells - 9))


def test_kept_code_gives_the_same_answers_as_code_compiled_in_memory(made: Path, source: Path) -> None:
    module = imported(source)
    assert answers(module) == answers(imported(made))
    assert answers(module)[2:] == (False, True)
    assert module.length.__doc__ == "Say how long."
    plain = module.length.py_func(np.ones(4), 4, 1.0, True)
    assert module.length(np.ones(4), 4, 1.0, True) == plain == 2.0
    assert "dispatcher" not in vars(module.length)


def test_what_does_not_fit_is_refused_before_it_is_touched(source: Path) -> None:
    length = imported(source).length
    values = np.arange(8.0)
    frozen = values.copy()
    frozen.flags.writeable = False
    turned = values.astype(">f8")
    for wrong in (None, [1.0], 3, values.astype(np.float32), values[::2], values.reshape(2, 4), frozen, turned):
        with pytest.raises(
            TypeError, match=r"argument 1 is .* expected a C-contiguous writeable array of float64 with 1"
        ):
            length(wrong, 8, 1.0, True)
    with pytest.raises(TypeError, match="expected 4 arguments, got 1"):
        length(values)
    with pytest.raises((TypeError, ValueError)):
        length(values, "eight", 1.0, True)


def test_subclasses_and_numbers_of_numpy_are_taken(source: Path, tmp_path: Path) -> None:
    length = imported(source).length
    mapped = np.memmap(tmp_path / "values", np.float64, "w+", shape=(4,))
    mapped[:] = 1.0
    assert length(mapped, np.int32(4), np.float32(2.0), np.bool_(True)) == 4.0
    assert length(mapped, np.uint8(4), 2, False) == 8.0


def damaged(source: Path, how: str) -> None:
    path = kept_file(source)
    data = path.read_bytes()
    if how == "absent":
        path.unlink()
    elif how == "garbage":
        path.write_bytes(bytes(reversed(data)))
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(data[:-100])
    elif how == "one bit":
        path.write_bytes(data[:-100] + bytes([data[-100] ^ 1]) + data[-99:])
    elif how == "source":
        source.write_text(SOURCE.replace("c + 1", "c + 2"))
    elif how == "machine":
        packed = unpack(data)
        other = dict(packed.machine) | {"cpu": "another"}
        path.write_bytes(pack(Packed(other, packed.source, packed.prefix, packed.entries)))
    elif how == "others may write it":
        path.chmod(0o646)
    elif how == "others may write its folder":
        path.parent.chmod(0o777)
    elif how == "link":
        path.rename(source.parent / "elsewhere")
        path.symlink_to(source.parent / "elsewhere")
    elif how == "pipe":
        path.unlink()
        os.mkfifo(path)


@pytest.mark.parametrize(
    ("how", "state"),
    [
        ("absent", State.MISSING),
        ("garbage", State.DAMAGED),
        ("empty", State.DAMAGED),
        ("cut", State.DAMAGED),
        ("one bit", State.DAMAGED),
        ("source", State.STALE),
        ("machine", State.STALE),
        ("others may write it", State.NOT_TRUSTED),
        ("others may write its folder", State.NOT_TRUSTED),
        ("link", State.MISSING),
        ("pipe", State.NOT_TRUSTED),
    ],
)
def test_nothing_but_whole_fitting_and_trusted_code_is_loaded(source: Path, how: str, state: State) -> None:
    assert find(source).state is State.WHOLE
    damaged(source, how)
    found = find(source)
    assert (found.state, found.entries) == (state, ())
    assert str(folder_of(source)) in found.why
    (finding,) = findings_of({"tried": source}, folder_of(source))
    assert finding.ok is (False if state is State.NOT_TRUSTED else None)
    assert "run `livegate model warm`" in finding.text


@pytest.mark.parametrize("how", ["garbage", "source"])
def test_without_it_kernels_are_compiled_in_memory_and_nothing_is_written(source: Path, how: str) -> None:
    before = answers(imported(source))
    # A module is looked up once a process: a copy under another name is another.
    other = source.parent.parent / f"{how}-{source.parent.name}"
    shutil.copytree(source.parent, other)
    damaged(other / source.name, how)
    content = kept_file(other / source.name).read_bytes()
    seconds = in_memory().seconds
    assert (answers(imported(other / source.name)) == before) is (how == "garbage")
    assert in_memory().modules["tried"].state in (State.DAMAGED, State.STALE)
    assert in_memory().seconds > seconds
    assert kept_file(other / source.name).read_bytes() == content


def test_code_for_another_processor_or_with_checked_bounds_lies_beside(source: Path) -> None:
    program = (
        f"from pathlib import Path; from livegate.machine_code.store import find; print(find(Path({str(source)!r})))"
    )
    for more in ({"NUMBA_CPU_NAME": "generic"}, {"NUMBA_BOUNDSCHECK": "1"}):
        done = subprocess.run(
            [sys.executable, "-c", program], env=os.environ | more, capture_output=True, text=True, check=True
        )
        assert "stale" in done.stdout
        assert "for other machines or versions only" in done.stdout


@contextmanager
def acting_as(user: int) -> Iterator[None]:
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_what_somebody_else_owns_is_not_trusted(source: Path) -> None:
    os.chown(kept_file(source), NOBODY, NOBODY)
    found = find(source)
    assert found.state is State.NOT_TRUSTED
    assert f"belongs to user {NOBODY}, expected 0" in found.why
    # Whoever may change the source may change what is made of it.
    os.chown(source, NOBODY, NOBODY)
    assert find(source).state is State.WHOLE
    keep(source, find(source).entries)
    assert kept_file(source).stat().st_uid == NOBODY


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_the_services_user_reads_it_and_cannot_write_it(source: Path) -> None:
    entries = find(source).entries
    for folder in list(source.parents)[:-2]:
        if folder.stat().st_uid == 0 and "pytest" in str(folder):
            folder.chmod(folder.stat().st_mode | 0o055)
    with acting_as(NOBODY):
        if not os.access(store.__file__, os.R_OK, effective_ids=True):
            pytest.skip("nobody else may read this checkout")
        assert find(source).state is State.WHOLE
        with pytest.raises(PermissionError):
            keep(source, entries)
        with pytest.raises(PermissionError):
            kept_file(source).unlink()


def test_two_that_keep_at_once_leave_one_whole_file(source: Path) -> None:
    entries = find(source).entries
    states = []

    def write() -> None:
        for _ in range(10):
            keep(source, entries)
            states.append(find(source).state)

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == [State.WHOLE] * 20
    assert kept_file(source).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("which", ["tried", "tree_shape"])
def test_what_was_compiled_of_another_source_is_not_kept_as_that_of_the_new_one(which: str, tmp_path: Path) -> None:
    source = tmp_path / f"changing_{which}" / "tried.py"
    source.parent.mkdir()
    (source.parent / "tree_shape.py").write_text("DEPTH = 1\n")
    source.write_text(SOURCE.replace("@kernel()", "from livegate.kernels.tree_shape import DEPTH\n\n\n@kernel()", 1))
    entries = entries_of(imported(source))
    changed = source.with_name(f"{which}.py")
    changed.write_text(changed.read_text() + "\nMORE = 1\n")
    with pytest.raises(SourceChanged, match=r"tried.py: it, or what it imports, has changed since it was compiled"):
        keep(source, entries)
    assert find(source).state is State.MISSING


def test_no_two_modules_have_an_entry_of_one_name(source: Path) -> None:
    module = imported(source)
    symbols = {entry.symbol for entry in entries_of(module)}
    assert len(symbols) == len(kernels_of(module))
    for name in kernels_of(module):
        assert any(f"enter_{module.__name__}_{name}" in symbol for symbol in symbols)


def test_nothing_is_written_through_a_link_nor_read(source: Path) -> None:
    entries, elsewhere = find(source).entries, source.parent / "elsewhere"
    folder_of(source).rename(elsewhere)
    folder_of(source).symlink_to(elsewhere)
    for path in elsewhere.iterdir():
        path.unlink()
    elsewhere.chmod(0o700)
    with pytest.raises(NotTrusted, match="machine-code: expected a folder; remove it"):
        keep(source, entries)
    assert list(elsewhere.iterdir()) == []
    assert elsewhere.stat().st_mode & 0o777 == 0o700
    assert find(source).state is State.NOT_TRUSTED


def test_what_an_earlier_version_made_goes_and_another_environments_stays(source: Path) -> None:
    packed = unpack(kept_file(source).read_bytes())
    for name, prefix in (("old", packed.prefix), ("other", "/another/environment")):
        path = folder_of(source) / f"tried.{name}.kernels"
        path.write_bytes(pack(Packed(packed.machine, packed.source, prefix, packed.entries)))
        path.chmod(0o644)
    keep(source, packed.entries)
    assert {path.name.split(".")[1] for path in folder_of(source).iterdir()} - {"other"} != {"old"}
    assert (folder_of(source) / "tried.other.kernels").exists()
    assert not (folder_of(source) / "tried.old.kernels").exists()


def test_a_kernel_that_makes_arrays_cannot_be_kept_and_runs(tmp_path: Path) -> None:
    source = tmp_path / "making.py"
    source.write_text(ALLOCATES)
    module = imported(source)
    assert module.made(3) == 1.0
    with pytest.raises(NotKept, match="made: its machine code needs NRT_"):
        entries_of(module)


def test_symbols_are_read_from_object_files_only(source: Path) -> None:
    assert all(needed_symbols(entry.code) == entry.outside for entry in find(source).entries)
    with pytest.raises(ValueError, match="expected a 64-bit little-endian ELF object"):
        needed_symbols(b"MZ" + bytes(100))


def test_a_file_packs_and_unpacks(source: Path) -> None:
    packed = unpack(kept_file(source).read_bytes())
    assert unpack(pack(packed)) == packed
    assert packed.machine == this_machine()
    assert {entry.kernel for entry in packed.entries} == {"length", "spread", "any_below"}


def test_every_kernel_that_ships_can_be_kept_and_a_start_needs_no_compiler() -> None:
    assert {one.name: one.fault for one in compile_kernels() if one.fault is not None} == {}
    names = sorted(kernel_sources())
    program = f"""
import importlib, sys
for name in {names!r}:
    importlib.import_module(f"livegate.kernels.{{name}}")
from livegate.kernels.compiled import in_memory
print("numba" in sys.modules, dict(in_memory().modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False {}\n"
    (finding,) = findings_of(kernel_sources(), kept_in())
    assert finding.ok is True
