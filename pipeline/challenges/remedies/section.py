"""The page's table of remedies: what each changes on every challenge."""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from pipeline.challenges.remedies.records import Choice, Convergence, Recall, Remedy, RemedyReport, Speed, Vanishing
from pipeline.evaluation.records import Ends
from pipeline.reporting import words
from pipeline.reporting.figures import Chart
from pipeline.reporting.markup import join, table, tag

NAME = "remedies"
PLACE = 70
TITLE = "Do the remedies help?"
ABOUT = (
    "The deck ends with a list: LSTM and GRU, attention, the Transformer, clipping, initialization. This is what each "
    "changes on every challenge, compared with the plain recurrent net. A dash: not measured."
)


def lead(report: RemedyReport) -> Iterator[object]:
    rows = {row["remedy"]: row["memory"] for row in report["architectures"] if row["memory"]}
    names = [name for name, memory in rows.items() if memory["solved"] == memory["seeds"]]
    if names:
        yield f"With every seed, recall over the longest lag is learned by {words.listed(names)}."


def charts(report: RemedyReport) -> list[Chart]:
    return []


def tables(report: RemedyReport) -> Iterator[Markup]:
    links = {"vanishing": "diagnose", "memory": "memory", "convergence": "convergence", "speed": "benchmark"}
    real = [name for name in ("imdb", "victoria") if any(name in row for row in report["architectures"])]
    columns = {
        "vanishing": "gradient's horizon",
        "memory": "recall",
        "convergence": "sum_sign, solved",
        "speed": "tokens a second",
    } | {name: name for name in real}
    head = ["architecture", *(tag("a", heading, href=f"#{links.get(key, key)}") for key, heading in columns.items())]
    cells = [[row["remedy"], *_measured(row, real)] for row in report["architectures"]]
    rows = [tag("tr", *(tag("td", cell) for cell in row_cells)) for row_cells in cells]
    caption = (
        "The plain recurrent net (rnn) and other architectures with as many parameters. The sections linked in the "
        "header name the machine on which times were measured."
    )
    yield table(head, rows, caption)
    head = ["task", "scale", "optimizer", "initialization", "clipping", "loss", "diverged"]
    rows = [tag("tr", *(tag("td", cell) for cell in _choice(row))) for row in report["choices"]]
    caption = "The plain recurrent net with initialization and clipping changed, separately and together."
    yield join(table(head, rows, caption), tag("p", tag("a", "Their tests", href="#evidence"), "."))


def _measured(row: Remedy, real: Sequence[str]) -> Iterator[object]:
    """The result of each challenge and the scores on real tasks; a dash for what was not measured."""
    yield _vanishing(row["vanishing"]) if row["vanishing"] else "–"
    yield _memory(row["memory"]) if row["memory"] else "–"
    yield _convergence(row["convergence"]) if row["convergence"] else "–"
    yield _speed(row["speed"]) if row["speed"] else "–"
    scores = {"imdb": row.get("imdb"), "victoria": row.get("victoria")}
    for name in real:
        yield _score(score) if (score := scores[name]) else "–"


def _vanishing(value: Vanishing) -> str:
    best = f"{value['best']} with {value['initializer']}"
    return best if value["horizon"] is None else f"{value['horizon']}; {best} of {value['steps']} steps"


def _memory(value: Recall) -> str:
    needed = "" if value["sequences"] is None else f", {words.number(value['sequences'], 3)} sequences"
    return f"{value['solved']} of {value['seeds']} seeds at lag {value['lag']}{needed}"


def _convergence(value: Convergence) -> str:
    seconds = value["seconds"]["median"]
    duration = "" if seconds is None else f", {words.number(seconds, 3)} s"
    return f"{value['solved']} of {value['seeds']} seeds{duration}"


def _speed(value: Speed) -> str:
    return f"{words.number(value['tokens_per_second'], 3)} at {value['batch']} x {value['steps']} x {value['width']}"


def _score(value: Ends) -> Markup:
    mean, interval = words.mean_and_interval(value)
    return join(mean, " ", tag("small", interval))


def _choice(row: Choice) -> list[object]:
    ends: Ends = {"mean": row["mean"], "low": row["low"], "high": row["high"]}
    loss = _score(ends) if row["low"] is not None else words.number(row["mean"])
    diverged = f"{row['diverged']:.0%}"
    return [row["task"], row["scale"], row["optimizer"], row["initializer"], row["clipping"], loss, diverged]
