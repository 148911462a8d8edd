"""The top-5 accuracy: from the logits of answers to records, summaries, files and tables."""

import io
from dataclasses import replace
from platform.cli.console import Console
from platform.cli.tables import table_of_points
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest
import torch
from helpers import DIGITS, tiny_task, train

from dashboards.points import ReportedPoint, to_csv
from trainables.core.errors import UsageError
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling, measurement_config
from trainables.evaluation.records import FORMATS, Measurement, key_of
from trainables.evaluation.storage import Storage
from trainables.evaluation.summary import summary, summary_over_seeds
from trainables.scoring.answers import class_correctness, combine, likeliest_classes
from trainables.scoring.metric_names import BY_ACCURACY, METRICS, NFE
from trainables.scoring.statistics import wilson


def _measurement(correct, top5=""):
    return Measurement({}, {}, correct, {NFE: 3.0}, top5=top5)


def test_it_counts_labels_among_the_five_largest_logits():
    logits = torch.tensor(
        [
            [9.0, 8, 7, 6, 5, 4, 3],  # the label is the fifth
            [9.0, 8, 7, 6, 5, 4, 3],  # the label is the sixth
            [0.0, 0, 0, 0, 0, 0, 9],  # the label is the first
            [0.0, 0, 0, 0, 0, 0, 0],  # of equal ones the lower numbers come first
        ]
    )
    labels = torch.tensor([4, 5, 6, 5])
    likeliest = likeliest_classes(logits)
    assert likeliest.tolist()[2] == [6, 0, 1, 2, 3]
    correctness = class_correctness(logits.argmax(dim=1), labels, likeliest)
    assert (correctness.correct, correctness.top5) == ("0010", "1010")
    halves = [class_correctness(logits[rows].argmax(dim=1), labels[rows], likeliest[rows])
              for rows in (slice(2), slice(2, 4))]  # fmt: skip
    assert combine(halves) == correctness
    assert likeliest_classes(logits[:, :5]) is None
    assert class_correctness(logits.argmax(dim=1), labels).top5 == ""


def test_a_summary_has_it_with_the_interval_that_accuracy_has():
    values = summary([_measurement("1010", "1110"), _measurement("1000", "1111")])
    assert values["top5"] == pytest.approx(7 / 8)
    alone = summary([_measurement("1110")] * 2)
    same = summary([_measurement("0000", "1110")] * 2)
    assert [same[f"top5{end}"] for end in ("", "_low", "_high")] == [
        alone[f"accuracy{end}"] for end in ("", "_low", "_high")
    ]
    assert (same["top5_low"], same["top5_high"]) == pytest.approx(wilson(0.75, 4))
    assert not any("top5" in name for name in alone)
    assert "top5" not in summary([_measurement("10", "11"), _measurement("10")])
    seeds = summary_over_seeds([[_measurement("10", "11")], [_measurement("10", "10")]])
    assert seeds["top5"] == 0.75 and seeds["top5_low"] < 0.75 <= seeds["top5_high"]
    with pytest.raises(UsageError, match="same samples"):
        summary([_measurement("10", "11"), _measurement("10", "1")])


def test_a_measurement_of_ten_classes_has_it_and_its_record_keeps_it(tmp_path):
    task, storage = tiny_task(), Storage(str(tmp_path))
    storage.parts.save("classifier", task, train("classifier", task, {}), {})
    evaluator = Evaluator(task, "noisy", storage, 16, torch.device("cpu"), dataset=DIGITS)
    sampling = Sampling("test", 40, 0)
    measured = evaluator.measure({}, sampling)
    outcome, _ = evaluator.sample({}, sampling)
    raw = evaluator.judge._classifier.scale.restored(outcome.y)
    best = raw.topk(5, dim=1).indices
    labels = DIGITS.test.first(40).labels
    assert measured.top5 == "".join(
        str(int(label in row)) for label, row in zip(labels.tolist(), best.tolist(), strict=True)
    )
    assert measured.correct.count("1") < measured.top5.count("1")
    assert all(t >= c for t, c in zip(measured.top5, measured.correct, strict=True))
    assert storage.records.find(evaluator.config({}, sampling)) == measured


def test_records_of_the_last_release_are_told_apart(tmp_path):
    """They have no top-5 accuracy; those of sentences never have one and stay."""
    task, storage = tiny_task(), Storage(str(tmp_path))
    config = measurement_config(task, "noisy", {}, Sampling("test", 4, 0))
    assert config["format"] == FORMATS["image"] == 5
    earlier = replace(_measurement("1010"), config=config | {"format": 4})
    path = storage.records.save(earlier)
    assert "top5" not in path.read_text() and storage.records.get(path.stem) == earlier
    assert storage.records.find(config) is None and key_of(config) != path.stem
    assert FORMATS == {"image": 5, "word": 6, "sentence": 5}


def test_tables_show_it_where_they_are_asked_and_files_always_have_it():
    values = summary([_measurement("1010", "1110")] * 2)
    point = ReportedPoint("nested", "nested", "front", {}, test=values)
    assert "test_top5,test_top5_low,test_top5_high" in to_csv([point])
    assert {"top5", "top5_low", "top5_high"} <= set(METRICS)

    def shown(points, **options):
        stream = io.StringIO()
        table_of_points(Console(stream), "title", points, BY_ACCURACY, **options)
        return stream.getvalue()

    assert "top-5" not in shown([point]) and "75.0 [" not in shown([point])
    with_top5 = shown([point], top5=True)
    assert "top-5" in with_top5 and "75.0 [" in with_top5
    mixed = shown([point, replace(point, test=summary([_measurement("1010")]))], top5=True)
    assert "–" in mixed
    without = replace(point, test=summary([_measurement("1010")]))
    assert "top-5" not in shown([without], top5=True)


def test_facts_say_what_the_answers_are(tmp_path):
    places = str(tmp_path), "sqlite:///x.db"
    setup = setup_of(Plan("nested", "digits", "gn30", "smoke", 4, 0, 1, 0.0, *places))
    assert setup.facts.answers == setup.task.recipe.answers == "image"
