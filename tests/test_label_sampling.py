"""Samplers of the label diffusion against dense matrices, and with the exact score of a known posterior."""

import math
import subprocess
import sys
from itertools import pairwise

import pytest
import torch
from conftest import ROOT

from trainables.core.errors import UsageError
from trainables.core.noise import SampleNoise
from trainables.diffusion.label_sampling import sample_labels, sample_probabilities
from trainables.diffusion.label_updates import (
    analytic_weights,
    backward_euler,
    euler_weights,
    explicit_euler,
    posterior_step,
)
from trainables.diffusion.labels import LabelDiffusion

CPU = torch.device("cpu")
EULER = ["euler", "backward-euler"]


def _random_probabilities(batch: int, classes: int, seed: int = 0, spread: float = 2.0):
    generator = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(batch, classes, generator=generator, dtype=torch.float64)
    return torch.softmax(logits, dim=1)


class ExactScore:
    """The score of the posteriors q0 (B, K); it counts its calls."""

    def __init__(self, process: LabelDiffusion, q0: torch.Tensor) -> None:
        self.process, self.q0, self.times = process, q0, []

    def __call__(self, labels: torch.Tensor, t: float) -> torch.Tensor:
        self.times.append(t)
        q_t = self.process.marginal(self.q0, t)[:, None].expand(*labels.shape, -1)
        return self.process.log_ratios(q_t, labels)


def _reverse_matrix(q: torch.Tensor) -> torch.Tensor:
    """M (K, K) of probabilities q (K,): S times 1 1^T - K I, and diagonals that make columns sum to zero."""
    K = len(q)
    ratios = q[:, None] / q[None, :]
    matrix = ratios * (torch.ones(K, K).double() - K * torch.eye(K).double())
    return matrix - torch.diag(matrix.sum(dim=0))


@pytest.mark.parametrize("K", [2, 10, 100, 400])
@pytest.mark.parametrize("size", [1e-5, 1e-2, 1.0])
def test_steps_of_linear_cost_are_those_of_the_matrices(K, size):
    p, q = _random_probabilities(3, K, 0), _random_probabilities(3, K, 1, 0.5)
    for i in range(3):
        matrix = _reverse_matrix(q[i])
        transition = torch.eye(K, dtype=torch.float64) + size * matrix
        scale = float(transition.abs().max())  # explicit steps this long go far beyond the simplex
        error = (explicit_euler(p, q, size)[i] - transition @ p[i]).abs().max()
        assert float(error) < 1e-12 * max(scale, 1.0)
        solved = torch.linalg.solve(torch.eye(K, dtype=torch.float64) - size * matrix, p[i])
        assert float((backward_euler(p, q, size)[i] - solved).abs().max()) < 1e-12


@pytest.mark.parametrize("K", [2, 10, 100])
def test_the_posterior_step_is_bayes_rule(K):
    process, t, s = LabelDiffusion(K), 0.7, 0.4
    q0, p = _random_probabilities(1, K, 0), _random_probabilities(1, K, 1)
    q_t, q_s = process.marginal(q0, t), process.marginal(q0, s)
    keep = process.share(t) / process.share(s)
    uniform = torch.ones(K, K, dtype=torch.float64)
    forward = torch.linalg.matrix_exp(-math.log(keep) / K * (uniform - K * torch.eye(K).double()))
    backward = q_s[0][:, None] * forward.T / q_t[0][None, :]  # q_s(i) q(c_t = j | c_s = i) / q_t(j)
    torch.testing.assert_close(backward.sum(dim=0), torch.ones(K).double())
    result = posterior_step(p, q_t, q_s, keep)[0]
    assert float((result - backward @ p[0]).abs().max()) < 1e-12


@pytest.mark.parametrize("K", [2, 7, 100])
def test_the_weights_of_a_chain_are_a_column_of_the_matrices(K):
    """Where nothing is clamped, a chain at label j has the j-th column of the steps over probabilities."""
    process, t, s = LabelDiffusion(K), 0.7, 0.69
    q0, labels = _random_probabilities(1, K), torch.arange(K)[None]
    q_t, q_s = process.marginal(q0, t), process.marginal(q0, s)
    log_score, size = ExactScore(process, q0)(labels, t), process.rate(t) * (t - s)
    at_labels, keep = torch.eye(K, dtype=torch.float64), process.share(t) / process.share(s)

    columns = euler_weights(log_score, labels, size)[0]
    expected = explicit_euler(at_labels, q_t.expand(K, K), size)
    assert float(expected.min()) >= 0 and float((columns - expected).abs().max()) < 1e-12

    columns = analytic_weights(process.clean_of(log_score, t), labels, process, t, s)[0]
    expected = posterior_step(at_labels, q_t.expand(K, K), q_s.expand(K, K), keep)
    error = columns / columns.sum(dim=1, keepdim=True) - expected
    assert float(error.abs().max()) < 1e-12


