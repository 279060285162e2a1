"""The ledger: for each claim of the deck, what a correct experiment shows, and the verdict that its numbers allow.

A verdict is `reproduced` (true), `corrected` (true, but in another way), `refuted` (false) or `undecided` (seeds or
the machine do not suffice). Each experiment reads what the stages measured; none trains a network.
"""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from pipeline.challenges.claims.records import Judgement
from pipeline.challenges.claims.trained_tasks import sentences, sentiment, series
from pipeline.challenges.deck import plain
from pipeline.challenges.shared import GUESSING
from pipeline.challenges.shared.convergence_records import SolvingOf
from pipeline.challenges.shared.gradient_records import Slide
from pipeline.challenges.shared.results import Measured

TOLERANCE = 1e-6  # a recurrence is the deck's if no output differs by more
PLAIN = "rnn"
CONTROLS = ("identity", GUESSING)


class Claim(NamedTuple):
    slides: str
    claim: str
    program: str  # of pipeline/challenges/deck/printed.py
    experiment: Callable[[Measured], Judgement]
    tasks: tuple[str, ...] = ()  # of params.yaml, whose results it reads


def judge(claim: Claim, measured: Measured, tasks: Iterable[str]) -> Judgement:
    """The verdict on a claim; undecided if params.yaml lacks one of its tasks."""
    if missing := sorted({*claim.tasks} - {*tasks}):
        return Judgement("undecided", f"Not tested: params.yaml has no task named {' or '.join(missing)}.", None)
    return claim.experiment(measured)


def forward(measured: Measured) -> Judgement:
    seeds = 20
    worst = 0.0
    for seed in range(seeds):
        weights, x = plain.draw(np.random.default_rng(seed), inputs=10, hidden=20, outputs=5, steps=5)
        net = nn.RNN(10, 20, batch_first=True, dtype=torch.float64)
        zeros = torch.zeros(20, dtype=torch.float64)
        matrices = {"weight_ih_l0": torch.from_numpy(weights.wxh), "weight_hh_l0": torch.from_numpy(weights.whh)}
        net.load_state_dict({**matrices, "bias_ih_l0": zeros, "bias_hh_l0": zeros})
        with torch.no_grad():
            outputs = net(torch.from_numpy(x)[None])[0][0] @ torch.from_numpy(weights.why).T
        worst = max(worst, float((outputs - torch.from_numpy(plain.outputs(weights, x))).abs().max()))
    experiment = f"torch's RNN with the slide's weights gives the same outputs: none differs by more than {worst:.1e}."
    return Judgement("reproduced" if worst < TOLERANCE else "refuted", experiment, worst, seeds, evidence="#claims")


def vanishes(measured: Measured) -> Judgement:
    slide = _scalar(measured, 0.1)
    experiment = (
        f"With a correct backward pass the gradient vanishes, even more than claimed: 10 to the "
        f"{slide['log10']['median']:.0f}, not 10 to the {slide['printed_log10']:.0f}."
    )
    verdict = "corrected" if slide["log10"]["greatest"] < 0 else "refuted"
    return Judgement(verdict, experiment, *_logarithm(slide), evidence="#diagnose")


def explodes(measured: Measured) -> Judgement:
    slide = _scalar(measured, 10.0)
    experiment = (
        "A sigmoid saturates before a weight of 10 can make anything explode: its slope is nearly 0. Over "
        f"100 steps the gradient is 10 to the {slide['log10']['median']:.0f}, "
        f"not 10 to the {slide['printed_log10']:.0f}."
    )
    verdict = "undecided"
    if slide["log10"]["least"] > 0:
        verdict = "reproduced"
    elif slide["log10"]["greatest"] < 0:
        verdict = "refuted"
    return Judgement(verdict, experiment, *_logarithm(slide), evidence="#diagnose")


