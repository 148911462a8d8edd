"""Where the files of a comparison go, and its summary for scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from platform.comparison.read import Wanted
from platform.planning.locations import without_passwords
from typing import Any

from dashboards.comparison.model import ComparedPoint, Comparison, Setting
from trainables.core.config import digest
from trainables.data.degradation import Degradation, condition_text, path_name

PAGE = "comparison.html"
"""The page of all that is compared, in the comparison's folder."""
FIGURE, TABLE = "front-1col.png", "points.csv"
"""Of a setting's files those that are named first."""
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Asked:
    """What is compared, as it was asked for.

    Args:
        titles: of the datasets; all if None.
        wanted: which of their sweeps.
        cost: the name of the cost metric.
        max_cost: what a user would pay at most; 0 where that was not told.
    """

    titles: tuple[str, ...] | None
    wanted: Wanted
    cost: str
    max_cost: float = 0.0

    @property
    def name(self) -> str:
        """Its name as a part of a path: `digits-gn30-quick-seed-0`, `all`."""
        wanted, words = self.wanted, [*(self.titles or ("all",))]
        words += [word for word in (wanted.corruption, wanted.preset) if word is not None]
        shares = {"resolution": wanted.resolution, "train-fraction": wanted.train_fraction}
        words += [f"{name}-{share:g}" for name, share in shares.items() if share is not None]
        words += [f"seed-{seed}" for seed in wanted.seeds or ()]
        words += [self.cost] if self.cost != "nfe" else []
        words += [f"within-{self.max_cost:g}"] if self.max_cost else []
        return file_name("-".join(words))

    @property
    def identity(self) -> str:
        """What tells it apart from other comparisons."""
        return digest(asdict(self), 20)


def file_name(text: str) -> str:
    """A text as the name of a file; texts that differ have names that do."""
    name = path_name(text).strip(".-")[:_LONGEST_NAME]
    return name if name == text else f"{name}-{digest(text, 6)}"


def setting_name(setting: Setting) -> str:
    """A setting as the name of a folder: `digits-gn30-quick-T50`."""
    condition = path_name(condition_of(setting))
    return file_name(f"{setting.title}-{condition}-{setting.preset}-T{setting.T}")


def condition_of(setting: Setting) -> str:
    """What a setting was trained under, in words: `gn30, resolution 0.5`."""
    degradation = Degradation(setting.corruption, setting.resolution)
    return condition_text(degradation, setting.train_fraction)


def heading_of(comparison: Comparison) -> str:
    """Data, condition, preset and training seeds in words."""
    setting, seeds = comparison.setting, ", ".join(map(str, comparison.seeds))
    plural = "s" if len(comparison.seeds) > 1 else ""
    return (
        f"{setting.title}, {condition_of(setting)} (preset {setting.preset}, seed{plural} {seeds})"
    )


def summary_of(
    comparisons: Sequence[Comparison],
    folder: Path,
    uri: str,
    run: str,
    notes: Sequence[str],
) -> dict[str, Any]:
    """A comparison for scripts, in JSON types: of the setting that is shown first at the top, of all below
    `comparisons`.
    """
    first = comparisons[0]
    return {
        **_summary(first, folder),
        "tracking_uri": without_passwords(uri),
        "run_id": run,
        "notes": list(notes),
        "comparisons": [_summary(comparison, folder) for comparison in comparisons],
    }


def _summary(comparison: Comparison, folder: Path) -> dict[str, Any]:
    """What a setting's comparison came to."""
    setting = comparison.setting
    return {
        "dataset": setting.title,
        "corruption": setting.corruption,
        "preset": setting.preset,
        "seed": ",".join(map(str, comparison.seeds)),
        "resolution": setting.resolution,
        "train_fraction": setting.train_fraction,
        "cost": comparison.cost,
        "strategies": [strategy.strategy for strategy in comparison.strategies],
        "files": {kind: str(path) for kind, path in files_of(comparison, folder).items()},
        "found": list(comparison.found),
        "points": [_point(point) for point in comparison.points],
    }


def files_of(comparison: Comparison, folder: Path) -> Mapping[str, Path]:
    """The files that are named first."""
    place = folder / setting_name(comparison.setting)
    return {"page": folder / PAGE, "figure": place / FIGURE, "table": place / TABLE}


def _point(point: ComparedPoint) -> dict[str, Any]:
    """A point; its parameters are those at the first training seed."""
    return {
        "label": point.label,
        "strategy": point.strategy,
        "role": point.role,
        "point": dict(point.points[0]) if point.points else {},
        "validation": dict(point.validation),
        "test": dict(point.test),
        "cost": asdict(point.cost),
        "names": list(point.names),
        "points": [dict(values) for values in point.points],
        "run_ids": list(point.run_ids),
        "commands": list(point.commands),
        "on_front": point.on_front,
        "on_joint_front": point.on_joint_front,
    }
