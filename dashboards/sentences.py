"""What points gain on others, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.points import p_text
from trainables.scoring.metric_names import Metric
from trainables.scoring.statistics import LEVEL

NOT_TOLD_APART = "not told apart"
"""What is said of two points whose paired test is not significant."""


def told_apart(test: Mapping[str, float]) -> bool:
    """Whether a paired test is significant, corrected for the number of tests where it has been."""
    return test.get("p_holm", test["p_value"]) < 1 - LEVEL


def gains_text(label: str, tests: Mapping[str, Mapping[str, float]]) -> str:
    """What a point gains on others and loses to them, in a sentence; empty without tests.

    A gain is for the better, in percentage points: of accuracy more, of WER less.

    Args:
        label: the point's.
        tests: its paired test against each of the others, by their labels: the difference of accuracy (of
            sentences 1 - WER) and the p-value.
    """
    gains = {other: round(100 * test["difference"], 1) for other, test in tests.items()}
    parts = []
    for verb, to, others in (
        ("gains", "on", [other for other, gain in gains.items() if gain >= 0]),
        ("loses", "to", [other for other, gain in gains.items() if gain < 0]),
    ):
        texts = [
            f"{abs(gains[other]):.1f} {to} {other} ({_verdict(tests[other])})" for other in others
        ]
        parts += [f"{verb} {', '.join(texts)}"] if texts else []
    return f"{label} {'; '.join(parts)}" if parts else ""


def _verdict(test: Mapping[str, float]) -> str:
    """The p-value, and that it is too large where it is."""
    return p_text(test) if told_apart(test) else f"{p_text(test)}: {NOT_TOLD_APART}"


def gains_note(tests: int, metric: Metric) -> str:
    """What the numbers of `gains_text` are, where so many tests were corrected together."""
    return (
        f"gains: percentage points of {metric.title} on test {metric.samples}; paired tests at {LEVEL:.0%}, "
        f"p corrected for all {tests} (Holm)"
    )
