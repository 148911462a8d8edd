"""What a comparison says, on made-up answers whose truth is known."""

from dataclasses import replace
from platform.comparison.compare_sweeps import compare
from platform.pipeline.choice import MARGIN

import numpy as np
import pytest
from recorded_sweeps import DIGITS, WORDS, confirmed, right, sweep, wrong_words
from scipy import stats

from dashboards.pareto import Reference, hypervolume, shared_reference
from trainables.core.errors import UsageError
from trainables.evaluation.summary import paired, paired_over_seeds, summary_over_seeds
from trainables.scoring.metric_names import GFLOPS, NFE, SECONDS_PER_SAMPLE
from trainables.scoring.statistics import holm

SIZE = 1000


def _point(label, cost, count, test=None, role="front", shift=0, **more):
    """A point with so many right answers of a thousand on validation, and on test."""
    rows = [right(c, SIZE, shift) for c in (count, count if test is None else test)]
    return confirmed(label, cost, *rows, role, **more)


def _baselines():
    return [
        _point("noisy", 0, 500, role="baseline"),
        _point("enhanced (paper)", 50, 800, role="baseline"),
        _point("enhanced (best)", 4, 850, role="baseline"),
        _point("card (paper)", 50, 860, role="baseline"),
        _point("retrained", 0, 905, role="baseline"),
    ]


def _nested(seed=0, **more):
    """Validation puts #2 first; test puts #1 first, which is what nothing may be chosen by."""
    points = [
        _point("nested #0", 2, 860),
        _point("nested #1", 6, 905, test=950),
        _point("nested #2", 20, 912, test=900),
        _point("nested (paper)", 300, 870, role="paper"),
    ]
    return sweep("nested", [*points, *_baselines()], seed, **more)


def _parallel(seed=0, **more):
    points = [
        _point("parallel #0", 3, 880),
        _point("parallel #1", 12, 895),
        _point("parallel (paper)", 100, 840, role="paper"),
    ]
    return sweep("parallel", [*points, *_baselines()], seed, **more)


def _strategies(comparison):
    return {strategy.strategy: strategy for strategy in comparison.strategies}


def _named(comparison, strategy):
    points = _strategies(comparison)[strategy].points
    return {name: point.label for point in points for name in point.names}


def _pair(comparison, first, second):
    (pair,) = [p for p in comparison.pairs if {p.first, p.second} == {first, second}]
    return pair


def test_every_strategy_is_there_with_its_points_by_rising_cost():
    comparison = compare([_parallel(), _nested()], NFE)
    names = ["card", "enhanced", "nested", "noisy", "parallel", "retrained"]
    assert [s.strategy for s in comparison.strategies] == names and comparison.seeds == (0,)
    assert [s.strategy for s in comparison.strategies if s.swept] == ["nested", "parallel"]
    nested = _strategies(comparison)["nested"]
    labels = ["nested #0", "nested #1", "nested #2", "nested (paper)"]
    assert [point.label for point in nested.points] == labels
    assert len(comparison.points) == 4 + 3 + 5  # the baselines of both sweeps once
    point = nested.points[1]
    assert point.run_ids == ("run of nested #1",) and point.commands == ("replay nested #1",)
    assert (point.cost.value, point.cost.low, point.cost.high) == (6, 6, 6)
    assert point.test["accuracy"] == 0.95 and point.points == ({"steps": 6},)


def test_validation_chooses_and_test_reports():
    comparison = compare([_nested(), _parallel()], NFE, max_cost=5)
    assert _named(comparison, "nested") == {
        "cheapest": "nested #1", "best": "nested #2", "within 5": "nested #0", "knee": "nested #1",
    }  # fmt: skip
    (best,) = [p for p in comparison.points if "best" in p.names and p.strategy == "nested"]
    assert best.test["accuracy"] == 0.9 and not best.on_front  # #1 beats it on test
    first, second, third = comparison.found[:3]
    assert first.startswith("nested #1, accuracy 95.0 % [") and " at 6 calls: the cheapest" in first
    assert "within 1 percentage point of the best on validation images, -0.7 [" in first
    assert second.startswith("nested #2, accuracy 90.0 % [") and "the best on validation" in second
    assert third.startswith("parallel #0") and third.endswith("the best of at most 5 calls.")


