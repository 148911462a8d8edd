"""The choices of the published image code, each against its formula written out by hand, and the verb that
shows what they do.
"""

import json
import math
from dataclasses import asdict, replace
from platform import reproduce
from platform.reproduction.differences import Arm, differences_of
from platform.reproduction.differences_work import _show_training

import pytest
import torch
from conftest import run_verb
from helpers import DIGITS, ExactSignal, tiny_task
from speech_files import write_fsdd

from trainables.core.errors import UsageError
from trainables.core.noise import BatchNoise, SampleNoise, generator_of
from trainables.core.pixel_scale import PixelScale
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling
from trainables.evaluation.storage import Storage
from trainables.published.choice import TRAININGS, Choice
from trainables.published.evaluator import PublishedEvaluator
from trainables.published.processes import (
    LinearSchedule,
    PerSampleLogits,
    PublishedSampler,
    StandardisedBounds,
    linear_alpha_bar,
)
from trainables.published.samples import uncorrupted
from trainables.published.scaling import ViewedClassifier, coupled_view, enhanced_view, per_sample
from trainables.published.storage import storage_of
from trainables.published.training import train
from trainables.sampling.engine import Engine
from trainables.sampling.meter import Meter
from trainables.sampling.system import CoupledSystem
from trainables.strategies import schedule_of
from trainables.training.batches import Batch, Draws, Share
from trainables.training.objective import Context

T = 20
SCALE = PixelScale((0.2, -0.4), (0.5, 0.8))
"""A dataset's mean and deviation in the units of images in [-1, 1]."""


def cosine_betas(count):
    """The betas of levels 0..count - 1 as Nichol & Dhariwal have them, in plain numbers."""
    f = [math.cos((i / count + 0.008) / 1.008 * math.pi / 2) ** 2 for i in range(count + 1)]
    return [min(1 - f[i + 1] / f[i], 0.999) for i in range(count)]


def published_by_hand(indices, x, shift, variance):
    """The published loop over indices 0..T - 1 for the exact noise of x0 ~ N(shift, variance)."""
    betas = cosine_betas(T)
    abar = [math.prod(1 - beta for beta in betas[: i + 1]) for i in range(T)]
    for i in indices:
        gain = variance * math.sqrt(abar[i]) / (abar[i] * variance + 1 - abar[i])
        eps = (x - math.sqrt(abar[i]) * (shift + gain * (x - math.sqrt(abar[i]) * shift))) / (
            math.sqrt(1 - abar[i])
        )
        x0 = math.sqrt(1 / abar[i]) * x - math.sqrt(1 / abar[i] - 1) * eps
        below = abar[i - 1] if i else 1.0
        x = (betas[i] * math.sqrt(below) / (1 - abar[i])) * x0 + (
            (1 - below) * math.sqrt(1 - betas[i]) / (1 - abar[i])
        ) * x
    return x


def enhanced_signals(process, point, noise):
    """The signals that `enhanced` samples by a process, for data N(0, 0.3)."""
    signals = []
    system = CoupledSystem(lambda x: signals.append(x) or torch.zeros(len(x), 3), process, process)
    system = replace(system, signal_denoiser=ExactSignal(process, 0.3))
    engine = Engine(system, (3,), Meter())
    engine.run(schedule_of("enhanced", point), torch.zeros(4, 1, 2, 2, dtype=torch.float64), noise)
    return signals[-1]


@pytest.mark.parametrize("steps", [1, 2, 3, 7, T - 1, T])
def test_the_published_sampler_is_the_published_loop(steps):
    noise = SampleNoise(0, range(4))
    start = SampleNoise(0, range(4)).split("signal0").normal((1, 2, 2)).double()
    sampled = enhanced_signals(PublishedSampler(T), {"steps": steps, "eta": 0.0}, noise)
    indices = [int(index) for index in torch.linspace(T - 1, 0, steps).long()]
    by_hand = published_by_hand(indices, start, 0.0, 0.3)
    torch.testing.assert_close(sampled, by_hand, atol=1e-9, rtol=1e-9)


