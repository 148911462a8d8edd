"""The cross-entropies of guides on images, what is concluded from them, and how it gets into the search."""

import math
from pathlib import Path
from platform.diagnosis.guides_work import in_quarters, proposal_of
from platform.pipeline.study import open_study
from platform.planning.plan import Plan
from platform.planning.proposals import proposed_point, withdraw_proposal, write_proposal
from platform.planning.setup import setup_of

import numpy as np
import pytest
import torch
from conftest import run_verb
from helpers import DIGITS, tiny_task
from mlflow import MlflowClient
from torch.nn import functional

import search_spaces
from trainables import strategies
from trainables.core.noise import SampleNoise
from trainables.core.progress import quiet
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.guide_cross_entropy import guide_cross_entropies
from trainables.evaluation.measurement import Sampling
from trainables.evaluation.storage import Storage
from trainables.scoring.guide_trust import (
    MISLEADS,
    TELLS_LITTLE,
    TRUSTED,
    GuideStep,
    Mean,
    StepTrust,
    mean_of,
    trust_of,
    trusted_range,
)


def steps_of(*values):
    """A guide's steps of these cross-entropies."""
    count = len(values)
    return [GuideStep(count - i, Mean(v, v, v), 0.5) for i, v in enumerate(values)]


def with_verdicts(*verdicts):
    return [StepTrust(0.0, 0.0, 0.9 if v == TRUSTED else 0.1, v) for v in verdicts]


def test_trust_follows_from_the_cross_entropies():
    trust = trust_of(steps_of(2.5, 1.9, 1.0, 0.2, 0.4), uninformed=2.0, best=0.2)
    assert [t.verdict for t in trust] == [MISLEADS, TELLS_LITTLE, TRUSTED, TRUSTED, TRUSTED]
    # From below: what lies above the least with as much noise or more, or above the class's entropy.
    assert [t.kl_low for t in trust] == pytest.approx([0.5, 0.0, 0.0, 0.0, 0.2])
    assert [t.kl_high for t in trust] == pytest.approx([2.3, 1.7, 0.8, 0.0, 0.2])
    assert trust[2].information == pytest.approx(1.0 / 1.8)
    (chance,) = trust_of([GuideStep(1, Mean(2.5, 1.9, 3.1), 0.1)], uninformed=2.0, best=0.2)
    assert chance.verdict == TELLS_LITTLE
    (silent,) = trust_of([GuideStep(1, Mean(2.001, 2.0005, 2.0015), 0.1)], 2.0, 0.2)
    assert silent.verdict == TELLS_LITTLE
    # No guide knows anything: there is no share of nothing, and what misleads is told all the same.
    worse, chance = trust_of(steps_of(2.5, 2.1), uninformed=2.0, best=2.1)
    assert (worse.information, worse.verdict, chance.information) == (0.0, MISLEADS, 0.0)
    ceiling = trust_of(steps_of(2.5, 1.9), uninformed=2.0, best=0.2, ceiling=1.5)
    assert [t.kl_low for t in ceiling] == pytest.approx([1.0, 0.4])


def test_the_bounds_hold_the_true_kl_of_a_made_up_guide():
    """Entropies rise with noise; whatever is added to them as KL lies between the bounds."""
    entropies, kls = np.array([2.0, 1.5, 0.8, 0.3, 0.1]), np.array([0.3, 0.2, 0.6, 0.1, 0.0])
    trust = trust_of(steps_of(*(entropies + kls)), uninformed=2.1, best=0.1)
    for step, kl in zip(trust, kls, strict=True):
        assert step.kl_low <= kl + 1e-12 and kl <= step.kl_high + 1e-12


def test_the_longest_trusted_range_is_found():
    a, b = TRUSTED, TELLS_LITTLE
    assert trusted_range(with_verdicts(b, a, a, b, a)) == pytest.approx((0.2, 0.6))
    assert trusted_range(with_verdicts(a, b, a)) == pytest.approx((2 / 3, 1.0))  # the later one
    assert trusted_range(with_verdicts(a, a)) == (0.0, 1.0)
    assert trusted_range(with_verdicts(b, MISLEADS)) is None


def test_the_range_is_searched_in_quarters():
    assert in_quarters((0.3, 1.0)) == (0.25, 1.0)
    assert in_quarters((0.4, 0.6)) == (0.5, 0.75)
    assert in_quarters((0.9, 1.0)) == (0.75, 1.0) and in_quarters((0.0, 0.1)) == (0.0, 0.25)


def test_the_guide_that_can_be_trusted_longer_is_proposed():
    a, b = TRUSTED, TELLS_LITTLE
    proposal = proposal_of(
        {"frozen": with_verdicts(b, a, a, a), "noisy": with_verdicts(b, b, a, a)}
    )
    assert proposal is not None and proposal.guide == "frozen"
    assert proposal.parameters == {"guide": "frozen", "guide_from": 0.25, "guide_to": 1.0}
    assert proposal_of({"frozen": with_verdicts(b), "noisy": with_verdicts(b)}) is None


def test_the_mean_has_the_normal_interval():
    mean = mean_of([1.0, 2.0, 3.0, 4.0])
    half = 1.959964 * math.sqrt(5 / 3) / 2
    assert mean.value == 2.5 and (mean.low, mean.high) == pytest.approx((2.5 - half, 2.5 + half))


