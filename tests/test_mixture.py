"""Gaussian mixtures against automatic differentiation and finite differences; the errors of guides against
what they must be; exponents against made-up laws; the verb, as a user runs it.
"""

import json
import math
from dataclasses import replace

import pytest
import torch
from conftest import run_verb
from mlflow import MlflowClient

from trainables.core.errors import UsageError
from trainables.core.noise import generator_of
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.diffusion.mixture import GaussianMixture, circle_mixture
from trainables.evaluation.guidance_error import guidance_vectors, measure_guidance, of_network
from trainables.scoring.guidance import MeasuredGuide, StepGuidance, law_of
from trainables.scoring.power_law import LawPoint, exponents
from trainables.training.mixture_classifier import MixtureTraining, train_classifier

PROCESS = GaussianDiffusion(20)
LEVELS = [20, 13, 7, 1]


def mixture(d=5, classes=3):
    return circle_mixture(classes, d, generator_of("test mixture", d, classes))


def noised_samples(model, t, count=40):
    """The mixture at a level with samples of it."""
    noised = model.noised(PROCESS, t)
    return noised, noised.sample(count, generator_of("samples", t))[0]


@pytest.mark.parametrize("t", [0, *LEVELS])
def test_the_posterior_is_bayes_rule_on_torchs_densities(t):
    model = mixture()
    noised, x = noised_samples(model, t)
    abar = float(PROCESS.alpha_bar[t])
    joint = torch.stack(
        [
            math.log(1 / 3) + torch.distributions.MultivariateNormal(
                abar**0.5 * model.means[c], torch.diag(abar * model.variances[c] + 1 - abar)
            ).log_prob(x)
            for c in range(3)
        ],
        dim=1,
    )  # fmt: skip
    expected = joint - torch.logsumexp(joint, dim=1, keepdim=True)
    torch.testing.assert_close(noised.log_posterior(x), expected, atol=1e-11, rtol=1e-11)
    torch.testing.assert_close(noised.log_density(x), torch.logsumexp(joint, dim=1))


@pytest.mark.parametrize("t", [0, *LEVELS])
def test_the_guidance_vectors_are_gradients_of_the_log_densities(t):
    """grad log p(c | x) = grad log p(x, c) - grad log p(x), each by automatic differentiation."""
    noised, x = noised_samples(mixture(), t)
    x.requires_grad_()
    (of_density,) = torch.autograd.grad(noised.log_density(x).sum(), x)
    for c in range(3):
        (of_joint,) = torch.autograd.grad(noised.log_joint(x)[:, c].sum(), x)
        expected = of_joint - of_density
        torch.testing.assert_close(
            noised.guidance(x.detach())[:, c], expected, atol=1e-10, rtol=1e-10
        )


def test_the_guidance_vectors_are_finite_differences_of_the_log_posterior():
    noised, x = noised_samples(mixture(), 7)
    h = 1e-5
    for i in range(x.shape[1]):
        step = torch.zeros_like(x)
        step[:, i] = h
        slope = (noised.log_posterior(x + step) - noised.log_posterior(x - step)) / (2 * h)
        torch.testing.assert_close(noised.guidance(x)[:, :, i], slope, atol=1e-7, rtol=1e-6)


def test_noised_samples_are_distributed_as_the_noised_mixture():
    """Mean and covariance of many x_t of the process against the mixture's, within 5 deviations."""
    model, t, count = mixture(d=3), 9, 200_000
    generator = generator_of("many")
    x0, _ = model.sample(count, generator)
    eps = torch.randn(x0.shape, generator=generator, dtype=torch.float64)
    x_t = PROCESS.noised(x0, eps, torch.full((count,), t))
    noised = model.noised(PROCESS, t)
    mean = (noised.weights[:, None] * noised.means).sum(0)
    second = (noised.weights[:, None] * (noised.variances + noised.means**2)).sum(0)
    for values, expected in ((x_t, mean), (x_t**2, second)):
        deviation = values.std(0) / count**0.5
        assert bool(((values.mean(0) - expected).abs() < 5 * deviation).all())


def test_the_true_posterior_has_no_kl_and_no_error():
    model = mixture()
    steps = measure_guidance(
        lambda x, t: model.noised(PROCESS, t).log_posterior(x), model, PROCESS, LEVELS, 200, 0
    )
    assert [step.level for step in steps] == LEVELS
    for step in steps:
        assert abs(step.kl) < 1e-12 and step.guidance_error < 1e-18
        assert step.cross_entropy == pytest.approx(step.entropy) and step.guidance_size > 0


