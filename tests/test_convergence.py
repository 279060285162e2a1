"""The convergence stage on tiny tasks: what it finds, says and refuses; the deck's program; averaged weights."""

import math

import numpy as np
import pytest
import torch
from conftest import TINY, prepare
from safetensors.torch import save_file

from pipeline import convergence
from pipeline.architectures import make_model
from pipeline.architectures.shared.settings import Model
from pipeline.challenges.convergence import summaries
from pipeline.challenges.deck import readout_only
from pipeline.challenges.shared.criterion import Criterion
from pipeline.challenges.shared.solving import solve
from pipeline.common import InputError, files, paths
from pipeline.common.registry import find
from pipeline.reporting import sections
from pipeline.tasks import Task
from pipeline.tasks.sum_sign import SumSign
from pipeline.tracking import findings
from pipeline.training.choice import Choice
from pipeline.training.settings import Train

SMALL = {**TINY, "epochs": 1, "steps_per_epoch": 2, "parameters": 500}
SETTINGS = {
    "tasks": {
        "signs": {"kind": "sum_sign", "steps": 6, **SMALL},
        "waves": {"kind": "sine", "steps": 12, "burn_in": 4, **SMALL},
    },
    "architectures": {"rnn": {}, "min_gru": {}, "identity": {}},
    "model": {"embedding": 4},
    "train": {"device": "cpu", "seeds": 1},
    "convergence": {
        "task": "signs",
        "series": "waves",
        "seeds": 2,
        "target_accuracy": 0.75,
        "max_sequences": 640,
        "eval_every": 160,
        "eval_sequences": 100,
        "examples": 8,
        "points": 5,
        "directions": 2,
        "iterations": 3,
        "waves": 6,
        "ahead": 7,
    },
}


@pytest.fixture
def signs(project, monkeypatch):
    monkeypatch.setattr(readout_only.experiment, "__defaults__", (6, 4, 20, 50, 2, 0.01))

    def write(train_them=True, **changes):
        root = project(**{**SETTINGS, "convergence": {**SETTINGS["convergence"], **changes}})
        for name in SETTINGS["tasks"]:
            prepare(paths.prepared(name), SETTINGS["tasks"][name]["kind"], **_own(name))
            for architecture in SETTINGS["architectures"] if train_them else ():
                write_network(name, architecture)
        return root

    return write


def write_network(task, architecture):
    """What train writes, of a network that was never trained."""
    settings, kind, model = _own(task), SETTINGS["tasks"][task]["kind"], Model(embedding=4)
    seed = {"0": {"status": "ok", "diverged_at": None}}
    told = {"task": task, "kind": kind, "task_settings": settings, "architecture": architecture, "settings": {}}
    folder = paths.trained(task, architecture)
    folder.mkdir(parents=True)
    files.write_json(folder / "model.json", {**told, "model": model.model_dump(), "seeds": seed})
    torch.manual_seed(0)
    save_file(make_model(find(Task, kind)(**settings), architecture, {}, model).state_dict(), folder / "0.safetensors")


def _own(task):
    return {key: value for key, value in SETTINGS["tasks"][task].items() if key != "kind"}


def test_everything_is_measured_told_and_kept(signs):
    signs()
    convergence.main()
    found = files.read_json(paths.findings("convergence"))
    assert [row["architecture"] for row in found["sum_sign"]] == ["rnn", "min_gru", "identity"]
    for row in found["sum_sign"]:
        assert row["seeds"] == len(row["seconds"]["by_seed"]) == 2
        for curve, reached in zip(row["curves"], row["sequences"]["by_seed"], strict=True):
            assert [value >= 0.75 for _, value in curve[:-1]] == [False] * (len(curve) - 1)
            assert reached == (curve[-1][0] if curve[-1][1] >= 0.75 else None)
        assert row["share"]["mean"] == row["solved"] / 2
    for one in found["surface"]:
        assert one["distances"] == [-1.0, -0.5, 0.0, 0.5, 1.0]
        assert [len(line) for line in (*one["random"], one["gradient"])] == [5, 5, 5]
        assert one["random"][0][2] == one["random"][1][2] == one["gradient"][2] == one["loss"]
        assert one["curvature"]["iterations"] <= 3
    names = ["rnn", "min_gru", "identity", "last value", "mean", "known frequency"]
    assert [one["name"] for one in found["free_running"]] == names
    assert all(len(one["clean"]) == len(one["noisy"]) == 7 for one in found["free_running"])
    assert paths.curves("convergence").read_text().startswith("network,sequences,accuracy\nrnn seed 0,160,")
    drawn = str(sections.section("convergence", [found]))
    assert drawn.count('class="plot"') == 6
    assert "of 6 trainings diverged" in drawn
    before = paths.findings("convergence").read_bytes()
    convergence.main()  # nothing is measured again: even the seconds are the same
    assert paths.findings("convergence").read_bytes() == before


def test_diverged_networks_are_told_and_left_out(signs, monkeypatch):
    monkeypatch.setattr(findings, "log", lambda *told: None)
    signs(ahead=3, max_sequences=160)
    for task in ("signs", "waves"):
        for name in SETTINGS["architectures"]:
            place = paths.trained(task, name)
            described = files.read_json(place / "model.json")
            described["seeds"]["0"] |= {"status": "diverged", "diverged_at": 3}
            files.write_json(place / "model.json", described)
            (place / "0.safetensors").unlink()
    convergence.main()
    found = files.read_json(paths.findings("convergence"))
    assert all(one == {**one, "status": "diverged", "diverged_at": 3} for one in found["surface"])
    assert found["free_running"][0] == {**found["free_running"][0], "clean": [], "seeds": [], "diverged": [0]}
    drawn = str(sections.section("convergence", [found]))
    assert "diverged at step 3" in drawn
    assert drawn.count('class="plot"') == 4


