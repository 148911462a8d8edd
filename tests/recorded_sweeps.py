"""Sweeps as MLflow has them, made up by hand: answers, costs and trials whose truth is known."""

from platform.comparison.recorded import RecordedPoint, RecordedSweep, RecordedTrial

from dashboards.comparison.model import Setting
from dashboards.points import ReportedPoint
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import summary
from trainables.scoring.metric_names import METRIC_OF_KIND

DIGITS = Setting("digits", "gn30", "quick", kind="image", classes=10, T=50)
WORDS = Setting("words", "babble", "quick", kind="speech", classes=0, T=50)


def right(count, size, shift=0, seeds=1):
    """Answers of which so many are right at each sampling seed, beginning with the sample number `shift`."""
    correct = ["0"] * size
    for number in range(count):
        correct[(number + shift) % size] = "1"
    return ["".join(correct)] * seeds


def wrong_words(count, size):
    """Answers of sentences of ten words, one of which is wrong in so many of them."""
    return [tuple(int(number < count) for number in range(size))]


def answers(rows, costs):
    """Measurements of what `right` or `wrong_words` made."""
    measurements = []
    for row in rows:
        if isinstance(row, str):
            measurements.append(Measurement({}, {}, row, costs))
        else:
            correct = "".join("1" if errors == 0 else "0" for errors in row)
            measurements.append(Measurement({}, {}, correct, costs, row, (10,) * len(row)))
    return tuple(measurements)


def confirmed(label, cost, validation, test=None, role="front", recorded=True, kind="image"):
    """A confirmed point, the same on both splits unless told otherwise; GFLOPs and seconds follow from its
    calls. With `recorded` False its answers are not there, but its metrics are.
    """
    costs = {
        "nfe": float(cost),
        "gflops": 0.5 * cost + 0.1,
        "seconds_per_sample": 0.01 * cost + 0.001,
    }
    splits = [answers(rows, costs) for rows in (validation, test or validation)]
    metrics = [summary(split, METRIC_OF_KIND[kind]) for split in splits]
    strategy = label.split()[0].split(",")[0]
    reported = ReportedPoint(label, strategy, role, {"steps": cost}, *metrics)
    kept = splits if recorded else [(), ()]
    return RecordedPoint(reported, f"run of {label}", f"replay {label}", *kept)


def trials(*places):
    """Trials at these (accuracy, calls)."""
    return tuple(
        RecordedTrial(
            number,
            {"steps": int(calls)},
            {"accuracy": accuracy, "nfe": float(calls), "gflops": 0.5 * calls + 0.1},
            f"trial {number}",
        )
        for number, (accuracy, calls) in enumerate(places)
    )


def sweep(strategy, points, seed=0, setting=DIGITS, tried=()):
    """A sweep with these confirmed points."""
    return RecordedSweep(
        strategy, setting, seed, f"sweep of {strategy} at {seed}", tuple(points), trials(*tried)
    )
