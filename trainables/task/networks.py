"""Networks of a task: new ones, and ones with the weights of a part."""

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
from trainables.models.base import Classifier, LogitDenoiser, NetworkInterface, SignalDenoiser
from trainables.models.images.classifier import FrozenClassifier
from trainables.models.scale import AudioLogitScale, LogitScale
from trainables.models.speech.ncsnpp.checkpoint import load_sgmse, read_sgmse
from trainables.models.speech.ncsnpp.config import NCSNppConfig
from trainables.models.speech.ncsnpp.network import NCSNpp
from trainables.models.speech.whisper.config import ANY_SIZE, SIZES, RecogniserConfig
from trainables.task.recipe import Recipe, SpeechRecipe

if TYPE_CHECKING:
    from whisper.model import Whisper

    from trainables.models.speech.whisper.recogniser import Recogniser, Sentences

StateDicts = dict[str, dict[str, Tensor]]


def new_classifier(dataset: Dataset, recipe: Recipe) -> nn.Module:
    """An untrained classifier, images (B, C, H, W) to raw logits (B, K)."""
    config = recipe.classifier
    assert not isinstance(config, RecogniserConfig), "speech has a recogniser"
    return config.build(network_interface(dataset, recipe))


def network_interface(dataset: Dataset, recipe: Recipe) -> NetworkInterface:
    """What the networks of a task are built to fit.

    Raises:
        UsageError: Whisper's weights are needed, and cannot be had.
    """
    shape, classes, speech = dataset.signal_shape, logit_shape(dataset, recipe)[-1], recipe.speech
    if speech is None:
        return NetworkInterface(shape, classes)
    width = _feature_width(recipe)
    return NetworkInterface(shape, classes, speech.process, speech.logit_process, width)


def logit_shape(dataset: Dataset, recipe: Recipe) -> tuple[int, ...]:
    """Shape of one sample's logits: (K,) of K classes; of sentences (S, K), S decoding steps of K
    tokens.

    Raises:
        UsageError: sentences need Whisper's weights, which cannot be had.
    """
    if dataset.script is None:
        return (len(dataset.classes),)
    return _sentences(dataset.script, _listener(recipe)).shape


def recogniser(dataset: Dataset, recipe: Recipe) -> Recogniser:
    """The recogniser of a dataset's words or sentences, with a scale that is still to be measured.

    Of sentences, which are heard in far more silence than words, a logit denoiser is shown no more
    than the signal.

    Raises:
        UsageError: Whisper's weights cannot be had.
    """
    from trainables.models.speech.whisper.recogniser import Recogniser, Words

    config, sound, script = _listener(recipe), dataset.sound, dataset.script
    assert sound is not None
    waveform_of = functools.partial(sound.waveforms, rate=RATE)
    network = _whisper(config)
    if script is None:
        words = Words(dataset.classes)
        return Recogniser(network, words, config.context, config.lead, waveform_of)
    sentences, seconds = _sentences(script, config), sound.samples / sound.spectrogram.sample_rate
    return Recogniser(network, sentences, config.context, config.lead, waveform_of, seconds)


def new_judge(dataset: Dataset, recipe: Recipe) -> Classifier:
    """The classifier of a dataset before it is trained, or measured, frozen: to be timed.

    Raises:
        UsageError: Whisper's weights cannot be had.
    """
    if isinstance(recipe.classifier, RecogniserConfig):
        return recogniser(dataset, recipe)
    network, scale = new_classifier(dataset, recipe), LogitScale(len(dataset.classes))
    return FrozenClassifier(network, scale, dataset.classes)


def new_scale(dataset: Dataset, recipe: Recipe) -> AudioLogitScale:
    """The scale of a recogniser's logits, to be measured."""
    return AudioLogitScale(logit_shape(dataset, recipe)[-1])


def new_signal_denoiser(dataset: Dataset, recipe: Recipe) -> SignalDenoiser:
    """An untrained signal denoiser."""
    return recipe.signal.build(network_interface(dataset, recipe))


def start(denoiser: SignalDenoiser, recipe: Recipe) -> None:
    """Gives a new signal denoiser the weights that its training starts from, where the recipe has a
    checkpoint; its condition on logits stays as it is.

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
        UsageError: the recipe's is for words where sentences are spoken, or the other way round.
    """
    config = recipe.logit
    if config.of_sentences != (dataset.script is not None):
        raise UsageError(
            f"the recipe's logit is {config.network!r}, which is not for {dataset.name}: sentences "
            "need 'logit-sequence', words and images another"
        )
    return config.build(network_interface(dataset, recipe))


