"""What a bench run found, as values, as JSON and as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from livegate_tools.bench.daemon_probe import Startup
from livegate_tools.bench.kernels import KernelTiming
from livegate_tools.bench.timing import Ratio, Timing

THREE_CAMERAS = "three_cameras_cpu"
OF_CPU = frozenset({THREE_CAMERAS})
"""The variants that are told in CPU time, as all kernels are; all else is wall clock."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Which network was timed, what ran it, and what it costs by its manifest."""

    name: str
    runtime: str
    params: int
    mmacs: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A peer's time and ours over it; below 1 we are quicker."""

    timing: Timing
    ratio: Ratio


@dataclass(frozen=True, slots=True)
class PeerTiming:
    """A peer against ours with one thread each and with two; ``ours`` says what of ours it was compared with."""

    one_thread: Compared
    two_threads: Compared
    ours: str


@dataclass(frozen=True, slots=True)
class Figures:
    """The times of one run in one process; of one thread unless the variant's name says otherwise."""

    model: ModelFacts
    stages: Mapping[str, Timing]
    frame_to_decision: Timing
    variants: Mapping[str, Timing]
    peers: Mapping[str, PeerTiming]
    kernels: Mapping[str, KernelTiming]


@dataclass(frozen=True, slots=True)
class BenchReport:
    """All that one run found; ``startup`` and ``fallback`` are None where the daemon could not be measured."""

    machine: Mapping[str, Any]
    threads: int
    startup: Startup | None
    figures: Figures
    fallback: Startup | None = None
    """The daemon without a network."""


def as_json(report: BenchReport) -> dict[str, Any]:
    """Return the report in the form of the contract."""
    figures = report.figures
    return {
        "machine": dict(report.machine),
        "threads": report.threads,
        "stages": {name: asdict(found) for name, found in figures.stages.items()},
        "frame_to_decision": asdict(figures.frame_to_decision),
        "start_to_ready_s": report.startup.start_to_ready_s if report.startup else None,
        "rss_mb": report.startup.rss_mb if report.startup else None,
        "fallback": asdict(report.fallback) if report.fallback else None,
        "model": asdict(figures.model),
        "variants": {name: asdict(found) for name, found in figures.variants.items()},
        "peers": {name: _peer_json(peer) for name, peer in figures.peers.items()},
        "kernels": {name: _kernel_json(found) for name, found in figures.kernels.items()},
    }


def table(report: BenchReport) -> str:
    """Return the report as aligned lines."""
    return "\n".join(_lines(report))


def _lines(report: BenchReport) -> Iterator[str]:
    machine, figures, model = report.machine, report.figures, report.figures.model
    yield f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_mb']} MB, {machine['system']}"
    yield f"{model.name}: {model.params:,} parameters, {model.mmacs:g} MMAC, {model.runtime}, {report.threads} thread"
    if machine["load_before"] > machine["cores"]:
        yield f"the machine was busy, load {machine['load_before']:g} at the start: wall clock tells little"
    yield f"{'wall clock':<30} {'p50 ms':>9} {'p99 ms':>9} {'n':>6}"
    yield from (_line(name, found) for name, found in figures.stages.items())
    yield _line("frame_to_decision", figures.frame_to_decision)
    yield from (_line(f"variant {name}", found) for name, found in figures.variants.items() if name not in OF_CPU)
    yield from _peers(figures.peers)
    yield f"{'CPU time':<30} {'p50 ms':>9} {'p99 ms':>9} {'n':>6}"
    yield from (_line(f"variant {name}", found) for name, found in figures.variants.items() if name in OF_CPU)
    yield from (_kernel(name, found) for name, found in figures.kernels.items())
    for startup, how in ((report.startup, ""), (report.fallback, " without a network")):
        if startup:
            yield f"daemon ready in {startup.start_to_ready_s:.2f} s{how}, at most {startup.rss_mb:.0f} MB resident"


def _peers(peers: Mapping[str, PeerTiming]) -> Iterator[str]:
    for name, peer in peers.items():
        yield _against(name, peer.one_thread, peer.ours)
        yield f"{_against(name, peer.two_threads, peer.ours)}, 2 threads"


def _against(name: str, found: Compared, ours: str) -> str:
    spread = f"{found.ratio.low:.2f} .. {found.ratio.high:.2f}"
    return f"{_line(f'peer {name}', found.timing)}  {ours} / peer = {found.ratio.value:.2f} ({spread})"


def _kernel(name: str, found: KernelTiming) -> str:
    told = [
        f"{other} {'not installed' if x is None else f'takes {x:.1f} times that'}" for other, x in found.ratio.items()
    ]
    if found.ns_per_pixel is not None:
        told.append(f"{found.ns_per_pixel:.1f} ns a pixel")
    return f"{_line(f'kernel {name}', found.timing)}  {', '.join(told)}".rstrip()


def _line(name: str, found: Timing) -> str:
    return f"{name:<30} {found.p50_ms:>9.3f} {found.p99_ms:>9.3f} {found.n:>6}"


def _peer_json(peer: PeerTiming) -> dict[str, Any]:
    return {**_compared_json(peer.one_thread), "ours": peer.ours, "two_threads": _compared_json(peer.two_threads)}


def _kernel_json(found: KernelTiming) -> dict[str, Any]:
    more = {} if found.ns_per_pixel is None else {"ns_per_pixel": found.ns_per_pixel}
    return {**asdict(found.timing), "ratio": dict(found.ratio), **more}


def _compared_json(found: Compared) -> dict[str, Any]:
    return {
        **asdict(found.timing),
        "ratio": found.ratio.value,
        "ratio_95": [found.ratio.low, found.ratio.high],
    }
