"""The runs of one cell, a run per seed, from the first record to the logged model."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.common import InputError, command, files
from pipeline.tracking import runs
from pipeline.training.loop import Record


class CellRuns:
    """Open runs of a cell's seeds. After an error, those that did not finish are FAILED; none stays RUNNING.

    `memory` is a file with the runs' ids, so that a resumed training uses the same ones.
    """

    def __init__(self, memory: Path, task: str, name: str, seeds: list[int]):
        self.memory = memory
        self.task = task
        self.name = name
        self.seeds = seeds
        self.ids: dict[int, str] = {}
        self.logged: dict[int, int] = {}
        self.finished: set[int] = set()
        self._watches: dict[int, Any] = {}

    def begin(
        self, tags: Mapping[str, object], params: Mapping[str, object], inputs: Mapping[str, str], source: str
    ) -> None:
        """Start a run per seed, or resume those that a killed training left."""
        earlier = files.read_json(self.memory) if self.memory.exists() else {}
        for seed in self.seeds:
            seed_tags = {**tags, **runs.look(self.name), "seed": seed, "architecture": self.name}
            name = f"{self.name} seed {seed}"
            with command.uninterrupted():  # a run that is started is known, and so will be ended
                seed_params = {**params, "seed": seed}
                self.ids[seed] = runs.start(self.task, name, seed_tags, seed_params, earlier.get(str(seed)))
                files.write_json(self.memory, {str(key): value for key, value in self.ids.items()})
            self.logged[seed] = runs.last_step(self.ids[seed])
            if self.logged[seed] < 0:
                runs.log_inputs(self.ids[seed], self.task, source, inputs)
            self._watches[seed] = runs.monitor(self.ids[seed])
        runs.end_dead_runs(self.task)

    def record(self, seed: int, record: Record) -> None:
        """Log an epoch, unless the run already has it from before a kill."""
        if record["step"] > self.logged[seed]:
            runs.log_records(self.ids[seed], record)
            self.logged[seed] = record["step"]

    def rest(self) -> None:
        """Stop sampling the machine's load: training is over, and each sample is a write that competes with ours."""
        for seed in self.seeds:
            self._stop_watch(seed)

    def finish(self, seed: int, tags: Mapping[str, object]) -> None:
        """End a seed's run as FINISHED: a diverged training is a result, too, recorded in its tags."""
        self._stop_watch(seed)
        runs.set_tags(self.ids[seed], tags)
        runs.finish(self.ids[seed])
        self.finished.add(seed)

    def __enter__(self) -> "CellRuns":
        return self

    def __exit__(self, *error: object) -> None:
        for seed in set(self.ids) - self.finished:
            self._stop_watch(seed)
            with suppress(InputError):  # a run that was deleted permanently; the others must be ended, too
                runs.finish(self.ids[seed], "FAILED")

    def _stop_watch(self, seed: int) -> None:
        if watch := self._watches.pop(seed, None):
            watch.finish()
