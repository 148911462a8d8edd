"""Measurements: the same however their samples are cut up, what was asked before, and how precise."""

import warnings
from dataclasses import replace
from pathlib import Path
from platform.backend.candidates import Candidate, groups
from platform.backend.dispatch import _pieces, _pieces_a_unit

import pytest
import ray
import torch
from helpers import DIGITS, tiny_task

from trainables.core.errors import UsageError
from trainables.core.memory import fitting_batch
from trainables.core.prefetch import prefetch
from trainables.data import datasets
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling, measurement_config, measurement_of
from trainables.evaluation.storage import Storage
from trainables.sampling.moves import SIGNAL, Update
from trainables.scoring.metric_names import SECONDS_PER_SAMPLE
from trainables.strategies import schedule_of
from trainables.workers.job import Job
from trainables.workers.shared_data import share
from trainables.workers.trial import SamplingTrial

CPU = torch.device("cpu")
POINT = {"outer_steps": 3, "inner_steps": 2, "t_switch": 0.7, "refresh_interval": 0.3, "eta": 0.5}


@pytest.fixture(scope="module")
def stored(parts, tmp_path_factory):
    """A storage that has the parts of `nested`."""
    storage, task = Storage(str(tmp_path_factory.mktemp("runs"))), tiny_task()
    for kind in ("classifier", "nested"):
        storage.parts.save(kind, task, parts[kind], {})
    return task, storage


def _evaluator(stored, batch=16):
    task, storage = stored
    return Evaluator(task, "nested", storage, batch, CPU)


def _without_seconds(measurement):
    return {name: value for name, value in measurement.cost.items() if name != SECONDS_PER_SAMPLE}


def test_pieces_of_a_measurement_come_to_the_whole(stored):
    sampling = Sampling("test", 40, 3)
    config = measurement_config(stored[0], "nested", POINT, sampling)
    whole = _evaluator(stored).measure(POINT, sampling)
    assert whole.config == config and len(whole.correct) == 40
    rows = _pieces(40, 16, _pieces_a_unit(1, 2))
    pieces = [_evaluator(stored).tally(POINT, sampling, part) for part in rows]
    merged = measurement_of(config, POINT, pieces)
    assert len(pieces) == 3 and merged.correct == whole.correct
    assert _without_seconds(merged) == pytest.approx(_without_seconds(whole))


def test_after_its_seconds_a_run_begins_no_other_batch(stored):
    sampling, evaluator = Sampling("test", 40, 3), _evaluator(stored)
    tallies, row = [], 0
    while row < 40:
        tallies += evaluator.tallies([POINT], sampling, slice(row, None), seconds=0)
        row += len(tallies[-1])
    assert [len(tally) for tally in tallies] == [16, 16, 8]
    whole, config = _evaluator(stored).tally(POINT, sampling), {}
    merged, alone = (measurement_of(config, POINT, part) for part in (tallies, [whole]))
    assert merged.correct == alone.correct
    assert _without_seconds(merged) == pytest.approx(_without_seconds(alone))


def test_a_measurement_does_not_depend_on_what_was_measured_before(stored):
    sampling = Sampling("test", 40, 3)
    used = _evaluator(stored)
    for switch in (0.0, 1.0, 0.4):
        used.tally(POINT | {"t_switch": switch}, sampling)
    fresh, shared = _evaluator(stored).tally(POINT, sampling), used.tally(POINT, sampling)
    assert shared.correctness == fresh.correctness and shared.spread == fresh.spread
    assert (
        shared.reading.calls == fresh.reading.calls and shared.reading.flops == fresh.reading.flops
    )


def test_points_measured_together_give_what_each_gives_alone(stored):
    """Over several batches; what they have in common is sampled once."""
    sampling, together = Sampling("test", 40, 3, "float32"), _evaluator(stored)
    points = [POINT | {"answer": answer} for answer in ("y", "x")]
    calls = []
    together._engine(torch.float32)[0].system.signal_denoiser.register_forward_hook(
        lambda *_: calls.append(1)
    )
    for point, tally in zip(points, together.tallies(points, sampling), strict=True):
        alone = _evaluator(stored).tally(point, sampling)
        assert tally.correctness == alone.correctness and tally.spread == alone.spread
        assert tally.reading.calls == alone.reading.calls
        assert tally.reading.flops == alone.reading.flops and tally.reading.seconds > 0
    steps = [move for move in schedule_of("nested", POINT) if isinstance(move, Update)]
    assert len(calls) == 3 * sum(
        move.process == SIGNAL for move in steps
    )  # batches of 16, 16 and 8


def test_what_differs_in_its_answer_alone_is_sampled_together():
    y, x = (Candidate("nested", POINT | {"answer": answer}) for answer in ("y", "x"))
    again = Candidate("nested", dict(POINT))  # "y" is what answers unless the point says otherwise
    two_chains = Candidate("nested", POINT | {"chains": 2, "answer": "x"})
    noisy = Candidate("noisy", {})
    assert groups([noisy, y, two_chains, x, again]) == [(noisy,), (y, x), (two_chains,)]


@pytest.mark.parametrize(
    ("samples", "batch", "units", "actors", "sizes"),
    [
        (10_000, 256, 1, 2, [2560, 2560, 2560, 2320]),
        (400, 200, 40, 2, [400]),
        (64, 64, 1, 8, [64]),
        (100, 16, 1, 2, [32, 32, 32, 4]),
    ],
)
def test_few_units_are_cut_into_whole_batches(samples, batch, units, actors, sizes):
    pieces = _pieces(samples, batch, _pieces_a_unit(units, actors))
    assert [part.stop - part.start for part in pieces] == sizes
    assert [part.start for part in pieces[1:]] == [part.stop for part in pieces[:-1]]


