"""A champion as the server uses it: its requests, and a function that predicts tables."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.common import InputError
from pipeline.server import together
from pipeline.server.requests import Table
from pipeline.server.together import Layout
from pipeline.services import Column

TOLERANCE = 1e-5  # between predictions of a request alone and beside others


class Champion(NamedTuple):
    """A loaded package. `predict` raises InputError for a request that cannot be predicted."""

    version: str
    inputs: list[Column]
    outputs: list[Column]
    example: pd.DataFrame
    layout: Layout
    predict: Callable[[pd.DataFrame], pd.DataFrame]


class Question(NamedTuple):
    """A request's table; of a piece of a long one, `first` is the number of rows before it."""

    table: Table
    first: int = 0


Outcome = pd.DataFrame | Exception


def answer(champion: Champion, questions: Sequence[Question]) -> list[Outcome]:
    """For each request its predictions, or the error that it alone causes.

    If the predictions of all together fail, each half is tried, so that one bad request among many costs few attempts.
    """
    tables = [question.table for question in questions]
    try:
        joined = together.join(tables, champion.layout, questions[0].first if len(questions) == 1 else 0)
        counts = [together.count(table, champion.layout) for table in tables]
        return [*together.separate(champion.predict(joined), counts, champion.layout)]
    except Exception as error:
        if len(questions) == 1:
            return [error]
    half = len(questions) // 2
    return [*answer(champion, questions[:half]), *answer(champion, questions[half:])]


def check(candidate: Champion, inputs: Sequence[Column]) -> None:
    """Raise InputError unless the candidate takes requests with these columns and predicts its own example.

    This also makes the first predictions, which are slow.
    """
    if list(candidate.inputs) != list(inputs):
        new, old = (", ".join(f"{c.name} ({c.kind})" for c in columns) for columns in (candidate.inputs, inputs))
        raise InputError(f"its requests have the columns {new}; accepted: {old}, as before: restart the server")
    example = Question(table_of_example(candidate))
    single, first, second = [_predictions(champion_answer) for champion_answer in _asked(candidate, example)]
    if single.empty:
        raise InputError("its answer to its own example is empty")
    for beside in (first, second):
        _refuse_difference(single, beside)


def _asked(candidate: Champion, example: Question) -> list[Outcome]:
    return [*answer(candidate, [example]), *answer(candidate, [example, example])]


def table_of_example(champion: Champion) -> Table:
    """The example's columns, as a request has them."""
    return {str(name): [_value(cell) for cell in champion.example[name].tolist()] for name in champion.example}


def _value(cell: Any) -> Any:
    return None if cell != cell else cell


def _predictions(outcome: Outcome) -> pd.DataFrame:
    if isinstance(outcome, Exception):
        raise InputError(f"its own example cannot be predicted: {outcome}") from outcome
    return outcome


def _refuse_difference(single: pd.DataFrame, beside: pd.DataFrame) -> None:
    for name in single.select_dtypes("number"):
        values = single[name].to_numpy(float)
        others = beside[name].to_numpy(float)
        if not np.isfinite(values).all():
            raise InputError(f"its prediction {name!r} of its own example is not a finite number")
        if len(values) != len(others) or np.abs(values - others).max() > TOLERANCE * max(1.0, np.abs(values).max()):
            raise InputError(f"its prediction {name!r} of its own example differs alone and beside another request")
