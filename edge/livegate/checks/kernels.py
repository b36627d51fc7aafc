"""Whether the kernels' machine code that the installer kept is one this terminal can start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from livegate.checks.finding import Finding
from livegate.installed.warming import kept_in, kernel_sources
from livegate.machine_code.store import State, find

_CHECK = "kernels"


def kernel_findings() -> Iterator[Finding]:
    """Yield what was found of the kept machine code; the terminal starts without it too, some seconds later."""
    yield from findings_of(kernel_sources(), kept_in())


def findings_of(sources: dict[str, Path], folder: Path) -> Iterator[Finding]:
    """Yield a finding for each state of the machine code of ``sources``, which lies in ``folder``."""
    found = {name: find(source) for name, source in sources.items()}
    whole = [name for name, one in found.items() if one.state is State.WHOLE]
    if len(whole) == len(found):
        yield Finding(_CHECK, ok=True, text=f"all {len(found)} modules are compiled for this processor, in {folder}")
    for state in State:
        names = [name for name, one in found.items() if one.state is state]
        if state is State.WHOLE or not names:
            continue
        why = found[names[0]].why
        # What others may write was perhaps written by others.
        ok = False if state is State.NOT_TRUSTED else None
        text = f"{state.replace('_', ' ')}: {', '.join(names)} ({why}); each start compiles them in memory, for seconds"
        yield Finding(_CHECK, ok=ok, text=f"{text}: run `livegate model warm` as the owner of the installation")
