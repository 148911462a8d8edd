"""Guidance of a signal by a classifier's gradient: closed forms, finite differences, what is counted."""

import functools

import optuna
import pytest
import torch
from gaussian_mixture import Mixture, MixtureDenoiser
from helpers import DIGITS, tiny_task

import search_spaces
from trainables.core.errors import UsageError
from trainables.core.noise import SampleNoise, seeded
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.evaluation.call_count import call_count
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling
from trainables.evaluation.storage import Storage
from trainables.models.images.classifier import ConvNet, ConvNetConfig, FrozenClassifier
from trainables.models.images.noisy_classifier import NoisyClassifier
from trainables.models.images.unet import UNetConfig
from trainables.models.prepared import PreparedClassifier, PreparedNoisyClassifier
from trainables.models.run_paths import RunPath
from trainables.models.scale import LogitScale, weights_hash
from trainables.sampling.cost import Cost, cost
from trainables.sampling.engine import Engine
from trainables.sampling.guidance import Guides, gradient
from trainables.sampling.legality import check
from trainables.sampling.meter import Meter
from trainables.sampling.moves import (
    LOGIT,
    SIGNAL,
    Answer,
    Condition,
    Guide,
    NewChain,
    Start,
    Target,
    Update,
)
from trainables.sampling.prefix_cache import PrefixCache
from trainables.sampling.system import CoupledSystem
from trainables.scoring.metric_names import NFE, NFE_GRADIENT
from trainables.strategies import schedule_of
from trainables.strategies.guided import PARTS

T, BATCH, SHAPE = 20, 6, (1, 2, 3)
POINT = {
    "steps": 4, "guide": "noisy", "target": "y_cor", "scale": 1.0, "guide_from": 0.0, "guide_to": 1.0,
    "eta": 0.0, "answer": "x",
}  # fmt: skip


def _random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def mixture():
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    return Mixture(_random(3, *SHAPE, seed=1), weights, 0.3, GaussianDiffusion(T))


