"""Keeping evidence: only attacks, never in a decision's way, within its time and its room, whatever the clocks say."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.config import EvidenceConfig
from livegate.errors import ConfigError, EvidenceError
from livegate.evidence.budget import DAY_S, Ledger, advance, evicted, expired, grace_s, reconcile
from livegate.evidence.folder import LEDGER, EvidenceFolder
from livegate.evidence.keep import WAITING_ATTEMPTS, EvidenceKeeper, recipient_of
from livegate.evidence.seal import load_private, open_sealed
from livegate.types import PadDecision
from support.sealed import COMMITTED, WALL_S, Hands, keys, presented, verdict
from support.waiting import eventually

YEAR_S = 365 * DAY_S


class Kept:
    """A keeper over restarts, on a clock turned by hand."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.private, public = keys(folder)
        self.config = replace(EvidenceConfig(enabled=True, recipient_key_file=public), **options)  # type: ignore[arg-type]
        self.clock = Hands()
        self.state_dir = folder
        self.folder = EvidenceFolder.of(folder)
        self.start()

    def start(self) -> None:
        recipient = recipient_of(self.config, Path("site.toml"))
        self.keeper = EvidenceKeeper(self.config, recipient, self.state_dir, "lab/t1", self.clock)
        self.keeper.start()

    def stop(self) -> None:
        self.keeper.stop(10)

    def take(self, attempt_id: str, decision: PadDecision = PadDecision.ATTACK) -> None:
        self.keeper.offer(presented(attempt_id), verdict(decision), COMMITTED, alone=True)
        if decision is PadDecision.ATTACK:
            eventually(lambda: attempt_id in self.folder.sizes())

    def again(self) -> None:
        """Stop and start: whatever is due is done then."""
        self.stop()
        self.start()


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_pictures_of_an_attack_reach_the_centre(kept: Kept) -> None:
    kept.take("a1")
    kept.stop()
    path = kept.folder.path / "a1.lge"
    assert path.stat().st_mode & 0o777 == 0o600
    assert kept.folder.path.stat().st_mode & 0o777 == 0o700
    opened = open_sealed(path.read_bytes(), load_private(kept.private))
    assert opened.header["attempt_id"] == "a1"
    assert opened.content.startswith(b"PK")
    assert kept.keeper.measures()["evidence_sealed_total"] == 1
    assert kept.keeper.measures()["evidence_bytes"] == path.stat().st_size


@pytest.mark.parametrize("decision", [d for d in PadDecision if d is not PadDecision.ATTACK])
def test_nothing_but_attacks_is_kept(kept: Kept, decision: PadDecision) -> None:
    kept.take("a1", decision)
    kept.stop()
    assert kept.folder.sizes() == {}


def test_the_centre_can_only_switch_it_off(kept: Kept) -> None:
    kept.keeper.capture(on=False)
    kept.keeper.offer(presented("a1"), verdict(), COMMITTED, alone=True)
    kept.keeper.capture(on=True)
    kept.take("a2")
    kept.stop()
    assert kept.folder.sizes().keys() == {"a2"}


def test_off_makes_no_folder_and_keeps_nothing(tmp_path: Path) -> None:
    keeper = EvidenceKeeper(EvidenceConfig(), None, tmp_path, "lab/t1", Hands())
    keeper.start()
    keeper.capture(on=True)
    keeper.offer(presented(), verdict(), COMMITTED, alone=True)
    keeper.stop(10)
    assert list(tmp_path.iterdir()) == []


def test_switched_off_in_the_file_old_evidence_still_expires(kept: Kept) -> None:
    kept.take("a1")
    kept.stop()
    kept.config = replace(kept.config, enabled=False)
    kept.start()
    kept.stop()
    assert kept.folder.sizes().keys() == {"a1"}
    kept.start()
    kept.clock.runs(kept.config.retention_days * DAY_S)
    kept.again()
    assert kept.folder.sizes() == {}
    kept.stop()


def test_a_thread_that_is_behind_drops_and_counts(tmp_path: Path) -> None:
    _, public = keys(tmp_path)
    config = EvidenceConfig(enabled=True, recipient_key_file=public)
    asked, go = threading.Event(), threading.Event()

    class Stuck(Hands):
        """A clock that stands still for whoever is not the test, as a disk might."""

        def __call__(self) -> object:  # type: ignore[override]
            if threading.current_thread() is not threading.main_thread():
                asked.set()
                go.wait(10)
            return self.now

    keeper = EvidenceKeeper(config, recipient_of(config, Path()), tmp_path, "lab/t1", Stuck())  # type: ignore[arg-type]
    keeper.start()
    assert asked.wait(10)
    for number in range(WAITING_ATTEMPTS + 3):
        keeper.offer(presented(f"a{number}"), verdict(), COMMITTED, alone=True)
    assert keeper.measures()["evidence_dropped_total"] == 3
    go.set()
    keeper.stop(10)
    assert len(EvidenceFolder.of(tmp_path).sizes()) == WAITING_ATTEMPTS