@pytest.mark.parametrize(("task", "series"), [("signs", None), (None, "waves"), (None, None)])
def test_a_part_without_its_task_is_left_out_and_the_page_says_so(signs, monkeypatch, task, series):
    monkeypatch.setattr(findings, "log", lambda *logged: None)
    signs(task=task, series=series, ahead=3, max_sequences=160, seeds=1)
    convergence.main()
    results = files.read_json(paths.findings("convergence"))
    parts = [bool(results[part]) for part in ("sum_sign", "surface", "free_running")]
    assert parts == [bool(task), bool(task), bool(series)]
    drawn = str(sections.section("convergence", [results]))
    assert ("convergence.task in params.yaml is null" in drawn) == (task is None)
    assert ("convergence.series in params.yaml is null" in drawn) == (series is None)
    assert drawn.count('class="plot"') == 5 * (task is not None) + (series is not None)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "run `dvc repro train@signs-rnn` first"),
        ({"task": "sign"}, "convergence.task: no task named 'sign'; there are: signs, waves; null for none"),
        ({"task": "waves"}, "convergence.task: waves is of kind sine; accepted: sum_sign"),
        ({"series": "signs"}, "convergence.series: signs is of kind sum_sign; accepted: sine"),
        ({"target_accuracy": 1.5}, "convergence.target_accuracy"),
        ({"seeds": 0}, "convergence.seeds"),
        ({"sedes": 1}, "convergence.sedes: unknown setting"),
    ],
)
def test_mistakes_are_told_in_one_line(signs, changes, told):
    signs(train_them=False, **changes)
    with pytest.raises(InputError, match=told) as error:
        convergence.main()
    assert "\n" not in str(error.value)
    assert not paths.findings("convergence").exists()


def test_the_averaged_weights_are_what_is_checked():
    """In a training whose rate is far too high the weights jump; their average over all steps is another network."""
    task, criterion = SumSign(steps=5, parameters=300, batch_size=16), Criterion(threshold=1.0)
    given = (Choice(learning_rate=0.5), Model(embedding=4), Train(device="cpu"), 0, criterion, 640, 160, 200)
    plain, averaged = (solve(task, "gru", {}, *given, *more) for more in ((), (0.5,)))
    assert "unaveraged" not in plain
    assert [place for place, _ in averaged["unaveraged"]] == [place for place, _ in averaged["curve"]]
    assert averaged["unaveraged"] != averaged["curve"]
    assert averaged["unaveraged"][0] == plain["curve"][0]  # the same training, checked on the same sequences first


def test_the_deck_can_be_right_about_the_last_number_alone():
    found = readout_only.experiment(0)
    assert found["train"]["loss"] == found["curve"][-1]
    assert abs(found["before"]["loss"] - math.log(2)) < 1e-3
    assert 0.5 < found["fresh"]["accuracy"] < readout_only.ceiling(50) + 3 * math.sqrt(0.25 / 10_000)
    x = np.random.default_rng(1).normal(size=(400_000, 50))
    assert readout_only.ceiling(50) == pytest.approx(np.mean((x[:, -1] > 0) == (x.sum(axis=1) > 0)), abs=0.004)


def test_the_states_and_updates_are_those_of_a_plain_loop():
    random = np.random.default_rng(0)
    weights = readout_only.Weights(*(random.normal(size=shape) for shape in (3, (3, 3), 3)))
    x, labels = random.normal(size=(4, 5)), np.array([1.0, 0.0, 0.0, 1.0])
    why, states = weights.why[None].copy(), []
    for _ in range(2):
        for sequence, label in zip(x, labels, strict=True):
            h = np.zeros((3, 1))
            for number in sequence:
                h = np.tanh(weights.wxh[:, None] * number + weights.whh @ h)
            p = 1 / (1 + np.exp(-(why @ h)[0, 0]))
            why -= 0.1 * (p - label) * h.T
            states.append(h[:, 0])
    found = readout_only.last_states(weights, x)
    np.testing.assert_allclose(found, states[:4])
    trained, curve = readout_only.train(weights.why, found, labels, epochs=2, rate=0.1)
    np.testing.assert_allclose(trained, why[0])
    p = 1 / (1 + np.exp(-found @ trained))
    expected = -np.mean(labels * np.log(p) + (1 - labels) * np.log(1 - p))
    assert curve[-1] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([3.0, 1.0, 2.0], (2.0, 1.0, 3.0)), ([None, 1.0], (None, 1.0, None)), ([None, 1.0, 2.0], (2.0, 1.0, None))],
)
def test_a_seed_that_never_got_there_counts_as_the_slowest(values, expected):
    found = summaries.spread(values)
    assert (found["median"], found["least"], found["greatest"]) == expected
    assert found["by_seed"] == values


def test_a_setback_is_the_largest_fall_below_the_best_so_far():
    assert summaries.setback([[1, 0.5], [2, 0.9], [3, None], [4, 0.6], [5, 0.95]]) == pytest.approx(0.3)
    assert summaries.setback([]) is None


def test_errors_over_seeds_are_means_with_their_extremes():
    seeds = [(0, {"status": "ok", "clean": [1.0, 2.0], "noisy": [1.0, None]})]
    seeds += [(1, {"status": "ok", "clean": [3.0, 2.0], "noisy": [2.0, 1.0]}), (2, {"status": "diverged"})]
    found = summaries.running("gru", seeds)
    assert (found["clean"], found["clean_least"], found["clean_greatest"]) == ([2.0, 2.0], [1.0, 2.0], [3.0, 2.0])
    assert found["noisy"] == [1.5, None]
    assert (found["seeds"], found["diverged"]) == ([0, 1], [2])
