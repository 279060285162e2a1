"""The page's section on convergence: is training slow and unsteady, and are error surfaces complex?"""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.challenges.convergence import figures as pictures, tables as told
from pipeline.reporting import words
from pipeline.reporting.figures import Chart
from pipeline.reporting.markup import Markup

NAME, PLACE = "convergence", 50
TITLE = "Slow training, complex surfaces, unsteady convergence?"
ABOUT = (
    "The slides say that recurrent nets train slowly, on complex error surfaces, and unsteadily, and show a program "
    "that is still at chance after 27.64 seconds. Here every architecture learns the same task, whether the sum of a "
    "sequence of random numbers is positive, from sequences that it never sees twice, until it is right often enough "
    "on others. The error surface is the loss as a function of all weights: it is walked along lines through trained "
    "weights, and its largest curvature says how short a step has to be. Last, networks that predict a sine one step "
    "ahead are fed their own predictions."
)
Found = Mapping[str, Any]


def lead(found: Found) -> Iterator[str]:
    if found["sum_sign"]:
        yield _slow(found)
        yield _control(found)
        yield _unsteady(found)
    else:
        yield "Not measured: training until solved, and the surface: convergence.task in params.yaml is null."
    if sound := [one for one in found["surface"] if one["status"] == "ok"]:
        yield _complex(sound)
    if found["free_running"]:
        yield _fed_back(found)
    else:
        yield "Not measured: predictions that are fed back: convergence.series in params.yaml is null."


def charts(found: Found) -> Iterator[Chart]:
    if found["sum_sign"]:
        yield from (pictures.solved(found, "seconds"), pictures.solved(found, "sequences"), pictures.accuracy(found))
    if any(one["status"] == "ok" for one in found["surface"]):
        yield from (pictures.surface(found, "random"), pictures.surface(found, "gradient"))
    if found["free_running"]:
        yield pictures.free_running(found)


def tables(found: Found) -> Iterator[Markup]:
    if found["sum_sign"]:
        yield told.solved(found)
        yield told.surface(found)
    if found["free_running"]:
        yield told.free_running(found)


def _slow(found: Found) -> str:
    every, limit = found["sum_sign"], found["criterion"]
    there = sorted((r for r in every if r["seconds"]["median"] is not None), key=lambda r: r["seconds"]["median"])
    missing = [row for row in every if row["seconds"]["median"] is None]
    said = "Slow? "
    if there:
        named = words.listed(f"{row['architecture']} {words.number(row['seconds']['median'], 3)} s" for row in there)
        said += f"{told.level(found)} are reached in (median of {len(found['seeds'])} seeds, one thread): {named}. "
    if missing:
        best = words.listed(f"{row['architecture']} {told.percent(row['best_accuracy']['median'])}" for row in missing)
        said += f"Not by most seeds within {limit['max_sequences']:,} sequences, with their best accuracy: {best}."
    return said.strip()


def _control(found: Found) -> str:
    deck, steps = found["control"], found["criterion"]["steps"]
    return (
        f"The slide's program, corrected, takes {words.number(deck['seconds']['median'], 2)} s (the slide prints "
        f"{deck['printed']['seconds']} s and a loss of {deck['printed']['loss']}) and is right on "
        f"{told.percent(deck['fresh_accuracy']['median'])} of fresh sequences, with a loss of "
        f"{words.number(deck['fresh_loss']['median'])}. It is not slow: it cannot learn. With weights of about a "
        f"hundredth, of which only the readout is trained, its state knows little but the last of {steps} numbers, and "
        f"who knows that alone is right on {told.percent(deck['ceiling_accuracy'])} at most."
    )


def _unsteady(found: Found) -> str:
    every = [row for row in found["sum_sign"] if row["setback"]["greatest"] is not None]
    falls = words.listed(f"{row['architecture']} {told.points(row['setback']['greatest'])}" for row in every)
    averaged = max((row["averaged_setback"]["greatest"] or 0.0 for row in every), default=0.0)
    diverged, trainings = (sum(row[key] for row in found["sum_sign"]) for key in ("diverged", "seeds"))
    return (
        f"Unsteady? {diverged} of {trainings} trainings diverged. Between checks the accuracy fell below its "
        f"best so far by up to (points): {falls}. Single steps at a constant learning rate do that: the average of "
        f"the weights over the last steps never fell by more than {told.points(averaged)}."
    )


def _complex(sound: list[Found]) -> str:
    lines = [count for one in sound for count in (*one["valleys"]["random"], one["valleys"]["gradient"])]
    curvatures: dict[str, list[float]] = {}
    for one in sound:
        curvatures.setdefault(one["architecture"], []).append(one["curvature"]["value"])
    named = words.listed(f"{name} {words.number(sum(some) / len(some), 3)}" for name, some in curvatures.items())
    return (
        f"Complex surfaces? Of {len(lines)} lines through trained weights {sum(count > 1 for count in lines)} cross "
        "more than one valley, which lines across a bowl would not; so few tell no more than that. Largest curvatures, "
        f"means over seeds: {named}. They depend on how weights are scaled: they say how short a step must be, not "
        "how hard a task is."
    )


def _fed_back(found: Found) -> str:
    sound = [one for one in found["free_running"] if one["clean"] and one["clean"][-1] is not None]
    sound.sort(key=lambda one: one["clean"][-1])
    order = words.listed(f"{one['name']} {words.number(one['clean'][-1], 3)}" for one in sound)
    return (
        f"Errors of predictions fed back over {found['series']['ahead']} steps, against the wave without its noise, "
        f"the least first: {order}. Who is good one step ahead need not be good far ahead: what is fed back is an "
        "input that no network was trained on."
    )
