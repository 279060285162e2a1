"""The page's section on convergence: is training slow and unsteady, and are error surfaces complex?"""

from collections.abc import Iterator

from markupsafe import Markup

from pipeline.challenges.convergence import figures as pictures, tables as report_tables
from pipeline.challenges.shared.convergence_records import ConvergenceReport, SurfaceRecord
from pipeline.reporting import words
from pipeline.reporting.figures import Chart

NAME = "convergence"
PLACE = 50
TITLE = "Slow training, complex surfaces, unsteady convergence?"
ABOUT = (
    "The slides say that recurrent nets train slowly, unsteadily and on complex error surfaces, and show a program "
    "that is still at chance after 27.64 seconds. Here every architecture learns the same task, whether the sum of a "
    "sequence of random numbers is positive, from sequences that it never sees twice, until it is right often enough "
    "on others. The error surface is the loss as a function of all weights: it is sampled along lines through trained "
    "weights, and its largest curvature determines how short a step must be. Finally, networks that predict a sine one "
    "step ahead are fed their own predictions."
)


def lead(report: ConvergenceReport) -> Iterator[str]:
    if report["sum_sign"]:
        yield _slow(report)
        yield _control(report)
        yield _unsteady(report)
    else:
        yield "Not measured: training until solved, and the surface: convergence.task in params.yaml is null."
    if converged := [network for network in report["surface"] if network["status"] == "ok"]:
        yield _complex(converged)
    if report["free_running"]:
        yield _fed_back(report)
    else:
        yield "Not measured: free-running predictions: convergence.series in params.yaml is null."


def charts(report: ConvergenceReport) -> Iterator[Chart]:
    if report["sum_sign"]:
        yield from (pictures.solved(report, "seconds"), pictures.solved(report, "sequences"), pictures.accuracy(report))
    if any(network["status"] == "ok" for network in report["surface"]):
        yield from (pictures.surface(report, "random"), pictures.surface(report, "gradient"))
    if report["free_running"]:
        yield pictures.free_running(report)


def tables(report: ConvergenceReport) -> Iterator[Markup]:
    if report["sum_sign"]:
        yield report_tables.solved(report)
        yield report_tables.surface(report)
    if report["free_running"]:
        yield report_tables.free_running(report)


def _slow(report: ConvergenceReport) -> str:
    rows = report["sum_sign"]
    limit = report["criterion"]
    solved = sorted(
        (r for r in rows if r["seconds"]["median"] is not None), key=lambda r: r["seconds"]["median"] or 0.0
    )
    unsolved = [row for row in rows if row["seconds"]["median"] is None]
    text = "Slow? "
    if solved:
        times = words.listed(f"{row['architecture']} {words.number(row['seconds']['median'], 3)} s" for row in solved)
        seeds = len(report["seeds"])
        text += f"{report_tables.level(report)} are reached in (median of {seeds} seeds, one thread): {times}. "
    if unsolved:
        best = words.listed(
            f"{row['architecture']} {report_tables.percent(row['best_accuracy']['median'])}" for row in unsolved
        )
        text += (
            f"Not reached by most seeds within {limit['max_sequences']:,} sequences, with their best accuracy: {best}."
        )
    return text.strip()


def _control(report: ConvergenceReport) -> str:
    deck = report["control"]
    steps = report["criterion"]["steps"]
    return (
        f"The slide's program, corrected, takes {words.number(deck['seconds']['median'], 2)} s (the slide prints "
        f"{deck['printed']['seconds']} s and a loss of {deck['printed']['loss']}) and is right on "
        f"{report_tables.percent(deck['fresh_accuracy']['median'])} of fresh sequences, with a loss of "
        f"{words.number(deck['fresh_loss']['median'])}. It is not slow: it cannot learn. With weights of about a "
        f"hundredth, of which only the readout is trained, its state holds little more than the last of {steps} "
        f"numbers, which alone gives an accuracy of at most {report_tables.percent(deck['ceiling_accuracy'])}."
    )


def _unsteady(report: ConvergenceReport) -> str:
    rows = [row for row in report["sum_sign"] if row["setback"]["greatest"] is not None]
    falls = words.listed(f"{row['architecture']} {report_tables.points(row['setback']['greatest'])}" for row in rows)
    averaged = max((row["averaged_setback"]["greatest"] or 0.0 for row in rows), default=0.0)
    diverged = sum(row["diverged"] for row in report["sum_sign"])
    trainings = sum(row["seeds"] for row in report["sum_sign"])
    return (
        f"Unsteady? {diverged} of {trainings} trainings diverged. Between checks the accuracy fell below its "
        f"best so far by up to (points): {falls}. This is due to single steps at a constant learning rate: the "
        f"average of the weights over the last steps never fell by more than {report_tables.points(averaged)}."
    )


def _complex(converged: list[SurfaceRecord]) -> str:
    lines = [
        count for network in converged for count in (*network["valleys"]["random"], network["valleys"]["gradient"])
    ]
    curvatures: dict[str, list[float]] = {}
    for network in converged:
        curvatures.setdefault(network["architecture"], []).append(network["curvature"]["value"])
    times = words.listed(f"{name} {words.number(sum(values) / len(values), 3)}" for name, values in curvatures.items())
    return (
        f"Complex surfaces? Of {len(lines)} lines through trained weights {sum(count > 1 for count in lines)} cross "
        "more than one valley, which lines across a bowl would not; so few lines cannot show more. Largest curvatures, "
        f"means over seeds: {times}. They depend on the scale of the weights: they determine how short a step must be, "
        "not how hard a task is."
    )


def _fed_back(report: ConvergenceReport) -> str:
    last = {predictor["name"]: predictor["clean"][-1] for predictor in report["free_running"] if predictor["clean"]}
    converged = {name: error for name, error in last.items() if error is not None}
    order = words.listed(
        f"{name} {words.number(converged[name], 3)}" for name in sorted(converged, key=converged.__getitem__)
    )
    return (
        f"Errors of free-running predictions over {report['series']['ahead']} steps, against the wave without its "
        f"noise, lowest first: {order}. A network that is good one step ahead need not be good far ahead: none was "
        "trained on its own predictions."
    )
