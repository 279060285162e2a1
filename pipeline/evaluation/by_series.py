"""Scores of candidates over all examples and, in a panel, of each series."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipeline.evaluation.candidates import Candidate
from pipeline.evaluation.intervals import Resamples
from pipeline.tasks import Prepared


def score(prepared: Prepared, candidates: Sequence[Candidate], targets: Tensor, resamples: Resamples) -> None:
    """Set each candidate's scores: in every resample, of every class, and of every series."""
    task = prepared.task
    series = prepared.series_of("test")
    for candidate in candidates:
        for seed, outputs in candidate.outputs.items():
            contributions = task.contributions(outputs, targets, prepared.learned, series)
            means = resamples.means(contributions)
            candidate.scores[seed] = task.scores(means)
            candidate.class_scores[seed] = task.class_scores(means)
            if series is not None:
                count = len(prepared.learned["panel"]["series"])
                candidate.series_scores[seed] = task.scores(means_of_series(contributions, series, count))


def means_of_series(
    contributions: Float[Tensor, "examples parts"], series: Int[Tensor, " examples"], count: int
) -> Float[Tensor, "series parts"]:
    """The mean contributions of each series' examples."""
    sums = torch.zeros(count, contributions.shape[1], dtype=torch.float64).index_add(0, series, contributions.double())
    return sums / torch.bincount(series, minlength=count)[:, None]


def names(prepared: Prepared, split: str) -> dict[str, pa.Array]:
    """The column of each row's series; none for a task that is no panel."""
    series = prepared.series_of(split)
    if series is None:
        return {}
    return {"series": pa.DictionaryArray.from_arrays(pa.array(series.numpy()), prepared.learned["panel"]["series"])}


def write(path: Path, prepared: Prepared, candidates: Sequence[Candidate]) -> None:
    """A row for each candidate, seed and series, with its metrics; nothing for a task that is no panel."""
    series = prepared.series_of("test")
    if series is None:
        return
    of_all = prepared.learned["panel"]["series"]
    windows = torch.bincount(series, minlength=len(of_all)).tolist()
    tables = [
        pa.table(
            {
                "series": of_all,
                "candidate": [candidate.name] * len(of_all),
                "seed": [seed] * len(of_all),
                "windows": windows,
                **{metric: values.numpy() for metric, values in scores.items()},
            }
        )
        for candidate in candidates
        for seed, scores in candidate.series_scores.items()
    ]
    if tables:
        path.parent.mkdir()
        parquet.write_table(pa.concat_tables(tables), path)
