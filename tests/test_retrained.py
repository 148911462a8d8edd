"""Classifiers that are trained on corrupted signals, one or several: for how long, and how they answer."""

from pathlib import Path
from platform.cli.flags import sweep_parser
from platform.cli.plans import plan_of, plans_of
from platform.planning.setup import setup_of

import pytest
import torch
from helpers import DIGITS, tiny_task, train
from speech_files import write_fsdd
from speech_task import speech_task, write_whisper

from trainables import strategies
from trainables.core.errors import UsageError
from trainables.core.noise import SampleNoise
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling
from trainables.evaluation.storage import Storage
from trainables.sampling.engine import CoupledSystem, Engine
from trainables.sampling.legality import check
from trainables.sampling.meter import Meter
from trainables.sampling.moves import Answer, NewChain, RetrainedAnswer
from trainables.sampling.prefix_cache import PrefixCache
from trainables.scoring.answers import class_correctness
from trainables.scoring.metric_names import GFLOPS, NFE, NFE_CLASSIFIER, NFE_SIGNAL, SPREAD
from trainables.strategies import schedule_of
from trainables.task.members import MOST_MEMBERS, RETRAINED, kind_and_member, member_kinds
from trainables.task.recipe import Updates
from trainables.training import stages
from trainables.training.batches import Batches, Draws, Share
from trainables.training.loop import _of_member
from trainables.training.objective import Context
from trainables.training.part_store import PartStore, in_order, key_of, origin

KINDS = member_kinds(RETRAINED)
SAMPLING = Sampling("test", 40, 3, "float32")


@pytest.fixture(scope="module")
def stored(parts, tmp_path_factory):
    """A storage that has the frozen classifier and all members."""
    storage, task = Storage(str(tmp_path_factory.mktemp("runs"))), tiny_task()
    for kind in ("classifier", *KINDS):
        storage.parts.save(kind, task, parts[kind], {})
    return task, storage


def _evaluator(stored, strategy):
    task, storage = stored
    return Evaluator(task, strategy, storage, 16, torch.device("cpu"), dataset=DIGITS)


def test_it_is_trained_for_as_long_as_the_parts_of_a_coupled_strategy_together():
    recipe = tiny_task().recipe
    trained = [kind for kind in in_order(["nested"]) if kind != "classifier"]
    assert trained == ["signal", "logit", "nested"]
    updates = sum(stages.load(kind).updates(recipe) for kind in trained)
    for kind in KINDS:
        assert stages.load(kind).updates(recipe) == updates


def test_its_batches_are_those_of_every_part_and_other_members_have_others():
    """The loop makes batches of the context's task: the first member's is that of all other parts."""
    task = tiny_task()
    contexts = [_of_member(kind, Context(task, DIGITS, {})) for kind in KINDS]
    assert contexts[0].task == task and _of_member("nested", contexts[0]) is contexts[0]
    assert [context.member for context in contexts] == list(range(1, MOST_MEMBERS + 1))
    usual = Batches(task, DIGITS.train, Share()).batch(0)
    first, *others = (Batches(c.task, DIGITS.train, Share()).batch(0) for c in contexts)
    assert torch.equal(first.x_cor, usual.x_cor) and torch.equal(first.labels, usual.labels)
    assert not any(torch.equal(other.x_cor, usual.x_cor) for other in others)


def test_its_loss_is_that_of_the_labels_given_corrupted_signals(parts):
    task = tiny_task()
    objective = stages.load(RETRAINED).build(
        Context(task, DIGITS, {"classifier": parts["classifier"]})
    )
    batch = Batches(task, DIGITS.train, Share()).batch(0)
    probabilities = objective.network(batch.x_cor).softmax(dim=1)
    expected = -probabilities[torch.arange(len(batch.labels)), batch.labels].log().mean()
    torch.testing.assert_close(objective(batch, Draws(0, "", 0, 1, Share()))["loss"], expected)


def test_members_are_networks_of_their_own_of_the_frozen_classifiers_architecture(parts):
    states = [parts[kind][kind] for kind in KINDS]
    shapes = {name: value.shape for name, value in parts["classifier"]["network"].items()}
    for state in states:
        assert {name: value.shape for name, value in state.items()} == shapes
    for number, state in enumerate(states):
        for other in [parts["classifier"]["network"], *states[:number]]:
            assert not torch.equal(state["head.2.weight"], other["head.2.weight"])