def test_errors_of_a_wrong_posterior_are_those_written_out_by_hand():
    """A guide that takes the classes' means for half as far apart."""
    model = mixture(d=4)
    wrong = replace(model, means=model.means / 2)
    (step,) = measure_guidance(
        lambda x, t: wrong.noised(PROCESS, t).log_posterior(x), model, PROCESS, [7], 50, "hand"
    )
    generator = generator_of("held-out mixture", "hand")
    x0, _ = model.sample(50, generator)
    eps = torch.randn(50, 4, generator=generator, dtype=torch.float64)
    abar = float(PROCESS.alpha_bar[7])
    x = abar**0.5 * x0 + (1 - abar) ** 0.5 * eps
    true, guess = model.noised(PROCESS, 7), wrong.noised(PROCESS, 7)
    kl = error = 0.0
    for row in range(50):
        p, q = true.log_posterior(x)[row], guess.log_posterior(x)[row]
        for c in range(3):
            kl += float(p[c].exp() * (p[c] - q[c])) / 50
            gap = guess.guidance(x)[row, c] - true.guidance(x)[row, c]
            error += float(p[c].exp() * gap @ gap) / 50
    assert step.kl == pytest.approx(kl, rel=1e-9) and kl > 1e-3
    assert step.guidance_error == pytest.approx(error, rel=1e-9)
    assert step.cross_entropy - step.entropy == pytest.approx(kl, rel=1e-9)
    assert step.ratio(4) == pytest.approx(error / (4 * kl**0.5), rel=1e-9)


def test_longer_training_comes_nearer_to_the_truth():
    model = mixture(d=2)

    def kl(updates):
        classifier = train_classifier(model, PROCESS, updates, MixtureTraining(batch=64), "longer")
        steps = measure_guidance(
            of_network(classifier, PROCESS), model, PROCESS, LEVELS, 200, "longer"
        )
        return sum(step.kl for step in steps)

    assert kl(150) < kl(3) / 2


