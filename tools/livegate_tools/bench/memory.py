"""Times the store's hot path on a store that remembers as much as it may.

``python -m livegate_tools.bench.memory DIR [--rows N]`` fills a store in DIR (kept, and used again) with N windows,
lockouts, block entries, credentials and spoof media each, then prints one JSON object: milliseconds of wall and of CPU
time for the limits and lists of an attempt, for finding a medium, for committing an attempt, and the rate of grouped
commits.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from livegate import __version__
from livegate.clock import boot_id, read_clock
from livegate.config import GateMode, Limit, LimitKey, StoreConfig
from livegate.events import kinds
from livegate.events.cloudevents import Identity
from livegate.events.environment import Environment
from livegate.gate.facts import GatePolicy
from livegate.gate.limits import limit_name
from livegate.media import MATCH_BITS
from livegate.store import Store, open_store
from livegate.store.lockouts import Lockout
from livegate.store.rows import key_id, pack, row_check, seen_of
from livegate.types import CredentialRead, Decision, Outcome, PadDecision, PadResult, Reason, Step

LIMITS = (
    Limit(LimitKey.CREDENTIAL, "denied", 5, 600, 300),
    Limit(LimitKey.CREDENTIAL, "attempt", 30, 3600, 300),
    Limit(LimitKey.TERMINAL, "presentation_attack", 10, 600, 60),
    Limit(LimitKey.MEDIA, "presentation_attack", 3, 86_400, 3600),
)
POLICY = GatePolicy(GateMode.CREDENTIAL_LIVENESS, limits=LIMITS)
IDENTITY = Identity("bench", "bench", __version__, boot_id(), "door")
SECOND_NS = 10**9


def main() -> None:
    """Fill, time, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5_000)
    arguments = parser.parse_args()
    begun_s = time.perf_counter()
    with open_store(arguments.folder, IDENTITY, StoreConfig(max_keys=max(1_000, arguments.rows))) as store:
        store.match_media(MATCH_BITS)
        opened_s = time.perf_counter() - begun_s
        fill(store, arguments.rows)
        found = {"open_s": round(opened_s, 3), **timings(store, arguments.rows, arguments.rounds)}
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


def card(number: int) -> CredentialRead:
    """Return the card of a number."""
    return CredentialRead("card", f"card-{number}")


def signature(number: int) -> str:
    """Return the signature of a spoof medium's number."""
    return f"{random.Random(number).getrandbits(128):032x}"  # noqa: S311 - a bench


def fill(store: Store, rows: int) -> None:
    """Write ``rows`` rows into every table an attempt asks, unless they are there."""
    with store.transaction() as t:
        (there,) = t.connection.execute("SELECT count(*) FROM credential").fetchone()
    at_ns = store_running_ns(store)
    step = 20_000
    for begin in range(there, rows, step):
        with store.transaction() as t:
            pseudonyms = [t.context.pseudonyms.of(card(number).value) for number in range(begin, begin + step)]
            connection = t.connection
            rows_ = [(key_id("card", one), one, "card", None, 4e9, None, None, "[]", 0) for one in pseudonyms]
            connection.executemany(
                "INSERT INTO credential VALUES (?,?,?,?,?,?,?,?,?,?)", [(*row, row_check(*row)) for row in rows_]
            )
            # Others than those credentials, so that most attempts are not on the list, as at a door.
            blocked = [
                (key_id("credential", one[::-1]), "credential", one[::-1], "local", "deny", "lost", None)
                for one in pseudonyms
            ]
            connection.executemany(
                "INSERT OR IGNORE INTO list_entry VALUES (?,?,?,?,?,?,?,?)",
                [(*row, row_check(*row)) for row in blocked],
            )
            rule = limit_name(LIMITS[0])
            moments = pack([(at_ns - SECOND_NS, 1), (at_ns, 1)])
            connection.executemany(
                "INSERT OR REPLACE INTO window VALUES (?,?,?)",
                [(key_id(rule, one), seen_of(at_ns), moments) for one in pseudonyms],
            )
            lockouts = [
                Lockout(key_id(rule, one), rule, one, at_ns, 300 * SECOND_NS, at_ns + 86_400 * SECOND_NS)
                for one in pseudonyms
            ]
            connection.executemany(
                "INSERT OR REPLACE INTO lockout VALUES (?,?,?,?,?,?,?)",
                [
                    (one.id, one.rule, one.key, one.until_ns, one.length_ns, one.forget_ns, one.checksum)
                    for one in lockouts
                ],
            )
            connection.executemany(
                "INSERT INTO media (signature, first_ns, last_ns, first_s, last_s, times) VALUES (?,?,?,0.0,0.0,1)",
                [(bytes.fromhex(signature(number)), at_ns, at_ns) for number in range(begin, begin + step)],
            )
        store.tick(GatePolicy(GateMode.CREDENTIAL_LIVENESS))


