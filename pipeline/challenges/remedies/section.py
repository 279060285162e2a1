"""The page's table of remedies: what each changes on every challenge."""

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from pipeline.reporting import words
from pipeline.reporting.figures import Chart
from pipeline.reporting.markup import join, table, tag
from pipeline.reporting.sections import Record

NAME, PLACE = "remedies", 70
TITLE = "Do the remedies help?"
ABOUT = (
    "The deck ends with a list: LSTM and GRU, attention, the Transformer, clipping, initialization. Here is what each "
    "changes on every challenge, compared with the plain recurrent net. A dash: not measured."
)


def lead(report: Record) -> Iterator[object]:
    rows = {row["remedy"]: row["memory"] for row in report["architectures"] if row["memory"]}
    names = [name for name, memory in rows.items() if memory["solved"] == memory["seeds"]]
    if names:
        yield f"With every seed, recall over the longest lag is learned by {words.listed(names)}."


def charts(report: Record) -> list[Chart]:
    return []


def tables(report: Record) -> Iterator[Markup]:
    links = {"vanishing": "diagnose", "memory": "memory", "convergence": "convergence", "speed": "benchmark"}
    real = [name for name in ("imdb", "victoria") if any(name in row for row in report["architectures"])]
    columns = {
        "vanishing": "gradient's horizon",
        "memory": "recall",
        "convergence": "sum_sign, solved",
        "speed": "tokens a second",
    } | {name: name for name in real}
    head = ["architecture", *(tag("a", heading, href=f"#{links.get(key, key)}") for key, heading in columns.items())]
    cells = {"vanishing": _vanishing, "memory": _memory, "convergence": _convergence, "speed": _speed}
    rows = [
        tag(
            "tr",
            tag("td", row["remedy"]),
            *(tag("td", cells.get(key, _score)(row[key]) if row.get(key) else "–") for key in columns),
        )
        for row in report["architectures"]
    ]
    caption = (
        "Instead of the plain recurrent net (rnn): other architectures with as many parameters. The sections linked in "
        "the header name the machine of the seconds."
    )
    yield table(head, rows, caption)
    head = ["task", "scale", "optimizer", "initialisation", "clipping", "loss", "diverged"]
    rows = [tag("tr", *(tag("td", cell) for cell in _choice(row))) for row in report["choices"]]
    caption = "The plain recurrent net with initialization and clipping changed, separately and together."
    yield join(table(head, rows, caption), tag("p", tag("a", "Their tests", href="#evidence"), "."))


def _vanishing(value: Mapping[str, Any]) -> str:
    best = f"{value['best']} with {value['initializer']}"
    return best if value["horizon"] is None else f"{value['horizon']}; {best} of {value['steps']} steps"


def _memory(value: Mapping[str, Any]) -> str:
    needed = "" if value["sequences"] is None else f", {words.number(value['sequences'], 3)} sequences"
    return f"{value['solved']} of {value['seeds']} seeds at lag {value['lag']}{needed}"


def _convergence(value: Mapping[str, Any]) -> str:
    seconds = value["seconds"]["median"]
    duration = "" if seconds is None else f", {words.number(seconds, 3)} s"
    return f"{value['solved']} of {value['seeds']} seeds{duration}"


def _speed(value: Mapping[str, Any]) -> str:
    return f"{words.number(value['tokens_per_second'], 3)} at {value['batch']} x {value['steps']} x {value['width']}"


def _score(value: Mapping[str, Any]) -> Markup:
    mean, interval = words.mean_and_interval(value)
    return join(mean, " ", tag("small", interval))


def _choice(row: Mapping[str, Any]) -> list[object]:
    loss = _score(row) if row.get("low") is not None else words.number(row.get("mean"))
    diverged = f"{row['diverged']:.0%}"
    return [row["task"], row["scale"], row["optimizer"], row["initializer"], row["clipping"], loss, diverged]
