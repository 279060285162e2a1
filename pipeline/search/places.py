"""Which worker runs which trial, so that a study ends with exactly as many finished trials as places, none run twice.

Without a lock, on any storage: trials are numbered one by one, so a worker asks for one and then checks its number. A
worker whose trial has as many before it as there are places, or is run by another already, gives it back as failed.
Trials of a dead worker are marked failed and their parameters queued again. A worker that has the study to itself
resumes its own trials instead, under their numbers: so a killed study is repeatable, too.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from pipeline.common import process
from pipeline.search.study import FIRST, GIVEN_BACK

POLL_SECONDS = 0.2
RETRY = "retry of "  # the origin of a dead worker's trial that is run again
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
CHOICE = "choice"  # a trial's choice: all of its parameters are drawn


class Places:
    """The places of one study, as one worker sees them; `sampler` makes one for a study of this many trials.

    A `repeatable` worker has the study to itself.
    """

    def __init__(
        self,
        study: optuna.Study,
        places: int,
        grace: float,
        sampler: Callable[[int], BaseSampler],
        repeatable: bool = False,
    ):
        self.study = study
        self.places = places
        self.grace = grace
        self.sampler = sampler
        self.repeatable = repeatable
        self._beats: dict[int, tuple[object, float]] = {}

    def claim(self) -> optuna.Trial | None:
        """A trial to run, after waiting if necessary; None once all places are filled."""
        while True:
            if self.repeatable and (trial := self.resume()) is not None:
                return trial
            self.free_dead()
            occupied = [trial for trial in self._trials() if trial.state != TrialState.FAIL]
            if sum(trial.state in FINISHED for trial in occupied) >= self.places:
                return None
            has_waiting = any(trial.state == TrialState.WAITING for trial in occupied)
            if has_waiting or len(occupied) < self.places:
                self.study.sampler = self.sampler(len(occupied if self.repeatable else self._trials()))
                with suppress(UpdateFinishedTrialError):  # another worker found it dead before it had our name
                    trial = self.study.ask()
                    trial.set_user_attr("process", process.this())
                    if not (surplus := self._surplus(trial)):
                        return trial
                    trial.set_user_attr(GIVEN_BACK, surplus)
                    self.study.tell(trial, state=TrialState.FAIL)
            time.sleep(POLL_SECONDS)

    def resume(self) -> optuna.Trial | None:
        """The trial that a kill of this worker left. One whose parameters were being drawn is marked failed, and the
        next draws the same."""
        for dead in self._trials():
            if dead.state == TrialState.RUNNING and not self._lives(dead):
                if CHOICE in dead.user_attrs or FIRST in dead.user_attrs:  # queued ones are already drawn
                    trial = optuna.Trial(self.study, dead._trial_id)
                    trial.set_user_attr("process", process.this())
                    return trial
                self._fail(dead.number)
        return None

    def free_dead(self) -> None:
        """Queue the parameters of dead workers' trials again, then mark those failed: in this order none is lost."""
        for trial in self._trials():
            if trial.state == TrialState.RUNNING and not self._lives(trial):
                parameters = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
                if parameters:
                    self.study.enqueue_trial(parameters, user_attrs={FIRST: f"{RETRY}{trial.number}"})
                self._fail(trial.number)

    def _fail(self, number: int) -> None:
        with suppress(UpdateFinishedTrialError):  # another worker did
            self.study.tell(number, state=TrialState.FAIL, skip_if_finished=True)

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _surplus(self, study_or_trial: optuna.Trial) -> str:
        """Why a trial is not needed; empty for one to run."""
        origin = study_or_trial.user_attrs.get(FIRST)
        if origin is not None and origin.startswith(
            RETRY
        ):  # it was queued before the trial it replaces was marked failed
            number = int(origin.removeprefix(RETRY))
            self._fail(number)
            if self._trials()[number].state in FINISHED:
                return "its worker was alive"
        before = [t for t in self._trials() if t.number < study_or_trial.number and t.state != TrialState.FAIL]
        if len(before) >= self.places:
            return "no place was left"
        is_resumed = origin is not None and any(trial.user_attrs.get(FIRST) == origin for trial in before)
        return "queued twice" if is_resumed else ""

    def _lives(self, trial: FrozenTrial) -> bool:
        """Whether a trial's process runs; one on another machine must have sent a sign of life in the grace period."""
        if self.repeatable and "process" not in trial.user_attrs:  # the kill came before it was recorded
            return False
        seen = process.alive(trial.user_attrs["process"]) if "process" in trial.user_attrs else None
        if seen is not None:
            return seen
        beat = trial.user_attrs.get("beat")
        now = time.monotonic()
        before, since = self._beats.setdefault(trial.number, (beat, now))
        if beat != before:
            self._beats[trial.number] = beat, now
        return beat != before or now - since < self.grace


@contextmanager
def beating(trial: optuna.Trial, grace_seconds: float) -> Iterator[None]:
    """While a trial runs, send signs of life to other machines: four in each grace period."""
    stopped = Event()

    def beat() -> None:
        count = 0
        while not stopped.wait(grace_seconds / 4):
            count += 1
            with suppress(Exception):  # if the storage is lost, the trial itself reports it
                trial.set_user_attr("beat", count)

    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
