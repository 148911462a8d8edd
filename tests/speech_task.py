"""Spoken digits and sentences that a test writes, a small random Whisper, tasks with tiny networks."""

from dataclasses import replace

import torch
from speech_files import write_ears, write_fsdd, write_responses, write_wham
from whisper.model import ModelDimensions, Whisper

from trainables.core.noise import generator_of
from trainables.data import datasets
from trainables.data.spectrogram import Spectrogram
from trainables.models.images.didirn import SmallDiDiRNConfig
from trainables.models.speech.logit_score import LogitScoreConfig
from trainables.models.speech.logit_sequence import LogitSequenceConfig
from trainables.models.speech.ncsnpp.config import NCSNppConfig
from trainables.models.speech.whisper.config import RecogniserConfig
from trainables.task.recipe import Recipe, SpeechRecipe, Task, Updates
from trainables.training import stages
from trainables.training.batches import Share
from trainables.training.loop import train_part
from trainables.training.objective import Context
from trainables.training.part_store import in_order

DIMS = ModelDimensions(80, 1500, 32, 2, 1, 51865, 64, 32, 2, 1)
COARSE = Spectrogram(n_fft=126, hop=63, multiple=8, bands=32)
NETWORK = NCSNppConfig(
    base=8, multipliers=(1, 1), blocks=1, attention=(), pyramids=False, spread=0.1, patch=4,
    condition_width=8,
)  # fmt: skip


def write_whisper(path):
    """A checkpoint of a Whisper of 1.7 million random weights, with a seed whose answers vary."""
    network, generator = Whisper(DIMS), generator_of("d")
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.dim() > 1:
                weight.copy_(0.25 * torch.randn(weight.shape, generator=generator))
            elif name.endswith("bias"):
                weight.zero_()
    content = {"dims": vars(DIMS), "model_state_dict": network.state_dict()}
    torch.save(content, path)
    return path


def sgmse_checkpoint(network, prefix="dnn.", **changes):
    """What is in a checkpoint published by SGMSE of a network without a condition, whose averaged
    weights are the network's, each with 1 added.
    """
    state = {prefix + name: value for name, value in network.state_dict().items()}
    shadow = [value + 1 for value in network.state_dict().values()]
    ema = {"decay": 0.999, "num_updates": 5, "shadow_params": shadow, "collected_params": None}
    return {"epoch": 3, "state_dict": state, "ema": ema} | changes


def speech_task(whisper, **changes):
    """A task on `fsdd-babble` whose parts train in a second each."""
    settings = {
        "updates": Updates(classifier=1, signal=4, logit=4, coupled=4),
        "T": 4,
        "batch": 4,
        "sampling_steps": 2,
        "inner_updates": 2,
        "pool": 1,
        "precision": "float32",  # so that results compare
        "validated": 4,
        "speech": SpeechRecipe(COARSE),
        "classifier": RecogniserConfig("any", str(whisper), context=1.0, content="tiny"),
        "signal": NETWORK,
        "logit": LogitScoreConfig(width=8, blocks=1, pools=1, dropout=0.2),
        "label": SmallDiDiRNConfig(4, (1, 1), 8, stem="pooled"),
    }
    return Task("fsdd-babble", "babble", 0, Recipe(**(settings | changes)))


def load_digits(root):
    """The dataset, from recordings that are written into `root`."""
    write_fsdd(root / "fsdd", digits=3, indices=(0, 10, 11))
    return datasets.load("fsdd-babble", root / "fsdd", root / "cache", COARSE)


def sentence_task(whisper, **changes):
    """A task on `ears-wham` whose parts train in a second each."""
    task = speech_task(whisper)
    settings = {
        "signal": replace(NETWORK, condition="fusion"),
        "logit": LogitSequenceConfig(width=8, heads=2, layers=1, blocks=1, history=3),
        "classifier": replace(task.recipe.classifier, context=6.0),
    }
    return longer(Task("ears-wham", "wham", 0, task.recipe), **(settings | changes))


def load_sentences(root, name="ears-wham"):
    """The dataset, from recordings that are written into `root`; a test says what is speech in them."""
    write_responses(write_wham(write_ears(root / "ears")))
    return datasets.load(name, root / "ears", root / "cache", COARSE)


def train(kind, task, dataset, done, **options):
    """Train one part from those that are done."""
    needed = {need: done[need] for need in stages.parts_given(kind)}
    report = options.pop("report", lambda r: None)
    return train_part(kind, Context(task, dataset, needed), Share(), report, **options)


def train_all(task, dataset):
    """All parts of a task."""
    done = {}
    for kind in in_order(stages.names(task.recipe.answers)):
        done[kind] = train(kind, task, dataset, done)
    return done


def longer(task, **changes):
    """The task with some settings of its recipe changed."""
    return replace(task, recipe=replace(task.recipe, **changes))
