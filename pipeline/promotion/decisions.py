"""Decisions on champions: each is a JSON record, written before an alias moves and stored in the registry, too.

A record is written, then logged to MLflow, then the alias moves, then the version gets the record's name as the tag
`decision.done`. If a kill interrupts this, the next command completes it (`complete`).
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.common import InputError, files, paths
from pipeline.promotion.records import Decision, DecisionDraft, Identity, read_decision
from pipeline.tracking import artifacts, models, registry, runs
from pipeline.tracking.registry import CHAMPION, Version

MOVES = ("promoted", "rolled_back")
CARRIED_OUT = "decision.done"
NAME = re.compile(r"[\w-]+\.json")


def next_date(task: str) -> str:
    """The time in UTC, later than a task's last decision even if the clock that dated it was ahead."""
    time = datetime.now(UTC)
    if earlier := all_records(task):
        time = max(time, datetime.fromisoformat(earlier[-1][1]["date"]) + timedelta(milliseconds=1))
    return time.isoformat(timespec="milliseconds")


def identity(version: Version | None) -> Identity | None:
    """A version as recorded: enough to find it in another registry, whose numbers differ."""
    if version is None:
        return None
    return {
        "version": version.number,
        "run_id": version.run_id,
        "model_id": version.model_id,
        "architecture": version.tags.get("architecture"),
        "seed": version.tags.get("seed"),
        "weights_digest": version.tags.get("weights.digest"),
    }


def all_records(task: str) -> list[tuple[Path, Decision]]:
    """A task's decisions and their files, oldest first."""
    entries = []
    for path in paths.decisions().glob("*.json"):
        try:
            record = read_decision(path)
            if record["task"] == task:
                if record["decision"] in MOVES and not moved_to(record)["weights_digest"]:
                    raise ValueError("the record names no weights")
                entries.append((record["date"], path, record))
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"{path} is not the record of a decision: run `git checkout {path}`, or move it away"
            ) from None
    return [(path, record) for _, path, record in sorted(entries, key=lambda entry: entry[:2])]


def moved_to(record: Decision) -> Identity:
    """The version that a move made champion. Raises TypeError for a record that names none."""
    if record["to"] is None:
        raise TypeError("the record names no champion")
    return record["to"]


def latest_move(task: str) -> tuple[Path, Decision] | None:
    """The last decision that gave the alias to another version."""
    moves = [(path, record) for path, record in all_records(task) if record["decision"] in MOVES]
    return moves[-1] if moves else None


def move_elsewhere(task: str) -> tuple[Path, Decision] | None:
    """The latest move if this registry does not have it: another machine made it, or the registry is new.

    Raises InputError if the registry has a later one than reports/decisions.
    """
    latest = latest_move(task)
    carried_out = last_carried_out(task)
    if carried_out > (latest[0].name if latest else ""):
        message = f"the registry has {carried_out}, which {paths.decisions()} lacks: run `git pull`"
        raise InputError(f"{message}, or, if git lacks it, `pipeline lineage restore --task {task}`")
    return None if latest is None or latest[0].name == carried_out else latest


def check_in_step(task: str) -> None:
    """Raises InputError if another machine has promoted a champion that this registry does not have."""
    if (moved := move_elsewhere(task)) is not None:
        raise InputError(f"{moved[0]} was made on another machine: run `pipeline lineage restore --task {task}` first")


def last_carried_out(task: str) -> str:
    """The name of the latest move that was made in this registry; "" without one. Names are in the order of time."""
    return max((version.tags.get(CARRIED_OUT, "") for version in registry.versions(task)), default="")


def withdrawn(task: str) -> dict[str, str]:
    """Digests of the weights that a roll-back withdrew, with its date, except those that have become champion again."""
    dates: dict[str, str] = {}
    for _, record in all_records(task):
        if record["decision"] in MOVES:
            dates.pop(moved_to(record)["weights_digest"] or "", None)
        if record["decision"] == "rolled_back" and record["previous"]:
            dates[record["previous"]["weights_digest"] or ""] = record["date"]
    return dates


