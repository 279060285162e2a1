"""The series of a panel on which a challenger does worst: named, not decided by.

Of hundreds of series some are worse by chance, and a correction for their number would never refuse one: so the gate
decides on all of them together and on slices of time, and names the worst.
"""

from collections.abc import Sequence

import numpy as np
import torch

from pipeline.evaluation.by_series import means_of_series
from pipeline.promotion.gate import Outcome
from pipeline.promotion.paired import Answers, PairedBootstrap
from pipeline.tasks.shared.file_faults import shown

NAMED = 5
EQUAL = 1e-9  # of an error: the same forecasts differ by so little, in packages and here


def worst(bootstrap: PairedBootstrap, ours: Answers, other: str, theirs: Answers, series: Sequence[str]) -> Outcome:
    """How much better the challenger is than `other` on each series, as a share of its error; worst first."""
    names, numbers = np.unique(np.array(series), return_inverse=True)
    metric = bootstrap.task.main_metric
    our, their = (
        bootstrap.task.scores(means_of_series(side.cells.mean(dim=1), torch.from_numpy(numbers), len(names)))[metric]
        for side in (ours, theirs)
    )
    better = ((their - our) / their).tolist()
    order = sorted(range(len(names)), key=lambda place: better[place])
    listed = ", ".join(f"{shown(str(names[place]))} {100 * better[place]:.1f} %" for place in order[:NAMED])
    worse = sum(value < -EQUAL for value in better)
    detail = f"worse than {other} on {worse:,} of {len(names):,} series; better by, worst first: {listed}"
    return Outcome("series", not worse, detail, {str(names[place]): better[place] for place in order}, decides=False)
