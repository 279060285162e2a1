"""How to read the page: the meaning of intervals, comparisons, names and measures."""

from collections.abc import Sequence

from markupsafe import Markup

from pipeline.reporting import words
from pipeline.reporting.markup import tag
from pipeline.reporting.results import TaskResults

TERMS = {
    "interval": "The {confidence:.0%} bootstrap interval over test examples of the mean over seeds. Overlapping "
    "windows of a series are resampled in blocks of neighbours, at least five; if there are fewer than two blocks of "
    "the task's length, there is no interval. It shows how much the number could change with other test examples, not "
    "with other seeds: the seeds' values are beside it, from five seeds on with Student's interval over them.",
    "better than": "The interval of the paired difference, on the same resamples, lies entirely above 0. Otherwise the "
    "result is marked: not better, or worse if the interval lies entirely below 0.",
    "identity": "The control: only embedding and readout, without memory. A network that does not beat it has not "
    "shown that it uses the order of its inputs.",
    "simplest, strongest baseline": "The first of a task's baselines; the one that is best on the validation split.",
    "trivial": "The best prediction that ignores the inputs: derived rather than measured, if the task allows it.",
    "core parameters": "Those of the recurrent, attention or other core, with the same budget for all; embedding and "
    "readout are not included.",
    "best on validation": "The network with the lowest mean validation loss over the seeds that did not diverge, "
    "and its best seed. Of a task that may have a champion, the candidate that promote would take: of baselines, that "
    "network, its ensemble and their blend, the simplest whose loss is within a standard error of the least.",
    "ensemble": "The mean of the outputs of all sound seeds of the network that is best on validation: as many "
    "predictions for each request, and as many trainings, as it has seeds.",
    "blend": "A weighted sum of the outputs of that ensemble and of baselines, of log-probabilities or of forecasts. "
    "Weights are not negative and fitted on validation; it takes in only what gains more than a standard error there, "
    "by weights fitted to other rows, and is left out if nothing does.",
    "diverged": "A loss, gradient or prediction was not finite: training stopped there, which is a result.",
}
MEASURES = {
    "accuracy": "Share of right predictions.",
    "f1": "Macro F1: the harmonic mean of precision and recall of each label, and the mean of these over the labels.",
    "f1_of_a_label": "Harmonic mean of precision and recall.",
    "precision_of_a_label": "Of the examples predicted to have the label, the share that has it.",
    "recall_of_a_label": "Of the examples that have the label, the share predicted to have it.",
    "log_loss": "Mean negative log-probability of the true label, in nats.",
    "calibration_error": "Mean distance between predicted probability and accuracy, over 10 bins.",
    "mse": "Mean squared error.",
    "mae": "Mean absolute error.",
    "rmse": "Square root of the mean squared error.",
    "mape": "Mean absolute error in percent of the value.",
    "mase": "Mean absolute error, over that of the seasonal naive forecast on the training rows.",
    "mse_scaled": "Mean squared error of standardised values.",
    "mae_scaled": "Mean absolute error of standardised values.",
}


def glossary(tasks: Sequence[TaskResults], confidence: float) -> Markup:
    """The page's terms, and the measures that it shows."""
    entries = [entry for results in tasks for entry in results.ranked()]
    shown = {metric for entry in entries for metric in entry["metrics"]}
    shown |= {f"{metric}_of_a_label" for e in entries for scores in e.get("classes", {}).values() for metric in scores}
    measures = {words.measure(name, {}): meaning for name, meaning in MEASURES.items() if name in shown}
    terms = {name: meaning.format(confidence=confidence) for name, meaning in TERMS.items()}
    items = (tag("div", tag("dt", name), tag("dd", meaning)) for name, meaning in (terms | measures).items())
    return tag("dl", *items)
