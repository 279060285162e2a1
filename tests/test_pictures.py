"""Pictures for MLflow runs: which ones there are for which task, and that what they say is right."""

import io
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import prepare
from matplotlib.figure import Figure
from series_files import everything, prepare as prepare_series, table

from pipeline.evaluation.candidates import Candidate
from pipeline.reporting import pictures
from pipeline.tasks import Prepared

HISTORY = """seed,epoch,step,train_loss,valid_loss,grad_norm_before,clip_rate
0,0,5,0.75,0.5,2.0,0.5
1,0,5,0.75,,9.0,1.0
0,1,10,0.5,0.25,1.0,0.25
"""


def candidate(prepared: Prepared, outputs: torch.Tensor, valid: torch.Tensor | None = None) -> Candidate:
    return Candidate("gru", "network", 1, 1, [0], {0: outputs}, {} if valid is None else {0: valid}, {})


def drawn(prepared: Prepared, outputs: torch.Tensor, tmp_path, **more) -> dict[str, Figure]:
    """The pictures of a network with these outputs; each can be written."""
    history = tmp_path / "history.csv"
    history.write_text(HISTORY)
    targets = everything(prepared, "test").targets
    found = pictures.of_candidate(prepared, candidate(prepared, outputs, **more), 0, targets, history)
    for figure in found.values():
        figure.savefig(io.BytesIO())
    return found


def test_labels_have_their_confusion_and_calibration(tmp_path):
    prepared = prepare(tmp_path / "task", "recall", lag=20)
    right = 9.0 * torch.nn.functional.one_hot(everything(prepared, "test").targets, 2).float()
    found = drawn(prepared, right, tmp_path)
    assert sorted(found) == ["calibration", "confusion_matrix", "learning_curves"]
    assert "accuracy 1.0000" in found["confusion_matrix"].axes[0].get_title()


def test_labels_of_every_step_count_one_by_one(tmp_path):
    prepared = prepare(tmp_path / "task", "copy_memory", gap=4)
    right = 9.0 * torch.nn.functional.one_hot(everything(prepared, "test").targets, 9).float()
    assert "accuracy 1.0000" in drawn(prepared, right, tmp_path)["confusion_matrix"].axes[0].get_title()


def test_numbers_are_drawn_against_the_true_ones(tmp_path):
    prepared = prepare(tmp_path / "task", "sine", steps=20, burn_in=10)
    found = drawn(prepared, everything(prepared, "test").targets + 0.5, tmp_path)
    assert sorted(found) == ["learning_curves", "predicted_against_true"]
    assert found["predicted_against_true"].axes[0].get_title() == "Mean squared error 0.25"


def test_forecasts_have_a_band_from_the_validation_errors(tmp_path):
    prepared = prepare_series(tmp_path, table())
    outputs, valid = (everything(prepared, split).targets + 0.5 for split in ("test", "valid"))
    found = drawn(prepared, outputs, tmp_path, valid=valid)
    assert sorted(found) == ["error_by_horizon", "forecast_bands", "learning_curves"]
    off = 0.5 * prepared.learned["std"]["load"]  # always as much too high, in the series' own unit
    np.testing.assert_allclose(found["error_by_horizon"].axes[0].lines[0].get_ydata(), off, rtol=1e-4)
    assert len(found["forecast_bands"].axes) == 3
    for axes in found["forecast_bands"].axes:
        true = axes.lines[0].get_ydata()[-2:]
        band = axes.collections[0].get_paths()[0].vertices[:, 1]  # as wide as the errors vary: not at all
        np.testing.assert_allclose([band.min(), band.max()], [true.min(), true.max()], rtol=1e-4)


def test_a_curve_is_of_its_seed_alone(tmp_path):
    (tmp_path / "history.csv").write_text(HISTORY)
    figure = pictures.learning_curves(tmp_path / "history.csv", 0, "#000000")
    validation = figure.axes[0].lines[1]
    assert (list(validation.get_xdata()), list(validation.get_ydata())) == ([5, 10], [0.5, 0.25])


def test_a_seed_that_diverged_at_once_has_a_picture(tmp_path):
    (tmp_path / "history.csv").write_text(HISTORY.splitlines()[0] + "\n")
    drawn = io.BytesIO()
    pictures.learning_curves(tmp_path / "history.csv", 0, "#000000").savefig(drawn)
    assert drawn.getvalue().startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", ["recall", "sine"])
def test_tasks_without_texts_have_no_table_of_them(tmp_path, kind):
    prepared = prepare(tmp_path / "task", kind)
    targets = everything(prepared, "test").targets
    assert pictures.texts_of_candidate(prepared, candidate(prepared, targets), 0, targets) == {}


def test_no_picture_needs_a_window_manager():
    code = "import sys; from pipeline.reporting import pictures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
