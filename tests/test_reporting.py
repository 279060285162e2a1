"""The page says what the stages wrote: numbers, intervals, marks; and it needs nothing but itself."""

import re
from html import unescape
from html.parser import HTMLParser

import numpy as np
import plotly.graph_objects as go
import pytest
from made_up import LEVEL, LOST, METRIC, WON, entry, write, write_texts
from series_files import prepare as prepare_series, table as series_table

from pipeline import report
from pipeline.common import InputError, paths
from pipeline.reporting import colours, examples, markup, overview, results, tables, words
from pipeline.reporting.chapter import answers, chapter, drawn
from pipeline.reporting.figures import Chart, floor
from pipeline.reporting.glossary import glossary
from pipeline.reporting.page import page as page_of

LABELS = np.array([0, 1, 1, 0, 1, 1, 0])
ARCHITECTURES = {"gru": {}, "identity": {}}
RIVALS = {"control": {"name": "identity"}, "simplest_baseline": {"name": "constant"}}
RIVALS |= {"strongest_baseline": {"name": "linear"}}


def against(control: dict, simplest: dict, strongest: dict) -> dict:
    compared = zip(RIVALS.items(), (control, simplest, strongest), strict=True)
    return {role: {**rival, **outcome} for (role, rival), outcome in compared}


def network(**more) -> list[dict]:
    """A network beside the control and two baselines."""
    baselines = [entry("linear", "baseline"), entry("constant", "baseline")]
    return [entry("gru", "network", **more), entry("identity", "control"), *baselines]


@pytest.fixture
def made(project):
    """A project with one task of labels; gives a function that writes another."""
    project(tasks={"bits": {"kind": "recall"}}, architectures=ARCHITECTURES)
    write("bits", "recall", network(against=against(WON, LEVEL, LOST)), LABELS, classes=2)
    return write


