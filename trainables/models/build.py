"""Networks of a task: new ones, and ones with the weights of a part."""

from __future__ import annotations

from torch import Tensor, nn

from trainables.data.splits import Dataset
from trainables.models.base import LogitDenoiser
from trainables.models.classifier import ConvNet, FrozenClassifier, LogitScale, ResNetConfig, resnet
from trainables.models.logit_attention import LogitAttention, LogitAttentionConfig
from trainables.models.logit_mlp import LogitMLP
from trainables.models.unet import UNet
from trainables.recipe import Recipe

StateDicts = dict[str, dict[str, Tensor]]


def new_classifier(dataset: Dataset, recipe: Recipe) -> nn.Module:
    """An untrained classifier, images (B, C, H, W) to raw logits (B, K)."""
    classes, config = len(dataset.classes), recipe.classifier
    if isinstance(config, ResNetConfig):
        return resnet(dataset.signal_shape[0], classes, config.depth)
    return ConvNet(dataset.signal_shape, classes, config)


def new_signal_denoiser(dataset: Dataset, recipe: Recipe) -> UNet:
    """An untrained signal denoiser."""
    return UNet(dataset.signal_shape[0], len(dataset.classes), recipe.signal)


def new_logit_denoiser(dataset: Dataset, recipe: Recipe) -> LogitDenoiser:
    """An untrained logit denoiser."""
    channels, classes, config = dataset.signal_shape[0], len(dataset.classes), recipe.logit
    if isinstance(config, LogitAttentionConfig):
        return LogitAttention(channels, classes, config)
    return LogitMLP(channels, classes, config)


def frozen_classifier(dataset: Dataset, recipe: Recipe, weights: StateDicts) -> FrozenClassifier:
    """The classifier of a part, frozen."""
    network, scale = new_classifier(dataset, recipe), LogitScale(len(dataset.classes))
    network.load_state_dict(weights["network"])
    scale.load_state_dict(weights["scale"])
    return FrozenClassifier(network, scale)


def signal_denoiser(dataset: Dataset, recipe: Recipe, weights: StateDicts) -> UNet:
    """The signal denoiser of a part."""
    denoiser = new_signal_denoiser(dataset, recipe)
    denoiser.load_state_dict(weights["signal"])
    return denoiser


def logit_denoiser(dataset: Dataset, recipe: Recipe, weights: StateDicts) -> LogitDenoiser:
    """The logit denoiser of a part."""
    denoiser = new_logit_denoiser(dataset, recipe)
    denoiser.load_state_dict(weights["logit"])
    return denoiser
