"""The report on the guides of images or words: table, figure, files, the run in MLflow, what was found, what
to type next.
"""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from pathlib import Path
from platform.backend.session import TrackedSession, run
from platform.cli.console import Console
from platform.cli.next_commands import command, common_flags
from platform.cli.tables import paragraphs, say_if_smoke
from platform.diagnosis.guides_work import GUIDE_NAMES, SPLIT, Diagnosis, diagnosis_of
from platform.planning.setup import Setup
from typing import Any

from dashboards.figure_files import figure_files
from dashboards.guidance import cross_entropy_figure
from trainables.core.files import write_files, write_json, write_whole
from trainables.core.places import workspace
from trainables.data.degradation import path_name
from trainables.scoring.guide_trust import MISLEADS, SHARE, TELLS_LITTLE, TRUSTED, Mean
from trainables.scoring.metric_names import STAGE_DIAGNOSE

_MEANING = (
    "cross-entropy = entropy of the class given what the guide sees + ε², and only the sum can be measured. "
    "ε² is at least what lies above every cross-entropy at as much noise or more, and at most about what "
    "lies above the best of all; the paper bounds the guidance error by O~(d ε), d being how many numbers "
    "a signal has.",
    f"A guide is trusted at a step where it knows {100 * SHARE:.0f} % or more of what the best one knows of "
    f"the class; it {MISLEADS} where it is worse than the classes' frequencies, and {TELLS_LITTLE} between.",
)
_COLUMNS = (
    "guide", "fraction", "level", "cross_entropy", "low", "high", "accuracy", "kl_low", "kl_high",
    "d_epsilon_low", "d_epsilon_high", "information", "verdict",
)  # fmt: skip


def diagnose_guides(
    setup: Setup, steps: int | None, console: Console, json_file: Path | None
) -> int:
    """Diagnose the guides on a setup's data and report; returns the exit status."""
    plan = setup.plan
    folder = workspace(plan.storage) / "diagnose"
    folder /= f"{setup.facts.title}-{path_name(plan.condition)}-{plan.preset}-seed{plan.seed}"
    log = folder / "diagnose.log"

    def work(session: TrackedSession) -> None:
        params = {} if steps is None else {"steps": steps}
        name = f"diagnose {plan.condition} {plan.preset} seed {plan.seed}"
        session.tracker.open(name, STAGE_DIAGNOSE, {"split": SPLIT}, params)
        diagnosis = diagnosis_of(session, steps)
        files = _save(setup, diagnosis, folder)
        session.tracker.curves(_curves(diagnosis))
        for file in [*files.values(), files["figure"].with_suffix(".svg")]:
            session.tracker.artifact(file, file.parent)
        session.tracker.finish("FINISHED")
        if json_file is not None:
            write_json(json_file, contents(setup, diagnosis))
        _report(setup, diagnosis, files, session.tracker.parent, console)

    console.line(f"log:      {log}")
    return run(setup, console, log, f"diagnose guides on {setup.setting}", work)


def contents(setup: Setup, diagnosis: Diagnosis) -> dict[str, Any]:
    """All that was found, in JSON types."""
    measured, proposal = diagnosis.measured, diagnosis.proposal
    return {
        "dataset": setup.facts.title,
        "corruption": setup.plan.condition,
        "preset": setup.plan.preset,
        "seed": setup.plan.seed,
        "split": SPLIT,
        setup.metric.samples: measured.samples,
        "clean": asdict(measured.clean),
        "corrupted": asdict(measured.corrupted),
        "uninformed": measured.uninformed,
        "best": measured.best,
        "guides": {
            name: [
                {**asdict(step), **asdict(trust), "fraction": number / len(steps)}
                for number, (step, trust) in enumerate(
                    zip(steps, diagnosis.trust[name], strict=True)
                )
            ]
            for name, steps in measured.steps.items()
        },
        "proposal": None
        if proposal is None
        else {**asdict(proposal), "parameters": proposal.parameters},
        "proposal_file": None if proposal is None else str(diagnosis.proposal_file),
    }


def _curves(diagnosis: Diagnosis) -> list[tuple[str, float, int]]:
    """The metrics of the run: at each step, by its noise level."""
    values = []
    for name, steps in diagnosis.measured.steps.items():
        for step, trust in zip(steps, diagnosis.trust[name], strict=True):
            # MLflow's steps are whole: times are in thousandths
            at = step.level if isinstance(step.level, int) else round(1000 * step.level)
            values.append((f"{name}_cross_entropy", step.cross_entropy.value, at))
            values.append((f"{name}_kl_low", trust.kl_low, at))
            values.append((f"{name}_kl_high", trust.kl_high, at))
    references = _references(diagnosis)
    return values + [(f"{name}_cross_entropy", value, 0) for name, value in references.items()]


def _references(diagnosis: Diagnosis) -> dict[str, float]:
    """Cross-entropies that are of no step, by their names."""
    measured = diagnosis.measured
    return {
        "uninformed": measured.uninformed,
        "corrupted": measured.corrupted.value,
        "clean": measured.clean.value,
    }


