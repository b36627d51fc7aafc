"""Everything a run needs to go on as if it had never stopped, written whole or not at all."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from livegate.errors import AssetError
from livegate_tools.train.network import FaceNetwork


class Average:
    """An exponential moving average of a network's weights and batch statistics (Polyak averaging)."""

    def __init__(self, network: FaceNetwork, decay: float) -> None:
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


def save_checkpoint(
    path: Path, progress: Progress, network: nn.Module, average: Average, optimiser: torch.optim.Optimizer
) -> None:
    """Write the run's state to ``path`` in one move."""
    state = {
        "epoch": progress.epoch,
        "data": progress.data,
        "minutes": progress.minutes,
        "presentations": progress.presentations,
        "network": network.state_dict(),
        "average": average.network.state_dict(),
        "updates": average.updates,
        "optimiser": optimiser.state_dict(),
    }
    partial = path.with_suffix(".part")
    torch.save(state, partial)
    partial.replace(path)


def load_checkpoint(
    path: Path, network: nn.Module, average: Average, optimiser: torch.optim.Optimizer | None
) -> Progress:
    """Fill the run's parts from ``path``; AssetError says what is wrong with a file that does not fit."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(state["network"])
        average.network.load_state_dict(state["average"])
        average.updates = int(state["updates"])
        if optimiser is not None:
            optimiser.load_state_dict(state["optimiser"])
        return Progress(int(state["epoch"]), str(state["data"]), float(state["minutes"]), int(state["presentations"]))
    except OSError as exc:
        raise AssetError(f"{path}: cannot be read ({exc.strerror}); start without --resume") from exc
    except (KeyError, RuntimeError, ValueError, EOFError, UnpicklingError) as exc:
        raise AssetError(f"{path}: is no checkpoint of this recipe's network; start without --resume") from exc
