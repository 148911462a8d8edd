"""DiDiCM as strategies: schedules, what they cost, how they answer, and the training of their part."""

import pytest
import torch
from helpers import DIGITS, ExactLabels, tiny_task, train
from speech_task import sentence_task, write_whisper

from trainables.core.config import as_mapping, from_mapping
from trainables.core.errors import UsageError
from trainables.core.noise import SampleNoise, seeded
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.diffusion.label_sampling import sample_labels, sample_probabilities
from trainables.diffusion.labels import LabelDiffusion, labels_from
from trainables.evaluation.call_count import call_count
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling
from trainables.evaluation.storage import Storage
from trainables.models.images.didirn import SmallDiDiRNConfig
from trainables.sampling.cost import Cost, cost
from trainables.sampling.engine import Engine
from trainables.sampling.label_moves import LabelAnswer, StartLabels, UpdateLabels
from trainables.sampling.legality import check
from trainables.sampling.meter import Meter
from trainables.sampling.moves import Answer, NewChain
from trainables.sampling.prefix_cache import PrefixCache
from trainables.sampling.system import CoupledSystem, LabelSystem
from trainables.scoring.metric_names import (
    GFLOPS,
    NFE,
    NFE_CLASSIFIER,
    NFE_LABEL,
    NFE_SIGNAL,
    SPREAD,
)
from trainables.strategies import schedule_of
from trainables.task.recipe import Recipe, Updates
from trainables.training import stages
from trainables.training.batches import Batches, Draws, Share
from trainables.training.objective import Context
from trainables.training.part_store import key_of

KIND = "label-score"
SAMPLING = Sampling("test", 24, 3, "float32")
CP = {"steps": 3, "predictor": "euler", "choice": "argmin"}
CL = {"steps": 2, "label_chains": 5, "predictor": "euler"}


def test_the_schedule_of_cp_by_hand():
    step = UpdateLabels("backward-euler", "argmax")
    point = {"steps": 2, "predictor": "backward-euler", "choice": "argmax"}
    assert schedule_of("didicm-cp", point) == [StartLabels(2), step, step, LabelAnswer()]
    assert schedule_of("didicm-cp", {"steps": 1}) == [
        StartLabels(1), UpdateLabels("euler", "argmin"), LabelAnswer(),
    ]  # fmt: skip
    assert cost(schedule_of("didicm-cp", point)) == Cost(0, 0, 0, nfe_label=2)


def test_the_schedule_of_cl_by_hand():
    step = UpdateLabels("analytic")
    point = {"steps": 3, "label_chains": 7, "predictor": "analytic"}
    assert schedule_of("didicm-cl", point) == [StartLabels(3, 7), step, step, step, LabelAnswer()]
    assert cost(schedule_of("didicm-cl", point)) == Cost(0, 0, 0, nfe_label=3 * 7)
    assert cost(schedule_of("didicm-cl", point)).nfe == 21


@pytest.mark.parametrize(("name", "point"), [("didicm-cp", CP), ("didicm-cl", CL)])
def test_the_cost_before_anything_runs_is_what_the_meter_counts(name, point):
    assert call_count(name, point, 20) == cost(schedule_of(name, point))


@pytest.mark.parametrize(
    ("moves", "message"),
    [
        ([LabelAnswer()], "has not ended"),
        ([UpdateLabels("euler"), LabelAnswer()], "no step left"),
        ([StartLabels(2), UpdateLabels("euler", "argmin"), LabelAnswer()], "has not ended"),
        ([StartLabels(1), UpdateLabels("euler"), LabelAnswer()], "no step left"),
        ([StartLabels(1, 4), UpdateLabels("euler", "argmin"), LabelAnswer()], "no step left"),
        ([StartLabels(1, 4), UpdateLabels("backward-euler"), LabelAnswer()], "euler, analytic"),
        ([StartLabels(0), LabelAnswer()], "a step or more"),
        ([StartLabels(1, 0), LabelAnswer()], "a chain or more"),
        ([Answer("x_cor"), NewChain(), StartLabels(1), UpdateLabels("euler", "argmin")],
         "not an answer"),
    ],
)  # fmt: skip
def test_illegal_moves_of_labels_are_refused(moves, message):
    with pytest.raises(ValueError, match=message):
        check(moves)