def test_fronts_are_of_test_samples():
    points = {p.label: p for p in compare([_nested(), _parallel()], NFE).points}
    on_front = {label for label, point in points.items() if point.on_front}
    joint = {label for label, point in points.items() if point.on_joint_front}
    assert {"nested #0", "nested #1", "parallel #0", "parallel #1"} <= on_front
    assert not on_front & {"nested #2", "nested (paper)", "enhanced (paper)"}
    assert joint == {"retrained", "nested #1"}  # retrained has 905 right without a call


def test_as_good_is_the_cheapest_that_is_not_worse_on_validation():
    comparison = compare([_nested(), _parallel()], NFE)
    good = {name: dict(s.as_good) for name, s in _strategies(comparison).items()}
    assert good["nested"] == {
        "enhanced": "nested #0", "retrained": "nested #1", "the best": "nested #1",
    }  # fmt: skip
    assert good["parallel"] == {
        "enhanced": "parallel #0", "retrained": "parallel #1", "the best": None,
    }  # fmt: skip
    assert good["noisy"]["enhanced"] is None and good["retrained"]["the best"] == "retrained"
    alone = compare([replace(_nested(), points=_nested().points[:4])], NFE)
    assert dict(_strategies(alone)["nested"].as_good) == {"the best": "nested #1"}


@pytest.mark.parametrize(("behind", "good"), [(9, True), (10, True), (11, False)])
def test_the_margin_is_that_of_a_sweep(behind, good):
    best = _point("nested #0", 9, 900)
    near = _point("nested #1", 2, 900 - behind, shift=37)
    comparison = compare([sweep("nested", [best, near])], NFE)
    assert (_named(comparison, "nested")["cheapest"] == "nested #1") == good
    assert good == (behind <= MARGIN * SIZE)


def test_paired_tests_are_those_of_the_same_answers_and_holm_counts_them_all():
    comparison = compare([_nested(), _parallel()], NFE)
    pair = _pair(comparison, "nested #2", "parallel #1")
    assert (pair.first, pair.budget) == ("nested #2", 20) and pair.difference == pytest.approx(
        0.005
    )
    # Five images differ, all one way: an exact test of five signs.
    assert pair.p_value == pytest.approx(stats.binomtest(5, 5).pvalue)
    known = {p.reported.label: p for s in (_nested(), _parallel()) for p in s.points}
    for one in comparison.pairs:
        test = paired(known[one.first].test, known[one.second].test)
        assert (one.difference, one.low, one.high) == (test.difference, test.low, test.high)
    corrected = holm([one.p_value for one in comparison.pairs])
    assert [one.p_holm for one in comparison.pairs] == pytest.approx(corrected)
    assert len({frozenset((p.first, p.second)) for p in comparison.pairs}) == len(comparison.pairs)
    assert comparison.found[-1].startswith("All are paired tests on test images: p is corrected")
    assert f"for {len(comparison.pairs)} tests (Holm)" in comparison.found[-1]


def test_at_matched_cost_both_sides_are_chosen_within_the_budget():
    comparison = compare([_nested(), _parallel()], NFE, max_cost=10)
    costs = {p.label: p.cost.value for p in comparison.points}
    for pair in comparison.pairs:
        if pair.budget is not None:
            assert max(costs[pair.first], costs[pair.second]) <= pair.budget
    assert _pair(comparison, "nested #1", "parallel #0").budget == 10
    baselines = {"noisy", "enhanced", "card", "retrained"}
    for pair in comparison.pairs:
        first, second = (label.split()[0] for label in (pair.first, pair.second))
        assert first != second and not {first, second} <= baselines


