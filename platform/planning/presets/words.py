"""Presets of single words: `smoke`, `quick`, `standard` and `paper` as for images (paper, E.4 and E.5)."""

from __future__ import annotations

from dataclasses import replace
from platform.planning.presets.definition import Preset

from trainables.data.dataset import Facts
from trainables.data.spectrogram import Spectrogram
from trainables.diffusion.ouve import OUVE_GENTLE
from trainables.models.images.didirn import DiDiRNConfig, SmallDiDiRNConfig
from trainables.models.speech.logit_score import LogitScoreConfig
from trainables.models.speech.ncsnpp.config import NCSNPP, NCSNppConfig
from trainables.models.speech.whisper.config import RecogniserConfig
from trainables.task.recipe import Recipe, SpeechRecipe, Updates

STANDARD_FLOPS = 4.9e17
"""FLOPs of training all parts of all strategies with `standard` on words of a second at 16 kHz, but for the
logit denoisers, which take hardly any: 4.5 h at `GPU_FLOPS`. The signal denoiser has 84 % of them, the
noise-conditional classifier 13 %, the network of labels 3 %.
"""
_UNTRAINED = 1  # updates of the classifier, which is not trained
# The deviation of the entries of x0 - x_cor, and so, as logits are scaled to signals, about that of
# y0 - y_cor: 0.05 of spoken digits in rooms, 0.07 under babble.
_SPREAD = 0.06
# Half the frames of SGMSE's, and up to 4 kHz: all there is of recordings at 8 kHz.
_COARSE = Spectrogram(hop=255, multiple=16, bands=128)


def _smoke(facts: Facts) -> Preset:
    network = NCSNppConfig(
        base=8, multipliers=(1, 1), blocks=1, attention=(), pyramids=False, spread=_SPREAD, patch=4,
        condition_width=16,
    )  # fmt: skip
    recipe = Recipe(
        Updates(classifier=_UNTRAINED, signal=6, logit=12, coupled=4),
        T=4,
        batch=8,
        sampling_steps=2,
        inner_updates=2,
        validated=8,
        speech=SpeechRecipe(Spectrogram(hop=255, multiple=8, bands=64)),
        classifier=RecogniserConfig(),
        signal=network,
        logit=LogitScoreConfig(width=16, blocks=1, pools=1, spread=_SPREAD),
        label=SmallDiDiRNConfig(base=8, blocks=(1, 1), embedding=16, stem="pooled"),
    )
    return Preset(
        recipe, trials=3, search_limit=8, search_seeds=1, confirm_limit=8, confirm_seeds=1, batch=8
    )


def _quick(facts: Facts) -> Preset:
    network = NCSNppConfig(
        base=32, multipliers=(1, 1, 2), blocks=1, attention=(), pyramids=False, spread=_SPREAD, patch=4,
        condition_width=64,
    )  # fmt: skip
    recipe = Recipe(
        Updates(classifier=_UNTRAINED, signal=4000, logit=3000, coupled=600),
        T=50,
        batch=16,
        learning_rate=1e-3,
        sampling_steps=4,
        inner_updates=4,
        validated=32,
        speech=SpeechRecipe(_COARSE, OUVE_GENTLE),
        classifier=RecogniserConfig(),
        signal=network,
        logit=LogitScoreConfig(dropout=0.2, spread=_SPREAD),
        label=SmallDiDiRNConfig(base=16, stem="pooled"),
    )
    return Preset(
        recipe,
        trials=12,
        search_limit=100,
        search_seeds=1,
        confirm_limit=300,
        confirm_seeds=1,
        batch=25,
    )


def _standard(facts: Facts) -> Preset:
    """The paper's networks and training loss for one GPU: fewer updates, sized by their FLOPs
    (`STANDARD_FLOPS`), so that the signal denoiser should start from a published checkpoint (`--sgmse`); what
    coupled training samples is sampled in 10 steps, and used 10 times out of a pool.

    Computed on paper: it has not been run.
    """
    preset = _paper(facts)
    recipe = replace(
        preset.recipe,
        updates=Updates(classifier=_UNTRAINED, signal=8_000, logit=20_000, coupled=4_000),
        batch=16,
        sampling_steps=10,
        inner_updates=10,
    )
    return replace(preset, recipe=recipe, trials=24, search_limit=100, confirm_limit=300,
                   confirm_seeds=1)  # fmt: skip


def _paper(facts: Facts) -> Preset:
    recipe = Recipe(
        Updates(classifier=_UNTRAINED, signal=60_000, logit=60_000, coupled=40_000),
        T=50,
        batch=32,
        loss_weighting="noise",
        learning_rate=1e-4,
        ema=0.999,
        sampling_steps=50,
        inner_updates=50,
        speech=SpeechRecipe(),
        classifier=RecogniserConfig(),
        signal=NCSNPP,
        logit=LogitScoreConfig(width=512, blocks=4, class_width=32, spread=_SPREAD),
        label=DiDiRNConfig(depth=18, stem="pooled"),
    )
    return Preset(
        recipe,
        trials=100,
        search_limit=2_000,
        search_seeds=1,
        confirm_limit=5_000,
        confirm_seeds=3,
        batch=32,
    )


PRESETS = {"smoke": _smoke, "quick": _quick, "standard": _standard, "paper": _paper}
