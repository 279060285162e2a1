"""A study in MLflow: a parent run, and under it a run per trial, in an experiment of their own beside the task's."""

from collections.abc import Iterable, Mapping
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial

from pipeline.config import files, paths
from pipeline.reporting import studies
from pipeline.search import Plan, trials
from pipeline.tracking import lineage, runs

STATUS = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAIL": "FAILED"}  # a trial's state as a run's
PARENT = "mlflow.parentRunId"


class StudyRuns:
    """The runs of one study. Made, it brings what a killed process left into agreement with the study."""

    def __init__(self, plan: Plan, study: Study):
        self.plan, self.study, self.experiment = plan, study, f"{plan.task}-sweep"
        runs.end_dead_runs(self.experiment)
        tags = {"stage": "sweep", "task": plan.task, "architecture": plan.architecture, "scale": plan.params["scale"]}
        self.tags = {**tags, "inputs.digest": lineage.inputs_digest(plan.prepared().audit)}
        every = {**self.tags, **runs.look(plan.architecture), "study": study.study_name}
        settings = {"sweep": plan.sweep.model_dump(exclude={"storage"}), "architecture": plan.settings}
        with files.locked(paths.WORK / "sweep.lock"):  # one parent, though two processes begin at once
            found = runs.find(self.experiment, {"study": study.study_name})
            self.parent = runs.start(self.experiment, f"{plan.architecture} sweep", every, settings, found)
        self.agree()

    def __enter__(self) -> "StudyRuns":
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is not None:
            runs.finish(self.parent, "FAILED")

    def agree(self) -> None:
        """Give every ended trial one run with its state: logs what is missing, and anew what was cut short."""
        ended = {trial.number: trial for trial in self.study.get_trials(deepcopy=False) if trial.state.is_finished()}
        there = {}
        for run_id, status, number in runs.children(self.experiment, self.parent):
            alike = number in ended and status in (STATUS[ended[number].state.name], "RUNNING")  # it is being logged
            if alike and number not in there:
                there[number] = run_id
            else:
                runs.delete(run_id)
        for number in ended.keys() - there.keys():
            self._log(ended[number], ())

    def record(self, message: Mapping[str, Any]) -> None:
        """Log a trial that ended just now, with its records, unless another process did."""
        (trial,) = (t for t in self.study.get_trials(deepcopy=False) if t.number == message["number"])
        if runs.find(self.experiment, {PARENT: self.parent, "trial": str(trial.number)}) is None:
            self._log(trial, message["records"])

    def finish(self, best: FrozenTrial) -> None:
        """End the parent run, with the best trial's numbers and the study's figures."""
        self.agree()
        every = self.study.get_trials(deepcopy=False)
        runs.log_metrics(
            self.parent, {"valid/best_loss": best.value, **{f"trials/{k}": v for k, v in trials.summary(every).items()}}
        )
        runs.set_tags(
            self.parent, {"best.trial": best.number, **{f"best.{key}": value for key, value in best.params.items()}}
        )
        runs.client().log_text(self.parent, studies.page(self.study), "figures/study.html")
        runs.finish(self.parent)

    def _log(self, trial: FrozenTrial, records: Iterable[Mapping[str, Any]]) -> None:
        state = "diverged" if "diverged_at" in trial.user_attrs else trial.state.name.lower()
        tags: dict[str, Any] = {**self.tags, **runs.look(self.plan.architecture), PARENT: self.parent}
        tags |= {"trial": trial.number, "state": state, "origin": trial.user_attrs.get("origin", "sampled")}
        run_id = runs.start(
            self.experiment, f"trial {trial.number}", tags, trial.user_attrs.get("choice", trial.params)
        )
        for record in records:
            runs.log_record(run_id, record)
        if not records:  # a killed process had them: the study has the losses
            for epoch, loss in trial.intermediate_values.items():
                runs.log_metrics(run_id, {"valid/loss": loss}, epoch)
        if trial.value is not None:
            runs.log_metrics(run_id, {"valid/best_loss": trial.value}, trial.user_attrs.get("steps", 0))
        runs.finish(run_id, STATUS[trial.state.name])


def log_evidence(params: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """A run of the factorial's cells and tests, beside the task's sweeps."""
    experiment = f"{found['task']}-sweep"
    tags = {"stage": "evidence", "task": found["task"], "architecture": found["architecture"], "scale": params["scale"]}
    run_id = runs.start(
        experiment, f"{found['architecture']} evidence", tags, {"evidence": params.get("evidence") or {}}
    )
    values = {f"loss/{e['contender']}": e["over_seeds"].get("mean") for e in found["contenders"]}
    values |= {f"p/{t['optimizer']}/{t['factor']}": t["p_corrected"] for t in found["factors"]}
    runs.log_metrics(run_id, values)
    runs.client().log_dict(run_id, dict(found), "evidence.json")
    runs.finish(run_id)
