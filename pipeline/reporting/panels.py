"""A panel's series on the page: those on which the best network does best and worst, against a baseline."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as parquet
from jaxtyping import Float
from markupsafe import Markup

from pipeline.common import paths
from pipeline.reporting import words
from pipeline.reporting.markup import join, table, tag
from pipeline.reporting.results import TaskResults

SHOWN = 5  # at either end


class Compared(NamedTuple):
    """Two candidates' scores of each series."""

    names: list[str]
    ours: Float[np.ndarray, " series"]
    theirs: Float[np.ndarray, " series"]


def by_series(results: TaskResults) -> Markup | None:
    """The five series on which the best network is furthest ahead of the strongest baseline, and the five on which
    furthest behind; None for a task that is no panel."""
    path = paths.predictions(results.name) / paths.BY_SERIES
    networks = results.ranked("network")
    baseline = results.strongest_baseline()
    if not path.exists() or not networks or baseline is None:
        return None
    metric = results.metrics["main_metric"]
    network = networks[0]["name"]
    compared = _compared(path, metric, network, baseline)
    gain = compared.theirs - compared.ours
    order = np.argsort(-gain, kind="stable").tolist()
    ends = order if len(order) <= 2 * SHOWN else [*order[:SHOWN], None, *order[-SHOWN:]]
    measure = words.measure(metric, results.metrics["units"])
    worse = int((gain < 0).sum())
    caption = (
        f"{measure} of {len(order):,} series, mean over seeds: where {network} is furthest ahead of {baseline}, and "
        f"where furthest behind. It is worse on {worse:,} of {len(order):,}. All are in {path}."
    )
    head = ["series", network, baseline, "better by"]
    return table(head, [_row(compared, gain, place) for place in ends], caption, class_="measures")


def _compared(path: object, metric: str, network: str, baseline: str) -> Compared:
    scores = parquet.read_table(str(path), columns=["series", "candidate", metric]).to_pydict()
    names = list(dict.fromkeys(scores["series"]))
    ours, theirs = (_means(scores, metric, name, len(names)) for name in (network, baseline))
    return Compared(names, ours, theirs)


def _means(scores: Mapping[str, list[object]], metric: str, candidate: str, count: int) -> Float[np.ndarray, " series"]:
    """Over seeds, of which each has all series in the same order."""
    pairs = zip(scores[metric], scores["candidate"], strict=True)
    return np.array([value for value, name in pairs if name == candidate], float).reshape(-1, count).mean(axis=0)


def _row(compared: Compared, gain: Float[np.ndarray, " series"], place: int | None) -> Markup:
    if place is None:
        return tag("tr", tag("td", "…", colspan=4))
    numbers = [words.number(float(values[place])) for values in (compared.ours, compared.theirs, gain)]
    cells = join(*(tag("td", number, class_="number") for number in numbers))
    return tag("tr", tag("th", compared.names[place], scope="row"), cells)
