"""Training on fresh sequences until a task is solved: what counts, what is counted, what a divergence is."""

import math

import pytest
import torch

from pipeline.architectures.shared.settings import Model
from pipeline.challenges.memory import guessing
from pipeline.challenges.memory.guessing import Networks, guess, random_networks, run
from pipeline.challenges.memory.problems import Guessing
from pipeline.challenges.shared import solving
from pipeline.challenges.shared.criterion import Criterion
from pipeline.challenges.shared.solving import measure, solve
from pipeline.common import InputError
from pipeline.evaluation.shares import share, wilson
from pipeline.tasks.adding import Adding
from pipeline.tasks.copy_memory import CopyMemory
from pipeline.tasks.recall import Recall
from pipeline.training.choice import Choice
from pipeline.training.settings import Train

SIZE = {"parameters": 1_000, "batch_size": 16}
EASY = Choice(initializer="chrono", clipping="norm", learning_rate=0.01)
KEYS = {"solved", "sequences", "steps", "seconds", "best", "diverged", "curve"}


def solved(task=None, choice=EASY, architecture="gru", most=3_200, criterion=None, seed=1):
    task, criterion = task or Recall(lag=3, **SIZE), criterion or Criterion()
    model, train = Model(embedding=8), Train(device="cpu")
    return solve(
        task, architecture, {}, choice, model, train, seed, criterion, most, check_interval=320, eval_sequences=200
    )


def test_an_easy_task_is_solved_and_training_ends_there():
    found = solved()
    assert set(found) == KEYS
    assert found["solved"]
    assert not found["diverged"]
    assert found["sequences"] == found["steps"] * 16 == found["curve"][-1][0] < 3_200
    assert found["best"] == found["curve"][-1][1] >= 0.99
    assert all(value < 0.99 for _, value in found["curve"][:-1])
    assert [sequences for sequences, _ in found["curve"]] == [320 * n for n in range(1, len(found["curve"]) + 1)]


def test_the_same_seed_needs_the_same_sequences():
    first, again, other = solved(), solved(), solved(seed=2)
    assert {**first, "seconds": 0} == {**again, "seconds": 0}
    assert first["curve"] != other["curve"]


def test_without_memory_it_is_not_solved_within_the_budget():
    found = solved(architecture="identity", most=1_000)
    assert (found["solved"], found["sequences"], found["diverged"]) == (False, None, False)
    assert found["steps"] == math.ceil(1_000 / 16)
    assert 0.4 < found["best"] < 0.65  # a coin's


def test_no_sequence_is_seen_twice(monkeypatch):
    seen = []
    drawn = Adding.draw

    def remember(self, size, random):
        columns = drawn(self, size, random)
        seen.extend(row.numpy().tobytes() for row in columns["inputs"])
        return columns

    monkeypatch.setattr(Adding, "draw", remember)
    solved(Adding(steps=10, **SIZE), criterion=Criterion(measure="mse", threshold=1e-9), most=960)
    assert len(seen) == 960 + 3 * 200
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 1e30), ("sgd", 1e38)])
def test_a_divergence_is_a_result(optimizer, rate):
    choice = Choice(optimizer=optimizer, learning_rate=rate)
    found = solved(Adding(steps=4, **SIZE), choice, "rnn", criterion=Criterion(measure="mse", threshold=0.01))
    assert found["diverged"]
    assert not found["solved"]
    assert found["sequences"] is None
    assert found["steps"] < 200


def test_outputs_that_are_not_finite_are_no_right_answers():
    task = Recall(lag=3)
    outputs = torch.tensor([[torch.inf, 0.0]])
    assert math.isnan(measure(task, Criterion(), outputs, torch.tensor([0])))
    assert not Criterion().met(math.nan)
    assert not Criterion(measure="mse", threshold=1.0).met(math.nan)


def test_measures_are_those_of_the_task():
    adding, targets = Adding(steps=4), torch.tensor([[0.5], [1.0]])
    outputs = targets + torch.tensor([[0.1], [-0.3]])
    for name, value in (("mse", 0.05), ("mae", 0.2), ("largest_error", 0.3)):
        assert measure(adding, Criterion(measure=name, threshold=1.0), outputs, targets) == pytest.approx(
            value, rel=1e-5
        )
    sure, unsure = [[0.0, 50.0], [math.log(3), 0.0]], torch.tensor([1, 0])  # probabilities 1 and 3/4 of what is right
    found = measure(Recall(lag=3), Criterion(measure="largest_error", threshold=0.25), torch.tensor(sure), unsure)
    assert found == pytest.approx(0.25)
    copy = CopyMemory(symbols=2, gap=1)
    wanted = torch.tensor([[0, 0, 0, 3, 4]])
    answers = torch.nn.functional.one_hot(torch.tensor([[5, 5, 5, 3, 1]]), 9).float()
    assert measure(copy, Criterion(), answers, wanted) == 0.5  # of the symbols; blanks do not count


