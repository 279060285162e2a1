"""Decide whether the best new network becomes champion: on the gate split, which nothing else reads.

reads   data/prepared/TASK, models/TASK, the registry; params: seed, tasks.TASK, architectures, promote
writes  reports/decisions/TASK-DATE-DIGEST.json, the registry's versions, aliases and tags

The network that is best on validation becomes `challenger`. It and the champion answer the gate split, each in a
process of its own with its own code; `champion` moves only if every gate passes (pipeline/measures/gate.py).
`--rollback` gives `champion` back to the version before the latest decision; a second one takes the first back. Left
out, the task is every real one.
"""

import filecmp
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.config import InputError, command, files, paths
from pipeline.config.params import load, section
from pipeline.config.promote import Promote
from pipeline.config.registry import known
from pipeline.measures.gate import Outcome, verdict
from pipeline.tasks import Prepared, open_prepared, real
from pipeline.tracking import store

CONTROL = "identity"  # without memory: it is trained to be beaten


class Best(NamedTuple):
    """The network that is best on validation."""

    architecture: str
    seed: int
    valid_loss: float
    description: dict[str, Any]
    run_id: str
    model_id: str

    @property
    def weights(self) -> Path:
        return paths.trained(self.description["task"], self.architecture) / f"{self.seed}.safetensors"


def main(task: str = "", rollback: bool = False) -> None:
    params = load()
    tasks = real(params)
    if task:
        known("real task", task, tasks)
    elif rollback:
        raise InputError(f"--rollback takes one task: --task {' or '.join(tasks)}")
    store.check()
    with files.locked(paths.WORK / "promote.lock"):
        for name in [task] if task else tasks:
            roll_back(name) if rollback else promote(name, params)


def promote(task: str, params: Mapping[str, Any]) -> None:
    """Register the best network as challenger, judge it, and write and carry out the decision."""
    from pipeline.tracking import decisions, registry  # mlflow takes seconds to import

    prepared = open_prepared(task, params)
    best = best_on_validation(task, params["architectures"], prepared)
    if (done := decisions.complete(task)) is not None:
        print(f"{task}: version {done.number} became champion, as decided before a kill")
    champion = registry.champion(task)
    begun: dict[str, Any] = {
        "task": task,
        "date": decisions.now(),
        "previous": decisions.identity(champion),
        "to": None,
    }
    if champion is not None and identical(best, champion):
        reason = f"the network that is best on validation ({best.architecture} seed {best.seed}) is the champion"
        own = {"decision": "unchanged", "reasons": [reason], "challenger": decisions.identity(champion)}
        _tell(begun | own, decisions.settle(begun | own, champion))
        return
    challenger = registry.register(task, best.run_id, best.model_id)
    if not identical(best, challenger):
        raise InputError(f"{challenger.uri} is not {best.weights}: run `pipeline lineage verify --task {task}`")
    registry.move(task, registry.CHALLENGER, challenger.number)
    record = begun | judged(task, prepared, params, challenger, champion)
    record["challenger"] |= {"valid_loss": best.valid_loss}
    _tell(record, decisions.settle(record, challenger))


def judged(task: str, prepared: Prepared, params: Mapping[str, Any], challenger: Any, champion: Any) -> dict[str, Any]:
    """The decision over a challenger, with all that it rests on, as its record keeps it."""
    from pipeline.tracking import decisions, judging

    settings = section(Promote, dict(params))
    found = judging.judge(task, prepared, settings, params["seed"], challenger, champion)
    own = decisions.identity(challenger) or {}
    outcomes = [not_withdrawn(decisions.withdrawn(task), own["weights_digest"]), *found.outcomes]
    passed, reasons = verdict(outcomes)
    return {
        "decision": "promoted" if passed else "refused",
        "reasons": reasons,
        "challenger": own,
        "to": dict(own) if passed else None,
        "gates": [outcome._asdict() for outcome in outcomes],
        "scores": found.scores,
        "gate": found.gate,
        "main_metric": prepared.task.main_metric,
        "settings": settings.model_dump(),
        "seed": params["seed"],
    }


def roll_back(task: str) -> None:
    """Give `champion` back to the version before the latest decision."""
    from pipeline.tracking import decisions, registry

    decisions.complete(task)
    latest = decisions.latest_move(task)
    if latest is None or latest[1]["previous"] is None:
        raise InputError(f"{task}: no decision in {paths.decisions()} names a champion before the present one")
    before = latest[1]["previous"]
    if (version := decisions.find(task, before)) is None:
        weights = before["weights_digest"]
        raise InputError(f"{task}: version {before['version']} (weights {weights}) is not in the registry any more")
    record = {
        "task": task,
        "date": decisions.now(),
        "decision": "rolled_back",
        "reasons": [f"asked for with --rollback: takes back {latest[0].name}"],
        "previous": decisions.identity(registry.champion(task)),
        "to": decisions.identity(version),
    }
    _tell(record, decisions.settle(record, version))


def best_on_validation(task: str, architectures: Mapping[str, Any], prepared: Prepared) -> Best:
    """Of all architectures but the control; the first of equals. Raises InputError for what is untrained or stale."""
    from pipeline.tracking import lineage

    found: list[Best] = []
    for name in (name for name in architectures if name != CONTROL):
        folder, stage = paths.trained(task, name), f"run `dvc repro train@{task}-{name}` first"
        if not (folder / "run.json").exists():
            raise InputError(f"no trained network in {folder}: {stage}")
        description = files.read_json(folder / "model.json")
        if files.read_json(folder / "run.json")["inputs_digest"] != lineage.inputs_digest(prepared.audit):
            raise InputError(f"{folder} was trained on other data than {prepared.folder}: {stage}")
        if (seed := description["serves"]) is not None:
            ids, loss = lineage.runs_of(task, name)[seed], description["seeds"][str(seed)]["valid_loss"]
            found.append(Best(name, seed, loss, {**description, "seed": seed}, ids["run_id"], ids["model_id"]))
    if not found:
        raise InputError(f"{task}: every network diverged: there is none to promote")
    return min(found, key=lambda best: best.valid_loss)


def identical(best: Best, version: Any) -> bool:
    """Whether a version's package holds these weights under this description."""
    from pipeline.tracking import registry

    same = filecmp.cmp(best.weights, registry.artifact(version, "weights.safetensors"), shallow=False)
    return same and files.read_json(registry.artifact(version, "model.json")) == best.description


def not_withdrawn(withdrawn: Mapping[str, str], digest: str) -> Outcome:
    """What was rolled back stays so until somebody takes the roll-back back, or other weights come."""
    date = withdrawn.get(digest)
    detail = f"these weights were rolled back on {date[:10]}" if date else "never rolled back"
    return Outcome("not_withdrawn", date is None, detail)


def _tell(record: Mapping[str, Any], path: Path) -> None:
    """The decision in a few lines."""
    before = record["previous"] and f"version {record['previous']['version']}"
    now = record["to"] and f"version {record['to']['version']}"
    told = {
        "unchanged": f"champion stays {before}",
        "refused": f"champion stays {before or 'vacant'}",
        "promoted": f"champion is {now}, was {before or 'vacant'}",
        "rolled_back": f"champion is {now} again, was {before or 'vacant'}",
    }
    print(f"{record['task']}: {record['decision'].replace('_', ' ')}: {told[record['decision']]} ({path})")
    for reason in record["reasons"]:
        print(f"  {reason}")


if __name__ == "__main__":
    command.run(main)
