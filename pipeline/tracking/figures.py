"""Draw the figures of every candidate's runs, in parallel processes, into folders that MLflow takes as they are."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import Tensor

from pipeline.common import paths
from pipeline.evaluation.candidates import Candidate
from pipeline.reporting import pictures
from pipeline.tasks import Prepared
from pipeline.training.worker_processes import Send, WorkerProcesses, start_method


@contextmanager
def drawing(
    task: str, prepared: Prepared, candidates: Sequence[Candidate], targets: Tensor
) -> Iterator[Iterator[tuple[int, Path]]]:
    """Start drawing; yields each candidate's number when it is done, with a folder that has a subfolder for every seed.

    Those have `figures/NAME.html` and `tables/NAME.html`. All are removed on leaving.
    """
    with TemporaryDirectory() as place:
        draw = partial(_draw, Path(place), task, prepared, candidates, targets)
        numbers = list(range(len(candidates)))
        here = start_method() != "fork"  # a new start costs more than it saves
        with WorkerProcesses(draw, numbers, here=here) as drawn:
            yield iter(drawn)


def _draw(
    place: Path,
    task: str,
    prepared: Prepared,
    candidates: Sequence[Candidate],
    targets: Tensor,
    number: int,
    send: Send,
) -> None:
    candidate = candidates[number]
    history = paths.trained(task, candidate.name) / "history.csv"
    for seed in candidate.outputs:
        folder = place / str(number) / str(seed)
        (folder / "figures").mkdir(parents=True)
        for chart in pictures.of_candidate(prepared, candidate, seed, targets, history):
            (folder / "figures" / f"{chart.name}.html").write_text(pictures.document(chart), encoding="utf-8")
        for name, text in pictures.texts_of_candidate(prepared, candidate, seed, targets).items():
            (folder / "tables").mkdir(exist_ok=True)
            (folder / "tables" / f"{name}.html").write_text(text, encoding="utf-8")
    send(place / str(number))
