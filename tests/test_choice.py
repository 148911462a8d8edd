"""Which point a sweep names, and what it says of it, on made-up answers."""

import json
import re
from dataclasses import asdict, replace
from platform.cli.console import Console
from platform.cli.tables import paragraphs
from platform.pipeline import all_sweeps, confirm
from platform.pipeline.choice import MARGIN, against, choose
from platform.pipeline.headline import headline, named_as_json
from platform.pipeline.objectives import Objectives

import numpy as np
import pytest

from dashboards.points import ReportedPoint, difference, result, rows
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import paired, summary
from trainables.scoring.metric_names import METRIC_OF_KIND

IMAGES, SPEECH = METRIC_OF_KIND["image"], METRIC_OF_KIND["speech"]


def _images(right, nfe, size, shift=0):
    """Answers of which so many are right, beginning with the image number `shift`."""
    correct = np.zeros(size, int)
    correct[(np.arange(right) + shift) % size] = 1
    return [Measurement({}, {}, "".join(map(str, correct)), {"nfe": float(nfe)})]


def _sentences(wrong, nfe, size):
    """Answers with one wrong word in so many of the sentences, each of ten words."""
    errors = tuple(int(number < wrong) for number in range(size))
    correct = "".join(str(1 - error) for error in errors)
    return [Measurement({}, {}, correct, {"nfe": float(nfe)}, errors, (10,) * size)]


def _points(metric=IMAGES, **measured):
    """Points by their names: those that begin with "p" are the strategy's, others are baselines.

    `measured` are a point's answers on validation and on test.
    """
    points = [
        ReportedPoint(
            name, name if role == "baseline" else "nested", role, {},
            summary(validation, metric), summary(test, metric),
        )
        for name, (validation, test) in measured.items()
        for role in (["front"] if name.startswith("p") else ["baseline"])
    ]  # fmt: skip
    points = confirm.with_tests(points, {name: [test] for name, (_, test) in measured.items()})
    return points, {name: validation for name, (validation, _) in measured.items()}


def _same(answers):
    return answers, answers


def test_the_best_within_a_budget_is_named_where_there_is_one():
    measured = _points(
        p1=_same(_images(3600, 235, 4000)),
        p2=_same(_images(3400, 30, 4000)),
        p3=_same(_images(3300, 12, 4000)),
        p4=_same(_images(3300, 9, 4000)),
        noisy=_same(_images(2000, 0, 4000)),
    )
    assert choose(*measured).affordable is None
    choice = choose(*measured, Objectives(max_cost=29))
    assert choice.affordable is not None and choice.affordable.label == "p4"
    assert choice.words == {"p4": "within 29", "p1": "best"}
    (line,) = [one for one in headline(choice, IMAGES) if one.startswith("within 29: ")]
    assert line == (
        "within 29: p4, accuracy 82.5 % [81.3, 83.6] at 9 calls; the most accurate on validation images of "
        "those of at most 29 calls"
    )
    none = choose(*measured, Objectives(max_cost=8))
    assert none.affordable is None
    assert "within 8: no confirmed point has so few calls" in str(headline(none, IMAGES))


def test_a_cheap_point_that_is_as_good_is_the_one_that_is_named():
    """1.0 of 4000 images is 40: 8 fewer are right at 2 calls, and few answers differ."""
    choice = choose(
        *_points(
            p8=_same(_images(3600, 235, 4000)),
            p16=_same(_images(3592, 2, 4000)),
            noisy=_same(_images(2400, 0, 4000)),
        )
    )
    assert (choice.best.label, choice.cheapest.label) == ("p8", "p16")
    assert headline(choice, IMAGES) == [
        "cheapest: p16, accuracy 89.8 % [88.8, 90.7] at 2 calls; on validation images within 1 percentage "
        "point of the best, -0.2 [-0.3, -0.1]",
        "p16 gains 29.8 on noisy (p<0.001)",
        "best: p8, accuracy 90.0 % [89.0, 90.9] at 235 calls; the most accurate on validation images",
        "p8 gains 30.0 on noisy (p<0.001)",
        "gains: percentage points of accuracy on test images; paired tests at 95%, p corrected for all 2 "
        "(Holm)",
    ]


def test_a_cheap_point_that_is_worse_is_not_named():
    choice = choose(*_points(p1=_same(_images(3600, 235, 4000)), p2=_same(_images(3400, 2, 4000))))
    assert (choice.best.label, choice.cheapest.label, choice.loss) == ("p1", "p1", None)
    assert headline(choice, IMAGES) == [
        "cheapest and best: p1, accuracy 90.0 % [89.0, 90.9] at 235 calls; on validation images every "
        "cheaper one is more than 1 percentage point behind it"
    ]


