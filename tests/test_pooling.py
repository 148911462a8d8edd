"""A table's results over training seeds, and of methods that were measured on more samples than others."""

from platform.backend.candidates import Candidate
from platform.planning.plan import Plan
from platform.planning.setup import setup_of
from platform.reproduction.paper_tables import Method, Table, table1, table2
from platform.reproduction.pooling import SeedRuns, pooled_results

import pytest

from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import paired_over_seeds
from trainables.scoring.metric_names import NFE

TABLE = Table(
    "a table", (Method("noisy", "noisy", lambda steps: {}), Method("enhanced", "enhanced", lambda steps: {})),
    ("digits",), ("gn30",), {}, reference=1,
)  # fmt: skip
CANDIDATES = [Candidate(method.strategy, {}) for method in TABLE.methods]


def _measurement(correct, calls):
    return Measurement({}, {}, correct, {NFE: calls})


def _seed_runs(tmp_path, seed, noisy, enhanced, wider):
    plan = Plan("enhanced", "digits", "gn30", "smoke", 1, seed, 1, 0.0, str(tmp_path), "sqlite:///")
    runs = [[_measurement(noisy, 0)], [_measurement(enhanced, 10)]]
    more = {0: [_measurement(wider, 0)]} if wider else {}
    return SeedRuns(setup_of(plan), runs, more)


def test_what_was_measured_on_more_samples_is_tested_on_those_of_the_others(tmp_path):
    """The first method is right on half of four samples, and on six of the eight that it alone has."""
    seeds = [
        _seed_runs(tmp_path, 0, "1010", "1111", "10101111"),
        _seed_runs(tmp_path, 1, "1100", "1110", "11001111"),
    ]
    noisy, enhanced = pooled_results(TABLE, CANDIDATES, seeds)
    assert (noisy.images, enhanced.images) == (8, 4)
    assert noisy.ours["accuracy"] == 0.75 and enhanced.ours["accuracy"] == 7 / 8
    assert [values["accuracy"] for values in noisy.per_seed.values()] == [0.75, 0.75]
    first, second = ([seed.runs[column] for seed in seeds] for column in (0, 1))
    expected = paired_over_seeds(first, second)
    assert noisy.test["difference"] == pytest.approx(-3 / 8) == expected.difference
    assert noisy.test["p_value"] == expected.p_value
    assert enhanced.test is None


def test_a_method_has_the_samples_of_the_others_where_it_was_not_measured_on_more(tmp_path):
    (noisy, _) = pooled_results(TABLE, CANDIDATES, [_seed_runs(tmp_path, 0, "1010", "1111", "")])
    assert noisy.images == 4 and noisy.ours["accuracy"] == 0.5


def test_of_images_the_classifier_alone_is_measured_on_more_than_the_others():
    more = {method.label: method.most for method in table1(10).methods if method.most}
    assert more == {"noisy": 10_000}
    assert not any(method.most for method in table2(10).methods)
