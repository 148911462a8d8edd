"""The page of comparisons in a real browser: what is seen, pressed and copied, and that nothing is loaded."""

import re
import time

import pytest
from browser import visit
from comparisons import GAINS, ODD, comparison, gallery, odd_comparison, setting

from dashboards.comparison.page import comparison_page
from dashboards.comparison.words import cost_text, gain_of, volume_text
from dashboards.points import percent

pytestmark = pytest.mark.slow  # half a minute

LARGEST = 20e6  # bytes of a page
SHOWN = "article:not([hidden])"
DRAWN = f"{SHOWN} .chart.front[data-drawn]"
PLACE = """([label, chart]) => {
  const node = document.querySelector(chart), {xaxis, yaxis, _size} = node._fullLayout;
  const point = views[shown].data.points.find((one) => one.label === label);
  const box = node.getBoundingClientRect();
  return [box.x + _size.l + xaxis.l2p(Math.log10(point.x)), box.y + _size.t + yaxis.l2p(point.value[0])];
}"""


def _three():
    """Two datasets, one of them under two corruptions; the first with three training seeds and samples."""
    first = comparison(setting("digits", "gn30"), seeds=(0, 1, 2))
    second = comparison(setting("digits", "gn45"), GAINS | {"nested": 0.94}, seeds=(0, 1, 2))
    third = comparison(setting("mnist", "gn30"), count=0, tests=False)
    labels = {"nested #1": "nested", "card #1": "card", "enhanced (best)": "enhanced"}
    return [first, second, third], {first.setting: gallery(labels)}


@pytest.fixture(scope="module")
def compared():
    return _three()[0]


@pytest.fixture(scope="module")
def opened(browser, compared, tmp_path_factory):
    """The page of three settings, open. Tests that change what is shown put it back."""
    path = tmp_path_factory.mktemp("page") / "compared.html"
    path.write_text(comparison_page(*_three()), encoding="utf-8")
    with visit(browser, path) as found:
        found.page.wait_for_selector(DRAWN)
        yield found


@pytest.fixture
def page(opened):
    yield opened.page
    opened.page.evaluate("show(0, false); scrollTo(0, 0)")
    opened.page.wait_for_selector(DRAWN)


def _title(page):
    return page.inner_text(f"{SHOWN} h2")


def _press_point(page, label):
    chart = f"{SHOWN} .chart.front"
    page.locator(chart).scroll_into_view_if_needed()
    x, y = page.evaluate(PLACE, [label, chart])
    page.mouse.move(x - 60, y - 3)
    page.mouse.move(x, y)
    page.wait_for_selector(f"{SHOWN} .hoverlayer .hovertext")
    return x, y


def test_the_chooser_shows_another_setting(page):
    assert _title(page) == "digits, gn30"
    page.select_option("select[data-field='1']", "gn45")
    assert _title(page) == "digits, gn45"
    page.select_option("select[data-field='0']", "mnist")
    assert _title(page) == "mnist, gn30"  # the corruption that there is of it
    assert page.locator("select[data-field='1'] option").all_inner_texts() == ["gn30"]
    assert page.locator("article:visible").count() == 1
    assert not page.locator("select[data-field='2']").is_visible()  # one preset is no choice


def test_a_row_of_the_overview_opens_its_setting(page, compared):
    rows = page.locator("tr.open")
    assert rows.count() == len(compared)
    assert "93.0 % at 60" in rows.nth(0).inner_text() and "90.0 % at 3" in rows.nth(0).inner_text()
    rows.nth(2).locator("td").nth(1).click()
    assert _title(page) == "mnist, gn30" and rows.nth(2).get_attribute("aria-current") == "true"
    page.keyboard.press(
        "Shift+Tab"
    )  # the heading has the focus: what comes before it is the overview
    assert page.evaluate("document.activeElement.closest('section').className") == "overview"
    rows.nth(1).locator("button").press("Enter")
    assert _title(page) == "digits, gn45"


def test_hovering_a_point_tells_what_it_is(page, compared):
    point = next(p for p in compared[0].points if p.label == "nested, within 8")
    _press_point(page, point.label)
    told = page.text_content(f"{SHOWN} .hoverlayer .hovertext")
    for text in (point.label, percent(point.test, compared[0].metric), cost_text(point.cost),
                 "steps=8 eta=0.25 answer=y", "steps=9", *point.run_ids):  # fmt: skip
        assert text in told