def test_precision_is_part_of_what_a_measurement_is(stored):
    keys = {
        str(measurement_config(stored[0], "nested", POINT, Sampling("test", 8, 0, precision)))
        for precision in ("auto", "float32", "bf16")
    }
    assert len(keys) == 3
    with pytest.raises(UsageError, match="float32"):
        Sampling("test", 8, 0, "float23")


def test_bf16_answers_as_float32_does_but_for_rounding(stored):
    evaluator = _evaluator(stored)
    found = {
        precision: evaluator.tally(POINT, Sampling("test", 200, 0, precision))
        for precision in ("float32", "bf16")
    }
    different = sum(
        a != b
        for a, b in zip(
            *(found[name].correctness.correct for name in ("float32", "bf16")), strict=True
        )
    )
    assert different <= 10
    assert found["float32"].reading.calls == found["bf16"].reading.calls


def test_samples_are_drawn_in_the_precision_asked_for(stored):
    evaluator = _evaluator(stored)
    drawn = {
        precision: evaluator.sample(POINT, Sampling("test", 4, 0, precision))[0]
        for precision in ("float32", "bf16")
    }
    assert not torch.equal(drawn["float32"].y, drawn["bf16"].y)
    torch.testing.assert_close(drawn["float32"].x, drawn["bf16"].x, atol=0.3, rtol=0)


def test_a_cpu_samples_as_many_together_as_it_is_told():
    assert fitting_batch(CPU, 37, 1.0, lambda batch: pytest.fail("nothing to try")) == 37


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_work_done_ahead_comes_in_order_and_tells_its_errors(threaded, count):
    assert [made() for made in prefetch([lambda n=n: n for n in range(count)], threaded)] == list(
        range(count)
    )

    def fails():
        raise ValueError("no data")

    with pytest.raises(ValueError, match="no data"):
        [made() for made in prefetch([lambda: 1, fails, lambda: 3], threaded)]


def test_a_point_is_timed_with_nothing_that_was_sampled_before(stored):
    """Timing says nothing of how fast it is here, but that the calls are made again each time, and that
    measurements afterwards count what they did before.
    """
    sampling, evaluator = Sampling("test", 40, 3), _evaluator(stored)
    before = evaluator.tally(POINT, sampling)
    engine, *_ = evaluator._engine(torch.float32)
    engine.meter.reset()
    assert evaluator.seconds_alone(POINT, sampling) > 0
    runs_of_16 = 3 * 16
    calls = {name: 40 * n / runs_of_16 for name, n in engine.meter.calls.items()}
    assert calls == {name: 1.0 * n for name, n in before.reading.calls.items()}
    after = evaluator.tally(POINT, sampling)
    assert after.correctness == before.correctness and after.reading.calls == before.reading.calls


@pytest.fixture(scope="module")
def store_of_objects():
    """Ray, on this machine alone."""
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_a_trial_reports_seconds_where_points_are_timed(stored, store_of_objects):
    task, storage = stored
    data = share(storage.dataset(task))

    class Trial(SamplingTrial):
        """A trial that has its job and its data without Tune."""

        def setup(self, config):
            job = Job(task, "nested", storage, "test", 8, (3,), 16, 1, is_timed=is_timed)
            super().setup(config, job, data)

    for is_timed in (True, False):
        reported = Trial(dict(POINT)).step()
        assert {"accuracy", "nfe", "gflops"} <= set(reported)
        assert ("seconds_alone" in reported) == is_timed


def _tensors(dataset):
    """The tensors of a dataset of images."""
    splits = dataset.train, dataset.validation, dataset.test
    return [tensor for split in splits for tensor in (split.stored, split.labels, split.numbers)]


def test_shared_data_are_the_same_to_the_bit_and_lie_where_the_store_has_them(store_of_objects):
    train, test = DIGITS.train, DIGITS.test
    turned = train.stored.to(memory_format=torch.channels_last)
    nested = replace(DIGITS, train=replace(train, stored=turned), test=test.part(slice(3, 9)))
    data = share(nested)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = data.dataset(), data.dataset()
    assert replace(first, train=train, validation=train, test=train) == replace(
        DIGITS, train=train, validation=train, test=train
    )
    for ours, again, theirs in zip(*map(_tensors, (first, second, nested)), strict=True):
        assert torch.equal(ours, theirs) and ours.dtype == theirs.dtype
        assert ours.stride() == theirs.stride() and ours.data_ptr() == again.data_ptr()


def test_points_measured_on_shared_data_are_the_same_and_nothing_is_written(
    stored, store_of_objects
):
    task, storage = stored
    data, sampling = share(DIGITS), Sampling("test", 40, 3)
    shared = Evaluator(task, "nested", storage, 16, CPU, dataset=data.dataset())
    ours, theirs = (e.tally(POINT, sampling) for e in (shared, _evaluator(stored)))
    assert (ours.correctness, ours.deviations) == (theirs.correctness, theirs.deviations)
    # Also DIGITS, on which all parts have been trained by now.
    unused = map(_tensors, (data.dataset(), DIGITS, datasets.load("digits", Path("unused"))))
    for after, trained_on, fresh in zip(*unused, strict=True):
        assert torch.equal(after, fresh) and torch.equal(trained_on, fresh)
