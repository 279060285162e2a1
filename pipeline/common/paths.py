"""Every place the pipeline reads or writes, relative to the project's root."""

from pathlib import Path

PARAMS = Path("params.yaml")
WORK = Path(".work")  # outside DVC: checkpoints of unfinished training, studies
STUDIES = WORK / "studies.journal"
MACHINE = WORK / "machine.json"  # of this machine: git never has it
DATABASE = Path("mlflow.db")
ARTIFACTS = Path("mlartifacts")
PAGE = Path("reports/index.html")


def raw(task: str) -> Path:
    return Path("data/raw") / task


def prepared(task: str) -> Path:
    return Path("data/prepared") / task


def code(task: str) -> Path:
    """Digests of the code that decides the task's kind: later stages read these in place of every kind's code."""
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
    return Path("reports/scores") / f"{task}.csv"  # one folder for all tasks, which the report depends on


def curves(task: str) -> Path:
    return Path("reports/curves") / f"{task}.csv"


def evidence(scale: str, task: str) -> Path:
    return Path("reports/evidence") / scale / f"{task}.json"


def findings(stage: str) -> Path:
    """What a stage on the challenges found."""
    return Path("reports") / f"{stage}.json"


def full_findings(stage: str) -> Path:
    """The same at scale full, measured once and kept by git."""
    return Path("reports/full") / f"{stage}.json"


def decisions() -> Path:
    """What was decided of challengers and champions, and why: a file each."""
    return Path("reports/decisions")


def drift(task: str) -> Path:
    """How new data differ from what the champion was trained on."""
    return Path("reports/drift") / f"{task}.json"


def revisions(task: str) -> Path:
    """What the source fetched last says otherwise than the one before it of earlier rows."""
    return Path("reports/revisions") / f"{task}.json"


def champion(task: str) -> Path:
    """The champion's package and what the registry says of it, to be registered anew on another machine."""
    return Path("models/champions") / task


def predictions(task: str) -> Path:
    return Path("reports/predictions") / task
