"""`python -m platform.sweep all DATASET`: one sweep a strategy, with the same budget, then all compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from platform.backend.cluster import Cluster
from platform.backend.session import run_each
from platform.backend.tracking import Tracker
from platform.cli import interrupts
from platform.cli.console import Console
from platform.cli.next_steps import page_address, page_steps
from platform.cli.tables import paragraphs, table
from platform.pipeline import one_sweep
from platform.pipeline.choice import verdict
from platform.pipeline.confirm import Confirmation
from platform.planning.plan import Plan

from dashboards.curves import fronts_figure
from dashboards.figure_files import figure_files
from dashboards.points import ReportedPoint, as_json, result, to_csv
from trainables.core.config import digest
from trainables.core.files import write_files, write_json
from trainables.scoring.metric_names import ACCURACY, Metric


def run_all(plans: Sequence[Plan], console: Console, json_file: Path | None) -> int:
    """Sweep every plan, then compare; returns the exit status, that of the last failure if any."""
    confirmed: dict[str, Confirmation] = {}
    experiments: set[str] = set()

    def work(plan: Plan, cluster: Cluster, tracker: Tracker) -> None:
        experiments.add(tracker.experiment)
        swept = one_sweep.sweep(plan, cluster, console, tracker, None)
        confirmed[plan.strategy] = swept.confirmed
        chosen = swept.confirmed.choice.cheapest
        console.line(f"          {result(chosen, plan.metric)}; in {plan.folder}\n")

    status = run_each(plans, console, lambda plan: plan.folder / "sweep.log", work)
    if confirmed and status != interrupts.INTERRUPTED:
        _compare(plans, confirmed, console, experiments.pop(), json_file)
    return status


def _folder(plans: Sequence[Plan]) -> Path:
    """Where the comparison goes: beside the sweeps."""
    return plans[0].folder.parent / f"all-{digest([plan.sweep_id for plan in plans])}"


def _compare(
    plans: Sequence[Plan],
    confirmed: dict[str, Confirmation],
    console: Console,
    experiment: str,
    json_file: Path | None,
) -> None:
    """A table of every strategy's best and the paper's points, the fronts in one figure."""
    plan, folder = plans[0], _folder(plans)
    baselines = {p.label: p for c in confirmed.values() for p in c.points if p.role == "baseline"}
    chosen: list[ReportedPoint] = []
    for own in confirmed.values():
        papers = [p for p in own.points if p.role == "paper" and p.label not in baselines]
        best = replace(own.choice.best, label=f"{own.choice.best.strategy} (best on validation)")
        chosen += [p for p in (best, *papers) if p.point != best.point or p is best]
    chosen += baselines.values()
    every = [*(p for own in confirmed.values() for p in own.points), *baselines.values()]
    files = {
        **figure_files("fronts", fronts_figure(plan.setting, every, plan.metric)),
        "points.csv": to_csv(chosen).encode(),
    }
    write_files(folder, files)
    summary = {"plans": [p.as_mapping() for p in plans], "points": [as_json(p) for p in chosen]}
    write_json(folder / "summary.json", summary)
    if json_file is not None:
        write_json(json_file, summary)
    console.line()
    table(plan, console, "every strategy", [replace(p, tests={}) for p in chosen])
    console.line()
    paragraphs(console, "found:", _ranking(list(confirmed.values()), plan.metric))
    console.line(f"figure:   {folder / 'fronts.png'}")
    console.line(f"table:    {folder / 'points.csv'}")
    console.line(f"MLflow:   {page_address(plan.tracking_uri, experiment)}")
    for what, typed in page_steps(plan.tracking_uri).items():
        console.line(f"{what}:\n  {typed}")


def _ranking(confirmed: Sequence[Confirmation], metric: Metric) -> list[str]:
    """What each strategy's choice on validation did on the test split, best first, and how it compares
    with the baselines.
    """
    choices = sorted((own.choice for own in confirmed), key=lambda c: -c.cheapest.test[ACCURACY])
    return [line for c in choices for line in (result(c.cheapest, metric), *verdict(c, metric))]
