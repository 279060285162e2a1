"""A panel: many series in one file, each scaled by its own training rows, all split at the same dates."""

from pathlib import Path

import numpy as np
import pandas as pd
import panel_files
import pytest
import series_files
import torch
from panel_files import NAMES, long, member, prepare, wide
from series_files import ENDS, everything
from sklearn.linear_model import Ridge as TrustedRidge

from pipeline.common import InputError
from pipeline.evaluation import by_series
from pipeline.evaluation.fitted import answers
from pipeline.evaluation.intervals import Resamples
from pipeline.evaluation.settings import Evaluate
from pipeline.tasks.panels import layouts
from pipeline.tasks.series import linear_map, long_form


def series_number(prepared, name):
    return prepared.learned["panel"]["series"].index(name)


def of_series(prepared, name, split):
    """Inputs and targets of a series' windows in a split, and their starts within the series."""
    number, batch = series_number(prepared, name), everything(prepared, split)
    columns = prepared.columns(split)
    inside = columns["member"] == number
    begins = columns["start"][inside] - prepared.learned["panel"]["begins"][number]
    return batch.inputs[inside], batch.targets[inside], begins.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_each_series_of_a_long_file_is_prepared_as_from_a_separate_file(tmp_path, name):
    """Values, scale and windows, whichever rows of other series are in between."""
    rows = long()
    panel = prepare(tmp_path / "panel", rows)
    alone = series_files.prepare(tmp_path / "alone", member(rows, name), observed=[])
    number = series_number(panel, name)
    for split in ENDS:
        inputs, targets, begins = of_series(panel, name, split)
        expected = everything(alone, split)
        torch.testing.assert_close(inputs, expected.inputs)
        torch.testing.assert_close(targets, expected.targets)
        assert begins == alone.columns(split)["start"].tolist()
    for key, columns in (("mean", ["load", "work"]), ("std", ["load", "work"]), ("mase_scale", ["load"])):
        assert {c: panel.learned["panel"][key][c][number] for c in columns} == pytest.approx(
            {c: alone.learned[key][c] for c in columns}
        )


def test_wide_and_long_form_give_the_same_data(tmp_path):
    rows = long()
    in_long = prepare(tmp_path / "long", rows, known=[])
    in_wide = prepare(tmp_path / "wide", wide(rows), series=None, targets="*", known=[])
    assert in_wide.learned["panel"]["series"] == in_long.learned["panel"]["series"] == sorted(NAMES)
    for file in ("shared.arrow", "train.arrow", "test.arrow"):
        assert (in_wide.folder / file).read_bytes() == (in_long.folder / file).read_bytes()


def test_a_series_of_a_wide_file_begins_with_its_first_value(tmp_path):
    rows = wide(long())
    rows.loc[:7, "east"] = np.nan
    prepared = prepare(tmp_path, rows, series=None, targets="*", known=[])
    panel = prepared.learned["panel"]
    assert (panel["rows"], panel["first"]) == ([40, 48, 48], [8, 0, 0])
    rows.loc[20, "east"] = np.nan
    with pytest.raises(InputError, match="in 1 of 3 series, first east: rows without a value: 1, first in line 22"):
        prepare(tmp_path / "gap", rows, series=None, targets="*", known=[])


