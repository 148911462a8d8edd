"""Guidance of spoken words: the process about x_cor in closed form, Whisper's gradient, what is trained."""

import pytest
import torch
from speech_task import load_digits, speech_task, train_all, write_whisper
from torch.nn import functional

from trainables.core.noise import SampleNoise, seeded
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.diffusion.ouve import OUVE
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling
from trainables.evaluation.storage import Storage
from trainables.models.base import SignalDenoiser
from trainables.sampling.engine import Engine
from trainables.sampling.guidance import Guides, gradient
from trainables.sampling.meter import Meter
from trainables.sampling.moves import Guide, Target
from trainables.sampling.system import CoupledSystem
from trainables.scoring.metric_names import NFE, NFE_CLASSIFIER, NFE_GRADIENT, NFE_LABEL
from trainables.strategies import load, schedule_of
from trainables.task import networks
from trainables.training import stages
from trainables.training.batches import Batches, Draws, Share
from trainables.training.objective import Context

PROCESS, BATCH, SHAPE = OUVE(complex_state=True), 5, (2, 2, 3)
WEIGHTS = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
TARGET = torch.tensor([0.2, 0.1, 0.7], dtype=torch.float64)
DEVIATION = 0.2
POINT = {
    "steps": 4, "guide": "noisy", "target": "y_cor", "scale": 1.0, "guide_from": 0.0, "guide_to": 1.0,
    "eta": 0.5, "answer": "x",
}  # fmt: skip


def _random(*shape, seed=0, size=1.0):
    generator = torch.Generator().manual_seed(seed)
    return size * torch.randn(*shape, generator=generator, dtype=torch.float64)


MEANS, X_COR = _random(3, *SHAPE, seed=1, size=0.3), _random(BATCH, *SHAPE, seed=2, size=0.3)


def _logits(free, t):
    """Logits (B, K) of p(c | x0 + e^(theta t) sigma eps), of classes N(MEANS, DEVIATION^2)."""
    a, sigma = float(PROCESS.decay(t)), float(PROCESS.deviation(t))
    variance = DEVIATION**2 + (sigma / a) ** 2
    distances = (free[:, None] - MEANS).flatten(2).square().sum(dim=2)
    return WEIGHTS.log() - distances / (2 * variance)


def _clean(x_t, t, weights):
    """The mean of E[x0 | x_t, x_cor, c] over classes with weights (B, K)."""
    a, sigma = float(PROCESS.decay(t)), float(PROCESS.deviation(t))
    means = torch.einsum("bk,k...->b...", weights, MEANS)
    gain = a * DEVIATION**2 / ((a * DEVIATION) ** 2 + sigma**2)
    return means + gain * (x_t - (1 - a) * X_COR - a * means)


class _Exact(SignalDenoiser):
    """sigma_t times the exact score of the classes; with a target (K,), of classes so probable."""

    def __init__(self, target=None):
        super().__init__()
        self.target = target

    def encode_time(self, t):
        return t.double()

    def encode_corrupted(self, x_cor):
        return None

    def encode_logits(self, y, batch):
        return None

    def forward(self, x_t, time, corrupted, logits):
        t = float(time)
        weights = _logits(PROCESS.without_origin(x_t, t, X_COR), t).softmax(dim=1)
        weights = weights if self.target is None else self.target.expand(len(x_t), 3)
        a, sigma = float(PROCESS.decay(t)), float(PROCESS.deviation(t))
        return (a * _clean(x_t, t, weights) + (1 - a) * X_COR - x_t) / sigma


def _run(moves, denoiser=None):
    system = CoupledSystem(
        lambda x: TARGET.log().expand(len(x), 3),
        PROCESS,
        PROCESS,
        denoiser or _Exact(),
        guides=Guides(
            lambda y: y.softmax(dim=-1),
            lambda x: _logits(x, 0.0),
            lambda free, level: _logits(free, float(level)),
            DEVIATION,
        ),
    )
    return Engine(system, (3,), Meter()).run(moves, X_COR, SampleNoise(0, range(BATCH)))


@pytest.mark.parametrize("sampler", [{}, {"corrections": 1, "predictor": "reverse-diffusion"}])
def test_guided_by_the_true_posterior_samples_are_those_of_the_target(sampler):
    """The score gets the gradient of log p(c | x_t, x_cor): at scale 1 it is that of the target's classes."""
    moves = schedule_of("guided", POINT | sampler)
    plain = [move for move in moves if not isinstance(move, Guide | Target)]
    expected = _run(plain, _Exact(TARGET)).x
    # levels come to the classifier in float32, as to any network
    torch.testing.assert_close(_run(moves).x, expected, atol=1e-5, rtol=1e-5)
    assert float((_run(plain).x - expected).abs().max()) > 0.02


@pytest.mark.parametrize("guide", ["frozen", "noisy"])
def test_with_scale_zero_the_samples_are_the_unguided_ones_to_the_bit(guide):
    moves = schedule_of("guided", POINT | {"scale": 0.0, "guide": guide})
    plain = [move for move in moves if not isinstance(move, Guide | Target)]
    assert torch.equal(_run(moves).x, _run(plain).x)


