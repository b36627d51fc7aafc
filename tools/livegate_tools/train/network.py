"""The face network: a single-shot detector whose classes are background, bona fide and attack.

Song, Zhao, Fang, Lin: Discriminative Representation Combinations for Accurate Face Spoofing Detection, Pattern
Recognition 85, 2019, put liveness into the detector's classes; Liu et al., SSD, ECCV 2016, give the detector. Backbone
and neck are ours: depthwise-separable blocks (Howard et al., MobileNets, 2017), a branch of dilated convolutions (Liu,
Huang, Wang, RFBNet, ECCV 2018) at the coarse end and a light top-down path (Lin et al., FPN, CVPR 2017), so that even
the priors of small faces see the bezel, the hand or the paper's edge around them.

The three probabilities are a product: p(face) from one head, p(bona fide | face) from another with a wider view, so a
detection-only picture teaches the first without lying to the second. Only convolutions, relu, sigmoid, addition,
nearest upsampling, slicing, concatenation and reshaping are used: onnxruntime, LiteRT and OpenCV run all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from livegate.detect.priors import PriorLayout
from livegate_tools.train.auxiliary import SPECTRUM

TRAINING_HEADS = ("pixel_head", "depth_head", "spectrum_head")


@dataclass(frozen=True, slots=True)
class Widths:
    """Channels of the stem, of strides 4, 8, 16, of the coarse levels, and of the fused levels."""

    stem: int = 16
    stride4: int = 32
    stride8: int = 64
    stride16: int = 128
    coarse: int = 128
    fused: int = 64
    blocks: tuple[int, ...] = (1, 3, 3)
    """Residual blocks at strides 4, 8 and 16."""


@dataclass(frozen=True, slots=True)
class RawOutput:
    """What the heads say before any probability: all per prior, in the order of ``prior_boxes``.

    ``offsets`` (B, N, 4), ``face`` (B, N) and ``bona_fide`` (B, N) logits. Training only, at stride 8: ``pixels`` and
    ``depth`` (B, H/8, W/8), logits of bona fide and of the depth's share, and ``texture`` (B, C, H/8, W/8), what the
    liveness head of the finest level sees.
    """

    offsets: Tensor
    face: Tensor
    bona_fide: Tensor
    pixels: Tensor
    depth: Tensor
    texture: Tensor

    def as_float(self) -> RawOutput:
        """Return the same in float32, for a loss that bfloat16 would blur."""
        return RawOutput(
            self.offsets.float(),
            self.face.float(),
            self.bona_fide.float(),
            self.pixels.float(),
            self.depth.float(),
            self.texture.float(),
        )


class DilatedConvolution(nn.Conv2d):  # type: ignore[misc, unused-ignore]
    """A convolution in float32 even under autocast.

    In bfloat16, the gradient of a dilated depthwise kernel holds what lay in memory before: oneDNN reads a buffer that
    nobody filled (seen in PyTorch 2.13 on the processor, channels last), now and then a NaN that ends the run.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution of ``x``, float32."""
        with torch.autocast(x.device.type, enabled=False):
            # A conversion that converts nothing would still be an operation of the exported graph.
            out: Tensor = super().forward(x if x.dtype is torch.float32 else x.float())
        return out


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    kind = nn.Conv2d if dilation == 1 else DilatedConvolution
    return nn.Sequential(
        kind(inputs, outputs, kernel, stride, padding, dilation, groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _separable(inputs: int, outputs: int, stride: int = 1, kernel: int = 3, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        _conv(inputs, inputs, kernel, stride, groups=inputs, dilation=dilation), _conv(inputs, outputs, 1)
    )


class Residual(nn.Module):  # type: ignore[misc, unused-ignore]
    """A separable block with its input added; channels and size stay."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.block = _separable(channels, channels, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` plus what the block makes of it, same shape."""
        out: Tensor = x + self.block(x)
        return out