def test_pressing_a_point_shows_a_command_to_copy(page, compared):
    point = next(p for p in compared[0].points if p.label == "nested, within 60")
    page.mouse.click(*_press_point(page, point.label))
    panel = page.locator(f"{SHOWN} .panel")
    panel.locator("h4").wait_for()
    assert panel.locator("h4").inner_text() == "nested, within 60 — best"
    assert panel.locator(".command code").all_inner_texts() == list(point.commands)
    assert panel.locator(".run").all_inner_texts() == list(point.run_ids)
    button = panel.locator(".copy").nth(1)
    button.click()
    page.wait_for_function("b => b.textContent === 'copied'", arg=button.element_handle())
    assert page.evaluate("navigator.clipboard.readText()") == point.commands[1]


def test_where_pages_may_not_copy_the_command_is_marked(page, compared):
    page.locator(f"{SHOWN} [data-point]").first.press("Enter")
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', {value: undefined, configurable: true})"
    )
    page.locator(f"{SHOWN} .panel .copy").first.press("Enter")
    page.wait_for_function(f"document.querySelector('{SHOWN} .panel .copy').textContent !== 'copy'")
    assert page.evaluate("getSelection().toString()") == compared[0].points[0].commands[0]
    page.evaluate("delete navigator.clipboard")


def test_a_strategy_is_hidden_everywhere_and_shown_again(page):
    name = page.locator(f"{SHOWN} .switch", has_text="nested")
    place = name.get_attribute("data-strategy")
    assert page.locator(f"{SHOWN} section [data-strategy='{place}']:visible").count() > 10
    colors = (
        f"document.querySelector('{DRAWN}').data.filter(t => t.line?.color === '#0072b2').length"
    )
    assert page.evaluate(colors) == 1
    name.press("Space")
    assert name.get_attribute("aria-pressed") == "false"
    assert page.locator(f"{SHOWN} section [data-strategy='{place}']:visible").count() == 0
    assert not page.locator(".gallery thead th", has_text="nested").is_visible()
    assert page.evaluate(colors) == 0
    name.press("Space")
    assert page.evaluate(colors) == 1


def test_numbers_on_the_page_are_those_of_the_comparison(page, compared):
    one = compared[0]
    cells = page.evaluate(
        f"[...document.querySelectorAll('{SHOWN} .points tbody tr')]"
        ".map(r => [...r.cells].map(c => c.innerText))"
    )
    names = {True: "joint front", False: "front"}
    assert [row[:3] + row[4:] for row in cells] == [
        [p.label, percent(p.test, one.metric), cost_text(p.cost), percent(p.validation, one.metric),
         names[p.on_joint_front] if p.on_front or p.on_joint_front else "–"]
        for p in one.points
    ]  # fmt: skip
    drawn = page.evaluate(
        f"document.querySelector('{DRAWN}').data.filter(t => t.customdata)"
        ".flatMap(t => t.customdata.map((c, i) => [views[0].data.points[c].label, t.y[i],"
        "t.y[i] - t.error_y.arrayminus[i], t.y[i] + t.error_y.array[i]]))"
    )
    name = one.metric.name
    wanted = {
        p.label: [100 * p.test[n] for n in (name, f"{name}_low", f"{name}_high")]
        for p in one.points
    }
    costly = {p.label for p in one.points if p.cost.value > 0}
    assert {label for label, *_ in drawn} == costly
    for label, *values in drawn:
        assert values == pytest.approx(wanted[label])
    volumes = page.locator(f"{SHOWN} .volumes tbody td:nth-of-type(1)").all_inner_texts()
    assert volumes == [volume_text(s.hypervolume) for s in one.strategies if s.hypervolume]
    page.locator(f"{SHOWN} .tests summary").click()
    differences = page.locator(f"{SHOWN} .all-tests tbody td:nth-of-type(4)").all_inner_texts()
    assert [float(text.split()[0]) for text in differences] == pytest.approx(
        [gain_of(pair, one.metric)[0] for pair in one.pairs], abs=0.051
    )


def test_samples_are_seen_with_how_they_were_answered(page):
    images = page.locator(f"{SHOWN} img")
    images.first.scroll_into_view_if_needed()
    assert images.count() == 6 * 5 + 3 * 2 * 5  # the grid, and five frames of two samples
    assert page.evaluate(f"document.querySelector('{SHOWN} img').decode().then(() => true)")
    assert page.locator(f"{SHOWN} figure.wrong .sign").first.inner_text() == "✗"
    assert "answered 7, right" in page.locator(f"{SHOWN} figure.right img").first.get_attribute(
        "alt"
    )
    assert page.locator(f"{SHOWN} .badge").all_inner_texts() == ["only nested", "only card"]
    assert page.locator(".trajectory:visible").get_attribute("data-sample") == "0"
    page.select_option("select.sample", "1")
    assert page.locator(".trajectory:visible").get_attribute("data-sample") == "1"


