"""Builds the networks of a task, untrained or with the weights of a part."""

from __future__ import annotations

import functools
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from trainables.core.errors import UsageError
from trainables.data.audio import RATE
from trainables.data.dataset import Dataset, Script
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.models.base import Classifier, LogitDenoiser, NetworkInterface, SignalDenoiser
from trainables.models.images.classifier import FrozenClassifier
from trainables.models.images.didirn import DiDiRN
from trainables.models.images.noisy_classifier import NoisyClassifier
from trainables.models.images.unet import UNetConfig
from trainables.models.scale import AudioLogitScale, LogitScale
from trainables.models.speech.ncsnpp.checkpoint import load_sgmse, read_sgmse
from trainables.models.speech.ncsnpp.config import NCSNppConfig
from trainables.models.speech.ncsnpp.network import NCSNpp
from trainables.models.speech.whisper.config import ANY_SIZE, SIZES, RecogniserConfig
from trainables.task.members import RETRAINED, member_kinds
from trainables.task.recipe import Recipe, SpeechRecipe

if TYPE_CHECKING:
    from whisper.model import Whisper

    from trainables.models.speech.whisper.recogniser import Recogniser, Sentences

StateDicts = dict[str, dict[str, Tensor]]


def new_classifier(dataset: Dataset, recipe: Recipe) -> nn.Module:
    """An untrained classifier of images (B, C, H, W), with raw logits (B, K)."""
    config = recipe.classifier
    assert not isinstance(config, RecogniserConfig), "speech has a recogniser"
    return config.build(network_interface(dataset, recipe))


def network_interface(dataset: Dataset, recipe: Recipe) -> NetworkInterface:
    """The sizes and processes that the networks of a task must fit.

    Raises:
        UsageError: Whisper's weights are needed and cannot be obtained.
    """
    shape, classes, speech = dataset.signal_shape, logit_shape(dataset, recipe)[-1], recipe.speech
    if speech is None:
        return NetworkInterface(shape, classes)
    width = _feature_width(recipe)
    return NetworkInterface(shape, classes, speech.process, speech.logit_process, width)


def logit_shape(dataset: Dataset, recipe: Recipe) -> tuple[int, ...]:
    """The shape of one sample's logits: (K,) for K classes; (S, K) for sentences of S decoding steps
    over K tokens.

    Raises:
        UsageError: sentences need Whisper's weights, which cannot be obtained.
    """
    if dataset.script is None:
        return (len(dataset.classes),)
    return _sentences(dataset.script, _recogniser_config(recipe)).shape


def recogniser(dataset: Dataset, recipe: Recipe) -> Recogniser:
    """The recogniser of a dataset's words or sentences; the scale of its logits is not yet measured.

    Sentences are padded with far more silence than words, so for these the evidence that a logit
    denoiser gets covers the signal alone.

    Raises:
        UsageError: Whisper's weights cannot be obtained.
    """
    from trainables.models.speech.whisper.recogniser import Recogniser, Words

    config, sound, script = _recogniser_config(recipe), dataset.sound, dataset.script
    assert sound is not None
    waveform_of = functools.partial(sound.waveforms, rate=RATE)
    network = _whisper(config)
    if script is None:
        words = Words(dataset.classes)
        return Recogniser(network, words, config.context, config.lead, waveform_of)
    sentences, seconds = _sentences(script, config), sound.samples / sound.spectrogram.sample_rate
    return Recogniser(network, sentences, config.context, config.lead, waveform_of, seconds)


def unscaled_classifier(dataset: Dataset, recipe: Recipe) -> Classifier:
    """A frozen classifier that is not trained, and whose scale is not measured, to time its calls.

    Raises:
        UsageError: Whisper's weights cannot be obtained.
    """
    if isinstance(recipe.classifier, RecogniserConfig):
        return recogniser(dataset, recipe)
    network, scale = new_classifier(dataset, recipe), LogitScale(len(dataset.classes))
    return FrozenClassifier(network, scale, dataset.classes)


