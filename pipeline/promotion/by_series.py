"""The series of a panel on which a challenger does worst: they are reported, and decide nothing.

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

MAX_NAMED = 5
TOLERANCE = 1e-9  # of an error: by less than this, forecasts of one model differ between its package and this process


def worst(bootstrap: PairedBootstrap, challenger: Answers, name: str, other: Answers, series: Sequence[str]) -> Outcome:
    """How much better the challenger is than `other` on each series, as a share of its error; worst first."""
    names, numbers = np.unique(np.array(series), return_inverse=True)
    metric = bootstrap.task.main_metric
    errors, other_errors = (
        bootstrap.task.scores(means_of_series(side.cells.mean(dim=1), torch.from_numpy(numbers), len(names)))[metric]
        for side in (challenger, other)
    )
    better = ((other_errors - errors) / other_errors).tolist()
    worst_first = sorted(range(len(names)), key=lambda place: better[place])
    listing = ", ".join(f"{shown(str(names[place]))} {100 * better[place]:.1f} %" for place in worst_first[:MAX_NAMED])
    worse = sum(value < -TOLERANCE for value in better)
    detail = f"worse than {name} on {worse:,} of {len(names):,} series; better by, worst first: {listing}"
    return Outcome(
        "series", not worse, detail, {str(names[place]): better[place] for place in worst_first}, decides=False
    )
