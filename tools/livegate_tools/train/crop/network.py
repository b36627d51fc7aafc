"""The crop classifier: two dense convolutions, then separable residual blocks, then one weighted look at the whole.

The last convolution covers the whole map, each channel for itself (Chen et al., MobileFaceNets, CCBR 2018, 3.1): where
in the crop something is seen matters, since bezels and paper edges lie around the face.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from livegate_tools.train.crop.recipe import Model

STRIDE = 16
DROPOUT = 0.2


@dataclass(frozen=True, slots=True)
class Answer:
    """``classes`` (B, C) logits; ``imitated`` (B, E), the training-only guess at the teacher's embedding, or None."""

    classes: Tensor
    imitated: Tensor | None

    def log_odds(self) -> Tensor:
        """Return ln p(bona fide) - ln p(any attack), (B,)."""
        return self.classes[:, 0] - torch.logsumexp(self.classes[:, 1:], dim=1)


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(_conv(inputs, inputs, 3, stride, groups=inputs), _conv(inputs, outputs, 1))


class _Residual(nn.Module):  # type: ignore[misc, unused-ignore]
    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.block(x)
        return out


class CropNetwork(nn.Module):  # type: ignore[misc, unused-ignore]
    """(B, 3, size, size) normalised pictures in, :class:`Answer` out."""

    def __init__(self, model: Model, imitated: int = 0) -> None:
        """Build for ``model``; with ``imitated`` > 0 a head of that many numbers is trained beside the classes."""
        super().__init__()
        a, b, c, d = model.channels
        first, second, third = model.blocks
        self.features = nn.Sequential(
            _conv(3, a, 3, 2),
            _conv(a, b, 3, 2),
            *(_Residual(_conv(b, b, 3)) for _ in range(first)),
            _separable(b, c, 2),
            *(_Residual(_separable(c, c)) for _ in range(second)),
            _separable(c, d, 2),
            *(_Residual(_separable(d, d)) for _ in range(third)),
            _conv(d, d, 1),
        )
        self.whole = nn.Conv2d(d, d, model.size // STRIDE, groups=d, bias=False)
        self.settle = nn.BatchNorm1d(d)
        self.drop = nn.Dropout(DROPOUT)
        self.classes = nn.Linear(d, len(model.classes))
        self.imitation = nn.Linear(d, imitated) if imitated else None

    def forward(self, x: Tensor) -> Answer:
        """Return what is said of normalised pictures (B, 3, size, size) float32."""
        seen = torch.relu(self.settle(self.whole(self.features(x)).flatten(1)))
        imitated = None if self.imitation is None else self.imitation(seen)
        return Answer(self.classes(self.drop(seen)), imitated)


class Deployed(nn.Module):  # type: ignore[misc, unused-ignore]
    """The graph the terminal runs: class logits (B, C) and nothing else."""

    def __init__(self, network: CropNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Return the class logits."""
        answer: Answer = self.network(x)
        return answer.classes


def parameter_count(network: CropNetwork) -> int:
    """Return how many parameters ship."""
    return sum(p.numel() for name, p in network.named_parameters() if not name.startswith("imitation"))


def multiply_accumulates(network: CropNetwork, size: int) -> int:
    """Return the multiply-accumulates of the convolutions in one forward pass on (1, 3, size, size)."""
    total = 0

    def count(module: nn.Module, _inputs: object, output: Tensor) -> None:
        nonlocal total
        weights = sum(p.numel() for p in module.parameters() if p.dim() == 4)
        total += int(output.shape[2] * output.shape[3]) * weights

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d)]
    training = network.training
    network.eval()
    with torch.no_grad():
        network(torch.zeros(1, 3, size, size))
    network.train(training)
    for hook in hooks:
        hook.remove()
    return total
