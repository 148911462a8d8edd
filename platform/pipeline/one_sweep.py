"""Steps 2 to 6 of a sweep, and what it says at the end."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from platform.backend.driver_lock import driver_lock
from platform.backend.session import TrackedSession
from platform.cli.console import Bar
from platform.cli.interrupts import FAILED
from platform.cli.next_steps import next_steps, page_address, page_steps
from platform.cli.tables import paragraphs, table
from platform.pipeline.choice import MARGIN, against
from platform.pipeline.confirm import Confirmation, confirm, front_trials
from platform.pipeline.database_study import database, failures_told
from platform.pipeline.drawn import drawn_files, keep_drawn, key_of_sweep
from platform.pipeline.headline import headline, named_as_json
from platform.pipeline.prepare import prepare
from platform.pipeline.reference import reference_of
from platform.pipeline.search import SearchResult, search
from platform.pipeline.stopped_trials import races_as_json, savings
from platform.pipeline.study import complete, counted_trials, hypervolume_of

import optuna

from dashboards.pareto import Reference
from dashboards.points import as_json
from trainables.core.errors import UsageError
from trainables.core.files import write_json
from trainables.core.places import is_uri


@dataclass(frozen=True)
class FinishedSweep:
    """A finished sweep: its search, its points, their runs in MLflow by their labels, its files by
    name, and the hypervolume of its front.
    """

    search: SearchResult
    confirmation: Confirmation
    runs: dict[str, str]
    files: dict[str, Path]
    hypervolume: float


def run(session: TrackedSession, summary_file: Path | None) -> int:
    """Sweep a session's setup and report it; the cluster is closed before the report. Returns the exit
    status, that of a failure where a point is missing that should be compared.
    """
    with session.cluster:
        finished = sweep(session, summary_file)
    _report(session, finished)
    return FAILED if finished.confirmation.missing else 0


def sweep(session: TrackedSession, summary_file: Path | None) -> FinishedSweep:
    """Prepare, search, confirm and record a session's setup; a summary for scripts goes to the sweep's
    folder, and to `summary_file` if there is one.

    Raises:
        UsageError: another process is at this sweep, or the database of its study cannot be opened.
        OutsideError: that database has failed since.
    """
    uri = session.setup.plan.study_uri
    with driver_lock(session.setup.stored, _refuse), failures_told(uri):
        if uri:
            database(uri)  # refused now, if at all: before anything is trained
        return _sweep(session, summary_file)


def _refuse(holder: str) -> None:
    """Refuse a sweep that another process is at."""
    raise UsageError(
        f"this sweep is under way already, by {holder}: wait until it ends, or stop it; the same command "
        "then goes on"
    )


def _sweep(session: TrackedSession, summary_file: Path | None) -> FinishedSweep:
    """The steps of a sweep that no other process is at."""
    setup, console, tracker = session.setup, session.console, session.tracker
    write_json(setup.folder / "plan.json", setup.as_mapping())
    tracker.begin()
    with console.step("prepare", "2/5 preparing the trained parts"):
        prepare(session, setup.kinds)
    with console.step(
        "search", f"3/5 searching {setup.plan.trials} points on the validation split"
    ):
        reference = reference_of(session)
        result = search(session, reference)
    _tell_paths(session)
    with console.step("confirm", "4/5 confirming the front and the baselines on the test split"):
        confirmation = confirm(session, result.study)
    with console.step("record", "5/5 recording and drawing"):
        finished = _record(session, result, confirmation, reference)
    summary = _summary(session, finished)
    write_json(setup.folder / "summary.json", summary)
    if summary_file is not None:
        write_json(summary_file, summary)
    tracker.artifact(setup.folder / "summary.json", setup.folder)
    tracker.finish("FINISHED")
    return finished


def _tell_paths(session: TrackedSession) -> None:
    """Say by which paths large networks run on this machine, where these are not the usual ones."""
    file = session.setup.storage.path_choices
    if not file.exists():
        return
    from trainables.evaluation.path_choices import in_words, kept_choices

    for line in in_words(kept_choices(file)):
        session.console.line(f"          {line}")


def _record(
    session: TrackedSession, result: SearchResult, confirmation: Confirmation, reference: Reference
) -> FinishedSweep:
    """Record the confirmed points in MLflow, draw the sweep's files and attach them to its run."""
    setup, tracker, study = session.setup, session.tracker, result.study
    choice, volume = confirmation.choice, hypervolume_of(study, reference)
    with session.console.bar("recording the points") as bar:
        runs = tracker.confirmation(confirmation.points, confirmation.answers, bar.update)
        files = _drawn(session, result, confirmation, reference, volume, bar)
        tracker.artifact(setup.folder / "plan.json", setup.folder)
        tracker.mark_front({str(trial.number) for trial in front_trials(study)})
        lines = [*headline(choice, setup.metric), *_race_lines(session, study)]
        tracker.result(choice.best, choice.cheapest, counted_trials(study), lines)
    return FinishedSweep(result, confirmation, runs, files, volume)