def test_every_member_is_a_part_of_its_own_that_needs_no_other():
    task = tiny_task()
    assert len({key_of(kind, task) for kind in KINDS}) == MOST_MEMBERS
    assert origin("retrained-3", task)["needs"] == {}
    assert in_order(["retrained-3"]) == ["classifier", "retrained-3"]
    names = [PartStore(Path()).folder(kind, task).name for kind in KINDS[:2]]
    assert names[0].startswith("retrained-gn30-") and names[1].startswith("retrained-2-gn30-")


@pytest.mark.parametrize("name", ["retrained-1", "retrained-02", "retrained-9", "nested-2", "-2"])
def test_a_member_that_does_not_exist_is_no_part(name):
    with pytest.raises(UsageError, match="unknown part"):
        stages.load(name)


def test_names_of_members_are_read_as_they_are_written():
    assert KINDS[:2] == ("retrained", "retrained-2") and len(KINDS) == MOST_MEMBERS
    assert [kind_and_member(kind) for kind in KINDS] == [(RETRAINED, n + 1) for n in range(8)]
    assert kind_and_member("parallel-noisy") == ("parallel-noisy", 1)


def test_it_learns_what_the_frozen_classifier_does_not_know():
    """Of corrupted digits it answers more rightly, beyond 3 deviations of the mean of paired differences; the
    lengths are a quarter of those of the preset `quick`.
    """
    task = tiny_task(updates=Updates(classifier=150, signal=225, logit=625, coupled=150))
    frozen = train("classifier", task, {})
    parts = {"classifier": frozen, "retrained": train("retrained", task, {"classifier": frozen})}
    split = DIGITS.test
    x_cor = split.corrupted(
        split.clean(), slice(None), "gn30", SampleNoise(0, split.numbers.tolist())
    )
    right = []
    for kind, name in (("classifier", "network"), ("retrained", "retrained")):
        network = stages.load("classifier").build(Context(task, DIGITS, {})).network.eval()
        network.load_state_dict(parts[kind][name])
        with torch.no_grad():
            correct = class_correctness(network(x_cor).argmax(dim=1), split.labels).correct
        right.append(torch.tensor([float(mark) for mark in correct]))
    gain = right[1] - right[0]
    assert float(gain.mean()) > 3 * float(gain.std()) / len(gain) ** 0.5


def _constant(member):
    """A classifier whose logits are the number of a member, its square and 0."""
    return lambda x: torch.tensor([[float(member), float(member) ** 2, 0.0]]).repeat(len(x), 1)


def _engine():
    """An engine that has nothing but retrained classifiers, and its meter."""

    def frozen(x):
        raise AssertionError("the frozen classifier is not asked")

    process, meter = GaussianDiffusion(8), Meter()
    members = [_constant(number + 1) for number in range(MOST_MEMBERS)]
    return Engine(CoupledSystem(frozen, process, process, retrained=members), (3,), meter), meter


def test_an_ensemble_answers_by_the_mean_of_its_members_logits():
    engine, meter = _engine()
    moves = schedule_of("ensemble", {"members": 3})
    outcome = engine.run(moves, torch.zeros(5, 1, 2, 2), SampleNoise(0, list(range(5))))
    expected = torch.tensor([[1.0, 1, 0], [2, 4, 0], [3, 9, 0]])
    torch.testing.assert_close(outcome.y, expected.mean(dim=0).expand(5, 3))
    torch.testing.assert_close(outcome.deviation, expected.std(dim=0).expand(5, 3))
    assert dict(meter.calls) == {"retrained": 3 * 5}
    assert torch.equal(outcome.x, torch.zeros(5, 1, 2, 2))


def test_a_retrained_answer_is_legal_wherever_an_answer_is():
    assert check([Answer("x_cor"), NewChain(), RetrainedAnswer(2)])
    with pytest.raises(ValueError, match="members are numbered from 1"):
        check([RetrainedAnswer(0)])
    with pytest.raises(ValueError, match="the last move"):
        check([RetrainedAnswer(1), NewChain()])


@pytest.mark.parametrize("members", [0, 9])
def test_there_are_from_one_to_eight_members(members):
    with pytest.raises(UsageError, match=f"members is {members}"):
        schedule_of("ensemble", {"members": members})