def test_a_wide_file_may_have_columns_for_all_series(tmp_path):
    rows = wide(long()).assign(work=np.arange(48) // 4 % 3 > 0, note="dry").astype({"work": int})
    prepared = prepare(tmp_path, rows, series=None, targets="*")
    assert prepared.learned["panel"]["series"] == sorted(NAMES)
    assert any("not series: note" in note for note in prepared.audit["notes"])


def test_a_series_does_not_depend_on_the_others(tmp_path):
    rows = long()
    before = prepare(tmp_path / "before", rows)
    rows.loc[rows.meter != "north", "load"] *= 1000
    rows.loc[rows.time >= ENDS["train"], "load"] += 7
    after = prepare(tmp_path / "after", rows)
    for key in ("mean", "std", "mase_scale"):
        places = [series_number(prepared, "north") for prepared in (before, after)]
        one, other = (p.learned["panel"][key]["load"][n] for p, n in zip((before, after), places, strict=True))
        assert one == other
    inputs = [of_series(prepared, "north", "train")[0] for prepared in (before, after)]
    assert torch.equal(*inputs)


def test_no_window_crosses_from_a_series_into_another(tmp_path):
    prepared = prepare(tmp_path, long())
    panel = prepared.learned["panel"]
    for split in ENDS:
        columns = prepared.columns(split)
        begin = torch.tensor(panel["begins"])[columns["member"]]
        end = begin + torch.tensor(panel["rows"])[columns["member"]]
        assert ((columns["start"] >= begin) & (columns["start"] + 10 <= end)).all()


def test_all_series_are_split_at_the_same_dates(tmp_path):
    rows = long()
    late = rows[(rows.meter != "east") | (rows.time >= "2020-01-03")]
    prepared = prepare(tmp_path, late)
    times = pd.date_range("2020-01-01", periods=48, freq="6h")
    ends = dict(zip(ENDS, [*map(pd.Timestamp, list(ENDS.values())[:3]), times[-1] + pd.Timedelta("6h")], strict=True))
    begin = times[0]
    for split, end in ends.items():
        first = prepared.columns(split)["time"].numpy() + 8
        assert (times[first] >= begin).all()
        assert (times[first + 1] < end).all()
        begin = end
        assert prepared.audit["spans"][split][1] == str(end - pd.Timedelta("6h"))
    assert prepared.learned["panel"]["first"][series_number(prepared, "east")] == 8


def test_series_that_are_too_short_are_left_out_and_named(tmp_path):
    rows = long(("north", "south", "east", "west"))
    rows = rows[(rows.meter != "west") | (rows.time >= "2020-01-10")]
    rows = rows[(rows.meter != "south") | (rows.time < "2020-01-10")]
    rows.loc[rows.meter == "east", "load"] = 3.0
    prepared = prepare(tmp_path, rows)
    assert prepared.learned["panel"]["series"] == ["north"]
    left_out = prepared.audit["left_out"]
    assert left_out["west"] == "12 rows, fewer than 16"
    assert left_out["south"].startswith("no window in test")
    assert left_out["east"] == "repeats itself throughout train (load)"
    assert any(note.startswith("left out: 3 series: ") for note in prepared.audit["notes"])
    with pytest.raises(InputError, match="none of 4 series can be used, first .*; accepted: a shorter look_back"):
        prepare(
            tmp_path / "none",
            pd.concat([rows[rows.meter != "north"].assign(load=1.0), rows[rows.meter == "north"][:3]]),
        )


def test_static_columns_are_features_of_each_window(tmp_path):
    prepared = prepare(tmp_path, long(), static=["region", "size"])
    assert prepared.task.static == {"region": ("coast", "inland"), "size": ()}
    assert prepared.learned["columns"][-3:] == ["region=coast", "region=inland", "size"]
    sizes = np.array([5.0, 15.0, 25.0])
    for number, name in enumerate(NAMES):
        inputs, _, _ = of_series(prepared, name, "valid")
        scaled = (sizes[number] - sizes.mean()) / sizes.std()
        expected = torch.tensor([float(number % 2), 1.0 - number % 2, float(scaled)]).expand(*inputs.shape[:2], 3)
        torch.testing.assert_close(inputs[..., -4:-1], expected)
    assert prepared.task.spec.inputs == inputs.shape[2]
    assert (inputs[:, :8, -1] == 0).all()
    assert (inputs[:, 8:, -1] == 1).all()


def refused(folder: Path, rows: pd.DataFrame, **changes) -> str:
    with pytest.raises(InputError) as error:
        prepare(folder, rows, **changes)
    return str(error.value)


def test_a_static_column_that_changes_is_refused(tmp_path):
    rows = long()
    rows.loc[rows.index[rows.meter == "south"][5], "region"] = "hills"
    message = refused(tmp_path, rows, static=["region"])
    assert (
        "static column 'region' changes within 1 of 3 series, first south, 'coast' and, in line 19, 'hills'" in message
    )


def test_faults_of_all_series_are_one_message(tmp_path):
    rows = long()
    gaps = rows.drop(index=[rows.index[rows.meter == name][20] for name in ("north", "south")])
    doubled = pd.concat([gaps, gaps[gaps.meter == "east"].iloc[[30]]])
    message = refused(tmp_path, doubled)
    assert "in 2 of 3 series, first north: gaps (1 row missing): 1, first in line" in message
    assert "in 1 of 3 series, first east: rows with a duplicate time: 1" in message
    assert "`series: [COLUMN, OTHER]`" in message


def test_repairs_apply_to_each_series_of_a_panel(tmp_path):
    rows = long()
    gaps = rows.drop(index=[rows.index[rows.meter == name][20] for name in ("north", "south")])
    prepared = prepare(tmp_path, gaps, missing="interpolate")
    assert prepared.audit["repairs"]["steps_without_a_row"] == 2
    assert prepared.learned["panel"]["rows"] == [48, 48, 48]


WRONG = [
    (lambda rows: rows[:0], "series.csv: no rows; accepted: one or more"),
    (lambda rows: rows.rename(columns={"meter": "meters"}), "no column 'meter' (nearest: 'meters')"),
    (
        lambda rows: rows[(rows.meter == "north") == (rows.time < "2020-01-06")][lambda kept: kept.meter != "east"],
        "the 2 series share no time (north from 2020-01-01 00:00:00 to 2020-01-05 18:00:00, south from ",
    ),
    (lambda rows: rows.assign(meter=rows.meter.where(rows.index != 7, "")), "rows without a name in 'meter': 1, first"),
    (
        lambda rows: rows[(rows.meter != "east") | rows.time.str.contains(" 00:| 12:")],
        "in 1 of 3 series, first east: a different step: a row every 12:00:00; accepted: a row every 06:00:00, as in "
        "most",
    ),
    (
        lambda rows: rows.assign(time=rows.time.where(rows.meter != "east", rows.time.str.replace(":00:00", ":30:00"))),
        "first east: times between those of others: from 2020-01-01 00:30:00",
    ),
    (
        lambda rows: rows.assign(load=rows["load"].astype(object).where(rows.index != 9, "n/k")),
        "without a finite number: load 1 (first line 11",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("corrupt", "expected"), WRONG)
def test_an_unreadable_panel_is_refused_with_the_reason(tmp_path, corrupt, expected):
    assert expected in refused(tmp_path, corrupt(long()))


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    read = layouts.long

    def growing(table, source, task):
        with (tmp_path / "raw" / "series.csv").open("a") as file:
            file.write("2021-01-01 00:00:00,north,1,1,1,inland,5\n")
        return read(table, source, task)

    monkeypatch.setattr(layouts, "long", growing)
    assert "changed while it was read" in refused(tmp_path, long())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"targets": "*"}, 'targets: "*" makes each column a series; accepted: leave out series'),
        ({"series": None, "static": ["region"]}, "static needs `series`"),
        ({"series": "time"}, "columns must be named once, but time is named more often"),
        ({"wide": True}, 'wide is set by targets: "*"'),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes, expected):
    with pytest.raises(ValueError, match=expected.replace("*", r"\*")):
        series_files.task(**{"series": "meter", "observed": [], **changes})


