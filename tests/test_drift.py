"""Drift: what is compared, silence where nothing has changed, alarms where something has, and the page's section."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import reviews
from scipy.stats import fisher_exact, ks_2samp

from pipeline.common import files
from pipeline.monitoring import detection, permutation, series, texts as drift_of_texts
from pipeline.monitoring.section import charts, distributions
from pipeline.monitoring.settings import Drift
from pipeline.reporting import sections
from pipeline.services.shared import series_profile, text_profile
from pipeline.tasks.text import vocabularies

LABELS = ("negative", "positive")
CORPUS = reviews.corpus(3000, seed=1)
TOKENIZER = vocabularies.words([text for text, _ in CORPUS[:1000]], 200)
HALF_HOURS = 48


def answer(requests: pd.DataFrame) -> pd.DataFrame:
    """A network that knows the telling words, and is the surer the shorter a text is."""
    texts = requests["text"]
    positive = texts.str.contains("lovely|superb").to_numpy()
    confidence = 0.6 + 0.4 / texts.str.split().str.len().to_numpy()
    return pd.DataFrame({"label": np.where(positive, *LABELS[::-1]), "probability": confidence})


def texts_told(rows: list[tuple]) -> dict:
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    return {**text_profile.profile(texts, labels, LABELS, TOKENIZER, answer), "rows": len(rows)}


def alarms(found: dict) -> set[str]:
    assert (found["status"] == "drift") == any(test["alarm"] for test in found["tests"])
    return {test["name"] for test in found["tests"] if test["alarm"]}


THEN = texts_told(CORPUS[:1000])
CHANGES = {
    "length in tokens": lambda text, label: (" ".join(text.split()[: len(text.split()) // 2 + 1]), label),
    "share of unknown tokens": lambda text, label: (text.replace("a", "aa"), label),
    "words": lambda text, label: (text.replace(reviews.WORDS[0][:2], "la"), label),
    "labels": lambda text, label: (text, 1 if len(text) % 3 else label),
    "labels predicted": lambda text, label: (text.replace("awful", "superb"), label),
    "confidence of the predictions": lambda text, label: (f"{text} {' '.join(text.split()[:8])}", label),
}


def test_what_is_told_of_texts_is_what_is_in_them():
    told = text_profile.profile(
        ["bad, zzz bad!", "bad ."] * 3, [0] * 6, LABELS, vocabularies.words(["bad bad"], 9), answer
    )
    assert told["lengths"] == [5, 2] * 3
    assert told["unknown"] == [0.6, 0.5] * 3
    assert told["holding"] == {"bad": [6, 1.0]}
    assert told["labels"] == {"negative": 6, "positive": 0}
    assert told["answered"] == {"negative": 6}
    assert told["abstained"] == 0
    assert len(text_profile.spaced(5000)) == text_profile.MOST
    assert text_profile.spaced(5000)[-1] == 4999


def test_abstentions_are_compared_beside_the_labels_answered():
    """A label is called as abstentions were once; and champions that were logged then count them as a label."""

    def summary(labels: list[str | None]) -> dict:
        table = pd.DataFrame({"label": pd.Series(labels, dtype=object), "probability": 0.9})
        table["abstained"] = table["label"].isna()
        rows = CORPUS[: len(labels)]
        texts, numbers = [text for text, _ in rows], [number for _, number in rows]
        return {**text_profile.profile(texts, numbers, LABELS, TOKENIZER, lambda _: table), "rows": len(rows)}

    answered = summary(["neutral", "positive"] * 100)
    assert (answered["answered"], answered["abstained"]) == ({"neutral": 100, "positive": 100}, 0)
    abstained = summary([None, "positive"] * 100)
    assert (abstained["answered"], abstained["abstained"]) == ({"positive": 100}, 100)
    compared = detection.compare(answered, abstained, Drift())
    test = next(test for test in compared["tests"] if test["name"] == "labels predicted")
    assert test["effect"] == pytest.approx(0.5**0.5, abs=1e-6)  # half of the answers are others
    assert compared["shown"]["abstained"] == {"then": 0, "now": 100}
    bars = [bar for bar in distributions(compared["shown"]).figure.data if bar.type == "bar"]
    assert [bar.y[-1] for bar in bars if bar.x[-1] == "<i>abstained</i>"] == [0.0, 0.5]  # a label's < is escaped

    before = {key: value for key, value in answered.items() if key != "abstained"}
    same = detection.compare(before, abstained, Drift())
    assert next(test for test in same["tests"] if test["name"] == "labels predicted")["effect"] == 0


def test_effects_and_p_values_are_the_textbooks():
    assert drift_of_texts.cramers_v(np.array([[0.5, 0.5], [0.7, 0.3]])) == pytest.approx(0.2041, abs=1e-4)
    assert drift_of_texts.cramers_v(np.array([[1.0, 0.0], [0.0, 1.0]])) == 1
    tables = np.array([[3, 9], [50, 20], [0, 7]])
    ours = drift_of_texts.fisher(tables, np.array([[60, 40]] * 3))
    for (then, now), p in zip(tables, ours, strict=True):
        table = [[then, 60 - then], [now, 40 - now]]
        tails = [fisher_exact(table, alternative=side).pvalue for side in ("less", "greater")]
        assert p == pytest.approx(min(1, 2 * min(tails)), rel=1e-9)


def test_texts_that_stand_beside_their_like_count_for_less():
    """In groups of 4 that are the same, 1 + 2 (3 + 2 + 1) / 4 = 4 times the variance, less the weights of the lags."""
    random = np.random.default_rng(0)
    alone, groups = random.normal(size=4000), np.repeat(random.normal(size=1000), 4)
    table = pd.DataFrame({"alone": alone, "groups": groups, "sorted": np.arange(4000) // 2000})
    weights = [(1 - lag / 11) * (4 - lag) / 4 for lag in (1, 2, 3)]
    expected = [1, 1 + 2 * sum(weights), 1 + 2 * sum(1 - lag / 11 for lag in range(1, 11))]
    assert text_profile.inflation(table).tolist() == pytest.approx(expected, rel=0.12)
    twice = [row for row in CORPUS[1000:1200] for _ in range(2)]
    once = detection.compare(THEN, texts_told(CORPUS[1000:1400]), Drift())["tests"][0]
    assert texts_told(twice)["alike"]["lengths"] > 1.4 > texts_told(CORPUS[1000:1400])["alike"]["lengths"]
    assert once["now"] == 400


def test_texts_like_the_old_raise_an_alarm_in_one_of_a_hundred_at_most():
    random, found = np.random.default_rng(0), 0
    for _ in range(200):
        rows = [CORPUS[row] for row in random.choice(np.arange(1000, 3000), 150, replace=False)]
        found += detection.compare(THEN, texts_told(rows), Drift())["status"] == "drift"
    assert found <= 6


@pytest.mark.parametrize("name", CHANGES)
def test_texts_that_changed_raise_the_alarm_of_what_changed(name):
    """By the sample of all the others too: a change of words is one of the network's answers."""
    changed = [CHANGES[name](*row) for row in CORPUS[1000:1400]]
    assert name in alarms(detection.compare(THEN, texts_told(changed), Drift()))
    assert alarms(detection.compare(THEN, texts_told(CORPUS[1000:1400]), Drift())) == set()