def test_at_all_levels_the_published_sampler_is_our_mean_and_at_fewer_it_is_not():
    def signals(process, steps, **point):
        return enhanced_signals(process, {"steps": steps, **point}, SampleNoise(0, range(4)))

    for steps, equal in ((T, True), (T // 2, False), (1, False)):
        published = signals(PublishedSampler(T), steps, eta=0.0)
        mean = signals(GaussianDiffusion(T), steps, eta=1.0, temperature=0.0)
        assert torch.allclose(published, mean, atol=1e-9) == equal, steps


def test_the_linear_schedule_is_the_product_of_its_betas():
    abar, by_hand = linear_alpha_bar(150), 1.0
    assert float(abar[0]) == 1
    for level in range(1, 151):
        by_hand *= 1 - (1e-4 + (0.02 - 1e-4) * (level - 1) / 149)
        assert math.isclose(float(abar[level]), by_hand, rel_tol=1e-12)
    assert 0.21 < by_hand < 0.23  # far from noise, where the cosine schedule ends
    assert torch.equal(linear_alpha_bar(50), abar[::3])
    assert torch.equal(LinearSchedule(50).alpha_bar, abar[::3])


def test_views_are_what_the_published_code_shows_in_our_units():
    p = torch.rand(3, 2, 4, 4, generator=generator_of("view"))
    m = torch.tensor([(v + 1) / 2 for v in SCALE.mean]).reshape(-1, 1, 1)
    s = torch.tensor([v / 2 for v in SCALE.deviation]).reshape(-1, 1, 1)
    c = ((p - m) / s).clamp(-1, 1)
    assert bool(((p - m) / s).abs().max() > 1)  # or the clamp would not be tested
    for view, standardised in ((enhanced_view, (c + 1) / 2), (coupled_view, ((c + 1) / 2 - m) / s)):
        # A standardised value w is the pixel w s + m in [0, 1], so 2 (w s + m) - 1 in [-1, 1].
        torch.testing.assert_close(view(2 * p - 1, SCALE), 2 * (standardised * s + m) - 1)


def test_estimates_are_bounded_in_standardised_units():
    process, z = StandardisedBounds(T, SCALE), torch.randn(5, 2, 3, 3)
    v = torch.randn(5, 2, 3, 3)
    free = GaussianDiffusion(T).clean_of(z, v, 9)
    low, high = (torch.tensor([m + k * s for m, s in ((0.2, 0.5), (-0.4, 0.8))]).reshape(-1, 1, 1)
                 for k in (-1, 1))  # fmt: skip
    torch.testing.assert_close(process.clean_of(z, v, 9), free.clamp(low, high))


def test_logits_are_normalised_over_the_classes_of_each_sample():
    y = torch.tensor([[1.0, 2.0, 6.0], [0.0, 0.0, 3.0]])
    normal = per_sample(y, 0.8)
    for row, ours in zip(y.tolist(), normal.tolist(), strict=True):
        mean = sum(row) / 3
        deviation = math.sqrt(sum((value - mean) ** 2 for value in row) / 2)
        by_hand = [0.8 * (value - mean) / (deviation + 1e-5) for value in row]
        assert ours == pytest.approx(by_hand, rel=1e-5)
    assert torch.equal(normal.argmax(1), y.argmax(1))
    z, v = torch.randn(4, 3), torch.randn(4, 3)
    free = GaussianDiffusion(T).clean_of(z, v, 5)
    torch.testing.assert_close(PerSampleLogits(T).clean_of(z, v, 5), per_sample(free))


def test_a_viewed_classifier_is_shown_the_view_and_puts_out_normalised_logits():
    classifier = ViewedClassifier(lambda x: x.flatten(1), lambda x: x + 1, per_sample)
    x = torch.randn(2, 1, 2, 2)
    torch.testing.assert_close(classifier(x), per_sample((x + 1).flatten(1)))


def test_uncorrupted_samples_stay_clean_in_every_subset():
    samples = uncorrupted(DIGITS).train.first(8).part(slice(2, 6)).near(torch.device("cpu"))
    x0 = samples.clean()
    noise = BatchNoise(generator_of("n"), 4)
    assert torch.equal(samples.corrupted(x0, slice(None), "gn30", noise), x0)
    assert torch.equal(samples.numbers, DIGITS.train.numbers[2:6]) and len(samples) == 4
    corrupted = DIGITS.train.corrupted(x0, slice(None), "gn30", noise)
    assert not torch.equal(corrupted, x0)


@pytest.fixture(scope="module")
def storage(parts, tmp_path_factory):
    """A storage with all parts of the tiny task, the published trainings' among them."""
    storage, task = Storage(str(tmp_path_factory.mktemp("published"))), tiny_task()
    for kind, weights in parts.items():
        storage.parts.save(kind, task, weights, {})
    for training in TRAININGS:
        train(storage_of(storage, Choice(training=training)), task, Share(), lambda report: None)
    return storage


def test_parts_that_are_trained_so_are_kept_apart_and_the_rest_are_the_products(storage, parts):
    task = tiny_task()
    for training, kinds in TRAININGS.items():
        choice_parts = storage_of(storage, Choice(training=training)).parts
        for kind, networks in parts.items():
            loaded = choice_parts.load(kind, task)
            differs = any(
                not torch.equal(loaded[network][name], value)
                for network, state in networks.items()
                for name, value in state.items()
            )
            assert differs == (kind in kinds), (training, kind)
    start = storage_of(storage, Choice(pretrained=True)).parts.load("card", task)
    assert start["logit"].keys() == parts["logit"]["logit"].keys()
    assert all(
        torch.equal(parts["logit"]["logit"][n], value) for n, value in start["logit"].items()
    )
    empty = storage_of(Storage(storage.root + "-none"), Choice(training="linear")).parts
    with pytest.raises(UsageError, match="has not been trained"):
        empty.load("card", task)


def test_the_linear_pretraining_has_the_loss_of_its_schedule(parts):
    """v and its noised state are made of the linear schedule's levels."""
    from trainables.published.training import _with_linear_schedule

    task = tiny_task()
    objective = _with_linear_schedule(Context(task, DIGITS, {"classifier": parts["classifier"]}))
    objective.eval()
    x0 = DIGITS.train.first(16).clean()
    batch = objective.prepare(Batch(x0, x0, DIGITS.train.first(16).labels), None)
    loss = objective(batch, Draws(0, "test", 0, 16, Share()))["loss"]
    draws = Draws(0, "test", 0, 16, Share())
    t, eps = draws.levels(task.recipe.T), draws.normal((10,))
    abar = linear_alpha_bar(task.recipe.T)[t].float().unsqueeze(1)
    y_t = abar.sqrt() * batch.y0 + (1 - abar).sqrt() * eps
    signals = objective.logit.encode_signals(x0, batch.y_cor, x0, batch.y_cor)
    output = objective.logit(y_t, objective.logit.encode_time(t / task.recipe.T), signals)
    by_hand = (output - (abar.sqrt() * eps - (1 - abar).sqrt() * batch.y0)).square().mean()
    torch.testing.assert_close(loss, by_hand)


def test_every_comparison_is_measured_and_only_its_choice_is_switched_on(storage):
    task, sampling = tiny_task(), Sampling("test", 8, 0, "float32")
    device = torch.device("cpu")
    differences = differences_of(task.recipe.T)
    assert {d.steps for d in differences} == {0, 1, 2, 5, task.recipe.T}
    names = [difference.name for difference in differences]
    assert len(set(names)) == len(names)
    arms = dict.fromkeys(arm for d in differences for arm in (d.ours, d.theirs))
    points_by_evaluator: dict[tuple, list] = {}
    for arm in (arm for arm in arms if arm.choice != Choice()):
        points_by_evaluator.setdefault((arm.choice, arm.strategy), []).append(arm.point)
    keys = set()
    for (choice, strategy), points in points_by_evaluator.items():
        evaluator = PublishedEvaluator(choice, task, strategy, storage, 8, device, dataset=DIGITS)
        for point in points:
            measurement = evaluator.measure(point, sampling)
            assert len(measurement.correct) == 8
            keys.add(measurement.key)
            assert evaluator.measure(point, sampling) == measurement  # it is in the records
    assert len(keys) == sum(map(len, points_by_evaluator.values()))
    usual = Evaluator(task, "enhanced", storage, 8, device, dataset=DIGITS)
    plain = PublishedEvaluator(Choice(), task, "enhanced", storage, 8, device, dataset=DIGITS)
    point = {"steps": 2, "eta": 0.0}
    (ours, _), (theirs, _) = usual.sample(point, sampling), plain.sample(point, sampling)
    assert torch.equal(ours.x, theirs.x) and torch.equal(ours.y, theirs.y)


def test_the_two_sides_of_a_comparison_differ_in_what_is_compared_alone():
    """So whatever both sides have, such as uncorrupted images, is the same on both."""
    for difference in differences_of(T):
        ours, theirs = asdict(difference.ours.choice), asdict(difference.theirs.choice)
        changes = {name for name in ours if ours[name] != theirs[name]}
        is_mean = difference.sampler == "DDPM's mean"  # of ours, by another point
        assert len(changes) == (0 if is_mean else 1), difference.name
        same_point = difference.ours.point == difference.theirs.point
        assert same_point or is_mean or difference.ours.strategy == "noisy", difference.name
    uncorrupted_arms = [d for d in differences_of(T) if d.name.endswith("clean")]
    assert len(uncorrupted_arms) == 2
    assert all(d.theirs.choice.uncorrupted and d.ours.choice.uncorrupted for d in uncorrupted_arms)


def test_an_arm_names_what_it_chooses():
    arm = Arm("card", {"steps": 3, "eta": 0.0}, Choice(training="linear", pretrained=True))
    assert arm.parameters() == {
        "steps": 3, "eta": 0.0, "published_training": "linear", "published_pretrained": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("differences", "digits", "--steps", "5"), "leave out --steps"),
        (("differences", "digitz"), "unknown dataset"),
    ],
)
def test_what_cannot_be_compared_is_refused(words, message, tmp_path, capfd):
    assert reproduce.main([*words, "--storage", str(tmp_path / "runs")]) == 2
    assert message in capfd.readouterr().err


