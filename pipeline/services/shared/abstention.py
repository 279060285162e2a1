"""Which predictions are abstentions: a network that is not certain abstains.

label     abstained  probability
positive  False      0.93
(null)    True       0.52
"""

import numpy as np
import pandas as pd
from jaxtyping import Bool

COLUMN = "abstained"
BEFORE = "neutral"  # the label of an abstention in packages logged before predictions had the column


def abstained(answers: pd.DataFrame) -> Bool[np.ndarray, " answers"]:
    """Which of these predictions are abstentions."""
    if COLUMN in answers:
        return answers[COLUMN].to_numpy(bool)
    return (answers["label"] == BEFORE).to_numpy(bool)


def is_known(answers: pd.DataFrame, labels: tuple[str, ...]) -> bool:
    """Whether abstentions differ from labels: in earlier predictions not if a label has the abstentions' name."""
    return COLUMN in answers or BEFORE not in labels
