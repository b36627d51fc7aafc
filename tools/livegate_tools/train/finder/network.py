"""The small network of the second look, learnt with PyTorch and written as arrays for our own kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from livegate.kernels.tree_shape import LOOK
from livegate_tools.train.finder.examples import Examples

CHANNELS = (16, 32, 64)
HIDDEN = 64
_FLAT = 3.0
_BATCH, _LEAST_BATCHES = 512, 8
_BOX_WEIGHT = 2.0
_DROPPED = 0.1
# PyTorch's, in the normalisation of batches.
_EPSILON = 1e-5


class SmallNetwork(nn.Module):
    """Three convolutions that halve the picture each, one layer between, five answers."""

    def __init__(self) -> None:
        """Begin with random weights."""
        super().__init__()
        sizes = (1, *CHANNELS)
        self.convolutions = nn.Sequential(*(_convolution(a, b) for a, b in pairwise(sizes)))
        inputs = CHANNELS[-1] * (LOOK // 8) ** 2
        self.hidden = nn.Sequential(nn.Linear(inputs, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU())
        self.answer = nn.Linear(HIDDEN, 5)

    def forward(self, windows: Tensor) -> Tensor:
        """Return the answers (N, 5) to windows (N, LOOK, LOOK) of grey values."""
        mean, deviation = windows.mean((1, 2), keepdim=True), windows.std((1, 2), keepdim=True, correction=0)
        image = ((windows - mean) / (deviation + _FLAT))[:, None]
        # Where it learns, products of half the precision take half the time; what is answered keeps its own.
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training):
            image = self.convolutions(image)
            # Channels last, as the kernels have them.
            inner = self.hidden(functional.dropout(image.permute(0, 2, 3, 1).flatten(1), _DROPPED, self.training))
        return torch.as_tensor(self.answer(inner.float()))

    def arrays(self) -> dict[str, NDArray[np.float16]]:
        """Return the weights as the manifest's file holds them, what batches are normalised by taken into them."""
        found = {}
        for i, layer in enumerate(self.convolutions.children(), 1):
            weight, bias = _folded(layer)
            found[f"kernel_{i}"], found[f"bias_{i}"] = weight.permute(2, 3, 1, 0), bias
        weight, bias = _folded(self.hidden)
        found["matrix_1"], found["offset_1"] = weight.T, bias
        found["matrix_2"], found["offset_2"] = self.answer.weight.T, self.answer.bias
        return {name: np.ascontiguousarray(array.detach().numpy().astype(np.float16)) for name, array in found.items()}


def _convolution(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, 3, stride=2, padding=1), nn.BatchNorm2d(out), nn.ReLU())


def _folded(layer: nn.Module) -> tuple[Tensor, Tensor]:
    """Return weight and bias that do what a layer and the normalisation after it do."""
    state, normal = (part.state_dict() for part in list(layer.children())[:2])
    scale = normal["weight"] / torch.sqrt(normal["running_var"] + _EPSILON)
    weight = state["weight"] * scale.reshape(-1, *[1] * (state["weight"].ndim - 1))
    return weight, (state["bias"] - normal["running_mean"]) * scale + normal["bias"]


def as_read(arrays: Mapping[str, NDArray[np.float16]]) -> dict[str, NDArray[np.float32]]:
    """Return the arrays as they will be read back."""
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def learn(
    network: SmallNetwork, examples: Examples, epochs: int, rate: float, seed: int, say: Callable[[str], None]
) -> None:
    """Fit ``network`` to ``examples`` in ``epochs`` rounds, the step falling from ``rate`` to nothing."""
    generator = torch.Generator().manual_seed(seed)
    windows, face, offsets = (torch.from_numpy(each) for each in (examples.windows, examples.face, examples.offsets))
    size = min(_BATCH, max(len(face) // _LEAST_BATCHES, 2))
    batches = len(face) // size
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=epochs * batches)
    network.train()
    for epoch in range(epochs):
        total = 0.0
        order = torch.randperm(len(face), generator=generator)[: batches * size]
        for batch in order.reshape(batches, size):
            optimiser.zero_grad()
            loss = _loss(network, windows[batch].float(), face[batch], offsets[batch], generator)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        say(f"network: round {epoch + 1} of {epochs}, loss {total / batches:.4f}")
    network.eval()


def _loss(network: SmallNetwork, windows: Tensor, face: Tensor, offsets: Tensor, generator: torch.Generator) -> Tensor:
    """Return the loss of a batch, half of it mirrored."""
    mirrored = torch.rand(len(face), generator=generator) < 0.5
    windows = torch.where(mirrored[:, None, None], windows.flip(2), windows)
    offsets = torch.where(mirrored[:, None], offsets * torch.tensor([-1.0, 1, 1, 1]), offsets)
    answers = network(windows)
    known, boxed = ~face.isnan(), ~offsets[:, 0].isnan()
    loss = functional.binary_cross_entropy_with_logits(answers[known, 0], face[known])
    return loss + _BOX_WEIGHT * functional.smooth_l1_loss(answers[boxed, 1:], offsets[boxed], beta=0.1)