def test_not_to_be_told_apart_is_not_to_be_as_good_where_images_are_few():
    """No test tells 48 right of 64 from the best, but they are more than the margin behind."""
    points, validation = _points(
        p1=_same(_images(50, 235, 64)),
        p2=_same(_images(50, 12, 64, shift=2)),
        p3=_same(_images(48, 2, 64, shift=1)),
    )
    assert paired(validation["p3"], validation["p1"]).p_value > 0.05
    choice = choose(points, validation)
    assert (choice.best.label, choice.cheapest.label) == ("p2", "p2")


@pytest.mark.parametrize(("fewer", "named"), [(7, "p2"), (40, "p2"), (41, "p1"), (60, "p1")])
def test_a_point_within_the_margin_is_not_worse(fewer, named):
    choice = choose(*_points(
        p1=_same(_images(3600, 9, 4000)), p2=_same(_images(3600 - fewer, 2, 4000)),
    ))  # fmt: skip
    assert choice.cheapest.label == named and (named == "p2") == (fewer / 4000 <= MARGIN)


def test_of_equal_points_the_best_is_the_cheapest_and_the_papers_point_may_be_it():
    points, validation = _points(p1=_same(_images(90, 9, 100)), p2=_same(_images(90, 4, 100)))
    points[1] = replace(points[1], role="paper")
    choice = choose(points, validation)
    assert choice.best is choice.cheapest is points[1]


def test_it_is_chosen_on_validation_and_compared_on_test():
    """On test the other point is the better one: nothing of the choice may come from there."""
    choice = choose(
        *_points(
            p1=(_images(3600, 9, 4000), _images(2000, 9, 4000)),
            p2=(_images(3000, 9, 4000), _images(3900, 9, 4000)),
            card=(_images(100, 4, 4000), _images(3000, 4, 4000)),
        )
    )
    assert choice.best is choice.cheapest and choice.best.label == "p1"
    assert headline(choice, IMAGES)[1] == "p1 loses 25.0 to card (p<0.001)"


def test_every_baseline_is_told_by_its_own_test_and_all_are_corrected_together():
    points, validation = _points(
        p1=_same(_images(500, 9, 1000)),
        p2=_same(_images(480, 2, 1000)),
        noisy=_same(_images(400, 0, 1000)),
        card=_same(_images(494, 4, 1000)),
        other=_same(_images(506, 4, 1000)),
        enhanced=_same(_images(600, 8, 1000)),
    )
    choice = choose(points, validation)
    assert choice.not_told_from == ("card", "other") and choice.tests == 8
    for name in ("card", "other"):
        # Six answers differ, all one way: told apart if it were one test.
        test = choice.best.tests[name]
        assert test["p_value"] == pytest.approx(2 / 2**6)
        assert test["p_holm"] == pytest.approx(2 * 2 / 2**6)
    near = "(p=0.06: not told apart)"
    assert re.sub(r"p=0\.06[23]", "p=0.06", headline(choice, IMAGES)[1]) == (
        f"p1 gains 10.0 on noisy (p<0.001), 0.6 on card {near}; loses 0.6 to other {near}, 10.0 to enhanced "
        "(p<0.001)"
    )


def test_gains_are_on_each_baseline_at_its_best_and_the_summary_has_them_too():
    points, validation = _points(
        p1=_same(_images(500, 9, 1000)),
        **{
            "card (paper)": _same(_images(300, 50, 1000)),
            "card (best)": _same(_images(496, 4, 1000)),
        },
        **{"enhanced (paper)": _same(_images(450, 50, 1000))},
    )
    points = [
        replace(p, strategy=p.label.split()[0]) if p.role == "baseline" else p for p in points
    ]
    choice = choose(points, validation)
    assert choice.baselines == ("card (best)", "enhanced (paper)") and choice.tests == 3
    assert headline(choice, IMAGES)[1] == (
        "p1 gains 0.4 on card (best) (p=0.12: not told apart), 5.0 on enhanced (paper) (p<0.001)"
    )
    (named,) = named_as_json(choice, IMAGES)
    assert named["names"] == ["cheapest", "best"] and named["label"] == "p1"
    assert set(named["test"]) == {"accuracy", "accuracy_low", "accuracy_high", "nfe"}
    assert list(named["gains"]) == ["card (best)", "enhanced (paper)"]
    assert [test["told_apart"] for test in named["gains"].values()] == [False, True]
    assert json.loads(json.dumps(named)) == named


