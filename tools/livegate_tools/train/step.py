"""One step of learning: a batch in, one move of the weights, the loss's terms out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from livegate_tools.train.dataset import Batch
from livegate_tools.train.loss import TERMS, Targets, multibox_loss
from livegate_tools.train.network import FaceNetwork
from livegate_tools.train.recipe import Device, Recipe

MAX_GRADIENT = 5.0


def device_of(wanted: Device) -> torch.device:
    """Return the accelerator PyTorch has, where the recipe does not ask for the processor, else the processor."""
    found = torch.accelerator.current_accelerator()
    if wanted is Device.AUTO and found is not None and torch.accelerator.is_available():
        return found
    return torch.device("cpu")


def train_step(network: FaceNetwork, optimiser: torch.optim.Optimizer, batch: Batch, recipe: Recipe) -> torch.Tensor:
    """Learn from one batch; return the terms of its loss, as (7,) float32 in the order of TERMS, on the processor.

    The step is made where the network's weights lie. A step whose gradient is not finite is not made; its terms are
    NaN, for the caller to count.
    """
    device = next(network.parameters()).device

    def there(values: np.ndarray[Any, Any]) -> torch.Tensor:
        return torch.from_numpy(values).to(device)

    mean = torch.tensor(recipe.model.mean, device=device)
    images = (there(batch.images).float() - mean) * recipe.model.scale
    # Already (B, H, W, 3) in memory: channels last costs nothing.
    images = images.permute(0, 3, 1, 2)
    targets = Targets(
        state=there(batch.state),
        offsets=there(batch.offsets),
        liveness=there(batch.liveness),
        teacher=there(batch.teacher),
        pixels=there(batch.pixels),
        depth=there(batch.depth),
        spectrum=there(batch.spectrum),
    )
    with torch.autocast(device.type, torch.bfloat16, enabled=recipe.optimisation.bfloat16):
        raw = network(images)
    raw = raw.as_float()
    losses = multibox_loss(raw, network.spectra(raw.texture, targets.pixels), targets, recipe.weights)
    optimiser.zero_grad(set_to_none=True)
    losses.total(recipe.weights).backward()  # type: ignore[no-untyped-call, unused-ignore]
    norm = torch.nn.utils.clip_grad_norm_(network.parameters(), MAX_GRADIENT)
    terms = torch.stack(list(losses.terms().values())).detach()
    # One value that is not finite would otherwise end in every weight, and in the checkpoint.
    if not torch.isfinite(norm) or not torch.isfinite(terms).all():
        return torch.full((len(TERMS),), torch.nan)
    optimiser.step()
    return terms.cpu()
