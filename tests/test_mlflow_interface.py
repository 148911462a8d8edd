"""MLflow's own interface in a real browser, on a store with sweeps of three strategies that nobody ran."""

from pathlib import Path
from platform.backend.interface import serving, viewed_experiments
from platform.backend.saved_view import VIEW_NAME
from platform.backend.tracking import Tracker
from platform.cli.next_steps import page_address, view_page
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest

import search_spaces
from dashboards.figure_files import png
from dashboards.points import ReportedPoint
from dashboards.search_front import search_figure

pytestmark = pytest.mark.slow
STRATEGIES = ("nested", "parallel", "card")


def _metrics(accuracy, nfe):
    ends = {"accuracy_low": accuracy - 0.05, "accuracy_high": accuracy + 0.05}
    return {"accuracy": accuracy, **ends, "nfe": float(nfe)}


def _record(strategy, storage, uri):
    """Record a sweep of three trials as a real one is; returns its run."""
    setup = setup_of(Plan(strategy, "digits", "gn30", "smoke", 3, 0, 1, 0.0, str(storage), uri))
    tracker = Tracker(setup)
    tracker.begin()
    point = search_spaces.load(strategy).paper_point(4)
    trials = [(0.5, 2.0), (0.6, 6.0), (0.7, 20.0)]
    for number, (accuracy, nfe) in enumerate(trials):
        tracker.trial(number, point, _metrics(accuracy, nfe), 1.0)
        tracker.hypervolume(0.1 * number, number + 1)
    best = ReportedPoint(
        f"{strategy} #2", strategy, "front", point, _metrics(0.7, 20.0), _metrics(0.68, 20.0)
    )
    tracker.confirmed(best)
    figure = search_figure(strategy, strategy, trials, "3 of 3 trials", setup.metric)
    (storage / "front-small.png").write_bytes(png(figure))
    tracker.artifact(storage / "front-small.png", storage)
    tracker.result(best, best, 3, [f"{strategy} #2 gains 10 on noisy"])
    tracker.finish("FINISHED")
    return tracker.parent


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The interface's address, and the runs of the sweeps by their strategies."""
    storage = tmp_path_factory.mktemp("interface")
    uri = f"sqlite:///{storage}/mlflow.db"
    runs = {strategy: _record(strategy, Path(storage), uri) for strategy in STRATEGIES}
    with serving(uri, 5200) as interface:
        yield interface.address, runs


@pytest.fixture
def page(browser):
    """A page that waits long for what it is asked for: the interface is slow on a busy machine."""
    context = browser.new_context(viewport={"width": 1800, "height": 1400})
    context.set_default_timeout(300_000)
    yield context.new_page()
    context.close()


def test_the_view_of_a_dataset_shows_accuracy_against_calls_by_strategy(served, page):
    address, _ = served
    ((title, experiment),) = viewed_experiments(address).items()
    assert title == "digits"
    page.goto(f"{address}/{view_page(experiment)}")
    for strategy in STRATEGIES:
        page.get_by_text(f"Group: {strategy}", exact=True).first.wait_for()
    for chart in ("nfe vs. test_accuracy", "log10_nfe vs. test_accuracy", "Parallel Coordinates"):
        page.get_by_text(chart, exact=True).first.wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    page.get_by_test_id("saved-views-trigger").get_by_text(VIEW_NAME).wait_for()


def test_a_dataset_without_the_view_opened_has_a_link_to_it(served, page):
    address, _ = served
    (experiment,) = viewed_experiments(address).values()
    page.goto(f"{address}/#/experiments/{experiment}/runs?workflowType=machine_learning")
    link = page.get_by_role("link", name=VIEW_NAME)
    link.wait_for()
    assert link.get_attribute("href") == view_page(experiment)


def test_a_sweeps_page_shows_what_was_found_and_its_front(served, page):
    address, runs = served
    (experiment,) = viewed_experiments(address).values()
    place = page_address("sqlite:///x", experiment, runs["nested"]).split("/#/")[1]
    page.goto(f"{address}/#/{place}")
    page.get_by_text("nested #2 gains 10 on noisy").wait_for()
    picture = f"img[src='get-artifact?path=front-small.png&run_uuid={runs['nested']}']"
    page.locator(picture).wait_for(state="attached")
    page.wait_for_function(
        "picture => document.querySelector(picture).naturalWidth > 0", arg=picture
    )
