"""The score network of SGMSE: NCSN++ over complex spectrograms, with logits as a condition (E.4).

A U-Net of residual blocks (Song et al. 2021; Richter et al. 2023). In the published sizes its
parameters have the published names and shapes: `output_layer`, and `all_modules.N`, all other layers
in the order in which they are made. `trainables.models.speech.ncsnpp.checkpoint` loads such weights. The
layers that condition it on logits are beside them, under `condition`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.core.errors import UsageError
from trainables.diffusion.ouve import OUVE
from trainables.models.base import Encoding, SignalDenoiser
from trainables.models.speech.ncsnpp.condition import Condition, FiLM, Fusion
from trainables.models.speech.ncsnpp.layers import (
    Block,
    FourierTime,
    Join,
    SelfAttention,
    conv,
    down,
    group_norm,
    linear,
    up,
)
from trainables.models.speech.ncsnpp.sizes import NCSNppSizes

Layer = TypeVar("Layer", bound=nn.Module)


@dataclass
class _Level:
    """The layers of a level on the way down or up: blocks, then the optional layers after them.

    `norm` and `output` make the level's contribution to the output pyramid.
    """

    blocks: list[Block] = field(default_factory=list)
    attention: list[SelfAttention] = field(default_factory=list)
    resample: Block | None = None
    join: Join | None = None
    norm: nn.GroupNorm | None = None
    output: nn.Conv2d | None = None


class NCSNpp(SignalDenoiser):
    """Predicts the score of spectrograms (B, 2, F, T), F and T divisible by `config.multiple`.

    `forward` puts out sigma(t) times the score of the real state, so minus the noise it expects. The
    published network's own output h is that of complex numbers, with score -h.

    Args:
        classes: numbers a row of the logits (B, K) or (B, S, K) that condition it; None where
            nothing does.
        process: the process whose score it learns.
        config: sizes.
    """

    def __init__(self, classes: int | None, process: OUVE, config: NCSNppSizes) -> None:
        super().__init__()
        self.process, self.config = process, config
        self._parts = 4 * config.patch**2  # x_t's and x_cor's real and imaginary parts
        self._embedding = 4 * config.base
        self.output_layer = nn.Conv2d(self._parts, self._parts // 2, 1)
        # The attributes below are tuples and lists of layers of all_modules: those are not registered
        # as submodules, so that every parameter has one name.
        self.all_modules = nn.ModuleList()
        self._time = (
            self._add(FourierTime(config.base)),
            self._add(linear(2 * config.base, self._embedding)),
            self._add(linear(self._embedding, self._embedding)),
        )
        self._inlet = (self._add(conv(self._parts, config.base, 3)),)
        self._downward, skips = self._make_downward()
        deepest = config.base * config.multipliers[-1]
        self._middle = (
            self._block(deepest, deepest),
            self._add(SelfAttention(deepest)),
            self._block(deepest, deepest),
        )
        self._upward = self._make_upward(skips)
        self.condition: Condition | None = None
        if classes is not None and config.condition == "film":
            self.condition = FiLM(classes, config.condition_width, deepest)
        elif classes is not None:
            midway = config.base * config.multipliers[len(config.multipliers) // 2]
            self.condition = Fusion(classes, config.condition_width, midway)

    def exact(self) -> Iterable[nn.Module]:
        """The layers that embed time: in bf16 the sinusoids of log t cannot tell near times apart."""
        return self._time

    def encode_corrupted(self, x_cor: Tensor) -> Tensor:
        """x_cor itself, since it is an input of the first layer."""
        return x_cor

    def encode_logits(self, y: Tensor | None, batch: int) -> Encoding:
        """The condition's encoding of logits y (B, K) or (B, S, K), or of their absence if y is None.

        Raises:
            UsageError: there are logits, but the network has no condition.
        """
        if y is None:
            return None if self.condition is None else self.condition.encode_absence()
        if self.condition is None:
            raise UsageError(
                "logits were given to an NCSN++ that has no condition: make it with their number "
                "of classes"
            )
        return self.condition.encode((y if y.dim() == 3 else y[:, None]).to(self._dtype))

    def forward(self, x_t: Tensor, t: Tensor, corrupted: Tensor, logits: Encoding) -> Tensor:
        """sigma(t) s, of x_t's shape, at times t in (0, 1], (B,) or (1,).

        Raises:
            UsageError: F or T is not a multiple of `config.multiple`.
        """
        self._check(x_t)
        time = t.to(x_t).reshape(-1, 1, 1, 1)
        spread = self.config.spread
        if spread is not None:
            whitened = self.process.whitened(x_t, corrupted, t, spread)
            h = self._network(torch.cat([whitened, corrupted / spread], dim=1), t, logits)
            h = functional.pixel_shuffle(self.output_layer(h), self.config.patch).to(x_t)
            return self.process.residual_score(h, x_t, corrupted, t, spread)
        h = self._network(torch.cat([x_t, corrupted], dim=1), t, logits)
        if self.config.scale_last:
            h = self.output_layer(h) / time
        else:
            h = self.output_layer((h / time).to(self._dtype))
        # s is -h for complex numbers, and -2 h for parts of which each has half the variance
        per_part = 2 if self.process.complex_state else 1
        scale = -per_part * self.process.deviation(time)
        return scale * functional.pixel_shuffle(h, self.config.patch)

    def _network(self, x: Tensor, t: Tensor, logits: Encoding) -> Tensor:
        """All layers but the output layer: (B, 4, F, T) to (B, 4 patch², F / patch, T / patch)."""
        x = functional.pixel_unshuffle(x.to(self._dtype), self.config.patch)
        waves, inner, outer = self._time
        embedding = functional.silu(outer(functional.silu(inner(waves(t))))).to(self._dtype)
        features = self._down(x, embedding)
        h = self._middle[0](features[-1], embedding)
        if isinstance(self.condition, FiLM) and logits is not None:
            h = self.condition(h, logits)
        h = self._middle[2](self._middle[1](h), embedding)
        return self._up(h, embedding, features, logits)

    def _down(self, x: Tensor, embedding: Tensor) -> list[Tensor]:
        """All features on the way down; the way up takes them from the end."""
        features = [self._inlet[0](x)]
        for level in self._downward:
            for i, block in enumerate(level.blocks):
                h = block(features[-1], embedding)
                features.append(level.attention[i](h) if level.attention else h)
            if level.resample is not None:
                h = level.resample(features[-1], embedding)
                if level.join is not None:
                    x = down(x)
                    h = level.join(x, h)
                features.append(h)
        return features

    def _up(self, h: Tensor, embedding: Tensor, features: list[Tensor], logits: Encoding) -> Tensor:
        """The input of the output layer, (B, 4 patch², F / patch, T / patch)."""
        output: Tensor | None = None
        for depth, level in zip(range(len(self._upward) - 1, -1, -1), self._upward, strict=True):
            for block in level.blocks:
                h = block(torch.cat([h, features.pop()], dim=1), embedding)
            for attention in level.attention:
                h = attention(h)
            if depth == len(self._upward) // 2 and isinstance(self.condition, Fusion):
                h = h if logits is None else self.condition(h, logits)
            if level.norm is not None and level.output is not None:
                share = level.output(functional.silu(level.norm(h)))
                output = share if output is None else up(output) + share
            if level.resample is not None:
                h = level.resample(h, embedding)
        assert output is not None
        return output

    def _make_downward(self) -> tuple[list[_Level], list[int]]:
        """Make the levels on the way down; also the channels of their features, in order."""
        levels, config = [], self.config
        channels, skips = config.base, [config.base]
        for depth, multiplier in enumerate(config.multipliers):
            level = _Level()
            for _ in range(config.blocks):
                level.blocks.append(self._block(channels, config.base * multiplier))
                channels = config.base * multiplier
                if depth in config.attention:
                    level.attention.append(self._add(SelfAttention(channels)))
                skips.append(channels)
            if depth < len(config.multipliers) - 1:
                level.resample = self._block(channels, channels, "down")
                if config.pyramids:
                    level.join = self._add(Join(self._parts, channels))
                skips.append(channels)
            levels.append(level)
        return levels, skips

    def _make_upward(self, skips: list[int]) -> list[_Level]:
        """Make the levels on the way up, which take features of `skips` channels from its end."""
        levels, config, skips = [], self.config, list(skips)
        channels = skips[-1]
        for depth in reversed(range(len(config.multipliers))):
            level = _Level()
            for _ in range(config.blocks + 1):
                width = config.base * config.multipliers[depth]
                level.blocks.append(self._block(channels + skips.pop(), width))
                channels = width
            if depth in config.attention:
                level.attention.append(self._add(SelfAttention(channels)))
            if config.pyramids or depth == 0:
                level.norm = self._add(group_norm(channels))
                level.output = self._add(conv(channels, self._parts, 3, silent=True))
            if depth > 0:
                level.resample = self._block(channels, channels, "up")
            levels.append(level)
        return levels

    def _block(self, c_in: int, c_out: int, resample: str = "") -> Block:
        """Add a residual block to `all_modules`."""
        return self._add(Block(c_in, c_out, self._embedding, self.config.dropout, resample))

    def _add(self, layer: Layer) -> Layer:
        """Add a layer to `all_modules`, and return it."""
        self.all_modules.append(layer)
        return layer

    @property
    def _dtype(self) -> torch.dtype:
        """The floating-point type that maps of features are computed in."""
        return self.output_layer.weight.dtype

    def _check(self, x_t: Tensor) -> None:
        """Refuse a spectrogram whose F or T is not a multiple of `config.multiple`."""
        multiple = self.config.multiple
        if x_t.shape[-2] % multiple or x_t.shape[-1] % multiple:
            raise UsageError(
                f"a spectrogram has {x_t.shape[-2]} frequencies and {x_t.shape[-1]} frames, but both "
                f"must be multiples of {multiple} for this NCSN++: make it by a Spectrogram with "
                f"multiple={multiple}, or choose fewer levels or a smaller patch"
            )
