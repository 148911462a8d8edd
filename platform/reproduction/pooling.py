"""Results of a table's methods on one dataset and corruption, over all training seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from platform.backend.candidates import Candidate
from platform.planning.setup import Setup
from platform.reproduction import paper_tables
from platform.reproduction.results import Result, percent_of

from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import paired_over_seeds, summary, summary_over_seeds
from trainables.training.part_store import key_of


@dataclass(frozen=True)
class SeedRuns:
    """What was measured at one training seed.

    Args:
        setup: of the dataset, corruption and seed.
        runs: measurements of each method of the table, one a sampling seed; empty where it failed.
        wider: those on more samples of methods that take next to no time, by the method's place in the
            table; empty where it failed.
    """

    setup: Setup
    runs: Sequence[Sequence[Measurement]]
    wider: Mapping[int, Sequence[Measurement]] = field(default_factory=dict)


def pooled_results(
    table: paper_tables.Table, candidates: Sequence[Candidate], seed_runs: Sequence[SeedRuns]
) -> list[Result]:
    """A result for each method that was measured at every seed.

    Args:
        table: the paper's.
        candidates: the point of each method.
        seed_runs: one a training seed, of the same dataset and corruption.
    """
    groups = [list(group) for group in zip(*(seed.runs for seed in seed_runs), strict=True)]
    return [
        _result(table, column, candidates[column], seed_runs, groups)
        for column, group in enumerate(groups)
        if all(group)
    ]


def _result(
    table: paper_tables.Table,
    column: int,
    candidate: Candidate,
    seed_runs: Sequence[SeedRuns],
    groups: Sequence[Sequence[Sequence[Measurement]]],
) -> Result:
    """The result of a table's method, beside the number that the paper reports. The number is of the most
    samples that the method was measured on, the test against another method of those that both were.

    Args:
        table: the paper's.
        column: the method's place in the table.
        candidate: the point at which the method was measured.
        seed_runs: one a training seed.
        groups: the measurements of every method, a list a training seed.
    """
    setup, method, group = seed_runs[0].setup, table.methods[column], groups[column]
    plan, metric = setup.plan, setup.metric
    source = table.source(plan.dataset, plan.condition)  # the paper reduces nothing
    test_images = paper_tables.TEST_IMAGES.get(source, 0)
    percentage = table.percentage(plan.dataset, plan.condition, column)
    against = None if table.reference in (None, column) else groups[table.reference]
    tested = against is not None and all(against)
    wider = [seed.wider.get(column, ()) for seed in seed_runs]
    widest = wider if all(wider) else group
    return Result(
        dataset=setup.facts.title,
        corruption=plan.condition,
        method=method.label,
        strategy=method.strategy,
        place=method.place,
        point=dict(candidate.point),
        ours=summary_over_seeds(widest, metric),
        images=len(widest[0][0].correct),
        seeds=len(widest[0]),
        paper=percent_of(percentage, test_images, table.metric),
        paper_images=test_images,
        test=asdict(paired_over_seeds(group, against)) if against and tested else None,
        paper_dataset=source,
        per_seed={
            str(seed.setup.plan.seed): summary(measurements, metric)
            for seed, measurements in zip(seed_runs, widest, strict=True)
        },
    )


def tags_of_seeds(setups: Sequence[Setup]) -> dict[str, str]:
    """Tags of MLflow runs that are of several training seeds: what differs between these, all of it."""
    first = setups[0]
    seeds = ",".join(str(setup.plan.seed) for setup in setups)
    parts = {
        f"part.{kind}": ",".join(dict.fromkeys(key_of(kind, setup.task) for setup in setups))
        for kind in first.kinds
    }
    sweeps = ",".join(dict.fromkeys(setup.sweep_id for setup in setups))
    return {"seed": seeds, "seeds": seeds, "sweep": sweeps, **parts}
