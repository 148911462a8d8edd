"""What a point costs a sample, in searches and comparisons: names in records, titles, numbers."""

from __future__ import annotations

from dataclasses import dataclass

from trainables.scoring.metric_names import GFLOPS, NFE, SECONDS_ALONE, SECONDS_PER_SAMPLE


@dataclass(frozen=True)
class CostMetric:
    """A cost of one sample, of which less is better.

    Args:
        name: the metric's name in records.
        title: its title in tables.
        axis: the title of an axis of it.
        unit: what stands after a number of it in a sentence.
        is_count: whether it is a count; its means over samples are written with a decimal where they are
            below 100.
    """

    name: str
    title: str
    axis: str
    unit: str
    is_count: bool = False

    def number(self, value: float) -> str:
        """A value of it as tables and sentences have it."""
        if not self.is_count:
            return f"{value:.3g}"
        is_whole = abs(value - round(value)) < 0.05
        return f"{value:.0f}" if is_whole or value >= 100 else f"{value:.1f}"


BY_NFE = CostMetric(NFE, "NFE", "NFE a sample (denoiser calls, log scale)", "calls", is_count=True)
BY_GFLOPS = CostMetric(GFLOPS, "GFLOPs", "GFLOPs a sample (all networks, log scale)", "GFLOPs")
BY_SECONDS = CostMetric(
    SECONDS_ALONE, "seconds", "seconds a sample (one actor alone, log scale)", "seconds"
)

USUAL_COST = "nfe"
COST_METRICS = {USUAL_COST: BY_NFE, "gflops": BY_GFLOPS, "seconds": BY_SECONDS}
"""The costs that a search may go by, by their names on the command line."""

COMPARED_COSTS = COST_METRICS | {
    "seconds": CostMetric(
        SECONDS_PER_SAMPLE, "seconds", "seconds a sample (as measured, log scale)", "seconds"
    )
}
"""The costs that any sweeps can be compared by. Few were timed alone; of all it is known how long a sample
took beside what else was measured.
"""