TARGETS = {
    "class": torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64),
    "distribution": torch.tensor([0.2, 0.1, 0.7], dtype=torch.float64),
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("t", [1, 7, 15, T])
def test_the_gradient_is_the_guidance_vector_of_a_mixture(mixture, t, target):
    x_t, target = _random(BATCH, *SHAPE), target.expand(BATCH, 3)
    ours = gradient(mixture.logits, x_t, target, torch.tensor([t]))
    torch.testing.assert_close(ours, mixture.guidance(x_t, t, target), atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize("t", [1, 7, 15, T])
def test_guided_by_the_true_posterior_the_clean_estimate_is_that_of_the_class(mixture, t):
    """x0_hat + (1 - abar_t) / sqrt(abar_t) grad log p_t(c | x_t) = E[x0 | x_t, c], and the score gets the
    gradient itself.
    """
    process, x_t = mixture.process, _random(BATCH, *SHAPE)
    target = TARGETS["distribution"].expand(BATCH, 3)
    v = MixtureDenoiser(mixture)(x_t, torch.tensor([t / T]), None, None)
    score = mixture.guidance(x_t, t, target)
    guided = process.guided(v, score, t)
    clean = process.clean_of(x_t, guided, t)
    torch.testing.assert_close(clean, mixture.clean(x_t, t, target), atol=1e-8, rtol=1e-8)
    sigma = (1 - float(process.alpha_bar[t])) ** 0.5
    before, after = (
        -process.noise_of(x_t, process.clean_of(x_t, v_hat, t), t) / sigma for v_hat in (v, guided)
    )
    torch.testing.assert_close(after - before, score, atol=1e-9, rtol=1e-8)


def _system(mixture, target=None, denoiser=None):
    """A system of a mixture whose frozen classifier is p(c | x0), as logits; f(x_cor) stands for `target`."""
    process, clean = mixture.process, torch.tensor([0])
    y_cor = (TARGETS["distribution"] if target is None else target).clamp(min=1e-300).log()
    return CoupledSystem(
        lambda x: y_cor.expand(len(x), 3),
        process,
        process,
        denoiser or MixtureDenoiser(mixture),
        guides=Guides(
            lambda y: y.softmax(dim=-1), lambda x: mixture.logits(x, clean), mixture.logits
        ),
    )


def _run(system, moves, x_cor=None):
    x_cor = torch.zeros(BATCH, *SHAPE, dtype=torch.float64) if x_cor is None else x_cor
    meter = Meter()
    return Engine(system, (3,), meter).run(check(moves), x_cor, SampleNoise(0, range(BATCH))), meter


@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_trajectory_guided_by_the_true_posterior_is_that_of_the_target(mixture, target, eta):
    """At scale 1 the samples are those that the exact denoiser of the target's classes gives."""
    moves = schedule_of("guided", POINT | {"eta": eta, "steps": 7})
    guided, _ = _run(_system(mixture, target), moves)
    exact = _system(mixture, denoiser=MixtureDenoiser(mixture, target.expand(BATCH, 3)))
    plain = [move for move in moves if not isinstance(move, Guide | Target)]
    expected, _ = _run(exact, plain)
    torch.testing.assert_close(guided.x, expected.x, atol=1e-7, rtol=1e-7)
    unguided, _ = _run(_system(mixture), plain)
    assert float((guided.x - unguided.x).abs().max()) > 0.1


@pytest.mark.parametrize("guide", ["frozen", "noisy"])
def test_with_scale_zero_the_samples_are_the_unguided_ones_to_the_bit(mixture, guide):
    moves = schedule_of("guided", POINT | {"scale": 0.0, "guide": guide, "eta": 0.5})
    plain = [move for move in moves if not isinstance(move, Guide | Target)]
    guided, _ = _run(_system(mixture), moves)
    assert torch.equal(guided.x, _run(_system(mixture), plain)[0].x)


def _differences(function, x, size=1e-6):
    """The gradient of a sum over samples (B,) of a function of x, by central differences."""
    values = torch.zeros_like(x)
    for i in range(x[0].numel()):
        step = torch.zeros(x[0].numel(), dtype=x.dtype)
        step[i] = size
        step = step.reshape(x.shape[1:])
        values.flatten(1)[:, i] = (function(x + step) - function(x - step)) / (2 * size)
    return values


def _log_likelihood(logits_of, target, x):
    return (target * logits_of(x).log_softmax(dim=1)).sum(dim=1)


def test_the_gradient_of_networks_is_that_of_finite_differences():
    with seeded(torch.device("cpu"), "guidance"):
        frozen = ConvNet((1, 8, 8), 3, ConvNetConfig(4, 8)).double().eval()
        noisy = NoisyClassifier(1, 3, UNetConfig(base=4), GaussianDiffusion(T)).double().eval()
        for parameter in [*frozen.parameters(), *noisy.parameters()]:
            torch.nn.init.normal_(parameter, std=0.3)
        frozen.requires_grad_(False), noisy.requires_grad_(False)
    x, target = _random(2, 1, 8, 8), TARGETS["distribution"].expand(2, 3)
    for logits_of in (frozen, lambda x: noisy(x, torch.tensor([5]))):
        expected = _differences(functools.partial(_log_likelihood, logits_of, target), x)
        assert float(expected.abs().max()) > 1e-3
        torch.testing.assert_close(gradient(logits_of, x, target), expected, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize("t", [3, 12, T])
def test_the_frozen_classifiers_gradient_is_exact_for_data_of_unit_variance(t):
    """Of N(0, I) the clean estimate is sqrt(abar_t) x_t: the guided score is that of finite differences
    through the denoiser, and the clean estimate moves by 1 - abar_t times the gradient at it.
    """
    process = GaussianDiffusion(T)
    unit = Mixture(torch.zeros(1, *SHAPE, dtype=torch.float64), torch.ones(1), 1.0, process)
    classes = Mixture(_random(3, *SHAPE, seed=1), torch.ones(3) / 3, 0.5, process)
    frozen, denoiser = functools.partial(classes.logits, t=torch.tensor([0])), MixtureDenoiser(unit)
    x_t, target, scale = _random(BATCH, *SHAPE), TARGETS["distribution"].expand(BATCH, 3), 1.7
    abar = float(process.alpha_bar[t])

    def clean(x_t, v=None):
        v = denoiser(x_t, torch.tensor([t / T]), None, None) if v is None else v
        return process.clean_of(x_t, v, t)

    through = _differences(lambda x: _log_likelihood(frozen, target, clean(x)), x_t)
    at_clean = gradient(frozen, clean(x_t), target)
    torch.testing.assert_close(
        process.clean_slope(t, 1.0) * at_clean, through, atol=1e-8, rtol=1e-6
    )
    v = denoiser(x_t, torch.tensor([t / T]), None, None)
    guided = process.guided(v, scale * process.clean_slope(t, 1.0) * at_clean, t)
    expected = clean(x_t) + scale * (1 - abar) * at_clean
    torch.testing.assert_close(clean(x_t, guided), expected, atol=1e-9, rtol=1e-9)


def test_one_step_guided_by_the_frozen_classifier_by_hand(mixture):
    """From level T to the clean one: x = x0_hat + scale (1 - abar_T) grad, at x0_hat, then bounded."""
    process = GaussianDiffusion(T, clip=0.9)
    bounded = Mixture(mixture.means, mixture.weights, mixture.variance, process)
    point = POINT | {"steps": 1, "guide": "frozen", "scale": 0.8}
    guided, _ = _run(_system(bounded), schedule_of("guided", point))
    plain, _ = _run(_system(bounded), [Start(SIGNAL, 1), Update(SIGNAL, 0.0), Answer("x")])
    target = TARGETS["distribution"].expand(BATCH, 3)
    shift = 0.8 * (1 - float(process.alpha_bar[T])) * bounded.guidance(plain.x, 0, target)
    assert float(shift.abs().max()) > 0.1
    unbounded = _run(_system(mixture), [Start(SIGNAL, 1), Update(SIGNAL, 0.0), Answer("x")])[0].x
    torch.testing.assert_close(guided.x, (unbounded + shift).clamp(-0.9, 0.9), atol=1e-7, rtol=1e-7)


X, Y, GUIDE = Update(SIGNAL, 0.0), Update(LOGIT, 0.0), Guide("noisy", 1.0)


def test_coupled_by_gradients_by_hand():
    """Guided in the middle half: before, logits see x_cor; the target is their own estimate."""
    point = POINT | {"target": "y0_hat", "answer": "y", "guide_from": 0.25, "guide_to": 0.75}
    see = Condition(SIGNAL, "x0_hat")
    assert schedule_of("guided", point) == [
        Start(SIGNAL, 4), Start(LOGIT, 4), Condition(SIGNAL, "x_cor"),
        Y, X,
        see, Y, Target("y0_hat"), GUIDE, X,
        see, Y, Target("y0_hat"), GUIDE, X,
        see, Y, X,
        Answer("y"),
    ]  # fmt: skip
    assert cost(schedule_of("guided", point)) == Cost(4, 4, 1 + 3, nfe_gradient=2)


def test_guided_without_logits_by_hand():
    """A fixed target is set once; the classifier's own is set anew at every step that has an estimate."""
    assert schedule_of("guided", POINT | {"steps": 2}) == [
        Start(SIGNAL, 2), Target("y_cor"), GUIDE, X, GUIDE, X, Answer("x"),
    ]  # fmt: skip
    own = schedule_of("guided", POINT | {"steps": 2, "target": "x0_hat"})
    assert own == [
        Start(SIGNAL, 2), X, Target("x0_hat"), GUIDE, X, Answer("x"),
    ]  # fmt: skip
    assert cost(own) == Cost(2, 0, 1 + 1, nfe_gradient=1)


@pytest.mark.parametrize(("fraction", "step"), [(0.0, 0), (0.5, 2), (1.0, 3)])
def test_the_shortest_range_is_a_step(fraction, step):
    moves = schedule_of("guided", POINT | {"guide_from": fraction, "guide_to": fraction})
    steps = [X] * step + [Target("y_cor"), GUIDE] + [X] * (4 - step)
    assert moves == [Start(SIGNAL, 4), *steps, Answer("x")]


def test_the_meter_counts_what_points_of_the_space_cost():
    space = search_spaces.load("guided")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    points = [space.suggest(study.ask(), T) for _ in range(30)]
    assert {point["target"] for point in points} == {"y0_hat", "y_cor", "x0_hat"}
    assert {point["guide"] for point in points} == {"frozen", "noisy"}
    for point in points:
        expected = cost(schedule_of("guided", point))
        assert call_count("guided", point, T) == expected
        assert expected.nfe == expected.nfe_signal + expected.nfe_logit


def test_a_corrected_step_is_guided_in_each_of_its_calls():
    moves = schedule_of("guided", POINT | {"corrections": 2})
    assert cost(moves) == call_count("guided", POINT | {"corrections": 2}, T)
    assert cost(moves) == Cost(12, 0, 2, nfe_gradient=12)


def test_a_guide_that_no_step_has_used_is_forgotten_with_its_chain(mixture):
    end = [Start(SIGNAL, 1), X, Answer("x")]
    guided = [Start(SIGNAL, 1), Target("y_cor"), GUIDE, Answer("x_cor"), NewChain(), *end]
    _, meter = _run(_system(mixture), guided)
    assert cost(guided).nfe_gradient == meter.calls["gradient"] == 0


START, ONE_STEP = Start(SIGNAL, 1), [Start(SIGNAL, 1), X, Answer("x")]


@pytest.mark.parametrize(
    ("moves", "message"),
    [
        ([START, GUIDE, X, Answer("x")], "no target"),
        ([Target("y_cor"), GUIDE, *ONE_STEP], "no step left to make"),
        ([START, Target("y0_hat"), GUIDE, X, Answer("x")], "not been started"),
        ([START, Target("x0_hat"), GUIDE, X, Answer("x")], "no estimate yet"),
        ([START, Target("y_cor"), Guide("noisy", -1.0), X, Answer("x")], "the scale must be"),
        ([Target("y_cor"), *ONE_STEP, NewChain(), START, GUIDE, X, Answer("x")], "no target"),
    ],
)
def test_illegal_guidance_is_refused(moves, message):
    with pytest.raises(ValueError, match=message):
        check(moves)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"guide": "noisey"}, "did you mean 'noisy'"),
        ({"target": "y0"}, "target"),
        ({"scale": -1.0}, "scale is -1"),
        ({"scale": float("nan")}, "scale is nan"),
        ({"guide_from": 0.6, "guide_to": 0.5}, "guide_from is 0.6"),
        ({"guide_to": 1.5}, "guide_to is 1.5"),
    ],
)
def test_wrong_parameters_are_refused(change, message):
    with pytest.raises(UsageError, match=message):
        schedule_of("guided", POINT | change)


