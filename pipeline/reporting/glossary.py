"""How to read the page: what intervals, comparisons, names and measures mean."""

from collections.abc import Sequence

from markupsafe import Markup

from pipeline.reporting import words
from pipeline.reporting.markup import tag
from pipeline.reporting.results import TaskResults

TERMS = {
    "interval": "The {confidence:.0%} bootstrap interval over test examples of the mean over seeds. Overlapping "
    "windows of a series are resampled in blocks of neighbours, at least five; where they are fewer than two blocks of "
    "the length that the task asks for, there is no interval. It says how far other test examples could move the "
    "number, not how far other seeds could: the values of the seeds stand beside it, from five seeds on with Student's "
    "interval over them.",
    "better than": "The interval of the paired difference, on the same resamples, lies wholly above 0. Otherwise the "
    "result is marked: not better, or worse where the interval lies wholly below 0.",
    "identity": "The control: embedding and readout alone, without memory. A network that does not beat it has not "
    "shown that it makes use of the order of its inputs.",
    "simplest, strongest baseline": "The first of a task's baselines; the one that is best on the validation split.",
    "trivial": "The best answer that ignores the inputs: derived rather than measured, where the task allows it.",
    "core parameters": "Those of the recurrent, attention or other core, whose budget is equal for all; embedding and "
    "readout come on top.",
    "best on validation": "The network with the lowest mean validation loss over its sound seeds; its seed with the "
    "lowest serves. It is what promote would take, where a task has a champion.",
    "diverged": "A loss, gradient or answer was not finite: the training stopped there, which is a result.",
}
MEASURES = {
    "accuracy": "Share of right answers.",
    "f1": "Macro F1: the harmonic mean of precision and recall of each label, and the mean of these over the labels.",
    "f1_of_a_label": "Harmonic mean of precision and recall.",
    "precision_of_a_label": "Of the examples that were given the label, the share that has it.",
    "recall_of_a_label": "Of the examples that have the label, the share that was given it.",
    "log_loss": "Mean negative log-probability of the true label, in nats.",
    "calibration_error": "Mean distance between a probability and how often it comes true, over 10 bins.",
    "mse": "Mean squared error.",
    "mae": "Mean absolute error.",
    "rmse": "Square root of the mean squared error.",
    "mape": "Mean absolute error in percent of the value.",
    "mase": "Mean absolute error, over that of the seasonal naive forecast on the training rows.",
    "mse_scaled": "Mean squared error of standardised values.",
    "mae_scaled": "Mean absolute error of standardised values.",
}


def glossary(tasks: Sequence[TaskResults], confidence: float) -> Markup:
    """The terms of the page, and those measures that it shows."""
    entries = [entry for results in tasks for entry in results.ranked("network", "baseline")]
    shown = {metric for entry in entries for metric in entry["metrics"]}
    shown |= {f"{metric}_of_a_label" for e in entries for scores in e.get("classes", {}).values() for metric in scores}
    measures = {words.measure(name, {}): meaning for name, meaning in MEASURES.items() if name in shown}
    terms = {name: meaning.format(confidence=confidence) for name, meaning in TERMS.items()}
    items = (tag("div", tag("dt", name), tag("dd", meaning)) for name, meaning in (terms | measures).items())
    return tag("dl", *items)
