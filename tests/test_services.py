"""Services: what a network's requests and answers are, how sure it is, and what goes with it into its package."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import reviews
import series_files
import torch
from torch.nn import functional as F

from pipeline.architectures import SequenceModel
from pipeline.common import InputError, files, paths
from pipeline.services.forecast import Forecasts
from pipeline.services.sentiment import LONGEST, Reviews, digest_of
from pipeline.services.shared import scoring
from pipeline.tasks import open_prepared
from pipeline.tasks.shared import calibrators
from pipeline.tracking import lineage, registry, runs


class Network(SequenceModel):
    """A stand-in that says what a function says."""

    def __init__(self, says):
        torch.nn.Module.__init__(self)
        self.says = says

    def forward(self, inputs, lengths):
        return self.says(inputs, lengths)


def fixed(*logits):
    """A network that always says the same."""
    return Network(lambda inputs, lengths: torch.tensor(logits).expand(len(inputs), -1))


class Echo(SequenceModel):
    """A forecaster that keeps what it reads, and repeats the last value that is known."""

    def __init__(self):
        torch.nn.Module.__init__(self)

    def forward(self, inputs, lengths):
        self.inputs = inputs
        return inputs[:, -3:-2, :1].expand(-1, 2, -1)


def describe(prepared, kind, **calibration):
    settings = prepared.task.model_dump(mode="json")
    return {
        "task": "t",
        "kind": kind,
        "task_settings": settings,
        "seed": 1,
        "seeds": {"1": {"calibration": calibration}},
    }


@pytest.fixture
def sentiment(tmp_path):
    prepared = reviews.prepare(tmp_path, reviews.corpus(200), max_tokens=8, vocabulary=200, abstention_margin=0.05)
    return prepared, Reviews(describe(prepared, "sentiment", temperature=2.0), prepared.folder)


@pytest.fixture
def forecast(tmp_path):
    prepared = series_files.prepare(tmp_path / "series", series_files.table())
    widths = {"half_widths": [[0.5], [1.0]], "coverage": 0.8}
    return prepared, Forecasts(describe(prepared, "forecast", **widths), prepared.folder)


def asked(*texts):
    return pd.DataFrame({"text": list(texts)}, dtype=object)


def test_a_label_has_its_calibrated_probability(sentiment):
    _, service = sentiment
    answer = service.answer(asked("a lovely superb film"), fixed(0.0, 4.0)).iloc[0]
    assert answer["label"] == "positive"
    assert answer["probability"] == pytest.approx(1 / (1 + np.exp(-4.0 / 2.0)))
    assert answer["probability_negative"] == pytest.approx(1 - answer["probability"])
    assert list(answer.index) == [column.name for column in service.outputs]


@pytest.mark.parametrize(
    ("text", "logit", "label"),
    [
        ("superb", 4.0, "positive"),
        ("superb", -4.0, "negative"),
        ("superb", 0.39, None),  # 0.549 at temperature 2: within 0.05 of one half
        ("superb", 0.42, "positive"),  # 0.552
        ("qqqq xxxx", 4.0, None),  # no word is known
        ("qqqq superb", 4.0, "positive"),
    ],
)
def test_it_abstains_where_nothing_is_known_or_chance_is_near(sentiment, text, logit, label):
    _, service = sentiment
    answer = service.answer(asked(text), fixed(0.0, logit))
    assert answer["label"].tolist() == [label]
    assert answer["abstained"].tolist() == [label is None]
    assert answer["probability"].item() > 0.5


def test_a_label_called_neutral_is_no_abstention(tmp_path):
    """In answers, in what the gate reads of them, and in what drift compares."""
    labels = ("negative", "neutral", "positive")
    rows = [(text, number % 3) for number, (text, _) in enumerate(reviews.corpus(300))]
    prepared = reviews.prepare(tmp_path, rows, labels=labels)
    service = Reviews(describe(prepared, "sentiment", temperature=1.0), prepared.folder)
    answers = service.answer(asked("superb", "qqqq xxxx"), fixed(0.0, 4.0, 0.0))
    assert answers["label"].tolist() == ["neutral", None]
    assert answers["abstained"].tolist() == [False, True]
    assert scoring.read(prepared, "gate", [0, 1], answers).rates == {"abstention_rate": 0.5}
    summary = service.reference(prepared, lambda requests: service.answer(requests, fixed(0.0, 4.0, 0.0)))
    assert (summary["answered"], summary["abstained"]) == ({"neutral": summary["texts"]}, 0)
    none = service.reference(prepared, lambda requests: service.answer(requests, fixed(0.0, 0.0, 0.0)))
    assert (none["answered"], none["abstained"]) == ({}, summary["texts"])


def test_abstentions_of_packages_logged_before_are_known_by_their_label(sentiment):
    prepared, service = sentiment
    answers = service.answer(asked("superb", "qqqq", "qqqq", "dull"), fixed(0.0, 4.0))
    before = answers.drop(columns="abstained").assign(label=answers["label"].fillna("neutral"))
    assert scoring.read(prepared, "gate", [0, 1, 2, 3], before).rates == {"abstention_rate": 0.5}


def test_what_a_package_logged_before_cannot_tell_is_not_reported(tmp_path):
    rows = [(text, number % 3) for number, (text, _) in enumerate(reviews.corpus(300))]
    prepared = reviews.prepare(tmp_path, rows, labels=("negative", "neutral", "positive"))
    service = Reviews(describe(prepared, "sentiment", temperature=1.0), prepared.folder)
    before = service.answer(asked("superb"), fixed(0.0, 4.0, 0.0)).drop(columns="abstained")
    assert scoring.read(prepared, "gate", [0], before).rates == {}


def test_texts_are_read_as_the_task_reads_them(sentiment):
    """In any order and company, each text reaches the network as its own row of the prepared split does."""
    prepared, service = sentiment
    columns = prepared.columns("test")
    count = prepared.task.rows(columns)
    seen = {}

    def network(inputs, lengths):
        seen.update({tuple(row[:length].flatten().tolist()): None for row, length in zip(inputs, lengths, strict=True)})
        return torch.stack([torch.zeros(len(inputs)), inputs[:, 0, 0] / 100], dim=1)

    requests = service.requests(prepared, "test", list(range(count)))
    answers = service.answer(requests, Network(network))
    batch = prepared.task.gather(columns, torch.arange(count))
    assert set(seen) == {
        tuple(row[:length].flatten().tolist()) for row, length in zip(batch.inputs, batch.lengths, strict=True)
    }
    expected = torch.sigmoid(batch.inputs[:, 0, 0] / 100 / 2.0)
    np.testing.assert_allclose(answers["probability_positive"], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (asked(""), "row 1: text is empty"),
        (asked("fine", "<br/> "), "row 2: text is empty except for markup"),
        (asked("fine", None), "row 2: text is NoneType"),
        (asked(float("nan")), "row 1: text is float 'nan'"),
        (asked("fine", 3), "row 2: text is int '3'"),
        (asked("fine", "\ud800"), "row 2: text has half of a surrogate pair, or bytes that are not UTF-8"),
        (asked("a" * (LONGEST + 1)), "row 1: text has 100,001 characters; accepted: 100,000 at most"),
        (asked(), "no rows"),
        (pd.DataFrame({"txt": ["fine"]}), "no column 'text'; there are: txt"),
        (asked("fine").assign(more=1), "unknown column 'more'; accepted: text"),
    ],
)
def test_a_text_that_cannot_be_read_is_told_with_its_row(sentiment, table, told):
    with pytest.raises(InputError) as error:
        sentiment[1].answer(table, fixed(0.0, 1.0))
    assert told in str(error.value)


def test_rows_of_a_piece_are_told_by_the_whole_tables_numbers(sentiment):
    piece = asked("fine", "fine", " ").iloc[1:]
    assert isinstance(piece.index, pd.RangeIndex)
    with pytest.raises(InputError, match="row 3: text is empty"):
        sentiment[1].answer(piece, fixed(0.0, 1.0))


def test_windows_are_those_that_the_task_gathers(forecast):
    prepared, service = forecast
    columns, network = prepared.columns("test"), Echo()
    count = prepared.task.rows(columns)
    requests = service.requests(prepared, "test", list(range(count)))
    assert requests.groupby("series")["load"].apply(lambda load: load.isna().sum()).unique().tolist() == [2]
    service.answer(requests, network)
    batch = prepared.task.gather(columns, torch.arange(count))
    torch.testing.assert_close(network.inputs, batch.inputs, atol=1e-6, rtol=0)


def test_forecasts_are_in_units_with_their_interval(forecast):
    prepared, service = forecast
    requests = service.requests(prepared, "test", [0])
    answers = service.answer(requests, Echo())
    std, last = prepared.learned["std"]["load"], requests["load"].iloc[7]
    np.testing.assert_allclose(answers["load"], [last, last], rtol=1e-6)
    np.testing.assert_allclose(answers["load_high"] - answers["load"], [0.5 * std, std], rtol=1e-6)
    np.testing.assert_allclose(answers["load"] - answers["load_low"], [0.5 * std, std], rtol=1e-6)
    assert pd.to_datetime(answers["time"]).tolist() == pd.to_datetime(requests["time"]).tolist()[-2:]
    assert list(answers) == [column.name for column in service.outputs]


def test_rows_of_the_horizon_may_be_left_out_where_nothing_is_known_ahead(tmp_path):
    prepared = series_files.prepare(tmp_path, series_files.table(), known=[], calendar=False)
    service = Forecasts(describe(prepared, "forecast", half_widths=[[0.5], [1.0]]), prepared.folder)
    requests = service.requests(prepared, "test", [0]).drop(columns="series")
    whole, short = service.answer(requests, Echo()), service.answer(requests.iloc[:-2], Echo())
    pd.testing.assert_frame_equal(whole, short)
    assert pd.to_datetime(short["time"]).diff().iloc[-1] == pd.Timedelta("6h")


def test_several_series_are_answered_apart_and_in_order(forecast):
    prepared, service = forecast
    one, two = (service.requests(prepared, "test", [row]) for row in (0, 5))
    both = service.answer(pd.concat([two, one], ignore_index=True), Echo())
    assert both["series"].tolist() == ["5", "5", "0", "0"]
    apart = pd.concat([service.answer(two, Echo()), service.answer(one, Echo())], ignore_index=True)
    pd.testing.assert_frame_equal(both, apart)


WRONG = {
    "a gap in the past": (
        lambda t: t.assign(load=t["load"].where(t.index != 3)),
        "load 1 (first at 2020-01-09 18:00:00: nan)",
    ),
    "no number observed": (
        lambda t: t.assign(heat=t["heat"].where(t.index != 3)),
        "heat 1 (first at 2020-01-09 18:00:00: nan)",
    ),
    "what is known ahead": (
        lambda t: t.assign(work=t["work"].where(t.index != 9)),
        "work 1 (first at 2020-01-11 06:00:00: nan)",
    ),
    "no end": (
        lambda t: t.assign(load=t["load"].where(t.index != 3, np.inf)),
        "load 1 (first at 2020-01-09 18:00:00: inf)",
    ),
    "a number too large": (
        lambda t: t.assign(work=t["work"].where(t.index != 9, -1e308)),
        "too far from all others: work 1 (first at 2020-01-11 06:00:00: -",
    ),
    "a row left out": (lambda t: t.drop(index=4), "accepted: a row every"),
    "two rows alike": (lambda t: pd.concat([t.iloc[:4], t.iloc[3:]]), "accepted: a row every"),
    "no time": (lambda t: t.assign(time="soon"), "time is not ISO 8601"),
    "too short": (lambda t: t.iloc[3:], "5 rows of the past; accepted: 8 or more"),
    "no horizon": (lambda t: t.iloc[:8], "0 rows without targets at the end; accepted: 2"),
    "a horizon too long": (lambda t: t.assign(load=np.nan), "10 rows without targets at the end; accepted: 2"),
    "no column": (lambda t: t.drop(columns="heat"), "no column 'heat'"),
    "no rows": (lambda t: t.iloc[:0], "no rows"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_window_that_cannot_be_read_is_refused(forecast, name):
    prepared, service = forecast
    change, told = WRONG[name]
    with pytest.raises(InputError) as error:
        service.answer(change(service.requests(prepared, "test", [0])), Echo())
    assert told in str(error.value)


def test_examples_can_be_answered(sentiment, forecast):
    assert len(sentiment[1].answer(sentiment[1].example, fixed(0.0, 1.0))) == 1
    assert len(forecast[1].answer(forecast[1].example, Echo())) == 2


def test_the_temperature_has_the_smallest_log_loss():
    draw = torch.Generator().manual_seed(0)
    sound = torch.randn(500, 2, generator=draw)
    targets = torch.multinomial(sound.softmax(dim=1), 1, generator=draw).squeeze(1)
    sure = 4 * sound  # as an overfitted network is
    found = calibrators.temperature(sure, targets)
    assert found == pytest.approx(4.0, rel=0.25)
    losses = {t: F.cross_entropy(sure / t, targets).item() for t in (1.0, found / 1.1, found, found * 1.1)}
    assert min(losses, key=losses.get) == found
    assert losses[found] < losses[1.0] - 0.1


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
def test_half_widths_cover_their_share_of_the_validation_values(coverage):
    draw = torch.Generator().manual_seed(0)
    targets = torch.randn(400, 3, 2, generator=draw) * torch.tensor([1.0, 2.0, 3.0])[:, None]
    outputs = torch.zeros_like(targets)
    widths = torch.tensor(calibrators.half_widths(outputs, targets, coverage))
    covered = (targets.abs() <= widths + 1e-6).double().mean(dim=0)
    assert widths.shape == (3, 2)
    assert ((covered >= coverage) & (covered < coverage + 0.01)).all()
    assert (widths[2] > widths[0]).all()


@pytest.fixture
def project(champions, monkeypatch):
    monkeypatch.chdir(champions)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def valid(task):
    """Outputs of the trained network on the validation split, not calibrated, their targets, and the calibration."""
    from pipeline.architectures.shared.saved import load

    prepared, folder = open_prepared(task), paths.trained(task, "gru")
    description = files.read_json(folder / "model.json")
    columns = prepared.columns("valid")
    batch = prepared.task.gather(columns, torch.arange(prepared.task.rows(columns)))
    with torch.inference_mode():
        outputs = load(description, folder / "3.safetensors")(batch.inputs, batch.lengths)
    return prepared.task, outputs, batch.targets, description["seeds"]["3"]["calibration"]


def test_training_calibrates_labels_on_the_validation_split(project):
    task, outputs, targets, calibration = valid("mine")
    before, after = (F.cross_entropy(o, targets).item() for o in (outputs, task.calibrated(outputs, calibration)))
    assert after <= before
    assert calibration["temperature"] == pytest.approx(calibrators.temperature(outputs, targets), rel=0.02)


def test_training_calibrates_intervals_on_the_validation_split(project):
    task, outputs, targets, calibration = valid("load")
    inside = (outputs - targets).abs() <= torch.tensor(calibration["half_widths"]) + 1e-5
    assert calibration["coverage"] == task.coverage == 0.8
    assert inside.double().mean().item() == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("task", ["mine", "load"])
def test_a_logged_model_tells_what_it_is(project, task):
    ids = lineage.runs_of(task, "gru")[3]
    told = runs.client().get_logged_model(ids["model_id"]).tags
    source = files.read_json(paths.prepared(task) / "audit.json")["source"]
    own = {"task": task, "architecture": "gru", "seed": "3", "weights.digest": ids["weights_digest"]}
    assert {**told, **own} == told
    assert told["data.digest"] == source["digest"]
    assert told["data.licence"]
    card = registry.artifact(registry.champion(task), "card.md").read_text()
    for line in (f"# {task}: gru, seed 3", source["digest"], ids["weights_digest"], "licence", "untested"):
        assert line in card
    settings = json.loads(card.split("```json")[1].split("```")[0])
    assert settings == files.read_json(paths.trained(task, "gru") / "model.json")["task_settings"]


def test_a_package_knows_what_its_network_has_seen(project):
    seen = files.read_json(registry.artifact(registry.champion("mine"), "learned") / "seen.json")["texts"]
    prepared = open_prepared("mine")
    for split in ("train", "valid"):
        assert all(digest_of(text) in seen for text in prepared.texts(split))
    assert not any(digest_of(text) in seen for split in ("gate", "test") for text in prepared.texts(split))
    assert digest_of("Fine") == digest_of("fine") != digest_of("fine.")

    until = files.read_json(registry.artifact(registry.champion("load"), "learned") / "seen.json")["until"]
    assert until == "2020-03-21T00:00:00"  # where the validation split ends


def test_no_data_goes_into_a_package(project):
    folder = registry.folder(registry.champion("mine"))
    assert not [path for path in folder.rglob("*") if path.suffix in (".arrow", ".csv", ".parquet", ".pkl")]
    assert {path.name for path in (folder / "artifacts/learned").iterdir()} >= {"tokenizer.json", "seen.json"}
    texts = open_prepared("mine").texts("train")
    told = b"".join(path.read_bytes() for path in Path(folder).rglob("*") if path.is_file())
    assert not any(text.encode() in told for text in texts)