def test_chains_go_on_from_a_cached_prefix_to_the_same_bits(mixture):
    cache, noise = PrefixCache(2**30), SampleNoise(0, range(BATCH))
    x_cor = torch.zeros(BATCH, *SHAPE, dtype=torch.float64)
    for chains in (1, 2, 3, 2):
        moves = schedule_of("guided", POINT | {"chains": chains, "eta": 1.0})
        meter = Meter()
        shared = Engine(_system(mixture), (3,), meter).run(
            moves, cache.batch("batch", lambda: x_cor), noise
        )
        alone, alone_meter = _run(_system(mixture), moves, x_cor)
        assert torch.equal(shared.x, alone.x) and torch.equal(shared.y, alone.y)
        assert meter.calls == alone_meter.calls and meter.calls["gradient"] == 4 * chains * BATCH


def test_flops_of_a_gradient_are_those_of_a_forward_and_a_backward_pass():
    """Each convolution and linear layer backward, to its input alone, as many as forward."""
    network = ConvNet((1, 8, 8), 10, ConvNetConfig(4, 8)).requires_grad_(False)
    x, target = torch.randn(5, 1, 8, 8), torch.full((5, 10), 0.1)
    forward, both = Meter(), Meter()
    forward.call("classifier", network, x, batch=5)
    with torch.no_grad():
        both.call("gradient", functools.partial(gradient, network), x, target, batch=5)
    assert both.flops == 2 * forward.flops > 0 and both.calls == {"gradient": 5}