def store_running_ns(store: Store) -> int:
    """Return the store's running time now."""
    with store.transaction() as t:
        return t.context.running.at(t.opened)


def timings(store: Store, rows: int, rounds: int) -> dict[str, object]:
    """Time the hot path on random keys of those there are."""
    pick = random.Random(1)  # noqa: S311 - a bench
    now = read_clock()
    pad = PadResult(PadDecision.INCONCLUSIVE, Reason.INCONCLUSIVE, 0.5, 0.0, 0.5, 10, Step.ALL)
    environment = Environment(IDENTITY)

    def facts() -> Callable[[], None]:
        read = card(pick.randrange(rows))

        def ask() -> None:
            t.facts(read, POLICY, now)

        return ask

    def medium() -> Callable[[], None]:
        wanted = f"{int(signature(pick.randrange(rows)), 16) ^ 0x10001 << pick.randrange(64):032x}"

        def find() -> None:
            t.context.upkeep.media.nearest(t.connection, wanted, t.context.media_bits)

        return find

    def commit() -> Callable[[], None]:
        read = card(pick.randrange(rows))

        def attempt() -> None:
            with store.transaction() as one:
                known = one.facts(read, POLICY, now)
                decision = Decision("a", Outcome.DENIED, Reason.INCONCLUSIVE, "bench", pad, known.credential)
                one.count(decision, POLICY, now)
                one.enqueue(kinds.access_attempt(decision, now, environment))

        return attempt

    with store.transaction() as t:
        found: dict[str, object] = {"facts": timed(facts, rounds), "media": timed(medium, rounds // 10)}
    found["commit"] = timed(commit, rounds // 5)
    found["grouped_events_per_s"] = grouped(store, environment)
    return found


def timed(make: Callable[[], Callable[[], None]], rounds: int) -> dict[str, float]:
    """Return p50 and p99 in milliseconds of wall time, and the mean of CPU time."""
    for _ in range(rounds // 10):
        make()()
    wall_ns, cpu_ns = [], 0
    for _ in range(rounds):
        call = make()
        cpu_begun_ns, begun_ns = time.thread_time_ns(), time.perf_counter_ns()
        call()
        wall_ns.append(time.perf_counter_ns() - begun_ns)
        cpu_ns += time.thread_time_ns() - cpu_begun_ns
    wall_ns.sort()
    return {
        "p50_ms": wall_ns[rounds // 2] / 1e6,
        "p99_ms": wall_ns[rounds * 99 // 100] / 1e6,
        "cpu_mean_ms": round(cpu_ns / rounds / 1e6, 5),
    }


def grouped(store: Store, environment: Environment, events: int = 6_000, group: int = 200) -> float:
    """Return how many events a second are recorded, ``group`` in each transaction."""
    pad = PadResult(PadDecision.ATTACK, Reason.PRESENTATION_ATTACK, 0.1, -2.0, 0.5, 10, Step.ALL)
    decision = Decision("a", Outcome.DENIED, Reason.PRESENTATION_ATTACK, "bench", pad)
    begun_s = time.perf_counter()
    for _ in range(events // group):
        with store.transaction() as t:
            for _ in range(group):
                t.enqueue(kinds.access_attempt(decision, read_clock(), environment))
    return round(events / (time.perf_counter() - begun_s))


if __name__ == "__main__":
    main()
