"""The label diffusion against matrix exponentials, its loss against its definition."""

import math
from itertools import pairwise

import pytest
import torch

from trainables.core.errors import NonFiniteError, UsageError
from trainables.diffusion.labels import (
    LabelDiffusion,
    labels_from,
    score_entropy,
    targets_of,
)


def _random_probabilities(batch: int, classes: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(batch, classes, generator=generator, dtype=torch.float64)
    return torch.softmax(logits, dim=1)


def _integral_of_rate(process: LabelDiffusion, t: float) -> float:
    """The integral of sigma over [0, t] by Simpson's rule."""
    grid = torch.linspace(0, t, 200_001, dtype=torch.float64)
    values = process.rate(grid)
    weights = torch.ones_like(grid)
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    return float((values * weights).sum() * (grid[1] - grid[0]) / 3)


@pytest.mark.parametrize("classes", [2, 3, 10, 40])
@pytest.mark.parametrize("t", [0.0, 1e-3, 0.3, 0.9, 1.0])
def test_marginals_are_those_of_the_matrix_exponential(classes, t):
    process = LabelDiffusion(classes)
    q0 = _random_probabilities(3, classes)
    uniform = torch.ones(classes, classes, dtype=torch.float64)
    rate = uniform - classes * torch.eye(classes, dtype=torch.float64)
    expected = q0 @ torch.linalg.matrix_exp(_integral_of_rate(process, t) * rate)
    torch.testing.assert_close(process.marginal(q0, t), expected, rtol=1e-8, atol=1e-10)
    per_sample = process.marginal(q0, torch.full((3,), t, dtype=torch.float64))
    torch.testing.assert_close(per_sample, expected, rtol=1e-8, atol=1e-10)


def test_the_schedule_goes_from_the_clean_label_to_eps():
    process = LabelDiffusion(10, eps=1e-3)
    assert process.share(0.0) == 1 and process.share(1.0) == pytest.approx(1e-3)
    t = torch.linspace(0, 1, 11, dtype=torch.float64)
    torch.testing.assert_close(process.share(t) + process.scattered(t), torch.ones_like(t))


def test_the_spacing_of_the_grid_is_the_step():
    for steps in (1, 3, 8):
        levels = LabelDiffusion(5).levels(steps)
        assert len(levels) == steps + 1 and levels[0] == 1 and levels[-1] == 0
        for t, s in pairwise(levels):
            assert t - s == pytest.approx(1 / steps, rel=1e-12)


def test_a_clean_estimate_undoes_the_marginal():
    process = LabelDiffusion(6)
    q0 = _random_probabilities(4, 6)
    for t in (0.05, 0.5, 1.0):
        log_score = process.log_ratios(process.marginal(q0, t), torch.tensor([0, 5, 2, 3]))
        torch.testing.assert_close(process.clean_of(log_score, t), q0, rtol=1e-9, atol=1e-11)


def test_a_clean_estimate_is_a_probability_whatever_the_network_says():
    process = LabelDiffusion(50)
    scores = 30 * torch.randn(64, 50, generator=torch.Generator().manual_seed(0))
    for t in (0.02, 0.5, 1.0):
        clean = process.clean_of(scores, t)
        assert (clean >= 0).all()
        torch.testing.assert_close(clean.sum(dim=1), torch.ones(64))


@pytest.mark.parametrize("t", [1e-3, 0.4, 1.0])
@pytest.mark.parametrize("soft", [False, True])
def test_float32_does_for_a_hundred_thousand_labels(t, soft):
    K = 100_000
    process, labels = LabelDiffusion(K), torch.tensor([7, 99_999])
    targets = targets_of(torch.tensor([7, 3]), K, 0.1 if soft else 0.0)
    if soft:
        targets = 0.3 * targets + 0.7 * targets_of(torch.tensor([99_999, 4]), K)
    exact_q = process.marginal(targets.double(), t)
    exact = process.log_ratios(exact_q, labels)
    log_ratios = process.log_ratios(process.marginal(targets, t), labels)
    assert log_ratios.dtype == torch.float32 and log_ratios.isfinite().all()
    torch.testing.assert_close(log_ratios.double(), exact, rtol=1e-6, atol=1e-5)
    loss = process.loss(torch.zeros(2, K), targets, labels, torch.full((2,), t))
    exact_loss = process.loss(torch.zeros(2, K).double(), targets.double(), labels, t)
    torch.testing.assert_close(loss.double(), exact_loss, rtol=1e-5, atol=0)


def test_score_entropy_is_the_sum_of_its_definition():
    generator = torch.Generator().manual_seed(0)
    log_s = torch.randn(4, 7, generator=generator, dtype=torch.float64)
    q_t, labels = _random_probabilities(4, 7), torch.tensor([0, 6, 3, 3])
    log_ratios = LabelDiffusion(7).log_ratios(q_t, labels)
    for row, label in enumerate(labels.tolist()):
        expected = 0.0
        for i in range(7):
            if i != label:
                s, ratio = math.exp(log_s[row, i]), float(q_t[row, i] / q_t[row, label])
                expected += s - ratio * math.log(s) + ratio * (math.log(ratio) - 1)
        result = score_entropy(log_s, log_ratios, labels)[row]
        assert float(result) == pytest.approx(expected, rel=1e-12)


def test_score_entropy_is_zero_at_the_true_ratios_and_positive_elsewhere():
    process = LabelDiffusion(9)
    q_t, labels = process.marginal(_random_probabilities(5, 9), 0.3), torch.arange(5)
    log_ratios = process.log_ratios(q_t, labels)
    torch.testing.assert_close(
        score_entropy(log_ratios, log_ratios, labels), torch.zeros(5).double()
    )
    for i in range(5, 9):
        for change in (-3.0, -1e-3, 1e-3, 3.0):
            other = log_ratios.clone()
            other[:, i] += change
            assert (score_entropy(other, log_ratios, labels) > 0).all()
    at_label = log_ratios.scatter(1, labels[:, None], 2.0)
    assert (score_entropy(at_label, log_ratios, labels) == 0).all()  # s at c_t has no term


@pytest.mark.parametrize("soft", [False, True])
def test_the_minimiser_of_the_expected_loss_is_the_posteriors_score(soft):
    """Over targets c_0 ~ P(c | y), the loss, which is convex in log s, is flat at the mixture's ratios."""
    process, t = LabelDiffusion(4), 0.6
    posterior = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64)
    targets = torch.eye(4, dtype=torch.float64)
    if soft:
        targets = 0.7 * targets + 0.3 * targets.roll(1, dims=1)
    marginals = process.marginal(targets, t)
    mixture = process.marginal((posterior @ targets)[None], t)
    for label in range(4):
        labels = torch.full((4,), label)
        weights = posterior * marginals[:, label]  # P(c_0 | y) q(c_t | c_0)
        score = process.log_ratios(mixture, labels[:1]).requires_grad_()
        expected_loss = (weights * process.loss(score.expand(4, 4), targets, labels, t)).sum()
        (gradient,) = torch.autograd.grad(expected_loss, score)
        torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-12, rtol=0)


