"""Free-running prediction against predictors whose continuation is known."""

import math

import pytest
import torch
from torch import nn

from pipeline.challenges.convergence import free_running
from pipeline.tasks.sine import Sine

TASK = Sine(steps=60, burn_in=20)
TURN = 2 * math.pi * TASK.frequency * TASK.spacing


class Recurrence(nn.Module):
    """x_{t+1} = 2 cos(turn) x_t - x_{t-1}: exact for a wave without noise; an output for each of the last steps."""

    def forward(self, inputs, lengths):
        assert inputs.shape[1] == int(lengths[0]) == TASK.steps
        return 2 * math.cos(TURN) * inputs[:, 1:] - inputs[:, :-1]


def test_a_wave_goes_on_where_its_window_ends():
    waves = free_running.draw(TASK, 5, 30, seed=3)
    assert [part.shape for part in waves] == [(5, 60), (5, 30), (5, 30)]
    quiet = free_running.draw(TASK.model_copy(update={"noise": 0.0}), 5, 30, seed=3)
    torch.testing.assert_close(quiet.clean, waves.clean)  # the same phases
    whole = torch.cat([quiet.window, quiet.clean], dim=1).double()
    torch.testing.assert_close(2 * math.cos(TURN) * whole[:, 1:-1] - whole[:, :-2], whole[:, 2:], rtol=0, atol=1e-6)
    noise = torch.cat([waves.window - quiet.window, waves.noisy - waves.clean], dim=1)
    assert noise.std().item() == pytest.approx(TASK.noise, rel=0.1)


def test_predictions_are_fed_back():
    waves = free_running.draw(TASK.model_copy(update={"noise": 0.0}), 3, 40, seed=0)
    exact = waves._replace(window=waves.window.double(), clean=waves.clean.double())
    predicted = free_running.run(Recurrence(), exact)
    torch.testing.assert_close(predicted, exact.clean, rtol=0, atol=1e-3)  # float32 phases, over 40 steps
    assert max(free_running.errors(predicted, exact)["clean"]) < 1e-3


def test_many_waves_are_predicted_in_pieces_in_their_order():
    class Count(nn.Module):
        def forward(self, inputs, lengths):
            return inputs + 1

    window = torch.arange(600.0)[:, None].expand(600, 4)
    waves = free_running.Waves(window, torch.zeros(600, 3), torch.zeros(600, 3))
    assert torch.equal(free_running.run(Count(), waves), torch.arange(600.0)[:, None] + torch.arange(1.0, 4.0))


def test_errors_are_root_mean_squares_by_step_ahead():
    wanted = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    waves = free_running.Waves(torch.zeros(2, 1), wanted, wanted + 1)
    found = free_running.errors(wanted + torch.tensor([[1.0, math.nan], [-3.0, 0.0]]), waves)
    assert found == {"clean": [pytest.approx(math.sqrt(5)), None], "noisy": [pytest.approx(math.sqrt(8)), None]}


def test_simple_predictors_have_the_errors_that_follow_from_the_wave():
    waves = free_running.draw(Sine(), 4000, 100, seed=1)
    found = {entry["name"]: entry for entry in free_running.simple(Sine(), waves)}
    turn = 2 * math.pi * Sine().frequency * Sine().spacing
    for ahead in (1, 50, 100):
        apart = 2 * math.sin(turn * ahead / 2) ** 2  # mean square of sin(x + a) - sin(x)
        assert found["last value"]["clean"][ahead - 1] == pytest.approx(math.sqrt(apart + 0.01), rel=0.05)
        assert found["mean"]["clean"][ahead - 1] == pytest.approx(math.sqrt(0.5), rel=0.05)
        assert found["mean"]["noisy"][ahead - 1] == pytest.approx(math.sqrt(0.51), rel=0.05)
        assert found["known frequency"]["noisy"][ahead - 1] >= 0.095  # nobody predicts the noise
    assert found["known frequency"]["clean"][0] < 0.05
    exact = free_running.draw(Sine(noise=0.0), 10, 100, seed=1)
    known = free_running.known_frequency(Sine(), exact)
    torch.testing.assert_close(known, exact.clean, rtol=0, atol=1e-4)
