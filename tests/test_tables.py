"""Every verb's tables fit the terminal, 80 letters wide or 200, and nothing of them is cut."""

import csv
import io
import json
from platform.cli.console import Console
from platform.cli.layout import blocks
from platform.cli.tables import say_if_smoke, table, table_of_points, table_of_signals
from platform.planning.plan import Plan
from platform.planning.setup import setup_of
from platform.reproduction.cost import cost_tables
from platform.reproduction.report import tables
from platform.reproduction.results import Result, percent_of, save

import pytest

from dashboards.points import ReportedPoint, describe
from trainables.scoring.metric_names import (
    ACCURACY,
    ACCURACY_HIGH,
    ACCURACY_LOW,
    BY_ACCURACY,
    ESTOI,
    METRIC_OF_KIND,
    NFE,
    PESQ,
    SI_SDR,
    WER,
    WER_HIGH,
    WER_LOW,
    utterances_of,
)

WIDTHS = pytest.mark.parametrize("width", [60, 80, 120, 200])
SAMPLER = {"chains": 1, "predictor": "reverse-diffusion", "corrections": 1}
NESTED = {"outer_steps": 150, "inner_steps": 150, "t_switch": 2 / 3, "refresh_interval": 2 / 15}


def _metrics(value, low, high, nfe):
    errors = {WER: 1 - value, WER_LOW: 1 - high, WER_HIGH: 1 - low}
    heard = {SI_SDR: -10.31, PESQ: 1.25, ESTOI: 0.38}
    counts = {utterances_of(name): 50 for name in heard}
    own = {ACCURACY: value, ACCURACY_LOW: low, ACCURACY_HIGH: high, NFE: nfe}
    return {**own, **errors, **heard, **counts}


def _points(extra):
    """A sweep's points: the widest numbers that there are, and parameters of images or of speech."""
    rivals = {
        "enhanced (paper)": {"difference": -1.0, "p_value": 0.0075},
        "enhanced (best)": {"difference": -0.141, "p_value": 1.2e-16},
    }
    whole, some = _metrics(1.0, 0.676, 1.0, 1500), _metrics(0.219, 0.143, 0.32, 12)
    best_point = {**NESTED, **extra, "eta": 0.5}
    label = "alternating (best on validation)"
    best = ReportedPoint(label, "nested", "front", best_point, whole, some, rivals)
    paper = ReportedPoint("nested (paper)", "nested", "paper", NESTED | extra, some, whole, rivals)
    enhanced = ReportedPoint("enhanced (paper)", "enhanced", "baseline", {**extra, "steps": 10, "eta": 0.0},
                     some, some)  # fmt: skip
    return [best, paper, ReportedPoint("noisy", "noisy", "baseline", {}, some, whole), enhanced]


def _shown(width, show, *arguments):
    """What a console of that width is told by `show`, given it first; no line is too long or padded."""
    stream = io.StringIO()
    show(Console(stream, width), *arguments)
    lines = stream.getvalue().split("\n")
    for line in lines:
        assert len(line) <= width and line == line.rstrip(), line
    return stream.getvalue()


def _check_points(out, points, whole):
    """Labels, numbers and every single parameter are there; in the first lines what matters most."""
    first = out.split("\n\n")[0]
    for point in points:
        assert all(word in first for word in point.label.split())
        for word in describe(point.point).split():
            assert word in out
    for number in whole:
        assert number in first
    assert "[14.3, 32.0]" in out and "[67.6, 100.0]" in out


@WIDTHS
@pytest.mark.parametrize("extra", [{}, SAMPLER])
def test_a_sweeps_table(width, extra, tmp_path):
    plan = Plan("nested", "digits", "gn30", "quick", 4, 0, 0, 0.0, str(tmp_path), "sqlite:///x.db")
    setup = setup_of(plan)
    points = _points(extra)
    out = _shown(width, lambda console: table(setup, console, "nested", points))
    assert out.startswith("nested on digits, gn30: accuracy % [95 % interval]\n")
    for test in ("-100.0 (p=0.0075)", "-14.1 (p<0.001)"):
        assert test in out
    difference = ["-100.0 (p=0.0075)"] if width > 60 else []
    _check_points(out, points, ["100.0 [67.6, 100.0]", "1500", *difference])
    assert "SI-SDR, dB" in out and "-10.31 (50)" in out


@WIDTHS
@pytest.mark.parametrize("metric", METRIC_OF_KIND.values())
def test_the_tables_of_evaluate_and_compare(width, metric):
    points = [
        ReportedPoint(p.label, p.strategy, p.role, p.point, test=p.test, tests=p.tests)
        for p in _points(SAMPLER)
    ]
    title = "a-folder-with-a-long-name, gn30 (preset quick, seed 2147483647)"

    def show(console):
        table_of_points(console, title, points, metric)

    out = _shown(width, show)
    (header,) = (line for line in out.split("\n") if "NFE" in line)
    assert "validation" not in header
    for point in points:
        assert all(word in out for word in point.label.split())
        assert f"{100 * point.test[metric.name]:.1f} [" in out
        for word in describe(point.point).split():
            assert word in out


