"""The GPU path, on a CUDA device: the same numbers as the CPU, bf16, resident data, deterministic when asked.

Run with `python -m pytest -m gpu tests/test_gpu.py`.
"""

import pytest
import torch
from accelerate.state import AcceleratorState
from conftest import prepare

from pipeline.architectures import Architecture, make_model
from pipeline.architectures.shared.settings import Model
from pipeline.common.registry import names
from pipeline.tasks.recall import Recall
from pipeline.training.choice import Choice
from pipeline.training.loop import Fit
from pipeline.training.settings import Train
from pipeline.training.setup import set_up

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.fixture(autouse=True)
def _fresh_accelerator():
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)
    torch.use_deterministic_algorithms(False)


def run_on(device, prepared, architecture="gru", **train):
    settings = Train(device=device, **train)
    return set_up(prepared, architecture, {}, Choice(clipping="norm"), Model(embedding=8), settings, 0)


@pytest.mark.parametrize("name", names(Architecture))
def test_a_cpu_and_a_gpu_agree_on_outputs_and_gradients(name):
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    model = make_model(Recall(parameters=4000, lag=30), name, {}, Model(embedding=8))
    tokens, lengths = torch.randint(1, 3, (8, 31)), torch.full((8,), 31)
    found = {}
    for device in ("cpu", "cuda"):
        model = model.to(device).train()
        model.zero_grad()
        outputs = model(tokens.to(device), lengths.to(device))
        outputs.square().sum().backward()
        found[device] = [outputs.detach().cpu(), *(p.grad.detach().cpu().clone() for p in model.parameters())]
    for ours, theirs in zip(found["cuda"], found["cpu"], strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_training_solves_the_task(tmp_path, precision):
    prepared = prepare(
        tmp_path / "recall", "recall", lag=20, examples=4000, parameters=8000, epochs=20, steps_per_epoch=20
    )
    fit = Fit(run_on("cuda", prepared, "attention", precision=precision))
    assert list(fit)[-1]["valid/accuracy"] > 0.95
    assert fit.trace.device.type == "cuda"


def test_data_that_fits_lives_on_the_device_and_larger_data_does_not(tmp_path):
    prepared = prepare(tmp_path / "recall", "recall", lag=20)
    resident = run_on("cuda", prepared).loaders["train"]
    assert {column.device.type for column in resident.columns.values()} == {"cuda"}
    AcceleratorState._reset_state(reset_partial_state=True)
    streamed = run_on("cuda", prepared, resident_gigabytes=0.0).loaders["train"]
    assert {column.device.type for column in streamed.columns.values()} == {"cpu"}
    for ours, theirs in zip(resident.at(3), streamed.at(3), strict=True):
        assert ours.device.type == theirs.device.type == "cuda"
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("architecture", ["gru", "lstm", "transformer", "min_gru"])
def test_two_deterministic_trainings_are_bit_for_bit_alike(tmp_path, architecture):
    prepared = prepare(tmp_path / "recall", "recall", lag=20)
    states = []
    for _ in range(2):
        AcceleratorState._reset_state(reset_partial_state=True)
        fit = Fit(run_on("cuda", prepared, architecture, deterministic=True))
        list(fit)
        states.append(fit.model.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_resumed_run_goes_on_from_its_checkpoint(tmp_path):
    prepared = prepare(tmp_path / "recall", "recall", lag=20)
    records = list(Fit(run_on("cuda", prepared), tmp_path / "state"))
    AcceleratorState._reset_state(reset_partial_state=True)
    assert list(Fit(run_on("cuda", prepared), tmp_path / "state")) == records
