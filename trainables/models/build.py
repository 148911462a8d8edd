"""Networks of a task: new ones, and ones with the weights of a part."""

from __future__ import annotations

from torch import Tensor

from trainables.data.splits import Dataset
from trainables.models.classifier import ConvNet, FrozenClassifier, LogitScale
from trainables.models.logit_mlp import LogitMLP
from trainables.models.unet import UNet
from trainables.recipe import Recipe

StateDicts = dict[str, dict[str, Tensor]]


def new_classifier(dataset: Dataset, recipe: Recipe) -> ConvNet:
    """An untrained classifier."""
    return ConvNet(dataset.signal_shape, len(dataset.classes), recipe.classifier)


def new_signal_denoiser(dataset: Dataset, recipe: Recipe) -> UNet:
    """An untrained signal denoiser."""
    return UNet(dataset.signal_shape[0], len(dataset.classes), recipe.signal)


def new_logit_denoiser(dataset: Dataset, recipe: Recipe) -> LogitMLP:
    """An untrained logit denoiser."""
    return LogitMLP(dataset.signal_shape[0], len(dataset.classes), recipe.logit)


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


def logit_denoiser(dataset: Dataset, recipe: Recipe, weights: StateDicts) -> LogitMLP:
    """The logit denoiser of a part."""
    denoiser = new_logit_denoiser(dataset, recipe)
    denoiser.load_state_dict(weights["logit"])
    return denoiser
