"""What runs share is the same as what each would compute alone, to the last bit, and counts the same."""

import gc
import random
import time
from collections import Counter
from dataclasses import replace

import pytest
import torch
from helpers import ExactLogit, ExactSignal

from trainables.core.noise import SampleNoise
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.sampling.cost import cost
from trainables.sampling.engine import Engine
from trainables.sampling.legality import check
from trainables.sampling.meter import Meter
from trainables.sampling.moves import SIGNAL, Answer, Condition, NewChain, Start, trajectory
from trainables.sampling.prefix_cache import PrefixCache
from trainables.sampling.system import CoupledSystem
from trainables.strategies import alternating, card, nested, parallel

T, SHAPE, BATCH = 12, (1, 2, 2), 6


class _Counted:
    """Networks that count how often they are executed, whatever the meter says."""

    def __init__(self):
        self.executed = Counter()
        process = GaussianDiffusion(T)
        signal, logit = ExactSignal(process, 0.09), ExactLogit(process, 0.04)
        for name, network in (("signal", signal), ("logit", logit)):
            for method in ("encode_corrupted", "encode_signals"):
                if hasattr(network, method):
                    setattr(network, method, self._counting(method, getattr(network, method)))
            network.register_forward_hook(self._hook(name))
        self.system = CoupledSystem(
            self._counting("classifier", lambda x: x.flatten(1).mean(1, keepdim=True).repeat(1, 3)),
            process,
            process,
            signal,
            logit,
        )

    def _counting(self, name, work):
        def counted(*inputs):
            self.executed[name] += 1
            return work(*inputs)

        return counted

    def _hook(self, name):
        def count(module, inputs, output):
            self.executed[name] += 1

        return count

    def run(self, moves, cache=None, seed=0):
        """Outcome, calls counted and executions of one run."""
        before, meter = Counter(self.executed), Meter()
        noise = SampleNoise(seed, range(BATCH))
        x_cor = noise.split("corruption").normal(SHAPE)
        if cache is not None:
            x_cor = cache.batch(seed, lambda: x_cor_of(noise))
        outcome = Engine(self.system, (3,), meter).run(check(moves), x_cor, noise.split("sampling"))
        return outcome, meter.reading(), Counter(self.executed) - before


def x_cor_of(noise):
    return noise.split("corruption").normal(SHAPE)


POINTS = [
    nested.Parameters(4, 5, 0.5, 0.25, 0.7),
    nested.Parameters(4, 5, 0.0, 1.0, 0.7),
    nested.Parameters(4, 5, 0.5, 0.25, 0.0),
    nested.Parameters(3, 5, 1.0, 0.5, 0.7, chains=2),
    alternating.Parameters(2, 4, 4, "y_cor", 0.5),
    alternating.Parameters(3, 4, 4, "y_cor", 0.5),
    parallel.Parameters(5, 0.4, 1.0, chains=3),
    card.Parameters(4, 1.0, chains=3),
]


def _same(one, other):
    assert torch.equal(one.y, other.y) and torch.equal(one.x, other.x)
    assert torch.equal(one.deviation, other.deviation)


def test_points_that_share_prefixes_give_what_they_give_alone():
    networks, cache = _Counted(), PrefixCache(2**30)
    for point in POINTS + POINTS[::-1]:
        alone, reading_alone, _ = networks.run(list(point.schedule()))
        shared, reading, _ = networks.run(list(point.schedule()), cache)
        _same(alone, shared)
        assert reading.calls == reading_alone.calls and reading.flops == reading_alone.flops


def test_the_first_trajectory_of_nested_is_sampled_once_for_every_switch():
    networks, cache = _Counted(), PrefixCache(2**30)
    first, _, executed = networks.run(list(POINTS[0].schedule()), cache)
    assert executed["signal"] == 5 * 3  # one unguided trajectory, two refreshes
    _, reading, executed = networks.run(list(POINTS[1].schedule()), cache)
    assert executed["signal"] == 0 and executed["logit"] == 4 and executed["classifier"] == 0
    assert reading.calls == Counter(signal=5 * BATCH, logit=4 * BATCH, classifier=BATCH)
    assert torch.isfinite(first.y).all()


