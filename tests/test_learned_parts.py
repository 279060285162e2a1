"""What a task learned beside its network (phrases, a base's weights) goes into the package, and predictions use it."""

import pytest
import reviews
import series_files
import torch

from pipeline.architectures import make_model
from pipeline.architectures.shared.settings import Model
from pipeline.services.forecast import Forecasts
from pipeline.services.sentiment import Reviews
from pipeline.tracking import models


def description(prepared, kind, calibration):
    seeds = {"1": {"calibration": calibration}}
    settings = prepared.task.model_dump(mode="json")
    return {"task": "t", "kind": kind, "task_settings": settings, "seed": 1, "seeds": seeds}


def test_phrases_are_in_the_package_and_read_there(tmp_path):
    prepared = reviews.prepare(tmp_path, reviews.corpus(200))
    models._copy_learned(prepared.folder, tmp_path / "learned")
    model = make_model(prepared.task, "gru", {}, Model(embedding=4)).eval()
    service = Reviews(description(prepared, "sentiment", {"temperature": 1.0}), tmp_path / "learned")
    rows = torch.arange(8)
    batch = prepared.task.gather(prepared.columns("test"), rows)
    with torch.no_grad():
        expected = model(batch.inputs, batch.lengths).softmax(dim=1)[:, 1]
        predictions = service.answer(service.requests(prepared, "test", rows.tolist()), model)
    assert batch.inputs[..., 1:].any()
    assert predictions["probability_positive"].tolist() == pytest.approx(expected.tolist(), rel=1e-5)


def test_the_base_is_in_the_package_and_corrected_there(tmp_path):
    prepared = series_files.prepare(tmp_path, series_files.table(), base="ridge")
    models._copy_learned(prepared.folder, tmp_path / "learned")
    model = make_model(prepared.task, "gru", {}, Model(embedding=4)).eval()
    widths = {"half_widths": [[0.5], [1.0]], "coverage": 0.8}
    service = Forecasts(description(prepared, "forecast", widths), tmp_path / "learned")
    rows = torch.arange(3)
    batch = prepared.task.gather(prepared.columns("test"), rows)
    with torch.no_grad():
        expected = prepared.task.answers(model(batch.inputs, batch.lengths), prepared.learned).flatten()
        predictions = service.answer(service.requests(prepared, "test", rows.tolist()), model)
    assert predictions["load"].tolist() == pytest.approx(expected.tolist(), rel=1e-4)
