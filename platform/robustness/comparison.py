"""Which strategy loses least under other degradations than those it was trained on, by paired tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from platform.robustness.work import Row

import numpy as np

from trainables.data.degradation import Degradation
from trainables.evaluation.losses import Transferred, loss, loss_difference
from trainables.scoring.metric_names import ACCURACY
from trainables.scoring.statistics import LEVEL, PairedTest, holm
from trainables.task.members import RETRAINED


@dataclass(frozen=True)
class Loss:
    """What a point loses on average over the degradations that it was not trained on.

    Args:
        row: the point.
        test: the loss with its interval, and its test against no loss.
        elsewhere: the mean accuracy over these degradations.
        corrected: against the points of other strategies, by their labels: by how much this loss is above
            theirs, and the p-value, corrected by Holm for all pairs.
    """

    row: Row
    test: PairedTest
    elsewhere: float
    corrected: dict[str, tuple[float, float]]

    def differs_from(self, label: str) -> bool:
        """Whether its loss is told from that of another point."""
        return self.corrected[label][1] < 1 - LEVEL


def losses_of(rows: Sequence[Row], tested: Sequence[Degradation]) -> list[Loss]:
    """The losses of compared rows of one trained condition, the least first. All pairs are tested, since
    which loses least is known afterwards alone.

    Args:
        rows: of one condition; those that were not measured under every degradation are left out.
        tested: all degradations, the trained one among them.
    """
    rows = [row for row in rows if row.compared and set(tested) <= row.runs.keys()]
    points = [_transferred(row, tested) for row in rows]
    pairs = list(combinations(range(len(rows)), 2))
    tests = [loss_difference(points[i], points[j]) for i, j in pairs]
    corrected: list[dict[str, tuple[float, float]]] = [{} for _ in rows]
    for (i, j), test, p in zip(pairs, tests, holm([t.p_value for t in tests]), strict=True):
        corrected[i][rows[j].point.label] = test.difference, p
        corrected[j][rows[i].point.label] = -test.difference, p
    losses = [
        Loss(row, loss(point), _elsewhere(row, tested), others)
        for row, point, others in zip(rows, points, corrected, strict=True)
    ]
    return sorted(losses, key=lambda one: one.test.difference)


def _transferred(row: Row, tested: Sequence[Degradation]) -> Transferred:
    others = [row.runs[degradation] for degradation in tested if degradation != row.trained]
    return Transferred(row.runs[row.trained], others)


def _elsewhere(row: Row, tested: Sequence[Degradation]) -> float:
    """A row's mean accuracy over the degradations that it was not trained on."""
    others = [degradation for degradation in tested if degradation != row.trained]
    return float(np.mean([row.metrics(degradation)[ACCURACY] for degradation in others]))


def findings(losses: Sequence[Loss]) -> list[str]:
    """Which point loses least, how the frozen classifier behind a diffusion and the retrained one compare,
    and which is the most accurate elsewhere; a sentence each.
    """
    if len(losses) < 2:
        return []
    least, accurate = losses[0], max(losses, key=lambda one: one.elsewhere)
    alike = [label for label in least.corrected if not least.differs_from(label)]
    told = "the difference from all others is beyond chance"
    if alike:
        told = f"not told from {', '.join(alike)}"
    tests = len(losses) * (len(losses) - 1) // 2
    trained = least.row.trained.text
    lines = [
        f"trained on {trained}, {least.row.point.label} loses least of {len(losses)}: "
        f"{_points(least.test)} points of accuracy on average under what it was not trained on, a negative "
        f"loss being a gain; {told} (paired, at {LEVEL:.0%}, Holm's correction for {tests} tests)"
    ]
    lines += _frozen_and_retrained(losses)
    return [
        *lines,
        f"a loss is from a point's own accuracy: the most accurate there is {accurate.row.point.label}, "
        f"{100 * accurate.elsewhere:.1f} % on average",
    ]


def _frozen_and_retrained(losses: Sequence[Loss]) -> list[str]:
    """Whether frozen classifiers that a diffusion restores signals for lose more or less than the retrained
    one; no sentence where one of the two is missing.
    """
    retrained = [one for one in losses if one.row.point.strategy == RETRAINED]
    restored = [one for one in losses if one.row.restores]
    if not retrained or not restored:
        return []
    name = retrained[0].row.point.label
    sides: dict[str, list[str]] = {"loses less:": [], "loses more:": [], "not told from it:": []}
    for one in restored:
        difference, _ = one.corrected[name]
        side = "not told from it:" if not one.differs_from(name) else (
            "loses more:" if difference > 0 else "loses less:"
        )  # fmt: skip
        sides[side].append(f"{one.row.point.label} ({100 * difference:+.1f})")
    words = "; ".join(f"{side} {', '.join(names)}" for side, names in sides.items() if names)
    differ = any(one.differs_from(name) for one in restored)
    return [
        f"the frozen classifier behind a diffusion and {name}, which loses {_points(retrained[0].test)} "
        f"points, {'differ' if differ else 'are not told apart'}: {words}"
    ]


def _points(test: PairedTest) -> str:
    """A loss in percentage points with its interval."""
    low, value, high = (100 * part for part in (test.low, test.difference, test.high))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"


def cells_of_loss(one: Loss, least: Loss) -> list[str]:
    """A loss as a row of the terminal's table, beside the least."""
    beside = ""
    if one is not least:
        difference, p = one.corrected[least.row.point.label]
        beside = f"{100 * difference + 0.0:+.1f} ({f'p={p:.2g}' if p >= 0.001 else 'p<0.001'})"
    own = one.row.metrics(one.row.trained)[ACCURACY]
    return [
        one.row.point.label,
        f"{100 * own:.1f}",
        f"{100 * one.elsewhere:.1f}",
        _points(one.test),
        beside,
    ]
