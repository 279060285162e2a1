"""The training loop: batches, schedule, best weights, divergence, and resuming as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState
from conftest import prepare, tiny_run

from pipeline.common import InputError
from pipeline.training.loader import Loader
from pipeline.training.loop import Fit
from pipeline.training.step import predict, schedule, score


def weights(fit):
    return torch.cat([tensor.flatten() for tensor in fit.model.state_dict().values()])


@pytest.mark.parametrize("architecture", ["gru", "min_gru", "transformer"])
def test_the_same_seed_trains_the_same_weights(recall, architecture):
    first, again, other = (Fit(tiny_run(recall, architecture, seed=seed)) for seed in (0, 0, 1))
    records = [list(fit) for fit in (first, again, other)]
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))
    assert [r["train/loss"] for r in records[0]] == [r["train/loss"] for r in records[1]]


@pytest.mark.parametrize(("optimizer", "rate"), [("adamw", 1e-2), ("sgd", 0.03), ("rmsprop", 3e-3)])
def test_every_optimizer_learns(tmp_path, optimizer, rate):
    """The sum of two numbers, from the mean squared error of no answer, 1 + 1/6, to less than that of a constant."""
    prepared = prepare(tmp_path / "adding", "adding", steps=4, epochs=20, patience=20)
    records = list(Fit(tiny_run(prepared, choice={"optimizer": optimizer, "learning_rate": rate})))
    assert records[-1]["train/loss"] < prepared.task.trivial


def test_a_pass_sees_every_row_once_in_another_order_each_time(recall):
    loader = Loader(recall.task, recall.columns("train"), 0, torch.device("cpu"))
    passes = [torch.cat([loader._plan(n)[s] for s in range(loader.steps_per_pass)]) for n in (0, 1)]
    assert all(sorted(rows.tolist()) == list(range(128)) for rows in passes)
    assert not torch.equal(*passes)


def test_processes_share_a_batch_without_overlap(recall):
    loader = Loader(recall.task, recall.columns("train"), 0, torch.device("cpu"))
    whole = loader.at(3)
    halves = [loader.at(3, process, 2) for process in (0, 1)]
    assert torch.equal(torch.stack([h.inputs for h in halves], dim=1).flatten(0, 1), whole.inputs)


def test_the_schedule_rises_then_falls_along_a_cosine():
    rates = [schedule(step, 100, 0.1, 0.02) for step in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[10] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.02 + 0.98 / 2)
    assert rates[-1] == pytest.approx(0.02, abs=1e-3)


def test_best_weights_are_kept_not_the_last(recall, monkeypatch):
    """Scores that get worse after the second epoch: its weights are what remains, and patience ends the training."""
    losses = iter([0.5, 0.3, 0.4, 0.45, 0.5, 0.6])
    monkeypatch.setattr("pipeline.training.loop.score", lambda *_: {"loss": next(losses)})
    run = tiny_run(recall)
    fit = Fit(run._replace(task=run.task.model_copy(update={"epochs": 6, "patience": 3})))
    snapshots = []
    for _ in fit:
        snapshots.append(weights(fit).clone())
    assert fit.progress.stopped == "no better for too long"
    assert fit.progress.best_epoch == 1
    assert len(snapshots) == 5
    assert torch.equal(weights(fit), snapshots[1])


def test_training_stops_when_the_task_is_solved(recall):
    run = tiny_run(recall)
    fit = Fit(run._replace(task=run.task.model_copy(update={"target_loss": 10.0})))
    assert len(list(fit)) == 1
    assert fit.progress.stopped == "solved"


def test_a_nan_loss_at_step_3_is_a_result(recall, monkeypatch):
    run, steps = tiny_run(recall), iter(range(1, 100))
    loss = type(run.task).loss

    def broken(self, outputs, targets):
        return loss(self, outputs, targets) * (float("nan") if next(steps) == 3 else 1.0)

    monkeypatch.setattr(type(run.task), "loss", broken)
    fit = Fit(run)
    (record,) = list(fit)
    assert fit.progress.diverged
    assert fit.progress.diverged_at == 3
    assert fit.progress.stopped == "diverged at step 3"
    assert record["step"] == 3
    assert fit.best == {}


def test_an_absurd_learning_rate_diverges_and_is_recorded(tmp_path):
    prepared = prepare(tmp_path / "adding", "adding", steps=8)
    fit = Fit(tiny_run(prepared, "rnn", {"optimizer": "sgd", "learning_rate": 1e30}))
    list(fit)
    assert fit.progress.diverged


def test_scores_do_not_depend_on_the_batches(recall):
    run = tiny_run(recall)
    whole, pieces = (
        Loader(recall.task.model_copy(update={"batch_size": size}), recall.columns("valid"), 0, torch.device("cpu"))
        for size in (32, 1)
    )
    assert score(recall.task, run.model, whole, {}) == pytest.approx(
        score(recall.task, run.model, pieces, {}), rel=1e-5
    )
    torch.testing.assert_close(predict(run.model, whole), predict(run.model, pieces))


@pytest.mark.parametrize("choice", [{}, {"clipping": "percentile", "threshold": 50.0}, {"optimizer": "sgd"}])
def test_a_run_resumed_from_any_checkpoint_ends_bit_for_bit_alike(recall, tmp_path, choice):
    """With dropout, so that the random state counts; a checkpoint after every step, broken off within an epoch."""
    recall.task = recall.task.model_copy(update={"dropout": 0.2})
    unbroken = Fit(tiny_run(recall, choice=choice))
    expected = list(unbroken)

    state = tmp_path / "state"
    broken = Fit(tiny_run(recall, choice=choice, checkpoint_seconds=0.0), state)
    steps = 0

    def stop_at_six():
        nonlocal steps
        steps += 1
        if steps == 7:
            raise KeyboardInterrupt

    original = broken._step
    broken._step = lambda: (stop_at_six(), original())  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        list(broken)

    torch.manual_seed(99)  # whatever the new process drew before it resumed
    resumed = Fit(tiny_run(recall, choice=choice), state)
    records = list(resumed)
    assert torch.equal(weights(resumed), weights(unbroken))
    for ours, theirs in zip(records, expected, strict=True):
        assert {k: v for k, v in ours.items() if "speed" not in k} == {
            k: v for k, v in theirs.items() if "speed" not in k
        }


def test_a_finished_training_is_not_trained_again(recall, tmp_path):
    first = Fit(tiny_run(recall), tmp_path / "state")
    records = list(first)
    again = Fit(tiny_run(recall), tmp_path / "state")
    again._step = lambda: pytest.fail("it trained again")  # type: ignore[method-assign]
    assert list(again) == records
    assert torch.equal(weights(first), weights(again))


SAVING = """
import sys, torch
from pathlib import Path
from pipeline.training import checkpoint
while True:
    checkpoint.write(Path(sys.argv[1]), {"x": torch.ones(300_000)}, {"step": 1})