def dependencies(measured: Measured) -> Judgement:
    """The claim is reproduced if the whole interval of the share of seeds that learn is below a half."""
    rows = [row for row in measured.memory["rows"] if row["task"] == "recall"]
    plain_rows = [row for row in rows if row["architecture"] == PLAIN]
    if not plain_rows:
        return Judgement("undecided", "The plain RNN was not measured on recall.", None, evidence="#memory")
    longest = max(plain_rows, key=lambda row: (row["lag"], row["variant"] == "bits"))
    same_lag = [row for row in rows if (row["lag"], row["variant"]) == (longest["lag"], longest["variant"])]
    others = [row for row in same_lag if row["architecture"] not in (PLAIN, *CONTROLS)]
    others_solved = ", ".join(f"{row['architecture']} in {row['solved']}" for row in others)
    experiment = (
        f"Trained with the settings in params.yaml, the plain RNN learns to recall over {longest['lag']} steps in "
        f"{longest['solved']} of {longest['seeds']} seeds{'; ' if others_solved else ''}{others_solved}. "
        "The slide trains nothing, so its loss says nothing about memory."
    )
    share = longest["share"]
    verdict = "undecided"
    if share["high"] < 0.5:
        verdict = "reproduced"
    elif share["low"] > 0.5:
        verdict = "refuted"
    return Judgement(verdict, experiment, share["mean"], longest["seeds"], [share["low"], share["high"]], "#memory")


def convergence(measured: Measured) -> Judgement:
    """The slide is at chance after 27.64 s, since it trains only the readout."""
    report = measured.convergence
    if not report["sum_sign"]:
        return Judgement("undecided", "Not tested: convergence.task in params.yaml is null.", None)
    level = f"{report['criterion']['target_accuracy']:.0%}"
    solved = [row for row in report["sum_sign"] if row["solved"] == row["seeds"]]
    rnn = next((row for row in report["sum_sign"] if row["architecture"] == "rnn"), None)
    if not solved or rnn is None:
        return Judgement(
            "undecided", f"No architecture reached {level} with every seed.", None, evidence="#convergence"
        )
    seconds, best = min(((_median(row), row) for row in solved), key=itemgetter(0))
    experiment = (
        f"With all its weights trained, {best['architecture']} reaches {level} on fresh sequences in "
        f"{seconds:.1f} s (median of {best['seeds']} seeds), {len(solved)} of "
        f"{len(report['sum_sign'])} architectures with every seed, the plain RNN in {rnn['solved']} of {rnn['seeds']}. "
        "The slide's 27.64 s at chance are those of a net whose readout alone is trained."
    )
    return Judgement("corrected", experiment, seconds, best["seeds"], evidence="#convergence")


def _median(row: SolvingOf) -> float:
    """Seconds until solved, of an architecture that solves the task with every seed."""
    median = row["seconds"]["median"]
    assert median is not None
    return median


def parallelization(measured: Measured) -> Judgement:
    report = measured.speed
    times = report["deck"]["times_faster"]
    experiment = (
        "The slide's two programs are the same loop. What does help is a batch in a fused module: "
        f"{times:.1f} times the sequences a second of the slide's loop, on {report['machine']['cores']} CPU cores. "
        "A CPU cannot show what a GPU gains."
    )
    return Judgement("corrected", experiment, times, evidence="#benchmark")


def _scalar(measured: Measured, w: float) -> Slide:
    return next(slide for slide in measured.gradients["scalar"]["slides"] if slide["w"] == w)


def _logarithm(slide: Slide) -> tuple[float, int, list[float]]:
    log10 = slide["log10"]
    return log10["median"], slide["seeds"], [log10["least"], log10["greatest"]]


CLAIMS = (
    Claim("2-3", "A plain recurrent net's forward pass gives an output for each of 5 steps", "forward", forward),
    Claim("4-6", "With w = 0.1 the gradient vanishes, to 1.09e-20 over 100 steps", "gradients", vanishes),
    Claim("4-6", "With w = 10 the gradient explodes, to 2.0e+20 over 100 steps", "gradients", explodes),
    Claim("7-9", "A plain RNN does not learn to recall the first of many bits", "dependencies", dependencies),
    Claim("10-12", "Training is slow: chance after 100 epochs and 27.64 s", "convergence", convergence),
    Claim("13-15", "Sequential computing costs 6.29 times what a batch costs", "parallelization", parallelization),
    Claim("16-18", "A recurrent net tells the sentiment of a text", "sentiment", sentiment, ("imdb",)),
    Claim("16-18", "Three sentences are positive, negative and neutral", "sentiment", sentences, ("imdb",)),
    Claim("19-21", "A recurrent net predicts a noisy sine to a loss of .000211", "series", series, ("sine",)),
)
