"""Every drawn task keeps the contract of `pipeline.tasks.Task`: a new file is tested here as it lands."""

from pathlib import Path

import pytest
import torch
from conftest import TINY, prepare

from pipeline.common import InputError, files
from pipeline.common.registry import find, names
from pipeline.tasks import Task
from pipeline.tasks.recall import Recall
from pipeline.tasks.shared.drawn import Drawn

every_task = pytest.mark.parametrize("name", [n for n in names(Task) if issubclass(find(Task, n), Drawn)])


def batch_of(prepared, split):
    columns = prepared.columns(split)
    return prepared.task.gather(columns, torch.arange(prepared.task.rows(columns)))


@every_task
def test_the_same_seed_writes_the_same_bytes(name, tmp_path):
    once, again, other = (prepare(tmp_path / str(i), name, seed) for i, seed in enumerate((0, 0, 1)))
    assert files.digest(once.folder) == files.digest(again.folder)
    assert once.audit["digests"]["train.arrow"] != other.audit["digests"]["train.arrow"]


@every_task
def test_splits_share_no_row(name, tmp_path):
    prepared = prepare(tmp_path / name, name)
    assert set(prepared.audit["duplicates_across"].values()) == {0}
    assert prepared.audit["rows"] == {"train": TINY["examples"], "valid": 32, "test": 32}


@every_task
def test_batches_and_scores_are_what_the_spec_promises(name, tmp_path):
    prepared = prepare(tmp_path / name, name)
    task, spec, batch = prepared.task, prepared.task.spec, batch_of(prepared, "valid")
    size, time = batch.inputs.shape[:2]
    assert time == spec.steps == batch.lengths.unique().item()
    if spec.tokens:
        assert batch.inputs.min() >= 1
        assert batch.inputs.max() < spec.inputs
    read = (spec.horizon or time,) if spec.per_step else ()
    outputs = torch.randn(size, *read, spec.outputs)
    assert task.loss(outputs, batch.targets).shape == ()
    scores = task.scores(task.contributions(outputs, batch.targets, {}).mean(dim=0))
    assert task.main_metric in scores
    assert all(value.isfinite() for value in scores.values())


@every_task
def test_perfect_outputs_score_perfectly(name, tmp_path):
    prepared = prepare(tmp_path / name, name)
    task, targets = prepared.task, prepared.targets("test")
    right = targets if targets.is_floating_point() else 100.0 * torch.eye(task.spec.outputs)[targets]
    scores = task.scores(task.contributions(right, targets, {}).mean(dim=0))
    assert scores[task.main_metric] == pytest.approx(1.0 if task.higher_is_better else 0.0, abs=1e-6)


@every_task
def test_the_trivial_predictor_scores_what_the_docstring_derives(name, tmp_path):
    """The best answer that ignores the inputs, found from the targets, against the task's own formula."""
    prepared = prepare(tmp_path / name, name, examples=20_000)
    targets, task = prepared.targets("train"), prepared.task
    if targets.is_floating_point():
        scores = task.scores(task.contributions(targets.mean(dim=0).expand_as(targets), targets, {}).mean(dim=0))
        assert scores["mse"].item() == pytest.approx(task.trivial, rel=0.05)
    else:
        asked = targets[:, -task.symbols :].flatten() if name == "copy_memory" else targets
        share = asked.unique(return_counts=True)[1].max().item() / len(asked)
        assert share == pytest.approx(task.trivial, rel=0.05)


def test_recall_asks_for_the_first_symbol(tmp_path):
    batch = batch_of(prepare(tmp_path / "bits", "recall", lag=20), "train")
    assert torch.equal(batch.inputs[:, 0] - 1, batch.targets)
    distinct = batch_of(prepare(tmp_path / "distinct", "recall", lag=20, distractors="distinct"), "train")
    assert not set(distinct.inputs[:, 0].tolist()) & set(distinct.inputs[:, 1:].flatten().tolist())


def test_adding_sums_the_two_marked_values(tmp_path):
    for variant, target in (("unit", lambda total: total), ("signed", lambda total: 0.5 + total / 4)):
        batch = batch_of(prepare(tmp_path / variant, "adding", range=variant), "train")
        values, markers = batch.inputs.unbind(dim=2)
        assert (markers.sum(dim=1) == 2).all()
        torch.testing.assert_close(batch.targets[:, 0], target((values * markers).sum(dim=1)))


def test_temporal_order_names_both_symbols(tmp_path):
    batch = batch_of(prepare(tmp_path / "order", "temporal_order"), "train")
    for tokens, target in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
        first, second = (token - 1 for token in tokens if token in (1, 2))
        assert target == 2 * first + second


def test_sine_has_the_noise_floor_it_states(tmp_path):
    """The best predictor knows the wave: what is left is the noise."""
    prepared = prepare(tmp_path / "sine", "sine", examples=4000, noise=0.2, burn_in=0)
    inputs, _, targets = batch_of(prepared, "train")
    torch.testing.assert_close(inputs[:, 1:], targets[:, :-1])
    second_difference = inputs[:, 2:] - 2 * inputs[:, 1:-1] + inputs[:, :-2]  # of the wave itself: next to nothing
    assert (second_difference.square().mean() / 6) ** 0.5 == pytest.approx(0.2, rel=0.02)


def test_too_few_distinct_sequences_are_a_leak(tmp_path):
    with pytest.raises(InputError, match="rows are in two splits .* draw longer sequences"):
        prepare(tmp_path / "recall", "recall", lag=3)


def test_held_out_sequences_that_were_drawn_before_are_drawn_again(tmp_path):
    """Of 512 sequences 128 train, so that about a quarter of the others would be among them."""
    prepared = prepare(tmp_path / "copy", "copy_memory", symbols=3, gap=5)
    assert set(prepared.audit["duplicates_across"].values()) == {0}
    assert prepared.audit["rows"] == {"train": 128, "valid": 32, "test": 32}
    inputs, targets = (prepared.columns("valid")[name] for name in ("inputs", "targets"))
    assert (inputs[:, :3] - 1 == targets[:, -3:]).all()


def test_columns_are_views_of_the_mapped_file(recall):
    """Nothing is copied: the tensor lies in a file-backed mapping of the process."""
    column = recall.columns("train")["inputs"]
    address = column.data_ptr()
    with open("/proc/self/maps") as maps:
        spans = [line.split() for line in maps]
    inside = [s for s in spans if int(s[0].split("-")[0], 16) <= address < int(s[0].split("-")[1], 16)]
    assert inside[0][-1].endswith("train.arrow")


def test_a_drawn_split_without_a_label_is_refused(tmp_path):
    task = Recall(lag=20, examples=64, held_out=1)
    with pytest.raises(InputError, match=r"but valid has no [01], test has no [01] \(there are: train \d+ 0, \d+ 1; "):
        task.prepare(Path("nowhere"), tmp_path, seed=0)
