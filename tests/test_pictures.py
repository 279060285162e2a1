"""Figures for MLflow runs: which ones there are for which task, and that what they say is right."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import prepare
from series_files import everything, prepare as prepare_series, table

from pipeline.evaluation.candidates import Candidate
from pipeline.reporting import pictures
from pipeline.reporting.figures import Chart
from pipeline.tasks import Prepared

HISTORY = """seed,epoch,step,train_loss,valid_loss,grad_norm_before,clip_rate
0,0,5,0.75,0.5,2.0,0.5
1,0,5,0.75,,9.0,1.0
0,1,10,0.5,0.25,1.0,0.25
"""


def candidate(outputs: torch.Tensor, valid: torch.Tensor | None = None) -> Candidate:
    return Candidate("gru", "network", 1, 1, [0], {0: outputs}, {} if valid is None else {0: valid}, {"seeds": {}})


def drawn(prepared: Prepared, outputs: torch.Tensor, tmp_path, **more) -> dict[str, Chart]:
    """The figures of a network with these outputs; each can be written."""
    history = tmp_path / "history.csv"
    history.write_text(HISTORY)
    targets = everything(prepared, "test").targets
    charts = pictures.of_candidate(prepared, candidate(outputs, **more), 0, targets, history)
    return {chart.name: chart for chart in charts if pictures.document(chart)}


def training(tmp_path, history: str = HISTORY) -> list[Chart]:
    (tmp_path / "history.csv").write_text(history)
    return list(pictures.of_training(candidate(torch.zeros(1)), 0, tmp_path / "history.csv"))


def test_labels_have_their_confusion_and_calibration(tmp_path):
    prepared = prepare(tmp_path / "task", "recall", lag=20)
    right = torch.nn.functional.one_hot(everything(prepared, "test").targets, 2).float()
    charts = drawn(prepared, 9 * right, tmp_path)
    assert sorted(charts) == ["calibration", "confusion", "gradients", "learning"]
    np.testing.assert_array_equal(charts["confusion"].figure.data[0].z, np.eye(2))
    (_, answers) = charts["calibration"].figure.data
    assert list(answers.y) == [1.0]


def test_labels_of_each_step_count_one_by_one(tmp_path):
    prepared = prepare(tmp_path / "task", "copy_memory", gap=4)
    targets = everything(prepared, "test").targets
    wrong = torch.where(torch.arange(targets.shape[1]) == 0, (targets + 1) % 9, targets)  # at the first step alone
    charts = drawn(prepared, 9 * torch.nn.functional.one_hot(wrong, 9).float(), tmp_path)
    (_, answers) = charts["calibration"].figure.data
    assert sum(answers.customdata) == targets.numel()
    assert list(answers.y) == pytest.approx([1 - 1 / targets.shape[1]])


def test_numbers_are_drawn_against_the_true_ones(tmp_path):
    prepared = prepare(tmp_path / "task", "sine", steps=20, burn_in=10)
    charts = drawn(prepared, everything(prepared, "test").targets + 0.5, tmp_path)
    assert sorted(charts) == ["gradients", "learning", "predicted", "residuals"]
    _, points = charts["predicted"].figure.data
    np.testing.assert_allclose(points.y, points.x + 0.5, atol=1e-6)


def test_forecasts_have_a_band_from_the_validation_errors(tmp_path):
    prepared = prepare_series(tmp_path, table())
    outputs, valid = (everything(prepared, split).targets + 0.5 for split in ("test", "valid"))
    charts = drawn(prepared, outputs, tmp_path, valid=valid)
    assert sorted(charts) == ["gradients", "horizon", "learning", "window-1", "window-2", "window-3"]
    off = 0.5 * prepared.learned["std"]["load"]  # always as much too high, in the series' unit
    np.testing.assert_allclose(charts["horizon"].figure.data[0].y, off, rtol=1e-4)
    assert "90% of validation errors at each step, contain" in charts["horizon"].note
    for number in (1, 2, 3):
        true, forecast, low, high = charts[f"window-{number}"].figure.data
        np.testing.assert_allclose(forecast.y - off, true.y[-2:], rtol=1e-4)
        for end in (low, high):  # as wide as the errors vary: not at all
            np.testing.assert_allclose(end.y, true.y[-2:], rtol=1e-4)
        assert high.fill == "tonexty"


def test_a_curve_is_of_its_seed_alone(tmp_path):
    learning, _ = training(tmp_path)
    (line,) = learning.figure.data
    assert (list(line.x), list(line.y)) == ([5, 10], [0.5, 0.25])


def test_a_seed_that_diverged_at_once_has_a_figure(tmp_path):
    learning, gradients = training(tmp_path, HISTORY.splitlines()[0] + "\n")
    assert learning.figure.data == gradients.figure.data == ()
    assert "<strong>Learning curves. </strong>" in pictures.document(learning)


def test_a_document_has_the_figure_and_its_words_and_is_the_same_each_time(tmp_path):
    learning, _ = training(tmp_path)
    html = pictures.document(learning)
    assert html == pictures.document(learning)
    assert "cdn.plot.ly" in html
    assert "One line per seed" in html
    assert len(html) < 50_000


@pytest.mark.parametrize("kind", ["recall", "sine"])
def test_tasks_without_texts_have_no_table_of_them(tmp_path, kind):
    prepared = prepare(tmp_path / "task", kind)
    targets = everything(prepared, "test").targets
    assert pictures.texts_of_candidate(prepared, candidate(targets), 0, targets) == {}


def test_a_run_is_drawn_without_matplotlib():
    code = "import sys; from pipeline.tracking import figures; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