def text_of(html: str) -> str:
    """What a reader sees, with one space between words."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


class Links(HTMLParser):
    """Ids, targets of links, and addresses that a browser would fetch."""

    def __init__(self, page: str):
        super().__init__()
        self.ids, self.links, self.fetched, self.headings = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if tag == "a" else []
        self.fetched += [values[key] for key in ("src", "srcset", "data", "poster") if key in values]
        self.fetched += [values["href"]] if tag != "a" and "href" in values else []
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []


def test_numbers_are_said_in_significant_digits():
    assert [words.number(value) for value in (0.9032, 12.307, 4530.2, -0.5, 0.0, None)] == [
        "0.9032", "12.31", "4,530", "−0.5000", "0", "–",
    ]  # fmt: skip
    assert words.number(1.234e-5) == "1.23e−05"
    assert words.mean_and_interval({"mean": 0.05643, "low": 0.03386, "high": 0.1089}) == ("0.0564", "[0.0339, 0.1089]")


def test_measures_are_said_as_people_write_them():
    assert words.measure("mae_scaled", {}) == "MAE scaled"
    assert words.measure("mape", {"mape": "%"}) == "MAPE (%)"


def test_whatever_is_not_markup_is_escaped():
    cell = markup.tag("td", "<b>a & b</b>", title='say "<"')
    assert cell == '<td title="say &#34;&lt;&#34;">&lt;b&gt;a &amp; b&lt;/b&gt;</td>'


def test_markup_stays_as_it_is_within_an_element_and_is_text_within_an_attribute():
    bold = markup.tag("b", "1 < 2")
    assert bold == "<b>1 &lt; 2</b>"
    cell = markup.tag("td", bold, None, title=bold, hidden=True, lang=None)
    assert cell == '<td title="&lt;b&gt;1 &amp;lt; 2&lt;/b&gt;" hidden><b>1 &lt; 2</b></td>'
    assert markup.tag("br") == "<br>"


def test_slugs_of_different_names_differ():
    names = ["bits", "my bits", "my/bits", "über", "<x>"]
    slugs = [markup.slug(name) for name in names]
    assert len(set(slugs)) == len(names)
    assert all(re.fullmatch(r"[\w-]+", slug, re.ASCII) for slug in slugs)


def test_scores_stand_with_interval_seeds_and_marks(made):
    told = text_of(tables.scores(results.read("bits", list(ARCHITECTURES))))
    assert "gru 0.7500 [0.5000, 0.8750] 0.6250, 0.8750" in told
    assert "better than identity not better than constant worse than linear network 31,234 / 34,567 12.5" in told


NO_INTERVAL = {"low": None, "high": None, "reason": "40 examples are fewer than two blocks of 336 neighbours"}


def test_without_an_interval_the_page_says_why_and_claims_nothing(made):
    metric = {"accuracy": {"mean": 0.75, **NO_INTERVAL, "by_seed": [0.625, 0.875]}}
    unknown = {"better_by": 0.25, **NO_INTERVAL, "beats": None}
    shown = network(metrics=metric, against=against(unknown, unknown, unknown))
    intervals = {"confidence": 0.95, "resamples": 0, "block": None, "blocks": None, "reason": NO_INTERVAL["reason"]}
    made("bits", "recall", shown, LABELS, classes=2, intervals=intervals)
    read = results.read("bits", list(ARCHITECTURES))
    text = text_of(chapter(read))
    assert "gru 0.7500 no interval 0.6250, 0.8750 network" in text
    assert "There are no intervals, so nothing counts as better: 40 examples are fewer than two" in text
    assert "gru 0.250 no interval" in text  # by how much it is better
    assert "better than identity" not in text
    assert "†" not in text_of(overview.table_of([read], ARCHITECTURES)).rsplit("strongest baseline", 1)[1]
    report.main()


def test_the_page_says_what_intervals_are_made_of(made):
    made("bits", "recall", network(), LABELS, classes=2)
    assert "Intervals are from examples resampled one by one." in text_of(chapter(results.read("bits", ["gru"])))
    blocks = {"confidence": 0.95, "resamples": 100, "block": 165, "blocks": 5.02, "reason": None}
    made("bits", "recall", network(), LABELS, classes=2, intervals=blocks)
    text = text_of(chapter(results.read("bits", ["gru"])))
    assert "Intervals are from 5.02 blocks of 165 neighbouring windows." in text


def test_the_trivial_predictor_stands_where_it_ranks(made):
    metrics = [{"accuracy": {"mean": mean, "low": 0.0, "high": 1.0, "by_seed": [mean]}} for mean in (0.75, 0.25)]
    two = [entry(f"b{place}", "baseline", metrics=metric) for place, metric in enumerate(metrics)]
    made("bits", "recall", two, LABELS, classes=2)
    told = text_of(tables.scores(results.read("bits", [])))
    assert told.index("b0") < told.index("trivial 0.5000") < told.index("b1")


def test_a_diverged_seed_is_told_as_such(made):
    half = {"accuracy": {"mean": 0.75, "low": 0.5, "high": 0.875, "by_seed": [0.75]}}
    made("bits", "recall", network(metrics=half), LABELS, classes=2)
    read = results.read("bits", list(ARCHITECTURES))
    assert "0.7500, diverged 1 of 2 seeds diverged" in text_of(tables.scores(read))
    assert "Diverged: gru seed 1 at step 7." in text_of(chapter(read))


def test_each_label_has_its_scores_on_the_page(made):
    scores = {"f1": METRIC, "precision": {**METRIC, "mean": 0.625}, "recall": {**METRIC, "mean": 0.8125}}
    made("bits", "recall", network(classes={"0": scores, "<1>": scores}), LABELS, classes=2)
    read = results.read("bits", list(ARCHITECTURES))
    shown = "0.7500 [0.5000, 0.8750] 0.6250 [0.5000, 0.8750] 0.8125 [0.5000, 0.8750]"
    page = text_of(tables.classes(read))
    assert "name label F1 precision recall" in page
    assert f"gru 0 {shown} gru <1> {shown}" in page  # were it not escaped, it would be taken for a tag
    assert page in text_of(chapter(read))
    assert "F1 of a label Harmonic mean of precision and recall." in text_of(str(glossary([read], 0.95)))


def test_near_copies_are_reported_where_there_are_any(made):
    assert "near copies" not in text_of(chapter(results.read("bits", list(ARCHITECTURES))))
    near = {"similarity": 0.5, "groups": 26, "rows": 1052, "rows_across_splits": 4, "rows_across_splits_otherwise": 19}
    made("bits", "recall", network(), LABELS, classes=2, audit={"near_copies": near})
    page = text_of(chapter(results.read("bits", list(ARCHITECTURES))))
    assert "1,052 examples are near copies of others, in 26 groups (similarity 0.5)" in page
    assert "19 of them would be in other splits than their copies; 4 are." in page


def test_a_task_without_labels_has_no_table_of_them(made):
    assert tables.classes(results.read("bits", list(ARCHITECTURES))) is None


def test_a_network_whose_seeds_all_diverged_is_a_result(made):
    made("bits", "recall", network(metrics={}, status="diverged", serves=None), LABELS, classes=2)
    read = results.read("bits", list(ARCHITECTURES))
    assert "gru diverged diverged, diverged 2 of 2 seeds diverged" in text_of(tables.scores(read))
    assert "No network has a score: every seed diverged." in text_of(chapter(read))
    assert "diverged" in text_of(overview.table_of([read], ARCHITECTURES))


def test_the_map_marks_who_is_not_beaten(made):
    told = text_of(overview.table_of([results.read("bits", list(ARCHITECTURES))], ARCHITECTURES))
    assert told.rsplit("baseline", 1)[1].split() == ["bits", "accuracy", "↑", "0.750", "‡§", "0.750", "0.750", "linear"]


def test_networks_that_are_equal_share_the_first_place(made):
    assert "The best network is gru : accuracy" in text_of(chapter(results.read("bits", ["gru"])))
    made("bits", "recall", [entry("rnn", "network"), *network()], LABELS, classes=2)
    read = results.read("bits", ["gru", "rnn"])
    assert "The best networks, all equal, are rnn, gru : accuracy 0.7500" in text_of(chapter(read))
    told = str(overview.table_of([read], ["gru", "rnn", "identity"]))
    assert told.count("<strong>0.750</strong>") == 2


def test_names_and_reviews_cannot_break_the_page(project):
    """Whatever a name holds: those that params.yaml may have are plainer."""
    name = "<img src=x onerror=alert(1)>"
    rivals = against(WON, LEVEL, LOST)
    write(name, "recall", network(against=rivals), LABELS, classes=2, settings={"labels": ["<no>", "</script>"]})
    write_texts(name, ["</td><script>alert(1)</script> " + "bad " * 200] * len(LABELS))
    params = {"architectures": ARCHITECTURES, "scale": "smoke"}
    page = page_of([results.read(name, list(ARCHITECTURES))], params, 0.95, lacks=[name])
    assert "<img" not in page
    assert "<script>alert" not in page
    assert page.count("</script>") == page.count("<script")
    assert "&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt; bad" in page


def test_nothing_in_a_figure_ends_its_script():
    chart = Chart("scores", "Title", "note", "summary", go.Figure(layout={"title": {"text": "</script><b>"}}))
    assert drawn("task", [chart]).count("</script>") == 1


def test_the_page_needs_nothing_but_itself_and_its_links_lead_somewhere(made):
    report.main()
    page = paths.PAGE.read_text()
    found = Links(page)
    assert found.fetched == []
    assert len(found.ids) == len(set(found.ids))
    assert {link.removeprefix("#") for link in found.links} <= set(found.ids)
    assert not re.search(r"url\(|@import|https?://", re.sub(r'<script type="text/plain".*?</script>', "", page))
    assert all(after <= before + 1 for before, after in zip(found.headings, found.headings[1:], strict=False))
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')


def test_equal_inputs_give_equal_bytes(made):
    report.main()
    first = paths.PAGE.read_bytes()
    report.main()
    assert paths.PAGE.read_bytes() == first


@pytest.mark.parametrize(
    ("gone", "lack", "headings"),
    [
        (lambda: paths.prepared("bits") / "audit.json", "prepared data (data/prepared/bits)", "Results Training"),
        (
            lambda: paths.trained("bits", "gru") / "history.csv",
            "trained networks (gru)",
            "Results Training Answers Data",
        ),
        (lambda: paths.predictions("bits") / "gru.parquet", "predictions (gru)", "Results Training Data"),
    ],
)
def test_the_page_is_made_of_what_there_is_and_names_what_it_lacks(made, capsys, gone, lack, headings):
    gone().unlink()
    report.main()
    page = paths.PAGE.read_text()
    assert f"missing: of bits: {lack}: run `dvc repro evaluate@bits`" in capsys.readouterr().out
    assert f"of bits: {lack}: run dvc repro evaluate@bits" in text_of(page).replace("  ", " ")
    assert "gru 0.7500 [0.5000, 0.8750]" in text_of(page)
    assert re.findall(r"<h3[^>]*>(\w+)</h3>", page) == headings.split()
    found = Links(page)
    assert {link.removeprefix("#") for link in found.links} <= set(found.ids)


def test_three_tasks_of_which_one_has_results_make_a_page(made, project, capsys):
    """Results for one task and one architecture, and evidence and a stage that point to what is not there."""
    tasks = {"bits": {"kind": "recall"}, "mine": {"kind": "recall"}, "load": {"kind": "sine"}}
    project(
        tasks=tasks, architectures={**ARCHITECTURES, "lstm": {}}, evidence={"tasks": ["recall"], "architecture": "rnn"}
    )
    report.main()
    printed, page = capsys.readouterr().out, text_of(paths.PAGE.read_text())
    for lack in (
        "of bits: scores (lstm): run `dvc repro evaluate@bits`",
        "reports/mine/metrics.json: run `dvc repro evaluate@mine`",
        "reports/load/metrics.json: run `dvc repro evaluate@load`",
        "params.yaml: evidence.tasks[0]: no task named 'recall'; there are: bits, mine, load",
        "reports/memory.json (How far back can a network learn to look?): run `dvc repro memory`",
    ):
        assert lack in printed
        assert lack.partition("`")[0] in page
    project(tasks={"mine": {"kind": "recall"}}, architectures=ARCHITECTURES)
    with pytest.raises(InputError, match="nothing to report on yet: run `dvc repro evaluate` first"):
        report.main()


def test_an_official_split_and_one_that_is_not_are_told_apart(made):
    source = {"source": {"source": "package", "bytes": 3, "digest": "ab" * 32}}
    made("bits", "sentiment", network(), LABELS, classes=2, audit=source)
    assert "Not the official split" in chapter(results.read("bits", list(ARCHITECTURES)))
    made("bits", "sentiment", network(), LABELS, classes=2, audit=source, official_split=True)
    assert "The test split is the source's official one" in text_of(chapter(results.read("bits", list(ARCHITECTURES))))


def test_the_task_is_told_by_the_docstring_of_its_file(made):
    assert "Recall: name the first symbol" in chapter(results.read("bits", list(ARCHITECTURES)))


@pytest.mark.parametrize(
    ("targets", "classes", "expected"),
    [
        (LABELS, 2, ["calibration", "confusion"]),
        (np.tile(LABELS[:, None], (1, 3)), 2, ["steps"]),
        (np.linspace(0, 1, 14).reshape(7, 2), 0, ["predicted", "residuals"]),
    ],
)
def test_answers_are_drawn_by_the_kind_of_target(made, targets, classes, expected):
    made("bits", "own_kind", network(), targets, classes=classes)
    charts = list(answers(results.read("bits", list(ARCHITECTURES))))
    assert [chart.name for chart in charts] == expected
    assert all(isinstance(chart.figure, go.Figure) and chart.summary for chart in charts)


def test_windows_of_a_series_begin_with_its_past(project, tmp_path):
    prepared = prepare_series(tmp_path / "series", series_table())
    settings = prepared.task.model_dump(mode="json")
    project(tasks={"load": {"kind": "forecast", **settings}}, architectures=ARCHITECTURES)
    paths.prepared("load").parent.mkdir(parents=True)
    prepared.folder.rename(paths.prepared("load"))
    true = series_table()["load"].to_numpy()
    starts = range(40 - 8, 48 - 10 + 1)
    targets = np.array([true[start + 8 : start + 10] for start in starts])
    mae = [entry(e["name"], e["kind"], "mae") for e in network()]
    write("load", "forecast", mae, targets, audit=prepared.audit, block=28, main_metric="mae", higher_is_better=False)
    charts = {chart.name: chart for chart in answers(results.read("load", list(ARCHITECTURES)))}
    assert list(charts) == ["window-1", "window-2", "window-3", "horizon"]
    line = charts["window-1"].figure.data[0]
    first = list(series_table()["time"]).index(line.x[0])
    np.testing.assert_allclose(line.y, true[first : first + 6], rtol=1e-5)


def test_reliability_bins_by_the_probability_of_the_answer():
    probabilities = np.array([[0.95, 0.05], [0.08, 0.92], [0.55, 0.45]])
    bins = examples.reliability(probabilities, np.array([0, 0, 0]))
    np.testing.assert_allclose(bins.confidence, [0.55, 0.935])
    np.testing.assert_allclose(bins.correct, [1.0, 0.5])
    assert bins.count.tolist() == [1, 2]
    assert bins.error == pytest.approx((0.45 + 2 * 0.435) / 3)


def test_confusion_counts_labels_by_answers():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    assert examples.confusion(probabilities, np.array([0, 0, 1])).tolist() == [[1, 1], [1, 0]]


def test_the_surest_wrong_answers_come_first():
    probabilities = np.array([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    assert examples.most_wrong(probabilities, np.array([1, 1, 1, 0]), 2).tolist() == [1, 3]
    assert examples.most_right(probabilities, np.array([1, 1, 1, 0]), 2).tolist() == [2]


def test_shown_windows_are_chosen_by_their_error():
    assert examples.at_shares(np.array([5.0, 1.0, 3.0, 2.0, 4.0]), (0.0, 0.5, 1.0)) == [1, 2, 0]


def test_long_texts_keep_whole_words_of_both_ends():
    text = "first words " + "middle " * 50 + "last words"
    short = examples.shortened(text, 60)
    assert short.startswith("first words middle")
    assert short.endswith("middle last words")
    assert set(short.replace("…", "").split()) <= set(text.split())
    assert examples.shortened("short  text", 60) == "short text"


def test_every_colour_can_be_seen_on_its_page():
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    for colour in (*colours.NAMED.values(), *colours.OTHERS):
        dark = luminance(colours.DARK.get(colour, colour)) + 0.05
        assert dark / (luminance(colours.DARK[colours.PAPER]) + 0.05) >= 3, colour
        assert 1.05 / (luminance(colour) + 0.05) >= 2.2, colour


def test_from_five_seeds_on_their_interval_is_told(made):
    many = {"accuracy": {"mean": 0.75, "low": 0.5, "high": 0.875, "by_seed": [0.75] * 5}}
    many["accuracy"] |= {"seeds_low": 0.7, "seeds_high": 0.8}
    made("bits", "recall", network(metrics=many, seeds=[0, 1, 2, 3, 4]), LABELS, classes=2)
    told = text_of(tables.scores(results.read("bits", list(ARCHITECTURES))))
    assert "0.7500, 0.7500, 0.7500, 0.7500, 0.7500 [0.7000, 0.8000]" in told


def test_a_task_with_noise_has_a_floor(made):
    metric = {"mse": {"mean": 0.5, "low": 0.25, "high": 0.75, "by_seed": [0.5, 0.5]}}
    shown = [entry("gru", "network", metrics=metric), entry("identity", "control", metrics=metric)]
    made("waves", "sine", shown, LABELS[:, None] * 1.0, settings={"noise": 0.5}, main_metric="mse")
    assert floor(results.read("waves", list(ARCHITECTURES))) == 0.25
    made("waves", "sine", shown, LABELS[:, None] * 1.0, main_metric="mse")
    assert floor(results.read("waves", list(ARCHITECTURES))) is None
