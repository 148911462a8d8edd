"""`python -m platform.reproduce table1|…|figure4|cost`: the paper's numbers beside ours."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from platform.backend.cluster import Cluster
from platform.backend.measure import Candidate, measure_all
from platform.backend.session import run_each
from platform.backend.tracking import Tracker
from platform.cli import interrupts
from platform.cli.console import Console
from platform.cli.flags import bare_parser, plan_of, summary_file, with_common
from platform.cli.next_commands import network_flags
from platform.pipeline.prepare import prepare
from platform.planning.plan import Plan, kinds_of
from platform.reproduction import paper_tables
from platform.reproduction.results import Result, cost_rows, draw, percent_of, save

from dashboards.points import Shown, difference, percent
from trainables.core.errors import UsageError, check_range, unknown_name
from trainables.core.files import write_json
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import paired, summary
from trainables.scoring.metric_names import ACCURACY, NFE, STAGE_REPRODUCE, Measure

COST = "cost"


@dataclass(frozen=True)
class _Work:
    """What is reproduced: a table at a number of steps, on some datasets and corruptions."""

    name: str
    plans: tuple[Plan, ...]
    steps: int | None
    folder: Path

    def table(self, plan: Plan) -> paper_tables.Table:
        return paper_tables.TABLES[self.name](plan.task.recipe.T)

    @property
    def measure(self) -> Measure:
        """What the table reports."""
        return self.table(self.plans[0]).measure


def main(arguments: Sequence[str] | None = None) -> int:
    """Reproduce a table; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    asked, console = _parse(arguments), Console()
    json_file = summary_file(asked.json)
    if asked.what == COST:
        rows = cost_rows()
        console.table("calls a sample at T = 150, counted | as D.4 says", rows[0], rows[1:])
        if json_file is not None:
            write_json(json_file, {"columns": rows[0], "rows": rows[1:]})
        return 0
    work = _work(asked)
    results, status = _all(work, console)
    if results:
        title = work.table(work.plans[0]).title
        files = save(results, work.folder, work.measure)
        files |= draw(title, work.name, results, work.folder, work.measure)
        _say(title, results, files, work, console)
        if json_file is not None:
            write_json(json_file, [result.as_json() for result in results])
    return status


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    made = bare_parser(
        "python -m platform.reproduce",
        "Train and measure what a table or figure of the paper needs, at the paper's points, on test\n"
        "data; print and keep ours and the paper's numbers side by side.",
        "example: python -m platform.reproduce table1 --datasets mnist\n"
        "cost counts calls by the engine's meter, on networks that do nothing.",
    )
    made.add_argument("what", help=", ".join([*paper_tables.TABLES, COST]))
    made.add_argument(
        "--datasets",
        nargs="+",
        metavar="NAME",
        help="which data [the paper's; fsdd-reverb for its speech]",
    )
    made.add_argument(
        "--corruptions",
        nargs="+",
        metavar="NAME",
        help="which corruptions [the paper's, or the dataset's usual one]",
    )
    made.add_argument(
        "--steps", type=int, default=None, metavar="N",
        help="sample each trajectory in N steps [as many as there are noise levels]",
    )  # fmt: skip
    asked = with_common(made).parse_args(arguments)
    if asked.what not in (*paper_tables.TABLES, COST):
        raise unknown_name("table", asked.what, [*paper_tables.TABLES, COST])
    return asked


def _work(asked: argparse.Namespace) -> _Work:
    plans = []
    table = paper_tables.TABLES[asked.what](2)
    for dataset in asked.datasets or table.datasets:
        for corruption in asked.corruptions or table.corruptions or (None,):
            named = {"strategy": table.methods[-1].strategy, "dataset": dataset}
            given = vars(asked) | named | {"corruption": corruption}
            plans.append(plan_of(argparse.Namespace(**given)))
            _check_kind(asked.what, plans[-1], table)
            check_range("--steps", asked.steps or 1, 1, plans[-1].task.recipe.T)
    first = plans[0]
    name = f"{asked.what}-{first.preset}-seed{first.seed}"
    name += "" if asked.steps is None else f"-{asked.steps}steps"
    return _Work(asked.what, tuple(plans), asked.steps, Path(first.storage) / "reproduce" / name)


def _check_kind(what: str, plan: Plan, table: paper_tables.Table) -> None:
    """Refuse images for a table of speech, and the other way round."""
    if plan.facts.kind != table.kind:
        raise UsageError(
            f"{what} is of {table.kind}, but {plan.dataset} is of {plan.facts.kind}: choose another "
            f"dataset, such as {table.datasets[0]}"
        )


