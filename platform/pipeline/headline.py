"""What a sweep found, in sentences: the points that it names, and what they gain on the baselines."""

from __future__ import annotations

from platform.pipeline.choice import MARGIN, Choice

from dashboards.points import ReportedPoint, difference, result
from dashboards.sentences import gains_note, gains_text, told_apart
from trainables.scoring.metric_names import NFE, Metric
from trainables.scoring.statistics import PairedTest

_MARGIN = f"{100 * MARGIN:g} percentage point"


def headline(choice: Choice, metric: Metric) -> list[str]:
    """What was found, a paragraph each: every named point with its interval and cost, and what it gains on
    each baseline at its best; numbers are of test samples unless a paragraph says otherwise.
    """
    lines = []
    for point, names in choice.named:
        why = _reason(choice, names, metric)
        lines.append(f"{' and '.join(names)}: {result(point, metric, choice.cost)}{why}")
        lines += _gains(choice, point)
    return [*lines, *_unmet_bounds(choice), *notes(choice, metric)]


def _unmet_bounds(choice: Choice) -> list[str]:
    """The bounds that no confirmed point keeps to; a paragraph each."""
    lines = []
    if choice.max_cost and choice.affordable is None:
        amount = f"so few {choice.cost.unit}"
        lines.append(
            f"within {choice.max_cost:g}: no confirmed point has {amount}: search on, or allow more"
        )
    if choice.min_accuracy and choice.sufficient is None:
        lines.append(
            f"at least {100 * choice.min_accuracy:g} %: no confirmed point is so accurate on validation "
            "samples: search on, or be content with less"
        )
    return lines


def _reason(choice: Choice, names: tuple[str, ...], metric: Metric) -> str:
    """Why a named point is what it is, as the end of its sentence."""
    on_validation = f"on validation {metric.samples}"
    if "cheapest" in names and choice.loss is not None:
        return f"; {on_validation} within {_MARGIN} of the best, {_interval(choice.loss, metric)}"
    if "cheapest" in names:
        return f"; {on_validation} every cheaper one is more than {_MARGIN} behind it"
    if "best" in names:
        return f"; the most accurate {on_validation}"
    if choice.affordable is not None and f"within {choice.max_cost:g}" in names:
        most = f"{choice.max_cost:g} {choice.cost.unit}"
        return f"; the most accurate {on_validation} of those of at most {most}"
    return f"; the cheapest of those that are so accurate {on_validation}"


def _interval(test: PairedTest, metric: Metric) -> str:
    """A paired difference with its interval, in percentage points of the metric."""
    low, high = sorted(100 * metric.gain(end) for end in (test.low, test.high))
    value = 100 * metric.gain(test.difference) + 0.0  # no -0.0
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def _gains(choice: Choice, point: ReportedPoint) -> list[str]:
    """What a point gains on the baselines, where it was tested against any."""
    text = gains_text(point.label, choice.gains(point))
    return [text] if text else []


def verdict(choice: Choice, metric: Metric) -> list[str]:
    """The cheapest point, and what it gains on the baselines; a paragraph each."""
    return [result(choice.cheapest, metric, choice.cost), *_gains(choice, choice.cheapest)]


def notes(choice: Choice, metric: Metric) -> list[str]:
    """What the numbers of gains are, and whether nothing was gained at all; a paragraph each."""
    lines = [gains_note(choice.tests, metric)] if choice.tests else []
    if choice.noisy is not None:
        test = choice.best.tests[choice.noisy.label]
        lines.append(
            f"nothing was gained: {choice.best.label} is behind "
            f"{result(choice.noisy, metric, choice.cost)}, by {difference(test, metric)}"
        )
    return lines


def named_as_json(choice: Choice, metric: Metric) -> list[dict[str, object]]:
    """The named points with intervals, costs and gains on every baseline at its best, as JSON types."""
    return [
        {
            "names": list(names),
            "label": point.label,
            "metric": metric.name,
            "test": {
                name: point.test[name]
                for name in (metric.name, metric.low, metric.high, NFE, choice.cost.name)
            },
            "gains": {
                label: {**test, "told_apart": told_apart(test)}
                for label, test in choice.gains(point).items()
            },
        }
        for point, names in choice.named
    ]