def _drawn(
    session: TrackedSession,
    result: SearchResult,
    confirmation: Confirmation,
    reference: Reference,
    volume: float,
    bar: Bar,
) -> dict[str, Path]:
    """The sweep's files, attached to its run: those of an earlier time where nothing has changed."""
    setup, tracker = session.setup, session.tracker
    drawn_from = setup, result.study, confirmation, reference, volume
    key = key_of_sweep(*drawn_from)
    files = drawn_files(setup.folder, key, tracker.parent)
    if files is not None:
        session.console.line("          the figures are drawn already")
        return files
    from platform.pipeline.record import draw  # with what draws, which takes half a second to load

    bar.update(0, 1, "reading the data")
    dataset = setup.storage.dataset(setup.task, bar.update)
    files = draw(*drawn_from, dataset, bar.update)
    for path in bar.each([*files.values()], "logging artifacts"):
        tracker.artifact(path, setup.folder)
    keep_drawn(setup.folder, key, tracker.parent, files)
    return files


def _summary(session: TrackedSession, finished: FinishedSweep) -> dict[str, object]:
    """A finished sweep for scripts, in JSON types."""
    choice, result = finished.confirmation.choice, finished.search
    points = [
        as_json(point) | {"run_id": finished.runs[point.label]}
        for point in finished.confirmation.points
    ]
    return {
        "plan": session.setup.as_mapping(),
        "parent_run_id": session.tracker.parent,
        "trials": {
            "asked": session.setup.plan.trials,
            "complete": len(complete(result.study)),
            "failed": [
                {"trial": number, "reason": reason} for number, reason in result.failures.items()
            ],
            **(races_as_json(result.study) if session.setup.plan.racing else {}),
        },
        "front": [p for p in points if p["role"] != "baseline"],
        "baselines": [p for p in points if p["role"] == "baseline"],
        "best": choice.best.label,
        "cheapest": choice.cheapest.label,
        "affordable": None if choice.affordable is None else choice.affordable.label,
        "sufficient": None if choice.sufficient is None else choice.sufficient.label,
        "named": named_as_json(choice, session.setup.metric),
        "margin": MARGIN,
        "behind_the_best": None if choice.loss is None else asdict(choice.loss),
        "found": headline(choice, session.setup.metric),
        "not_told_from": list(choice.not_told_from),
        "missing": list(finished.confirmation.missing),
        "hypervolume": finished.hypervolume,
        "files": {name: str(path) for name, path in finished.files.items()},
        "seconds": session.console.seconds,
    }


def _race_lines(session: TrackedSession, study: optuna.Study) -> list[str]:
    """What racing saved, as a paragraph; none where there was no race."""
    return [savings(study).text] if session.setup.plan.racing else []


def _report(session: TrackedSession, finished: FinishedSweep) -> None:
    """Show the points, name the files, say what to type next."""
    setup, console, tracker = session.setup, session.console, session.tracker
    choice, files = finished.confirmation.choice, finished.files
    search_result, uri = finished.search, setup.plan.tracking_uri
    console.line()
    points = against(finished.confirmation.points, choice.cheapest)
    table(setup, console, setup.plan.strategy, points)
    console.line()
    paragraphs(console, "found:", headline(choice, setup.metric))
    if search_result.account:
        advice = "; the same command tries others" if search_result.shortfall else ""
        paragraphs(console, "trials:", [f"{search_result.account}{advice}"])
    paragraphs(console, "racing:", _race_lines(session, search_result.study))
    if finished.confirmation.missing:
        missing = "; ".join(finished.confirmation.missing)
        paragraphs(console, "missing:", [f"{missing}: not measured; the same command tries again"])
    console.line(f"figure:   {files['front.png']}")
    console.line(f"page:     {files['front.html']}")
    console.line(f"samples:  {files['samples.png']}")
    console.line(f"table:    {files['front.csv']}")
    if is_uri(setup.plan.storage):
        console.line(f"stored:   {setup.stored}, all of these files as well")
    console.line(f"runs:     parent {tracker.parent} in {uri}")
    console.line(f"MLflow:   {page_address(uri, tracker.experiment, tracker.parent)}")
    for purpose, command in (page_steps(setup) | next_steps(setup, choice.cheapest)).items():
        console.line(f"{purpose}:\n  {command}")