"""


def test_a_kill_while_saving_leaves_a_whole_checkpoint(tmp_path):
    from pipeline.training import checkpoint

    path = tmp_path / "state"
    for wait in (0.0, 0.003, 0.01, 0.02):
        process = subprocess.Popen([sys.executable, "-c", SAVING, str(path)])
        while not path.exists():
            time.sleep(0.01)
        time.sleep(wait)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        tensors, progress = checkpoint.read(path)
        assert progress == {"step": 1}
        assert tensors["x"].sum() == 300_000


def test_a_device_that_is_not_there_is_told(recall):
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(InputError, match="train.device: cuda, but torch sees no CUDA device"):
        from pipeline.training.settings import Train
        from pipeline.training.setup import make_accelerator

        make_accelerator(Train(device="cuda"))


def test_unknown_names_in_a_choice_list_the_known(recall):
    with pytest.raises(InputError, match="no initializer named 'xavier'; there are: default, deck, xavier_uniform"):
        tiny_run(recall, choice={"initializer": "xavier"})
    with pytest.raises(InputError, match="no clipping named 'norms'; there are: none, norm, value"):
        tiny_run(recall, choice={"clipping": "norms"})


def test_bf16_trains_close_to_fp32(recall):
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("this CPU has no bf16 instructions")
    losses = []
    for precision in ("fp32", "bf16"):
        AcceleratorState._reset_state()
        losses.append(list(Fit(tiny_run(recall, "transformer", precision=precision)))[-1]["train/loss"])
    AcceleratorState._reset_state()
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert losses[0] != losses[1]


def test_flush_denormal_is_set_where_training_runs():
    """By its bits: under flush-denormal a subnormal number compares equal to zero."""
    code = (
        "import torch; from pipeline.training.setup import configure_threads; configure_threads(2);"
        "x = torch.full((200_000,), 1e-30) * 1e-10; print(int((x.view(torch.int32) != 0).sum()))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "0"


def test_the_working_tree_holds_no_pickle():
    """Nothing that the project loads is unpickled: no call that would."""
    source = "\n".join(path.read_text() for path in Path("pipeline").rglob("*.py"))
    for call in ("torch.load(", "pickle.load", "joblib.load", "np.load(", "allow_pickle=True"):
        assert call not in source