@WIDTHS
def test_the_table_of_signals(width):
    out = _shown(width, lambda console: table_of_signals(console, _points(SAMPLER)))
    assert out.count("1.25 (50)") == 4


def _results(dataset, source, images, paper_images, metric):
    ours = _metrics(1.0, 0.676, 1.0, 1500)
    test = {"difference": -0.141, "p_value": 1.2e-16}
    paper = percent_of(99.2, paper_images, metric)
    return [
        Result(dataset, "babble", method, "nested", 0, NESTED, ours, images, 3, paper, paper_images,
               test if method != "enhanced" else None, source)
        for method in ("noisy", "enhanced", "alternating", "nested", "alternating, 150 steps")
    ]  # fmt: skip


@WIDTHS
def test_the_tables_of_reproduce(width):
    for results, metric in (
        (_results("cifar100", "cifar100", 10_000, 10_000, BY_ACCURACY), BY_ACCURACY),
        (
            _results("fsdd-babble", "gsc-reverb", 300, 0, METRIC_OF_KIND["speech"]),
            METRIC_OF_KIND["speech"],
        ),
    ):
        title = "Table 3, guidance source in parallel"
        two = [*results, *_results("mnist", "mnist", 10_000, 10_000, metric)]
        out = _shown(width, tables, title, two, metric, "enhanced")
        assert out.count("alternating, 150 steps") >= 2 and f"{results[0].images} × 3" in out
        first = out.strip().split("\n\n")[0]
        assert "1500" in first
        assert (
            "0.0 [0.0, 32.4]" if metric is METRIC_OF_KIND["speech"] else "[67.6, 100.0]"
        ) in first
        if width >= 80:
            assert "99.2" in first and "p<0.001" in out
        if metric is not BY_ACCURACY:
            assert "gsc-reverb, not told" in out


def test_what_a_table_of_the_paper_has_not_got_has_no_column():
    results = [
        Result("digits", "gn30", f"nested, {n} steps", "nested", n, NESTED, _metrics(0.5, 0.4, 0.6, n),
               64, 2, None, 0)
        for n in (1, 150)
    ]  # fmt: skip
    out = _shown(80, lambda console: tables(console, "Figure 4", results, BY_ACCURACY, ""))
    assert "paper" not in out and "vs" not in out and "50.0 [40.0, 60.0]" in out


def test_training_seeds_are_counted_where_there_are_several(tmp_path):
    metrics = _metrics(0.5, 0.4, 0.6, 10)
    results = [
        Result("digits", "gn30", name, "nested", 0, NESTED, metrics, 64, 2, None, 0, per_seed=per_seed)
        for name, per_seed in (("one", {"3": metrics}), ("three", dict.fromkeys("012", metrics)))
    ]  # fmt: skip
    out = _shown(120, lambda console: tables(console, "Table", results, BY_ACCURACY, ""))
    assert "images × seeds × training seeds" in out and "64 × 2 × 3" in out
    out = _shown(120, lambda console: tables(console, "Table", results[:1], BY_ACCURACY, ""))
    assert "64 × 2" in out and "training" not in out
    save(results, tmp_path, BY_ACCURACY)
    rows = list(csv.DictReader((tmp_path / "results.csv").read_text().splitlines()))
    assert [row["training_seeds"] for row in rows] == ["1", "3"]
    assert list(json.loads((tmp_path / "results.json").read_text())[1]["per_seed"]) == [
        "0",
        "1",
        "2",
    ]


@WIDTHS
def test_the_table_of_costs(width):
    for costs in cost_tables():
        out = _shown(width, Console.table, costs.title, costs.rows[0], costs.rows[1:])
        for row in costs.rows[1:]:
            assert all(cell in out for cell in row)


def test_what_is_wider_than_the_terminal_is_wrapped_not_cut():
    (one, two) = blocks(["point", "a", "b"], [["x" * 30, "1" * 25, "two words"]], 20)
    assert max(map(len, (*one.rows, *two.rows))) <= 20
    assert "".join("".join(one.rows).split()).count("x") == 30
    assert "".join("".join(one.rows).split()).count("1") == 25


def test_titles_are_wrapped_before_columns_are_moved_below():
    (block,) = blocks(["point", "vs enhanced (paper)"], [["nested", "-10.8 (p=1)"]], 19)
    assert block.header == ("        vs enhanced", "point       (paper)")
    assert block.rows == ("nested  -10.8 (p=1)",)


@pytest.mark.parametrize(
    ("preset", "lines"), [("smoke", 1), ("quick", 0), ("standard", 0), ("paper", 0)]
)
def test_the_numbers_of_smoke_are_said_to_mean_nothing(preset, lines):
    out = _shown(80, lambda console: say_if_smoke(console, preset))
    assert out.count("\n") == lines and ("mean nothing" in out) == bool(lines)
