"""The engine: exact answers on Gaussian data, what is counted, what randomness depends on."""

import pytest
import torch
from helpers import ExactLabels, ExactLogit, ExactSignal

import search_spaces
from trainables import strategies
from trainables.core.errors import NonFiniteError
from trainables.core.noise import SampleNoise
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.diffusion.labels import LabelDiffusion
from trainables.models.images.classifier import ConvNet, ConvNetConfig, FrozenClassifier
from trainables.models.scale import LogitScale
from trainables.sampling.cost import cost
from trainables.sampling.engine import Engine
from trainables.sampling.guidance import Guides
from trainables.sampling.legality import check
from trainables.sampling.meter import Meter, classifier_calls
from trainables.sampling.moves import LOGIT, SIGNAL, Answer, Condition, trajectory
from trainables.sampling.system import CoupledSystem, LabelSystem
from trainables.strategies import schedule_of
from trainables.strategies.nested import Parameters
from trainables.task.members import lent_logit

T = 150
CLASSES = tuple("0123456789")
VARIANCE_X, VARIANCE_Y = 0.09, 0.04


def _system(shift=1.0):
    process, labels = GaussianDiffusion(T), LabelDiffusion(3)
    posteriors = torch.tensor([[0.7, 0.2, 0.1]]).repeat(8, 1)
    return CoupledSystem(
        classifier=lambda x: x.flatten(1).mean(1, keepdim=True).repeat(1, 3),
        signal_process=process,
        logit_process=process,
        signal_denoiser=ExactSignal(process, VARIANCE_X, shift),
        logit_denoiser=ExactLogit(process, VARIANCE_Y),
        retrained=[_constant(member) for member in range(1, 9)],
        guides=Guides(lambda y: y.softmax(dim=-1), _linear, _linear),
        labels=LabelSystem(labels, ExactLabels(labels, posteriors), lambda logits: logits),
        lent={lent_logit("card"): ExactLogit(process, VARIANCE_Y)},
    )


def _linear(x, *level):
    """Logits of three classes, linear in the signal."""
    return x.flatten(1)[:, :3]


def _constant(member):
    """A classifier whose logits are the number of a member, its square and 0."""
    return lambda x: torch.tensor([[float(member), float(member) ** 2, 0.0]]).repeat(len(x), 1)


def _run(system, moves, count=4000, seed=0, shape=(1, 2, 2), indices=None):
    meter = Meter()
    indices = range(count) if indices is None else indices
    engine = Engine(system, (3,), meter)
    outcome = engine.run(
        check(moves), torch.zeros(len(indices), *shape), SampleNoise(seed, list(indices))
    )
    return outcome, meter


@pytest.mark.parametrize("shape", [(1, 2, 2), (2, 3, 4)])
def test_a_signal_trajectory_draws_from_the_data(shape):
    moves = [*trajectory(SIGNAL, T, 1.0), Answer("x")]
    outcome, _ = _run(_system(), moves, shape=shape)
    assert float(outcome.x.mean()) == pytest.approx(0.0, abs=0.02)
    # 150 steps of DDPM leave the deviation 4 % too small; the rest is chance.
    assert float(outcome.x.std()) == pytest.approx(0.96 * VARIANCE_X**0.5, rel=0.03)


def test_nested_without_refresh_draws_logits_given_the_signal():
    """y0 | x ~ N(mean of x, VARIANCE_Y): the chain's mean and covariance have closed forms."""
    moves = Parameters(T, T, 0.0, 1.0, 1.0).schedule()
    outcome, _ = _run(_system(), moves)
    mean_x = outcome.x.flatten(1).mean(1)
    residual = outcome.y - mean_x[:, None]
    assert float(residual.mean()) == pytest.approx(0.0, abs=0.02)
    assert float(residual.std()) == pytest.approx(VARIANCE_Y**0.5, rel=0.06)
    assert float(torch.corrcoef(torch.stack([mean_x, outcome.y[:, 0]]))[0, 1]) == pytest.approx(
        (VARIANCE_X / 4 / (VARIANCE_X / 4 + VARIANCE_Y)) ** 0.5, abs=0.05
    )


def test_refreshed_signals_follow_the_latest_clean_logits():
    """With a strong shift the refreshed signal is where the logits' estimate put it."""
    system = _system(shift=5.0)
    moves = Parameters(10, T, 0.1, 1.0, 1.0).schedule()
    outcome, _ = _run(system, moves, count=2000)
    guided = system.signal_denoiser.logit_means[-1]
    residual = outcome.x.flatten(1).mean(1) - 5.0 * guided
    assert float(residual.mean()) == pytest.approx(0.0, abs=0.02)
    assert float(residual.std()) == pytest.approx((VARIANCE_X / 4) ** 0.5, rel=0.1)