class Head(nn.Module):  # type: ignore[misc, unused-ignore]
    """Per-prior outputs of one level: (B, C, H, W) to (B, H·W·priors, values)."""

    def __init__(self, channels: int, cells: int, priors: int, values: int, bias: float = 0.0) -> None:
        super().__init__()
        self.shape = (-1, cells * priors, values)
        self.spatial = _conv(channels, channels, 3, groups=channels)
        self.point = nn.Conv2d(channels, priors * values, 1)
        nn.init.constant_(self.point.bias, bias)  # type: ignore[arg-type, unused-ignore]

    def forward(self, x: Tensor) -> Tensor:
        """Return the values of every prior of this level, row by row, column by column, prior by prior."""
        out: Tensor = self.point(self.spatial(x)).permute(0, 2, 3, 1).reshape(self.shape)
        return out


class FaceNetwork(nn.Module):  # type: ignore[misc, unused-ignore]
    """The detector; ``forward`` gives logits for training, :class:`Deployed` probabilities for the terminal."""

    def __init__(self, layout: PriorLayout, widths: Widths | None = None) -> None:
        """Build for four strides 8, 16, 32, 64 of ``layout``."""
        super().__init__()
        w = widths or Widths()
        self.stem = nn.Sequential(_conv(3, w.stem, 3, 2), _conv(w.stem, w.stride4, 3, 2))
        self.stage4 = nn.Sequential(*(Residual(w.stride4) for _ in range(w.blocks[0])))
        self.stage8 = nn.Sequential(
            _separable(w.stride4, w.stride8, 2), *(Residual(w.stride8) for _ in range(w.blocks[1]))
        )
        self.stage16 = nn.Sequential(
            _separable(w.stride8, w.stride16, 2), *(Residual(w.stride16) for _ in range(w.blocks[2]))
        )
        self.stage32 = nn.Sequential(_separable(w.stride16, w.coarse, 2), Residual(w.coarse), Residual(w.coarse, 2))
        self.stage64 = nn.Sequential(_separable(w.coarse, w.coarse, 2), Residual(w.coarse))
        sources = (w.stride8, w.stride16, w.coarse, w.coarse)
        self.lateral = nn.ModuleList(_conv(channels, w.fused, 1) for channels in sources)
        self.smooth = nn.ModuleList(_separable(w.fused, w.fused) for _ in sources)
        self.context = nn.ModuleList(
            nn.Sequential(*(Residual(w.fused, dilation) for dilation in dilations))
            for dilations in ((3,), (2, 3), (2, 2), (1,))
        )
        # Sizes are known once and for all, so that the exported graph computes no shape.
        self.sizes = [(-(-layout.height // stride), -(-layout.width // stride)) for stride in layout.strides]
        places = [
            (w.fused, rows * columns, len(heights))
            for (rows, columns), heights in zip(self.sizes, layout.heights, strict=True)
        ]
        self.box_heads = nn.ModuleList(Head(*place, values=4) for place in places)
        # The share of priors with a face is tiny: start near "background" (Lin et al., ICCV 2017, section 3.3).
        self.face_heads = nn.ModuleList(Head(*place, values=1, bias=-4.0) for place in places)
        self.liveness_heads = nn.ModuleList(Head(*place, values=1) for place in places)
        # What only training has comes last, so that the shipped weights of a seed do not depend on it.
        self.pixel_head = nn.Conv2d(w.fused, 1, 1)
        self.depth_head = nn.Conv2d(w.fused, 1, 1)
        self.spectrum_head = nn.Sequential(
            nn.Linear(w.fused, 2 * w.fused), nn.ReLU(), nn.Linear(2 * w.fused, SPECTRUM * SPECTRUM)
        )

    def fused(self, x: Tensor) -> list[Tensor]:
        """Return the four fused levels of (B, 3, 240, 320) input, finest first."""
        s8 = self.stage8(self.stage4(self.stem(x)))
        s16 = self.stage16(s8)
        s32 = self.stage32(s16)
        sources = [s8, s16, s32, self.stage64(s32)]
        levels = [lateral(source) for lateral, source in zip(self.lateral, sources, strict=True)]
        for fine in (2, 1, 0):
            above = functional.interpolate(levels[fine + 1], scale_factor=2.0, mode="nearest")
            (rows, columns), (coarse_rows, coarse_columns) = self.sizes[fine], self.sizes[fine + 1]
            if (rows, columns) != (2 * coarse_rows, 2 * coarse_columns):
                above = above[:, :, :rows, :columns]
            levels[fine] = levels[fine] + above
        return [smooth(level) for smooth, level in zip(self.smooth, levels, strict=True)]

    def forward(self, x: Tensor) -> RawOutput:
        """Return the heads' logits for normalised pictures (B, 3, 240, 320) float32."""
        levels = self.fused(x)
        views = [context(level) for context, level in zip(self.context, levels, strict=True)]
        return RawOutput(
            offsets=torch.cat([h(f) for h, f in zip(self.box_heads, levels, strict=True)], 1),
            face=torch.cat([h(f) for h, f in zip(self.face_heads, levels, strict=True)], 1).flatten(1),
            bona_fide=torch.cat([h(f) for h, f in zip(self.liveness_heads, views, strict=True)], 1).flatten(1),
            pixels=self.pixel_head(views[0])[:, 0],
            depth=self.depth_head(views[0])[:, 0],
            texture=views[0],
        )

    def spectra(self, texture: Tensor, inside: Tensor) -> Tensor:
        """Return what the mean of ``texture`` (B, C, h, w) over the cells ``inside`` (B, h, w) says of the spectrum.

        (B, 10, 10) float32; zeros go in where a picture has no cell inside.
        """
        chosen = inside[:, None].to(texture.dtype)
        mean = (texture * chosen).sum((2, 3)) / chosen.sum((2, 3)).clamp(min=1)
        out: Tensor = self.spectrum_head(mean).reshape(-1, SPECTRUM, SPECTRUM)
        return out


class Deployed(nn.Module):  # type: ignore[misc, unused-ignore]
    """The graph the terminal runs: boxes (B, N, 4) offsets and scores (B, N, 3) probabilities that sum to 1."""

    def __init__(self, network: FaceNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return offsets against the priors, and the probabilities of background, bona fide and attack."""
        raw = self.network(x)
        face = torch.sigmoid(raw.face)
        bona_fide = torch.sigmoid(raw.bona_fide)
        attack = torch.sigmoid(-raw.bona_fide)
        background = torch.sigmoid(-raw.face)
        return raw.offsets, torch.stack([background, face * bona_fide, face * attack], dim=-1)


def training_only(name: str) -> bool:
    """Return whether the parameter or module ``name`` belongs to a head that does not ship."""
    return name.split(".", maxsplit=1)[0] in TRAINING_HEADS


def parameter_count(network: nn.Module) -> int:
    """Return how many parameters ship: all of ``network`` but the training-only heads."""
    return sum(p.numel() for name, p in network.named_parameters() if not training_only(name))


def multiply_accumulates(network: nn.Module, width: int, height: int) -> int:
    """Return the multiply-accumulates of one forward pass, counted at every convolution as it runs."""
    total = 0

    def count(module: nn.Module, _inputs: object, output: Tensor) -> None:
        nonlocal total
        total += int(output.shape[2] * output.shape[3]) * sum(p.numel() for p in module.parameters() if p.dim() == 4)

    convolutions = [m for name, m in network.named_modules() if isinstance(m, nn.Conv2d) and not training_only(name)]
    hooks = [m.register_forward_hook(count) for m in convolutions]
    training = network.training
    network.eval()
    with torch.no_grad():
        network(torch.zeros(1, 3, height, width))
    network.train(training)
    for hook in hooks:
        hook.remove()
    return total
