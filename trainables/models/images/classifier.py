"""Image classifiers, and the frozen classifier that puts out standardised logits (D.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from trainables.core.errors import check_choice, check_range
from trainables.models.base import NetworkInterface
from trainables.models.scale import LogitScale, weights_hash

if TYPE_CHECKING:
    from torchvision.models import ResNet


@dataclass(frozen=True)
class ConvNetConfig:
    """Channels of the first convolution (doubled at each pooling) and width of the hidden layer."""

    base: int = 32
    hidden: int = 128
    network: Literal["convnet"] = "convnet"
    kind: ClassVar[str] = "image"

    def __post_init__(self) -> None:
        check_range("classifier base", self.base, 1, 4096)
        check_range("classifier hidden width", self.hidden, 1, 65536)

    def build(self, fit: NetworkInterface) -> nn.Module:
        """An untrained network, images (B, C, H, W) to raw logits (B, K)."""
        return ConvNet(fit.signal_shape, fit.classes, self)


@dataclass(frozen=True)
class ResNetConfig:
    """The number of layers of the residual network."""

    depth: Literal[18, 50] = 50
    network: Literal["resnet"] = "resnet"
    kind: ClassVar[str] = "image"

    def __post_init__(self) -> None:
        check_choice("classifier depth", self.depth, (18, 50))

    def build(self, fit: NetworkInterface) -> nn.Module:
        """An untrained network, images (B, C, H, W) to raw logits (B, K)."""
        value: nn.Module = resnet(fit.channels, fit.classes, self.depth)
        return value


def resnet(
    channels: int, outputs: int, depth: int, norm_layer: Callable[[int], nn.Module] | None = None
) -> ResNet:
    """torchvision's ResNet for small images: D.1's 3×3 first convolution and no max-pooling.

    Images (B, C, H, W) to (B, outputs). `norm_layer` makes the normalisation for a number of channels;
    None is batch normalisation.
    """
    from torchvision.models import resnet18, resnet50  # two seconds, for networks that are built

    build = {18: resnet18, 50: resnet50}[depth]
    network = build(weights=None, num_classes=outputs, norm_layer=norm_layer)
    network.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
    network.maxpool = nn.Identity()
    return network


class ConvNet(nn.Module):
    """Three convolutions with ReLU and interleaved max-pooling, two linear layers: D.1 for MNIST.

    Images (B, C, H, W) in [-1, 1] to raw logits (B, K).
    """

    def __init__(self, signal_shape: tuple[int, ...], classes: int, config: ConvNetConfig) -> None:
        super().__init__()
        channels, height, width = signal_shape
        base = config.base
        self.features = nn.Sequential(
            nn.Conv2d(channels, base, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(base, 2 * base, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(2 * base, 2 * base, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.head = nn.Sequential(
            nn.Linear(2 * base * (height // 4) * (width // 4), config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.head(self.features(x))
        return output


class FrozenClassifier(nn.Module):
    """A trained classifier in eval mode, without gradients, that puts out standardised logits.

    Args:
        network: images (B, C, H, W) to raw logits (B, K).
        scale: standardises the logits.
        classes: names of the K classes.
    """

    def __init__(self, network: nn.Module, scale: LogitScale, classes: Sequence[str]) -> None:
        super().__init__()
        self.network, self.scale, self.classes = network, scale, tuple(classes)
        self.requires_grad_(False)
        self.train(False)

    def train(self, mode: bool = True) -> FrozenClassifier:
        """Stay in eval mode whatever `mode` is: `train()` of a parent module must not change it."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) to standardised logits (B, K)."""
        return self.scale.standardised(self.network(x))

    @torch.no_grad()
    def raw_logits(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) to raw logits (B, K)."""
        return self.guiding_logits(x)

    def guiding_logits(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) to raw logits (B, K), by operations that can be differentiated."""
        output: Tensor = self.network(x)
        return output

    def evidence(self, x: Tensor) -> Tensor:
        """The images themselves: logit denoisers of images have their own image encoders."""
        return x

    def weights_hash(self) -> str:
        """A hash that identifies the weights."""
        return weights_hash(self.network)

    def classes_of(self, y: Tensor) -> Tensor:
        """Numbers (B,) of the classes with the largest logits, given standardised ones (B, K)."""
        return self.scale.restored(y).argmax(dim=1)

    def texts_of(self, numbers: Tensor) -> list[str]:
        """Names of the classes of these numbers (B,)."""
        return [self.classes[number] for number in numbers.tolist()]
