"""The page in a real browser: every figure is drawn, on a desk, on a phone, in the dark and on paper."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from made_up import LEVEL, LOST, WON, entry, write, write_texts

from pipeline import report
from pipeline.common import files, paths
from pipeline.reporting import colours, sections

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
LABELS = np.array([0, 1, 1, 0, 1, 1, 0])
PLOTS = "[...document.querySelectorAll('.plot')]"
KINDS = {"my_reviews": "sentiment", "imdb": "sentiment", "sine": "sine", "victoria": "sine"}
OF_TASK = 5  # figures: scores, learning, gradients, and two of answers
ROOT = Path(__file__).parent.parent
STAGES = [name for name, section in sections.by_name().items() if not hasattr(section, "read")]
REPORTS = {stage: ROOT / paths.findings(stage) for stage in STAGES}
EVIDENCE = ROOT / paths.evidence("full", "any").parent  # a figure for each task

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


@pytest.fixture
def address(project):
    """The page of some tasks, with markup in texts and a name, and of the challenges as measured; as an address."""
    root = project(
        tasks={name: {"kind": kind} for name, kind in KINDS.items()}, architectures={"gru": {}, "identity": {}}
    )
    compared = {"control": WON, "simplest_baseline": LEVEL, "strongest_baseline": LOST}
    names = ("identity", "constant", "a_baseline_with_a_<b>long</b>_name")
    against = {role: {"name": name, **compared[role]} for role, name in zip(compared, names, strict=True)}
    others = [entry(name, kind) for name, kind in zip(names, ("control", "baseline", "baseline"), strict=True)]
    many = [entry("gru", "network", against=against), *others]
    for name, kind in KINDS.items():
        if kind == "sentiment":
            write(name, kind, many, LABELS, classes=2)
            write_texts(name, ["words <blink> " * 300] * len(LABELS))
        else:
            write(name, kind, many, np.linspace(-1, 1, 21).reshape(7, 3))
    for stage, measured in REPORTS.items():
        shutil.copy(measured, root / paths.findings(stage))
    shutil.copytree(EVIDENCE, root / EVIDENCE.relative_to(ROOT))
    report.main()
    return (root / paths.PAGE).as_uri()


def figures() -> int:
    """How many the page should have."""
    found = {stage: sections.with_scale(files.read_json(measured), stage) for stage, measured in REPORTS.items()}
    of_tasks = OF_TASK * len(KINDS) + len(list(EVIDENCE.iterdir()))
    return of_tasks + sum(len(list(sections.by_name()[stage].charts(one))) for stage, one in found.items())


@pytest.fixture
def open_page(address):
    """A function that opens the page, waits until it is drawn, and asserts that nothing went wrong meanwhile."""
    from playwright.sync_api import sync_playwright

    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)

        def opened(width: int = 1280, **context):
            page = browser.new_page(viewport={"width": width, "height": 800}, **context)
            page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("request", lambda request: None if request.url == address else problems.append(request.url))
            page.goto(address)
            page.wait_for_selector("body[data-drawn]", timeout=60_000)
            return page

        yield opened
        browser.close()
    assert [problem for problem in problems if not problem.startswith(("data:", "blob:"))] == []


def test_every_figure_is_drawn_and_every_link_lives(open_page):
    page = open_page()
    drawn = page.evaluate(f"{PLOTS}.map((plot) => plot.querySelectorAll('.trace, .hm').length)")
    assert len(drawn) == figures()
    assert all(drawn)
    dead = "[...document.querySelectorAll('a')].filter((a) => !document.getElementById(a.hash.slice(1))).length"
    assert page.evaluate(dead) == 0
    assert page.evaluate("document.querySelectorAll('blink').length") == 0  # the texts' own markup is shown as text


@pytest.mark.parametrize("width", [380, 820])
def test_a_narrow_page_does_not_scroll_sideways(open_page, width):
    page = open_page(width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    edges = page.evaluate(f"{PLOTS}.map((plot) => plot.querySelector('.main-svg').getBoundingClientRect().right)")
    assert max(edges) <= width


def test_tables_of_committed_results_fit_a_page_of_1280_pixels(tmp_path, monkeypatch):
    """With their longest content: names of baselines, eight metrics, parameters, seconds and seeds."""
    from playwright.sync_api import sync_playwright

    shutil.copytree(ROOT / "reports", tmp_path / "reports")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    report.main()
    rows = "[...document.querySelectorAll('.scores tbody tr')]"
    filled = "row.cells[2].textContent = '0.9063 0.9111'; row.cells[6].textContent = '103.9'"
    fill = f"{rows}.forEach((row) => {{ {filled} }})"
    cut = "[...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto((tmp_path / paths.PAGE).as_uri())
        page.wait_for_selector("body[data-drawn]", timeout=60_000)
        page.evaluate(fill)
        assert len(page.evaluate(f"{rows}.map((row) => row.cells.length)")) > 40
        assert page.evaluate(f"{cut}.map((box) => box.innerText.slice(0, 60))") == []
        browser.close()


def test_words_in_figures_can_be_read_in_the_dark(open_page):
    page = open_page(color_scheme="dark")
    fills = page.evaluate("[...document.querySelectorAll('.xtick text')].map((t) => getComputedStyle(t).fill)")
    red, green, blue = (int(colours.DARK[colours.INK][i : i + 2], 16) for i in (1, 3, 5))
    assert set(fills) == {f"rgb({red}, {green}, {blue})"}


def test_paper_is_white_and_figures_fit_on_it(open_page):
    page = open_page(color_scheme="dark")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    widths = page.evaluate(f"{PLOTS}.map((plot) => plot.querySelector('.main-svg').getBoundingClientRect().width)")
    assert max(widths) <= 640
    assert page.evaluate("[...document.querySelectorAll('details')].every((details) => details.open)")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not page.evaluate("[...document.querySelectorAll('details')].some((details) => details.open)")
