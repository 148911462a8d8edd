"""The noise-conditional classifier: its network, its stage, and what it learns."""

import pytest
import torch
from helpers import DIGITS, tiny_recipe, tiny_task, train
from speech_task import sentence_task
from torch.nn import functional

from trainables.core.errors import UsageError
from trainables.core.noise import seeded
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.models.images.noisy_classifier import NoisyClassifier
from trainables.models.images.unet import UNetConfig
from trainables.task import networks
from trainables.task.recipe import Task, Updates
from trainables.training import stages
from trainables.training.batches import Batches, Draws, Share
from trainables.training.objective import Context
from trainables.training.part_store import key_of

KIND = "noisy-classifier"
T = 50


@pytest.fixture
def network():
    """A network with random weights throughout, of colour images and five classes."""
    with seeded(torch.device("cpu"), KIND):
        config = UNetConfig(base=4, multipliers=(1, 2), patch=2)
        network = NoisyClassifier(3, 5, config, GaussianDiffusion(T))
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return network.requires_grad_(False)


def test_levels_may_be_one_for_all_samples_or_one_for_each(network):
    x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    each = network(x, torch.tensor([7, 7, 7, 30]))
    torch.testing.assert_close(network(x, torch.tensor([7]))[:3], each[:3])
    torch.testing.assert_close(network(x[3:], torch.tensor([30])), each[3:])
    assert each.shape == (4, 5) and float(each.std(dim=0).min()) > 1e-3


def test_its_gradient_divided_by_the_signals_scale_stays_finite_at_the_noisiest_level(network):
    """Where sqrt(abar_t) is below 1e-3, logits hardly depend on the image, and their gradient is as small."""
    x = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    scales = network.scales[[T // 2, T]]
    assert float(scales[1]) < 1e-3 < 1e-1 < float(scales[0])
    sizes = []
    for t, scale in zip((T // 2, T), scales, strict=True):
        x.requires_grad_(True)
        logits = network(x, torch.tensor([t]))
        (gradient,) = torch.autograd.grad(logits[:, 0].sum(), x)
        sizes.append(float(gradient.norm() / scale))
    assert 0.1 < sizes[1] / sizes[0] < 10


def test_its_loss_is_the_cross_entropy_of_labels_given_noised_clean_signals():
    task = tiny_task()
    objective = stages.load(KIND).build(Context(task, DIGITS, {}))
    batch = Batches(task, DIGITS.train, Share()).batch(0)
    size = len(batch.labels)
    with seeded(torch.device("cpu"), "weights"):
        torch.nn.init.normal_(objective.noisy_classifier.out.weight)
    draws = Draws(0, KIND, 3, size, Share())
    t, eps = draws.levels(task.recipe.T), draws.normal((1, 8, 8))
    abar = GaussianDiffusion(task.recipe.T).alpha_bar[t].float()[:, None, None, None]
    x_t = abar.sqrt() * batch.x0 + (1 - abar).sqrt() * eps
    probabilities = objective.noisy_classifier(x_t, t).softmax(dim=1)
    expected = -probabilities[torch.arange(size), batch.labels].log().mean()
    loss = objective(batch, Draws(0, KIND, 3, size, Share()))["loss"]
    torch.testing.assert_close(loss, expected)


def test_it_is_a_part_that_needs_no_other_and_knows_no_corruption():
    recipe = tiny_recipe()
    stage = stages.load(KIND)
    assert stage.NEEDS == () and stage.updates(recipe) == recipe.updates.logit
    keys = {key_of(KIND, Task("digits", name, 0, recipe)) for name in ("gn15", "gn30", "blur")}
    assert len(keys) == 1
    assert key_of(KIND, tiny_task(T=9)) != key_of(KIND, tiny_task()) in keys
    assert key_of(KIND, tiny_task(signal=UNetConfig(base=8))) not in keys


def test_sentences_have_none():
    assert KIND not in stages.names("sentence")
    with pytest.raises(UsageError, match="for image and word signals alone"):
        stages.load(KIND).build(Context(sentence_task("tiny.pt"), DIGITS, {}))


def test_it_learns_the_classes_at_every_noise_level():
    """Of test digits, at three levels: better than the prior by 3 deviations of the mean cross-entropy, the
    more so the less noise; at the noisiest level nothing is to be known.
    """
    task = tiny_task(
        updates=Updates(classifier=1, signal=1, logit=150, coupled=1), batch=32, T=T,
        signal=UNetConfig(base=8), learning_rate=5e-3, validated=16,
    )  # fmt: skip
    weights = train(KIND, task, {"classifier": {}})
    network = networks.noisy_classifier(DIGITS, task.recipe, weights)
    process, x0, labels = GaussianDiffusion(T), DIGITS.test.clean(), DIGITS.test.labels
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(0))
    means = []
    with torch.no_grad():
        for t in (1, T // 2, 3 * T // 4, T):
            levels = torch.full((len(x0),), t)
            logits = network(process.noised(x0, eps, levels), levels)
            entropy = functional.cross_entropy(logits, labels, reduction="none")
            gain = torch.log(torch.tensor(10.0)) - entropy
            means.append(float(gain.mean()))
            if t < T:
                assert means[-1] > 3 * float(gain.std()) / len(gain) ** 0.5, t
    assert means == sorted(means, reverse=True) and abs(means[-1]) < 0.05