def _prepared(name, network, dtype, graph):
    if name == "noisy":
        guide = PreparedNoisyClassifier(network, dtype)
        return lambda x: guide(x, torch.tensor([5]))
    path = RunPath.FROZEN if graph else RunPath.PLAIN
    prepared = PreparedClassifier(FrozenClassifier(network, LogitScale(7), range(7)), dtype, path)
    prepared(torch.zeros(2, 3, 16, 16))  # the graph is made
    return prepared.raw_logits


@pytest.mark.parametrize("name", ["convnet", "noisy"])
@torch.no_grad()
def test_prepared_networks_have_the_plain_networks_gradient(name):
    """That of a frozen graph's network to rounding; in bf16 near it, by the angle between the two."""
    with seeded(torch.device("cpu"), "prepared guides"):
        networks = {
            "convnet": ConvNet((3, 16, 16), 7, ConvNetConfig(4, 8)),
            "noisy": NoisyClassifier(3, 7, UNetConfig(base=8), GaussianDiffusion(T)),
        }
        network = networks[name]
        if name == "noisy":
            torch.nn.init.normal_(network.out.weight)
    network = network.eval().requires_grad_(False)
    x, target = (
        torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)),
        torch.eye(7)[:4],
    )
    plain = gradient(
        (lambda x: network(x, torch.tensor([5]))) if name == "noisy" else network, x, target
    )
    exact = gradient(_prepared(name, network, torch.float32, True), x, target)
    torch.testing.assert_close(exact, plain, atol=1e-5 * float(plain.abs().max()), rtol=1e-4)
    near = gradient(_prepared(name, network, torch.bfloat16, RunPath.PLAIN), x, target)
    assert near.dtype == torch.float32
    cosine = torch.nn.functional.cosine_similarity(near.flatten(1), plain.flatten(1))
    assert float(cosine.min()) > 0.95 and not torch.equal(near, plain)
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_trained_parts_guide_and_stay_as_they_are(parts, tmp_path, precision):
    """Gradients are counted and recorded, beside the calls that are NFE; no weight changes."""
    storage, task = Storage(str(tmp_path)), tiny_task()
    for kind in PARTS:
        storage.parts.save(kind, task, parts[kind], {})
    evaluator = Evaluator(task, "guided", storage, 16, torch.device("cpu"), dataset=DIGITS)
    before = {name: weights_hash(_Weights(state)) for name, state in evaluator._weights.items()}
    frozen = evaluator._classifier.weights_hash()
    sampling = Sampling("test", 20, 3, precision)
    outcomes = []
    for guide in ("frozen", "noisy"):
        point = POINT | {"guide": guide, "target": "y0_hat", "scale": 20.0, "guide_to": 0.5}
        measurement = evaluator.measure(point, sampling)
        assert measurement.cost[NFE_GRADIENT] == 2 and measurement.cost[NFE] == 4 + 4
        outcomes.append(evaluator.sample(point, sampling)[0].x)
    unguided = evaluator.sample(POINT | {"target": "y0_hat", "scale": 0.0}, sampling)[0].x
    assert not torch.equal(outcomes[0], unguided) and not torch.equal(outcomes[1], unguided)
    assert evaluator._classifier.weights_hash() == frozen
    after = {name: weights_hash(_Weights(state)) for name, state in evaluator._weights.items()}
    assert after == before


class _Weights:
    """A state dict, as `weights_hash` asks a network for it."""

    def __init__(self, state):
        self.state_dict = lambda: state
