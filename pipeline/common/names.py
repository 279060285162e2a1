"""Names of tasks and architectures: the form that works everywhere a name is used, and the names already taken.

A task's name becomes that of folders, files, DVC stages, an MLflow experiment and model, and a section of the page. An
architecture's is that of its file, and becomes that of folders and files beside those of others.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from pipeline.common import Mistakes

FORMS = {
    "tasks": (r"[A-Za-z][A-Za-z0-9_-]{0,63}", "a letter, then at most 63 letters, digits, _ or -"),
    "architectures": (r"[A-Za-z][A-Za-z0-9_]{0,63}", "a letter, then at most 63 letters, digits or _"),
}
SCALES = ("smoke", "quick", "full")
TAKEN = {  # what already has each name
    "tasks": {
        "a scale": SCALES,
        "a section of the page": ("map", "reading", "lacks", "remedies", "claims", "diagnose"),
        "a file in reports/curves": ("gradients", "memory", "convergence", "benchmark"),
        "a folder in reports": ("curves", "decisions", "drift", "evidence", "predictions", "retrain", "scores"),
        "a folder in models": ("champions",),
        "a folder in .work": ("nothing", "packages", "reconcile", "settings", "stages"),
        "an experiment in MLflow": ("challenges", "default"),
    },
    "architectures": {
        "a scale": SCALES,
        "a folder in models/TASK": ("choices",),
        "a file in models/TASK/choices": ("finalists",),
        "a control of the memory stage": ("guessing",),
        "a candidate of evaluate": ("ensemble", "blend"),
    },
}
SWEEP = "-sweep"  # the ending of the MLflow experiment of a task's studies


def mistakes(section: str, names: Iterable[Any]) -> Iterator[str]:
    """The faults of names in a section of params.yaml, `tasks` or `architectures`: one message per kind of fault."""
    names = list(names)
    pattern, accepted = FORMS[section]
    written = [name for name in names if isinstance(name, str) and re.fullmatch(pattern, name)]
    if odd := [name for name in names if name not in written]:
        yield f"{section}: invalid names: {', '.join(map(_shown, odd))}; accepted: {accepted}"
    reasons = {name: reason for name in written if (reason := _taken(section, name))}
    if reasons:
        listed = ", ".join(f"{name!r} ({reason})" for name, reason in reasons.items())
        yield f"{section}: names already taken: {listed}; choose others"
    if alike := list(_alike(written)):
        listed = ", ".join(" and ".join(map(repr, same)) for same in alike)
        yield f"{section}: names that differ only in case, which some disks do not distinguish: {listed}; choose others"


def refuse_clashes(architectures: Iterable[str], baselines: Mapping[str, Iterable[str]]) -> None:
    """Raise Mistakes for architectures with the name of a task's baseline: both scores would have one name."""
    tasks = {name: [task for task, of_task in baselines.items() if name in of_task] for name in architectures}
    clashes = {name: ", ".join(task_names) for name, task_names in tasks.items() if task_names}
    if clashes:
        raise Mistakes(
            [f"architectures.{name}: {where} has a baseline of that name" for name, where in clashes.items()]
        )


def _taken(section: str, name: str) -> str | None:
    """What has this name already, ignoring case, as some disks do."""
    if section == "tasks" and name.lower().endswith(SWEEP):
        return f"{SWEEP} ends the names of sweeps in MLflow"
    return next((reason for reason, names in TAKEN[section].items() if name.lower() in names), None)


def _alike(names: Iterable[str]) -> Iterator[list[str]]:
    names = list(names)
    counts = Counter(name.lower() for name in names)
    return ([name for name in names if name.lower() == low] for low, count in counts.items() if count > 1)


def _shown(name: Any) -> str:
    """A name as given, with its type if that is not text."""
    if isinstance(name, bool):
        return f"{name} (which YAML reads for unquoted {'on, yes and true' if name else 'off, no and false'})"
    return repr(name) if isinstance(name, str) else f"{name!r} ({type(name).__name__})"


def one_of(what: str, otherwise: str = "") -> Callable[[str, Any], str]:
    """Checks a name against those in params.yaml, which pydantic passes as the validation context."""

    def look_up(name: str, read: Any) -> str:
        accepted = (read.context or {}).get(f"{what}s")
        if accepted is not None and name not in accepted:
            raise ValueError(f"no {what} named {name!r}; there are: {', '.join(accepted) or 'none'}{otherwise}")
        return name

    return look_up


TaskName = Annotated[str, AfterValidator(one_of("task", "; [] for none"))]  # in a list
ArchitectureName = Annotated[str, AfterValidator(one_of("architecture"))]
OptionalTaskName = Annotated[str, AfterValidator(one_of("task", "; null for none"))] | None