def test_speech_is_refused(tmp_path, capfd):
    write_fsdd(tmp_path / "fsdd")
    words = (
        "fsdd-reverb",
        "--data-dir",
        str(tmp_path / "fsdd"),
        "--storage",
        str(tmp_path / "runs"),
    )
    assert reproduce.main(["differences", *words]) == 2
    assert "of images, but fsdd-reverb is of speech" in capfd.readouterr().err


def test_a_training_that_has_ended_does_not_hide_another(tmp_path):
    """Of trainings side by side the one is shown that has most left, by its parts and not by its updates."""
    shown = []

    class Shown:
        def update(self, done, of, text):
            shown.append((done, of, text))

    histories = {name: tmp_path / f"{name}.json" for name in ("clean", "linear")}

    def report(name, kind, update, updates):
        histories[name].write_text(json.dumps({"kind": kind, "update": update, "updates": updates}))
        _show_training(Shown(), histories)

    report("clean", "card", 600, 600)
    report("linear", "logit", 2000, 2500)
    report("linear", "nested", 30, 600)
    assert shown == [
        (600, 600, "training card as published (clean), update"),
        (2000, 2500, "training logit as published (linear), update"),
        (30, 600, "training nested as published (linear), update"),
    ]


@pytest.mark.slow
def test_differences_as_a_user_runs_it(smoke_runs, tmp_path):
    words = ("differences", "digits", "--preset", "smoke", "--storage", smoke_runs)
    output, results = run_verb("reproduce", *words, file=tmp_path / "out.json")
    assert "by three samplers" in output and "what it changes" in output and "found:" in output
    assert {result["difference"]["steps"] for result in results} == {0, 1, 2, 5, 10}
    for result in results:
        for side in ("ours", "theirs"):
            values = result[side]
            assert values["accuracy_low"] <= values["accuracy"] <= values["accuracy_high"]
        change = result["theirs"]["accuracy"] - result["ours"]["accuracy"]
        assert result["test"]["difference"] == pytest.approx(change)
        assert (result["images"], result["seeds"]) == (64, 2)
    at_all = {r["difference"]["sampler"]: r["theirs"]["accuracy"]
              for r in results if r["difference"]["steps"] == 10}  # fmt: skip
    assert at_all["published"] == at_all["DDPM's mean"]
    (folder,) = smoke_runs.glob("reproduce/differences-*")
    for name in ("results.json", "results.csv", "samplers-digits-gn30.png"):
        assert (folder / name).stat().st_size > 0
    assert json.loads((folder / "results.json").read_text()) == results