def test_room_is_made_oldest_first(tmp_path: Path) -> None:
    kept = Kept(tmp_path, max_megabytes=1)
    for number in range(12):
        kept.clock.runs(60)
        kept.take(f"a{number:02d}")
    kept.stop()
    sizes = kept.folder.sizes()
    assert sum(sizes.values()) <= 2**20
    assert sorted(sizes) == [f"a{number:02d}" for number in range(12)][-len(sizes) :]
    assert kept.keeper.measures()["evidence_evicted_total"] == 12 - len(sizes) > 0


def test_what_has_been_kept_long_enough_goes(kept: Kept) -> None:
    kept.take("a1")
    kept.clock.runs(13 * DAY_S)
    kept.take("a2")
    kept.clock.runs(1.01 * DAY_S)
    kept.again()
    assert kept.folder.sizes().keys() == {"a2"}
    assert kept.folder.ledger(0.0).ages_s.keys() == {"a2"}
    kept.stop()


def test_a_clock_fifty_years_ahead_leaves_a_day_and_one_set_back_keeps_nothing(kept: Kept) -> None:
    kept.take("a1")
    for leap_s in (50 * YEAR_S, -50 * YEAR_S, 50 * YEAR_S):
        kept.clock.runs(600, leap_s)
        kept.again()
        assert kept.folder.sizes().keys() == {"a1"}
    kept.clock.runs(DAY_S, -YEAR_S)
    kept.again()
    assert kept.folder.sizes() == {}
    kept.stop()


@pytest.mark.parametrize(
    "content", [b"", b"\xff{", b"[]", b'{"wall_s":NaN}', b'{"wall_s":1700000000,"ages_s":{"a1":"x","a2":-5}}', None]
)
def test_a_ledger_lost_or_broken_falls_back_to_the_dates(kept: Kept, content: bytes | None) -> None:
    kept.take("a1")
    kept.stop()
    ledger = kept.folder.path / LEDGER
    ledger.unlink() if content is None else ledger.write_bytes(content)
    kept.start()
    kept.clock.runs(13.5 * DAY_S)
    kept.again()
    assert kept.folder.sizes().keys() == {"a1"}
    kept.clock.runs(DAY_S)
    kept.again()
    assert kept.folder.sizes() == {}
    kept.stop()


def test_what_a_power_cut_left_unfinished_is_cleared(kept: Kept) -> None:
    kept.stop()
    (kept.folder.path / ".unfinished-x").write_bytes(b"half")
    kept.start()
    kept.stop()
    assert [path.name for path in kept.folder.path.iterdir()] in ([], [LEDGER])


def replaced_by_a_file(folder: Path) -> bool:
    """Put a file where the folder is; False when the worker wrote into it meanwhile."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.write_text("in the way")
    except IsADirectoryError:
        return False
    return True


def test_a_folder_that_is_gone_or_a_file_is_counted_and_nothing_more(kept: Kept) -> None:
    kept.take("a1")
    eventually(lambda: replaced_by_a_file(kept.folder.path))
    kept.keeper.offer(presented("a2"), verdict(), COMMITTED, alone=True)
    eventually(lambda: kept.keeper.measures().get("evidence_failed_total"))
    kept.folder.path.unlink()
    kept.folder.path.mkdir(exist_ok=True)
    kept.take("a3")
    kept.stop()


FULL = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from livegate.config import EvidenceConfig
from livegate.evidence.keep import EvidenceKeeper, recipient_of
from livegate.evidence.folder import EvidenceFolder
from support.sealed import *
from support.waiting import eventually
folder = Path(sys.argv[1])
config = EvidenceConfig(enabled=True, recipient_key_file=folder / "centre.pem")
keeper = EvidenceKeeper(config, recipient_of(config, folder), folder, "lab/t1", Hands())
keeper.start()
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
keeper.offer(presented("a1"), verdict(), COMMITTED, alone=True)
eventually(lambda: keeper.measures().get("evidence_failed_total"))
assert not [path for path in (folder / "evidence").iterdir()], "nothing half-written stays"
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
keeper.offer(presented("a2"), verdict(), COMMITTED, alone=True)
eventually(lambda: "a2" in EvidenceFolder.of(folder).sizes())
keeper.stop(10)
"""


