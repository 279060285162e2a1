"""A study in MLflow: a parent run with a child run per trial, in a separate experiment beside the task's."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial

from pipeline.common import files, paths
from pipeline.common.params import Params
from pipeline.search import Plan, study_figures, trials
from pipeline.tracking import artifacts, lineage, runs

STATUS = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAIL": "FAILED"}  # a trial's state as a run's
PARENT = "mlflow.parentRunId"


class StudyRuns:
    """The runs of one study. On creation, runs that a killed process left are brought into agreement with the study."""

    def __init__(self, plan: Plan, study: Study):
        self.plan = plan
        self.study = study
        self.experiment = f"{plan.task}-sweep"
        runs.end_dead_runs(self.experiment)
        tags = {"stage": "sweep", "task": plan.task, "architecture": plan.architecture, "scale": plan.params["scale"]}
        self.tags = {**tags, "inputs.digest": lineage.inputs_digest(plan.prepared().audit)}
        parent_tags = {**self.tags, **runs.look(plan.architecture), "study": study.study_name}
        settings = {"sweep": plan.sweep.model_dump(exclude={"storage"}), "architecture": plan.settings}
        with self.sweep_lock():
            earlier = runs.find(self.experiment, {"study": study.study_name})
            self.parent = runs.start(self.experiment, f"{plan.architecture} sweep", parent_tags, settings, earlier)
        self.agree()

    @staticmethod
    def sweep_lock() -> AbstractContextManager[None]:
        """While it is held no other process of this machine adds runs, so that none is logged twice."""
        return files.locked(paths.WORK / "sweep.lock")

    def __enter__(self) -> "StudyRuns":
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is not None:
            runs.finish(self.parent, "FAILED")

    def agree(self) -> None:
        """Give every ended trial one run with its state: log what is missing, and log again what was interrupted."""
        with self.sweep_lock():
            ended = {t.number: t for t in self.study.get_trials(deepcopy=False) if t.state.is_finished()}
            existing = set()
            for run_id, status, number in runs.children(self.experiment, self.parent):
                if number in existing or number not in ended or status != STATUS[ended[number].state.name]:
                    runs.delete(run_id)
                else:
                    existing.add(number)
            for number in ended.keys() - existing:
                self._log(ended[number])

    def record(self, number: int) -> None:
        """Log a trial that has just ended, unless another process did."""
        with self.sweep_lock():
            (trial,) = (t for t in self.study.get_trials(deepcopy=False) if t.number == number)
            if runs.find(self.experiment, {PARENT: self.parent, "trial": str(number)}) is None:
                self._log(trial)

    def finish(self, best: FrozenTrial) -> None:
        """End the parent run, with the best trial's numbers and the study's figures."""
        self.agree()
        all_trials = self.study.get_trials(deepcopy=False)
        counts = {f"trials/{state}": count for state, count in trials.summary(all_trials).items()}
        runs.log_metrics(self.parent, {"valid/best_loss": best.value, **counts})
        runs.set_tags(
            self.parent, {"best.trial": best.number, **{f"best.{key}": value for key, value in best.params.items()}}
        )
        artifacts.log_text(self.parent, study_figures.page(self.study), "figures/study.html")
        runs.finish(self.parent)

    def _log(self, trial: FrozenTrial) -> None:
        attributes = trial.user_attrs
        state = "diverged" if "diverged_at" in attributes else trial.state.name.lower()
        tags: dict[str, Any] = {**self.tags, **runs.look(self.plan.architecture), PARENT: self.parent}
        tags |= {"trial": trial.number, "state": state, "origin": attributes.get("origin", "sampled")}
        run_id = runs.start(self.experiment, f"trial {trial.number}", tags, attributes.get("choice", trial.params))
        runs.log_records(run_id, *attributes.get("records", ()))  # a killed trial has none
        if "best_loss" in attributes:
            runs.log_metrics(run_id, {"valid/best_loss": attributes["best_loss"]}, attributes["steps"])
        runs.finish(run_id, STATUS[trial.state.name])


def log_evidence(
    task: str,
    architecture: str,
    params: Params,
    report: Mapping[str, object],
    numbers: Mapping[str, int | float | None],
) -> None:
    """Log the factorial's cells and tests as a run beside the task's sweeps; `numbers` are its metrics."""
    tags = {"stage": "evidence", "task": task, "architecture": architecture, "scale": params["scale"]}
    settings = {"evidence": params.get("evidence") or {}}
    run_id = runs.start(f"{task}-sweep", f"{architecture} evidence", tags, settings)
    try:
        runs.log_metrics(run_id, numbers)
        artifacts.log_json(run_id, report, "evidence.json")
    except BaseException:
        runs.finish(run_id, "FAILED")
        raise
    runs.finish(run_id)