def frozen_classifier(dataset: Dataset, recipe: Recipe, weights: StateDicts) -> Classifier:
    """The classifier of a part, frozen.

    Raises:
        UsageError: Whisper's weights cannot be had, or are not those that the part was made with.
    """
    if isinstance(recipe.classifier, RecogniserConfig):
        heard = recogniser(dataset, recipe)
        if not torch.equal(fingerprint(heard)["hash"], weights["whisper"]["hash"]):
            raise UsageError(
                "the parts were trained with another Whisper than the one given: give that one by "
                "--whisper, or train anew in another --storage"
            )
        heard.scale.load_state_dict(weights["scale"])
        return heard
    network, scale = new_classifier(dataset, recipe), LogitScale(len(dataset.classes))
    network.load_state_dict(weights["network"])
    scale.load_state_dict(weights["scale"])
    return FrozenClassifier(network, scale, dataset.classes)


def signal_denoiser(dataset: Dataset, recipe: Recipe, weights: StateDicts) -> SignalDenoiser:
    """The signal denoiser of a part."""
    denoiser = new_signal_denoiser(dataset, recipe)
    denoiser.load_state_dict(weights["signal"])
    return denoiser


def logit_denoiser(dataset: Dataset, recipe: Recipe, weights: StateDicts) -> LogitDenoiser:
    """The logit denoiser of a part."""
    denoiser = new_logit_denoiser(dataset, recipe)
    denoiser.load_state_dict(weights["logit"])
    return denoiser


def fingerprint(classifier: Classifier) -> dict[str, Tensor]:
    """What identifies a frozen classifier's weights, as it is kept with a part."""
    return {
        "hash": torch.frombuffer(bytearray.fromhex(classifier.weights_hash()), dtype=torch.uint8)
    }


def obtain(recipe: Recipe, missing: Collection[str]) -> None:
    """Downloads or reads what the networks of a task need that is not trained, and what the kinds of
    parts that are missing are trained from.

    Raises:
        UsageError: Whisper's weights cannot be had, or the recipe's checkpoint cannot be used.
    """
    if isinstance(recipe.classifier, RecogniserConfig):
        _whisper(recipe.classifier)
    path = _checkpoint(recipe)
    if path is not None and "signal" in missing:
        assert isinstance(recipe.signal, NCSNppConfig)
        with torch.device("meta"):
            network = NCSNpp(None, _speech(recipe).process, recipe.signal)
        read_sgmse(path, network)


def _checkpoint(recipe: Recipe) -> Path | None:
    """The file that the signal denoiser's training starts from."""
    config = recipe.signal
    if not isinstance(config, NCSNppConfig) or config.checkpoint is None:
        return None
    return Path(config.checkpoint)


def _speech(recipe: Recipe) -> SpeechRecipe:
    assert recipe.speech is not None, "the recipe refuses networks for other signals"
    return recipe.speech


def _listener(recipe: Recipe) -> RecogniserConfig:
    assert isinstance(recipe.classifier, RecogniserConfig), "speech has a recogniser"
    return recipe.classifier


@functools.lru_cache(maxsize=4)
def _sentences(script: Script, config: RecogniserConfig) -> Sentences:
    """The tokens that this Whisper writes the script with, as it is written: a piece that begins within
    a sentence is transcribed without a capital, which the word error rate pays no heed to.
    """
    from trainables.models.speech.whisper.recogniser import Sentences, tokenizer_of, tokens_of

    return Sentences(tokens_of(script.texts, tokenizer_of(_whisper(config))), script.steps)


def _feature_width(recipe: Recipe) -> int:
    config = _listener(recipe)
    return _whisper(config).dims.n_audio_state if config.size == ANY_SIZE else SIZES[config.size][1]


@functools.lru_cache(maxsize=1)
def _whisper(config: RecogniserConfig) -> Whisper:
    """Whisper's network, one a process: nobody changes it."""
    from trainables.models.speech.whisper.weights import load_whisper, untrained_whisper

    if config.untrained:
        return untrained_whisper(config.size)
    return load_whisper(config.size, config.checkpoint)