def test_chains_go_on_from_fewer_chains():
    networks, cache = _Counted(), PrefixCache(2**30)
    networks.run(list(card.Parameters(4, 1.0, chains=3).schedule()), cache)
    _, _, executed = networks.run(list(card.Parameters(4, 1.0, chains=5).schedule()), cache)
    assert executed["logit"] == 2 * 4 and executed["encode_signals"] == 0


COUPLED = [
    nested.Parameters(4, 5, 0.5, 0.25, 0.7),
    alternating.Parameters(2, 4, 4, "y_cor", 0.5),
    parallel.Parameters(5, 0.4, 1.0),
]


@pytest.mark.parametrize("point", COUPLED)
@pytest.mark.parametrize("first", ["y", "x", "mean"])
def test_another_answer_samples_nothing_and_counts_as_if_run_alone(point, first):
    """Only the classifier is run, once at most, on the sampled signal."""
    networks, cache = _Counted(), PrefixCache(2**30)
    networks.run(list(replace(point, answer=first).schedule()), cache)
    for answer in ("y", "x", "mean"):
        moves = list(replace(point, answer=answer).schedule())
        shared, reading, executed = networks.run(moves, cache)
        assert set(executed) <= {"classifier"} and executed["classifier"] <= 1
        alone, reading_alone, _ = networks.run(moves)
        _same(alone, shared)
        assert reading.calls == reading_alone.calls and reading.flops == reading_alone.flops
        assert reading.seconds > 0


def test_a_chain_is_another_after_another_answer():
    """The first chain is shared; after it the answers differ, so the second is sampled again."""
    networks, cache = _Counted(), PrefixCache(2**30)
    point = parallel.Parameters(5, 0.4, 1.0, chains=2)
    networks.run(list(point.schedule()), cache)
    moves = list(replace(point, answer="x").schedule())
    shared, _, executed = networks.run(moves, cache)
    assert executed["signal"] == executed["logit"] == 5
    _same(networks.run(moves)[0], shared)


def test_other_noise_shares_nothing():
    networks, cache = _Counted(), PrefixCache(2**30)
    networks.run(list(POINTS[0].schedule()), cache, seed=0)
    other, _, executed = networks.run(list(POINTS[0].schedule()), cache, seed=1)
    assert executed["signal"] == 15
    _same(other, networks.run(list(POINTS[0].schedule()), seed=1)[0])


def test_what_does_not_fit_is_forgotten_and_computed_again():
    networks, cache = _Counted(), PrefixCache(1)
    for _ in range(2):
        outcome, _, executed = networks.run(list(POINTS[0].schedule()), cache)
        assert executed["signal"] == 15
    _same(outcome, networks.run(list(POINTS[0].schedule()))[0])


def _random_schedule(rng):
    """A legal schedule of some chains, of trajectories of random lengths, kinds and conditions."""
    moves = []
    for chain in range(rng.randint(1, 2)):
        moves += [NewChain()] if chain else []
        for _ in range(rng.randint(1, 2)):
            if rng.random() < 0.5:
                moves.append(Condition("logit", "y_cor"))
            moves += trajectory(SIGNAL, rng.randint(1, 4), rng.choice((0.0, 0.5, 1.0)))
            if rng.random() < 0.7:
                moves.append(Condition(SIGNAL, rng.choice(("x_cor", "x"))))
                moves += trajectory("logit", rng.randint(1, 3), rng.choice((0.0, 1.0)))
        moves.append(Answer("x"))
    return check(moves)


