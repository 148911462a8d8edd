"""Steps 2 to 6 of a sweep, and what it says at the end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from platform.backend.cluster import Cluster
from platform.backend.tracking import Tracker
from platform.cli.console import Console
from platform.cli.next_steps import next_steps, page_address, page_steps
from platform.cli.tables import paragraphs, table
from platform.pipeline.choice import against, headline
from platform.pipeline.confirm import Confirmation, confirm, front_trials
from platform.pipeline.prepare import prepare
from platform.pipeline.record import draw
from platform.pipeline.search import SearchResult, search
from platform.pipeline.study import accuracy_and_nfe, complete
from platform.planning.plan import Plan

from dashboards.pareto import hypervolume, shared_reference
from dashboards.points import as_json
from trainables.core.files import write_json


def run(
    plan: Plan, cluster: Cluster, console: Console, tracker: Tracker, summary_file: Path | None
) -> None:
    """Prepare, search, confirm, record and report a plan; the cluster is closed before the report."""
    with cluster:
        swept = sweep(plan, cluster, console, tracker, summary_file)
    _report(plan, console, swept, tracker)


@dataclass(frozen=True)
class FinishedSweep:
    """A finished sweep: its points, its files by name, and how many trials failed and why, if any."""

    confirmed: Confirmation
    files: dict[str, Path]
    shortfall: str


def sweep(
    plan: Plan, cluster: Cluster, console: Console, tracker: Tracker, summary_file: Path | None
) -> FinishedSweep:
    """Prepare, search, confirm and record a plan."""
    reference = shared_reference(plan.facts.classes, plan.task.recipe.T, plan.facts.kind)
    write_json(plan.folder / "plan.json", plan.as_mapping())
    tracker.begin()
    with console.step("prepare", "2/5 preparing the trained parts"):
        prepare(plan, cluster, console, tracker, plan.kinds)
    with console.step("search", f"3/5 searching {plan.trials} points on the validation split"):
        searched = search(plan, cluster, console, tracker, reference)
    study = searched.study
    with console.step("confirm", "4/5 confirming the front and the baselines on the test split"):
        confirmed = confirm(plan, cluster, console, study)
    with (
        console.step("record", "5/5 recording and drawing"),
        console.bar("recording the points") as bar,
    ):
        runs = tracker.confirmation(confirmed.points, bar.update)
        volume = hypervolume([accuracy_and_nfe(trial) for trial in complete(study)], reference)
        bar.update(0, 1, "reading the data")
        dataset = plan.places.dataset(plan.task, bar.update)
        choice = confirmed.choice
        files = draw(plan, dataset, study, confirmed.points, choice, reference, volume, bar.update)
        for path in bar.each([*files.values(), plan.folder / "plan.json"], "logging artifacts"):
            tracker.artifact(path, plan.folder)
        tracker.mark_front({str(trial.number) for trial in front_trials(study)})
        tracker.result(
            choice.best, choice.cheapest, len(complete(study)), headline(choice, plan.metric)
        )
    swept = FinishedSweep(confirmed, files, searched.shortfall)
    summary = _summary(plan, console, tracker, searched, swept, runs, volume)
    write_json(plan.folder / "summary.json", summary)
    if summary_file is not None:
        write_json(summary_file, summary)
    tracker.artifact(plan.folder / "summary.json", plan.folder)
    tracker.finish("FINISHED")
    return swept


def _summary(
    plan: Plan,
    console: Console,
    tracker: Tracker,
    searched: SearchResult,
    swept: FinishedSweep,
    runs: dict[str, str],
    volume: float,
) -> dict[str, object]:
    """What a script wants to know of a sweep."""
    choice = swept.confirmed.choice
    points = [as_json(shown) | {"run_id": runs[shown.label]} for shown in swept.confirmed.points]
    return {
        "plan": plan.as_mapping(),
        "parent_run_id": tracker.parent,
        "trials": {
            "asked": plan.trials,
            "complete": len(complete(searched.study)),
            "failed": [
                {"trial": number, "reason": why} for number, why in searched.failures.items()
            ],
        },
        "front": [p for p in points if p["role"] != "baseline"],
        "baselines": [p for p in points if p["role"] == "baseline"],
        "best": choice.best.label,
        "cheapest": choice.cheapest.label,
        "not_told_from": list(choice.not_told_from),
        "hypervolume": volume,
        "files": {name: str(path) for name, path in swept.files.items()},
        "seconds": console.seconds,
    }


def _report(plan: Plan, console: Console, swept: FinishedSweep, tracker: Tracker) -> None:
    choice, files = swept.confirmed.choice, swept.files
    console.line()
    table(plan, console, plan.strategy, against(swept.confirmed.points, choice.cheapest))
    console.line()
    paragraphs(console, "found:", headline(choice, plan.metric))
    if swept.shortfall:
        paragraphs(console, "trials:", [f"{swept.shortfall}; the same command tries others"])
    console.line(f"figure:   {files['front.png']}")
    console.line(f"page:     {files['front.html']}")
    console.line(f"samples:  {files['samples.png']}")
    console.line(f"table:    {files['front.csv']}")
    console.line(f"runs:     parent {tracker.parent} in {plan.tracking_uri}")
    console.line(f"MLflow:   {page_address(plan.tracking_uri, tracker.experiment, tracker.parent)}")
    steps = page_steps(plan.tracking_uri) | next_steps(plan, choice.cheapest)
    for what, typed in steps.items():
        console.line(f"{what}:\n  {typed}")