def _save(setup: Setup, diagnosis: Diagnosis, folder: Path) -> dict[str, Path]:
    """Write the results as JSON, CSV and figure; returns the files, of the figure the PNG."""
    write_json(folder / "results.json", contents(setup, diagnosis))
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    dimensions = _dimensions(setup)
    writer.writerow(_COLUMNS)
    for name, steps in diagnosis.measured.steps.items():
        for number, (step, trust) in enumerate(zip(steps, diagnosis.trust[name], strict=True)):
            mean = step.cross_entropy
            writer.writerow(
                [name, number / len(steps), step.level, mean.value, mean.low, mean.high,
                 step.accuracy, trust.kl_low, trust.kl_high, dimensions * trust.kl_low**0.5,
                 dimensions * trust.kl_high**0.5, trust.information, trust.verdict]
            )  # fmt: skip
    write_whole(folder / "results.csv", buffer.getvalue().encode())
    proposal = diagnosis.proposal
    figure = cross_entropy_figure(
        f"guides of {setup.facts.title}, {setup.plan.condition}: cross-entropy at each step",
        diagnosis.measured.steps,
        GUIDE_NAMES,
        _references(diagnosis),
        None if proposal is None else proposal.trusted,
        f"bars: 95 % intervals over {diagnosis.measured.samples} {SPLIT} {setup.metric.samples}; the frozen "
        "classifier at the denoiser's clean estimate, given x_cor; levels: the classes' frequencies, and the "
        f"frozen classifier on corrupted and on clean {setup.metric.samples}",
    )
    written = write_files(folder, figure_files("cross-entropy", figure))
    return {
        "json": folder / "results.json",
        "table": folder / "results.csv",
        "figure": written["cross-entropy.png"],
    }


def _dimensions(setup: Setup) -> int:
    """d, how many numbers a signal has."""
    channels, height, width = setup.facts.signal_shape
    return channels * height * width


def _mean_text(mean: Mean) -> str:
    """A mean with its interval."""
    return f"{mean.value:.3f} [{mean.low:.3f}, {mean.high:.3f}]"


def _table(setup: Setup, diagnosis: Diagnosis, console: Console) -> None:
    """Write a table of each guide's steps."""
    dimensions = _dimensions(setup)
    for name, steps in diagnosis.measured.steps.items():
        rows = [
            [f"{number / len(steps):.2f} (t={step.level:.3g})", _mean_text(step.cross_entropy),
             f"{100 * step.accuracy:.1f}", f"{trust.kl_low:.3f} to {trust.kl_high:.3f}",
             f"{dimensions * trust.kl_high**0.5:.1f}", f"{100 * trust.information:.0f} %",
             trust.verdict]
            for number, (step, trust) in enumerate(zip(steps, diagnosis.trust[name], strict=True))
        ]  # fmt: skip
        console.line()
        console.table(
            f"{GUIDE_NAMES[name]}, on {diagnosis.measured.samples} {SPLIT} {setup.metric.samples}, nats",
            ["step", "cross-entropy [95 % interval]", "accuracy %", "ε² from about to", "d ε at most",
             "known of the best", "guidance"],
            rows,
        )  # fmt: skip
    references = ", ".join(f"{n} {value:.3f}" for n, value in _references(diagnosis).items())
    console.line(f"references: {references}")


def finding(diagnosis: Diagnosis) -> str:
    """Where guidance can be trusted, in a sentence."""
    proposal = diagnosis.proposal
    if proposal is None:
        return "guidance can be trusted at no step: no guide knows enough of the class"
    steps = diagnosis.trust[proposal.guide]
    count = sum(step.verdict == TRUSTED for step in steps)
    first, end = proposal.trusted
    return (
        f"the {GUIDE_NAMES[proposal.guide]} can be trusted at {count} of {len(steps)} steps; proposed is the "
        f"range from {first:.2f} to {end:.2f} of the steps, searched as {proposal.searched[0]:g} to "
        f"{proposal.searched[1]:g}"
    )


def _report(
    setup: Setup, diagnosis: Diagnosis, files: dict[str, Path], run_id: str, console: Console
) -> None:
    """Show the numbers, say what was found, name the files, say what to type next."""
    _table(setup, diagnosis, console)
    console.line()
    paragraphs(console, "meaning:", _MEANING)
    say_if_smoke(console, setup.plan.preset)
    console.line()
    paragraphs(console, "found:", [finding(diagnosis)])
    for name, path in files.items():
        console.line(f"{name + ':':9} {path}")
    if diagnosis.proposal_file is not None:
        console.line(f"proposal: {diagnosis.proposal_file}")
    console.line(f"MLflow:   experiment {setup.facts.title}, run {run_id}")
    console.line(
        "search from there (the paper's point is tried first, then the proposal):"
        if diagnosis.proposal is not None
        else "search all the same:"
    )
    words = (setup.plan.strategy, setup.plan.dataset, *common_flags(setup))
    console.line(f"  {command('platform.sweep', *words)}")
