"""The tables of a diagnosis of Gaussian mixtures in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from platform.cli.console import Console
from platform.planning.presets.mixture import MixturePreset

from trainables.scoring.guidance import GuidanceLaw, MeasuredGuide
from trainables.scoring.power_law import Exponent


def text_of(exponent: Exponent) -> str:
    """An exponent with its interval."""
    return f"{exponent.value:.2f} [{exponent.low:.2f}, {exponent.high:.2f}]"


def mixture_tables(
    budget: MixturePreset,
    guides: Sequence[MeasuredGuide],
    laws: dict[int, GuidanceLaw],
    console: Console,
) -> None:
    """A table of dimensions and lengths, one of the steps after the longest training, two of the slopes."""
    _table_of_means(budget, guides, console)
    _table_of_steps(budget, guides, console)
    _table_of_laws(laws, console)
    console.line()
    levels = next(iter(laws.values())).slopes or {}
    rows = [
        [str(level), *(text_of((law.slopes or {})[level]) for law in laws.values())]
        for level in levels
    ]
    console.table("slope at each diffusion step alone", ["t", *(f"d = {d}" for d in laws)], rows)


def _table_of_means(
    budget: MixturePreset, guides: Sequence[MeasuredGuide], console: Console
) -> None:
    """Means over steps and seeds, for each dimension and training length."""
    rows = []
    for d, updates in ((d, updates) for d in budget.dimensions for updates in budget.updates):
        chosen = [g for g in guides if (g.dimensions, g.updates) == (d, updates)]
        steps = [step for guide in chosen for step in guide.steps]
        kl, error = _mean([s.kl for s in steps]), _mean([s.guidance_error for s in steps])
        ratios = [s.ratio(d) for s in steps]
        rows.append(
            [f"{d}, {updates}", f"{_mean([s.cross_entropy for s in steps]):.4f}",
             f"{_mean([s.entropy for s in steps]):.4f}", f"{kl:.5f}", f"{kl**0.5:.4f}",
             f"{error:.4f}", f"{d * kl**0.5:.3f}", f"{_mean(ratios):.3f}", f"{max(ratios):.3f}"]
        )  # fmt: skip
    console.line()
    console.table(
        f"means over {len(guides[0].steps)} steps and {budget.seeds} seeds, in nats",
        ["d, updates", "cross-entropy", "least possible", "KL ε²", "ε", "guidance error", "d ε",
         "error/(d ε)", "largest"],
        rows,
    )  # fmt: skip


def _table_of_steps(
    budget: MixturePreset, guides: Sequence[MeasuredGuide], console: Console
) -> None:
    """Each diffusion step after the longest training, means over seeds."""
    longest = max(budget.updates)
    by_dimension = {
        d: [g for g in guides if (g.dimensions, g.updates) == (d, longest)]
        for d in budget.dimensions
    }
    rows = []
    for number, first in enumerate(guides[0].steps):
        row = [str(first.level)]
        for d, chosen in by_dimension.items():
            steps = [guide.steps[number] for guide in chosen]
            row += [f"{_mean([s.cross_entropy for s in steps]):.3f}",
                    f"{_mean([s.epsilon for s in steps]):.4f}",
                    f"{_mean([s.guidance_error for s in steps]):.4f}",
                    f"{_mean([s.ratio(d) for s in steps]):.3f}"]  # fmt: skip
        rows.append(row)
    console.line()
    names = ("CE", "ε", "error", "ratio")
    columns = [f"{name}, d={d}" for d in budget.dimensions for name in names]
    console.table(f"each diffusion step after {longest} updates", ["t", *columns], rows)


def _table_of_laws(laws: dict[int, GuidanceLaw], console: Console) -> None:
    """The slope and the ratio to the curve, for each dimension."""
    console.line()
    console.table(
        "guidance error ~ ε^slope over training lengths [95 % interval over seeds]; error / (d ε)",
        ["d", "at the same step", "of means over steps", "least ratio", "largest ratio",
         "largest at t", "below d ε"],
        [
            [str(d), text_of(law.slope), text_of(law.slope_of_means), f"{law.lowest_ratio:.4f}",
             f"{law.highest_ratio:.3f}", str(law.highest_level), f"{100 * law.share_below:.0f} %"]
            for d, law in laws.items()
        ],
    )  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
