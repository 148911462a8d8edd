"""What is reproduced, and its doing: what a table needs is trained, then measured at the paper's points."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from platform.backend.candidates import Candidate
from platform.backend.measure import measure_all
from platform.backend.session import TrackedSession
from platform.cli.console import Console
from platform.cli.counts import counted
from platform.pipeline.prepare import prepare
from platform.planning.setup import Setup, kinds_of
from platform.reproduction.paper_tables import Table
from platform.reproduction.pooling import SeedRuns, pooled_results, tags_of_seeds
from platform.reproduction.results import Result, corrected, save
from platform.reproduction.settings import folder_of, run_settings, setups_of
from platform.reproduction.tables import TABLES

from dashboards.points import ReportedPoint
from trainables.scoring.metric_names import STAGE_REPRODUCE, Metric


@dataclass(frozen=True)
class Work:
    """What is reproduced: a table at a number of steps, on some datasets and corruptions.

    Args:
        name: the table's, as one of `tables.TABLES`.
        setups: one a dataset, corruption and training seed, the seeds of each following each other.
        seeds: the training seeds.
        steps: of each trajectory; as many as there are noise levels if None.
        folder: where the results go.
    """

    name: str
    setups: tuple[Setup, ...]
    seeds: tuple[int, ...]
    steps: int | None
    folder: Path

    def table(self, setup: Setup) -> Table:
        """The paper's table, at the noise levels of a setup."""
        return TABLES[self.name](setup.task.recipe.T)

    def steps_of(self, setup: Setup) -> int:
        """The number of steps of each trajectory on a setup's data."""
        return self.steps or setup.task.recipe.T

    def candidates(self, setup: Setup) -> list[Candidate]:
        """The point of each of the table's methods on a setup's data."""
        steps = self.steps_of(setup)
        return [Candidate(m.strategy, m.point(steps)) for m in self.table(setup).methods]

    def kinds(self, setup: Setup) -> list[str]:
        """Kinds of parts that the table's methods sample with on a setup's data."""
        return kinds_of(method.strategy for method in self.table(setup).methods)

    @property
    def metric(self) -> Metric:
        """What the table reports."""
        return self.table(self.setups[0]).metric


def work_of(namespace: argparse.Namespace) -> Work:
    """The table that the command line asks for, with a setup for every dataset and corruption.

    Raises:
        UsageError: a plan is not possible, or not for this table.
    """
    table = TABLES[namespace.what](2)
    strategy = table.methods[-1].strategy
    data = table.datasets, table.corruptions, table.conditions
    setups = setups_of(namespace, strategy, table.kind, *data)
    folder = folder_of(namespace, setups[0])
    return Work(namespace.what, tuple(setups), namespace.training_seeds, namespace.steps, folder)


def results_of(work: Work, console: Console) -> tuple[list[Result], int]:
    """Results of every dataset and corruption, and the exit status; one that fails is reported and
    left out, as is a training seed that fails.
    """
    results: dict[tuple[str, str], list[Result]] = {}
    seed_runs: dict[tuple[str, str], list[SeedRuns]] = {}
    log = work.folder / "reproduce.log"
    settings, seeds = len(work.setups) // len(work.seeds), len(work.seeds)
    places = counted(settings, "setting") + (f" at {seeds} training seeds" if seeds > 1 else "")
    console.line(f"{work.name} on {places}; log: {log}")

    def all_results() -> list[Result]:
        return corrected([result for setting in results.values() for result in setting])

    def reproduce(session: TrackedSession) -> None:
        setting = session.setup.plan.dataset, session.setup.plan.condition
        measured = seed_runs.setdefault(setting, [])
        measured.append(_seed_runs(work, session))
        results[setting] = _recorded(work, session, measured)
        save(all_results(), work.folder, work.metric)

    status = run_settings(work.setups, console, log, reproduce)
    return all_results(), status


def _seed_runs(work: Work, session: TrackedSession) -> SeedRuns:
    """Train what is missing at a training seed, and measure every method on the test split, some
    of them on more samples too.
    """
    setup = session.setup
    prepare(session, work.kinds(setup))
    candidates = work.candidates(setup)
    runs = measure_all(session, candidates, "test")
    wider = {}
    for place, method in enumerate(work.table(setup).methods):
        if method.most:
            (wider[place],) = measure_all(session, [candidates[place]], "test", limit=method.most)
    return SeedRuns(setup, runs, wider)


def _recorded(work: Work, session: TrackedSession, seed_runs: Sequence[SeedRuns]) -> list[Result]:
    """The results over the training seeds that have been measured, the last of them in this session. Its
    results are recorded in MLflow; with the last of several seeds, those over all of them too.
    """
    setup = session.setup
    table, candidates = work.table(setup), work.candidates(setup)
    alone = pooled_results(table, candidates, seed_runs[-1:])
    _record(work, session, alone, f"seed {setup.plan.seed}", {})
    if len(seed_runs) == 1:
        return alone
    pooled = pooled_results(table, candidates, seed_runs)
    if setup.plan.seed == work.seeds[-1]:
        tags = tags_of_seeds([seed.setup for seed in seed_runs])
        _record(work, session, pooled, f"seeds {tags['seeds']}", tags)
    return pooled


def _record(
    work: Work,
    session: TrackedSession,
    results: Sequence[Result],
    seeds: str,
    tags: dict[str, str],
) -> None:
    """Record results in MLflow as a parent run with a child run a method.

    Args:
        work: what is reproduced.
        session: the runs are recorded by its tracker.
        results: of one dataset and corruption.
        seeds: the training seeds in words, for the parent's name.
        tags: more tags of all these runs.
    """
    plan, tracker = session.setup.plan, session.tracker
    params: dict[str, object] = {"steps": work.steps_of(session.setup)}
    params |= {name: tags[name] for name in ("seed", "sweep") if name in tags}
    name = f"{work.name} {plan.condition} {plan.preset} {seeds}"
    tracker.open(name, STAGE_REPRODUCE, {"split": "test", **tags}, params)
    for r in results:
        reported = ReportedPoint(r.method, r.strategy, "paper", r.point, test=r.ours)
        tracker.confirmed(reported, extra=tags)
    tracker.finish("FINISHED")
