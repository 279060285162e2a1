"""Tables of one task: its scores, comparisons, other measures, choices and data."""

from collections.abc import Sequence

from markupsafe import Markup

from pipeline.common import machine
from pipeline.common.machine import Machine
from pipeline.evaluation.records import Against, Ends, Entry, Score, mean_of
from pipeline.reporting import blends, words
from pipeline.reporting.glossary import MEASURES
from pipeline.reporting.markup import join, table, tag
from pipeline.reporting.results import Network, TaskResults

SPLITS = ("train", "valid", "gate", "test")


def scores(results: TaskResults, here: Machine | None = None) -> Markup:
    """Every candidate on the main metric, best first, with the trivial predictor at its rank.

    `here` is this machine: seconds of another one are marked.
    """
    metric = results.metrics["main_metric"]
    measure = words.measure(metric, results.metrics["units"])
    head = ["name", measure, "each seed", "compared", "kind", "parameters", "seconds"]
    rows = [_score_row(results, entry, metric) for entry in results.metrics["results"]]
    trivial = results.metrics["trivial"]
    if trivial is not None:
        rows.insert(_rank(results, trivial), _trivial_row(trivial, len(head)))
    best = f"Best first: mean {measure} over seeds, with its interval. {words.intervals(results.metrics)}"
    seconds = "per seed" if not results.ranked("ensemble", "blend") else "per seed, or of all networks of a blend"
    caption = f"{best} Parameters: of the core / all. Seconds: of training, {seconds}{_elsewhere(results, here)}."
    return table(head, rows, caption, class_="scores")


def comparisons(results: TaskResults) -> Markup | None:
    """How much better networks, ensemble and blend are than what they are compared with; None if there are none."""
    networks = [entry for entry in results.ranked("network", "ensemble", "blend") if entry["against"]]
    compared_with = list(dict.fromkeys(other["name"] for entry in networks for other in entry["against"].values()))
    if not compared_with:
        return None
    rows = []
    for entry in networks:
        against = {other["name"]: other for other in entry["against"].values()}
        cells = (_difference(against[name]) if name in against else "–" for name in compared_with)
        rows.append(_row(entry["name"], *cells))
    metric = words.measure(results.metrics["main_metric"], results.metrics["units"])
    caption = f"How much better in {metric}, above 0 is better, with the interval of the paired difference."
    return table(["name", *(f"than {name}" for name in compared_with)], rows, caption, class_="comparisons")


def measures(results: TaskResults) -> Markup | None:
    """The other metrics of every candidate, with their intervals; None if there is only one."""
    shown = results.ranked()
    other_metrics = [name for name in (shown[0]["metrics"] if shown else ()) if name != results.metrics["main_metric"]]
    if not other_metrics:
        return None
    units = results.metrics["units"]
    head = ["name", *(tag("abbr", words.measure(name, units), title=MEASURES.get(name)) for name in other_metrics)]
    rows = [_row(entry["name"], *(_with_interval(entry["metrics"][name]) for name in other_metrics)) for entry in shown]
    return table(head, rows, "Means over seeds, with their intervals.", class_="measures")


def classes(results: TaskResults) -> Markup | None:
    """Each label's F1, precision and recall by every candidate; None if there are no labels."""
    shown = [entry for entry in results.ranked() if entry.get("classes")]
    if not shown:
        return None
    metrics = list(next(iter(shown[0]["classes"].values())))
    head = [
        "name",
        "label",
        *(tag("abbr", words.measure(name, {}), title=MEASURES[f"{name}_of_a_label"]) for name in metrics),
    ]
    rows = [
        _row(entry["name"], label, *(_with_interval(scores[name]) for name in metrics))
        for entry in shown
        for label, scores in entry["classes"].items()
    ]
    return table(head, rows, "Means over seeds, with their intervals.", class_="classes")


def choices(results: TaskResults) -> Markup:
    """How each network was trained, and why it stopped."""
    keys = ("initializer", "clipping", "threshold", "optimizer", "learning_rate")
    head = ["name", *(key.replace("_", " ") for key in keys), "width", "steps of each seed", "ended"]
    rows = [_row(name, *_choice(network, keys)) for name, network in results.networks.items()]
    return table(head, rows, "The settings that params.yaml states or a sweep chose, and why each seed stopped.")


def splits(results: TaskResults) -> Markup:
    """Rows of each split; for a series also its time span, for reviews the number with each label."""
    assert results.audit is not None, "asked for only where there is one"
    audit = results.audit
    labels, spans = audit.get("labels", {}), audit.get("spans", {})
    names = sorted({label for counts in labels.values() for label in counts})
    head = ["split", "examples", *names, *(["from", "to"] if spans else [])]
    rows = [
        _row(
            split,
            *(f"{count:,}" for count in (rows, *(labels.get(split, {}).get(name, 0) for name in names))),
            *(spans.get(split, ("–", "–")) if spans else ()),
        )
        for split, rows in sorted(audit["rows"].items(), key=_in_time)
    ]
    return table(head, rows, "Examples of each split.")


