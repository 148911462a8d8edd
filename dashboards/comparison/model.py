"""What a comparison shows: numbers and names alone, which page, figures and tables draw and nothing computes
again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dashboards.pareto import Reference
from trainables.scoring.metric_names import Metric


@dataclass(frozen=True, order=True)
class Setting:
    """What sweeps must have in common to be compared, all but the training seed.

    Args:
        title: of the dataset, which is the experiment's name in MLflow.
        corruption, resolution, train_fraction: the condition that everything was trained under.
        preset: of budget and sizes.
        kind: of the signals, "image" or "speech".
        classes: how many there are, 0 for sentences.
        T: noise levels of the processes.
    """

    title: str
    corruption: str
    preset: str
    resolution: float = 1.0
    train_fraction: float = 1.0
    kind: str = "image"
    classes: int = 0
    T: int = 0


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval; all three are one where there is nothing to vary."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ComparedPoint:
    """A confirmed point, over all training seeds that are compared.

    Args:
        label: its name, the same in every figure and table: that of its sweep where one training seed is
            compared, and else what it is at each of them, such as `nested, cheapest`.
        strategy: the strategy that it is a point of.
        role: "front", "paper" or "baseline".
        points: its sampling parameters, for each training seed.
        run_ids: its runs in MLflow, for each training seed.
        commands: what to type to measure it again, for each training seed; empty where that is not recorded.
        cost: on the axis that is compared, the mean over training seeds.
        validation, test: metrics on that split by their names in `trainables.scoring.metric_names`, over
            all training seeds.
        on_front: whether none of its strategy's points beats it on test samples.
        on_joint_front: whether no point of any strategy does.
        names: what it is chosen as, in few words, such as "cheapest", "best", "within 10", "knee".
    """

    label: str
    strategy: str
    role: str
    points: tuple[Mapping[str, object], ...]
    run_ids: tuple[str, ...]
    commands: tuple[str, ...]
    cost: Interval
    validation: Mapping[str, float]
    test: Mapping[str, float]
    on_front: bool
    on_joint_front: bool
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComparedTrial:
    """A trial of a search, as measured on validation samples.

    Args:
        seed: the training seed of its sweep.
        number: its own in the sweep.
        accuracy: on validation samples (of sentences 1 - WER).
        cost: on the axis that is compared.
        point: its sampling parameters.
        run_id: of its run in MLflow.
    """

    seed: int
    number: int
    accuracy: float
    cost: float
    point: Mapping[str, object]
    run_id: str


@dataclass(frozen=True)
class ComparedStrategy:
    """A strategy with all that was found of it.

    Args:
        strategy: its name.
        swept: whether it was searched; a baseline that only stood beside others has no trials.
        points: the confirmed points, by rising cost.
        trials: those of all searches.
        seed_fronts: for each training seed, the undominated (cost, accuracy) on test samples, by rising cost.
        hypervolume: of the trials' front on validation samples, over training seeds; None where it was not
            swept.
        growth: for each training seed, the hypervolume after each trial, in the order of their numbers.
        importance: how much each sampling parameter matters for accuracy, in [0, 1], the most first; empty
            where there are too few trials.
        as_good: labels of the cheapest point that is not worse than another, by what that is: "enhanced",
            "retrained", "the best"; None where there is none, missing where that other was not measured.
    """

    strategy: str
    swept: bool
    points: tuple[ComparedPoint, ...]
    trials: tuple[ComparedTrial, ...] = ()
    seed_fronts: Mapping[int, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    hypervolume: Interval | None = None
    growth: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    importance: Mapping[str, float] = field(default_factory=dict)
    as_good: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class ComparedPair:
    """A paired test between two points of different strategies on the same test samples.

    Args:
        first, second: the points' labels.
        budget: the most cost that both were chosen within on validation samples; None where the two were
            chosen otherwise.
        difference, low, high: the accuracy of the first less that of the second, with its 95 % interval.
        p_value: two-sided, of this test alone.
        p_holm: corrected for all tests of the comparison.
    """

    first: str
    second: str
    budget: float | None
    difference: float
    low: float
    high: float
    p_value: float
    p_holm: float


@dataclass(frozen=True)
class OnlyRight:
    """A test sample that the named point of one strategy answers rightly, and of no other.

    Args:
        number: of the sample in the test split.
        strategy: the one that is right.
    """

    number: int
    strategy: str


@dataclass(frozen=True)
class Comparison:
    """All that is shown of one setting.

    Args:
        setting: what was compared.
        seeds: the training seeds.
        metric: what the vertical axes show.
        cost: the name of the cost metric of the horizontal axes, one of `metric_names.COSTS`.
        cost_title: that axis's title.
        reference: the point that hypervolumes are measured from.
        strategies: in the order of their names.
        pairs: the tests at matched cost, and those of named points against baselines.
        found: what was found, a sentence each: three named points with what they gain on each baseline,
            then the tests.
        only_right: samples that only one strategy gets right.
        notes: what people should know, such as sweeps that lack what tests need.
    """

    setting: Setting
    seeds: tuple[int, ...]
    metric: Metric
    cost: str
    cost_title: str
    reference: Reference
    strategies: tuple[ComparedStrategy, ...]
    pairs: tuple[ComparedPair, ...] = ()
    found: tuple[str, ...] = ()
    only_right: tuple[OnlyRight, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def points(self) -> tuple[ComparedPoint, ...]:
        """The confirmed points of all strategies."""
        return tuple(point for strategy in self.strategies for point in strategy.points)