def setup_at(storage: Path, seed: int = 0, fresh: bool = False):
    uri = f"sqlite:///{storage / 'mlflow.db'}"
    plan = Plan(
        "guided", "digits", "gn30", "smoke", 4, seed, 1, 0.0, str(storage), uri, fresh=fresh
    )
    return setup_of(plan)


def test_a_proposal_is_the_second_trial_of_that_search_alone(tmp_path):
    setup = setup_at(tmp_path)
    assert proposed_point(setup) is None
    write_proposal(setup, {"guide": "frozen", "guide_from": 0.25, "guide_to": 0.75}, "as tested")
    study = open_study(setup)
    space, T = search_spaces.load("guided"), setup.task.recipe.T
    paper = space.paper_point(T, "image")
    points = [space.suggest(study.ask(), T, "image") for _ in range(2)]
    assert points[0] == paper
    assert points[1] == paper | {"guide": "frozen", "guide_from": 0.25, "guide_to": 0.75}
    # Opened again, nothing is proposed twice; another task has no proposal; it can be withdrawn.
    assert len(open_study(setup).get_trials(deepcopy=False)) == 4  # both were left running
    assert proposed_point(setup_at(tmp_path, seed=1)) is None
    withdraw_proposal(setup)
    assert proposed_point(setup) is None


def test_the_cross_entropies_are_those_of_a_loop_by_hand(parts, tmp_path):
    task, storage = tiny_task(), Storage(str(tmp_path))
    for kind in strategies.load("guided").PARTS:
        storage.parts.save(kind, task, parts[kind], {"seconds": 0.0})
    evaluator = Evaluator(task, "guided", storage, 8, torch.device("cpu"), dataset=DIGITS)
    sampling = Sampling("validation", 20, 3, "float32")
    measured = guide_cross_entropies(evaluator, sampling, 4, 8, quiet)
    assert measured.samples == 20
    system, process = evaluator.system(torch.float32), GaussianDiffusion(task.recipe.T, clip=1.0)
    part = DIGITS.validation.first(20)
    noise = SampleNoise(3, part.numbers.tolist())
    x0 = part.clean()
    x_cor = part.corrupted(x0, slice(None), "gn30", noise.split("corruption"))
    eps = noise.split("diagnosis").normal(tuple(x0.shape[1:]))
    with torch.no_grad():
        assert measured.clean.value == pytest.approx(
            float(functional.cross_entropy(system.guides.frozen(x0), part.labels)), abs=1e-4
        )
        for number, t in enumerate([8, 6, 4, 2]):
            x_t = process.noised(x0, eps, torch.full((20,), t))
            code = system.signal_denoiser.encode_time(torch.tensor([t / task.recipe.T]))
            output = system.signal_denoiser(
                x_t, code, system.signal_denoiser.encode_corrupted(x_cor),
                system.signal_denoiser.encode_logits(None, 20),
            )  # fmt: skip
            x0_hat = process.clean_of(x_t, output, t)
            for name, logits in (
                ("frozen", system.guides.frozen(x0_hat)),
                ("noisy", system.guides.noisy(x_t, torch.tensor([t]))),
            ):
                step = measured.steps[name][number]
                expected = float(functional.cross_entropy(logits, part.labels))
                assert step.level == t
                assert step.cross_entropy.value == pytest.approx(expected, abs=1e-4)
                right = float((logits.argmax(1) == part.labels).float().mean())
                assert step.accuracy == pytest.approx(right)
    counts = torch.bincount(DIGITS.train.labels, minlength=10).double() + 1
    expected = -sum(float((counts / counts.sum())[c].log()) for c in part.labels) / 20
    assert measured.uninformed == pytest.approx(expected)
    assert measured.best <= measured.clean.value


@pytest.mark.slow
def test_the_verb_diagnoses_the_guides_of_images(smoke_runs, tmp_path):
    words = ("digits", "--preset", "smoke", "--steps", "5", "--storage", smoke_runs)
    check_images(*run_verb("diagnose", *words, file=tmp_path / "out.json"), smoke_runs)


def check_images(out, summary, storage):
    """What the verb says of the guides, in the terminal, in the summary and in the storage."""
    for text in ("found:", "references: uninformed", "platform.sweep guided digits", "MLflow:"):
        assert text in out, out
    assert {name: len(steps) for name, steps in summary["guides"].items()} == {
        "frozen": 5,
        "noisy": 5,
    }
    for steps in summary["guides"].values():
        assert [step["level"] for step in steps] == [10, 8, 6, 4, 2]
        assert all(0 <= step["kl_low"] and 0 <= step["kl_high"] for step in steps)
    folder = storage / "diagnose" / "digits-gn30-smoke-seed0"
    for name in ("results.json", "results.csv", "cross-entropy.png", "cross-entropy.svg"):
        assert (folder / name).stat().st_size > 0
    client = MlflowClient(f"sqlite:///{storage / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("digits").experiment_id
    (run, *_) = client.search_runs([experiment], "tags.stage = 'diagnose'")
    assert run.info.status == "FINISHED" and run.data.metrics["noisy_cross_entropy"] > 0
    setup = setup_at(storage)
    point, proposal = proposed_point(setup), summary["proposal"]
    assert (point is None) == (proposal is None)
    if point is not None:
        assert {name: point[name] for name in proposal["parameters"]} == proposal["parameters"]
