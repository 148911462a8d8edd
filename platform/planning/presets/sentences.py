"""Presets for sentences: `smoke`, `quick` and `paper` as for words (paper, E.4 and E.5).

The smaller two see the published recordings at 16 kHz, and Whisper hears 12 s in them, which was as
good as its 30 s (see `RecogniserConfig`).
"""

from __future__ import annotations

from platform.planning.presets.definition import Preset

from trainables.data.dataset import Facts
from trainables.data.spectrogram import SPECTROGRAM_48K, Spectrogram
from trainables.diffusion.ouve import OUVE_48K, OUVE_GENTLE
from trainables.models.speech.logit_sequence import LogitSequenceConfig
from trainables.models.speech.ncsnpp.config import NCSNPP_48K, NCSNppConfig
from trainables.models.speech.whisper.config import RecogniserConfig
from trainables.task.recipe import Recipe, SpeechRecipe, Updates

_NOTHING = 1  # updates of what is not trained
_CONTEXT = 12.0  # seconds
# Deviations of the entries of x0 - x_cor and of y0 - y_cor: 0.08 and 0.1 of digits spoken in a row, in
# rooms and under noise.
_OF_SIGNALS, _OF_LOGITS = 0.08, 0.1


def _smoke(facts: Facts) -> Preset:
    network = NCSNppConfig(
        base=8, multipliers=(1, 1), blocks=1, attention=(), pyramids=False, spread=_OF_SIGNALS, patch=4,
        condition="fusion", condition_width=16,
    )  # fmt: skip
    recipe = Recipe(
        Updates(classifier=_NOTHING, signal=6, logit=12, coupled=4),
        T=4,
        batch=4,
        sampling_steps=2,
        inner_updates=2,
        validated=8,
        speech=SpeechRecipe(Spectrogram(hop=255, multiple=8, bands=64)),
        classifier=RecogniserConfig(context=_CONTEXT),
        signal=network,
        logit=LogitSequenceConfig(width=16, heads=2, layers=1, blocks=1, spread=_OF_LOGITS),
    )
    return Preset(
        recipe, trials=3, search_limit=8, search_seeds=1, confirm_limit=8, confirm_seeds=1, batch=8
    )


def _quick(facts: Facts) -> Preset:
    network = NCSNppConfig(
        base=32, multipliers=(1, 1, 2), blocks=1, attention=(), pyramids=False, spread=_OF_SIGNALS, patch=4,
        condition="fusion", condition_width=64,
    )  # fmt: skip
    recipe = Recipe(
        Updates(classifier=_NOTHING, signal=2000, logit=2000, coupled=300),
        T=50,
        batch=8,
        learning_rate=1e-3,
        sampling_steps=4,
        inner_updates=4,
        validated=32,
        # Half the frames of SGMSE's, and up to 6 kHz.
        speech=SpeechRecipe(Spectrogram(hop=255, multiple=16, bands=192), OUVE_GENTLE),
        classifier=RecogniserConfig(context=_CONTEXT),
        signal=network,
        logit=LogitSequenceConfig(width=128, layers=1, blocks=3, dropout=0.2, spread=_OF_LOGITS),
    )
    return Preset(
        recipe,
        trials=12,
        search_limit=50,
        search_seeds=1,
        confirm_limit=200,
        confirm_seeds=1,
        batch=10,
    )


def _paper(facts: Facts) -> Preset:
    recipe = Recipe(
        Updates(classifier=_NOTHING, signal=60_000, logit=60_000, coupled=40_000),
        T=50,
        batch=8,
        loss_weighting="noise",
        learning_rate=1e-4,
        ema=0.999,
        sampling_steps=50,
        inner_updates=50,
        speech=SpeechRecipe(SPECTROGRAM_48K, OUVE_48K),
        classifier=RecogniserConfig(),
        signal=NCSNPP_48K,
        logit=LogitSequenceConfig(spread=_OF_LOGITS),
    )
    return Preset(
        recipe,
        trials=100,
        search_limit=500,
        search_seeds=1,
        confirm_limit=1_000,
        confirm_seeds=3,
        batch=8,
    )


PRESETS = {"smoke": _smoke, "quick": _quick, "paper": _paper}