def new_scale(dataset: Dataset, recipe: Recipe) -> AudioLogitScale:
    """The scale of a recogniser's logits, not yet measured."""
    return AudioLogitScale(logit_shape(dataset, recipe)[-1])


def new_signal_denoiser(dataset: Dataset, recipe: Recipe) -> SignalDenoiser:
    """An untrained signal denoiser."""
    return recipe.signal.build(network_interface(dataset, recipe))


def load_checkpoint(denoiser: SignalDenoiser, recipe: Recipe) -> None:
    """Loads the recipe's checkpoint, if it has one, into a new signal denoiser, as the start of its
    training; the weights of its condition on logits, which no checkpoint has, do not change.

    Raises:
        UsageError: the checkpoint cannot be read, or is of another network.
    """
    path = _checkpoint(recipe)
    if path is not None:
        assert isinstance(denoiser, NCSNpp)
        load_sgmse(path, denoiser)


def new_logit_denoiser(dataset: Dataset, recipe: Recipe) -> LogitDenoiser:
    """An untrained logit denoiser.

    Raises:
        UsageError: the recipe's logit denoiser is for words and the data are sentences, or vice versa.
    """
    config = recipe.logit
    if config.of_sentences != (dataset.script is not None):
        raise UsageError(
            f"the recipe's logit is {config.network!r}, which is not for {dataset.name}: sentences "
            "need 'logit-sequence', words and images another"
        )
    return config.build(network_interface(dataset, recipe))


def frozen_classifier(dataset: Dataset, recipe: Recipe, weights: StateDicts) -> Classifier:
    """The frozen classifier of a part.

    Raises:
        UsageError: Whisper's weights cannot be obtained, or are not those that the part was made with.
    """
    if isinstance(recipe.classifier, RecogniserConfig):
        classifier = recogniser(dataset, recipe)
        if not torch.equal(fingerprint(classifier)["hash"], weights["whisper"]["hash"]):
            raise UsageError(
                "the parts were trained with another Whisper than the one given: give that one by "
                "--whisper, or train anew in another --storage"
            )
        classifier.scale.load_state_dict(weights["scale"])
        return classifier
    network, scale = new_classifier(dataset, recipe), LogitScale(len(dataset.classes))
    network.load_state_dict(weights["network"])
    scale.load_state_dict(weights["scale"])
    return FrozenClassifier(network, scale, dataset.classes)


def retrained_classifiers(
    dataset: Dataset, recipe: Recipe, weights: StateDicts, scale: LogitScale
) -> list[FrozenClassifier]:
    """The classifiers that were trained on corrupted signals, of the members that weights are given of.

    Their logits are standardised by the frozen classifier's `scale`, all by the same one, so that the mean
    of standardised logits is that of raw ones.
    """
    classifiers = []
    for kind in member_kinds(RETRAINED):
        if kind in weights:
            network = new_classifier(dataset, recipe)
            network.load_state_dict(weights[kind])
            classifiers.append(FrozenClassifier(network, scale, dataset.classes))
    return classifiers


def new_noisy_classifier(dataset: Dataset, recipe: Recipe) -> NoisyClassifier:
    """An untrained noise-conditional classifier, with the sizes of the signal denoiser."""
    process = GaussianDiffusion(recipe.T) if recipe.speech is None else recipe.speech.process
    sizes = dataset.signal_shape[0], len(dataset.classes), encoder_config(recipe)
    return NoisyClassifier(*sizes, process)


def encoder_config(recipe: Recipe) -> UNetConfig:
    """The sizes of a U-Net whose half is a noise-conditional classifier: those of the signal denoiser."""
    config = recipe.signal
    if isinstance(config, UNetConfig):
        return config
    return UNetConfig(config.base, config.multipliers, config.blocks, config.patch)


def noisy_classifier(dataset: Dataset, recipe: Recipe, weights: StateDicts) -> NoisyClassifier:
    """The noise-conditional classifier of a part."""
    classifier = new_noisy_classifier(dataset, recipe)
    classifier.load_state_dict(weights["noisy_classifier"])
    return classifier