def _tensor_bytes():
    """Bytes of all memory of tensors that Python still holds, whoever does."""
    gc.collect()
    dense = [
        thing
        for thing in gc.get_objects()
        if type(thing) is torch.Tensor and thing.layout is torch.strided
    ]
    kept = [thing.untyped_storage() for thing in dense]
    return sum({storage.data_ptr(): storage.nbytes() for storage in kept}.values())


class _Wide(ExactSignal):
    """A signal denoiser whose encoding of x_cor is far larger than x_cor, as a U-Net's is."""

    def encode_corrupted(self, x_cor):
        return x_cor, {"levels": [x_cor.repeat(10, 1, 1, 1), x_cor.repeat(20, 1, 1, 1)]}

    def encode_logits(self, y, batch):
        return torch.zeros(batch) if y is None else y.flatten(1).mean(1)


@pytest.mark.slow
def test_a_long_search_holds_no_more_than_its_budget():
    """Thousands of points on ever new batches: neither the memory nor the number of what is kept
    grows, and what is counted is what is there, encodings that came later included.
    """
    rng, process, budget = random.Random(0), GaussianDiffusion(T), 300_000

    def classifier(x):
        return x.flatten(1).mean(1, keepdim=True).repeat(1, 3)

    denoisers = _Wide(process, 0.09), ExactLogit(process, 0.04)
    engine = Engine(CoupledSystem(classifier, process, process, *denoisers), (3,), Meter())

    def sample(store, seed):
        noise = SampleNoise(seed, range(2))
        batch = store.batch(seed, lambda: x_cor_of(noise))
        engine.run(_random_schedule(rng), batch, noise.split("sampling"))

    for _ in range(50):  # whatever the engine itself keeps, it has by now
        sample(PrefixCache(0), 0)
    cache, before, most = PrefixCache(budget), _tensor_bytes(), 0
    for number in range(2000):
        sample(cache, number // 100 + rng.randint(0, 2))
        assert cache.size <= budget
        most = max(most, len(cache))
    tensors = _tensor_bytes() - before
    assert cache.size > budget / 2 and most <= budget / 4096
    assert tensors == cache.size - 4096 * len(cache)


def test_within_a_run_nothing_is_computed_twice():
    """x_cor is encoded once and classified once; a sampled signal is classified once; all counts."""
    networks = _Counted()
    moves = [
        Condition("logit", "y_cor"),
        *trajectory(SIGNAL, 3, 0.0),
        Condition(SIGNAL, "x"),
        Condition(SIGNAL, "x"),
        Condition(SIGNAL, "x_cor"),
        Answer("x"),
        Answer("x_cor"),
    ]
    _, reading, executed = networks.run(moves)
    assert executed["encode_corrupted"] == 1 and executed["classifier"] == 2
    assert reading.calls["classifier"] == cost(moves).nfe_classifier * BATCH == 6 * BATCH


def test_seconds_of_a_prefix_count_for_the_runs_that_go_on_from_it():
    networks, cache = _Counted(), PrefixCache(2**30)
    plain = networks.system.signal_denoiser.encode_corrupted

    def slow(x_cor):
        time.sleep(0.05)
        return plain(x_cor)

    networks.system.signal_denoiser.encode_corrupted = slow
    networks.run(list(POINTS[0].schedule()), cache)
    _, reading, _ = networks.run(list(POINTS[1].schedule()), cache)
    assert reading.seconds >= 0.05


@pytest.mark.parametrize("steps", [1, 7])
def test_noise_drawn_ahead_is_the_samples_own(steps):
    """A sample's numbers do not depend on its neighbours."""
    networks = _Counted()
    moves = check([*trajectory(SIGNAL, steps, 1.0), Answer("x")])
    engine = Engine(networks.system, (3,), Meter())
    whole = engine.run(moves, torch.zeros(4, *SHAPE), SampleNoise(3, [7, 8, 9, 10]))
    part = engine.run(moves, torch.zeros(1, *SHAPE), SampleNoise(3, [9]))
    torch.testing.assert_close(whole.x[2:3], part.x)
    assert isinstance(moves[0], Start)