def _elsewhere(results: TaskResults, here: Machine | None) -> str:
    """The other machines on which networks were trained, and which networks."""
    machines: dict[str, list[str]] = {}
    for name, network in results.networks.items():
        if network.machine and here and machine.differs(network.machine, here):
            machines.setdefault(machine.named(network.machine), []).append(name)
    return "".join(f"; {words.listed(names)} on another machine, {where}" for where, names in machines.items())


def _score_row(results: TaskResults, entry: Entry, metric: str) -> Markup:
    network = results.networks.get(entry["name"])
    value = entry["metrics"].get(metric)
    seconds = network.seconds if network else blends.seconds(results, entry)
    return _row(
        entry["name"],
        _with_interval(value) if value else entry["status"].replace("_", " "),
        _seeds(entry, value, network),
        join(*_compared(entry, network)),
        entry["kind"],
        _parameters(entry),
        words.number(seconds, 3),
    )


def _trivial_row(value: float, columns: int) -> Markup:
    cells = ["trivial", words.number(value), "–", "the best prediction that ignores the inputs", "derived", "–", "–"]
    assert len(cells) == columns
    return _row(*cells)


def _rank(results: TaskResults, trivial: float) -> int:
    """The rank of a value among the results."""
    metric = results.metrics["main_metric"]
    sign = -1 if results.metrics["higher_is_better"] else 1
    means = [mean_of(e, metric) for e in results.metrics["results"] if e["metrics"]]
    return sum(sign * mean <= sign * trivial for mean in means)


def _seeds(entry: Entry, value: Score | None, network: Network | None) -> str:
    """Every seed's value in order of the seeds, or that it diverged; then the interval over seeds."""
    if network is None:
        return "–"
    sound = iter(value["by_seed"] if value else [])
    diverged = _diverged(entry, network)
    values = ("diverged" if seed in diverged else words.number(next(sound, None)) for seed in entry["seeds"])
    if value and "seeds_low" in value:
        over: Ends = {"mean": value["mean"], "low": value["seeds_low"], "high": value["seeds_high"]}
        return join(", ".join(values), " ", tag("small", words.mean_and_interval(over)[1]))
    return ", ".join(values)


def _compared(entry: Entry, network: Network | None) -> list[Markup]:
    """What it beats, what it does not, and how many seeds diverged; the latter two are marked."""
    marks = [
        tag("span", f"{verdict} {names}", class_="won" if verdict == "better than" else "mark")
        for verdict, names in words.compared(entry).items()
    ]
    if network and (diverged := _diverged(entry, network)):
        mark = f"{len(diverged)} of {len(entry['seeds'])} seeds diverged"
        marks.append(tag("span", mark, class_="mark"))
    return marks


def _diverged(entry: Entry, network: Network) -> set[int]:
    """Seeds that diverged in training, and those whose predictions were not finite."""
    return {*network.diverged, *map(int, entry["not_scored"])}


def _difference(other: Against) -> Markup | str:
    if "better_by" not in other:
        return "–"
    ends: Ends = {"mean": other["better_by"], "low": other["low"], "high": other["high"]}
    if "reason" in other:
        ends["reason"] = other["reason"]
    difference = _with_interval(ends, digits=3)
    return difference if other["beats"] is not False else tag("span", difference, class_="mark")


def _choice(network: Network, keys: Sequence[str]) -> list[object]:
    choice = network.description["choice"]
    seeds = network.description["seeds"].values()
    values = [f"{choice[key]:g}" if isinstance(choice[key], float) else choice[key] for key in keys]
    if choice["clipping"] == "none":
        values[keys.index("threshold")] = "–"
    ended = dict.fromkeys(result["stopped"] for result in seeds)
    steps = ", ".join(f"{result['steps']:,}" for result in seeds)
    return [*values, network.description["parameters"]["width"], steps, "; ".join(ended)]


def _with_interval(value: Ends, digits: int = 4) -> Markup:
    mean, interval = words.mean_and_interval(value, digits)
    return tag("span", mean, " ", tag("small", interval, title=value.get("reason")), class_="number")


def _parameters(entry: Entry) -> str:
    core, total = entry["core_parameters"], entry["parameters"]
    return "–" if total is None else f"{core:,} / {total:,}"


def _in_time(split: tuple[str, int]) -> int:
    """Splits in the order of their use."""
    return SPLITS.index(split[0]) if split[0] in SPLITS else len(SPLITS)


def _row(name: str, *cells: object) -> Markup:
    return tag("tr", tag("th", name, scope="row"), *(tag("td", cell, class_=_class(cell)) for cell in cells))


def _class(cell: object) -> str | None:
    """Numbers are aligned to the right."""
    content = str(cell)
    return "number" if content[:1] in "0123456789−–[" else None