def test_training_and_vectors_of_a_network_repeat_and_differentiate():
    model = mixture(d=2)
    classifier, again = (
        train_classifier(model, PROCESS, 3, MixtureTraining(batch=8), 1) for _ in range(2)
    )
    for one, other in zip(classifier.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    double = classifier.double()

    def log_p(x, t):
        return double(x, torch.tensor([t / PROCESS.T]))

    _, x = noised_samples(model, 7, 6)
    vectors, h = guidance_vectors(log_p, x, 7), 1e-5
    for i in range(2):
        step = torch.zeros_like(x)
        step[:, i] = h
        slope = (log_p(x + step, 7) - log_p(x - step, 7)) / (2 * h)
        torch.testing.assert_close(vectors[:, :, i], slope, atol=1e-7, rtol=1e-6)


def test_mixtures_that_make_no_sense_are_refused():
    ones = torch.ones(2, 3, dtype=torch.float64)
    half = torch.full((2,), 0.5, dtype=torch.float64)
    for weights, means, variances in (
        (half, ones, torch.ones(2, 2, dtype=torch.float64)),
        (half, ones, 0 * ones),
        (2 * half, ones, ones),
        (torch.tensor([1.0, 0.0], dtype=torch.float64), ones, ones),
    ):
        with pytest.raises(UsageError):
            GaussianMixture(weights, means, variances)
    with pytest.raises(UsageError, match="dimensions"):
        circle_mixture(3, 1, generator_of("refused"))


def made_up_points(slopes, d_exponent=0.5):
    """Points of a law of a known slope in each cluster, with factors of their own in two groups."""
    return [
        LawPoint({"epsilon": e, "d": d}, factor * e**slope * d**d_exponent, group, cluster)
        for cluster, slope in enumerate(slopes)
        for group, factor in (("a", 3.0), ("b", 0.01))
        for e in (0.01, 0.1, 0.7)
        for d in (2, 8)
    ]


def test_exponents_of_a_made_up_law_are_found():
    fitted = exponents(made_up_points([1.7, 1.7, 1.7]))
    for name, expected in (("epsilon", 1.7), ("d", 0.5)):
        exponent = fitted[name]
        assert exponent.value == pytest.approx(expected)
        assert exponent.high - exponent.low < 1e-9


def test_the_interval_is_students_over_clusters():
    exponent = exponents(made_up_points([1.5, 1.7, 1.9]))["epsilon"]
    half = (
        4.302653 * 0.2 / 3**0.5
    )  # the quantile of two degrees of freedom, the clusters' deviation
    assert exponent.value == pytest.approx(1.7)
    assert (exponent.low, exponent.high) == pytest.approx((1.7 - half, 1.7 + half), rel=1e-6)
    alone = exponents(made_up_points([1.5]))["epsilon"]
    assert alone.value == pytest.approx(1.5) and (alone.low, alone.high) == (-math.inf, math.inf)


def test_points_without_a_law_are_refused():
    same = [LawPoint({"epsilon": 0.1}, y, "a", 0) for y in (1.0, 2.0)]
    with pytest.raises(UsageError, match="do not determine"):
        exponents(same)
    with pytest.raises(UsageError, match="above 0"):
        exponents([*same, LawPoint({"epsilon": 0.0}, 1.0, "a", 0)])
    with pytest.raises(UsageError, match="no points"):
        exponents([])


def guide(d, updates, seed, slope, constant=1.0):
    """A made-up guide whose error is constant · d · epsilon^slope at two steps."""
    steps = [
        StepGuidance(t, 1.0, 0.5, e * e, constant * d * e**slope * (2 if t == 5 else 1), 1.0)
        for t, e in ((10, 1 / updates), (5, 3 / updates))
    ]
    return MeasuredGuide(d, updates, seed, tuple(steps))


def test_the_law_of_made_up_guides():
    guides = [guide(d, u, s, 1.5) for d in (2, 8) for u in (10, 100) for s in (0, 1)]
    law = law_of(guides)
    assert law.slope.value == pytest.approx(1.5) and law.slope_of_means.value == pytest.approx(1.5)
    assert law.dimension is not None and law.dimension.value == pytest.approx(1.0)
    assert law.slopes is None and law.share_below == 0.75  # 2 (3/10)^0.5 is above 1
    assert law.highest_ratio == pytest.approx(2 * 0.3**0.5) and law.highest_level == 5
    assert law.lowest_ratio == pytest.approx(0.01**0.5)
    alone = law_of([g for g in guides if g.dimensions == 8])
    assert alone.dimension is None and alone.slopes is not None
    assert {t: s.value for t, s in alone.slopes.items()} == pytest.approx({10: 1.5, 5: 1.5})


@pytest.mark.slow
def test_the_verb_diagnoses_mixtures(tmp_path):
    storage, file = tmp_path / "runs", tmp_path / "out.json"
    words = ("gaussian-mixture", "--preset", "smoke", "--storage", storage)
    out, summary = run_verb("diagnose", *words, file=file)
    for text in (
        "found:",
        "error/(d ε)",
        "MLflow:   experiment gaussian-mixture",
        "diagnose digits",
    ):
        assert text in out, out
    assert len(summary["classifiers"]) == 8 and set(summary["laws"]) == {"2", "8"}
    for classifier in summary["classifiers"]:
        for step in classifier["steps"]:
            assert step["kl"] == pytest.approx(step["cross_entropy"] - step["entropy"], abs=1e-9)
            assert step["curve"] == pytest.approx(classifier["dimensions"] * step["epsilon"])
    folder = storage / "diagnose" / "gaussian-mixture-smoke-seed0"
    for name in ("results.json", "results.csv", "gaussian-mixture.png", "gaussian-mixture.svg"):
        assert (folder / name).stat().st_size > 0
    client = MlflowClient(f"sqlite:///{storage / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("gaussian-mixture").experiment_id
    runs = client.search_runs([experiment], "tags.stage = 'diagnose'")
    assert len(runs) == 5 and {run.info.status for run in runs} == {"FINISHED"}
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert parent.data.metrics["slope"] == pytest.approx(summary["law"]["slope"]["value"])
    # What was measured is not measured again: the same numbers come from the records.
    records = sorted((storage / "diagnose" / "gaussian-mixture" / "records").iterdir())
    times = [record.stat().st_mtime_ns for record in records]
    _, again = run_verb("diagnose", *words, file=file)
    assert again == summary and len(records) == 8
    assert [record.stat().st_mtime_ns for record in records] == times
    assert json.loads((folder / "results.json").read_text()) == summary
