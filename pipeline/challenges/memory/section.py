"""The page's section on memory: how far back networks can learn to look, and from how many sequences."""

from collections.abc import Iterator

from markupsafe import Markup

from pipeline.challenges.shared import GUESSING, lag_figures as lags
from pipeline.challenges.shared.lag_figures import Rows, solved_in_words
from pipeline.challenges.shared.memory_records import CriterionRecord, MemoryReport, Published, Row
from pipeline.reporting import words
from pipeline.reporting.figures import Chart
from pipeline.reporting.markup import table, tag

NAME = "memory"
PLACE = 40
TITLE = "How far back can a network learn to look?"
ABOUT = (
    "In these tasks the answer is far back in the sequence: a symbol to recall, two numbers to add, the order of two "
    "symbols, a list to copy. The lag is the number of steps between, or the length of the sequence. Every training "
    "step draws new sequences, and at intervals the network is checked on others that it has never seen; once it is "
    "right often enough on those, the task counts as solved, and the sequences that it was trained on are counted. "
    "There are two controls: identity, which sees only the last step, and guessing, which trains nothing but draws "
    "small recurrent nets with random weights until one of them succeeds (Hochreiter & Schmidhuber 1997). A task that "
    "guessing solves quickly is weak evidence of learning over time."
)
CONTROLS = ("identity", GUESSING)
LATCH = (
    " A unit that the first symbol sets and later ones cannot change is not rare among random weights: the difficulty "
    "of this task is to find such a unit by gradients."
)
DIFFERENCES = {  # between our variant and the paper's of 1997
    "recall": "In the paper's 2a the distractors come in one fixed order and every next symbol must be predicted; "
    "here they are drawn at random from 99 and only the last prediction counts.",
    "adding": "Here all sequences have the same length, with a mark in each half.",
    "temporal_order": "Here all sequences are 100 long, in the paper 100 to 110.",
}


def lead(report: MemoryReport) -> Iterator[object]:
    if not report["rows"]:
        yield "Not measured: memory.problems in params.yaml is empty."
        return
    for name, rows in _problems(report).items():
        for lag in sorted({row["lag"] for row in rows}):
            yield f"{name.capitalize()} at lag {lag:,}: {_outcomes([row for row in rows if row['lag'] == lag])}"
    yield from _guessed(report)
    yield from _against_published(report)
    budget = report["budget"]
    seeds = len(report["seeds"])
    yield (
        f"{seeds} seed{'' if seeds == 1 else 's'} each, about {budget['parameters']:,} core parameters, batches of "
        f"{budget['batch_size']}, every architecture with its choice in params.yaml, at a constant "
        f"learning rate. The criterion is checked after every {budget['eval_every']:,} sequences, which limits "
        "the precision of the numbers. Not solved means not within the budget: more sequences, another "
        "learning rate or another size might help."
    )


def charts(report: MemoryReport) -> Iterator[Chart]:
    """For each task and variant: the share of seeds that solve it, then the sequences they need, against the lag."""
    for name, rows in _problems(report).items():
        yield lags.shares(name, rows)
        if any(any(row["sequences"]["by_seed"]) for row in rows):
            yield lags.needed(name, rows, _published(report, rows), report["budget"]["eval_every"])


def tables(report: MemoryReport) -> Iterator[Markup]:
    if not report["rows"]:
        return
    head = ["task", "lag", "network", "solved", "share", "sequences (median)", "diverged", "seconds (median)"]
    rows = [tag("tr", *(tag("td", cell) for cell in _cells(row))) for row in report["rows"]]
    caption = (
        "Shares with Wilson's 95 % interval over seeds. In a median, a seed that did not solve the task counts as the "
        "largest; for guessing, the numbers are of networks. Seconds are of training on one thread, without the checks."
    )
    yield table(head, rows, caption)
    head = ["task", "lags", "solved when", "on fresh sequences", "budget of sequences"]
    rows = []
    for budget in report["budget"]["sequences"]:
        criterion = report["criteria"][f"{budget['task']} {budget['variant']}"]
        lags = words.listed(f"{lag:,}" for lag in budget["lags"])
        cells = [
            _title(budget["task"], budget["variant"]),
            lags,
            _criterion(criterion),
            f"{criterion['eval_sequences']:,}",
        ]
        rows.append(tag("tr", *(tag("td", cell) for cell in [*cells, f"{budget['max_sequences']:,}"])))
    yield table(head, rows, "When a task counts as solved.")