def test_a_sweep_below_the_noisy_signals_says_so():
    points, validation = _points(p1=_same(_images(22, 12, 100)), noisy=_same(_images(30, 0, 100)))
    choice = choose(points, validation)
    assert choice.noisy.label == "noisy"
    assert headline(choice, IMAGES)[-1] == (
        "nothing was gained: p1 is behind noisy, accuracy 30.0 % [21.9, 39.6] at 0 calls, by -8.0 "
        "(p=0.0078)"
    )


def test_of_sentences_fewer_errors_are_better():
    """A margin of 1 is one word of a hundred: of 600 sentences of ten words, 60 words."""
    choice = choose(
        *_points(
            SPEECH,
            p1=_same(_sentences(60, 60, 600)),
            p2=_same(_sentences(70, 4, 600)),
            p3=_same(_sentences(300, 2, 600)),
            noisy=_same(_sentences(50, 0, 600)),
        )
    )
    assert (choice.best.label, choice.cheapest.label) == ("p1", "p2")
    assert choice.noisy is not None
    lines = headline(choice, SPEECH)
    assert lines[0].startswith("cheapest: p2, WER 1.2 % [0.9, 1.4] at 4 calls; on validation utt")
    assert "within 1 percentage point of the best, +0.2 [" in lines[0]
    assert lines[1] == "p2 loses 0.3 to noisy (p<0.001)"
    assert "points of WER on test utterances" in lines[-2]
    assert lines[-1].endswith("by +0.2 (p=0.002)")


def test_the_table_has_one_column_of_tests_seen_from_the_baselines():
    points, validation = _points(
        p1=_same(_images(500, 9, 1000)),
        noisy=_same(_images(400, 0, 1000)),
        enhanced=_same(_images(600, 8, 1000)),
    )
    reported = against(points, choose(points, validation).cheapest)
    assert [row[5:] for row in rows(reported, IMAGES)] == [
        [], ["-10.0 (p<0.001)"], ["+10.0 (p<0.001)"],
    ]  # fmt: skip
    (name,) = reported[1].tests
    turned, test = reported[1].tests[name], points[0].tests["noisy"]
    assert name == "p1" and (turned["low"], turned["high"]) == (-test["high"], -test["low"])


def test_printed_p_values_are_those_that_were_corrected():
    test = asdict(paired(_images(50, 1, 100), _images(40, 1, 100)))
    assert difference(test, IMAGES) == "+10.0 (p=0.002)"
    assert difference(test | {"p_holm": 0.02}, IMAGES) == "+10.0 (p=0.02)"


def test_no_line_of_what_was_found_is_longer_than_a_terminal(tmp_path):
    points, validation = _points(
        p1=_same(_images(22, 12, 100)),
        p2=_same(_images(20, 2, 100, shift=3)),
        **{f"enhanced (best of {n})": _same(_images(30, n, 100)) for n in range(5)},
        noisy=_same(_images(30, 0, 100)),
    )
    with (tmp_path / "out").open("w") as file:
        lines = headline(choose(points, validation), IMAGES)
        paragraphs(Console(file), "found:", lines)
    out = (tmp_path / "out").read_text().splitlines()
    assert max(map(len, out)) <= 80
    assert all(line.startswith(" " * 10) for line in out[1:])
    assert out[0].startswith("found:    ") and result(points[0], IMAGES) in out[0]


def test_several_sweeps_are_corrected_for_the_tests_of_all():
    """Six answers differ, all one way: of one sweep's single test that is told apart, of two tests not."""
    sweeps = []
    for right in (506, 494):
        points, validation = _points(
            p1=_same(_images(right, 9, 1000)), noisy=_same(_images(500, 0, 1000))
        )
        choice = choose(points, validation)
        assert choice.not_told_from == ()
        sweeps.append(confirm.Confirmation(points, choice, {}))
    lines = all_sweeps._ranking(sweeps, IMAGES)
    assert [re.sub(r"p=0\.06[23]", "p=0.06", line) for line in lines] == [
        result(sweeps[0].points[0], IMAGES),
        "p1 gains 0.6 on noisy (p=0.06: not told apart)",
        result(sweeps[1].points[0], IMAGES),
        "p1 loses 0.6 to noisy (p=0.06: not told apart)",
        "gains: percentage points of accuracy on test images; paired tests at 95%, p corrected for all 2 "
        "(Holm)",
        "nothing was gained: p1 is behind noisy, accuracy 50.0 % [46.9, 53.1] at 0 calls, by "
        "-0.6 (p=0.06)",
    ]