@pytest.mark.parametrize("strategy", strategies.names())
def test_the_meter_counts_what_the_schedule_costs(strategy):
    moves = schedule_of(strategy, search_spaces.load(strategy).paper_point(T))
    _, meter = _run(_system(), moves, count=3)
    expected = cost(moves)
    assert meter.calls["signal"] == 3 * expected.nfe_signal
    assert meter.calls["logit"] == 3 * expected.nfe_logit
    assert meter.calls["label"] == 3 * expected.nfe_label
    assert classifier_calls(meter.calls) == 3 * expected.nfe_classifier
    assert meter.calls["gradient"] == 3 * expected.nfe_gradient


def test_nested_at_the_papers_point_is_counted_as_the_paper_counts():
    moves = schedule_of("nested", search_spaces.load("nested").paper_point(T))
    _, meter = _run(_system(), moves, count=2)
    calls = {name: count / 2 for name, count in meter.calls.items()}
    assert calls == {"signal": 6 * T, "logit": T, "classifier": 1 + 5}


def test_a_sample_depends_on_neither_neighbours_nor_batch():
    moves = Parameters(6, 5, 0.5, 0.5, 1.0).schedule
    whole, _ = _run(_system(), moves(), count=8)
    part, _ = _run(_system(), moves(), indices=[5, 2])
    torch.testing.assert_close(part.y, whole.y[[5, 2]], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(part.x, whole.x[[5, 2]], atol=1e-5, rtol=1e-5)


def test_the_same_seed_gives_the_same_numbers_and_another_does_not():
    moves = Parameters(6, 5, 0.5, 0.5, 0.7).schedule
    first, _ = _run(_system(), moves(), count=8)
    again, _ = _run(_system(), moves(), count=8)
    other, _ = _run(_system(), moves(), count=8, seed=1)
    assert torch.equal(first.y, again.y) and torch.equal(first.x, again.x)
    assert not torch.allclose(first.y, other.y)


def test_the_first_signal_trajectory_of_nested_is_that_of_enhanced():
    nested = Parameters(1, 7, 0.0, 1.0, 0.5).schedule()
    enhanced = [*trajectory(SIGNAL, 7, 0.5), Answer("x")]
    ours, _ = _run(_system(), nested, count=5)
    theirs, _ = _run(_system(), enhanced, count=5)
    assert torch.equal(ours.x, theirs.x)


def test_logits_can_be_conditioned_on_the_corrupted_signal():
    moves = [Condition(SIGNAL, "x_cor"), *trajectory(LOGIT, 20, 0.0), Answer("y")]
    outcome, meter = _run(_system(), moves, count=5)
    assert outcome.y.shape == (5, 3) and meter.calls["classifier"] == 5


def test_nan_is_an_error_that_says_how_many():
    system = _system(shift=float("nan"))
    moves = Parameters(2, 2, 1.0, 0.5, 0.0).schedule()
    with pytest.raises(NonFiniteError, match="4 of 4"):
        _run(system, moves, count=4)


def test_flops_are_counted_and_reused():
    scale = LogitScale(10)
    classifier = FrozenClassifier(ConvNet((1, 8, 8), 10, ConvNetConfig(4, 8)), scale, CLASSES)
    meter, x = Meter(), torch.zeros(5, 1, 8, 8)
    meter.call("classifier", classifier, x, batch=5)
    once = meter.flops
    # 2 x multiply-adds of the three convolutions and two linear layers, for 5 images
    macs = 64 * 9 * 4 + 16 * 9 * 4 * 8 + 4 * 9 * 8 * 8 + 32 * 8 + 8 * 10
    assert once == 5 * 2 * macs
    meter.call("classifier", classifier, x, batch=5)
    assert meter.flops == 2 * once and meter.calls["classifier"] == 10


def test_the_classifier_stays_frozen():
    classifier = FrozenClassifier(
        ConvNet((1, 8, 8), 10, ConvNetConfig(4, 8)), LogitScale(10), CLASSES
    )
    classifier.train()
    assert not any(module.training for module in classifier.modules())
    assert not any(p.requires_grad for p in classifier.parameters())
    x = torch.zeros(2, 1, 8, 8, requires_grad=True)
    assert not classifier(x).requires_grad