def test_a_measure_that_a_task_does_not_have_is_told():
    with pytest.raises(InputError, match="Recall has no measure 'mse'; it has accuracy, .*largest_error"):
        solved(criterion=Criterion(measure="mse", threshold=0.1), most=320)


def test_the_rate_rises_and_then_stays(monkeypatch):
    rates = []
    step = solving.train_step

    def remember(run, batch, norms):
        rates.append(run.optimizer.param_groups[0]["lr"])
        return step(run, batch, norms)

    monkeypatch.setattr(solving, "train_step", remember)
    solved(architecture="identity", most=640)
    assert rates[0] == pytest.approx(0.01 / solving.WARM_UP)
    assert rates[: solving.WARM_UP] == sorted(rates[: solving.WARM_UP])
    assert set(rates[solving.WARM_UP - 1 :]) == {0.01}


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [  # Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),  # the mirror of none
    ],
)
def test_wilson_gives_the_published_intervals(successes, trials, low, high):
    assert wilson(successes, trials) == pytest.approx((low, high), abs=6e-5)
    assert share(successes, trials)["mean"] == successes / trials


def latch() -> Networks:
    """One unit that the first bit sets and later bits cannot turn: tokens 1 and 2 push by -8 and 8, it holds by 40."""
    given = torch.tensor([[[0.0], [-8.0], [8.0]]])
    return Networks(
        given,
        torch.tensor([[[40.0]]]),
        torch.zeros(1, 1, 1),
        torch.tensor([[[-9.0, 9.0]]]),
        torch.zeros(1, 1, 2),
    )


def test_a_latch_made_by_hand_recalls():
    task = Recall(lag=200)
    drawn = task.draw(300, torch.Generator().manual_seed(0))
    (outputs,) = run(latch(), task.spec, drawn["inputs"].long())
    assert measure(task, Criterion(measure="largest_error", threshold=0.25), outputs, drawn["targets"]) < 1e-6


def test_guessed_networks_run_as_torch_runs_them():
    spec = CopyMemory(symbols=2, gap=3).spec
    networks = random_networks(3, spec, Guessing(units=4, reach=1.0), torch.Generator().manual_seed(0))
    assert all(-1 <= w.min() < -0.7 and 0.7 < w.max() <= 1 for w in (networks.inward, networks.outward))
    tokens = torch.randint(0, spec.inputs, (5, 7), generator=torch.Generator().manual_seed(1))
    ours = run(networks, spec, tokens)
    for number in range(3):
        plain = torch.nn.RNN(spec.inputs, 4, batch_first=True)
        with torch.no_grad():
            plain.weight_ih_l0.copy_(networks.inward[number].T)
            plain.weight_hh_l0.copy_(networks.recurrent[number].T)
            plain.bias_ih_l0.copy_(networks.bias[number, 0])
            plain.bias_hh_l0.zero_()
            hidden, _ = plain(torch.nn.functional.one_hot(tokens, spec.inputs).float())
            theirs = hidden @ networks.outward[number] + networks.offset[number]
        torch.testing.assert_close(ours[number], theirs, atol=1e-5, rtol=1e-4)


def test_guessing_solves_recall_and_not_adding():
    settings = Guessing(units=1, trials=1_000)
    found = guess(Recall(lag=100), settings, 1, Criterion(), 200)
    assert found["solved"]
    assert 0 < found["trials"] <= 1_000
    assert found["best"] >= 0.99
    found = guess(Adding(steps=20), settings, 1, Criterion(measure="mse", threshold=0.01), 200)
    assert (found["solved"], found["trials"]) == (False, None)


def test_guessing_counts_the_networks_before_the_one(monkeypatch):
    """The 7th of the second lot is the latch, all others answer nothing."""
    lots = []

    def lot(number, spec, settings, random):
        lots.append(number)
        dumb = Networks(*(torch.zeros(number, *w.shape[1:]) for w in latch()))
        if len(lots) == 2:
            for weights, own in zip(dumb, latch(), strict=True):
                weights[6] = own[0]
        return dumb

    monkeypatch.setattr(guessing, "random_networks", lot)
    monkeypatch.setattr(guessing, "BATCH", 10)
    assert guess(Recall(lag=20), Guessing(units=1, trials=25), 3, Criterion(), 500)["trials"] == 17
    lots.clear()
    assert guess(Recall(lag=20), Guessing(units=1, trials=10), 3, Criterion(), 500)["trials"] is None