def _all(work: _Work, console: Console) -> tuple[list[Result], int]:
    """Results of every dataset and corruption, and the exit status; one that fails is reported and
    left out.
    """
    results: list[Result] = []
    missing: list[str] = []
    log = work.folder / "reproduce.log"
    console.line(f"{work.name} on {len(work.plans)} settings; log: {log}")

    def one(plan: Plan, cluster: Cluster, tracker: Tracker) -> None:
        try:
            results.extend(_measured(work, plan, cluster, console, tracker))
        except UsageError as error:  # data that are not there: the other settings' may be
            console.line(f"          left out: {error}")
            missing.append(plan.setting)
            return
        save(results, work.folder, work.measure)

    status = run_each(work.plans, console, lambda plan: log, one)
    return results, status or (interrupts.USAGE if missing else 0)


def _measured(
    work: _Work, plan: Plan, cluster: Cluster, console: Console, tracker: Tracker
) -> list[Result]:
    """Train what is missing, measure every method on the test split, record it."""
    methods = work.table(plan).methods
    prepare(plan, cluster, console, tracker, kinds_of(method.strategy for method in methods))
    steps = work.steps or plan.task.recipe.T
    candidates = [Candidate(m.strategy, m.point(steps)) for m in methods]
    runs = measure_all(plan, cluster, console, candidates, "test")
    name = f"{work.name} {plan.corruption} {plan.preset} seed {plan.seed}"
    tracker.open(name, STAGE_REPRODUCE, {"split": "test"}, {"steps": steps})
    reference = work.table(plan).reference
    results = []
    for column, (method, candidate) in enumerate(zip(methods, candidates, strict=True)):
        if not runs[column]:
            continue
        shown = Shown(
            method.label,
            method.strategy,
            "paper",
            candidate.point,
            test=summary(runs[column], plan.measure),
        )
        tracker.confirmed(shown)
        against = None if reference in (None, column) else runs[reference]
        test = asdict(paired(runs[column], against)) if against else None
        results.append(_result(work, plan, method, column, shown, runs[column], test))
    tracker.finish("FINISHED")
    return results


def _result(
    work: _Work,
    plan: Plan,
    method: paper_tables.Method,
    column: int,
    shown: Shown,
    measured: Sequence[Measurement],
    test: Mapping[str, float] | None,
) -> Result:
    table = work.table(plan)
    source = table.source(plan.dataset, plan.corruption)
    test_images = paper_tables.TEST_IMAGES.get(source, 0)
    reported = table.percentage(plan.dataset, plan.corruption, column)
    return Result(
        dataset=plan.facts.title,
        corruption=plan.corruption,
        method=method.label,
        strategy=method.strategy,
        place=method.place,
        point=dict(shown.point),
        ours=shown.test,
        images=len(measured[0].correct),
        seeds=len(measured),
        paper=percent_of(reported, test_images, table.measure),
        paper_images=test_images,
        test=test,
        paper_dataset=source,
    )


def _row(result: Result, measure: Measure) -> list[str]:
    """A result as a row of the terminal's table."""
    reported = result.paper or {}
    return [
        f"{result.dataset} {result.corruption}",
        result.method,
        f"{result.ours[NFE]:.0f}",
        percent(result.ours, measure),
        difference(result.test, measure) if result.test else "",
        f"{result.images} × {result.seeds}",
        percent(reported, measure),
        _whose(result),
    ]


def _whose(result: Result) -> str:
    """Of how many samples the paper's number is, and of which data where they are others."""
    if not result.paper:
        return "–"
    others = result.paper_dataset if result.paper_dataset != result.dataset else ""
    number = str(result.paper_images) if result.paper_images else "not told"
    return f"{others}, {number}" if others else number


def _say(
    title: str, results: Sequence[Result], files: dict[str, Path], work: _Work, console: Console
) -> None:
    console.line()
    table, measure = work.table(work.plans[0]), work.measure
    rival = "" if table.reference is None else f"vs {table.methods[table.reference].label}"
    console.table(
        f"{title}: {measure.title} % [95 % interval] on test {measure.samples}",
        ["data", "method", "NFE", "measured", rival, f"{measure.samples} × seeds", "paper",
         f"its {measure.samples}"],
        [_row(result, measure) for result in results],
    )  # fmt: skip
    console.line(
        "the paper gives no intervals; those beside it follow from its number of "
        f"{measure.samples}, where that is known"
    )
    best = max(results, key=lambda r: r.ours[ACCURACY])
    console.line(
        f"\nfound:    {len(results)} numbers; the best is {best.method} on {best.dataset} "
        f"{best.corruption}, {measure.title} {100 * best.ours[measure.name]:.1f} %"
    )
    for name, path in files.items():
        console.line(f"{name + ':':9} {path}")
    console.line("search each strategy's own best points:")
    plan = work.plans[0]
    data = ["--data-dir", plan.data_dir] if plan.data_dir else []
    where = [*data, "--preset", plan.preset, *network_flags(plan), "--storage", plan.storage]
    console.line(f"  python -m platform.sweep all {plan.dataset} {shlex.join(where)}")


if __name__ == "__main__":
    sys.exit(main())