def test_a_sure_but_small_difference_is_no_alarm():
    tests = [
        {"name": "a", "measure": "V", "effect": 0.09, "p": 1e-9},
        {"name": "b", "measure": "V", "effect": 0.5, "p": 0.006},
    ]
    judged = detection.with_corrections(tests, Drift(alarm_rate=0.01, effect=0.1))
    assert [test["alarm"] for test in judged] == [False, True]
    assert [test["p_corrected"] for test in judged] == [2e-9, 0.006]  # Holm: the smallest counts for all
    assert not any(test["alarm"] for test in detection.with_corrections(tests[1:] * 2, Drift()))


def labels_told(counts) -> dict:
    """What is compared of labels alone."""
    return {"labels": {str(label): int(count) for label, count in enumerate(counts)}, "alike": {}}


@pytest.mark.parametrize("rows", [1, 3, 10, 50, 100])
def test_few_rows_with_a_rare_label_are_no_change(rows):
    """Of 1,000 texts of five labels, three of them rare: a chi-square test has p <= .01 in 2 to 17 % of such draws."""
    random, shares, below = np.random.default_rng(rows), [0.97, 0.01, 0.01, 0.005, 0.005], 0
    for _ in range(200):
        then, now = (labels_told(random.multinomial(size, shares)) for size in (1000, rows))
        below += drift_of_texts._shares("labels", "labels", then, now)["p"] <= 0.01
    assert below <= 5


def test_a_rare_label_that_becomes_common_is_a_change():
    result = drift_of_texts._shares("labels", "labels", labels_told([980, 15, 5]), labels_told([80, 15, 5]))
    assert result["p"] < 1e-3
    assert result["test"] == "Fisher's exact, of 3 labels"


