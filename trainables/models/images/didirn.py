"""DiDiRN: residual networks conditioned on a noised label and a time, the scores of DiDiCM.

Convolutions, batch normalisation and shortcuts are ResNet's. Before a residual block's shortcut is added,
a linear layer of SiLU of the sum of the label's and the time's embeddings is added to what the
convolutions put out, followed by group normalisation and SiLU.

Speech is an image too: the magnitudes of its spectrogram, one channel, as networks that classify sounds see
it. Its phases, which say little of a word, are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.core.config import added_field
from trainables.core.errors import UsageError, check_choice, check_range
from trainables.diffusion.label_sampling import LabelScore
from trainables.models.base import NetworkInterface
from trainables.models.layers import TimeEmbedding, magnitudes, zero_output

if TYPE_CHECKING:
    from torchvision.models.resnet import BasicBlock, Bottleneck

    Block = type[BasicBlock] | type[Bottleneck]

ImageEncoding = tuple[Tensor, Tensor]
"""What the first block makes of images before it is conditioned: its convolutions' and its shortcut's
output, (B, C', H', W') each.
"""
Conditioned = Callable[[Tensor, Tensor, Tensor], Tensor]
"""`DiDiRN.conditioned`, or what computes the same in its place."""

_STEMS = ("small", "pooled")
_RESNETS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
"""The number of blocks in each stage, by the depth; from 50 layers on they are bottlenecks."""


@dataclass(frozen=True)
class DiDiRNConfig:
    """Depth of the ResNet, its stem and the width of the embeddings.

    The stem is a 3×3 convolution. "pooled" is the published one, with 3×3 max-pooling of stride 2; "small"
    has none, as D.1's classifiers of small images have none.
    """

    depth: Literal[18, 34, 50] = 50
    stem: Literal["small", "pooled"] = "small"
    embedding: int = 128
    network: Literal["didirn"] = "didirn"
    kind: ClassVar[str] = "image"

    def __post_init__(self) -> None:
        check_choice("DiDiRN depth", self.depth, tuple(_RESNETS))
        check_choice("DiDiRN stem", self.stem, _STEMS)
        check_range("DiDiRN embedding width", self.embedding, 1, 65536)

    def build(self, fit: NetworkInterface) -> DiDiRN:
        """An untrained network."""
        from torchvision.models.resnet import BasicBlock, Bottleneck

        block: Block = Bottleneck if self.depth >= 50 else BasicBlock
        sizes = 64, _RESNETS[self.depth], self.embedding
        return DiDiRN(fit, block, *sizes, pooled=self.stem == "pooled")


@dataclass(frozen=True)
class SmallDiDiRNConfig:
    """Sizes for images of few pixels: channels of the first stage, an even number that each later stage
    doubles, the number of basic blocks in each stage, and the width of the embeddings. The stem is as of
    `DiDiRNConfig`; pooled it is for spectrograms, which have many pixels.
    """

    base: int = 32
    blocks: tuple[int, ...] = (1, 1, 1)
    embedding: int = 64
    network: Literal["small-didirn"] = "small-didirn"
    stem: Literal["small", "pooled"] = added_field("small")
    kind: ClassVar[str] = "image"

    def __post_init__(self) -> None:
        check_range("DiDiRN base", self.base, 2, 4096)
        check_choice("DiDiRN stem", self.stem, _STEMS)
        if self.base % 2:
            raise UsageError(f"DiDiRN base is {self.base}, but must be even: try {self.base + 1}")
        check_range("the number of stages of DiDiRN", len(self.blocks), 1, 6)
        for count in self.blocks:
            check_range("the number of blocks in a stage of DiDiRN", count, 1, 64)
        check_range("DiDiRN embedding width", self.embedding, 1, 65536)

    def build(self, fit: NetworkInterface) -> DiDiRN:
        """An untrained network."""
        from torchvision.models.resnet import BasicBlock

        sizes = self.base, self.blocks, self.embedding
        return DiDiRN(fit, BasicBlock, *sizes, pooled=self.stem == "pooled")


class DiDiRN(nn.Module):
    """log s(y, c_t, t): images (B, C, H, W), labels (B,) and times (B,) or (1,) to (B, K) in float32, with
    0 at the label itself, so that s(y, c_t, t) at c_t is 1. Untrained, it is 0 for all labels. Spectrograms
    (B, 2, F, T) are its images where signals are speech.

    Args:
        fit: the sizes of signals and K.
        block: torchvision's residual block.
        base: channels of the first stage.
        counts: the number of blocks in each stage.
        embedding: the width of the embeddings of labels and times.
        pooled: whether the stem has max-pooling.
    """

    def __init__(
        self,
        fit: NetworkInterface,
        block: Block,
        base: int,
        counts: tuple[int, ...],
        embedding: int,
        pooled: bool,
    ) -> None:
        super().__init__()
        self.classes, self._is_speech = fit.classes, fit.signal_process is not None
        channels = 1 if self._is_speech else fit.channels
        self.stem = nn.Sequential(
            nn.Conv2d(channels, base, 3, padding=1, bias=False), nn.BatchNorm2d(base), nn.ReLU()
        )
        if pooled:
            self.stem.append(nn.MaxPool2d(3, stride=2, padding=1))
        self.first, *later = _blocks(block, base, counts, embedding)
        self.later = nn.ModuleList(later)
        self.label, self.time = nn.Embedding(fit.classes, embedding), TimeEmbedding(embedding)
        self.head = nn.Linear(base * 2 ** (len(counts) - 1) * block.expansion, fit.classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # as in torchvision's ResNet
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        zero_output(self.head)

    def encode_images(self, x: Tensor) -> ImageEncoding:
        """The part of the computation that no label and no time enters, done once for a trajectory."""
        h = self.stem(magnitudes(x) if self._is_speech else x)
        return self.first.body(h), self.first.shortcut(h)

    def embedding(self, labels: Tensor, t: Tensor) -> Tensor:
        """The embedding (B, width) that conditions every block, of labels (B,) and times (B,) or (1,)."""
        return functional.silu(self.label(labels) + self.time(t))

    def conditioned(self, body: Tensor, shortcut: Tensor, embedding: Tensor) -> Tensor:
        """What the head puts out, (B, K), for encoded images and an embedding: all but encodings."""
        h = self.first.joined(body, shortcut, embedding)
        for block in self.later:
            h = block(h, embedding)
        output: Tensor = self.head(h.mean(dim=(2, 3)))
        return output

    def log_scores(
        self,
        images: ImageEncoding,
        labels: Tensor,
        t: Tensor,
        conditioned: Conditioned | None = None,
    ) -> Tensor:
        """log s, (B, K) float32, of encoded images, labels (B,) and times (B,) or (1,); `conditioned`
        computes in the place of the network's own.
        """
        output = (conditioned or self.conditioned)(*images, self.embedding(labels, t)).float()
        return output.scatter(1, labels[:, None], 0.0)

    def chain_scores(
        self,
        images: ImageEncoding,
        labels: Tensor,
        t: Tensor,
        conditioned: Conditioned | None = None,
    ) -> Tensor:
        """log s, (B, C, K) float32, of C labels an image (B, C), all in one pass; else as `log_scores`."""
        batch, chains = labels.shape
        body, shortcut = (part.repeat_interleave(chains, dim=0) for part in images)
        output = self.log_scores((body, shortcut), labels.flatten(), t, conditioned)
        return output.reshape(batch, chains, self.classes)

    def forward(self, x: Tensor, labels: Tensor, t: Tensor) -> Tensor:
        return self.log_scores(self.encode_images(x), labels, t)

    def score_of(self, x: Tensor) -> LabelScore:
        """The score of images (B, C, H, W), which are encoded once, as the samplers call it."""
        images = self.encode_images(x)
        return lambda labels, t: self.chain_scores(
            images, labels, torch.full((1,), t, device=x.device)
        )


class ConditionedBlock(nn.Module):
    """A residual block of ResNet whose convolutions' output an embedding is added to.

    Args:
        residual: torchvision's block, whose layers it takes over.
        width: the number of channels that it puts out.
        embedding: the width of the embedding.
    """

    def __init__(self, residual: BasicBlock | Bottleneck, width: int, embedding: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*_layers(residual))
        self.shortcut = residual.downsample or nn.Identity()
        self.condition = nn.Linear(embedding, width)
        # The published 32 groups, fewer where they would have one channel each: normalising a channel
        # alone takes away whatever constant was added to it.
        self.norm = nn.GroupNorm(math.gcd(width // 2, 32), width)

    def forward(self, h: Tensor, embedding: Tensor) -> Tensor:
        """h (B, C, H, W) and SiLU of the embedding (B, width) to (B, C', H', W')."""
        return self.joined(self.body(h), self.shortcut(h), embedding)

    def joined(self, inner: Tensor, shortcut: Tensor, embedding: Tensor) -> Tensor:
        """The block's output, given that of its convolutions and of its shortcut."""
        inner = functional.silu(self.norm(inner + self.condition(embedding)[:, :, None, None]))
        return functional.relu(inner + shortcut)


def _layers(residual: BasicBlock | Bottleneck) -> Iterator[nn.Module]:
    """A block's convolutions with their normalisation, and ReLU between them, not after the last."""
    from torchvision.models.resnet import Bottleneck

    yield from (residual.conv1, residual.bn1, nn.ReLU(), residual.conv2, residual.bn2)
    if isinstance(residual, Bottleneck):
        yield from (nn.ReLU(), residual.conv3, residual.bn3)


def _blocks(
    block: Block, base: int, counts: tuple[int, ...], embedding: int
) -> Iterator[ConditionedBlock]:
    """ResNet's blocks in their order: each stage after the first halves the image and doubles the width."""
    incoming = base
    for stage, count in enumerate(counts):
        width = base * 2**stage
        outgoing = width * block.expansion
        for i in range(count):
            stride = 2 if stage and not i else 1
            downsample = None
            if stride != 1 or incoming != outgoing:
                convolution = nn.Conv2d(incoming, outgoing, 1, stride=stride, bias=False)
                downsample = nn.Sequential(convolution, nn.BatchNorm2d(outgoing))
            residual = block(incoming, width, stride, downsample)
            yield ConditionedBlock(residual, outgoing, embedding)
            incoming = outgoing