def test_nothing_is_loaded_and_nothing_fails(opened, page):
    """Last of the page of three settings, after all that the tests before did with it."""
    opened.see_all()
    page.locator(f"{SHOWN} [data-layer='trials']").check()
    assert page.evaluate(f"document.querySelector('{DRAWN}').data.some(t => t.x.length === 120)")
    page.select_option(f"{SHOWN} select.of", label="nested, 120 trials")
    page.locator(f"{SHOWN} [data-layer='trials']").uncheck()
    assert opened.requests == [] and opened.problems == []


@pytest.fixture(scope="module")
def odd_one():
    """A comparison whose every name is odd."""
    return odd_comparison()


@pytest.fixture(scope="module")
def odd_page(browser, odd_one, tmp_path_factory):
    """A page in a narrow window of an odd setting, and of speech."""
    path = tmp_path_factory.mktemp("page") / "odd.html"
    speech = comparison(setting("fsdd-reverb", "reverb", kind="speech"))
    samples = {
        odd_one.setting: gallery({ODD: ODD}, name=ODD),
        speech.setting: gallery({"nested #1": "nested"}, speech=True, name="seven"),
    }
    path.write_text(comparison_page([odd_one, speech], samples), encoding="utf-8")
    with visit(browser, path, width=390, height=800) as opened:
        yield opened


def _plain(text):
    """Text as browsers show it, where all that is blank is a blank."""
    return re.sub(r"\s+", " ", text)


def test_odd_names_are_shown_as_they_are(odd_page, odd_one):
    odd_page.see_all()
    page, odd = odd_page.page, _plain(ODD)
    for place in ("h2", ".switch", ".points th button", ".matrix th", ".bars h4", ".notes li", ".sample",
                  "figcaption", ".strip .class"):  # fmt: skip
        texts = page.locator(f"{SHOWN} {place}").all_text_contents()
        assert any(odd in _plain(text) for text in texts), place
    assert page.locator("main b").count() == 0
    page.locator(f"{SHOWN} [data-point]").first.click()
    assert odd in _plain(page.text_content(f"{SHOWN} .panel h4"))
    _press_point(page, odd_one.points[0].label)
    assert "<b>&\"'</script>" in page.text_content(f"{SHOWN} .hoverlayer .hovertext")
    assert odd in [
        _plain(text) for text in page.locator("select[data-field='1'] option").all_inner_texts()
    ]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert odd_page.requests == [] and odd_page.problems == []


def test_speech_is_heard(odd_page):
    page = odd_page.page
    page.evaluate("show(1, true)")
    page.locator(f"{SHOWN} .chart.front").scroll_into_view_if_needed()
    assert "lower is better" in page.text_content(DRAWN)
    assert page.locator(f"{SHOWN} audio").count() == 6 * 3
    heard = page.evaluate(
        "() => new Promise((done, failed) => { const a = document.querySelector('audio'); a.preload = 'auto';"
        "a.onloadedmetadata = () => done(a.duration); a.onerror = failed; a.load(); })"
    )
    assert heard == pytest.approx(0.1)
    assert odd_page.requests == [] and odd_page.problems == []


def test_a_page_of_little_opens(browser, tmp_path):
    """Nothing was swept, and nothing but confirmed points is there."""
    path = tmp_path / "little.html"
    few = comparison(setting("mnist"), count=0, tests=False)
    path.write_text(comparison_page([comparison(gains={}), few], {}), encoding="utf-8")
    with visit(browser, path) as opened:
        opened.see_all()
        assert "Nothing was confirmed here yet" in opened.page.inner_text(SHOWN)
        opened.page.locator("tr.open").nth(1).click()
        opened.see_all()
        headings = opened.page.locator(f"{SHOWN} h3").all_inner_texts()
        assert "Confirmed points" in headings and "Where the search looked" not in headings
        assert opened.requests == [] and opened.problems == []


def test_a_page_of_nothing_says_so():
    assert "There is nothing to compare yet." in comparison_page([], {})


def test_ten_thousand_trials_are_small_enough_and_open(browser, tmp_path):
    one, path = comparison(count=3400), tmp_path / "many.html"
    assert sum(len(strategy.trials) for strategy in one.strategies) >= 10_000
    path.write_text(comparison_page([one], {}), encoding="utf-8")
    assert path.stat().st_size < LARGEST
    began = time.perf_counter()
    with visit(browser, path) as opened:
        page = opened.page
        page.wait_for_selector(DRAWN)
        print(
            f"10,200 trials: {path.stat().st_size / 1e6:.1f} MB, open in {time.perf_counter() - began:.1f} s"
        )
        page.locator("[data-layer='trials']").check()
        trials = f"document.querySelector('{DRAWN}').data.filter(t => t.type === 'scattergl')"
        assert page.evaluate(f"{trials}.map(t => t.x.length)") == [3400, 3400, 3400]
        assert opened.requests == [] and opened.problems == []