@pytest.mark.parametrize("t", [0.03, 0.4, 1.0])
@pytest.mark.parametrize("deviation", [0.06, 1.0])
def test_the_slope_is_that_of_the_clean_estimate_of_a_normal_signal(t, deviation):
    """x0 ~ N(m, deviation^2): E[x0 | x_t] changes by the slope where x_t does, of both processes."""
    a, sigma = float(PROCESS.decay(t)), float(PROCESS.deviation(t))
    variance = (a * deviation) ** 2 + sigma**2
    x_t, step = _random(BATCH, *SHAPE), 1e-4

    def clean(x_t):  # of x0 ~ N(x_cor, deviation^2)
        return PROCESS.clean_of(x_t, -sigma * (x_t - X_COR) / variance, t, X_COR)

    slope = (clean(x_t + step) - clean(x_t - step)) / (2 * step)
    expected = torch.full_like(x_t, PROCESS.clean_slope(t, deviation))
    torch.testing.assert_close(slope, expected, atol=1e-8, rtol=1e-6)
    images = GaussianDiffusion(20)
    abar = float(images.alpha_bar[7])
    assert images.clean_slope(7, 1.0) == abar**0.5
    gain = abar**0.5 * deviation**2 / (abar * deviation**2 + 1 - abar)
    assert images.clean_slope(7, deviation) == pytest.approx(gain, rel=1e-12)


# ---- the networks


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("guided")


@pytest.fixture(scope="module")
def dataset(root):
    return load_digits(root)


@pytest.fixture(scope="module")
def task(root):
    return speech_task(write_whisper(root / "whisper.pt"))


@pytest.fixture(scope="module")
def parts(task, dataset):
    return train_all(task, dataset)


def test_whispers_gradient_is_that_of_finite_differences(task, dataset, parts):
    """Through its decoder, its encoder, mel bands and the waveform: each bin is changed by a tiny share of
    itself, as the logarithm of a silent one is far from linear; the loudness of all by more, as float32
    rounds likelihoods, so that a difference of twice 1e-4 is known to a few thousandths only.
    """
    classifier = networks.frozen_classifier(dataset, task.recipe, parts["classifier"])
    x = dataset.test.clean()[:3]
    assert torch.equal(classifier.guiding_logits(x), classifier.raw_logits(x))
    target = functional.one_hot(torch.tensor([1, 4, 7]), 10).float()

    def likelihood(x):
        with torch.no_grad():
            return (target * classifier.guiding_logits(x).log_softmax(dim=1)).sum(dim=1).double()

    ours = gradient(classifier.guiding_logits, x, target)
    assert bool(torch.isfinite(ours).all()) and float(ours.abs().max()) > 0
    for direction, size, atol, rtol in (
        (x * torch.sign(ours), 1e-4, 5e-3, 2e-2),
        (x, 3e-3, 5e-4, 2e-3),
    ):
        change = likelihood(x + size * direction) - likelihood(x - size * direction)
        expected = (ours * direction).flatten(1).sum(dim=1).double()
        torch.testing.assert_close(change / (2 * size), expected, atol=atol, rtol=rtol)


def test_the_noise_conditional_classifier_sees_clean_words_under_noise_without_x_cor(task, dataset):
    objective = stages.load("noisy-classifier").build(Context(task, dataset, {}))
    batch, size = Batches(task, dataset.train, Share()).batch(0), task.recipe.batch
    with seeded(torch.device("cpu"), "weights"):
        torch.nn.init.normal_(objective.noisy_classifier.out.weight)
    draws, process = Draws(0, "", 0, size, Share()), task.recipe.speech.process
    t, eps = process.times(draws.uniform()), draws.normal(tuple(batch.x0.shape[1:]))
    scale = (process.deviation(t) / process.decay(t)).float()[:, None, None, None]
    logits = objective.noisy_classifier(batch.x0 + scale * eps, t)
    loss = objective(batch, Draws(0, "", 0, size, Share()))["loss"]
    torch.testing.assert_close(loss, functional.cross_entropy(logits, batch.labels))
    x_t = process.noised(batch.x0, batch.x_cor, eps, t)
    free = process.without_origin(x_t, t, batch.x_cor)
    torch.testing.assert_close(free, batch.x0 + scale * eps, atol=1e-5, rtol=1e-4)


def test_words_guided_and_labels_diffused_count_their_calls(task, dataset, parts, tmp_path):
    storage, cpu = Storage(str(tmp_path)), torch.device("cpu")
    for kind, part in parts.items():
        storage.parts.save(kind, task, part, {})
    sampling = Sampling("test", 3, 0, "float32")
    guided = Evaluator(task, "guided", storage, 3, cpu, dataset=dataset)
    frozen = guided._classifier.weights_hash()
    unguided = guided.sample(POINT | {"target": "y0_hat", "scale": 0.0}, sampling)[0].x
    for guide in ("frozen", "noisy"):
        point = POINT | {"guide": guide, "target": "y0_hat", "scale": 50.0, "guide_to": 0.5}
        cost = guided.measure(point, sampling).cost
        assert (cost[NFE_GRADIENT], cost[NFE]) == (2, 4 + 4)
        assert not torch.equal(guided.sample(point, sampling)[0].x, unguided)
    assert guided._classifier.weights_hash() == frozen
    for name, point, calls in (
        ("didicm-cp", {"steps": 3}, 3),
        ("didicm-cl", {"steps": 2, "label_chains": 5}, 10),
    ):
        evaluator = Evaluator(task, name, storage, 3, cpu, dataset=dataset)
        cost = evaluator.measure(point, sampling).cost
        assert (cost[NFE], cost[NFE_LABEL], cost[NFE_CLASSIFIER]) == (calls, calls, 0)
        assert "signal" not in load(name).PARTS
