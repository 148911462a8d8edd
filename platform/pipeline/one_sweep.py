"""Steps 2 to 6 of a sweep, and what it says at the end."""

from __future__ import annotations

import json
from pathlib import Path
from platform.backend.cluster import Cluster
from platform.backend.tracking import Tracker
from platform.cli.console import Console
from platform.cli.next_commands import command, common_flags, compare_flags
from platform.cli.tables import found, table
from platform.pipeline.confirm import Confirmed, as_json, confirm, front_trials
from platform.pipeline.prepare import prepare
from platform.pipeline.record import draw
from platform.pipeline.search import search
from platform.pipeline.study import accuracy_and_nfe, complete
from platform.planning.plan import Plan

from dashboards.pareto import hypervolume, shared_reference
from trainables.core.files import write_json


def run(plan: Plan, console: Console, tracker: Tracker, summary_file: Path | None) -> None:
    """Prepare, search, confirm, record and report a plan, on a cluster of its own."""
    with Cluster(plan) as cluster:
        confirmed, files = sweep(plan, cluster, console, tracker, summary_file)
    _report(plan, console, confirmed, files, tracker)


def sweep(
    plan: Plan, cluster: Cluster, console: Console, tracker: Tracker, summary_file: Path | None
) -> tuple[Confirmed, dict[str, Path]]:
    """Prepare, search, confirm and record a plan; returns its points and its files by name."""
    reference = shared_reference(plan.facts.classes, plan.task.recipe.T, plan.facts.kind)
    write_json(plan.folder / "plan.json", plan.as_mapping())
    tracker.begin()
    with console.step("prepare", "2/5 preparing the trained parts"):
        prepare(plan, cluster, console, tracker, plan.kinds)
    with console.step("search", f"3/5 searching {plan.trials} points on the validation split"):
        study = search(plan, cluster, console, tracker, reference)
    with console.step("confirm", "4/5 confirming the front and the baselines on the test split"):
        confirmed = confirm(plan, cluster, console, study)
    with (
        console.step("record", "5/5 recording and drawing"),
        console.bar("recording the points") as bar,
    ):
        runs = {}
        for shown in bar.each(confirmed.points):
            runs[shown.label] = tracker.confirmed(shown)
        volume = hypervolume([accuracy_and_nfe(trial) for trial in complete(study)], reference)
        bar.update(0, 1, "reading the data")
        dataset = plan.places.dataset(plan.task, bar.update)
        files = draw(
            plan, dataset, study, confirmed.points, confirmed.best, reference, volume, bar.update
        )
        for path in bar.each([*files.values(), plan.folder / "plan.json"], "logging artifacts"):
            tracker.artifact(path, plan.folder)
        tracker.mark_front({str(trial.number) for trial in front_trials(study)})
        tracker.best(confirmed.best)
    summary = _summary(plan, console, tracker, confirmed, runs, volume, files)
    write_json(plan.folder / "summary.json", summary)
    if summary_file is not None:
        write_json(summary_file, summary)
    tracker.artifact(plan.folder / "summary.json", plan.folder)
    tracker.finish("FINISHED")
    return confirmed, files


def _summary(
    plan: Plan,
    console: Console,
    tracker: Tracker,
    confirmed: Confirmed,
    runs: dict[str, str],
    volume: float,
    files: dict[str, Path],
) -> dict[str, object]:
    """What a script wants to know of a sweep."""
    points = [as_json(shown) | {"run_id": runs[shown.label]} for shown in confirmed.points]
    return {
        "plan": plan.as_mapping(),
        "parent_run_id": tracker.parent,
        "front": [p for p in points if p["role"] != "baseline"],
        "baselines": [p for p in points if p["role"] == "baseline"],
        "best": confirmed.best.label,
        "hypervolume": volume,
        "files": {name: str(path) for name, path in files.items()},
        "seconds": console.seconds,
    }


def _report(
    plan: Plan, console: Console, confirmed: Confirmed, files: dict[str, Path], tracker: Tracker
) -> None:
    console.line()
    table(plan, console, plan.strategy, confirmed.points)
    best = confirmed.best
    common = common_flags(plan)
    console.line()
    rest = [found(p, plan.measure) for p in confirmed.points if p.role == "baseline"]
    console.line(f"found:    {found(best, plan.measure)}, chosen on validation; {'; '.join(rest)}")
    console.line(f"figure:   {files['front.png']}")
    console.line(f"page:     {files['front.html']}")
    console.line(f"samples:  {files['samples.png']}")
    console.line(f"table:    {files['front.csv']}")
    console.line(f"runs:     parent {tracker.parent} in {plan.tracking_uri}")
    console.line("open MLflow's interface, then look at http://127.0.0.1:5000:")
    uri = ("--backend-store-uri", plan.tracking_uri)
    console.line(f"  {command('mlflow', 'ui', *uri, '--host', '127.0.0.1', '--port', '5000')}")
    console.line("replay the best point on the test split:")
    point = json.dumps(dict(best.point))
    where = (plan.strategy, plan.dataset, *common)
    console.line(f"  {command('platform.evaluate', *where, '--point', point)}")
    console.line("compare with the other strategies that were swept:")
    console.line(f"  {command('platform.compare', plan.dataset, *compare_flags(plan))}")
    console.line("go on with more trials:")
    more = ("--trials", str(2 * plan.trials))
    console.line(f"  {command('platform.sweep', *where, *more)}")