def _problems(report: MemoryReport) -> dict[str, Rows]:
    """The rows by task and variant."""
    problems: dict[str, list[Row]] = {}
    for row in report["rows"]:
        problems.setdefault(_title(row["task"], row["variant"]), []).append(row)
    return dict(problems)


def _title(task: str, variant: str) -> str:
    return task.replace("_", " ") + (f", {variant} variant" if variant == "1997" else "")


def _outcomes(rows: Rows) -> str:
    """Which networks solve it with every seed, with some seeds, with none."""
    networks = [row for row in rows if row["architecture"] not in CONTROLS]
    names_by_outcome = {
        "every seed": [row["architecture"] for row in networks if row["solved"] == row["seeds"]],
        "some seeds": [solved_in_words(row) for row in networks if 0 < row["solved"] < row["seeds"]],
        "no seed": [row["architecture"] for row in networks if row["solved"] == 0],
    }
    parts = (f"with {how} by {words.listed(names)}" for how, names in names_by_outcome.items() if names)
    return f"solved {'; '.join(parts)}."


def _guessed(report: MemoryReport) -> Iterator[str]:
    """The guessing control's results on each task."""
    for name, rows in _problems(report).items():
        guessed = [row for row in rows if row["architecture"] == GUESSING]
        if guessed:
            latch = LATCH if guessed[0]["variant"] == "bits" and guessed[0]["solved"] else ""
            tried = f"at most {report['budget']['guessing']['trials']:,} untrained networks per seed"
            yield f"Guessing {name}, {tried}: {'; '.join(_tries(row) for row in guessed)}.{latch}"


def _tries(row: Row) -> str:
    median = row["trials"]["median"]
    sentence = f"at lag {row['lag']:,} solved with {row['solved']} of {row['seeds']} seeds"
    return sentence if median is None else f"{sentence}, after a median of {median:,.0f} networks"


def _against_published(report: MemoryReport) -> Iterator[str]:
    """Our numbers and the published ones, and how the experiments differ."""
    for point in report["published"]:
        for row in report["rows"]:
            if _case(row) == _case(point):
                median = row["sequences"]["median"]
                solved = f"{row['solved']} of {row['seeds']} seeds"
                result = f"a median of {median:,.0f} sequences ({solved})" if median else f"unsolved by most ({solved})"
                yield (
                    f"{_title(point['task'], point['variant']).capitalize()} at lag {point['lag']:,}, "
                    f"{point['architecture']}: {result}; published: {point['sequences']:,} ({point['source']}). "
                    f"{DIFFERENCES[point['task']]} The paper's net had no forget gate and took a gradient descent step "
                    f"after every sequence; ours takes an AdamW step after every {report['budget']['batch_size']}."
                )


def _case(row: Row | Published) -> tuple[str, str, int, str]:
    return row["task"], row["variant"], row["lag"], row["architecture"]


def _published(report: MemoryReport, rows: Rows) -> list[Published]:
    """The published points of this variant, at the measured lags."""
    lags = {row["lag"] for row in rows}
    row, *_ = rows
    of_variant = [
        point for point in report["published"] if (point["task"], point["variant"]) == (row["task"], row["variant"])
    ]
    return [point for point in of_variant if point["lag"] in lags]


def _cells(row: Row) -> list[object]:
    task = _title(row["task"], row["variant"])
    counts = row.get("trials", row["sequences"])
    median = "–" if counts["median"] is None else f"{counts['median']:,.0f}"
    median += " networks tried" if "trials" in row and median != "–" else ""
    mean = f"{row['share']['mean']:.0%}"
    interval = f"[{row['share']['low']:.0%}, {row['share']['high']:.0%}]"
    solved = f"{row['solved']} of {row['seeds']}"
    share = tag("span", mean, " ", tag("small", interval))
    return [
        task,
        f"{row['lag']:,}",
        row["architecture"],
        solved,
        share,
        median,
        row["diverged"],
        f"{row['seconds']:.1f}",
    ]


def _criterion(criterion: CriterionRecord) -> str:
    level = criterion["threshold"]
    measure_names = {
        "mse": "mean squared error",
        "mae": "mean absolute error",
        "largest_error": "largest absolute error",
    }
    if criterion["measure"] == "accuracy":
        return "every prediction is right" if level == 1 else f"at least {level:.0%} of predictions are right"
    return f"{measure_names[criterion['measure']]} below {words.number(level, 2)}"
