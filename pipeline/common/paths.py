"""Every place the pipeline reads or writes, relative to the project's root."""

from pathlib import Path

PARAMS = Path("params.yaml")
WORK = Path(".work")  # outside DVC: checkpoints of unfinished training, studies
STUDIES = WORK / "studies.journal"
MACHINE = WORK / "machine.json"  # of this machine: never in git
DATABASE = Path("mlflow.db")
ARTIFACTS = Path("mlartifacts")
PAGE = Path("reports/index.html")
BY_SERIES = Path("by_series/scores.parquet")  # of a panel, within its predictions


def raw(task: str) -> Path:
    return Path("data/raw") / task


def prepared(task: str) -> Path:
    return Path("data/prepared") / task


def code(task: str) -> Path:
    """Digests of the code that defines the task's kind: later stages depend on these, not on every kind's code."""
    return Path("data/code") / f"{task}.json"


def trained(task: str, architecture: str) -> Path:
    return Path("models") / task / architecture


def choices(task: str) -> Path:
    return Path("models") / task / "choices"


def choice(task: str, architecture: str) -> Path:
    return choices(task) / f"{architecture}.json"


def finalists(task: str) -> Path:
    return choices(task) / "finalists.json"


def metrics(task: str) -> Path:
    return Path("reports") / task / "metrics.json"


def headline(task: str) -> Path:
    """The few scores that DVC compares between experiments."""
    return Path("reports") / task / "headline.json"


def scores(task: str) -> Path:
    return Path("reports/scores") / f"{task}.csv"  # one folder for all tasks: the report depends on it


def curves(task: str) -> Path:
    return Path("reports/curves") / f"{task}.csv"


def evidence(scale: str, task: str) -> Path:
    return Path("reports/evidence") / scale / f"{task}.json"


def findings(stage: str) -> Path:
    """The results of a challenge's stage."""
    return Path("reports") / f"{stage}.json"


def full_findings(stage: str) -> Path:
    """The same at scale full, measured once and kept in git."""
    return Path("reports/full") / f"{stage}.json"


def decisions() -> Path:
    """Decisions on challengers and champions, with reasons: a file each."""
    return Path("reports/decisions")


def drift(task: str) -> Path:
    """How new data differ from the champion's training data."""
    return Path("reports/drift") / f"{task}.json"


def revisions(task: str) -> Path:
    """How the source fetched last changed earlier rows."""
    return Path("reports/revisions") / f"{task}.json"


def champion(task: str) -> Path:
    """The champion's package and registry entry, to be registered on another machine."""
    return Path("models/champions") / task


def predictions(task: str) -> Path:
    return Path("reports/predictions") / task