def test_the_named_points_are_tested_against_every_baseline_at_its_best():
    comparison = compare([_nested(), _parallel()], NFE, max_cost=5)
    for named in ("nested #1", "nested #2", "parallel #0"):
        for baseline in ("noisy", "enhanced (best)", "card (paper)", "retrained"):
            assert _pair(comparison, named, baseline)
    (line,) = [one for one in comparison.found if one.startswith("On test images, nested #1 ")]
    assert "is better than noisy by 45.0 points [" in line and "enhanced (best) by 10.0" in line
    assert "card (paper) by 9.0 points" in line and "retrained by 4.5 points" in line
    (line,) = [one for one in comparison.found if one.startswith("On test images, nested #2 ")]
    assert "cannot be told from retrained (-0.5 [" in line and "p=0." in line


def test_tests_at_matched_cost_are_said_in_words():
    comparison = compare([_nested(), _parallel()], NFE, max_cost=10)
    (line,) = [one for one in comparison.found if one.startswith("At most 10 calls, nested (#1, 6")]
    assert " parallel (#0, 3 calls) by 7.0 points [5.4, 8.6] (p<0.001)" in line


def test_points_that_are_surely_dominated_are_told():
    """Only what was tested is: card's paper point and parallel's cheaper one, by nested #1 or retrained."""
    comparison = compare([_nested(), _parallel()], NFE)
    (line,) = [one for one in comparison.found if one.startswith("Another point is no dearer")]
    assert "card (paper)" in line and "parallel #1" in line and "nested #1" not in line


def test_a_budget_that_nothing_keeps_to_is_said():
    comparison = compare([_nested()], NFE, max_cost=1)
    assert "No confirmed point has at most 1 call: search on, or allow more." in comparison.found
    assert "within 1" not in _named(comparison, "nested")


def test_a_baseline_that_was_swept_has_its_own_points():
    """Its own sweep's point wins over the one of that label beside others."""
    own = [_point("card #3", 5, 890), _point("card (paper)", 50, 855, role="paper")]
    comparison = compare([_nested(), sweep("card", [*own, *_baselines()[:3]])], NFE)
    card = _strategies(comparison)["card"]
    assert card.swept and [p.label for p in card.points] == ["card #3", "card (paper)"]
    assert card.points[1].role == "paper" and card.points[1].test["accuracy"] == 0.855
    assert _pair(comparison, "nested #1", "card #3").difference == pytest.approx(-0.06)


def test_points_without_answers_are_drawn_and_not_tested():
    old = _point("parallel #0", 3, 880, recorded=False)
    comparison = compare([_nested(), sweep("parallel", [old])], NFE)
    assert "parallel #0" in {p.label for p in comparison.points}
    assert all("parallel #0" not in (p.first, p.second) for p in comparison.pairs)
    (note,) = [one for one in comparison.notes if "parallel #0" in one]
    assert "not recorded" in note and _strategies(comparison)["parallel"].as_good["enhanced"]


def test_points_of_other_samples_are_not_paired():
    odd = confirmed("parallel #0", 3, right(880, SIZE), right(440, 500))
    comparison = compare([_nested(), sweep("parallel", [odd])], NFE)
    assert all("parallel #0" not in (p.first, p.second) for p in comparison.pairs)
    assert any("another number of test samples" in note for note in comparison.notes)


def test_what_has_no_cost_is_left_out_and_said():
    nested = _nested(tried=[(0.5, 3), (0.6, 5)])
    without = replace(nested.trials[1], validation={"accuracy": 0.6})
    bare = replace(nested.points[0].reported, test={"accuracy": 0.8}, validation={"accuracy": 0.8})
    broken = replace(
        nested,
        points=(replace(nested.points[0], reported=bare), *nested.points[1:]),
        trials=(nested.trials[0], without),
    )
    comparison = compare([broken], NFE)
    assert "nested #0" not in {p.label for p in comparison.points}
    assert len(_strategies(comparison)["nested"].trials) == 1
    assert any("nested #0: left out" in note for note in comparison.notes)
    parallel = sweep("parallel", [], tried=[(0.5, 3)])
    assert (
        "parallel: swept, but without a point to compare." in compare([broken, parallel], NFE).notes
    )
    with pytest.raises(UsageError, match="no confirmed point of these sweeps of digits has nfe"):
        compare([replace(broken, points=broken.points[:1])], NFE)