def test_two_columns_may_name_a_series(tmp_path):
    rows = long()
    both = rows.assign(site=rows.meter.str[:1], meter=rows.meter.str[1:])
    prepared = prepare(tmp_path, both, series=["site", "meter"])
    assert prepared.learned["panel"]["series"] == ["e / ast", "n / orth", "s / outh"]


def test_answers_and_scores_are_in_each_series_own_unit(tmp_path):
    rows = long()
    prepared = prepare(tmp_path, rows)
    task, series = prepared.task, prepared.series_of("test")
    targets = prepared.targets("test")
    in_units = task.answers(targets, prepared.learned, series)
    columns = prepared.columns("test")
    for row, number in enumerate(series.tolist()):
        name = prepared.learned["panel"]["series"][number]
        begin = int(columns["start"][row]) - prepared.learned["panel"]["begins"][number] + 8
        true = member(rows, name)["load"].to_numpy()[begin : begin + 2]
        np.testing.assert_allclose(in_units[row, :, 0], true, rtol=1e-5)
    contributions = task.contributions(torch.zeros_like(targets), targets, prepared.learned, series)
    means = by_series.means_of_series(contributions, series, 3)
    for number, name in enumerate(prepared.learned["panel"]["series"]):
        alone = series_files.prepare(tmp_path / name, member(rows, name), observed=[])
        expected = series_files.scores(alone, torch.zeros_like(alone.targets("test")))
        assert {key: float(value[number]) for key, value in task.scores(means).items()} == pytest.approx(
            expected, rel=1e-4
        )
    assert task.main_metric == "mase"


def test_scoring_a_panel_without_its_series_fails(tmp_path):
    prepared = prepare(tmp_path, long())
    targets = prepared.targets("test")
    with pytest.raises(AssertionError, match="each example of a panel is scaled"):
        prepared.task.contributions(targets, targets, prepared.learned)


def test_the_bootstrap_draws_times_with_all_series(tmp_path):
    """Each resample's mean is that of a plain loop over the drawn times; windows of the same time stay together."""
    random = torch.Generator().manual_seed(1)
    times = torch.tensor([5, 6, 7, 8, 9, 10, 11, 12, 5, 6, 7, 8, 9, 10, 11, 12, 9, 10, 11, 12])
    contributions = torch.rand(len(times), 2, generator=random).double()
    resamples = Resamples(len(times), 2, Evaluate(resamples=100), 0, times)
    assert resamples.counts.shape == (101, 8)
    means = resamples.means(contributions)
    for drawn, mean in zip(resamples.counts, means, strict=True):
        rows = [row for row, time in enumerate(times.tolist()) for _ in range(int(drawn[time - 5]))]
        torch.testing.assert_close(mean, contributions[rows].mean(0))
    torch.testing.assert_close(means[0], contributions.mean(0))