def test_the_loss_is_weighted_by_sigma():
    process = LabelDiffusion(5)
    q0, labels, log_s = _random_probabilities(2, 5), torch.tensor([1, 2]), torch.ones(2, 5).double()
    t = torch.tensor([0.2, 0.9], dtype=torch.float64)
    sigma = (1 - 1e-3) / 5 / (1 - (1 - 1e-3) * t)
    entropy = score_entropy(log_s, process.log_ratios(process.marginal(q0, t), labels), labels)
    torch.testing.assert_close(process.loss(log_s, q0, labels, t), sigma * entropy)


def test_smoothed_targets():
    targets = targets_of(torch.tensor([2]), 4, 0.2)
    torch.testing.assert_close(targets, torch.tensor([[0.05, 0.05, 0.85, 0.05]]))
    assert targets_of(torch.tensor([1]), 3).tolist() == [[0, 1, 0]]


def test_labels_are_drawn_in_proportion_to_their_weights():
    weights = torch.tensor([0.0, 1.0, 0.0, 3.0, 0.0])
    uniform = (torch.arange(1000) + 0.5) / 1000
    labels = labels_from(weights.expand(1000, 5), uniform)
    assert labels.bincount(minlength=5).tolist() == [0, 250, 0, 750, 0]
    extremes = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    assert labels_from(weights.expand(2, 5), extremes).tolist() == [1, 3]


def test_what_is_no_distribution_is_refused():
    for weights in ([0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0]):
        with pytest.raises(NonFiniteError, match="no positive finite sum"):
            labels_from(torch.tensor([weights]), torch.tensor([0.5]))


@pytest.mark.parametrize("settings", [{"classes": 1}, {"eps": 0.0}, {"t_eps": 0.9}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(UsageError, match="must be from"):
        LabelDiffusion(**{"classes": 10, **settings})
    with pytest.raises(UsageError, match="number of steps"):
        LabelDiffusion(10).levels(0)