def test_one_setting_is_compared():
    with pytest.raises(UsageError, match="of 2 settings"):
        compare([_nested(), _parallel(setting=replace(DIGITS, corruption="blur"))], NFE)
    with pytest.raises(UsageError, match="of 0 settings"):
        compare([], NFE)


def test_hypervolumes_are_of_validation_trials_and_grow():
    places = [(0.6, 100), (0.5, 200), (0.8, 10), (0.7, 3)]
    comparison = compare([_nested(tried=places), _parallel(tried=[(0.9, 10)])], NFE)
    reference = shared_reference(10, 50)
    nested = _strategies(comparison)["nested"]
    assert comparison.reference == reference
    expected = [hypervolume(places[: k + 1], reference) for k in range(4)]
    assert nested.growth[0] == pytest.approx(expected)
    assert nested.hypervolume.value == nested.hypervolume.low == nested.growth[0][-1]
    assert _strategies(comparison)["card"].hypervolume is None
    assert [(t.number, t.cost, t.accuracy) for t in nested.trials][2] == (2, 10, 0.8)


def test_another_cost_has_one_reference_from_all_that_is_compared():
    tried = [(0.6, 1000), (0.9, 1)]
    comparison = compare([_nested(tried=tried), _parallel(tried=[(0.9, 10)])], GFLOPS)
    assert comparison.reference == Reference(0.1, 500.1, pytest.approx(0.1))
    assert comparison.cost_title.startswith("GFLOPs a sample (")
    assert {p.label: p.cost.value for p in comparison.points}["nested #1"] == pytest.approx(3.1)
    seconds = compare([_nested()], SECONDS_PER_SAMPLE, max_cost=0.05)
    assert "within 0.05" in _named(seconds, "nested")
    assert any("at most 0.05 s" in one for one in seconds.found)


def test_of_sentences_fewer_errors_are_better():
    def point(label, cost, errors, role="front"):
        return confirmed(label, cost, wrong_words(errors, 120), role=role, kind="speech")

    baselines = [point("noisy", 0, 100, "baseline"), point("enhanced (paper)", 50, 64, "baseline")]
    nested = [point("nested #0", 60, 12), point("nested #1", 4, 14), point("nested #2", 2, 60)]
    comparison = compare([sweep("nested", [*nested, *baselines], setting=WORDS)], NFE)
    assert _named(comparison, "nested")["cheapest"] == "nested #1"
    first = comparison.found[0]
    assert (
        first.startswith("nested #1, WER 1.2 % [") and "on validation utterances, +0.2 [" in first
    )
    (line,) = [one for one in comparison.found if one.startswith("On test utterances, nested #1 ")]
    assert "is better than noisy by 7.2 points of WER [" in line
    assert _pair(comparison, "nested #1", "noisy").difference == pytest.approx(86 / 1200)


def test_samples_that_only_one_strategy_gets_right():
    """Of each the cheapest point as good: sample 0 by nested alone, 2 by parallel, 3 at one seed only."""
    nested = confirmed("nested #0", 3, ["11010", "11000"])
    parallel = confirmed("parallel #0", 3, ["01100", "01100"])
    baseline = confirmed("noisy", 0, ["11111", "11111"], role="baseline")
    comparison = compare(
        [sweep("nested", [nested, baseline]), sweep("parallel", [parallel, baseline])], NFE
    )
    assert [(o.number, o.strategy) for o in comparison.only_right] == [
        (0, "nested"),
        (2, "parallel"),
    ]
    assert compare([sweep("nested", [nested, baseline])], NFE).only_right == ()


def _at_seed(seed, strategy="nested"):
    """Points of their own at every seed; the best at seed 1 is the dear one."""
    best, cheap = (930, 910 + 5 * seed) if strategy == "nested" else (900, 880)
    points = [
        _point(f"{strategy} #{seed}", 10 * (seed + 1), best, test=best - 10 + 7 * seed),
        _point(f"{strategy} #{seed + 20}", 3, cheap, test=cheap - 20, shift=50),
        _point(f"{strategy} (paper)", 200, 870 + seed, role="paper"),
    ]
    return sweep(strategy, [*points, *_baselines()], seed, tried=[(0.5 + 0.1 * seed, 9)])


