"""The result of a retraining as Markdown with small pictures: new data, drift, decisions, scores before and after."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.common import files, paths
from pipeline.evaluation.records import mean_of, read_metrics
from pipeline.jobs.job import Stopped
from pipeline.jobs.records import MeanScore, State, TaskScores
from pipeline.monitoring.records import read_drift
from pipeline.promotion.records import Decision, Difference, GateRecord, Identity
from pipeline.reporting import colours

DPI = 110


def scores(task: str) -> TaskScores:
    """The main metric of every candidate on the test split, from evaluate."""
    metrics = read_metrics(task)
    name = metrics["main_metric"]
    values: dict[str, MeanScore] = {}
    for entry in (entry for entry in metrics["results"] if entry["metrics"]):
        score = entry["metrics"][name]
        values[entry["name"]] = {"mean": mean_of(entry, name), "low": score["low"], "high": score["high"]}
    return {"metric": name, "higher_is_better": metrics["higher_is_better"], "values": values}


def summary(
    before: State | None,
    state: State,
    decisions: Sequence[Decision],
    seconds: Mapping[str, float],
    folder: Path,
) -> str:
    """The complete summary; its pictures are written to `folder`."""
    stopped = state["stopped"]
    parts = [f"# Retraining of {state['started'][:10]}", *of_stopped(stopped), of_sources(before, state)]
    for task in (task for task in state["sources"] if task not in stopped):
        task_decisions = [record for record in decisions if record["task"] == task]
        parts += [f"## {task}", of_drift(task), *(of_decision(record) for record in task_decisions)]
        parts += [picture_of_decision(record, folder / f"{task}-gate.png") for record in task_decisions[-1:]]
        parts.append(of_scores(before["scores"].get(task) if before else None, state["scores"][task]))
    durations = ", ".join(f"{name} {duration:.0f}" for name, duration in seconds.items())
    parts.append(f"Seconds of each step: {durations}.")
    return "\n\n".join(part for part in parts if part) + "\n"


def of_stopped(stopped: Mapping[str, Stopped]) -> list[str]:
    """A paragraph for each stopped task: its step, and the reason."""
    return [f"**{task} stopped** at `{at['step']}`: {at['reason']}." for task, at in stopped.items()]


def of_sources(before: State | None, state: State) -> str:
    """Each source's size, whether it has changed, and what changed in its earlier rows."""
    old = before["sources"] if before else {}
    rows = []
    sentences = []
    for task, source in state["sources"].items():
        was = old.get(task)
        digest = source["digest"] or ""
        changed = "unchanged"
        if was is None:
            changed = "first seen"
        elif was["digest"] != source["digest"]:
            changed = "changed"
        rows.append([task, source["source"], changed, f"{source['bytes']:,}", f"`{digest[:12]}`"])
        if changed == "changed" and (sentence := of_revision(task, digest)):
            sentences.append(f"{task}: {sentence}.")
    return "\n\n".join([table(["task", "source", "", "bytes", "SHA-256"], rows), *sentences])


def of_revision(task: str, digest: str) -> str:
    """What fetch reported on earlier rows for the source with this digest; empty if it compared nothing."""
    path = paths.revisions(task)
    record = files.read_json(path) if path.exists() else {}
    return str(record["sentence"]) if record.get("digest") == digest else ""


def of_drift(task: str) -> str:
    path = paths.drift(task)
    if not path.exists():
        return "Drift: not measured (its command failed)."
    drift = read_drift(path)
    return f"Drift: {'retraining is due' if drift['due'] else 'no retraining is due'}: {'; '.join(drift['reasons'])}."


def of_decision(record: Decision) -> str:
    """The decision, its reasons, and each gate's result."""
    names = [_name(record["previous"]), _name(record["to"])]
    moved = f"champion: {names[0]} -> {names[1]}" if record["to"] else f"champion stays {names[0]}"
    lines = [f"**{record['decision'].replace('_', ' ').capitalize()}** ({moved}): {'; '.join(record['reasons'])}."]
    gates = [[gate["name"], _outcome(gate), gate["detail"]] for gate in record.get("gates", [])]
    return "\n\n".join([*lines, *([table(["gate", "", "result"], gates)] if gates else [])])


def _outcome(gate: GateRecord) -> str:
    """A gate that does not decide is only reported."""
    if not gate.get("decides", True):
        return "reported"
    return "passed" if gate["passed"] else "failed"


def of_scores(before: TaskScores | None, current: TaskScores) -> str:
    """The test scores, best first, with the difference to the last retraining's."""
    better = -1 if current["higher_is_better"] else 1
    old = before["values"] if before else {}
    rows = []
    for name, value in sorted(current["values"].items(), key=lambda item: better * item[1]["mean"]):
        was = old.get(name)
        change = "" if was is None else f"{value['mean'] - was['mean']:+.4f}"
        rows.append([name, "" if was is None else f"{was['mean']:.4f}", _with_interval(value), change])
    return table([f"test {current['metric']}", "before", "now", "difference"], rows)


def _with_interval(value: MeanScore) -> str:
    ends = "(no interval)" if value["low"] is None else f"[{value['low']:.4f}, {value['high']:.4f}]"
    return f"{value['mean']:.4f} {ends}"


def picture_of_decision(record: Decision, path: Path) -> str:
    """How much better the challenger is than the champion, overall and in each slice, with intervals."""
    numbers_by_gate = {gate["name"]: gate["numbers"] for gate in record.get("gates", [])}
    rule = record.get("settings", {}).get("rule")
    if rule not in numbers_by_gate:
        return ""  # nothing was compared: the first champion, or a gate refused at once
    slices = numbers_by_gate.get("slices", {})
    differences = {"all rows": numbers_by_gate[rule], **slices.get("slices", {})}
    draw(differences, numbers_by_gate[rule]["margin"], slices.get("tolerance"), path)
    return f"![Challenger against champion on the gate split]({path.name})"


def draw(differences: Mapping[str, Difference], margin: float, tolerance: float | None, path: Path) -> None:
    """An interval per row; dashed lines where a rule or a slice would refuse.

    By matplotlib, not plotly: Markdown takes pictures alone, and plotly makes those only with a browser.
    """
    from matplotlib.figure import Figure  # slow to import, and most runs draw nothing

    figure = Figure(figsize=(6.4, 1.2 + 0.26 * len(differences)), layout="constrained")
    axes = figure.subplots()
    axes.grid(color=colours.GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    for row, value in enumerate(differences.values()):
        low = value["low"]
        high = value["high"]
        if low is None or high is None:
            continue  # no interval: it decided nothing
        axes.plot([low, high], [row, row], color=colours.INK, linewidth=1.5)
        axes.plot(value["value"], row, "o", color=colours.of("gru"), markersize=5)
    axes.axvline(0, color=colours.MUTED, linewidth=1)
    for line in {margin, margin if tolerance is None else tolerance}:
        axes.axvline(-line, color=colours.of("rnn"), linewidth=1, linestyle="dashed")
    axes.set_yticks(range(len(differences)), list(differences))
    axes.invert_yaxis()
    axes.set_xlabel("challenger better by (dashed: rule's margin, slices' tolerance)")
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _name(identity: Identity | None) -> str:
    if identity is None:
        return "none"
    return f"version {identity['version']} ({identity['architecture']} seed {identity['seed']})"
