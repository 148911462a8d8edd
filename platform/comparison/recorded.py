"""What MLflow has of sweeps, as read and before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.comparison.model import Setting
from dashboards.points import ReportedPoint
from trainables.evaluation.records import Measurement


@dataclass(frozen=True)
class RecordedPoint:
    """A confirmed point of one sweep.

    Args:
        reported: the point with its metrics on both splits.
        run_id: of its run.
        command: what to type to measure it again; empty where that is not recorded.
        validation, test: its answers on each split, a measurement a sampling seed; empty where they were
            not recorded (by an earlier release), so that it can be drawn but not tested.
    """

    reported: ReportedPoint
    run_id: str
    command: str
    validation: tuple[Measurement, ...]
    test: tuple[Measurement, ...]


@dataclass(frozen=True)
class RecordedTrial:
    """A complete trial of a search.

    Args:
        number: its own in the sweep.
        point: its sampling parameters.
        validation: metrics on validation samples and costs, by their names in `metric_names`.
        run_id: of its run.
    """

    number: int
    point: Mapping[str, object]
    validation: Mapping[str, float]
    run_id: str


@dataclass(frozen=True)
class RecordedSweep:
    """The newest finished sweep of a strategy at a setting and training seed.

    Args:
        strategy, setting, seed: what was swept.
        run_id: of its parent run.
        points: of its last confirmation, baselines among them.
        trials: by their numbers.
        gallery: the file of its samples; None where it has none.
    """

    strategy: str
    setting: Setting
    seed: int
    run_id: str
    points: tuple[RecordedPoint, ...]
    trials: tuple[RecordedTrial, ...]
    gallery: bytes | None = None