@pytest.mark.parametrize(("t", "s"), [(1.0, 0.0), (1.0, 0.5), (0.3, 0.2)])
def test_an_explicit_step_takes_a_marginal_to_the_next_however_long_it_is(t, s):
    process = LabelDiffusion(12)
    q0 = _random_probabilities(4, 12)
    q_t, size = process.marginal(q0, t), process.rate(t) * (t - s)
    torch.testing.assert_close(
        explicit_euler(q_t, q_t, size), process.marginal(q0, s), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_backward_steps_stay_on_the_simplex(dtype):
    generator = torch.Generator().manual_seed(0)
    K, tolerance = 20, 10_000 * 8 * torch.finfo(dtype).eps  # a few roundings in each step
    p = torch.full((1, K), 1 / K, dtype=dtype)
    logits = 6 * torch.randn(10_000, 1, K, generator=generator, dtype=dtype)
    sizes = 10 ** (9 * torch.rand(10_000, generator=generator) - 6)
    for q, size in zip(torch.softmax(logits, dim=-1), sizes.tolist(), strict=True):
        p = backward_euler(p, q, size)
        assert bool((p >= 0).all()) and abs(float(p.sum()) - 1) < tolerance


def test_explicit_steps_leave_the_simplex_and_backward_ones_do_not():
    p, q = torch.tensor([[0.5, 0.5]]), torch.tensor([[0.99, 0.01]])
    assert float(explicit_euler(p, q, 0.1).min()) < 0 < float(backward_euler(p, q, 0.1).min())


@pytest.mark.parametrize("predictor", EULER)
def test_the_error_falls_by_the_first_power_of_the_step(predictor):
    """The limit of small steps from the uniform prior is one exact step from t = 1 to 0."""
    process = LabelDiffusion(8, eps=0.2)
    score = ExactScore(process, _random_probabilities(3, 8))
    start = process.prior(3, CPU).double()
    limit = sample_probabilities(process, score, start, 1, "analytic")
    errors = [
        float((sample_probabilities(process, score, start, steps, predictor) - limit).abs().max())
        for steps in (200, 400, 800)
    ]
    orders = [math.log2(coarse / fine) for coarse, fine in pairwise(errors)]
    assert orders == pytest.approx([1, 1], abs=0.1)


@pytest.mark.parametrize("predictor", EULER)
def test_a_known_posterior_is_recovered_as_steps_grow(predictor):
    process = LabelDiffusion(8)
    q0 = _random_probabilities(3, 8)
    score, start = ExactScore(process, q0), process.prior(3, CPU).double()
    errors = [
        float((sample_probabilities(process, score, start, steps, predictor) - q0).abs().max())
        for steps in (4, 40, 400, 4000)
    ]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.01 * errors[0]


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_the_analytic_predictor_is_exact_for_any_number_of_steps(steps):
    process = LabelDiffusion(8)
    q0 = _random_probabilities(3, 8)
    start = process.marginal(q0, 1.0)
    result = sample_probabilities(process, ExactScore(process, q0), start, steps, "analytic")
    torch.testing.assert_close(result, q0, rtol=0, atol=1e-12)
    uniform = process.prior(3, CPU).double()
    result = sample_probabilities(process, ExactScore(process, q0), uniform, steps, "analytic")
    torch.testing.assert_close(result, q0, rtol=0, atol=1e-5)  # eps^2, as the prior is not q_1


@pytest.mark.parametrize("choice", ["argmin", "argmax", "random"])
def test_the_exact_score_of_any_label_will_do_and_a_step_is_one_call(choice):
    process = LabelDiffusion(6)
    score = ExactScore(process, _random_probabilities(2, 6))
    start, noise = process.prior(2, CPU).double(), SampleNoise(0, [0, 1])
    result = sample_probabilities(process, score, start, 8, "euler", choice, noise)
    assert score.times == process.levels(8)[:-1]
    torch.testing.assert_close(result, sample_probabilities(process, score, start, 8))


def test_the_chosen_label_is_the_least_or_the_most_probable():
    process = LabelDiffusion(3)
    for choice, expected in (("argmin", [0, 1]), ("argmax", [0, 2])):
        labels: list[int] = []

        def score(label, t, labels=labels):
            labels.append(int(label))
            fixed = torch.tensor([[[0.0, -1.0, 1.0]]])
            return fixed - fixed.gather(-1, label[..., None])

        sample_probabilities(process, score, process.prior(1, CPU), 2, "backward-euler", choice)
        assert labels == expected


@pytest.mark.parametrize("predictor", ["euler", "analytic"])
def test_chains_estimate_the_class_probabilities(predictor):
    """With the exact score, and steps too short to be clamped, a chain's end has CP's probabilities."""
    process = LabelDiffusion(5, eps=0.2)
    q0 = _random_probabilities(2, 5, spread=0.7)
    start = process.prior(2, CPU).double()
    expected = sample_probabilities(process, ExactScore(process, q0), start, 20, predictor)
    score = ExactScore(process, q0.float())
    for chains in (400, 40_000):
        noise = SampleNoise(1, [0, 1])
        result = sample_labels(process, score, noise, CPU, 20, chains, predictor, 10_000)
        deviation = (expected * (1 - expected) / chains).sqrt()
        assert bool(((result - expected).abs() < 4.5 * deviation).all())
        torch.testing.assert_close(result.sum(dim=1), torch.ones(2))


def test_blocks_and_neighbours_do_not_change_what_is_drawn():
    process = LabelDiffusion(7)
    q0 = _random_probabilities(3, 7).float()
    together = sample_labels(
        process, ExactScore(process, q0), SampleNoise(3, [0, 1, 2]), CPU, 4, 50, "euler", 50
    )
    for block in (1, 7):
        for i in range(3):
            alone = ExactScore(process, q0[i : i + 1])
            result = sample_labels(process, alone, SampleNoise(3, [i]), CPU, 4, 50, "euler", block)
            assert result.shape == (1, 7) and torch.equal(result[0], together[i])


@pytest.mark.parametrize("predictor", [*EULER, "analytic"])
def test_a_batch_of_one_is_a_row_of_a_larger_one(predictor):
    process = LabelDiffusion(7)
    q0 = _random_probabilities(3, 7).float()
    together = sample_probabilities(
        process, ExactScore(process, q0), process.prior(3, CPU), 5, predictor
    )
    for i in range(3):
        alone = ExactScore(process, q0[i : i + 1])
        result = sample_probabilities(process, alone, process.prior(1, CPU), 5, predictor)
        assert result.shape == (1, 7)
        torch.testing.assert_close(result[0], together[i])


@pytest.mark.parametrize("predictor", [*EULER, "analytic"])
def test_wild_scores_give_probabilities(predictor):
    """Softmax of these scores underflows to zero in float32."""
    process, generator = LabelDiffusion(50), torch.Generator().manual_seed(0)

    def score(labels, t):
        values = 80 * torch.randn(*labels.shape, 50, generator=generator)
        return values.scatter(-1, labels[..., None], 0.0)

    result = sample_probabilities(process, score, process.prior(16, CPU), 8, predictor)
    assert bool((result >= 0).all())
    torch.testing.assert_close(result.sum(dim=1), torch.ones(16))


LARGE = """
from pathlib import Path
import torch
from trainables.core.noise import SampleNoise
from trainables.diffusion.label_sampling import sample_labels, sample_probabilities
from trainables.diffusion.labels import LabelDiffusion, targets_of

torch.set_num_threads(1)
process, cpu = LabelDiffusion(100_000), torch.device("cpu")
q0 = targets_of(torch.tensor([5]), 100_000, 0.1)

def score(labels, t):
    q_t = process.marginal(q0, t)[:, None].expand(*labels.shape, -1)
    return process.log_ratios(q_t, labels)

for predictor in ("euler", "backward-euler", "analytic"):
    result = sample_probabilities(process, score, process.prior(1, cpu), 8, predictor)
    assert int(result.argmax()) == 5 and abs(float(result.sum()) - 1) < 1e-4, predictor
# The scores of all chains at once would be 400 MB, and their cumulative sums 800 MB.
result = sample_labels(process, score, SampleNoise(0, [0]), cpu, 1, 1000, "analytic", 8)
assert abs(float(result[0, 5]) - 0.9) < 0.05
process.loss(score(torch.tensor([[7]]), 0.5)[:, 0], q0, torch.tensor([7]), 0.5)
# The most that this program had; ru_maxrss would count what the process was before it began.
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) / 2**20)
"""


def test_a_hundred_thousand_labels_need_less_than_a_gibibyte():
    """That of the whole process, torch included; a K×K tensor alone would have 40 GB."""
    process = subprocess.run(
        [sys.executable, "-c", LARGE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert float(process.stdout) < 1


def test_what_is_not_allowed_is_refused():
    process = LabelDiffusion(4)
    score = ExactScore(process, _random_probabilities(1, 4).float())
    start, noise = process.prior(1, CPU), SampleNoise(0, [0])
    with pytest.raises(UsageError, match="did you mean 'euler'"):
        sample_probabilities(process, score, start, 2, "eulr")
    with pytest.raises(UsageError, match="argmin"):
        sample_probabilities(process, score, start, 2, choice="argmid")
    with pytest.raises(UsageError, match="no noise is given"):
        sample_probabilities(process, score, start, 2, choice="random")
    with pytest.raises(UsageError, match="number of chains"):
        sample_labels(process, score, noise, CPU, 2, 0)
    with pytest.raises(UsageError, match="predictor of labels"):
        sample_labels(process, score, noise, CPU, 2, 1, "backward-euler")