def test_one_call_of_a_classifier_is_what_it_costs(stored):
    noisy = _evaluator(stored, "noisy").measure({}, SAMPLING)
    one = _evaluator(stored, "retrained").measure({}, SAMPLING)
    three = _evaluator(stored, "ensemble").measure({"members": 3}, SAMPLING)
    assert (one.cost[NFE], one.cost[NFE_SIGNAL], one.cost[NFE_CLASSIFIER]) == (0, 0, 1)
    assert (three.cost[NFE], three.cost[NFE_CLASSIFIER]) == (0, 3)
    assert one.cost[GFLOPS] == pytest.approx(noisy.cost[GFLOPS]) and noisy.cost[GFLOPS] > 0
    assert three.cost[GFLOPS] == pytest.approx(3 * noisy.cost[GFLOPS])
    assert one.cost[SPREAD] == 0 and three.cost[SPREAD] > 0
    assert set(three.config["parts"]) == {"classifier", *KINDS}


def test_an_ensemble_of_one_is_retrained_and_one_of_three_the_mean_of_raw_logits(stored, parts):
    """The mean of the logits as the networks put them out: one scale, the frozen classifier's, serves all."""
    alone, x_cor = _evaluator(stored, "retrained").sample({}, SAMPLING)
    evaluator = _evaluator(stored, "ensemble")
    one, _ = evaluator.sample({"members": 1}, SAMPLING)
    assert torch.equal(one.y, alone.y)
    raw = []
    for kind in KINDS[:3]:
        network = stages.load("classifier").build(Context(tiny_task(), DIGITS, {})).network.eval()
        network.load_state_dict(parts[kind][kind])
        raw.append(network(x_cor).detach())
    three, _ = evaluator.sample({"members": 3}, SAMPLING)
    mean = torch.stack(raw).mean(dim=0)
    torch.testing.assert_close(
        evaluator._classifier.scale.restored(three.y), mean, atol=1e-4, rtol=1e-4
    )
    assert torch.equal(evaluator.answers(three), mean.argmax(dim=1))


def test_members_that_answered_before_count_as_if_they_had_not():
    x_cor, readings = torch.zeros(4, 1, 2, 2), []
    cache, (engine, meter) = PrefixCache(2**20), _engine()
    for batch in (cache.batch("key", lambda: x_cor), x_cor):
        for members in (2, 3):
            meter.reset()
            engine.run(
                schedule_of("ensemble", {"members": members}), batch, SampleNoise(0, [0, 1, 2, 3])
            )
            readings.append(meter.reading())
    assert readings[:2] == readings[2:]


def _plan(words):
    return plan_of(sweep_parser().parse_args([*words, "--preset", "quick"]))


def test_it_is_a_baseline_of_images_and_not_of_speech(tmp_path):
    """Whisper stays as it was published."""
    write_fsdd(tmp_path / "fsdd")
    speech = [
        "fsdd-babble",
        "--data-dir",
        str(tmp_path / "fsdd"),
        "--storage",
        str(tmp_path / "runs"),
    ]
    speech += ["--whisper", str(write_whisper(tmp_path / "w.pt"))]
    images = setup_of(_plan(["nested", "digits", "--storage", str(tmp_path / "runs")]))
    assert images.baselines == ["noisy", "enhanced", "card", "retrained"]
    assert "retrained" in images.kinds and "retrained-2" not in images.kinds
    sentence = setup_of(_plan(["nested", *speech]))
    assert sentence.baselines == ["noisy", "enhanced", "card"] and "retrained" not in sentence.kinds
    for name in ("retrained", "ensemble"):
        with pytest.raises(
            UsageError, match=f"{name} is not for spoken words: choose one of alternating, card"
        ):
            setup_of(_plan([name, *speech]))
    every = [plan.strategy for plan in plans_of(sweep_parser().parse_args(["all", *speech]))]
    assert every == list(strategies.names("word")) and "ensemble" not in every


def test_a_classifier_of_speech_is_not_trained(tmp_path):
    task = speech_task(write_whisper(tmp_path / "w.pt"))
    with pytest.raises(
        UsageError, match="part 'retrained' is for image signals alone, not for word ones"
    ):
        stages.load(RETRAINED).build(Context(task, DIGITS, {}))


@pytest.mark.parametrize("name", strategies.names())
def test_a_strategy_is_for_the_signals_that_all_its_parts_are_for(name):
    kinds = strategies.load(name).PARTS
    for signals in ("image", "word", "sentence"):
        trained = all(kind_and_member(kind)[0] in stages.names(signals) for kind in kinds)
        assert (name in strategies.names(signals)) == trained
