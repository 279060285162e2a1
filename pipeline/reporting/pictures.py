"""Figures of one network or baseline for its MLflow run: those of the page, of only its predictions."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from markupsafe import Markup
from torch import Tensor

from pipeline.evaluation.candidates import Candidate
from pipeline.reporting import curves, examples, labels, reviews, series, values
from pipeline.reporting.figures import Chart
from pipeline.reporting.markup import tag
from pipeline.reporting.results import Network, read_history
from pipeline.tasks import Prepared


def of_candidate(
    prepared: Prepared, candidate: Candidate, seed: int, targets: Tensor, history: Path
) -> Iterator[Chart]:
    """A network's training, then the predictions of one seed, by the kind of target."""
    if history.exists():
        yield from of_training(candidate, seed, history)
    task = prepared.task
    in_panel = prepared.series_of("test")
    answers = task.answers(candidate.outputs[seed], prepared.learned, in_panel)
    if not targets.is_floating_point():
        yield from of_labels(candidate.name, answers, targets, label_names(prepared, answers.shape[-1]))
    elif task.block > 1:
        yield from of_forecasts(prepared, candidate, seed, targets)
    else:
        true = task.answers(targets, prepared.learned, in_panel)
        pairs = {candidate.name: (answers.flatten().numpy(), true.flatten().numpy())}
        yield values.against_true(pairs)
        yield values.residuals(pairs, noise=None)


def of_training(candidate: Candidate, seed: int, history: Path) -> Iterator[Chart]:
    """A seed that diverged before its first epoch has no lines."""
    described = candidate.description
    assert described is not None, "only networks are trained"
    seeds = {key: result for key, result in described["seeds"].items() if key == str(seed)}
    curve = {number: curve for number, curve in read_history(history).items() if number == seed}
    network = {candidate.name: Network({**described, "seeds": seeds}, curve, 0.0)}
    yield curves.learning_curves(network)
    yield curves.gradients(network)


def of_labels(name: str, answers: Tensor, targets: Tensor, names: list[str]) -> Iterator[Chart]:
    """Of probabilities [*rows, classes] and labels [*rows]; each step of a sequence counts as a label."""
    flat = labels.Answers(answers.flatten(0, -2).numpy(), targets.flatten().numpy())
    yield labels.calibration({name: flat})
    yield labels.confusion(name, flat, names)


def of_forecasts(prepared: Prepared, candidate: Candidate, seed: int, targets: Tensor) -> Iterator[Chart]:
    """Three windows with a band of likely values, and the error by step ahead, in the unit of the (first) target."""
    task = prepared.task
    learned = prepared.learned
    forecast, true, valid_forecast, valid_true = (
        series.first_target(task.answers(values, learned, prepared.series_of(split)).flatten(1).numpy(), prepared)
        for split, by_split in (
            ("test", (candidate.outputs[seed], targets)),
            ("valid", (candidate.valid[seed], prepared.targets("valid"))),
        )
        for values in by_split
    )
    scale, of_valid = (series.sizes(prepared, split) for split in ("test", "valid"))
    band = series.error_band((valid_true - valid_forecast) / of_valid)
    errors = np.abs((forecast - true) / scale)
    rows = examples.at_shares(errors.mean(axis=1), tuple(series.SHARES))
    for number, (row, title) in enumerate(zip(rows, series.SHARES.values(), strict=True), 1):
        window = {candidate.name: forecast[row]}
        size = scale if isinstance(scale, float) else scale[row]
        low, high = (end * size for end in band)
        yield series.window_chart(number, title, series.past(prepared, row), true[row], window, (low, high))
    covered = ((true >= forecast + band[0] * scale) & (true <= forecast + band[1] * scale)).mean()
    nominal = series.TAILS[1] - series.TAILS[0]
    note = f"The windows' bands, {nominal:.0%} of validation errors at each step, contain {covered:.1%} of test values."
    yield series.horizon_chart({candidate.name: errors.mean(axis=0)}, series.unit_of(prepared), note)


def document(chart: Chart) -> str:
    """A figure with its caption, as HTML that loads plotly's script from its public address.

    Held in each, that would be 5 MB for every figure of every run.
    """
    drawn = Markup(chart.figure.to_html(full_html=False, include_plotlyjs="cdn", div_id=chart.name))
    words = tag("p", tag("strong", f"{chart.title}. "), chart.note)
    head = tag("head", tag("meta", charset="utf-8"), tag("title", chart.title))
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', drawn, words), lang='en')}\n"


def texts_of_candidate(prepared: Prepared, candidate: Candidate, seed: int, targets: Tensor) -> dict[str, str]:
    """Tables in HTML by name: the most confident wrong predictions, for tasks that keep their texts."""
    all_texts = reviews.texts(prepared.folder)
    if not all_texts:
        return {}
    answers = prepared.task.answers(candidate.outputs[seed], prepared.learned)
    names = label_names(prepared, answers.shape[-1])
    return {"worst_errors": reviews.worst(all_texts, answers.numpy(), targets.numpy(), names)}


def label_names(prepared: Prepared, classes: int) -> list[str]:
    """The labels' names if the task states them, otherwise their numbers."""
    return list(getattr(prepared.task, "labels", None) or map(str, range(classes)))
