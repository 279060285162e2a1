"""Decide whether the best new candidate becomes champion: on the gate split, which nothing else reads.

    pipeline promote --task imdb
    pipeline promote --task imdb --rollback

reads   data/prepared/TASK, models/TASK, reports/TASK/metrics.json, the registry; params: seed, tasks.TASK,
        architectures, promote
writes  reports/decisions/TASK-DATE-DIGEST.json, the registry's versions, aliases and tags

The candidate that is best on validation (a network, a baseline, the ensemble or the blend) becomes `challenger`. It and
the champion predict the gate split, each in its own process with its own code; `champion` moves only if the challenger
passes every gate (pipeline/promotion/gate.py).
`--rollback` gives `champion` back to the version before the latest decision; a second --rollback undoes the first.
`--afresh` judges as if there were no champion, for when the champion cannot be compared. Without --task, all real tasks
are decided.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pipeline.common import InputError, command, files, paths
from pipeline.common.params import Params, load, section
from pipeline.common.registry import known
from pipeline.promotion.gate import Outcome, gate_record, verdict
from pipeline.promotion.records import Decision, DecisionDraft, Identity
from pipeline.promotion.settings import Promote
from pipeline.tasks import Prepared, open_prepared, real
from pipeline.tracking import store


def main(
    task: command.RealTaskOrAll = "",
    rollback: Annotated[
        bool, typer.Option(help="Give `champion` back to the version before the latest decision.")
    ] = False,
    afresh: Annotated[
        bool,
        typer.Option(help="Judge as if there were no champion, for when the champion cannot be compared."),
    ] = False,
) -> None:
    params = load()
    if rollback and afresh:
        raise InputError("--rollback and --afresh exclude each other: give one of them")
    tasks = real(params)
    if task:
        known("real task", task, tasks)
    elif rollback or afresh:
        raise InputError(f"--{'rollback' if rollback else 'afresh'} needs --task {' or '.join(tasks)}")
    store.check()
    with files.locked(paths.WORK / "promote.lock"):
        for name in [task] if task else tasks:
            roll_back(name) if rollback else promote(name, params, afresh)


def promote(task: str, params: Params, afresh: bool = False) -> None:
    """Register the best candidate as challenger, judge it, and write and carry out the decision."""
    from pipeline.promotion import decisions
    from pipeline.promotion.challenger import find_challenger
    from pipeline.provenance import snapshots  # mlflow takes seconds to import
    from pipeline.tracking import models, registry

    prepared = open_prepared(task, params)
    best = find_challenger(task, params["architectures"], prepared)
    if (completed := decisions.complete(task)) is not None:
        print(f"{task}: version {completed.number} is now champion: the registry lagged behind {paths.decisions()}")
    champion = registry.champion(task)
    move = decisions.move_elsewhere(task)
    has_files = champion is not None and models.exists(champion.model_id)
    if not afresh:
        check_not_behind(task, champion)
        if champion is not None and not has_files:
            raise InputError(
                f"{champion.uri}: its files are missing: run `pipeline lineage restore --task {task}` first"
            )
    previous = move[1]["to"] if move else decisions.identity(champion)
    if best is None:
        reason = "every network diverged, so there is none to promote"
        _print_summary(*decisions.carry_out(_without_gate(task, "refused", reason, previous, None), None))
        return
    if champion is not None and has_files and not move and best.identical(champion):
        unchanged = _without_gate(task, "unchanged", f"{best} is the champion", previous, decisions.identity(champion))
        _print_summary(*decisions.carry_out(unchanged, champion))
        return
    challenger = best.registered()
    if not best.identical(challenger):
        raise InputError(f"{challenger.uri} is not {best.weights}: run `pipeline lineage verify --task {task}`")
    registry.move(task, registry.CHALLENGER, challenger.number)
    record = judge_challenger(task, prepared, params, challenger, None if afresh else champion, previous)
    record["afresh"] = afresh
    if identity := record["challenger"]:
        identity["valid_loss"] = best.valid_loss
    check_unmoved(task, champion)
    if record["to"]:
        snapshots.note(challenger)
    _print_summary(*decisions.carry_out(record, challenger))


def _without_gate(
    task: str,
    decision: Literal["refused", "unchanged"],
    reason: str,
    previous: Identity | None,
    challenger: Identity | None,
) -> DecisionDraft:
    """The record of a decision for which no gate was needed."""
    return {
        "task": task,
        "decision": decision,
        "reasons": [reason],
        "previous": previous,
        "to": None,
        "challenger": challenger,
    }


def judge_challenger(
    task: str, prepared: Prepared, params: Params, challenger: Any, champion: Any, previous: Identity | None
) -> DecisionDraft:
    """The decision on a challenger with all its grounds, as a record."""
    from pipeline.promotion import decisions, judge

    settings = section(Promote, dict(params))
    judgement = judge.judge(task, prepared, settings, params["seed"], challenger, champion)
    identity = decisions.identity(challenger)
    assert identity is not None
    outcomes = [not_withdrawn(decisions.withdrawn(task), identity["weights_digest"] or ""), *judgement.outcomes]
    passed, reasons = verdict(outcomes)
    return {
        "task": task,
        "previous": previous,
        "decision": "promoted" if passed else "refused",
        "reasons": reasons,
        "challenger": identity,
        "to": identity.copy() if passed else None,
        "gates": [gate_record(outcome) for outcome in outcomes],
        "scores": judgement.scores,
        "gate": judgement.gate,
        "main_metric": prepared.task.main_metric,
        "settings": settings.model_dump(),
        "seed": params["seed"],
    }


def check_not_behind(task: str, champion: Any) -> None:
    """Raises InputError if another machine has promoted a champion that this registry does not have."""
    from pipeline.promotion import decisions
    from pipeline.provenance import chain

    if champion is None:
        chain.check_never_had(task)
    decisions.check_in_step(task)


def check_unmoved(task: str, champion: Any) -> None:
    """Raises InputError if another machine with the same registry has promoted a champion since ours was judged."""
    from pipeline.tracking import registry

    current = registry.champion(task)
    if current is not None and (champion is None or current.number != champion.number):
        raise InputError(f"{current.uri} became champion while {task} was judged: nothing was changed; promote again")


def roll_back(task: str) -> None:
    """Give `champion` back to the version before the latest decision."""
    from pipeline.promotion import decisions
    from pipeline.provenance import restoration
    from pipeline.tracking import registry

    completed = decisions.complete(task)
    latest = decisions.latest_move(task)
    check_not_behind(task, registry.champion(task))
    if latest is None or latest[1]["previous"] is None:
        raise InputError(f"{task}: no decision in {paths.decisions()} names an earlier champion")
    if completed is not None and latest[1]["decision"] == "rolled_back":
        _print_summary(*latest)  # requested before a kill
        return
    previous = latest[1]["previous"]
    weights = previous["weights_digest"] or ""
    if (version := decisions.find(task, previous) or restoration.returned(task, weights)) is None:
        message = f"{task}: version {previous['version']} (weights {weights}) is not in the registry"
        raise InputError(f"{message}, nor in {paths.champion(task)}: see docs/operations.md, Roll back")
    record: DecisionDraft = {
        "task": task,
        "decision": "rolled_back",
        "reasons": [f"--rollback undoes {latest[0].name}"],
        "previous": decisions.identity(registry.champion(task)),
        "to": decisions.identity(version),
    }
    _print_summary(*decisions.carry_out(record, version))


def not_withdrawn(withdrawn: Mapping[str, str], digest: str) -> Outcome:
    """Weights that were rolled back are not promoted again, until that roll-back is undone."""
    date = withdrawn.get(digest)
    detail = f"these weights were rolled back on {date[:10]}" if date else "never rolled back"
    return Outcome("not_withdrawn", date is None, detail)


def _print_summary(path: Path, record: Decision) -> None:
    """The decision in a few lines."""
    previous = f"version {record['previous']['version']}" if record["previous"] else None
    current = f"version {record['to']['version']}" if record["to"] else None
    messages = {
        "unchanged": f"champion stays {previous}",
        "refused": f"champion stays {previous or 'vacant'}",
        "promoted": f"champion is {current}, was {previous or 'vacant'}",
        "rolled_back": f"champion is {current} again, was {previous or 'vacant'}",
    }
    print(f"{record['task']}: {record['decision'].replace('_', ' ')}: {messages[record['decision']]} ({path})")
    for reason in record["reasons"]:
        print(f"  {reason}")


if __name__ == "__main__":
    command.run(main)