def test_a_full_disk_loses_pictures_and_nothing_else(tmp_path: Path) -> None:
    """In a process of its own: the limit stands for the disk."""
    keys(tmp_path)
    tests = Path(__file__).parents[1]
    ended = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), str(tests)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_a_bad_or_missing_recipient_stops_the_start(tmp_path: Path) -> None:
    assert recipient_of(EvidenceConfig(), tmp_path) is None
    with pytest.raises(ConfigError, match=r"site.toml: \[evidence\]: enabled without 'recipient_key_file'"):
        recipient_of(EvidenceConfig(enabled=True), Path("site.toml"))
    with pytest.raises(ConfigError, match="cannot be read"):
        recipient_of(EvidenceConfig(enabled=True, recipient_key_file=tmp_path / "none.pem"), Path("site.toml"))


def test_ids_that_are_paths_touch_nothing(tmp_path: Path) -> None:
    folder = EvidenceFolder.of(tmp_path)
    folder.prepare()
    for name in ("../x", "", "a/b", "a" * 65, "a.b"):
        with pytest.raises(EvidenceError, match="no attempt's id"):
            folder.write(name, b"")
    (folder.path / "a1.lge").symlink_to("/etc/hostname")
    assert folder.sizes() == {}


STEPS = st.lists(st.tuples(st.floats(0, 2 * DAY_S), st.floats(-1e10, 1e10), st.booleans()), max_size=60)


@given(STEPS, st.floats(0.01, 400).map(lambda days: days * DAY_S))
def test_no_clock_keeps_evidence_longer_or_destroys_it_in_less_than_the_grace(
    steps: list[tuple[float, float, bool]], retention_s: float
) -> None:
    ledger, wall_s, ran_in_all_s = Ledger(WALL_S, {"a1": 0.0}), WALL_S, 0.0
    for ran_s, wall_step_s, synchronised in steps:
        wall_s, ran_in_all_s = wall_s + wall_step_s, ran_in_all_s + ran_s
        ledger = advance(ledger, ran_s, wall_s, retention_s, synchronised=synchronised)
        gone = expired(ledger, retention_s) != ()
        if ran_in_all_s >= retention_s * (1 + 1e-9):
            assert gone
        if gone:
            assert ran_in_all_s >= grace_s(retention_s) * (1 - 1e-9)
            break


@given(st.floats(0, 100 * DAY_S))
def test_time_switched_off_counts_too(off_s: float) -> None:
    ledger = advance(Ledger(WALL_S, {"a1": 0.0}), 0.0, WALL_S + off_s, 14 * DAY_S, synchronised=True)
    assert ledger.ages_s["a1"] == pytest.approx(min(off_s, 13 * DAY_S), abs=1e-3)


def test_time_that_an_unsure_clock_lost_is_not_counted_twice() -> None:
    ledger = advance(Ledger(WALL_S, {"a1": 0.0}), 60.0, 0.0, 14 * DAY_S, synchronised=False)
    ledger = advance(ledger, 60.0, WALL_S + 120.0, 14 * DAY_S, synchronised=True)
    assert ledger.ages_s == {"a1": 120.0}


def test_files_the_ledger_does_not_know_have_the_age_of_their_date() -> None:
    dates_s = {"new": WALL_S, "old": WALL_S - 5 * DAY_S, "undated": 0.0, "ahead": WALL_S + YEAR_S}
    ledger = reconcile(Ledger(WALL_S, {"gone": 1.0}), dates_s, 14 * DAY_S)
    assert ledger.ages_s == {"new": 0.0, "old": 5 * DAY_S, "undated": 13 * DAY_S, "ahead": 0.0}


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=4), st.integers(1, 1000)),
    st.integers(0, 5000),
    st.integers(0, 5000),
)
def test_no_more_goes_than_must(sizes: dict[str, int], incoming: int, most: int) -> None:
    ages_s = {name: float(number) for number, name in enumerate(sizes)}
    gone = evicted(ages_s, sizes, incoming, most)
    left = sum(size for name, size in sizes.items() if name not in gone)
    assert left + incoming <= most or not left
    assert not gone or left + sizes[gone[-1]] + incoming > most
    assert all(ages_s[a] > ages_s[b] for a in gone for b in sizes if b not in gone)


def test_the_ledger_is_plain_json(kept: Kept) -> None:
    kept.take("a1")
    kept.stop()
    saved = json.loads((kept.folder.path / LEDGER).read_bytes())
    assert saved == {"wall_s": WALL_S, "ages_s": {"a1": 0.0}}
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_disk_that_refuses_the_folder_does_not_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("in the way")
    kept = Kept(tmp_path)
    (tmp_path / "evidence").unlink()
    kept.take("a1")
    kept.stop()
    assert kept.keeper.measures()["evidence_failed_total"] >= 1
