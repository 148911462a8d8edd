"""Presets of sentences: the presets of words, with other networks and budgets (paper, E.4 and E.5).

`smoke` and `quick` see the published recordings at 16 kHz, and Whisper hears 12 s in them, which was as
good as its 30 s (see `RecogniserConfig`).
"""

from __future__ import annotations

from dataclasses import replace
from platform.planning.presets import words
from platform.planning.presets.definition import Preset

from trainables.data.dataset import Facts
from trainables.data.spectrogram import SPECTROGRAM_48K, Spectrogram
from trainables.diffusion.ouve import OUVE_48K
from trainables.models.speech.logit_sequence import LogitSequenceConfig
from trainables.models.speech.ncsnpp.config import NCSNPP_48K, NCSNppConfig
from trainables.models.speech.whisper.config import RecogniserConfig
from trainables.task.recipe import SpeechRecipe

STANDARD_FLOPS = 4.1e17
"""FLOPs of the signal denoiser's share, nearly all there are, in training all parts of all strategies with
`standard` on segments of 4 seconds at 48 kHz: 4 h at `GPU_FLOPS`.
"""
_CONTEXT = 12.0  # seconds
# Deviations of the entries of x0 - x_cor and of y0 - y_cor: 0.08 and 0.1 of digits spoken in a row, in
# rooms and under noise.
_SIGNAL_SPREAD, _LOGIT_SPREAD = 0.08, 0.1
# Half the frames of SGMSE's, and up to 6 kHz.
_COARSE = Spectrogram(hop=255, multiple=16, bands=192)


def _smoke(facts: Facts) -> Preset:
    logit = LogitSequenceConfig(width=16, heads=2, layers=1, blocks=1, spread=_LOGIT_SPREAD)
    preset = _small(words.PRESETS["smoke"](facts), logit)
    return replace(preset, recipe=replace(preset.recipe, batch=4))


def _quick(facts: Facts) -> Preset:
    logit = LogitSequenceConfig(width=128, layers=1, blocks=3, dropout=0.2, spread=_LOGIT_SPREAD)
    preset = _small(words.PRESETS["quick"](facts), logit)
    recipe = preset.recipe
    assert recipe.speech is not None
    recipe = replace(
        recipe,
        updates=replace(recipe.updates, signal=2000, logit=2000, coupled=300),
        batch=8,
        speech=replace(recipe.speech, spectrogram=_COARSE),
    )
    return replace(preset, recipe=recipe, search_limit=50, confirm_limit=200, batch=10)


def _paper(facts: Facts) -> Preset:
    preset = words.PRESETS["paper"](facts)
    recipe = replace(
        preset.recipe,
        batch=8,
        speech=SpeechRecipe(SPECTROGRAM_48K, OUVE_48K),
        signal=NCSNPP_48K,
        logit=LogitSequenceConfig(spread=_LOGIT_SPREAD),
    )
    return replace(preset, recipe=recipe, search_limit=500, confirm_limit=1_000, batch=8)


def _standard(facts: Facts) -> Preset:
    """The paper's networks for one GPU, as of words: so few updates that the signal denoiser must start from
    a published checkpoint (`--sgmse`) to be of use.

    Computed on paper: it has not been run.
    """
    standard, preset = words.PRESETS["standard"](facts).recipe, _paper(facts)
    recipe = replace(
        preset.recipe,
        updates=replace(standard.updates, signal=3_000, logit=10_000, coupled=1_300),
        batch=4,
        sampling_steps=standard.sampling_steps,
        inner_updates=standard.inner_updates,
    )
    return replace(preset, recipe=recipe, trials=12, search_limit=30, confirm_limit=100,
                   confirm_seeds=1)  # fmt: skip


def _small(preset: Preset, logit: LogitSequenceConfig) -> Preset:
    """A preset of words with networks for sentences, whose Whisper hears 12 s."""
    recipe = preset.recipe
    assert isinstance(recipe.signal, NCSNppConfig)
    assert isinstance(recipe.classifier, RecogniserConfig)
    recipe = replace(
        recipe,
        classifier=replace(recipe.classifier, context=_CONTEXT),
        signal=replace(recipe.signal, spread=_SIGNAL_SPREAD, condition="fusion"),
        logit=logit,
    )
    return replace(preset, recipe=recipe)


PRESETS = {"smoke": _smoke, "quick": _quick, "standard": _standard, "paper": _paper}