def test_a_single_text_on_either_side_is_compared_without_a_warning():
    result = detection.compare(texts_told(CORPUS[:1]), texts_told(CORPUS[5:6]), Drift(min_rows=1))
    assert result["status"] == "none"
    assert all(0 < test["p"] <= 1 for test in result["tests"])


def test_the_distance_between_two_samples_is_kolmogorov_s():
    then, now = np.array([1.0, 2.0, 2.0, 5.0]), np.array([2.0, 3.0, 4.0])
    assert (
        drift_of_texts.ks_distance(then, now) == pytest.approx(ks_2samp(then, now).statistic) == pytest.approx(5 / 12)
    )


def test_few_weeks_beside_few_old_ones_are_no_surer_than_they_can_be(fewer):
    """Waves of a year, fitted to a dozen weeks, take much of their noise: p <= .05 stood in 7 % of such draws."""
    random, times, below = np.random.default_rng(0), np.arange(12.0), 0
    angle = 2 * np.pi * times * 7 / 365.25
    waves = np.stack([np.ones(12), np.sin(angle), np.cos(angle)], axis=1)
    for _ in range(400):
        values = random.normal(size=(12, 1))
        along = series.persistence(values[:6], waves[:6], times[:6])
        below += series.permutation_test(values, times >= 6, waves, times, along)[1] <= 0.05
    assert below <= 20


def test_too_few_are_told():
    found = detection.compare(THEN, {"rows": 99}, Drift())
    assert (found["status"], found["tests"]) == ("too_few", [])
    assert "99 new rows; at least 100" in found["reasons"][0]


@pytest.fixture(scope="module")
def victoria():
    """A year of half-hours, in deviations."""
    table = pd.read_csv(Path(__file__).parents[1] / "data/victoria_2014.csv")
    values = table[["demand_gw"]].to_numpy(float)
    return pd.DatetimeIndex(table["timestamp"]), (values - values.mean()) / values.std(), values.mean() / values.std()


def weeks(times, values, season=HALF_HOURS):
    return series_profile.blocks(times, values, (season, len(times)), season, times[0].normalize(), {})


def judged(old: list[dict], new: list[dict]) -> dict:
    now = {"of": "series", "rows": 336 * len(new), "targets": ["demand_gw"], "blocks": new}
    return detection.compare({"of": "series", "blocks": old}, now, Drift())


@pytest.fixture
def fewer(monkeypatch):
    monkeypatch.setattr(permutation, "PERMUTATIONS", 999)


def changed(values, kind, mean):
    day = values.reshape(-1, HALF_HOURS)
    usual = np.tile(day.mean(axis=0), len(day))[:, None]
    return {
        "level": values + 0.1 * (values + mean),
        "season profile": np.roll(values, 6, axis=0),
        "noise": usual + 2 * (values - usual),
    }[kind]


def test_blocks_are_told_in_numbers_that_can_be_checked():
    times = pd.date_range("2024-01-01", periods=35, freq="6h")  # a Monday, midnight
    values = np.tile([0.0, 1, 2, 3], 9)[:35, None] + np.repeat([0.0, 10], [20, 15])[:, None]
    (block,) = series_profile.blocks(times, values, (4, 35), 4, times[0], {4: 0.5, 12: 1.5, 40: 9.0})
    assert (block["begin"], block["days"], block["month"]) == ("2024-01-02T00:00:00", 7.0, 1)
    assert block["level"] == [pytest.approx(values[4:32].mean(), abs=1e-5)]
    assert block["error"] == 0  # the logarithm of (0.5 + 1.5) / 2
    assert block["noise"] == [pytest.approx(np.log(40 / 28), abs=1e-5)]  # four rows jump by 10
    work, weekend = np.array(block["profile"][0]).reshape(2, 4)
    assert np.diff(work).tolist() == pytest.approx([1, 1, 1], abs=1e-4)
    assert weekend - values[20:28].reshape(2, 4).mean(axis=0) + values[4:32].mean() == pytest.approx(
        np.zeros(4), abs=1e-4
    )
    assert series_profile.begins((4, 35), 4, 12) == [4, 16]
    assert series_profile.begins((4, 35), 4, 30) == [4]


def test_weeks_like_the_old_raise_an_alarm_in_one_of_a_hundred_at_most(victoria, fewer):
    times, values, _ = victoria
    blocks, random, found = weeks(times, values), np.random.default_rng(0), 0
    for _ in range(200):
        drawn = set(random.choice(len(blocks), 6, replace=False).tolist())
        old, new = ([b for row, b in enumerate(blocks) if (row in drawn) is side] for side in (False, True))
        found += judged(old, new)["status"] == "drift"
    assert found <= 6


