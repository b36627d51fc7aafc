"""Everything a run needs to go on as if it had never stopped, written whole or not at all."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from livegate.errors import AssetError
from livegate_tools.train.network import training_only

Network = TypeVar("Network", bound=nn.Module)


class Average(Generic[Network]):
    """An exponential moving average of a network's weights and batch statistics (Polyak averaging)."""

    def __init__(self, network: Network, decay: float) -> None:
        self.network = copy.deepcopy(network).eval()
        self._decay = decay
        self.updates = 0

    def update(self, network: nn.Module) -> None:
        """Move the average towards ``network``; young averages move faster, so that they forget the random start."""
        self.updates += 1
        decay = min(self._decay, (1 + self.updates) / (10 + self.updates))
        with torch.no_grad():
            for mine, theirs in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
                if mine.dtype.is_floating_point:
                    mine.lerp_(theirs, 1 - decay)
                else:
                    mine.copy_(theirs)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, and on what: ``data`` names the samples' digest, so a resume on other data is refused."""

    epoch: int
    data: str
    minutes: float
    presentations: int
    """Pictures shown in all, those of the run whose weights this one began with included."""
    best_epoch: int = 0
    """The epoch whose worst dev source was the best so far, 0 before there is one ..."""
    best_auc: float = 0.0
    """... and that source's AUC."""
    ended: bool = False
    """Whether the schedule has ended: its last epoch, or the patience, was reached."""


def save_checkpoint(
    path: Path, progress: Progress, network: nn.Module, average: Average[Any], optimiser: torch.optim.Optimizer
) -> None:
    """Write the run's state to ``path`` in one move."""
    state = {
        **dataclasses.asdict(progress),
        "network": network.state_dict(),
        "average": average.network.state_dict(),
        "updates": average.updates,
        "optimiser": optimiser.state_dict(),
    }
    partial = path.with_suffix(".part")
    torch.save(state, partial)
    partial.replace(path)


def load_checkpoint(
    path: Path, network: nn.Module, average: Average[Any], optimiser: torch.optim.Optimizer | None
) -> Progress:
    """Fill the run's parts from ``path``; AssetError says what is wrong with a file that does not fit.

    Without an optimiser only what is exported must be there: heads that only training has stay as they are.
    """
    with _explained(path):
        state = _read(path)
        _fill(network, state["network"], strict=optimiser is not None)
        _fill(average.network, state["average"], strict=optimiser is not None)
        average.updates = int(state["updates"])
        if optimiser is not None:
            optimiser.load_state_dict(state["optimiser"])
        return _progress(state)


def start_from(path: Path, network: nn.Module) -> tuple[Progress, tuple[str, ...], tuple[str, ...]]:
    """Give ``network`` the averaged weights in ``path``, of the same network or one much like it.

    Return how far that run was, the modules that stay fresh because the file lacks them, and those of the file that
    ``network`` lacks. AssetError for a file without weights for it, or with weights of another shape.
    """
    with _explained(path):
        state = _read(path)
        given, wanted = state["average"], network.state_dict()
        shared = {name: value for name, value in given.items() if name in wanted}
        if 2 * len(shared) < len(wanted):
            raise AssetError(
                f"{path}: has {len(shared)} of the {len(wanted)} tensors of this recipe's network; name with "
                "--start-from a checkpoint of a network much like it"
            )
        network.load_state_dict(shared, strict=False)
        return _progress(state), _modules(wanted, given), _modules(given, wanted)


def _modules(names: Iterable[str], but: Iterable[str]) -> tuple[str, ...]:
    """Return the modules that hold the ``names`` that are not in ``but``, down to the second level."""
    found = (".".join(name.split(".")[:-1][:2]) for name in names if name not in set(but))
    return tuple(dict.fromkeys(found))


def _read(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _fill(network: nn.Module, state: Mapping[str, torch.Tensor], *, strict: bool) -> None:
    found = network.load_state_dict(state, strict=False)
    lacking = [name for name in found.missing_keys if strict or not training_only(name)]
    if lacking or found.unexpected_keys:
        raise RuntimeError(f"lacks {lacking}, has {found.unexpected_keys}")


def _progress(state: Mapping[str, Any]) -> Progress:
    """Return the progress in a checkpoint; those of older versions lack what has a default."""
    known = {field.name: state[field.name] for field in dataclasses.fields(Progress) if field.name in state}
    return Progress(**known)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise AssetError(f"{path}: cannot be read ({exc.strerror}); start without --resume") from exc
    except (KeyError, TypeError, RuntimeError, ValueError, EOFError, UnpicklingError) as exc:
        raise AssetError(f"{path}: is no checkpoint of this recipe's network; start without --resume") from exc
