"""A few texts with their labels and predicted probabilities: right, wrong and uncertain."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int
from markupsafe import Markup

from pipeline.reporting import examples, words
from pipeline.reporting.labels import label_names
from pipeline.reporting.markup import table, tag
from pipeline.reporting.results import TaskResults

LETTERS = 320  # of a text that are shown
SHOWN_PHRASES = 3  # for each label
PHRASES = (
    "Below a text are its phrases with the largest log-count ratios, learned from the training texts: how much more "
    "frequent, as a logarithm, a phrase is in texts of that label. All networks and the linear baselines read them."
)
STYLE = "body { font: 14px sans-serif } td, th { padding: 4px 12px 4px 0; text-align: left; vertical-align: top }"


def texts(prepared: Path) -> list[str]:
    """The raw texts of the test split of a prepared folder; none if the task keeps none."""
    path = prepared / "test.arrow"
    if not path.exists():
        return []
    with pa.memory_map(str(path)) as source:
        columns = pa.ipc.open_file(source).read_all()
        return columns["text"].to_pylist() if "text" in columns.column_names else []


def answered(results: TaskResults, all_texts: list[str], prepared: Path) -> Markup:
    """Texts on which the best network was confident and wrong, confident and right, or uncertain; with the baseline.

    Below each are the phrases that speak most for each label.
    """
    shown = results.shown(networks=1)
    labels = results.predictions(shown[0]["name"]).targets[:, 0]
    answers = {entry["name"]: results.best(entry) for entry in shown}
    first = next(iter(answers.values()))
    rows = {
        "surest wrong": examples.most_wrong(first, labels, 3),
        "surest right": examples.most_right(first, labels, 2),
        "least sure": examples.least_sure(first, 2),
    }
    names = label_names(results, first.shape[1])
    phrases = {
        row: phrases_of(prepared, results.settings, all_texts[row], names) for chosen in rows.values() for row in chosen
    }
    head = ["", "text", "label", *(f"{name}: probability of the label" for name in answers)]
    lines = [
        _line(
            reason,
            all_texts[row],
            names[int(labels[row])],
            [float(p[row, int(labels[row])]) for p in answers.values()],
            phrases[row],
        )
        for reason, chosen in rows.items()
        for row in chosen
    ]
    caption = "Chosen by the best network's confidence, not by hand. Long texts are shortened in the middle."
    if any(phrases.values()):
        caption += f" {PHRASES}"
    return table(head, lines, caption, class_="texts")


def worst(
    all_texts: list[str],
    probabilities: Float[np.ndarray, "rows classes"],
    labels: Int[np.ndarray, " rows"],
    names: list[str],
) -> Markup:
    """A page of the texts with the most confident wrong predictions."""
    lines = [
        _line(str(place), all_texts[row], names[int(labels[row])], [float(probabilities[row, int(labels[row])])])
        for place, row in enumerate(examples.most_wrong(probabilities, labels, 20), 1)
    ]
    head = ["", "text", "label", "probability of the label"]
    errors_table = table(head, lines, "Test texts predicted wrongly, the most confident first.")
    return tag(
        "html", tag("head", tag("meta", charset="utf-8"), tag("style", STYLE)), tag("body", errors_table), lang="en"
    )


def phrases_of(prepared: Path, settings: Mapping[str, Any], text: str, names: list[str]) -> list[Markup]:
    """For each label, the phrases that speak most for it, with their log-count ratios; none if the task reads none."""
    if not settings.get("ngrams"):
        return []
    from pipeline.tasks.text import strongest_phrases  # with torch, which the rest of the page does not need

    strongest = strongest_phrases.find(prepared, settings, text, SHOWN_PHRASES)
    listed = {
        name: ", ".join(f"“{p.words}” {words.number(p.ratio, 2)}" for p in strongest if p.label == label)
        for label, name in enumerate(names)
    }
    return [tag("p", tag("strong", f"{name}: "), words_for_it) for name, words_for_it in listed.items() if words_for_it]


def _line(
    heading: str, text: str, label: str, probabilities: list[float], phrases_of_text: Sequence[Markup] = ()
) -> Markup:
    cells = [tag("td", words.number(value, 3), class_="number") for value in probabilities]
    shown = tag("td", examples.shortened(text, LETTERS), *phrases_of_text)
    return tag("tr", tag("th", heading, scope="row"), shown, tag("td", label), *cells)