def new_label_network(dataset: Dataset, recipe: Recipe) -> DiDiRN:
    """An untrained score network of the labels of images, or of spoken words."""
    return recipe.label.build(network_interface(dataset, recipe))


def label_network(dataset: Dataset, recipe: Recipe, weights: StateDicts) -> DiDiRN:
    """The score network of a part."""
    network = new_label_network(dataset, recipe)
    network.load_state_dict(weights["label"])
    return network


def signal_denoiser(dataset: Dataset, recipe: Recipe, weights: StateDicts) -> SignalDenoiser:
    """The signal denoiser of a part."""
    denoiser = new_signal_denoiser(dataset, recipe)
    denoiser.load_state_dict(weights["signal"])
    return denoiser


def logit_denoiser(
    dataset: Dataset, recipe: Recipe, weights: StateDicts, name: str = "logit"
) -> LogitDenoiser:
    """The logit denoiser of a part, whose weights have this name."""
    denoiser = new_logit_denoiser(dataset, recipe)
    denoiser.load_state_dict(weights[name])
    return denoiser


def fingerprint(classifier: Classifier) -> dict[str, Tensor]:
    """A hash of a frozen classifier's weights, as a state dict that is stored with a part."""
    return {
        "hash": torch.frombuffer(bytearray.fromhex(classifier.weights_hash()), dtype=torch.uint8)
    }


def fetch_pretrained(recipe: Recipe, missing: Collection[str]) -> None:
    """Downloads or reads the pretrained weights that a task needs: those of Whisper, and those of the
    checkpoint that the signal denoiser starts from, if it is among the missing kinds of parts.

    Raises:
        UsageError: Whisper's weights cannot be obtained, or the recipe's checkpoint cannot be used.
    """
    if isinstance(recipe.classifier, RecogniserConfig):
        _whisper(recipe.classifier)
    path = _checkpoint(recipe)
    if path is not None and "signal" in missing:
        assert isinstance(recipe.signal, NCSNppConfig)
        with torch.device("meta"):
            network = NCSNpp(None, _speech_recipe(recipe).process, recipe.signal)
        read_sgmse(path, network)


def _checkpoint(recipe: Recipe) -> Path | None:
    """The checkpoint that the signal denoiser's training starts from; None if the recipe has none."""
    config = recipe.signal
    if not isinstance(config, NCSNppConfig) or config.checkpoint is None:
        return None
    return Path(config.checkpoint)


def _speech_recipe(recipe: Recipe) -> SpeechRecipe:
    assert recipe.speech is not None, "the recipe refuses networks for other signals"
    return recipe.speech


def _recogniser_config(recipe: Recipe) -> RecogniserConfig:
    assert isinstance(recipe.classifier, RecogniserConfig), "speech has a recogniser"
    return recipe.classifier


@functools.lru_cache(maxsize=4)
def _sentences(script: Script, config: RecogniserConfig) -> Sentences:
    """The tokens of the script's sentences, for this Whisper's tokenizer.

    The script is tokenised as it is written. A piece that begins within a sentence is therefore
    transcribed without a capital letter, which the word error rate ignores.
    """
    from trainables.models.speech.whisper.recogniser import Sentences, tokenizer_of, tokens_of

    return Sentences(tokens_of(script.texts, tokenizer_of(_whisper(config))), script.steps)


def _feature_width(recipe: Recipe) -> int:
    """The width of Whisper's audio features."""
    config = _recogniser_config(recipe)
    return _whisper(config).dims.n_audio_state if config.size == ANY_SIZE else SIZES[config.size][1]


@functools.lru_cache(maxsize=1)
def _whisper(config: RecogniserConfig) -> Whisper:
    """Whisper's network, which is frozen, so that a process needs only one."""
    from trainables.models.speech.whisper.weights import load_whisper, untrained_whisper

    if config.untrained:
        return untrained_whisper(config.size)
    return load_whisper(config.size, config.checkpoint)
