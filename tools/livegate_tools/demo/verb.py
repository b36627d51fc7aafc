"""``livegate demo``: see the terminal decide, without a camera, a broker or a door."""

from __future__ import annotations

import argparse
import json
import logging
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from livegate import assets
from livegate.config import Runtime
from livegate.errors import ConfigError
from livegate.logs import LogFormat, start_logging
from livegate.types import Outcome
from livegate_tools.demo.page import Page
from livegate_tools.demo.playlist import arrange, read_visits
from livegate_tools.demo.scoreboard import Result
from livegate_tools.demo.stage import Stage
from livegate_tools.lines import Lines, check_place

HELP = "show the terminal at work on recorded visits, with a page to watch"

# Without --visits this many are shown over and over until somebody interrupts.
ROUND = 64
SETTLE_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--visits", type=int, metavar="N", help="end after N visits (default: go on until Ctrl-C)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="order of the visits (default 1)")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="write the counts as JSON")
    parser.add_argument("--no-page", action="store_true", help="serve no page")
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="play X times as fast (default 1)")
    parser.add_argument(
        "--runtime",
        type=Runtime,
        choices=list(Runtime),
        default=Runtime.AUTO,
        help="what runs the network; none: without one, judged by textures and let in by them",
    )


def run(arguments: argparse.Namespace) -> int:
    """Show the visits; status 0 once they are shown."""
    if arguments.visits is not None and arguments.visits < 1:
        raise ConfigError(f"--visits {arguments.visits}: expected 1 or more")
    if not 0.1 <= arguments.speed <= 4:
        raise ConfigError(f"--speed {arguments.speed:g}: expected 0.1 to 4; faster than that no terminal could follow")
    if arguments.summary:
        check_place(arguments.summary, "--summary")
    start_logging(LogFormat.TEXT, "WARNING")
    # Every recording ends; the daemon would report each camera as lost.
    logging.getLogger("livegate.capture").setLevel(logging.ERROR)
    count = arguments.visits or ROUND
    visits = arrange(read_visits(assets.visits()), count, arguments.seed)
    page = Page()
    with ExitStack() as stack:
        print("Starting a broker, a console and the terminal on this machine ...", flush=True)
        stage = Stage(
            visits,
            arguments.speed,
            page.observe,
            lambda event, result: _tell(page, event, result),
            loop=arguments.visits is None,
            runtime=arguments.runtime,
        )
        stack.enter_context(stage)
        page.show(stage)
        if not arguments.no_page:
            stack.enter_context(page)
            print(f"Watch it at {page.address}", flush=True)
        shown = _wait(stage)
        summary = _summary(stage, shown)
    _report(summary)
    if arguments.summary:
        with Lines(arguments.summary) as out:
            out.write(json.dumps(summary, indent=2))
    return 0


def _wait(stage: Stage) -> int:
    """Supervise the daemon until the last visit is over or somebody interrupts; return how many visits were over."""
    programme = stage.scoreboard.programme
    stop = threading.Event()
    if not programme.loop:
        timer = threading.Timer((programme.end_ns - time.monotonic_ns()) / 1e9, stop.set)
        timer.daemon = True
        timer.start()
    try:
        stage.daemon.run(stop)
    except KeyboardInterrupt:
        print("\nStopping ...", flush=True)
        return programme.number_at(time.monotonic_ns()) or 0
    return len(programme.visits)


def _tell(page: Page, event: Mapping[str, Any], result: Result | None) -> None:
    page.received(event)
    if result is not None:
        print(_line(result), flush=True)


def _line(result: Result) -> str:
    visit = result.visit
    truth = f"attack ({visit.pai_species})" if visit.is_attack else "living person"
    card = "card valid" if visit.card_valid else "card unknown"
    right = (result.outcome is Outcome.GRANTED) == (not visit.is_attack and visit.authorised)
    return (
        f"visit {result.number + 1:>3}  {truth:<24} {card:<13} -> {result.outcome:<12} {result.reason:<22}"
        f" {result.latency_ms:5.0f} ms  {'as it should be' if right else 'WRONG'}"
    )


def _summary(stage: Stage, shown: int) -> dict[str, Any]:
    recorded, received = stage.settle(SETTLE_S)
    return stage.scoreboard.summary(shown) | {"events_recorded": recorded, "events_received": received}


def _report(summary: Mapping[str, Any]) -> None:
    bona_fide, attack, latency = summary["bona_fide"], summary["attack"], summary["latency_ms"]
    print(
        f"\n{summary['visits']} visits."
        f" Authorised living people: {bona_fide['granted']} let in, {bona_fide['denied']} not."
        f" Attacks: {attack['denied']} kept out, {attack['granted']} let in."
        f" Unauthorised: {summary['unauthorised']}, {summary['unauthorised_granted']} let in.\n"
        f"{summary['events_recorded']} events recorded, {summary['events_received']} at the console, chain verified."
        f" Picture to decision: median {latency['p50']} ms, 95 % within {latency['p95']} ms."
    )