@pytest.mark.parametrize("kind", ["level", "season profile", "noise"])
def test_weeks_that_changed_raise_the_alarm_of_what_changed(victoria, fewer, kind):
    """The year's every fifth week stands for a later one."""
    times, values, mean = victoria
    usual = weeks(times, values)
    unusual = weeks(times, changed(values, kind, mean))
    old = [block for row, block in enumerate(usual) if row % 5]
    assert kind in alarms(judged(old, unusual[::5]))
    assert alarms(judged(old, usual[::5])) == set()


def test_a_season_that_training_did_not_see_is_no_drift(victoria):
    times, values, _ = victoria
    blocks = weeks(times, values)
    winter = [block for block in blocks if block["month"] in (6, 7, 8)]
    summer = [block for block in blocks if block["month"] in (1, 2)]
    found = judged(winter, summer)
    assert (found["status"], found["tests"]) == ("unseen_season", [])
    assert found["shown"]["unseen_months"] == [1, 2]
    assert "January, February, not in the training data" in found["reasons"][0]
    mixed = judged(winter[::2], winter[1::2] + summer)
    assert mixed["status"] == "none"
    assert len(mixed["tests"]) == 3
    assert any("unseen season" in reason for reason in mixed["reasons"])


def test_too_few_weeks_are_told(victoria):
    blocks = weeks(*victoria[:2])
    assert judged(blocks, blocks[:1])["status"] == "too_few"
    assert "1 complete new blocks and 12 old ones" in judged(blocks, blocks[:1])["reasons"][0]


def test_errors_are_compared_where_validation_saw_the_season(victoria):
    blocks = [{**block, "error": 0.01 * (row % 3)} for row, block in enumerate(weeks(*victoria[:2]))]
    old, new = blocks[::2], blocks[1::2]
    assert series.ERROR not in alarms(judged(old, new))
    worse = [{**block, "error": block["error"] + 0.5} for block in new]
    assert series.ERROR in alarms(judged(old, worse))
    apart = [{**block, "error": None if block["month"] < 9 else block["error"]} for block in old]
    assert series.ERROR not in {t["name"] for t in judged(apart, [b for b in worse if b["month"] < 9])["tests"]}


def test_weeks_that_follow_one_another_count_for_less():
    """Where one week is like the next, eight in a row say little: without the correction p would be far smaller."""
    random, few = np.random.default_rng(4), 0
    for _ in range(40):
        noise = random.normal(size=120)
        level = np.zeros(120)
        for row in range(1, 120):
            level[row] = 0.7 * level[row - 1] + noise[row]
        new = np.arange(120) >= 112
        waves, times = np.ones((120, 1)), np.arange(120.0)
        along = series.persistence(level[:112, None], waves[:112], times[:112])
        p = [series.permutation_test(level[:, None], new, waves, times, kept)[1] for kept in (0.0, along)]
        assert p[1] >= p[0]
        few += p[1] <= 0.05
    assert few <= 6
    assert 0.5 < along < 0.95


def test_the_file_is_stable_and_the_page_draws_it(victoria, fewer, tmp_path):
    rows = [CHANGES["length in tokens"](*row) for row in CORPUS[1000:1400]]
    blocks = weeks(*victoria[:2])
    champion = {"version": 3, "architecture": "gru", "model_id": "m-1"}
    every = []
    for task, found in {
        "mine": detection.compare(THEN, texts_told(rows), Drift()),
        "load": judged(blocks[::2], blocks[1::2]),
        "empty": detection.compare(THEN, {"rows": 3}, Drift()),
    }.items():
        told = {**found, "task": task, "champion": champion, "alarm_rate": 0.01, "effect": 0.1}
        files.write_json(tmp_path / f"{task}.json", {**told, "due": found["status"] == "drift"})
        every.append(files.read_json(tmp_path / f"{task}.json"))
    page = sections.section("drift", every)
    assert [len(list(charts(found))) for found in every] == [2, 2, 0]
    assert page.count("<figure") == page.count('type="application/json"') == 4
    assert page.count("<strong>Retraining is due.</strong>") == 1
    assert page.count("<strong>No retraining is due.</strong>") == 2
    assert '<span class="mark">alarm</span>' in page
    assert "3 new rows; at least 100 are needed" in page
    lengths = next(charts(every[0])).figure.data
    assert [sum(trace.y) for trace in lengths[:2]] == pytest.approx([1, 1], abs=1e-3)
    assert sections.section("drift", every) == page
