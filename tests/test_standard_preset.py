"""The preset `standard` is of the size that it says: its training, counted on its own networks."""

from dataclasses import replace
from platform.planning.presets import images, preset, sentences, words
from platform.planning.presets.definition import GPU_FLOPS, STANDARD_HOURS

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from trainables.data.augment import Augmentation
from trainables.data.blank import blank
from trainables.data.dataset import Facts
from trainables.models.base import NetworkInterface
from trainables.models.images.noisy_classifier import NoisyClassifier
from trainables.task.networks import encoder_config
from trainables.task.recipe import Task
from trainables.training import stages
from trainables.training.batches import Batches, Draws, Share
from trainables.training.objective import Context

CIFAR100 = Facts("cifar100", (3, 32, 32), 100)
GSC = Facts("gsc", (2, 256, 128), 10, kind="speech", samples=16_000, rate=16_000)
EARS = Facts(
    "ears", (2, 768, 512), 0, kind="speech", samples=4 * 48_000, rate=48_000, sentences=True
)
TOLERANCE = 0.2
# Forward and backward passes of the signal denoiser in an update, in forward passes; a full sampling of
# as many steps as updates use it is one pass an update more.
SIGNAL_PASSES = {
    "signal": 3, "enhanced": 3, "parallel": 4, "parallel-noisy": 3, "alternating": 4, "nested": 4,
}  # fmt: skip


def _hours(flops):
    return flops / GPU_FLOPS / 3600


@pytest.mark.parametrize(
    ("module", "kind"), [(images, "image"), (words, "speech"), (sentences, "speech")]
)
def test_the_flops_are_those_of_the_hours(module, kind):
    assert _hours(module.STANDARD_FLOPS) == pytest.approx(STANDARD_HOURS[kind], rel=TOLERANCE)


def test_it_has_the_papers_networks():
    for facts in (CIFAR100, GSC, EARS, Facts("mnist", (1, 28, 28), 10)):
        ours, papers = (preset(name, facts).recipe for name in ("standard", "paper"))
        for name in ("classifier", "signal", "logit", "label", "T", "speech", "augmentation"):
            assert getattr(ours, name) == getattr(papers, name)
        assert (ours.sampling_steps, ours.inner_updates) == (10, 10) and ours.pool > 1
    assert preset("standard", CIFAR100).recipe.loss_weighting == "velocity"


def _flops(work, *arguments):
    """The FLOPs of a call, and what it returns."""
    with FlopCounterMode(display=False) as counter:
        value = work(*arguments)
    return counter.get_total_flops(), value


def _step(objective, prepared, draws):
    objective(prepared, draws)["loss"].backward()


@pytest.mark.slow
def test_training_on_images_takes_the_flops_that_are_said():
    """A sample's share of an update of every stage: what is prepared, forward and backward passes."""
    recipe = preset("standard", CIFAR100).recipe
    small = replace(recipe, batch=1, precision="float32", augmentation=Augmentation())
    task, dataset = Task("cifar100", "gn30", 0, small), blank(CIFAR100)
    batch = Batches(task, dataset.train, Share()).batch(0)
    parts, total = {}, 0.0
    for kind in ("classifier", "signal", "logit", *sorted(set(stages.names()))):
        if kind in parts:
            continue
        needed = {name: parts[name] for name in stages.parts_given(kind) if name in parts}
        objective = stages.load(kind).build(Context(task, dataset, needed))
        objective.eval().requires_grad_(False)  # of one sample there is no variance
        draws = [Draws(0, name, 0, 1, Share()) for name in ("prepare", "step")]
        once, prepared = _flops(objective.prepare, batch, draws[0])
        objective.requires_grad_(True)
        each, _ = _flops(_step, objective, prepared, draws[1])
        parts[kind] = objective.weights()
        update = recipe.batch * (each + once / objective.inner_updates)
        total += stages.load(kind).updates(recipe) * update
    assert set(parts) == set(stages.names())
    assert total == pytest.approx(images.STANDARD_FLOPS, rel=TOLERANCE), total


@pytest.mark.slow
@pytest.mark.parametrize(("facts", "module", "classes"), [(GSC, words, 10), (EARS, sentences, 838)])
def test_training_on_speech_takes_the_flops_that_are_said(facts, module, classes):
    recipe = preset("standard", facts).recipe
    shape = blank(facts, recipe.spectrogram).signal_shape
    sizes = NetworkInterface(
        shape, classes, recipe.speech.process, recipe.speech.logit_process, 512
    )
    with torch.device("meta"):
        network, x, t = recipe.signal.build(sizes).eval(), torch.zeros(1, *shape), torch.zeros(1)
        codes = network.encode_corrupted(x), network.encode_logits(None, 1)
        forward, _ = _flops(lambda: network(x, network.encode_time(t), *codes))
        label, level = torch.zeros(1, dtype=torch.long), torch.ones(1)
        others = {
            "noisy-classifier": _flops(
                NoisyClassifier(2, classes, encoder_config(recipe), recipe.speech.process), x, level
            )[0],
            "label-score": _flops(recipe.label.build(sizes).eval(), x, label, level)[0],
        }
    passes = sum(
        number * stages.load(kind).updates(recipe) for kind, number in SIGNAL_PASSES.items()
    )
    total = passes * forward + sum(
        3 * flops * stages.load(kind).updates(recipe)
        for kind, flops in others.items()
        if kind in stages.names(facts.answers)
    )
    assert total * recipe.batch == pytest.approx(module.STANDARD_FLOPS, rel=TOLERANCE / 4)
