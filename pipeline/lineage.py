"""Verify, repair, save and prune what links a champion to its data.

    pipeline lineage verify      champion -> model -> run -> DVC stage -> inputs -> source, and back: recomputes every
                                 digest; prints the chain, or the first broken link
    pipeline lineage reconcile   logs to MLflow the networks in models/ that it lacks, because DVC took them from its
                                 cache or the database is new
    pipeline lineage snapshot    writes the champion's package and its registry entry to models/champions/TASK, for
                                 `dvc add`
    pipeline lineage restore     registers that champion again if the registry lacks it or another machine chose it
    pipeline lineage retain      removes runs and files older than retrain.keep_days and beyond retrain.keep_runs,
                                 never those of champions; with --dry-run only lists them

    pipeline lineage verify retain --task imdb

Several actions run one after another. Without --task they cover every task.
"""

from collections.abc import Callable
from typing import Annotated

import typer
from tqdm import tqdm

from pipeline.common import InputError, command, files, paths
from pipeline.common.params import Params, load, section
from pipeline.common.registry import known
from pipeline.jobs.settings import Retrain
from pipeline.tasks import real
from pipeline.tracking import store

ACTIONS = ("verify", "reconcile", "snapshot", "restore", "retain")


def main(
    action: Annotated[
        list[str],
        typer.Argument(help="verify, reconcile, snapshot, restore, retain; several run one after another."),
    ],
    task: Annotated[
        str, typer.Option(help="A name under `tasks` in params.yaml.", show_default="all tasks of the action")
    ] = "",
    dry_run: Annotated[bool, typer.Option(help="Only list what would be removed.")] = False,
) -> None:
    params = load()
    for name in action:
        known("action", name, ACTIONS)
    if task:
        known("task", task, params["tasks"])
    if task and {*action} & {"snapshot", "restore"}:
        known("real task", task, real(params))
    if dry_run and action != ["retain"]:
        raise InputError("--dry-run goes with retain only")
    store.check()
    names = [task] if task else list(params["tasks"])
    work: dict[str, Callable[[], None]] = {
        "verify": lambda: verify(params, names),
        "reconcile": lambda: reconcile(params, names),
        "snapshot": lambda: snapshot(champions(params, names)),
        "restore": lambda: restore(champions(params, names)),
        "retain": lambda: retain(params, names, dry_run),
    }
    for name in action:
        with files.locked(paths.WORK / "lineage.lock"):
            work[name]()


def champions(params: Params, names: list[str]) -> list[str]:
    """Those of the tasks that can have champions: the real ones."""
    return [name for name in real(params) if name in names]


def verify(params: Params, names: list[str]) -> None:
    """Print the chain of each champion; raises InputError at the first broken link."""
    from pipeline.provenance import chain  # mlflow takes seconds to import: mistakes are reported first

    for name in champions(params, names):
        print(f"{name}:")
        with tqdm(unit="link", desc=name, disable=None, leave=False) as bar:
            for link in chain.follow(name, params):
                bar.update()
                bar.write(f"  {link}")
    for name in tqdm(names, unit="task", desc="runs", disable=None, leave=False):
        count = chain.check_runs(name, params)
        print(f"{name}: trained networks with their runs: {count}")


def reconcile(params: Params, names: list[str]) -> None:
    """Log the networks that the store lacks."""
    from pipeline.provenance import reconciliation

    for name in names:
        reconciled = reconciliation.reconcile(name, params)
        networks = (
            ", ".join(f"{architecture} seed {seed}" for architecture, seed in reconciled) or "nothing was missing"
        )
        print(f"{name}: logged again: {networks}" if reconciled else f"{name}: {networks}")


def snapshot(names: list[str]) -> None:
    """Write each champion's folder; a task without a champion is reported and skipped."""
    from pipeline.provenance import snapshots

    for name in names:
        print(f"{name}: {snapshots.write(name)}")


def restore(names: list[str]) -> None:
    """Register each champion's folder."""
    from pipeline.provenance import restoration

    with files.locked(paths.WORK / "promote.lock"):
        for name in names:
            print(f"{name}: {restoration.restore(name)}")


def retain(params: Params, names: list[str], dry_run: bool) -> None:
    """Remove old runs and files that nothing needs; print how much."""
    from pipeline.provenance import retention

    for line in retention.retain(names, params, section(Retrain, params), dry_run):
        print(line)


if __name__ == "__main__":
    command.run(main)