def test_series_that_move_together_have_a_wider_interval():
    """Copies of a series add no information."""
    values = torch.rand(60, 1, generator=torch.Generator().manual_seed(2)).double()
    times = torch.arange(60)
    alone = Resamples(60, 3, Evaluate(resamples=500), 0).means(values)
    copies = Resamples(600, 3, Evaluate(resamples=500), 0, times.repeat(10)).means(values.repeat(10, 1))
    torch.testing.assert_close(alone, copies)


def test_ridge_by_series_is_a_ridge_of_each_series_with_one_alpha(tmp_path):
    """It is fitted to all training windows, although networks use fewer; alpha is the best over all series."""
    rows = long(rows=96)
    ends = {"train": "2020-01-15", "valid": "2020-01-18", "gate": "2020-01-21", "test": None}
    panel = prepare(tmp_path / "panel", rows, splits=ends, max_windows=40)
    outputs = answers(panel, "ridge_by_series", "test")["test"]
    assert panel.audit["rows"]["train"] < 47 < 3 * 47
    alone = {
        name: series_files.prepare(tmp_path / name, member(rows, name), observed=[], splits=ends) for name in NAMES
    }
    expected, errors = {}, dict.fromkeys(linear_map.ALPHAS.tolist(), 0.0)
    for name, prepared in alone.items():
        train, valid, test = (everything(prepared, split) for split in ("train", "valid", "test"))
        for alpha in errors:
            trusted = TrustedRidge(alpha, fit_intercept=False).fit(*relative(train))
            x, y = relative(valid)
            errors[alpha] += ((trusted.predict(x) - y) ** 2).sum()
            expected[name, alpha] = trusted.predict(relative(test)[0]) + test.inputs[:, 7, :1].numpy()
    best = min(errors, key=errors.get)
    for name, prepared in alone.items():
        kept = panel.series_of("test") == series_number(panel, name)
        starts = prepared.columns("test")["start"].tolist()
        places = [starts.index(time) for time in panel.columns("test")["time"][kept].tolist()]
        np.testing.assert_allclose(outputs[kept][..., 0], expected[name, best][places], rtol=1e-3, atol=1e-4)


def relative(batch):
    """The inputs and targets of a linear map: values minus the last one of the look-back."""
    last = batch.inputs[:, 7:8, 0]
    return (batch.inputs[:, :8, 0] - last).numpy(), (batch.targets[..., 0] - last).numpy()


def test_windows_are_thinned_equally_for_all_series(tmp_path):
    prepared = prepare(tmp_path, long(), max_windows=9)
    for split in ("valid", "gate", "test"):
        membership = prepared.membership(split)
        by_time = {
            time: sorted(membership.series[membership.times == time].tolist()) for time in membership.times.tolist()
        }
        assert all(series == [0, 1, 2] for series in by_time.values())
        assert len(membership.times) <= 9
    assert prepared.audit["rows"]["train"] <= 9
    assert prepared.columns("train")["train_begins"].sum() == 3 * (24 - 10 + 1)


def test_the_error_for_a_long_file_suggests_the_setting(tmp_path):
    rows = long()
    with pytest.raises(InputError, match="`series: meter` makes one panel of these 3 series"):
        panel_files.prepare(tmp_path, rows, series=None)
    assert long_form.FEW


def revised(folder, before, after):
    """The revisions between two fetched files of a panel."""
    for name, rows in (("before", before), ("after", after)):
        (folder / name).mkdir()
        rows.to_csv(folder / name / "series.csv", index=False)
    task = series_files.task(series="meter", observed=[], known=["work"])
    return task.revised(folder / "before", folder / "after")


def test_a_revised_row_is_known_by_its_series_and_time(tmp_path):
    rows = long()
    later = rows.copy()
    later.loc[later.index[(later.meter == "south") & (later.time == "2020-01-02 06:00:00")], "load"] = 7.5
    later = later[~((later.meter == "north") & (later.time < "2020-01-01 12:00:00"))]
    record = revised(tmp_path, rows, later.sample(frac=1, random_state=0).sort_values("time", kind="stable"))
    assert (record["rows"], record["changed"], record["gone"]) == (144, 1, 2)
    assert record["first_changed"].startswith("south 2020-01-02 06:00:00 (load ")
    assert record["first_changed"].endswith(", now 7.5)")
    assert record["first_gone"] == "north 2020-01-01 00:00:00"
