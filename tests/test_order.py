"""Tests do not depend on their order: each leaves this process as it was."""

import os
import signal

import conftest
import pytest
import torch


def test_a_test_leaves_environment_and_signals_as_they_were():
    """MLflow writes its store's address to the environment; commands take SIGTERM as Ctrl-C."""
    before = dict(os.environ), signal.getsignal(signal.SIGTERM)
    protocol = conftest.pytest_runtest_protocol(None, None)
    next(protocol)
    os.environ["MLFLOW_TRACKING_URI"] = "sqlite:////of/another/test.db"
    os.environ.pop("PATH")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with pytest.raises(StopIteration):
        protocol.send(True)
    assert (dict(os.environ), signal.getsignal(signal.SIGTERM)) == before
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_draws_without_a_generator_are_repeated_by_the_seed(request):
    drawn = []
    for _ in range(2):
        conftest.pytest_runtest_setup(request.node)
        drawn.append(torch.rand(3).tolist())
    assert drawn[0] == drawn[1]