def carry_out(draft: DecisionDraft, version: Version | None) -> tuple[Path, Decision]:
    """Date and write a record, log it to MLflow, and move the alias if it is a move; returns its file and the record.

    `version` is the one that becomes champion; otherwise the one whose run and tags store the record, if any.
    """
    plain: DecisionDraft = _plain(draft)
    record: Decision = {**plain, "date": next_date(draft["task"])}
    text = json.dumps(record, sort_keys=True)
    day = record["date"][:23].replace(":", "-").replace(".", "-")  # to the millisecond: names are in order of time
    path = paths.decisions() / f"{record['task']}-{day}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.json"
    files.write_json(path, record)
    if version is not None:
        _log(record, version, path)
        _move(record, version, path)
    return path, record


def complete(task: str) -> Version | None:
    """Carry out the latest move if a kill interrupted it, or if the alias, the version or the registered model has been
    deleted since; returns the version that it makes champion.
    """
    latest = latest_move(task)
    carried_out = last_carried_out(task)
    if (
        latest is None
        or carried_out > latest[0].name
        or (carried_out == latest[0].name and registry.champion(task) is not None)
    ):
        return None
    path, record = latest
    model_id = moved_to(record)["model_id"]  # unique to a store, as is the run's
    run_id = moved_to(record).get("run_id", "")
    version = next((v for v in registry.versions(task) if v.model_id == model_id), None)
    if version is None and models.exists(model_id):
        version = registry.register(task, run_id, model_id)
    if version is not None:
        _log(record, version, path)
        _move(record, version, path)
    return version


def bring(task: str) -> None:
    """Write the record of the registry's latest move, from the run that stores it, if reports/decisions lacks it.

    It is missing if the job that made it ended before its commit. Raises InputError if the run has no such record.
    """
    latest = latest_move(task)
    name = last_carried_out(task)
    if name <= (latest[0].name if latest else ""):
        return
    version = next(v for v in registry.versions(task) if v.tags.get(CARRIED_OUT) == name)
    try:
        if not NAME.fullmatch(name):
            raise OSError("not the name of a record")
        record = artifacts.load_json(version.run_id, f"decisions/{name}")
    except OSError:
        message = f"the registry has {name}, which neither {paths.decisions()} nor run {version.run_id} has"
        raise InputError(f"{message}: run `git pull`") from None
    files.write_json(paths.decisions() / name, record)
    print(f"{task}: {paths.decisions() / name} was missing: copied from MLflow")


def find(task: str, identity: Identity) -> Version | None:
    """The version that an identity describes: the one of its number if it has these weights, else the newest that has.

    A version whose files are missing does not count.
    """
    with_weights = [v for v in registry.versions(task) if v.tags.get("weights.digest") == identity["weights_digest"]]
    with_weights = [version for version in with_weights if models.exists(version.model_id)]
    return next(
        (v for v in with_weights if v.number == identity["version"]), with_weights[-1] if with_weights else None
    )


def _move(record: Decision, version: Version, path: Path) -> None:
    if record["decision"] in MOVES:
        registry.move(version.task, CHAMPION, version.number)
        registry.set_tags(version, {CARRIED_OUT: path.name})


def _log(record: Decision, version: Version, path: Path) -> None:
    """Store the record with the version's run, and a summary in the version's tags."""
    if runs.exists(version.run_id):
        artifacts.log_file(version.run_id, path, "decisions")
    summary = {"decision": record["decision"], "decision.date": record["date"], "decision.record": path.name}
    registry.set_tags(version, {**summary, "decision.reasons": "; ".join(record["reasons"])[:4000]})


def _plain(value: Any) -> Any:
    """JSON has no NaN or infinity: null replaces them."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
