"""The tables on convergence: the numbers behind its figures."""

from markupsafe import Markup

from pipeline.challenges.shared.convergence_records import ConvergenceReport, Predictor, SolvingOf, SurfaceRecord
from pipeline.challenges.shared.records import Spread
from pipeline.reporting import words
from pipeline.reporting.markup import table, tag

SOLVED = "Medians over seeds, with the lowest and highest; for the share of seeds, Wilson's 95 % interval."
CURVED = (
    "The surface around trained weights. Plain gradient descent overshoots with a learning rate above 2 / curvature, "
    "the longest safe step. Residual: how far power iteration was from convergence, with a star if it did not "
    "converge. Valleys: points lower than both neighbours, on each random line and along the gradient; 1 is a bowl."
)
FREE = (
    "Root mean squared errors, means over seeds. No predictor can be below {noise} against noisy values; the other "
    "columns are against the wave without its noise."
)
AHEAD = (1, 10, 50, 100, 300)


def solved(report: ConvergenceReport) -> Markup:
    head = ["architecture", f"reached {level(report)}", "seconds", "sequences", "steps", "best accuracy"]
    rows = [_row(_solved(row)) for row in report["sum_sign"]]
    return table([*head, "largest fall", "fall of the average", "diverged"], rows, SOLVED)


def surface(report: ConvergenceReport) -> Markup:
    head = ["architecture", "seed", "loss", "largest curvature", "longest safe step", "residual", "valleys"]
    return table(head, [_row(_curved(network)) for network in report["surface"]], CURVED)


def free_running(report: ConvergenceReport) -> Markup:
    ahead = [step for step in AHEAD if step <= report["series"]["ahead"]]
    head = ["predictor", "1 ahead, noisy", *(f"{step} ahead" for step in ahead)]
    rows = [_row(_free(predictor, ahead)) for predictor in report["free_running"]]
    return table(head, rows, FREE.format(noise=words.number(report["series"]["noise"], 2)))


def level(report: ConvergenceReport) -> str:
    return f"{100 * report['criterion']['target_accuracy']:g} %"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def points(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def _solved(row: SolvingOf) -> list[object]:
    share = f"{row['solved']} of {row['seeds']} [{row['share']['low']:.2f}, {row['share']['high']:.2f}]"
    numbers = [_spread(row["seconds"]), _spread(row["sequences"]), _spread(row["steps"])]
    falls = [points(row["setback"]["greatest"]), points(row["averaged_setback"]["greatest"])]
    return [row["architecture"], share, *numbers, percent(row["best_accuracy"]["median"]), *falls, row["diverged"]]


def _curved(network: SurfaceRecord) -> list[object]:
    if network["status"] != "ok":
        return [network["architecture"], network["seed"], words.diverged(network), *["–"] * 4]
    curvature = network["curvature"]
    longest_step = words.number(2 / curvature["value"], 3) if curvature["value"] > 0 else "–"
    residual = words.number(curvature["residual"], 2) + ("" if curvature["converged"] else " *")
    valleys = ", ".join(map(str, (*network["valleys"]["random"], network["valleys"]["gradient"])))
    numbers = [words.number(network["loss"], 3), words.number(curvature["value"], 3), longest_step, residual]
    return [network["architecture"], network["seed"], *numbers, valleys]


def _free(predictor: Predictor, ahead: list[int]) -> list[object]:
    if not predictor["clean"]:
        return [predictor["name"], "diverged", *["–"] * len(ahead)]
    values = [predictor["noisy"][0], *(predictor["clean"][step - 1] for step in ahead)]
    return [predictor["name"], *("not finite" if value is None else words.number(value, 3) for value in values)]


def _spread(values: Spread) -> str:
    """Median, lowest and highest; a dash where most seeds, or the slowest, never got there."""
    middle, low, high = (words.number(end, 3) for end in (values["median"], values["least"], values["greatest"]))
    return middle if values["least"] is None else f"{middle} ({low} to {high})"


def _row(cells: list[object]) -> Markup:
    return tag("tr", *(tag("td", cell) for cell in cells))