@pytest.mark.parametrize(
    ("name", "point", "message"),
    [
        ("didicm-cp", {"steps": 0}, "steps is 0"),
        ("didicm-cp", {"steps": 1, "predictor": "eulr"}, "must be|did you mean 'euler'"),
        ("didicm-cp", {"steps": 1, "choice": "argmid"}, "did you mean"),
        ("didicm-cl", {"steps": 1, "label_chains": 0}, "label_chains is 0"),
        ("didicm-cl", {"steps": 1, "label_chains": 2, "predictor": "backward-euler"}, "euler"),
    ],
)
def test_wrong_parameters_are_refused(name, point, message):
    with pytest.raises(UsageError, match=message):
        schedule_of(name, point)


def _posteriors(batch, classes=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.softmax(2 * torch.randn(batch, classes, generator=generator), dim=1)


def _engine(network, process, meter=None):
    def frozen(x):
        raise AssertionError("the frozen classifier is not called")

    gaussian = GaussianDiffusion(8)
    labels = LabelSystem(process, network, lambda logits: logits)
    system = CoupledSystem(frozen, gaussian, gaussian, labels=labels)
    return Engine(system, (process.classes,), meter or Meter())


@pytest.fixture(scope="module")
def didirn():
    """An untrained network whose head is not zero, and images."""
    with seeded(torch.device("cpu"), "test", 0):
        sizes = Context(tiny_task(label=SmallDiDiRNConfig(4, (1, 1), 8)), DIGITS, {})
        network = stages.load(KIND).build(sizes).label.eval()
        torch.nn.init.normal_(network.head.weight, std=0.5)
        return network, DIGITS.test.clean()[:6]


class _Chains:
    """DiDiRN as the engine calls it."""

    def __init__(self, network):
        self.encode_images, self._network = network.encode_images, network

    def __call__(self, images, labels, t):
        return self._network.chain_scores(images, labels, t)


@pytest.mark.parametrize("predictor", ["euler", "backward-euler", "analytic"])
@pytest.mark.parametrize("choice", ["argmin", "random"])
def test_the_engines_cp_is_that_of_the_sampler_bit_for_bit(didirn, predictor, choice):
    network, x = didirn
    process, noise = LabelDiffusion(10), SampleNoise(4, range(len(x)))
    meter = Meter()
    moves = schedule_of("didicm-cp", {"steps": 4, "predictor": predictor, "choice": choice})
    outcome = _engine(_Chains(network), process, meter).run(moves, x, noise.split("sampling"))
    start, stream = process.prior(len(x), torch.device("cpu")), noise.split("sampling/label0")
    with torch.no_grad():
        score = network.score_of(x)
    p = sample_probabilities(process, score, start, 4, predictor, choice, stream)
    assert torch.equal(outcome.y, p.clamp(min=1e-12).log())
    assert torch.equal(outcome.x, x) and not bool(outcome.deviation.any())
    assert dict(meter.calls) == {"label": 4 * len(x)} and meter.flops > 0


def test_the_engines_cl_is_that_of_the_sampler(didirn):
    network, x = didirn
    process, noise, meter = LabelDiffusion(10), SampleNoise(4, range(len(x))), Meter()
    moves = schedule_of("didicm-cl", {"steps": 3, "label_chains": 9})
    outcome = _engine(_Chains(network), process, meter).run(moves, x, noise.split("sampling"))
    with torch.no_grad():
        score = network.score_of(x)
    stream = noise.split("sampling/label0")
    p = sample_labels(process, score, stream, torch.device("cpu"), 3, 9, chains_at_once=9)
    assert torch.equal(outcome.y, p.clamp(min=1e-12).log())
    assert dict(meter.calls) == {"label": 3 * 9 * len(x)}


def test_flops_are_those_of_what_is_run_and_images_are_encoded_once(didirn):
    """The FLOPs of one step less than of two are those of a call; what is left is the encoding's."""
    network, x = didirn
    flops = {}
    for steps in (1, 2, 4):
        meter = Meter()
        engine = _engine(_Chains(network), LabelDiffusion(10), meter)
        engine.run(schedule_of("didicm-cp", {"steps": steps}), x, SampleNoise(0, range(6)))
        flops[steps] = meter.flops
    a_call = flops[2] - flops[1]
    assert a_call > 0 and flops[4] - flops[2] == 2 * a_call
    encoding = Meter()
    encoding.call("label", network.encode_images, x, batch=6)
    assert flops[1] - a_call == encoding.flops > 0


@pytest.mark.parametrize(("name", "point"), [("didicm-cp", CP | {"choice": "random"}),
                                             ("didicm-cl", CL)])  # fmt: skip
def test_a_sample_depends_on_neither_neighbours_nor_batch(name, point):
    process, q0, x = LabelDiffusion(4), _posteriors(6), torch.zeros(6, 1, 2, 2)
    moves = schedule_of(name, point)
    whole = _engine(ExactLabels(process, q0), process).run(moves, x, SampleNoise(2, range(6)))
    for i in range(6):
        alone = _engine(ExactLabels(process, q0[i : i + 1]), process)
        outcome = alone.run(moves, x[:1], SampleNoise(2, [i]))
        assert outcome.y.shape == (1, 4)
        torch.testing.assert_close(outcome.y, whole.y[i : i + 1], atol=1e-5, rtol=1e-5)


def test_it_answers_by_the_posterior_in_logit_space():
    """The analytic predictor is exact; the answer's classes are those of the posterior."""
    process, q0 = LabelDiffusion(4), _posteriors(6)
    moves = schedule_of("didicm-cp", {"steps": 2, "predictor": "analytic"})
    x = torch.zeros(6, 1, 2, 2)
    outcome = _engine(ExactLabels(process, q0), process).run(moves, x, SampleNoise(0, range(6)))
    torch.testing.assert_close(outcome.y.exp(), q0, atol=1e-4, rtol=1e-3)
    assert torch.equal(outcome.y.argmax(dim=1), q0.argmax(dim=1))


def test_chains_of_labels_are_drawn_anew_in_a_new_chain_and_shared_where_moves_are_the_same():
    process, x = LabelDiffusion(4), torch.zeros(3, 1, 2, 2)
    one = schedule_of("didicm-cl", CL)
    moves, readings, outcomes = check([*one, NewChain(), *one]), [], []
    cache, meter = PrefixCache(2**20), Meter()
    engine = _engine(ExactLabels(process, torch.full((3, 4), 0.25)), process, meter)
    shared = cache.batch("key", lambda: x)
    for batch in (x, shared, shared):
        meter.reset()
        outcomes.append(engine.run(moves, batch, SampleNoise(1, range(3))))
        readings.append((dict(meter.calls), meter.flops))
    assert readings[0] == readings[1] == readings[2]
    assert readings[0][0] == {"label": 2 * 2 * 5 * 3} and bool(outcomes[0].deviation.any())
    for outcome in outcomes[1:]:
        assert torch.equal(outcome.y, outcomes[0].y)


# ---- the part


def test_it_is_trained_as_retrained_is_and_its_settings_are_in_its_key_alone():
    task, recipe = tiny_task(), tiny_task().recipe
    stage = stages.load(KIND)
    assert stage.updates(recipe) == stages.load("retrained").updates(recipe)
    others = [tiny_task(label_smoothing=0.1), tiny_task(label=SmallDiDiRNConfig(6, (1,), 8))]
    assert len({key_of(KIND, each) for each in [task, *others]}) == 3
    for kind in stages.names("image"):
        if kind != KIND:
            assert {key_of(kind, each) for each in others} == {key_of(kind, task)}
    assert from_mapping(Recipe, as_mapping(others[1].recipe)) == others[1].recipe
    with pytest.raises(UsageError, match=r"label_smoothing is 1\.5"):
        tiny_task(label_smoothing=1.5)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_its_loss_is_the_weighted_score_entropy(smoothing):
    """sigma_t times the sum over i != c_t of s_i - S_i log s_i + S_i (log S_i - 1), in float64."""
    task = tiny_task(label_smoothing=smoothing)
    objective = stages.load(KIND).build(Context(task, DIGITS, {}))
    torch.nn.init.normal_(objective.label.head.weight, std=0.3)
    batch, size = Batches(task, DIGITS.train, Share()).batch(0), task.recipe.batch
    loss = objective.eval()(batch, Draws(0, "", 0, size, Share()))["loss"]
    draws = Draws(0, "", 0, size, Share())
    t, uniform, K = 1e-3 + (1 - 1e-3) * draws.uniform(), draws.uniform(), 10
    a = (1 - (1 - 1e-3) * t.double())[:, None]
    q0 = torch.nn.functional.one_hot(batch.labels, K) * (1 - smoothing) + smoothing / K
    q_t = a * q0 + (1 - a) / K
    noised = labels_from(q_t, uniform)
    log_s = objective.label(batch.x_cor, noised, t).double()
    S = q_t / q_t.gather(1, noised[:, None])
    terms = log_s.exp() - S * log_s + S * (S.log() - 1)
    others = 1 - torch.nn.functional.one_hot(noised, K)
    expected = ((1 - 1e-3) / (K * a[:, 0]) * (terms * others).sum(dim=1)).mean()
    torch.testing.assert_close(loss.double(), expected, rtol=1e-4, atol=1e-6)


def test_it_learns():
    """More test images are answered rightly than by the untrained network's part, beyond chance."""
    lengths = Updates(classifier=1, signal=80, logit=80, coupled=40)
    label = SmallDiDiRNConfig(8, (1, 1), 16)
    task = tiny_task(updates=lengths, batch=64, label=label, learning_rate=5e-3)
    losses = []
    train(KIND, task, {"classifier": {}}, report=lambda r: losses.append(r.metrics))
    first, last = losses[0], losses[-1]
    assert last["validation_loss"] < first["validation_loss"]
    assert last["validation_accuracy"] > 0.3  # by chance it would be 0.1


def test_it_is_not_for_sentences(tmp_path):
    task = sentence_task(write_whisper(tmp_path / "w.pt"))
    with pytest.raises(UsageError, match="part 'label-score' is for image and word signals alone"):
        stages.load(KIND).build(Context(task, DIGITS, {}))


# ---- measured


@pytest.fixture(scope="module")
def evaluators(parts, tmp_path_factory):
    """An evaluator of each strategy, in a storage that has their parts."""
    storage, task = Storage(str(tmp_path_factory.mktemp("runs"))), tiny_task()
    for kind in ("classifier", KIND):
        storage.parts.save(kind, task, parts[kind], {})
    cpu = torch.device("cpu")
    return {
        name: Evaluator(task, name, storage, 16, cpu, dataset=DIGITS)
        for name in ("didicm-cp", "didicm-cl")
    }


@pytest.mark.parametrize(("name", "point", "calls"), [("didicm-cp", CP, 3), ("didicm-cl", CL, 10)])
def test_a_measurement_counts_calls_of_its_network_alone(evaluators, name, point, calls):
    cost = evaluators[name].measure(point, SAMPLING).cost
    assert cost[NFE] == cost[NFE_LABEL] == calls
    assert (cost[NFE_SIGNAL], cost[NFE_CLASSIFIER], cost[SPREAD]) == (0, 0, 0)
    assert cost[GFLOPS] > 0


def test_the_classes_answered_are_the_most_probable_whatever_the_scale(evaluators, parts):
    """Logits are standardised by the frozen classifier's scale, and the judge restores them."""
    evaluator = evaluators["didicm-cp"]
    outcome, x_cor = evaluator.sample(CP, SAMPLING)
    network = stages.load(KIND).build(Context(tiny_task(), DIGITS, {})).label.eval()
    network.load_state_dict(parts[KIND]["label"])
    process = LabelDiffusion(10)
    with torch.no_grad():
        score = network.score_of(x_cor)
    p = sample_probabilities(process, score, process.prior(len(x_cor), x_cor.device), 3)
    log_p = evaluator._classifier.scale.restored(outcome.y)
    torch.testing.assert_close(log_p.softmax(dim=1), p, atol=1e-3, rtol=1e-2)
    restored = p.gather(1, evaluator.answers(outcome)[:, None])[:, 0]
    torch.testing.assert_close(restored, p.max(dim=1).values, atol=1e-3, rtol=1e-2)
