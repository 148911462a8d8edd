"""The noise-conditional classifier p_t(c | x_t), which guides a signal diffusion.

As Dhariwal and Nichol have it (2021, section 4.1) it is the downsampling half of the signal denoiser's U-Net
with a layer that pools its features, so its sizes are those of the denoiser. It sees the noised signal alone,
not the corrupted one. Of speech it sees the magnitudes of the spectrogram.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.diffusion.ouve import OUVE
from trainables.models.images.unet import UNetConfig, UNetEncoder
from trainables.models.layers import ResidualBlock, TimeEmbedding, magnitudes, norm, zero_output

_CELLS = 2
"""Features are averaged in so many cells a side."""


class NoisyClassifier(nn.Module):
    """Noised signals (B, C, H, W) and their levels to logits (B, K), whose softmax is p_t(c | x_t).

    Of images the logits are b + sqrt(abar_t) h(x_t, t), with learned b (K,) and network h. Where noise is
    strong, log p_t(c | x_t) depends on x_t by sqrt(abar_t) / (1 - abar_t) x_t, so h need not vanish there,
    and the guided clean estimate, which divides the gradient by sqrt(abar_t), stays finite. Speech keeps a
    share of itself at every level: there they are b + h(x_t, t).

    Args:
        channels: C, of an image; two parts of a complex number, of speech.
        classes: K.
        config: sizes of the signal denoiser.
        process: the process that noises signals.
    """

    scales: Tensor | None

    def __init__(
        self, channels: int, classes: int, config: UNetConfig, process: GaussianDiffusion | OUVE
    ) -> None:
        super().__init__()
        self.T, is_image = process.T, isinstance(process, GaussianDiffusion)
        scales = (
            process.alpha_bar.sqrt().float() if isinstance(process, GaussianDiffusion) else None
        )
        self.register_buffer("scales", scales, persistent=False)
        channels = channels if is_image else 1
        widths = [config.base * m for m in config.multipliers]
        last, embedding = widths[-1], 4 * config.base
        self.patched = nn.PixelUnshuffle(config.patch)
        self.time = TimeEmbedding(embedding)
        self.images = UNetEncoder(channels * config.patch**2, widths, config.blocks, embedding)
        self.middle = ResidualBlock(last, last, embedding)
        self.pool = nn.Sequential(norm(last), nn.SiLU(), nn.AdaptiveAvgPool2d(_CELLS), nn.Flatten())
        self.hidden = nn.Linear(_CELLS**2 * last, embedding)
        self.out = nn.Linear(embedding, classes, bias=False)
        self.prior = nn.Parameter(torch.zeros(classes))
        zero_output(self.out)

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Logits (B, K) of noised signals at levels t, (B,) or (1,): integers in 0..T of images, times of
        speech.
        """
        embedding = functional.silu(self.time(t / self.T))
        x_t = magnitudes(x_t) if self.scales is None else x_t
        features = self.images(self.patched(x_t), embedding, None)
        h = self.middle(features[-1], embedding)
        h = self.out(functional.silu(self.hidden(self.pool(h))))
        output: Tensor = self.prior + (h if self.scales is None else self.scales[t][:, None] * h)
        return output