def test_several_seeds_are_pooled_as_procedures():
    sweeps = [_at_seed(seed, name) for seed in range(3) for name in ("nested", "parallel")]
    comparison = compare(sweeps, NFE, max_cost=8)
    assert comparison.seeds == (0, 1, 2)
    points = {p.label: p for p in comparison.points}
    best = points["nested, best"]
    assert best.run_ids == ("run of nested #0", "run of nested #1", "run of nested #2")
    answers = [s.points[0].test for s in sweeps if s.strategy == "nested"]
    expected = summary_over_seeds(answers)
    assert {name: best.test[name] for name in expected} == pytest.approx(expected)
    assert best.cost.value == 20 and best.cost.low == 3 and best.cost.high > 30  # 20 +- 24.8
    assert best.cost.high == pytest.approx(20 + stats.t.ppf(0.975, 2) * 10 / np.sqrt(3))
    assert points["nested, within 8"].cost.low == points["nested, within 8"].cost.high == 3
    assert points["nested, within 8"].names == ("within 8",)
    assert {"nested (paper)", "enhanced (best)", "enhanced (paper)", "noisy"} <= set(points)
    assert points["enhanced (best)"].role == "baseline" and len(points["noisy"].run_ids) == 3
    keys = [tuple(zip(p.run_ids, p.points, strict=True)) for p in comparison.points]
    assert all(keys.count(key) == 1 for key in keys)  # procedures that pick the same are one


def test_tests_of_several_seeds_are_over_seeds_and_samples():
    sweeps = [_at_seed(seed, name) for seed in range(3) for name in ("nested", "parallel")]
    comparison = compare(sweeps, NFE)
    pair = _pair(comparison, "nested, best", "parallel, best")
    ours, theirs = (
        [s.points[0].test for s in sweeps if s.strategy == name] for name in ("nested", "parallel")
    )
    test = paired_over_seeds(ours, theirs)
    assert (pair.difference, pair.p_value) == pytest.approx((test.difference, test.p_value))
    (line,) = [one for one in comparison.found if one.startswith('"nested, best", ')]
    assert "at 20 calls [3, 44.8]" in line
    nested = _strategies(comparison)["nested"]
    assert set(nested.seed_fronts) == set(nested.growth) == {0, 1, 2}
    assert nested.seed_fronts[0] == ((3, 0.89), (10, 0.92))
    volumes = [nested.growth[seed][-1] for seed in range(3)]
    assert nested.hypervolume.value == pytest.approx(np.mean(volumes))
    assert nested.hypervolume.low < min(volumes) < max(volumes) < nested.hypervolume.high


def test_a_strategy_that_lacks_a_seed_is_compared_over_those_it_has():
    sweeps = [_at_seed(0), _at_seed(1), _at_seed(1, "parallel"), _at_seed(2, "parallel")]
    comparison = compare(sweeps, NFE)
    pair = _pair(comparison, "nested, best", "parallel, best")
    test = paired(sweeps[1].points[0].test, sweeps[2].points[0].test)  # seed 1 is all they share
    assert pair.difference == pytest.approx(test.difference)
    notes = [note for note in comparison.notes if "alone" in note]
    assert [note.split(":")[0] for note in notes] == ["nested", "parallel"]
    assert "at training seeds 0, 1 alone" in notes[0]


def test_old_points_at_several_seeds_have_intervals_over_seeds():
    sweeps = []
    for seed in range(3):
        point = _point("nested #0", 5, 900 + 10 * seed, recorded=False)
        sweeps.append(sweep("nested", [point], seed))
    comparison = compare(sweeps, NFE)
    (point,) = comparison.points
    half = stats.t.ppf(0.975, 2) * 0.01 / np.sqrt(3)
    assert point.test["accuracy"] == pytest.approx(0.91) and comparison.pairs == ()
    assert point.test["accuracy_low"] == pytest.approx(0.91 - half)
    assert any("not recorded" in note for note in comparison.notes)
